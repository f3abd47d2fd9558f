"""Bookings that are refused, by the action and by the database."""

from datetime import timedelta

import pytest
from django.db import IntegrityError, transaction

from booking.catalogue.models import Session
from booking.outbox.models import Message
from booking.places import actions
from booking.places.models import Booking
from booking.places.refusals import (
    AlreadyBooked,
    BookingClosed,
    BookingNotOpenYet,
    Clash,
    NotLive,
    SessionNotOpen,
    SessionStarted,
)
from booking.places.sweep import sweep
from tests.factories import NOW, make_person, make_session
from tests.people import book, give_up
from tests.places.booked import State, refreshed

pytestmark = pytest.mark.django_db


class TestRefusals:
    """What is refused, and with which sentence."""

    def test_one_live_booking_per_person(self) -> None:
        session = make_session(capacity=1)
        holder, waiting = book(session), book(session)
        for booking in (holder, waiting):
            with pytest.raises(AlreadyBooked) as refusal:
                book(session, booking.person)
            assert refusal.value.booking == booking
        assert "waiting list" in str(refusal.value)

    def test_before_booking_opens(self) -> None:
        session = make_session(booking_opens_at=NOW + timedelta(days=1))
        with pytest.raises(
            BookingNotOpenYet, match="Booking opens at 9am on Wednesday 13 January 2027"
        ):
            book(session)

    def test_after_booking_closed(self) -> None:
        session = make_session(booking_closes_at=NOW)
        with pytest.raises(BookingClosed, match="Booking closed at 9am on Tuesday 12 January 2027"):
            book(session)

    def test_started(self) -> None:
        session = make_session(starts_at=NOW)
        with pytest.raises(SessionStarted):
            book(session)

    @pytest.mark.parametrize(
        "state", [Session.State.DRAFT, Session.State.CANCELLED, Session.State.COMPLETED]
    )
    def test_not_published(self, state: str) -> None:
        with pytest.raises(SessionNotOpen):
            book(make_session(state=state))

    def test_overlap_with_a_place_elsewhere_names_it(self) -> None:
        other = make_session(starts_at=NOW + timedelta(days=10))
        overlapping = make_session(starts_at=NOW + timedelta(days=10, hours=2, minutes=59))
        adjacent = make_session(starts_at=NOW + timedelta(days=10, hours=3))
        person = make_person()
        held = book(other, person)
        with pytest.raises(Clash) as refusal:
            book(overlapping, person)
        assert refusal.value.other == held
        assert other.course.title in str(refusal.value)
        assert book(adjacent, person).state == State.CONFIRMED

    def test_waiting_is_allowed_with_an_overlap_but_not_promoted(self) -> None:
        other = make_session(starts_at=NOW + timedelta(days=10))
        full = make_session(capacity=1, starts_at=NOW + timedelta(days=10))
        holder = book(full)
        person = make_person()
        book(other, person)
        blocked = book(full, person)
        assert blocked.state == State.WAITING
        behind = book(full)
        give_up(holder)
        assert refreshed(blocked).state == State.WAITING
        assert refreshed(behind).state == State.CONFIRMED

    def test_newcomer_gets_a_place_that_nobody_waiting_can_take(self) -> None:
        other = make_session(starts_at=NOW + timedelta(days=10))
        full = make_session(capacity=1, starts_at=NOW + timedelta(days=10))
        holder = book(full)
        person = make_person()
        book(other, person)
        book(full, person)
        give_up(holder)
        assert book(full).state == State.CONFIRMED

    def test_cancelling_twice(self) -> None:
        booking = book(make_session())
        give_up(booking)
        with pytest.raises(NotLive, match="already been cancelled"):
            give_up(booking)
        assert Session.objects.get(pk=booking.session_id).places_taken == 0

    def test_cancelling_after_the_start(self) -> None:
        session = make_session(starts_at=NOW + timedelta(hours=1))
        booking = book(session)
        with pytest.raises(SessionStarted):
            give_up(booking, now=NOW + timedelta(hours=1))

    def test_nobody_is_promoted_after_the_start(self) -> None:
        session = make_session(capacity=1, starts_at=NOW + timedelta(hours=1))
        book(session)
        waiting = book(session)
        Session.objects.filter(pk=session.pk).update(capacity=2)
        assert sweep(now=NOW + timedelta(hours=1)) == 0
        assert actions.fill_places(session=session, now=NOW + timedelta(hours=1)) == 0
        assert refreshed(waiting).state == State.WAITING


class TestDatabasePromises:
    """What holds even against code that is wrong."""

    def test_no_place_is_sold_twice(self) -> None:
        session = make_session(capacity=1)
        book(session)
        with pytest.raises(IntegrityError, match="no_place_sold_twice"), transaction.atomic():
            Session.objects.filter(pk=session.pk).update(places_taken=2)

    def test_places_taken_is_never_negative(self) -> None:
        session = make_session()
        with pytest.raises(IntegrityError), transaction.atomic():
            Session.objects.filter(pk=session.pk).update(places_taken=-1)

    def test_one_live_booking_per_person_and_session(self) -> None:
        booking = book(make_session())
        with pytest.raises(IntegrityError, match="one_live_booking"), transaction.atomic():
            Booking.objects.create(
                session=booking.session,
                person=booking.person,
                booked_by=booking.person,
                state=State.REQUESTED,
            )

    def test_no_message_is_posted_twice(self) -> None:
        booking = book(make_session())
        message = Message.objects.get(booking=booking)
        message.pk, message.message_id = None, "<another@briefed.example>"
        with pytest.raises(IntegrityError, match="no_message_posted_twice"), transaction.atomic():
            message.save(force_insert=True)
