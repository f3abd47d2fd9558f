"""Booking, waiting and passing places on, seen from the actions."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from booking.catalogue.models import Session
from booking.outbox.models import Message
from booking.places import actions
from booking.places.changing import answering
from booking.places.events import BookingEvent
from booking.places.models import Booking
from booking.places.refusals import NothingOffered, OfferRanOut
from booking.places.sweep import sweep
from tests.factories import NOW, make_person, make_session
from tests.people import book, give_up
from tests.places.booked import State, refreshed

pytestmark = pytest.mark.django_db


def topics(booking: Booking) -> list[str]:
    """What was posted about a booking, in order."""
    return list(
        Message.objects.filter(booking=booking).order_by("id").values_list("topic", flat=True)
    )


def happened(booking: Booking) -> list[str]:
    """What is on record of a booking, in order."""
    return list(
        BookingEvent.objects.filter(booking=booking).order_by("id").values_list("what", flat=True)
    )


def test_free_place_is_confirmed_with_event_and_message() -> None:
    session = make_session(capacity=2)
    booking = book(session, needs="A ramp")
    session.refresh_from_db()
    assert booking.state == State.CONFIRMED
    assert (session.places_taken, session.waiting_count) == (1, 0)
    assert topics(booking) == ["booking.confirmed"]
    assert happened(booking) == ["booked"]
    assert refreshed(booking).needs == "A ramp"


def test_full_session_puts_people_on_the_list_in_order() -> None:
    session = make_session(capacity=1)
    book(session)
    second, third = book(session), book(session)
    session.refresh_from_db()
    assert (second.state, third.state) == (State.WAITING, State.WAITING)
    assert (second.waiting_position, third.waiting_position) == (1, 2)
    assert (session.places_taken, session.waiting_count) == (1, 2)
    assert topics(second) == ["booking.waiting"]


def test_each_date_of_a_session_gets_its_own_invitation() -> None:
    first = NOW + timedelta(days=20)
    second = first + timedelta(days=7)
    times = [(first, first + timedelta(hours=3)), (second, second + timedelta(hours=3))]
    booking = book(make_session(sittings=times))
    messages = list(Message.objects.filter(booking=booking).order_by("id"))
    assert [message.topic for message in messages] == ["booking.confirmed", "booking.further_date"]
    uids = {message.payload["event"]["uid"] for message in messages}
    assert len(uids) == 2
    assert [message.payload["event"]["starts"] for message in messages] == [
        first.isoformat(),
        second.isoformat(),
    ]


def test_freed_place_goes_to_the_first_person_waiting() -> None:
    session = make_session(capacity=1)
    holder = book(session)
    first, second = book(session), book(session)
    cancelled = give_up(holder)
    session.refresh_from_db()
    assert refreshed(first).state == State.CONFIRMED
    assert refreshed(second).state == State.WAITING
    assert (session.places_taken, session.waiting_count) == (1, 1)
    assert topics(first) == ["booking.waiting", "booking.promoted"]
    assert happened(first) == ["joined", "promoted"]
    assert topics(holder) == ["booking.confirmed", "booking.cancelled"]
    invited, called_off = Message.objects.filter(booking=holder).order_by("id")
    assert called_off.payload["event"]["uid"] == invited.payload["event"]["uid"]
    assert called_off.payload["event"]["sequence"] > invited.payload["event"]["sequence"]
    assert called_off.payload["event"]["method"] == "CANCEL"
    assert cancelled.state == State.CANCELLED


def test_booking_again_after_cancelling_is_a_new_calendar_entry() -> None:
    session = make_session()
    person = make_person()
    first = book(session, person)
    actions.cancel(booking=first, by=person, now=NOW)
    second = book(session, person)
    assert second.pk != first.pk
    assert second.calendar_key != first.calendar_key


def test_leaving_the_list_moves_the_others_up() -> None:
    session = make_session(capacity=1)
    book(session)
    first, second = book(session), book(session)
    give_up(first)
    session.refresh_from_db()
    assert refreshed(first).state == State.WITHDRAWN
    assert refreshed(second).waiting_position == 1
    assert session.waiting_count == 1
    assert topics(first) == ["booking.waiting", "booking.withdrawn"]


# 24 working hours after NOW, a Tuesday morning at nine: Thursday at five.
LAST_MOMENT = NOW + timedelta(days=2, hours=8)


class TestOffers:
    """A session that offers places instead of giving them."""

    def offered(self) -> tuple[Session, Booking, Booking]:
        """A full session whose first waiting person has just been offered a place."""
        session = make_session(capacity=1, promotion=Session.Promotion.OFFER, offer_hours=24)
        holder = book(session)
        first, second = book(session), book(session)
        give_up(holder)
        return session, refreshed(first), refreshed(second)

    def test_place_is_held_for_the_person_offered_it(self) -> None:
        session, first, second = self.offered()
        session.refresh_from_db()
        assert first.state == State.OFFERED
        assert first.offered_until == LAST_MOMENT
        assert (session.places_taken, session.waiting_count) == (1, 1)
        assert second.state == State.WAITING
        assert topics(first) == ["booking.waiting", "booking.offered"]

    def test_accepting_confirms_and_invites(self) -> None:
        session, first, _ = self.offered()
        answering.accept_offer(
            booking=first, by=first.person, now=LAST_MOMENT - timedelta(seconds=1)
        )
        session.refresh_from_db()
        assert refreshed(first).state == State.CONFIRMED
        assert session.places_taken == 1
        assert topics(first)[-1] == "booking.promoted"

    def test_declining_passes_the_offer_on(self) -> None:
        _, first, second = self.offered()
        answering.decline_offer(booking=first, by=first.person, now=NOW)
        assert refreshed(first).state == State.DECLINED
        assert refreshed(second).state == State.OFFERED

    def test_declining_late_does_not_cancel_an_accepted_place(self) -> None:
        _, first, _ = self.offered()
        answering.accept_offer(booking=first, by=first.person, now=NOW)
        with pytest.raises(NothingOffered):
            answering.decline_offer(booking=first, by=first.person, now=NOW)
        assert refreshed(first).state == State.CONFIRMED

    def test_offer_that_runs_out_goes_to_the_next(self) -> None:
        session, first, second = self.offered()
        later = LAST_MOMENT
        assert sweep(now=later - timedelta(seconds=1)) == 0
        assert sweep(now=later) == 1
        session.refresh_from_db()
        assert refreshed(first).state == State.LAPSED
        assert refreshed(second).state == State.OFFERED
        assert (session.places_taken, session.waiting_count) == (1, 0)
        with pytest.raises(OfferRanOut):
            answering.accept_offer(booking=first, by=first.person, now=later)

    def test_offer_cannot_be_accepted_late_even_before_the_sweep(self) -> None:
        _, first, _ = self.offered()
        with pytest.raises(OfferRanOut):
            answering.accept_offer(booking=first, by=first.person, now=LAST_MOMENT)
        assert refreshed(first).state == State.OFFERED

    def test_offer_grows_shorter_as_the_start_nears(self) -> None:
        session = make_session(
            capacity=1, promotion=Session.Promotion.OFFER, starts_at=NOW + timedelta(hours=5)
        )
        holder, waiting = book(session), book(session)
        give_up(holder)
        assert refreshed(waiting).offered_until == NOW + timedelta(hours=2, minutes=30)

    def test_nothing_to_accept_on_a_confirmed_booking(self) -> None:
        booking = book(make_session())
        with pytest.raises(NothingOffered):
            answering.accept_offer(booking=booking, by=booking.person, now=NOW)


def test_many_waiting_people_are_given_places_in_short_transactions() -> None:
    session = make_session(capacity=1)
    book(session)
    people = [make_person() for _ in range(actions.FILL_AT_ONCE + 5)]
    for person in people:
        book(session, person)
    Session.objects.filter(pk=session.pk).update(capacity=100)
    assert sweep(now=NOW) == len(people)
    session.refresh_from_db()
    assert (session.places_taken, session.waiting_count) == (len(people) + 1, 0)
    assert Booking.objects.for_session(session).confirmed().count() == len(people) + 1


def test_newcomer_comes_after_those_who_wait_for_places_just_added() -> None:
    session = make_session(capacity=1)
    book(session)
    first, second = book(session), book(session)
    Session.objects.filter(pk=session.pk).update(capacity=2)
    assert book(session).state == State.WAITING
    assert [refreshed(each).state for each in (first, second)] == [State.CONFIRMED, State.WAITING]
    Session.objects.filter(pk=session.pk).update(capacity=5)
    assert book(session).state == State.CONFIRMED
    session.refresh_from_db()
    assert (session.places_taken, session.waiting_count) == (5, 0)
    assert refreshed(second).state == State.CONFIRMED


def test_people_are_locked_once_after_each_locking_of_a_session() -> None:
    """Locked twice, in no common order, two sessions could wait for each other for ever."""
    session = make_session(capacity=1)
    book(session)
    book(session)
    Session.objects.filter(pk=session.pk).update(capacity=3)
    with CaptureQueriesContext(connection) as asked:
        book(session)
    locks = [query["sql"] for query in asked if "FOR NO KEY UPDATE" in query["sql"]]
    tables = ["people" if "accounts_user" in sql else "session" for sql in locks]
    assert tables == ["session", "people"] * 2


def test_statements_of_one_booking(django_assert_num_queries) -> None:  # type: ignore[no-untyped-def]
    """Savepoint and release, then: lock, person, rules, booking, counts, event, message."""
    session = make_session()
    person = make_person()
    with django_assert_num_queries(9):
        book(session, person)


def test_a_session_that_fails_keeps_no_other_from_its_turn() -> None:
    broken, sound = make_session(capacity=1), make_session(capacity=1)
    waiting = {}
    for session in (broken, sound):
        first, second = make_person(), make_person()
        book(session, first)
        waiting[session.pk] = book(session, second)
    Session.objects.update(capacity=2)
    with connection.cursor() as cursor:
        cursor.execute(
            f"""
            CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql
                AS $$ BEGIN RAISE EXCEPTION 'broken'; END $$;
            CREATE TRIGGER broken BEFORE UPDATE ON booking_session FOR EACH ROW
                WHEN (NEW.id = {broken.pk}) EXECUTE FUNCTION refuse();
            """
        )
    with pytest.raises(ExceptionGroup) as raised:
        sweep(now=NOW)
    assert "broken" in str(raised.value.exceptions[0])
    states = {key: Booking.objects.get(pk=each.pk).state for key, each in waiting.items()}
    assert states == {broken.pk: "waiting", sound.pk: "confirmed"}


def test_to_count_a_place_taken_writes_no_index_of_the_session() -> None:
    # PostgreSQL writes all of a row's indexes where one names a column that has changed.
    with connection.cursor() as cursor:
        cursor.execute("SELECT indexdef FROM pg_indexes WHERE tablename = 'booking_session'")
        found = [definition for (definition,) in cursor.fetchall()]
    assert any("waiting_count > 0" in definition for definition in found)
    assert not [each for each in found if "places_taken" in each or "last_ticket" in each]
