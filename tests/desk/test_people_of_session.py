"""The people of a session on one list of the desk, and what they need."""

import csv
import io
import re

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts.models import AccessRecord, User
from booking.outbox.models import Message
from booking.places import history
from booking.places.events import BookingEvent
from booking.places.models import Booking
from tests.attendance.rooms import bookings_of, close_now, held_session
from tests.desk.coordinators import with_people
from tests.factories import make_course, make_person, session_ahead
from tests.pages import statements
from tests.people import book_now, give_up

pytestmark = pytest.mark.django_db


def test_each_state_has_its_filter_and_its_number(coordinator: Client) -> None:
    course = make_course(needs_manager_approval=True, may_be_repeated=True)
    session = session_ahead(course=course, capacity=1)
    held = book_now(session, manager_email="manager@agency.example")
    waiting = book_now(session, manager_email="manager@agency.example")
    left = give_up(book_now(session, manager_email="manager@agency.example"), now=timezone.now())
    address = reverse("manage_session_people", args=[session.pk])
    page = coordinator.get(address)
    assert {each.booking for each in page.context["rows"]} == {held, waiting}
    assert [number for _, _, number in page.context["filters"]] == [2, 0, 1, 0, 1, 1]
    for show, expected in [("held", held), ("waiting", waiting), ("ended", left)]:
        [row] = coordinator.get(address, {"show": show}).context["rows"]
        assert row.booking == expected
    html = page.content.decode()
    assert "Held: waits for the line manager" in html
    assert "Waiting, number 1" in html
    assert held.person.email in html
    looks = AccessRecord.objects.filter(what="people of a session", about_id=session.pk)
    assert [look.rows for look in looks.order_by("pk")] == [2, 1, 1, 1]


def test_the_list_says_what_came_of_each_place_once_the_register_is_closed(
    coordinator: Client,
) -> None:
    session = held_session(people=2)
    address = reverse("manage_session_people", args=[session.pk])
    assert "Absent" not in coordinator.get(address).text
    close_now(session, bookings_of(session)[0])
    places = [each.place for each in coordinator.get(address).context["rows"]]
    assert places == ["Attended", "Absent"]


def test_the_list_shows_the_last_mail_and_the_phone(coordinator: Client) -> None:
    session = session_ahead()
    booking = book_now(session, make_person(phone="0113 496 0000"))
    [mail] = Message.objects.filter(booking=booking)
    Message.objects.filter(pk=mail.pk).update(state="parked")
    page = coordinator.get(reverse("manage_session_people", args=[session.pk]))
    [row] = page.context["rows"]
    assert row.mail == mail
    html = page.content.decode()
    assert "Parked" in html
    assert 'href="tel:01134960000"' in html
    assert reverse("manage_booking_cancel", args=[booking.pk]) in html


def test_the_file_holds_addresses_and_keeps_phones_and_dates(coordinator: Client) -> None:
    session = session_ahead()
    book_now(session, make_person("zoe@agency.example", phone="01134960000"), needs="1/2")
    content = coordinator.get(reverse("manage_session_people_csv", args=[session.pk])).content
    [row] = csv.DictReader(io.StringIO(content.decode("utf-8-sig"), newline=""))
    assert (row["Email"], row["Phone"], row["Needs"]) == (
        "zoe@agency.example",
        "'01134960000",
        "'1/2",
    )
    assert row["Booked"] == f"{timezone.localdate():%Y-%m-%d}"
    assert AccessRecord.objects.get(about_id=session.pk, form="csv").rows == 1


def test_the_list_costs_the_same_however_many_people(coordinator: Client) -> None:
    session = with_people(booked=1, capacity=30)
    address = reverse("manage_session_people", args=[session.pk])
    few = statements(coordinator, address)
    for _ in range(8):
        book_now(session)
    assert statements(coordinator, address) == few


def test_one_change_is_one_line_however_many_heard_of_it(coordinator: Client) -> None:
    session = with_people(booked=28)
    people = {booking.person.full_name for booking in session.bookings.select_related("person")}
    now = timezone.now()
    history.record(
        list(session.bookings.all()),
        BookingEvent.What.SESSION_CHANGED,
        by=None,
        now=now,
        why="Another room",
    )
    address = reverse("manage_session", args=[session.pk])
    lately = coordinator.get(address).context["lately"]
    assert lately[0].words == "The session changed: 28 people were told"
    assert {event.booking.person.full_name for event in lately[0].events} == people
    html = coordinator.get(address).content.decode()
    assert html.count("The session changed") == 2
    assert len(lately) == 20


def test_a_session_has_few_tabs(coordinator: Client) -> None:
    session = with_people(booked=1)
    html = coordinator.get(reverse("manage_session", args=[session.pk])).content.decode()
    nav = html[html.index('aria-label="This session"') :].split("</nav>")[0]
    assert nav.count("<li>") <= 6
    assert 'aria-label="What to change"' not in html
    html = coordinator.get(reverse("manage_session_capacity", args=[session.pk])).content.decode()
    nav = html[html.index('aria-label="What to change"') :].split("</nav>")[0]
    assert nav.count("<li>") >= 5


def test_needs_are_arranged_and_taken_back(coordinator: Client) -> None:
    session = session_ahead(5)
    booking = book_now(session, needs="A hearing loop")
    for words in ("None", " n/a. ", "", "N.A.", "-", "No!"):
        book_now(session, needs=words)
    book_now(session_ahead(6, capacity=1), needs="Vegan")
    address = reverse("manage_needs")
    page = coordinator.get(address)
    assert [each.needs for each in page.context["page_obj"]] == ["A hearing loop", "Vegan"]
    assert page.context["number_open"] == 2
    act = reverse("manage_needs_arranged", args=[booking.pk])
    assert coordinator.post(act).status_code == 302
    booking.refresh_from_db()
    first = booking.needs_arranged_at
    by = User.objects.get(is_coordinator=True)
    assert (first is not None, booking.needs_arranged_by) == (True, by)
    coordinator.post(act)
    booking.refresh_from_db()
    assert booking.needs_arranged_at == first
    assert [each.needs for each in coordinator.get(address).context["page_obj"]] == ["Vegan"]
    arranged = coordinator.get(address, {"show": "arranged"})
    assert f"by {by}" in arranged.content.decode()
    coordinator.post(act, {"undo": "1"})
    booking.refresh_from_db()
    assert (booking.needs_arranged_at, booking.needs_arranged_by) == (None, None)


def test_nobody_arranges_for_a_booking_that_ended(coordinator: Client) -> None:
    booking = book_now(session_ahead(), needs="A hearing loop")
    give_up(booking, now=timezone.now())
    act = reverse("manage_needs_arranged", args=[booking.pk])
    assert coordinator.post(act).status_code == 404
    assert Booking.objects.get(pk=booking.pk).needs_arranged_at is None


def test_needs_are_folded_by_session(coordinator: Client) -> None:
    first, second = session_ahead(5), session_ahead(6)
    person = book_now(first, needs="Vegan").person
    book_now(second, person, needs="Vegan", wants_both=True)
    last = book_now(second, needs="Vegan")
    address = reverse("manage_needs")
    page = coordinator.get(address).text
    assert "2 people at 2 sessions" in page
    assert f"({first.reference}): 1 person<" in page
    assert f"({second.reference}): 2 people<" in page
    assert opened_sessions(page) == [(first.pk, True), (second.pk, False)]
    done = coordinator.post(reverse("manage_needs_arranged", args=[last.pk]), {"page": "1"})
    assert opened_sessions(coordinator.get(done.headers["Location"]).text) == [
        (first.pk, False),
        (second.pk, True),
    ]
    only = Booking.objects.get(session=first)
    done = coordinator.post(reverse("manage_needs_arranged", args=[only.pk]), {"page": "1"})
    assert opened_sessions(coordinator.get(done.headers["Location"]).text) == [(second.pk, True)]


def test_a_session_on_two_pages_tells_all_of_its_people_on_both(
    coordinator: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("booking.desk.needs._PER_PAGE", 2)
    first, second = session_ahead(5), session_ahead(6)
    for session in (first, second, second):
        book_now(session, needs="Vegan")
    for number in ("1", "2"):
        page = coordinator.get(reverse("manage_needs"), {"page": number})
        assert "3 people at 2 sessions" in page.text
        assert f"({second.reference}): 2 people<" in page.text
        assert page.context["number_open"] == 3
        assert AccessRecord.objects.latest("pk").rows == len(page.context["page_obj"])
    assert opened_sessions(page.text) == [(second.pk, True)]


def opened_sessions(page: str) -> list[tuple[int, bool]]:
    """The sessions of a page of needs, and whether what is needed there is open."""
    found = re.findall(r'<details [^>]*id="session-(\d+)"( open)?', page)
    return [(int(key), bool(is_open)) for key, is_open in found]
