"""Two coordinators correct the same thing: nobody is told what neither of them was shown."""

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from booking.catalogue.models import Course, Session, Venue
from booking.outbox.models import Message
from tests.desk.coordinators import typed_course, typed_details, with_people
from tests.factories import make_coordinator, make_course, make_venue
from tests.pages import said, sent_on
from tests.people import signed_in

pytestmark = pytest.mark.django_db

MEANWHILE = "Somebody else has changed this meanwhile"


@pytest.fixture
def colleague() -> Client:
    """A browser in which another coordinator is signed in."""
    return signed_in(make_coordinator())


def changed_at_once(client: Client, address: str, typed: dict[str, Any]) -> None:
    """Typed, looked at and done, with nobody in between."""
    preview = client.post(address, typed)
    assert client.post(address, {**sent_on(preview.text), "step": "do"}).status_code == 302


def told() -> list[list[tuple[str, str, str]]]:
    """What was told, message by message: what, before and after."""
    messages = Message.objects.filter(topic="session.changed").order_by("pk")
    return [
        [(each["what"], each["before"], each["after"]) for each in message.payload["changes"]]
        for message in messages
    ]


def test_an_address_that_a_colleague_corrected_is_not_put_back_unseen(
    coordinator: Client, colleague: Client
) -> None:
    venue = make_venue("Carriageworks", address="1 Old Street")
    with_people(booked=1, venue=venue)
    address = reverse("manage_venue", args=[venue.pk])
    typed = {"name": "The Carriageworks", "address": "1 Old Street", "getting_there": "Bus 12."}
    preview = coordinator.post(address, typed)
    assert MEANWHILE not in preview.text
    changed_at_once(
        colleague, address, {**typed, "name": "Carriageworks", "address": "2 New Street"}
    )
    assert told() == [[("Address", "1 Old Street", "2 New Street")]]

    again = coordinator.post(address, {**sent_on(preview.text), "step": "do"})
    assert again.status_code == 409
    assert MEANWHILE in again.text
    assert "Now: 2 New Street" in again.text
    assert "Then: 1 Old Street" in again.text
    assert len(told()) == 1
    assert Venue.objects.get().address == "2 New Street"

    form = coordinator.post(address, {**sent_on(again.text), "step": "edit"})
    assert 'value="The Carriageworks"' in form.text
    assert "Bus 12.</textarea>" in form.text
    assert MEANWHILE not in form.text

    done = coordinator.post(address, {**sent_on(again.text), "step": "do"})
    assert "1 person will be told by email." in said(done)
    assert told()[1] == [
        ("Place", "Carriageworks", "The Carriageworks"),
        ("Address", "2 New Street", "1 Old Street"),
    ]


def test_a_title_that_a_colleague_changed_is_shown_before_it_is_changed_again(
    coordinator: Client, colleague: Client
) -> None:
    course = make_course("NEG1", title="Neglect")
    with_people(booked=1, course=course)
    address = reverse("manage_course", args=[course.pk])
    typed = typed_course(title="Neglect and its signs", summary="All day.\r\nBring lunch.")
    preview = coordinator.post(address, typed)
    changed_at_once(colleague, address, {**typed, "title": "Spotting neglect"})

    again = coordinator.post(address, {**sent_on(preview.text), "step": "do"})
    assert again.status_code == 409
    assert MEANWHILE in again.text
    assert "Now: Spotting neglect" in again.text
    assert "Then: Neglect and its signs" in again.text
    assert told() == [[("Title", "Neglect", "Spotting neglect")]]

    coordinator.post(address, {**sent_on(again.text), "step": "do"})
    assert told()[1] == [("Title", "Spotting neglect", "Neglect and its signs")]
    stored = Course.objects.get()
    assert (stored.title, stored.summary) == (typed["title"], typed["summary"])


def test_instructions_that_a_colleague_wrote_are_shown_before_they_are_replaced(
    coordinator: Client, colleague: Client
) -> None:
    session = with_people(booked=1, joining_instructions="Bring a pen.")
    address = reverse("manage_session_edit", args=[session.pk])
    typed = typed_details()
    preview = coordinator.post(address, typed)
    changed_at_once(colleague, address, {**typed, "joining_instructions": "Room 2."})
    again = coordinator.post(address, {**sent_on(preview.text), "step": "do"})
    assert again.status_code == 409
    assert "Now: Room 2." in again.text
    assert Session.objects.get().joining_instructions == "Room 2."


def test_line_ends_as_a_browser_sends_them_are_no_change_by_somebody_else(
    coordinator: Client,
) -> None:
    session = with_people(booked=1)
    address = reverse("manage_session_edit", args=[session.pk])
    typed = typed_details()
    sent = sent_on(coordinator.post(address, typed).text)
    sent["joining_instructions"] = ["Ask for Sam.\nBring a pen."]
    assert coordinator.post(address, {**sent, "step": "do"}).status_code == 302


def test_the_same_correction_by_a_colleague_leaves_nothing_to_be_told(
    coordinator: Client, colleague: Client
) -> None:
    venue = make_venue("Carriageworks", address="1 Old Street")
    with_people(booked=1, venue=venue)
    address = reverse("manage_venue", args=[venue.pk])
    typed = {"name": venue.name, "address": "2 New Street", "getting_there": ""}
    preview = coordinator.post(address, typed)
    changed_at_once(colleague, address, typed)
    done = coordinator.post(address, {**sent_on(preview.text), "step": "do"})
    assert said(done) == "Carriageworks is saved."
    assert len(told()) == 1
