"""Another trainer, or other dates: whoever is concerned is told, trainers among them."""

from datetime import timedelta

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from booking.catalogue.models import Session
from booking.outbox.models import Message
from tests.desk.coordinators import ahead, typed_change, typed_times, with_people
from tests.factories import make_session, make_trainer
from tests.mail.letters import part, read, written
from tests.pages import said
from tests.people import book, book_now

pytestmark = pytest.mark.django_db


def text_of(message: Message) -> str:
    """The plain text of a mail as it is sent."""
    return part(read(written(message)), "text/plain")


def test_another_trainer_is_told_to_those_with_a_place_and_to_both_trainers(
    coordinator: Client,
) -> None:
    leaves = make_trainer(first_name="Sam", last_name="Green")
    comes = make_trainer(first_name="Ada", last_name="Obi")
    session = with_people(booked=2, waiting=1, trainers=[leaves])
    free_until = session.bookings.order_by("pk")[0].free_until
    before = Message.objects.count()
    address = reverse("manage_session_change", args=[session.pk])
    typed = typed_change(session, trainers=[comes.pk])
    page = coordinator.post(address, {**typed, "step": "preview"}).content.decode()
    assert "Now: Sam Green" in page
    assert "Then: Ada Obi" in page
    assert "Change it and tell 2 people" in page
    assert "Sam Green, Ada Obi get an email as trainers." in page
    assert "2 people and 2 trainers will be told" in said(
        coordinator.post(address, {**typed, "step": "do"})
    )
    session.refresh_from_db()
    assert list(session.trainers.all()) == [comes]
    told = Message.objects.order_by("pk")[before:]
    topics = sorted((message.topic, message.recipient_id) for message in told)
    confirmed = session.bookings.filter(state="confirmed").order_by("pk")
    assert topics == sorted(
        [
            ("trainer.assigned", comes.pk),
            ("trainer.removed", leaves.pk),
            *(("session.changed", booking.person_id) for booking in confirmed),
        ]
    )
    texts = {message.topic: text_of(message) for message in told}
    assert "Trainer\nBefore: Sam Green\nNow: Ada Obi" in texts["session.changed"]
    assert "You are now named as a trainer" in texts["trainer.assigned"]
    assert f"/sessions/{session.pk}/attendees/" in texts["trainer.assigned"]
    assert "You are no longer named as a trainer" in texts["trainer.removed"]
    assert confirmed[0].free_until == free_until
    assert session.events.get().what == "Trainer: Ada Obi"


def test_a_trainer_who_stays_hears_of_other_dates(coordinator: Client) -> None:
    trainer = make_trainer()
    session = with_people(booked=1, trainers=[trainer])
    typed = typed_change(session, trainers=[trainer.pk], **typed_times(1, ahead(35), ahead(35, 12)))
    coordinator.post(reverse("manage_session_change", args=[session.pk]), {**typed, "step": "do"})
    [told] = Message.objects.filter(recipient=trainer)
    assert told.topic == "trainer.changed"
    text = text_of(told)
    assert "Date and time\nBefore:" in text
    assert "10am to 12pm" in text


def test_the_preview_warns_of_people_who_would_be_in_two_places_at_once(
    coordinator: Client,
) -> None:
    session = with_people(booked=3)
    elsewhere = make_session(starts_at=ahead(35))
    for booking in session.bookings.order_by("pk")[:2]:
        person = booking.person
        book_now(elsewhere, person)
    address = reverse("manage_session_change", args=[session.pk])
    typed = typed_change(session, **typed_times(1, ahead(35, 11), ahead(35, 14)))
    page = coordinator.post(address, {**typed, "step": "preview"}).content.decode()
    assert "2 people with a place here have another booking at these times." in page
    assert coordinator.post(address, {**typed, "step": "do"}).status_code == 302
    apart = {**typed, **typed_times(1, ahead(36), ahead(36, 13)), "revision": 1}
    page = coordinator.post(address, {**apart, "step": "preview"}).content.decode()
    assert "Check before anybody is told" in page
    assert "another booking at these times" not in page


def test_later_dates_of_a_session_that_has_begun_can_still_change(coordinator: Client) -> None:
    now = timezone.now()
    session = make_session(
        sittings=[(ahead(7), ahead(7, 13)), (ahead(14), ahead(14, 13))], starts_at=ahead(7)
    )
    booking = book(session, now=now)
    begun = ahead(-7)
    first = session.sittings.all()[0]
    first.starts_at, first.ends_at = begun, begun + timedelta(hours=3)
    first.save()
    Session.objects.filter(pk=session.pk).update(starts_at=begun)
    session = Session.objects.get(pk=session.pk)
    before = Message.objects.count()
    address = reverse("manage_session_change", args=[session.pk])
    assert "Date 1, has begun and stays as it is" in coordinator.get(address).content.decode()
    moved = typed_change(session, **typed_times(2, ahead(15), ahead(15, 13)))
    # What has begun cannot be moved, whatever a browser sends.
    moved |= typed_times(1, ahead(3), ahead(3, 13))
    assert coordinator.post(address, {**moved, "step": "do"}).status_code == 302
    session = Session.objects.get(pk=session.pk)
    assert session.starts_at == begun
    assert [each.starts_at for each in session.sittings.all()] == [begun, ahead(15)]
    [told] = Message.objects.order_by("pk")[before:]
    assert (told.topic, told.booking_id) == ("session.changed", booking.pk)
    assert told.payload["event"]["starts"] == ahead(15).isoformat()
    assert "This email corrects your calendar: " in text_of(told)
    gone = {**typed_change(session), "date_2": "", "start_2": "", "end_2": "", "step": "do"}
    refused = coordinator.post(address, gone)
    assert "One date at least must lie ahead." in refused.content.decode()
