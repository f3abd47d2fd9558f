"""More and fewer places: who gets one is shown first."""

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts.models import AccessRecord
from booking.catalogue.models import Session
from booking.outbox.models import Message
from booking.places.models import Booking
from booking.scheduling import capacity
from booking.scheduling.capacity import Reservation
from tests.desk.coordinators import ahead, with_people
from tests.factories import make_coordinator, make_session
from tests.pages import said

pytestmark = pytest.mark.django_db


def test_capacity_below_the_places_taken_is_refused_with_the_numbers(coordinator: Client) -> None:
    session = with_people(booked=3)
    address = reverse("manage_session_capacity", args=[session.pk])
    response = coordinator.post(address, {"capacity": "2"})
    assert response.status_code == 422
    assert "3 places are taken, so the capacity cannot be 2." in response.content.decode()
    assert coordinator.post(address, {"capacity": "3", "step": "do"}).status_code == 302
    session.refresh_from_db()
    assert session.capacity == 3


def test_more_capacity_goes_to_those_who_wait(coordinator: Client) -> None:
    session = with_people(booked=1, waiting=3)
    address = reverse("manage_session_capacity", args=[session.pk])
    before = Message.objects.count()
    preview = coordinator.post(address, {"capacity": "3", "step": "preview"})
    page = preview.content.decode()
    assert "Change it and tell 2 people" in page
    look = AccessRecord.objects.get(what="waiting list")
    assert (look.about, look.rows) == (str(session), 2)
    first, second, third = (booking.person for booking in Booking.objects.waiting())
    assert f"{first}: gets a place, with a calendar invitation" in page
    assert str(second) in page
    assert str(third) not in page
    session.refresh_from_db()
    assert (session.capacity, Message.objects.count()) == (1, before)
    done = {"capacity": "3", "why": "A bigger room", "step": "do"}
    response = coordinator.post(address, done)
    assert session.events.get().why == "A bigger room"
    assert "There are now 3 places. 2 people were given a place." in said(response)
    session.refresh_from_db()
    assert (session.places_taken, session.waiting_count) == (3, 1)


def test_the_capacity_of_a_cancelled_session_stays(coordinator: Client) -> None:
    session = make_session(state=Session.State.CANCELLED, starts_at=ahead())
    address = reverse("manage_session_capacity", args=[session.pk])
    response = coordinator.post(address, {"capacity": "30"})
    assert "This session has been cancelled." in response.content.decode()


def test_the_preview_says_who_would_only_be_offered_a_place(coordinator: Client) -> None:
    session = with_people(booked=1, waiting=1, promotion=Session.Promotion.OFFER)
    address = reverse("manage_session_capacity", args=[session.pk])
    page = coordinator.post(address, {"capacity": "2"}).content.decode()
    assert "is offered a place and must accept it" in page
    page = coordinator.post(address, {"capacity": "1"}).content.decode()
    assert "nobody is told" in page


def test_capacity_below_what_is_reserved_is_refused_with_the_numbers(coordinator: Client) -> None:
    session = with_people(booked=2, capacity=10)
    capacity.change_limits(
        session=session,
        agency_limit=None,
        reservations=[Reservation(places=6, sector="health")],
        by=make_coordinator(),
        now=timezone.now(),
    )
    address = reverse("manage_session_capacity", args=[session.pk])
    for places, step in (("1", "preview"), ("7", "preview"), ("7", "do")):
        response = coordinator.post(address, {"capacity": places, "step": step})
        assert response.status_code == 422
        assert "2 places are taken and 6 reserved" in response.content.decode()
        assert "The lowest it can be is 8." in response.content.decode()
    session.refresh_from_db()
    assert session.capacity == 10
    assert coordinator.post(address, {"capacity": "8", "step": "do"}).status_code == 302
