"""Places that change hands or dates, on the pages and in the mail."""

import re
from collections.abc import Callable
from datetime import timedelta

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts.models import User
from booking.catalogue.models import Session
from booking.places.changing import answering
from booking.places.events import BookingEvent
from booking.places.models import Booking
from booking.site.wording import short_day
from tests.factories import make_coordinator, make_course, make_person, make_policy, session_ahead
from tests.pages import said
from tests.people import book_now, signed_in
from tests.places.agency.conftest import Police
from tests.places.agency.pages import calendar_method, mails_to, plain

pytestmark = pytest.mark.django_db


def substitute(client: Client, booking: Booking, step: str, **fields: object):  # type: ignore[no-untyped-def]
    """Send the form of the page on which a place is given to a colleague."""
    address = reverse("substitute_booking", args=[booking.pk])
    return client.post(address, {"step": step, **fields})


def move(client: Client, booking: Booking, to: Session):  # type: ignore[no-untyped-def]
    """Press the button on the page that moves a place."""
    return client.post(reverse("move_booking", args=[booking.pk]), {"to": to.pk})


def charged(session: Session) -> Session:
    """The session with a policy: twenty working days of notice, £35 after that."""
    session.policy = make_policy(notice_days=20, late=3500)
    session.save(update_fields=["policy"])
    return session


# ---------------------------------------------------------------- to a colleague


def test_the_page_says_what_happens_before_anything_does(police: Police) -> None:
    booking = book_now(charged(session_ahead()), police.zoe)
    page = substitute(
        signed_in(police.zoe), booking, "check", email="Amy@police.example"
    ).content.decode()
    assert "Give your place to amy@police.example?" in page
    assert "They get the place at once" in page
    assert "An email takes it out of your calendar." in page
    assert "Nothing is charged." in page
    booking.refresh_from_db()
    assert booking.state == Booking.State.CONFIRMED
    assert Booking.objects.count() == 1


def test_a_lead_chooses_only_from_their_own_agency(police: Police) -> None:
    """The place of somebody who has changed agency still counts as that of the one before."""
    booking = book_now(session_ahead(), police.zoe)
    address = reverse("substitute_booking", args=[booking.pk])
    assert "Amy Brown" in signed_in(police.lead).get(address).content.decode()
    police.zoe.agency = police.other.agency
    police.zoe.save(update_fields=["agency"])
    page = signed_in(police.other_lead).get(address)
    assert page.status_code == 200
    assert "Amy Brown" not in page.content.decode()


def test_a_place_goes_to_the_colleague_and_calendars_follow(police: Police) -> None:
    booking = book_now(charged(session_ahead(capacity=1)), police.zoe)
    waiting = book_now(booking.session, police.other)
    client = signed_in(police.zoe)
    answer = substitute(client, booking, "give", email="amy@police.example")
    assert answer.headers["Location"] == booking.get_absolute_url()
    shown = client.get(booking.get_absolute_url()).content.decode()
    assert "The place is given to amy@police.example." in shown
    assert "Amy Brown" not in shown
    booking.refresh_from_db()
    waiting.refresh_from_db()
    assert (booking.state, booking.charge_pence) == (Booking.State.CANCELLED, 0)
    assert Booking.objects.get(person=police.amy).state == Booking.State.CONFIRMED
    assert waiting.state == Booking.State.WAITING, "the place was never free"
    gone, came = mails_to(police.zoe.email)[-1], mails_to(police.amy.email)[-1]
    assert (calendar_method(gone), calendar_method(came)) == ("CANCEL", "REQUEST")
    assert "You have given your place" in plain(gone)
    assert "Amy Brown" not in plain(gone)
    asked = "Your colleague Zoë Robinson (zoe@police.example) asked us to give you their place."
    assert asked in plain(came)
    assert "If you do not want it, open the booking and cancel it" in plain(came)
    assert "Zoë" not in came["Subject"]


def test_a_lead_chooses_the_colleague_and_both_are_told_by_whom(police: Police) -> None:
    booking = book_now(session_ahead(), police.zoe)
    client = signed_in(police.lead)
    page = client.get(reverse("substitute_booking", args=[booking.pk])).content.decode()
    assert "Amy Brown" in page
    assert police.other.full_name not in page
    answer = substitute(client, booking, "give", colleague=police.amy.pk)
    taken = Booking.objects.get(person=police.amy)
    assert answer.headers["Location"] == reverse("agency_booking", args=[taken.pk])
    assert f"We are emailing {police.zoe} and {police.amy}." in said(answer)
    gone, came = mails_to(police.zoe.email)[-1], mails_to(police.amy.email)[-1]
    assert "Priya Shah of your agency has given your place" in plain(gone)
    assert "asked us to give you the place of Zoë Robinson (zoe@police.example)." in plain(came)


def test_only_those_without_a_place_are_offered_each_with_their_address(police: Police) -> None:
    booking = book_now(session_ahead(), police.zoe)
    book_now(booking.session, police.lead)
    namesake = make_person(first_name="Amy", last_name="Brown", agency=police.agency)
    client = signed_in(police.lead)
    address = reverse("substitute_booking", args=[booking.pk])
    colleague = client.get(address).context["form"].fields["colleague"]
    offered = [words for _, words in colleague.widget.choices]
    people = {f"Amy Brown ({each.email})" for each in (police.amy, namesake)}
    assert (offered[0], set(offered[1:])) == ("Somebody else", people)
    refused = substitute(client, booking, "give", colleague=police.lead.pk)
    assert "place on this session" in refused.context["refusal"].about_another
    assert substitute(client, booking, "give", colleague=police.zoe.pk).status_code == 422


def test_practitioners_are_shown_no_list_of_colleagues(police: Police) -> None:
    booking = book_now(session_ahead(), police.zoe)
    address = reverse("substitute_booking", args=[booking.pk])
    assert "Amy Brown" not in signed_in(police.zoe).get(address).content.decode()


def test_a_new_colleague_at_the_agencys_domain_is_invited(police: Police) -> None:
    booking = book_now(session_ahead(), police.zoe)
    answer = substitute(
        signed_in(police.zoe), booking, "give", email="new@police.example", first_name="Ngọc"
    )
    assert answer.status_code == 302
    person = User.objects.get(email="new@police.example")
    assert (person.agency, person.first_name) == (police.agency, "Ngọc")
    assert [calendar_method(mail) for mail in mails_to(person.email)] == ["REQUEST", ""]


@pytest.mark.parametrize(
    ("address", "sentence"),
    [
        ("nurse@hospital.example", "not known as one of West Yorkshire Police"),
        ("new@elsewhere.example", "not known as one of West Yorkshire Police"),
        ("zoe@police.example", "The person you named has this place already"),
        ("office@police.example", "several people read"),
    ],
)
@pytest.mark.parametrize("step", ["check", "give"])
def test_refusals_are_shown_with_their_sentence_and_nothing_changes(
    police: Police, address: str, sentence: str, step: str
) -> None:
    booking = book_now(session_ahead(), police.zoe)
    answer = substitute(signed_in(police.zoe), booking, step, email=address)
    assert answer.status_code == 409
    assert sentence in answer.content.decode()
    assert address in answer.content.decode(), "nothing typed is lost"
    booking.refresh_from_db()
    assert booking.state == Booking.State.CONFIRMED
    assert not User.objects.filter(email="new@elsewhere.example").exists()


@pytest.fixture
def told(police: Police) -> Callable[[str, str], tuple[int, str]]:
    """What a practitioner is answered who names this address, which stands in it as "THEM"."""
    booking = book_now(session_ahead(), police.zoe)
    busy = make_person("busy@police.example", agency=police.agency)
    book_now(session_ahead(), busy)
    make_person("closed@police.example", agency=police.agency, is_active=False)
    make_person("moved@police.example", agency=police.other.agency)
    make_person("private@gmail.example", agency=police.agency)
    client = signed_in(police.zoe)

    def name(address: str, step: str) -> tuple[int, str]:
        answer = substitute(client, booking, step, email=address)
        token = r'name="csrfmiddlewaretoken" value="[^"]+"'
        return answer.status_code, re.sub(token, "", answer.text.replace(address, "THEM"))

    return name


def test_what_comes_first_says_the_same_of_every_address(
    told: Callable[[str, str], tuple[int, str]],
) -> None:
    status, page = told("nobody@police.example", "check")
    assert status == 200
    assert "you keep the place, and we tell you so" in page
    for name in ("amy", "busy", "closed", "moved"):
        assert told(f"{name}@police.example", "check") == (status, page)


@pytest.mark.parametrize("step", ["check", "give"])
def test_a_private_address_is_refused_whoever_has_it(
    told: Callable[[str, str], tuple[int, str]], step: str
) -> None:
    status, page = told("nobody@gmail.example", step)
    assert status == 409
    assert told("private@gmail.example", step) == (status, page)


def test_why_somebody_cannot_take_it_is_not_told(
    told: Callable[[str, str], tuple[int, str]],
) -> None:
    status, page = told("busy@police.example", "give")
    assert status == 409
    assert "THEM cannot take this place." in page
    for name in ("closed", "moved"):
        assert told(f"{name}@police.example", "give") == (status, page)


def test_a_lead_gives_a_place_to_a_colleague_with_a_private_address(police: Police) -> None:
    booking = book_now(session_ahead(), police.zoe)
    make_person("private@gmail.example", agency=police.agency)
    answer = substitute(signed_in(police.lead), booking, "check", email="private@gmail.example")
    assert answer.status_code == 200
    assert "and we tell you so" not in answer.text


def test_a_practitioner_is_no_manager_who_agrees_for_a_colleague(police: Police) -> None:
    session = session_ahead(course=make_course(needs_manager_approval=True))
    User.objects.filter(pk=police.zoe.pk).update(manager_email="boss@police.example")
    booking = book_now(session, police.zoe)
    answering.approve(approval=booking.approval, now=timezone.now())
    client = signed_in(police.zoe)
    answer = substitute(client, booking, "give", email="amy@police.example")
    assert "Give their line manager’s work email address." in answer.content.decode()
    answer = substitute(
        client, booking, "give", email="amy@police.example", manager_email=police.zoe.email
    )
    assert "own line manager, not yours" in answer.content.decode()
    page = substitute(
        client, booking, "check", email="amy@police.example", manager_email="boss@police.example"
    ).content.decode()
    assert "Their line manager, boss@police.example, must agree first." in page
    substitute(
        client, booking, "give", email="amy@police.example", manager_email="boss@police.example"
    )
    assert Booking.objects.get(person=police.amy).state == Booking.State.REQUESTED


def test_nothing_can_be_given_once_the_session_has_started(police: Police) -> None:
    booking = book_now(session_ahead(), police.zoe)
    began = timezone.now() - timedelta(minutes=5)
    Session.objects.update(starts_at=began, ends_at=began + timedelta(hours=3))
    answer = substitute(signed_in(police.zoe), booking, "give", email="amy@police.example")
    assert answer.status_code == 409
    assert "This session started at" in answer.content.decode()


# ---------------------------------------------------------------- to another date


def dates(police: Police, **other: object) -> tuple[Booking, Session]:
    """Zoë's place on one date, and another date of the course."""
    course = make_course(title="Neglect")
    booking = book_now(session_ahead(course=course), police.zoe)
    return booking, session_ahead(35, course=course, **other)


def test_a_place_is_moved_in_one_step_with_both_calendar_entries(police: Police) -> None:
    booking, other = dates(police)
    answer = move(signed_in(police.zoe), booking, other)
    taken = Booking.objects.get(session=other)
    assert answer.headers["Location"] == taken.get_absolute_url()
    booking.refresh_from_db()
    assert (booking.state, taken.state) == (Booking.State.CANCELLED, Booking.State.CONFIRMED)
    gone, came = mails_to(police.zoe.email)[-2:]
    assert (calendar_method(gone), calendar_method(came)) == ("CANCEL", "REQUEST")
    assert f"to {short_day(other.starts_at)}." in plain(gone)
    was = short_day(booking.session.starts_at)
    assert f"You have moved your place on {was} to this date." in plain(came)


def test_a_lead_moves_a_colleague_who_is_told_by_whom(police: Police) -> None:
    booking, other = dates(police)
    move(signed_in(police.lead), booking, other)
    gone, came = mails_to(police.zoe.email)[-2:]
    assert "Priya Shah of your agency has moved your place" in plain(gone)
    assert "Priya Shah of your agency has moved your place" in plain(came)
    moved = BookingEvent.objects.get(what=BookingEvent.What.MOVED_AWAY)
    assert moved.by == police.lead


def test_the_page_says_for_each_date_whether_and_why_not(police: Police) -> None:
    booking, free = dates(police)
    course = booking.session.course
    full = session_ahead(42, course=course, capacity=1)
    book_now(full, police.other)
    not_open = session_ahead(49, course=course, booking_opens_at=timezone.now() + timedelta(days=1))
    elsewhere = session_ahead(63)
    book_now(elsewhere, police.zoe)
    busy = session_ahead(63, course=course)
    page = signed_in(police.zoe).get(reverse("move_booking", args=[booking.pk])).content.decode()
    assert f'value="{free.pk}"' in page
    assert "20 places left" in page
    for session, sentence in (
        (full, "All places are taken."),
        (not_open, "Booking opens at"),
        (busy, "overlaps with one you have booked"),
    ):
        assert f'value="{session.pk}"' not in page
        assert sentence in page


def test_the_same_hour_of_the_place_that_is_moved_is_no_clash(police: Police) -> None:
    booking, _ = dates(police)
    beside = session_ahead(course=booking.session.course)
    move(signed_in(police.zoe), booking, beside)
    assert Booking.objects.get(session=beside).state == Booking.State.CONFIRMED


def test_a_full_date_keeps_the_first_place(police: Police) -> None:
    booking, full = dates(police, capacity=1)
    book_now(full, police.other)
    answer = move(signed_in(police.zoe), booking, full)
    page = answer.content.decode()
    assert answer.status_code == 409
    assert "All places are taken." in page
    assert "You still have your place on" in page
    booking.refresh_from_db()
    assert booking.state == Booking.State.CONFIRMED
    assert not Booking.objects.filter(session=full, person=police.zoe).exists()


def test_moving_late_is_charged_as_the_page_says(police: Police) -> None:
    course = make_course()
    booking = book_now(charged(session_ahead(7, course=course)), police.zoe)
    other = session_ahead(35, course=course)
    client = signed_in(police.zoe)
    page = client.get(reverse("move_booking", args=[booking.pk])).content.decode()
    assert "£35 is charged, as for cancelling" in page
    move(client, booking, other)
    booking.refresh_from_db()
    assert booking.charge_pence == 3500
    assert "£35 is charged" in plain(mails_to(police.zoe.email)[-2])


def test_only_another_date_of_the_course_can_be_chosen(police: Police) -> None:
    booking, _ = dates(police)
    answer = move(signed_in(police.zoe), booking, session_ahead(50))
    assert answer.status_code == 422
    assert "Choose one of the dates." in answer.content.decode()


def test_what_became_of_a_place_is_called_the_same_everywhere(police: Police) -> None:
    moved, other = dates(police)
    move(signed_in(police.zoe), moved, other)
    given = book_now(session_ahead(), police.zoe)
    substitute(signed_in(police.lead), given, "give", colleague=police.amy.pk)
    coordinator, lead = signed_in(make_coordinator()), signed_in(police.lead)
    person = reverse("manage_person", args=[police.zoe.pk])
    for booking, words in ((moved, "Moved to another date"), (given, "Given to a colleague")):
        ended = reverse("manage_session_people", args=[booking.session_id]) + "?show=ended"
        for page in (ended, person, booking.get_absolute_url()):
            assert words in coordinator.get(page).text, page
        title = f"<title>Zoë Robinson: {words}: "
        assert title in coordinator.get(booking.get_absolute_url()).text
        theirs = reverse("agency_booking", args=[booking.pk])
        for page in (theirs, reverse("agency") + "?show=cancelled"):
            assert words in lead.get(page).text, page
        assert ">Cancelled</strong>" not in coordinator.get(ended).text
