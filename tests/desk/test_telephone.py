"""A coordinator on the telephone: books past rules, cancels, has it undone, writes on paper."""

from datetime import timedelta

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts.addresses import no_address
from accounts.models import Sector, User
from booking.catalogue.models import Session
from booking.mail.composing import compose
from booking.outbox.models import Message
from booking.outbox.reading import letter_of
from booking.places import links
from booking.places.events import BookingEvent
from booking.places.models import Booking
from booking.scheduling.capacity import Reservation
from tests.desk.coordinators import with_people
from tests.factories import make_agency, make_course, make_person, make_policy, session_ahead
from tests.pages import said, sent_on
from tests.people import book_now, give_up, signed_in
from tests.places.booked import set_limits

pytestmark = pytest.mark.django_db

State = Booking.State


def as_written(message: Message) -> bytes:
    """The mail as it would be sent now."""
    written = compose([message])[message.pk]
    assert isinstance(written, bytes)
    return written


def add_page(session: Session) -> str:
    """Where a person is added to a session."""
    return reverse("manage_session_add", args=[session.pk])


def pressed(coordinator: Client, session: Session, person: User, **typed: str) -> Booking | None:
    """What comes of the form for this person, as the page shows it, with what is typed in."""
    page = coordinator.get(add_page(session), {"person": person.pk}).content.decode()
    form = sent_on(page)
    answer = coordinator.post(
        add_page(session), {"person": person.pk, "seen": form["seen"], **typed}
    )
    assert answer.status_code in (302, 200, 409, 422), answer.status_code
    return Booking.objects.for_session(session).filter(person=person).order_by("pk").last()


def test_somebody_known_is_found_by_a_few_letters_and_booked_by_one_press(
    coordinator: Client,
) -> None:
    session = session_ahead()
    person = make_person(first_name="Zofia", last_name="Nowak", phone="0113 496 0000")
    make_person(first_name="Zora", last_name="Nowak")
    assert "at least two" in coordinator.get(add_page(session), {"q": "Z"}).content.decode()
    page = coordinator.get(add_page(session), {"q": "nowak"}).content.decode()
    assert "0113 496 0000" in page
    assert page.count(">Book<") == 2
    answer = coordinator.post(add_page(session), {"person": person.pk})
    booking = Booking.objects.get(person=person)
    assert answer.headers["Location"] == booking.get_absolute_url()
    assert said(answer) == "Zofia Nowak has a place."
    told = booking.messages.get(topic="booking.confirmed")
    assert booking.booked_by.is_coordinator
    assert b"Booked for you by" in as_written(told)


def test_every_rule_in_the_way_is_named_at_once_and_each_is_passed_for_its_own_reason(
    coordinator: Client,
) -> None:
    course = make_course(sectors=[Sector.POLICE], least_level=3)
    session = session_ahead(
        course=course, capacity=1, booking_closes_at=timezone.now() - timedelta(hours=1)
    )
    person = make_person(agency=make_agency(sector=Sector.HEALTH))
    page = coordinator.get(add_page(session), {"person": person.pk}).content.decode()
    for words in ("Booking closed at", "people who work in: Police", "at least this of their work"):
        assert words in page
    assert not pressed(coordinator, session, person, past_sector="A", past_booking_closed="B")
    seen = {"person": person.pk, "seen": sent_on(page)["seen"], "past_sector": "A"}
    refused = coordinator.post(add_page(session), seen)
    assert refused.status_code == 422
    asked = refused.context["form"].errors
    assert list(asked) == ["past_booking_closed", "past_level_of_work"]
    assert "Enter the reason to book all the same: Booking closed" in str(asked)
    booking = pressed(
        coordinator,
        session,
        person,
        past_sector="Joint work",
        past_booking_closed="Rang in time",
        past_level_of_work="New role",
    )
    assert booking is not None
    assert booking.state == State.CONFIRMED
    events = booking.events.filter(what=BookingEvent.What.OVERRIDDEN)
    assert [event.rule for event in events] == ["booking closed", "sector", "level of work"]
    theirs = signed_in(person).get(booking.get_absolute_url()).content.decode()
    assert "The reason given: Joint work" in theirs


def test_the_manager_is_named_or_there_is_a_reason_to_ask_none(coordinator: Client) -> None:
    session = session_ahead(course=make_course(needs_manager_approval=True))
    person = make_person(manager_email="")
    typed = {"person": person.pk, "seen": "manager's approval"}
    refused = coordinator.post(add_page(session), typed)
    assert refused.status_code == 422
    [wrong] = refused.context["form"].errors["manager_email"]
    assert "This course needs their line manager's agreement." in wrong
    coordinator.post(add_page(session), {**typed, "past_managers_approval": "Away"})
    assert Booking.objects.get(person=person).state == State.CONFIRMED


def test_beyond_the_most_for_one_agency_they_wait_without_a_reason(coordinator: Client) -> None:
    session, agency = session_ahead(agency_limit=1), make_agency()
    first, second = make_person(agency=agency), make_person(agency=agency)
    book_now(session, first)
    page = coordinator.get(add_page(session), {"person": second.pk}).content.decode()
    assert "Without a reason, they join the waiting list as number 1." in page
    booking = pressed(coordinator, session, second)
    assert booking is not None
    assert booking.state == State.WAITING


def test_one_over_capacity_is_one_press_and_nobody_who_waits_is_passed(coordinator: Client) -> None:
    session = with_people(booked=1, waiting=1)
    person = make_person(first_name="Zofia")
    page = coordinator.get(add_page(session), {"q": "zofia"}).content.decode()
    assert "All places are taken." in page
    assert "join the waiting list as number 2" in page
    booking = pressed(coordinator, session, person, past_capacity="A court case")
    assert booking is not None
    session.refresh_from_db()
    assert (booking.state, session.capacity, session.places_taken) == (State.CONFIRMED, 2, 2)
    assert session.waiting_count == 1


def test_without_a_reason_they_wait_and_what_was_not_seen_is_shown_first(
    coordinator: Client,
) -> None:
    session = with_people(booked=1)
    Session.objects.filter(pk=session.pk).update(capacity=1)
    person = make_person()
    answer = coordinator.post(add_page(session), {"person": person.pk})
    assert "All places are taken." in answer.content.decode()
    assert not Booking.objects.filter(person=person)
    answer = coordinator.post(add_page(session), {"person": person.pk, "seen": ""})
    assert "Something has changed meanwhile" in answer.content.decode()
    booking = pressed(coordinator, session, person)
    assert booking is not None
    assert booking.state == State.WAITING


def test_a_clash_and_a_second_booking_cannot_be_passed(coordinator: Client) -> None:
    person = make_person()
    mine = book_now(session_ahead(), person)
    page = coordinator.get(add_page(session_ahead()), {"person": person.pk}).content.decode()
    assert "They have a place on another session at that time. Nobody can be let past" in page
    again = coordinator.get(add_page(mine.session), {"person": person.pk}).content.decode()
    assert "They already have a place on this session." in again
    assert ">Book<" not in again


def test_from_a_person_every_session_ahead_has_its_button(coordinator: Client) -> None:
    person, session = make_person(), session_ahead(course=make_course(title="Neglect"))
    taken = book_now(session_ahead(30), person)
    page = coordinator.get(reverse("manage_person_book", args=[person.pk])).content.decode()
    assert add_page(session) in page
    assert reverse("booking", args=[taken.pk]) in page
    found = coordinator.get(reverse("manage_person_book", args=[person.pk]), {"q": "neglect"})
    assert found.content.decode().count('name="person"') == 1


def test_somebody_without_an_address_is_booked_and_their_letter_goes_out(
    coordinator: Client,
) -> None:
    session, agency = session_ahead(), make_agency("Leeds Rowing Club")
    new = {
        "first_name": "Ada",
        "last_name": "Ruth",
        "agency_name": agency.name,
        "phone": "0113 496 0001",
    }
    answer = coordinator.post(f"{add_page(session)}?new", {**new, "email": ""})
    person = User.objects.get(first_name="Ada")
    assert answer.headers["Location"] == f"{add_page(session)}?person={person.pk}"
    assert not person.has_address
    assert person.proved_agency == agency
    booking = pressed(coordinator, session, person)
    assert booking is not None
    assert booking.state == State.CONFIRMED
    letter = booking.messages.get()
    assert letter.state == Message.State.LETTER
    assert not Message.objects.claimable(now=timezone.now())
    listed = coordinator.get(reverse("manage_post")).content.decode()
    assert "Ada Ruth" in listed
    address = reverse("manage_post_letter", args=[letter.pk])
    page = coordinator.get(address).content.decode()
    assert "Your place on" in page
    assert "invalid" not in page
    assert said(coordinator.post(address)) == "The letter to Ada Ruth has gone out."
    letter.refresh_from_db()
    assert letter.state == Message.State.SENT
    assert "No letter has to go out." in coordinator.get(reverse("manage_post")).content.decode()
    assert coordinator.get(address).status_code == 404


def test_a_letter_on_paper_holds_the_join_link_and_the_pages_of_mail_do_not(
    coordinator: Client,
) -> None:
    session = session_ahead(delivery="online", venue=None, meeting="https://meet.example/x")
    booking = book_now(session, make_person(no_address()))
    letter = booking.messages.get()
    link = links.join_path(booking.join_key)
    assert link in coordinator.get(reverse("manage_post_letter", args=[letter.pk])).text
    letter.mime = as_written(letter)
    shown = letter_of(letter)
    assert shown is not None
    assert link not in shown.text
    assert "/join/[secret]" in shown.text


def test_who_has_an_account_is_not_written_down_twice(coordinator: Client) -> None:
    known, session = make_person(agency=make_agency("Leeds Rowing Club")), session_ahead()
    typed = {"first_name": "A", "last_name": "B", "email": known.email, "agency_name": "New Club"}
    answer = coordinator.post(f"{add_page(session)}?new", typed)
    assert answer.status_code == 422
    assert "has an account with this address already" in answer.content.decode()
    empty = coordinator.post(f"{add_page(session)}?new", {})
    assert "Enter the name of their agency." in empty.text
    like = coordinator.post(f"{add_page(session)}?new", {"agency_name": "Leeds", "find": "1"})
    assert "Which of these is their agency?" in like.text
    assert "Their agency is not listed." in like.text
    for each in (empty, like):
        assert "your agency" not in each.text


def test_a_late_charge_is_a_choice_with_a_reason(coordinator: Client) -> None:
    policy = make_policy(notice_days=20, late=3500)
    session = session_ahead(7, policy=policy)
    first, second = book_now(session), book_now(session)
    address = reverse("manage_booking_cancel", args=[first.pk])
    page = coordinator.get(address).content.decode()
    assert "£35, as the rules of cancelling say" in page
    answer = coordinator.post(address, {"charge": "none", "not_charged": ""})
    assert "Say why nothing is charged." in answer.content.decode()
    coordinator.post(address, {"charge": "none", "not_charged": "In hospital"})
    coordinator.post(reverse("manage_booking_cancel", args=[second.pk]), {"charge": "policy"})
    first.refresh_from_db()
    second.refresh_from_db()
    assert (first.charge_pence, second.charge_pence) == (0, 3500)
    assert [each.state for each in (first, second)] == [State.CANCELLED] * 2


def test_a_cancellation_is_undone_from_the_booking_while_the_place_is_free(
    coordinator: Client,
) -> None:
    booking = book_now(session_ahead(capacity=1))
    undo = reverse("manage_booking_undo", args=[booking.pk])
    answer = coordinator.post(reverse("manage_booking_cancel", args=[booking.pk]))
    assert undo in coordinator.get(answer.headers["Location"]).content.decode()
    assert "has the booking again" in said(coordinator.post(undo))
    booking.refresh_from_db()
    assert booking.state == State.CONFIRMED
    give_up(booking, now=timezone.now())
    book_now(booking.session)
    page = coordinator.get(booking.get_absolute_url()).content.decode()
    assert undo not in page
    assert "cannot be undone any more, because the place has gone to somebody else" in page
    assert "the place has gone" in said(coordinator.post(undo))


def test_a_cancellation_is_undone_beside_places_that_are_reserved(coordinator: Client) -> None:
    session = session_ahead(capacity=3)
    set_limits(session, Reservation(places=1, sector=Sector.PROBATION))
    booking = book_now(session)
    undo = reverse("manage_booking_undo", args=[booking.pk])
    give_up(booking, now=timezone.now())
    assert undo in coordinator.get(booking.get_absolute_url()).content.decode()
    coordinator.post(undo)
    booking.refresh_from_db()
    assert booking.state == State.CONFIRMED
    give_up(booking, now=timezone.now())
    set_limits(session, Reservation(places=3, sector=Sector.PROBATION))
    assert "reserved for Probation" in said(coordinator.post(undo))


def test_there_is_one_form_to_cancel_by(coordinator: Client) -> None:
    booking = book_now(session_ahead())
    answer = coordinator.get(reverse("cancel_booking", args=[booking.pk]))
    assert answer.headers["Location"] == reverse("manage_booking_cancel", args=[booking.pk])


def test_an_apology_is_noted_once_the_session_has_begun(coordinator: Client) -> None:
    booking = book_now(session_ahead(1))
    Session.objects.filter(pk=booking.session_id).update(starts_at=timezone.now())
    address = reverse("manage_booking_cancel", args=[booking.pk])
    assert "Note an apology" in coordinator.get(address).content.decode()
    coordinator.post(address, {"why": "Flat tyre"})
    page = coordinator.get(booking.get_absolute_url()).content.decode()
    assert "Sent apologies. Flat tyre" in page


def test_a_coordinator_reads_of_them_and_sees_how_to_ring_them(coordinator: Client) -> None:
    policy = make_policy(late=3500, free_for_trainers_in_kind=True)
    person = make_person(phone="0113 496 0002", agency=make_agency(trainers_in_kind=True))
    booking = book_now(session_ahead(policy=policy), person)
    page = coordinator.get(booking.get_absolute_url()).content.decode()
    assert "0113 496 0002" in page
    assert "No charge for their agency" in page
    assert "your agency" not in page
    assert "My own bookings" not in page


def test_a_cancelled_session_shows_no_free_places_and_warns_of_nothing(coordinator: Client) -> None:
    session = session_ahead()
    session_ahead(venue=session.venue)
    page = coordinator.get(reverse("manage_session", args=[session.pk])).content.decode()
    assert "is also used by" in page
    assert "<dt>free</dt>" in page
    Session.objects.filter(pk=session.pk).update(state=Session.State.CANCELLED)
    page = coordinator.get(reverse("manage_session", args=[session.pk])).content.decode()
    assert "is also used by" not in page
    assert "<dt>free</dt>" not in page


def test_a_coordinator_moves_a_place_late_for_nothing_only_with_a_reason(
    coordinator: Client,
) -> None:
    policy, course = make_policy(notice_days=20, late=3500), make_course()
    booking = book_now(session_ahead(7, course=course, policy=policy))
    later = session_ahead(30, course=course)
    address = reverse("move_booking", args=[booking.pk])
    assert "£35, as the rules of cancelling say" in coordinator.get(address).content.decode()
    waived = {"to": later.pk, "charge": "none", "not_charged": "We moved the trainer"}
    assert coordinator.post(address, waived).status_code == 302
    booking.refresh_from_db()
    assert booking.charge_pence == 0
    assert "We moved the trainer" in booking.events.get(what="moved away").why


def test_a_letter_asks_for_no_answer_by_email_and_promises_none(coordinator: Client) -> None:
    session = session_ahead(capacity=1)
    book_now(session)
    booking = book_now(session, make_person(no_address()))
    letter = booking.messages.get()
    page = coordinator.get(reverse("manage_post_letter", args=[letter.pk])).text
    assert "we will write to you" in page
    assert "this email" not in page
    shown = coordinator.get(booking.get_absolute_url()).text
    assert "We will write to them by post" in shown
    assert "We will email" not in shown
