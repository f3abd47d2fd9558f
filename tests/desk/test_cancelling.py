"""Calling off a session, and offering the next date to those who had a place."""

import re

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts.models import Sector
from booking.catalogue.models import Session
from booking.outbox.models import Message
from booking.scheduling import cancelling
from booking.scheduling.cancelling import NextDateGone, NextDates
from booking.scheduling.capacity import Reservation
from booking.site.wording import deadline
from booking.site.working_days import after_working_days
from tests.desk.coordinators import ahead, with_people
from tests.factories import make_coordinator, make_course, make_session, make_trainer
from tests.mail.letters import part, read, written
from tests.pages import said
from tests.people import book_now
from tests.places.booked import set_limits

pytestmark = pytest.mark.django_db


def test_cancelling_needs_a_reason_is_shown_first_and_tells_everybody(coordinator: Client) -> None:
    session = with_people(booked=2, waiting=1)
    address = reverse("manage_session_cancel", args=[session.pk])
    assert coordinator.post(address, {"why": " ", "step": "do"}).status_code == 422
    preview = coordinator.post(address, {"why": "The trainer is ill.", "step": "preview"})
    page = preview.content.decode()
    assert "Cancel it and tell 3 people" in page
    assert "The trainer is ill." in page
    session.refresh_from_db()
    assert session.state == Session.State.PUBLISHED
    done = coordinator.post(address, {"why": "The trainer is ill.", "step": "do"})
    assert "3 people will be told" in said(done)
    session.refresh_from_db()
    assert (session.state, session.places_taken) == (Session.State.CANCELLED, 0)
    told = Message.objects.filter(topic="session.cancelled")
    assert {each.payload["why"] for each in told} == {"The trainer is ill."}
    assert told.count() == 3
    again = coordinator.post(address, {"why": "Once more", "step": "do"})
    assert again.status_code == 409


def test_the_next_date_is_offered_to_those_who_had_a_place_in_their_order(
    coordinator: Client,
) -> None:
    course = make_course(title="Neglect")
    off = with_people(booked=3, waiting=1, course=course)
    soon = make_session(course=course, capacity=2, starts_at=ahead(40), reference="SOON")
    elsewhere = make_session(starts_at=ahead(40), reference="ELSE")
    first, second, third, waits = (booking.person for booking in off.bookings.order_by("pk"))
    address = reverse("manage_session_cancel", args=[off.pk])
    page = coordinator.get(address).content.decode()
    assert "(SOON): 2 places free, 0 waiting" in page
    assert "ELSE" not in page
    typed = {"why": "The trainer is ill.", "next_dates": [soon.pk], "answer_days": "4"}
    wrong = coordinator.post(address, {**typed, "next_dates": [elsewhere.pk]})
    assert "Choose dates from the list." in wrong.content.decode()
    preview = coordinator.post(address, {**typed, "step": "preview"}).content.decode()
    assert "(SOON): 3 people are put in line" in preview
    assert not soon.bookings.exists()
    hidden = re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', preview)
    coordinator.post(address, {**dict(hidden), "step": "do"})
    there = {booking.person: booking for booking in soon.bookings.all()}
    assert [there[person].state for person in (first, second, third)] == [
        *("offered", "offered", "waiting")
    ]
    assert waits not in there
    mails = Message.objects.filter(topic="session.cancelled", booking__session=off)
    told = {mail.recipient: mail.payload["next_dates"] for mail in mails}
    assert [each["booking"] for each in told[third]] == [there[third].pk]
    assert [each["booking"] for each in told[waits]] == [None]
    [mail] = mails.filter(recipient=first)
    body = part(read(written(mail)), "text/plain")
    assert f"/bookings/{there[first].pk}/" in body
    assert "you must accept it there" in body
    promised = {there[person].offered_until for person in (first, second)}
    assert promised == {after_working_days(timezone.now(), 4)}
    assert f"until {deadline(after_working_days(timezone.now(), 4))} to accept it" in preview
    late = book_now(soon)
    assert (late.state, late.waiting_position) == ("waiting", 2)
    assert "Offered instead: SOON" in off.events.get().what


def test_several_next_dates_are_filled_one_after_another(coordinator: Client) -> None:
    course = make_course()
    off = with_people(booked=4, course=course)
    one = make_session(course=course, capacity=1, starts_at=ahead(40))
    two = make_session(course=course, capacity=2, starts_at=ahead(50))
    typed = {"why": "Snow.", "next_dates": [two.pk, one.pk], "answer_days": "", "step": "do"}
    coordinator.post(reverse("manage_session_cancel", args=[off.pk]), typed)
    order = [booking.person for booking in off.bookings.order_by("confirmed_at", "pk")]
    assert [booking.person for booking in one.bookings.order_by("ticket")] == [order[0], order[3]]
    assert [booking.person for booking in two.bookings.order_by("ticket")] == order[1:3]


def test_whoever_has_a_booking_on_the_next_date_already_is_not_put_in_line(
    coordinator: Client,
) -> None:
    course = make_course()
    off = with_people(booked=1, course=course)
    soon = make_session(course=course, starts_at=ahead(40))
    person = off.bookings.get().person
    book_now(soon, person, wants_both=True)
    typed = {"why": "Snow.", "next_dates": [soon.pk], "step": "do"}
    coordinator.post(reverse("manage_session_cancel", args=[off.pk]), typed)
    assert soon.bookings.get().state == "confirmed"


def test_a_next_date_that_was_cancelled_meanwhile_is_refused_and_nothing_is_done() -> None:
    course = make_course()
    off = with_people(booked=1, course=course)
    soon = make_session(course=course, starts_at=ahead(40), state=Session.State.CANCELLED)
    now = timezone.now()
    with pytest.raises(NextDateGone):
        cancelling.cancel_session(
            session=off,
            by=make_coordinator(),
            now=now,
            why="Snow.",
            instead=NextDates([soon], until=ahead(10)),
        )
    off.refresh_from_db()
    assert (off.state, off.places_taken) == (Session.State.PUBLISHED, 1)


def test_trainers_hear_that_their_session_is_cancelled(coordinator: Client) -> None:
    trainer = make_trainer()
    session = with_people(booked=1, trainers=[trainer])
    typed = {"why": "Snow.", "step": "do"}
    coordinator.post(reverse("manage_session_cancel", args=[session.pk]), typed)
    [told] = Message.objects.filter(recipient=trainer)
    assert (told.topic, told.payload["why"]) == ("trainer.cancelled", "Snow.")


def test_what_no_longer_matters_of_a_cancelled_session_is_not_shown(coordinator: Client) -> None:
    session = with_people(booked=1, minimum=4, decide_on=ahead(20).date())
    set_limits(session, Reservation(places=2, sector=Sector.PROBATION))
    address = reverse("manage_session", args=[session.pk])
    gone = ("Closes at", "reserved for Probation", "to be decided on", "A freed place")
    assert all(words in coordinator.get(address).text for words in gone)
    Session.objects.update(state=Session.State.CANCELLED, cancellation_reason="Snow.")
    page = coordinator.get(address).text
    assert "Reason: Snow." in page
    assert not any(words in page for words in gone)
