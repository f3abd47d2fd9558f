"""A cancellation on the telephone: charged or not for a reason, undone while the place is free."""

from datetime import datetime, timedelta

import pytest

from accounts.models import User
from booking.outbox.models import Message
from booking.places import actions
from booking.places.changing import answering, undoing
from booking.places.events import BookingEvent
from booking.places.models import Booking
from booking.places.refusals import (
    AccountEnded,
    AlreadyBooked,
    CannotBeUndone,
    Clash,
    NotLive,
    NotYoursToOverride,
    SessionStarted,
)
from tests.factories import (
    NOW,
    make_agency,
    make_claimant,
    make_coordinator,
    make_course,
    make_policy,
    make_session,
)
from tests.people import book, give_up
from tests.places import oracle
from tests.places.booked import refreshed, state_of

pytestmark = pytest.mark.django_db

State, What = Booking.State, BookingEvent.What


def taken_back(booking: Booking, *, now: datetime = NOW) -> Booking:
    """A coordinator undoes the cancellation."""
    return undoing.take_back_cancelling(booking=booking, by=make_coordinator(), now=now)


def test_the_same_booking_has_its_place_again_and_its_entry_comes_again() -> None:
    session = make_session(capacity=1, policy=make_policy(late=3500))
    booking = book(session, needs="A ramp")
    inside = session.starts_at - timedelta(days=1)
    actions.cancel(booking=booking, by=make_coordinator(), now=inside)
    assert refreshed(booking).charge_pence == 3500
    taken_back(booking, now=inside)
    again = refreshed(booking)
    assert (again.state, again.charge_pence, again.ended_at) == (State.CONFIRMED, 0, None)
    assert (again.needs, again.confirmed_at) == ("A ramp", NOW)
    last = Message.objects.filter(booking=booking).order_by("pk").last()
    assert last is not None
    assert (last.topic, last.payload["event"]["method"]) == ("booking.confirmed", "REQUEST")
    assert last.payload["event"]["sequence"] == again.calendar_sequence == 2
    assert again.events.order_by("pk").last().what == What.TAKEN_BACK  # type: ignore[union-attr]
    give_up(again, now=inside)
    assert state_of(booking) == State.CANCELLED
    taken_back(booking, now=inside)
    for each in oracle.read_all():
        oracle.check_counts(each)


def test_not_once_the_place_has_gone_to_the_next_in_line() -> None:
    session = make_session(capacity=1)
    booking, waiting = book(session), book(session)
    give_up(booking)
    assert state_of(waiting) == State.CONFIRMED
    with pytest.raises(CannotBeUndone):
        taken_back(booking)
    assert state_of(booking) == State.CANCELLED


def test_a_turn_on_the_list_is_the_one_it_was() -> None:
    session = make_session(capacity=1)
    _, first, second = book(session), book(session), book(session)
    give_up(first)
    taken_back(first)
    again = refreshed(first)
    assert (again.state, again.waiting_position) == (State.WAITING, 1)
    assert refreshed(second).waiting_position == 2
    give_up(again)
    taken_back(first)
    session.refresh_from_db()
    assert session.waiting_count == 2


def test_not_beside_another_booking_nor_at_the_time_of_one_nor_after_the_start() -> None:
    session = make_session()
    given_up = give_up(book(session))
    book(session, given_up.person)
    with pytest.raises(AlreadyBooked):
        taken_back(given_up)
    busy = give_up(book(session))
    book(make_session(), busy.person)
    with pytest.raises(Clash):
        taken_back(busy)
    with pytest.raises(SessionStarted):
        undoing.take_back_cancelling(
            booking=give_up(book(session)), by=make_coordinator(), now=session.starts_at
        )


def test_not_for_an_account_that_has_ended() -> None:
    session = make_session(capacity=1)
    placed, waited = book(session), book(session)
    for booking in (waited, placed):
        give_up(booking)
        User.objects.filter(pk=booking.person_id).update(is_active=False)
        with pytest.raises(AccountEnded):
            taken_back(booking)
        with pytest.raises(AccountEnded):
            book(session, booking.person)


def test_who_ended_is_not_given_the_next_place() -> None:
    session = make_session(capacity=1)
    booking, ended, waiting = book(session), book(session), book(session)
    User.objects.filter(pk=ended.person_id).update(is_active=False)
    give_up(booking)
    assert (state_of(ended), state_of(waiting)) == (State.WAITING, State.CONFIRMED)


def test_whose_agency_was_confirmed_since_has_it_again_and_counts_for_it() -> None:
    session, agency = make_session(), make_agency()
    given_up = give_up(book(session, make_claimant(agency=agency)))
    assert given_up.agency is None
    User.objects.filter(pk=given_up.person_id).update(agency_confirmed_at=NOW)
    taken_back(given_up)
    again = refreshed(given_up)
    assert (again.state, again.agency) == (State.CONFIRMED, agency)


def test_what_was_not_cancelled_or_waited_for_an_answer_is_booked_anew() -> None:
    session = make_session(course=make_course(needs_manager_approval=True))
    held = book(session, manager_email="boss@agency.example")
    give_up(held)
    with pytest.raises(CannotBeUndone):
        taken_back(held)
    with pytest.raises(CannotBeUndone):
        taken_back(book(make_session()))


def test_a_late_charge_is_waived_by_a_coordinator_for_a_reason_and_by_nobody_else() -> None:
    session = make_session(policy=make_policy(late=3500))
    first, second = book(session), book(session)
    inside = session.starts_at - timedelta(days=1)
    by = make_coordinator()
    actions.cancel(booking=first, by=by, now=inside, why="Ill", waived="In hospital")
    assert refreshed(first).charge_pence == 0
    event = first.events.order_by("pk").last()
    assert event is not None
    assert event.why == "Ill Nothing is charged. The reason given: In hospital"
    with pytest.raises(NotYoursToOverride):
        actions.cancel(booking=second, by=second.person, now=inside, waived="I say so")
    actions.cancel(booking=second, by=by, now=inside)
    assert refreshed(second).charge_pence == 3500


def test_after_the_start_an_apology_is_noted_and_the_place_stays() -> None:
    booking = book(make_session())
    later = booking.session.ends_at
    undoing.note_apology(booking=booking, by=make_coordinator(), now=later, why="Flat tyre")
    assert state_of(booking) == State.CONFIRMED
    event = booking.events.order_by("pk").last()
    assert event is not None
    assert (event.what, event.why) == (What.APOLOGISED, "Flat tyre")
    with pytest.raises(NotLive):
        undoing.note_apology(
            booking=give_up(book(make_session())), by=make_coordinator(), now=later, why="?"
        )


def test_who_has_an_offer_accepted_for_them_is_told_by_whom() -> None:
    session = make_session(capacity=1, promotion="offer")
    holder, caller = book(session), book(session)
    give_up(holder)
    answering.accept_offer(booking=caller, by=make_coordinator(), now=NOW)
    told = caller.messages.get(topic="booking.promoted")
    assert told.payload["because"] == "The partnership accepted the offer for you."
