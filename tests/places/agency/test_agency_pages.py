"""What an agency lead sees and does for colleagues, and who is kept out."""

import csv
import io
import re
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts.models import AccessRecord, User
from booking.outbox.models import Message
from booking.places.managers.models import Approval
from booking.places.models import Booking
from tests.factories import (
    make_agency,
    make_coordinator,
    make_course,
    make_person,
    make_trainer,
    session_ahead,
)
from tests.people import book_now, give_up, signed_in
from tests.places.agency.conftest import Police
from tests.places.agency.pages import calendar_method, mails_to, plain

pytestmark = pytest.mark.django_db

# Of the lead's colleague's booking, or of any session. Each: anonymous, practitioner, another
# agency's lead, its lead, the session's trainer, a coordinator; 302 leads to sign in.
ACCESS = {
    ("agency", ""): (302, 404, 200, 200, 404, 404),
    ("agency_booking", "booking"): (302, 404, 404, 200, 404, 404),
    ("agency_book", "session"): (302, 404, 200, 200, 404, 404),
    ("agency_book_many", "session"): (302, 404, 200, 200, 404, 404),
    ("substitute_booking", "booking"): (302, 404, 404, 200, 404, 200),
    ("move_booking", "booking"): (302, 404, 404, 200, 404, 200),
    ("cancel_booking", "booking"): (302, 404, 404, 200, 404, 302),
    ("booking", "booking"): (302, 404, 404, 404, 404, 200),
    ("booking_ics", "booking"): (302, 404, 404, 404, 404, 404),
}


@pytest.mark.parametrize("method", ["get", "post"])
@pytest.mark.parametrize(("page", "of"), ACCESS)
def test_who_may_open_what(police: Police, page: str, of: str, method: str) -> None:
    trainer = make_trainer(agency=police.agency)
    session = session_ahead(trainers=[trainer])
    booking = book_now(session, police.zoe)
    people = [
        None,
        make_person(agency=police.agency),
        police.other_lead,
        police.lead,
        trainer,
        make_coordinator(),
    ]
    keys = {"": [], "booking": [booking.pk], "session": [session.pk]}[of]
    address = reverse(page, args=keys)
    for person, expected in zip(people, ACCESS[page, of], strict=True):
        client = signed_in(person) if person else Client()
        status = getattr(client, method)(address).status_code
        if method == "get":
            assert status == expected, person
        elif expected in (302, 404) and person is not police.lead:
            assert status == expected or (status == 405), person
    if method == "get":
        booking.refresh_from_db()
        assert booking.state == Booking.State.CONFIRMED


def test_a_lead_without_an_agency_has_none_to_see() -> None:
    lead = make_person(is_agency_lead=True, agency=None, unlisted_agency="A charity")
    assert signed_in(lead).get(reverse("agency")).status_code == 404


def test_leads_are_asked_for_a_second_step_before_they_see_others(
    police: Police,
    settings: Any,
) -> None:
    settings.TWO_STEP_REQUIRED = True
    answer = signed_in(police.lead).get(reverse("agency"))
    assert answer.headers["Location"] == reverse("two_step_needed")


def test_the_list_shows_colleagues_by_session_and_nobody_else(police: Police) -> None:
    session = session_ahead(course=make_course(title="Neglect"))
    booking = book_now(session, police.zoe, needs="I use a wheelchair")
    book_now(session, police.other)
    client = signed_in(police.lead)
    page = client.get(reverse("agency")).content.decode()
    assert "Zoë Robinson" in page
    assert "Neglect" in page
    assert police.other.full_name not in page
    one = client.get(reverse("agency_booking", args=[booking.pk])).content.decode()
    assert "wheelchair" not in page + one, "what trainers are told is not a lead's business"
    for search, found in (
        ("robin", True),
        ("neglect zoë", True),
        ("zoe@police", True),
        ("qq", 0),
        ("yorkshire", 0),
    ):
        answer = client.get(reverse("agency"), {"q": search}).content.decode()
        assert ("Zoë Robinson" in answer) is bool(found), search


def test_the_list_is_paged_and_costs_the_same_however_long(
    police: Police,
    django_assert_max_num_queries: Any,
) -> None:
    session = session_ahead(capacity=100)
    for _ in range(55):
        book_now(session, make_person(agency=police.agency))
    client = signed_in(police.lead)
    with django_assert_max_num_queries(10):
        page = client.get(reverse("agency")).content.decode()
    assert "55 bookings" in page
    assert page.count('<th scope="row"') == 50
    second = client.get(reverse("agency"), {"page": 2}).content.decode()
    assert second.count('<th scope="row"') == 5


def book(police: Police, session_id: int, **fields: str):  # type: ignore[no-untyped-def]
    """The lead books a colleague on the page."""
    return signed_in(police.lead).post(reverse("agency_book", args=[session_id]), fields)


def test_a_colleague_is_booked_and_told_by_whom(police: Police) -> None:
    session = session_ahead()
    answer = book(police, session.pk, email="Zoe@Police.example")
    booking = Booking.objects.get(person=police.zoe)
    assert answer.headers["Location"] == reverse("agency_booking", args=[booking.pk])
    assert (booking.state, booking.booked_by) == (Booking.State.CONFIRMED, police.lead)
    [mail] = mails_to(police.zoe.email)
    assert "Booked for you by Priya Shah." in plain(mail)
    assert calendar_method(mail) == "REQUEST"
    page = signed_in(police.zoe).get(booking.get_absolute_url()).content.decode()
    assert "Booked for you by" in page
    assert "<dd>Priya Shah</dd>" in page
    assert "by Priya Shah" in page.split("What has happened to this booking")[1]


def test_a_new_colleague_gets_an_account_and_is_told_how_to_sign_in(police: Police) -> None:
    session = session_ahead()
    book(police, session.pk, email="new@police.example", first_name="Ngọc", last_name="Ahmed")
    person = User.objects.get(email="new@police.example")
    assert (person.agency, person.full_name) == (police.agency, "Ngọc Ahmed")
    assert not person.has_usable_password()
    assert Booking.objects.get(person=person).booked_by == police.lead
    confirmed, invited = mails_to(person.email)
    assert "is booked" in plain(confirmed)
    assert invited["Subject"].startswith("A place was asked for you: Course")
    assert "Your colleague Priya Shah" in plain(invited)
    assert "made you an account" in plain(invited)
    assert "West Yorkshire Police" in plain(invited)
    # Whoever signs in with that address is that person.
    page = signed_in(person).get(reverse("my_bookings"))
    assert page.headers["Location"].startswith(reverse("account_profile"))


def test_a_refused_booking_leaves_no_account_behind(police: Police) -> None:
    session = session_ahead(course=make_course(sectors=["health"]))
    answer = book(police, session.pk, email="new@police.example", first_name="New")
    page = answer.content.decode()
    assert answer.status_code == 409
    assert "only for people who work in: Health" in page
    assert "new@police.example" in page, "nothing typed is lost"
    assert not User.objects.filter(email="new@police.example").exists()
    assert not Message.objects.exists()


@pytest.mark.parametrize(
    "address", ["nurse@hospital.example", "nobody@hospital.example", "somebody@elsewhere.example"]
)
def test_other_agencies_people_are_refused_without_saying_whether_they_exist(
    police: Police, address: str
) -> None:
    answer = book(police, session_ahead().pk, email=address)
    assert answer.status_code == 409
    sentence = "This address is not known as one of West Yorkshire Police."
    assert sentence in answer.content.decode()
    assert police.other.full_name not in answer.content.decode()
    assert not Booking.objects.exists()


def test_an_address_at_the_agencys_domain_that_is_another_agencys_stays_theirs(
    police: Police,
) -> None:
    mover = make_person("mover@police.example", agency=police.other.agency)
    assert book(police, session_ahead().pk, email=mover.email).status_code == 409
    mover.refresh_from_db()
    assert mover.agency == police.other.agency


def test_somebody_who_only_began_an_account_is_taken_in(police: Police) -> None:
    begun = User.objects.create_user("begun@police.example")
    book(police, session_ahead().pk, email=begun.email, first_name="Bea", last_name="Gunn")
    begun.refresh_from_db()
    assert (begun.agency, begun.full_name) == (police.agency, "Bea Gunn")
    assert Booking.objects.get().person == begun


def test_shared_mailboxes_are_refused(police: Police) -> None:
    answer = book(police, session_ahead().pk, email="office@police.example")
    assert "several people read" in answer.content.decode()


def test_a_lead_who_is_the_manager_has_agreed(police: Police) -> None:
    session = session_ahead(course=make_course(needs_manager_approval=True))
    book(police, session.pk, email="new@police.example")
    booking = Booking.objects.get()
    assert booking.state == Booking.State.CONFIRMED
    assert booking.approval.manager_email == police.lead.email
    assert booking.approval.state == Approval.State.APPROVED


def test_a_colleague_with_another_manager_needs_that_managers_agreement(police: Police) -> None:
    User.objects.filter(pk=police.zoe.pk).update(manager_email="boss@police.example")
    session = session_ahead(course=make_course(needs_manager_approval=True))
    book(police, session.pk, email=police.zoe.email)
    booking = Booking.objects.get()
    assert booking.state == Booking.State.REQUESTED
    assert booking.approval.manager_email == "boss@police.example"


def test_booking_a_colleague_twice_leads_to_the_booking(police: Police) -> None:
    session = session_ahead()
    booking = book_now(session, police.zoe)
    answer = book(police, session.pk, email=police.zoe.email)
    assert answer.headers["Location"] == reverse("agency_booking", args=[booking.pk])
    assert Booking.objects.count() == 1


def test_a_lead_cancels_for_a_colleague_who_is_told_by_whom(police: Police) -> None:
    booking = book_now(session_ahead(course=make_course(title="Neglect")), police.zoe)
    client = signed_in(police.lead)
    answer = client.post(reverse("cancel_booking", args=[booking.pk]), {"why": "On leave"})
    assert answer.headers["Location"] == reverse("agency_booking", args=[booking.pk])
    booking.refresh_from_db()
    assert booking.state == Booking.State.CANCELLED
    mail = mails_to(police.zoe.email)[-1]
    assert "Priya Shah of your agency has cancelled your place on Neglect." in plain(mail)
    assert "On leave" in plain(mail)
    assert calendar_method(mail) == "CANCEL"


def test_a_lead_takes_a_colleague_off_the_waiting_list(police: Police) -> None:
    session = session_ahead(capacity=1)
    book_now(session, police.other)
    booking = book_now(session, police.zoe)
    signed_in(police.lead).post(reverse("cancel_booking", args=[booking.pk]))
    assert "Priya Shah of your agency has done this for you" in plain(
        mails_to(police.zoe.email)[-1]
    )


def been(person: User) -> Booking:
    """Somebody's place on a session that was over yesterday."""
    booking = book_now(session_ahead(2), person)
    over = timezone.now() - timedelta(days=1)
    sessions = type(booking.session).objects.filter(pk=booking.session_id)
    sessions.update(starts_at=over - timedelta(hours=3), ends_at=over)
    return booking


def test_what_is_over_stands_on_a_list_of_its_own_and_has_no_page(police: Police) -> None:
    booking = been(police.zoe)
    client = signed_in(police.lead)
    assert "Zoë" not in client.get(reverse("agency")).content.decode()
    assert "Zoë" in client.get(reverse("agency"), {"show": "past"}).content.decode()
    assert client.get(reverse("agency_booking", args=[booking.pk])).status_code == 404


def test_nobody_brings_along_what_they_did_elsewhere(police: Police) -> None:
    been(police.other)
    police.other.agency = police.agency
    police.other.save()
    page = signed_in(police.lead).get(reverse("agency"), {"show": "past"})
    assert list(page.context["page_obj"]) == []
    been(police.amy)
    User.objects.filter(pk=police.amy.pk).update(agency=police.other.agency)
    User.objects.filter(pk=police.amy.pk).update(agency=make_agency())
    page = signed_in(police.lead).get(reverse("agency"), {"show": "past"})
    assert list(page.context["page_obj"]) == []


def test_who_only_says_that_they_work_here_is_in_no_list_of_the_leads(police: Police) -> None:
    booking, _ = book_now(session_ahead(), police.zoe), been(police.zoe)
    User.objects.filter(pk=police.zoe.pk).update(agency_confirmed_at=None)
    client = signed_in(police.lead)
    for show in ("ahead", "past"):
        page = client.get(reverse("agency"), {"show": show})
        assert list(page.context["page_obj"]) == [], show
    for name in ("agency_booking", "cancel_booking", "substitute_booking", "move_booking"):
        assert client.get(reverse(name, args=[booking.pk])).status_code == 404, name


def test_the_table_is_sorted_and_filtered_as_the_lead_wants(police: Police) -> None:
    first, second = session_ahead(5), session_ahead(9)
    early, late = book_now(first, police.zoe), book_now(second, police.amy)
    again = book_now(second, police.zoe)
    client, address = signed_in(police.lead), reverse("agency")

    def shown(**asked: str) -> list[Booking]:
        return list(client.get(address, asked).context["page_obj"])

    assert shown() == [early, late, again]
    assert shown(by="person") == [late, early, again]
    assert shown(by="person", q="robinson") == [early, again]
    assert shown(show="open") == []
    give_up(again, now=timezone.now())
    assert shown(show="cancelled") == [again]
    assert shown(show="nonsense", by="nonsense") == [early, late]


def test_each_link_of_the_table_has_a_name_of_its_own(police: Police) -> None:
    course = make_course(title="Neglect", may_be_repeated=True)
    for session in (session_ahead(5, course=course), session_ahead(6, course=course)):
        for person in (police.zoe, police.amy):
            book_now(session, person)
    page = signed_in(police.lead).get(reverse("agency")).content.decode()
    table = page[page.index("<table") : page.index("</table>")]
    links = [re.sub(r"<[^>]+>", "", link) for link in re.findall(r"<a .*?</a>", table)]
    assert len(links) == 8
    assert len(set(links)) == 8


def test_the_table_is_downloaded_with_the_same_filters(police: Police) -> None:
    session = session_ahead(5)
    book_now(session, police.zoe)
    book_now(session, police.amy)
    book_now(session, police.other)
    address = reverse("agency_csv")
    content = signed_in(police.lead).get(address, {"q": "zoë"}).content.decode("utf-8-sig")
    [row] = csv.DictReader(io.StringIO(content, newline=""))
    assert (row["Last name"], row["Email"], row["Place"]) == (
        *("Robinson", "zoe@police.example", "Booked"),
    )
    assert row["Date"] == f"{session.starts_at:%Y-%m-%d %H:%M}"
    assert AccessRecord.objects.get(form="csv").rows == 1


def test_only_leads_are_shown_the_way_to_their_agency(police: Police) -> None:
    session = session_ahead()
    for person, shown in ((police.lead, True), (police.zoe, False)):
        page = signed_in(person).get(session.get_absolute_url()).content.decode()
        assert (reverse("agency") in page) is shown
        assert (reverse("agency_book", args=[session.pk]) in page) is shown
