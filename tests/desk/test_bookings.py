"""One person's booking, found and cancelled by a coordinator."""

import pytest
from django.test import Client
from django.urls import reverse

from booking.catalogue.models import Session
from booking.places.models import Booking
from tests.desk.coordinators import with_people

pytestmark = pytest.mark.django_db


def test_one_booking_is_found_and_cancelled_with_a_reason(coordinator: Client) -> None:
    session = with_people(booked=2, waiting=1)
    booking = session.bookings.order_by("pk")[0]
    find = reverse("manage_session_people", args=[session.pk])
    assert len(coordinator.get(find, {"q": "ahmed"}).context["rows"]) == 3
    [found] = coordinator.get(find, {"q": booking.person.email}).context["rows"]
    assert found.booking == booking
    address = reverse("manage_booking_cancel", args=[booking.pk])
    assert coordinator.post(address, {"why": "Asked by telephone"}).status_code == 302
    booking.refresh_from_db()
    assert booking.state == Booking.State.CANCELLED
    event = booking.events.last()
    assert event is not None
    assert (event.why, event.by and event.by.is_coordinator) == ("Asked by telephone", True)
    session.refresh_from_db()
    assert (session.places_taken, session.waiting_count) == (2, 0)
    assert coordinator.post(address, {"why": "Again"}).status_code == 409


def test_whoever_only_waits_is_told_the_reason_too(coordinator: Client) -> None:
    waiting = with_people(booked=1, waiting=1).bookings.get(state=Booking.State.WAITING)
    address = reverse("manage_booking_cancel", args=[waiting.pk])
    assert "told by email, with the reason" in coordinator.get(address).content.decode()
    coordinator.post(address, {"why": "You asked us to"})
    assert waiting.messages.get(topic="booking.withdrawn").payload["why"] == "You asked us to"


def test_whoever_is_offered_a_place_is_told_the_reason_too(coordinator: Client) -> None:
    session = with_people(booked=1, waiting=1, promotion=Session.Promotion.OFFER)
    first, second = session.bookings.order_by("pk")
    coordinator.post(reverse("manage_booking_cancel", args=[first.pk]), {"why": "Asked"})
    second.refresh_from_db()
    assert second.state == Booking.State.OFFERED
    coordinator.post(reverse("manage_booking_cancel", args=[second.pk]), {"why": "A mistake"})
    assert second.messages.get(topic="booking.offer_ended").payload["why"] == "A mistake"
