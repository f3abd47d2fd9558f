"""Coordinators' pages: who sees them, and that looking writes nothing."""

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from pytest_django import Settings

from booking.catalogue.models import Session
from booking.outbox.models import Message
from booking.places.events import BookingEvent
from tests.desk.addresses import every_address
from tests.factories import make_person
from tests.people import signed_in

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("role", ["practitioner", "trainer", "agency lead", "staff"])
def test_to_everybody_but_coordinators_these_pages_do_not_exist(role: str) -> None:
    roles: dict[str, dict[str, Any]] = {
        "practitioner": {},
        "trainer": {"is_trainer": True},
        "agency lead": {"is_agency_lead": True},
        "staff": {"is_staff": True},
    }
    client = signed_in(make_person(**roles[role]))
    for address, _ in every_address():
        for method in ("GET", "POST"):
            assert client.generic(method, address).status_code == 404, (method, address)


def test_the_anonymous_are_led_to_sign_in() -> None:
    for address, _ in every_address():
        for method in ("GET", "POST"):
            response = Client().generic(method, address)
            assert response.status_code == 302, (method, address)
            target = response.headers["Location"]
            # After a press on a button they come to the page before, or to their bookings.
            before = "/accounts/login/?next=%2Fbookings%2F"
            assert target.startswith("/accounts/login/?next=/manage/") or (
                method == "POST" and target == before
            ), (method, address)


def test_coordinators_open_every_page_and_nothing_is_written_by_looking(
    coordinator: Client,
) -> None:
    addresses = every_address()
    messages, events = Message.objects.count(), BookingEvent.objects.count()
    for address, methods in addresses:
        expected = 200 if "GET" in methods else 405
        response = coordinator.get(address)
        assert response.status_code == expected, address
        assert "no-store" in response.headers["Cache-Control"]
        if "POST" not in methods:
            assert coordinator.post(address).status_code == 405, address
    assert (Message.objects.count(), BookingEvent.objects.count()) == (messages, events)
    assert Session.objects.filter(state=Session.State.DRAFT).count() == 1


def test_an_empty_form_is_never_a_server_error(coordinator: Client) -> None:
    for address, methods in every_address():
        if "POST" in methods:
            assert coordinator.post(address).status_code in (200, 302, 409, 422), address


def test_coordinators_without_a_second_step_are_led_to_set_it_up(
    coordinator: Client, settings: Settings
) -> None:
    settings.TWO_STEP_REQUIRED = True
    response = coordinator.get(reverse("manage_sessions"))
    assert response.status_code == 302
    assert response.headers["Location"].startswith(reverse("two_step_needed"))


def test_what_is_not_there_is_not_found(coordinator: Client) -> None:
    for name in ("manage_session", "manage_session_edit", "manage_session_change"):
        assert coordinator.get(reverse(name, args=[987654])).status_code == 404
    assert coordinator.get(f"/manage/sessions/{'9' * 40}/").status_code == 404
    assert coordinator.get(f"/manage/messages/{'9' * 40}/drop/").status_code == 404
    settled = make_person()
    assert coordinator.get(reverse("manage_agency_settle", args=[settled.pk])).status_code == 404
    assert coordinator.get(f"{reverse('manage_session_new')}?course=987654").status_code == 404


def test_every_form_is_limited(coordinator: Client, settings: Settings) -> None:
    addresses = every_address()
    settings.RATE_LIMIT_FACTOR = 0
    for address, methods in addresses:
        if "POST" in methods:
            assert coordinator.post(address).status_code == 429, address
