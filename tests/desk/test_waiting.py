"""The waiting list as coordinators see it, and moving somebody up."""

import pytest
from django.test import Client
from django.urls import reverse

from booking.places.events import BookingEvent
from booking.places.models import Booking
from tests.desk.coordinators import ahead, with_people
from tests.factories import make_agency, make_person, make_session
from tests.pages import statements
from tests.people import book_now

pytestmark = pytest.mark.django_db


def test_the_list_shows_who_waits_since_when_and_which_rule_holds_them(
    coordinator: Client,
) -> None:
    session = make_session(capacity=3, agency_limit=1, starts_at=ahead())
    police, health = make_agency("Police"), make_agency("Health", sector="health")
    people = [make_person(agency=agency) for agency in (police, police, health, health)]
    for person in people:
        book_now(session, person)
    page = coordinator.get(reverse("manage_session_waiting", args=[session.pk]))
    rows = [
        (position, booking.person, reason.rule)
        for position, booking, reason in page.context["rows"]
    ]
    assert rows == [(1, people[1], "agency limit"), (2, people[3], "agency limit")]
    assert "Your agency has its 1 place" in page.content.decode()
    other = make_session(capacity=3, starts_at=session.starts_at)
    book_now(other, people[1])
    page = coordinator.get(reverse("manage_session_waiting", args=[session.pk]))
    assert [reason.rule for _, _, reason in page.context["rows"]] == ["clash", "agency limit"]


def test_a_full_session_holds_everybody_by_its_capacity(coordinator: Client) -> None:
    session = with_people(booked=1, waiting=2)
    page = coordinator.get(reverse("manage_session_waiting", args=[session.pk]))
    assert {reason.rule for _, _, reason in page.context["rows"]} == {"capacity"}


def test_the_page_costs_the_same_however_many_wait(coordinator: Client) -> None:
    session = with_people(booked=1, waiting=1, agency_limit=1)
    address = reverse("manage_session_waiting", args=[session.pk])

    few = statements(coordinator, address)
    for _ in range(5):
        book_now(session)
    assert statements(coordinator, address) == few
    assert few <= 16


def test_somebody_is_moved_up_for_a_reason_that_those_passed_over_see(
    coordinator: Client,
) -> None:
    session = with_people(booked=1, waiting=3)
    first, second, third = Booking.objects.waiting().for_session(session)
    address = reverse("manage_booking_move_up", args=[third.pk])
    assert "name nobody" in coordinator.get(address).content.decode()
    for typed, sentence in (
        ({"position": "3", "why": "x"}, "enter a whole number from 1 to 2."),
        ({"position": "0", "why": "x"}, "enter a whole number from 1 to 2."),
        ({"position": "soon", "why": "A court order."}, "enter a whole number from 1 to 2."),
        ({"position": "1", "why": " "}, "Enter the reason."),
    ):
        refused = coordinator.post(address, typed)
        assert refused.status_code == 422
        assert sentence in refused.content.decode()
    moved = {"position": "2", "why": "Needed for a court order."}
    assert coordinator.post(address, moved).status_code == 302
    line = list(Booking.objects.waiting().for_session(session))
    assert line == [first, third, second]
    event = second.events.last()
    assert event is not None
    assert (event.what, event.why) == (BookingEvent.What.MOVED_BACK, "Needed for a court order.")
    page = coordinator.get(reverse("manage_session_waiting", args=[session.pk])).content.decode()
    assert "Moved up the waiting list" in page
    assert "Needed for a court order." in page


def test_only_somebody_who_waits_is_moved_up(coordinator: Client) -> None:
    session = with_people(booked=1, waiting=1)
    held, waits = session.bookings.order_by("pk")
    address = reverse("manage_booking_move_up", args=[held.pk])
    assert "not on the waiting list any more" in coordinator.get(address).content.decode()
    assert coordinator.post(address, {"position": "1", "why": "x"}).status_code == 409
    page = coordinator.get(reverse("manage_booking_move_up", args=[waits.pk])).content.decode()
    assert "is the first on the list already" in page
