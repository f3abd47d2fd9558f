"""Guests of a session, and trainers who stand in: who is told what."""

from datetime import timedelta

import pytest
from django.test import Client
from django.urls import reverse

from booking.catalogue.models import Session
from booking.outbox.models import Message
from booking.places.models import Booking
from booking.privacy.forgetting import NEEDS_KEPT, forget_guests
from booking.scheduling.models import CoverRequest, SessionGuest
from tests.desk.coordinators import ahead, typed_change, typed_times, with_people
from tests.factories import make_trainer
from tests.mail.letters import part, read, written
from tests.pages import said, sent_on
from tests.people import signed_in

pytestmark = pytest.mark.django_db

ISLA = {"name": "Isla Interpreter", "email": "Isla@signs.example", "purpose": "BSL interpreter"}


def to_guests() -> list[str]:
    told = Message.objects.filter(topic__startswith="guest.").order_by("pk")
    return list(told.values_list("topic", flat=True))


def test_a_guest_gets_the_way_in_and_every_change_and_takes_no_place(coordinator: Client) -> None:
    session = with_people(booked=1, delivery="online", meeting="https://meet.example/old")
    page = reverse("manage_session_guests", args=[session.pk])
    assert said(coordinator.post(page, ISLA)) == "Isla Interpreter is sent the details."
    twice = coordinator.post(page, ISLA)
    assert "is a guest of the session already" in twice.text
    session.refresh_from_db()
    assert session.places_taken == 1
    assert Booking.objects.count() == 1
    invited = part(read(written(Message.objects.get(topic="guest.invited"))), "text/plain")
    assert "http://testserver/join/guest-" in invited
    assert "meet.example" not in invited
    assert "BSL interpreter" in invited
    change = reverse("manage_session_change", args=[session.pk])
    moved = typed_times(1, ahead(40), ahead(40, hour=12))
    typed = typed_change(session, **moved, note="The old one is full.")
    preview = coordinator.post(change, {**typed, "step": "preview"}).text
    assert "1 guest gets an email." in preview
    assert "The old one is full." in preview
    done = coordinator.post(change, {**typed, "step": "do"})
    assert said(done) == "The session is changed. 1 person and 1 guest will be told by email."
    for topic in ("guest.changed", "session.changed"):
        told = part(read(written(Message.objects.get(topic=topic))), "text/plain")
        assert "http://testserver/join/" in told
        assert "The old one is full." in told
    cancel = reverse("manage_session_cancel", args=[session.pk])
    coordinator.post(cancel, {"why": "Snow.", "step": "do"})
    assert to_guests() == ["guest.invited", "guest.changed", "guest.cancelled"]


def test_a_guest_who_is_not_needed_is_told_once(coordinator: Client) -> None:
    session = with_people(booked=0)
    coordinator.post(reverse("manage_session_guests", args=[session.pk]), ISLA)
    button = reverse("manage_guest_not_coming", args=[SessionGuest.objects.get().pk])
    for _ in range(2):
        coordinator.post(button)
    assert to_guests() == ["guest.invited", "guest.removed"]
    page = coordinator.get(reverse("attendees", args=[session.pk])).text
    assert "Isla Interpreter: BSL" not in page


def test_the_trainer_sees_guests_on_the_list_and_on_the_sheet(coordinator: Client) -> None:
    trainer = make_trainer()
    session = with_people(booked=1, trainers=[trainer])
    coordinator.post(reverse("manage_session_guests", args=[session.pk]), ISLA)
    browser = signed_in(trainer)
    for name in ("attendees", "attendees_print"):
        page = browser.get(reverse(name, args=[session.pk])).text
        assert "Isla Interpreter: BSL interpreter" in page


def test_guests_are_forgotten_with_their_address_after_the_session(coordinator: Client) -> None:
    session = with_people(booked=0)
    coordinator.post(reverse("manage_session_guests", args=[session.pk]), ISLA)
    assert forget_guests(now=session.ends_at + NEEDS_KEPT) == 0
    assert forget_guests(now=session.ends_at + NEEDS_KEPT + timedelta(seconds=1)) == 1
    assert not SessionGuest.objects.exists()
    message = Message.objects.get(topic="guest.invited")
    assert "isla" not in f"{message.to_email} {message.payload}".lower()
    assert message.state == Message.State.DROPPED


def covered(session: Session, **typed: object) -> dict[str, object]:
    ill = session.trainers.get()
    return {"ill": ill.pk, "asks": "tell", **typed}


def test_an_ill_trainer_is_replaced_in_one_step_and_people_hear_of_it(coordinator: Client) -> None:
    ill, cover = make_trainer(), make_trainer()
    session = with_people(booked=2, trainers=[ill])
    page = reverse("manage_session_cover", args=[session.pk])
    typed = covered(session, cover=cover.pk, tells_people="on", note="Sam is ill.")
    preview = coordinator.post(page, typed).text
    assert "2 people with a place: an email" in preview
    assert "That is 4 emails in all" in preview
    since = Message.objects.count()
    done = coordinator.post(page, {**sent_on(preview), "step": "do"})
    assert said(done).endswith("2 people and 2 trainers will be told by email.")
    assert list(session.trainers.all()) == [cover]
    left = Message.objects.order_by("pk")[since:]
    assert sorted(each.topic for each in left) == [
        "session.changed", "session.changed", "trainer.assigned", "trainer.removed",
    ]  # fmt: skip
    assert "Sam is ill." in part(read(written(left[0])), "text/plain")


def test_people_are_not_told_who_leads_unless_the_coordinator_says_so(coordinator: Client) -> None:
    ill, cover = make_trainer(), make_trainer()
    session = with_people(booked=2, trainers=[ill])
    page = reverse("manage_session_cover", args=[session.pk])
    preview = coordinator.post(page, covered(session, cover=cover.pk)).text
    assert "Nobody has a booking that this concerns." in preview
    coordinator.post(page, {**sent_on(preview), "step": "do"})
    assert list(session.trainers.all()) == [cover]
    assert not Message.objects.filter(topic="session.changed").exists()


def test_who_is_asked_to_stand_in_leads_once_they_agree(coordinator: Client) -> None:
    ill, first, second = make_trainer(), make_trainer(), make_trainer()
    session = with_people(booked=1, trainers=[ill])
    page = reverse("manage_session_cover", args=[session.pk])
    for cover in (first, second):
        typed = covered(session, cover=cover.pk, asks="ask", tells_people="on")
        assert "is asked" in said(coordinator.post(page, typed))
    assert "has been asked already" in coordinator.post(page, typed).text
    assert list(session.trainers.all()) == [ill]
    asked = {each.person: each for each in CoverRequest.objects.select_related("person")}
    to_first = reverse("trainer_cover", args=[asked[first].pk])
    question = Message.objects.filter(topic="trainer.asked").earliest("pk")
    assert to_first in part(read(written(question)), "text/plain")
    assert signed_in(second).get(to_first).status_code == 404
    signed_in(first).post(to_first, {"answer": "no"})
    assert list(session.trainers.all()) == [ill]
    to_second, browser = reverse("trainer_cover", args=[asked[second].pk]), signed_in(second)
    browser.post(to_second, {"answer": "yes"})
    assert list(session.trainers.all()) == [second]
    assert Message.objects.filter(topic="session.changed").count() == 1
    assert browser.post(to_second, {"answer": "no"}).status_code == 409
    words = [event.what for event in session.events.order_by("pk")]
    assert f"{first} cannot stand in for {ill}" in words


def test_nobody_stands_in_where_somebody_else_leads_by_now(coordinator: Client) -> None:
    ill, cover, other = make_trainer(), make_trainer(), make_trainer()
    session = with_people(booked=1, trainers=[ill])
    page = reverse("manage_session_cover", args=[session.pk])
    coordinator.post(page, covered(session, cover=cover.pk, asks="ask"))
    session.trainers.set([other])
    asked = CoverRequest.objects.get()
    answer = reverse("trainer_cover", args=[asked.pk])
    refused = signed_in(cover).post(answer, {"answer": "yes"})
    assert refused.status_code == 409
    assert "settled already" in refused.text
    assert list(session.trainers.all()) == [other]
