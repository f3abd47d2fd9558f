"""What coordinators change, and who is told."""

from dataclasses import replace
from datetime import timedelta

import pytest

from booking.places.events import BookingEvent
from booking.places.models import Booking
from booking.places.refusals import CapacityTooLow, SessionNotOpen, SessionStarted
from booking.scheduling import cancelling, capacity
from booking.scheduling.changing import BadTimes, PlannedSitting
from booking.site.working_days import working_days_before
from tests.factories import NOW, make_coordinator, make_session, make_venue
from tests.people import book
from tests.scheduling.changes import as_it_is, move, move_to, posted, rearrange

pytestmark = pytest.mark.django_db


def test_a_move_invites_again_with_the_same_uid_and_a_higher_sequence() -> None:
    session = make_session(capacity=1)
    held, waiting = book(session), book(session)
    later = session.starts_at + timedelta(hours=1)
    told = move_to(session, later)
    assert [change.what for change in told] == ["Date and time"]
    invited, moved_message = posted(held)
    assert moved_message.topic == "session.changed"
    assert moved_message.payload["event"]["method"] == "REQUEST"
    assert moved_message.payload["event"]["uid"] == invited.payload["event"]["uid"]
    assert moved_message.payload["event"]["sequence"] == 1
    assert moved_message.payload["event"]["starts"] == later.isoformat()
    assert "event" not in posted(waiting)[-1].payload
    session.refresh_from_db()
    assert session.starts_at == later


def test_dropping_a_date_calls_off_that_entry_alone() -> None:
    first = NOW + timedelta(days=20)
    second = first + timedelta(days=7)
    session = make_session(
        sittings=[(first, first + timedelta(hours=3)), (second, second + timedelta(hours=3))]
    )
    booking = book(session)
    rearrange(session, sittings=as_it_is(session).sittings[:1])
    invitations, after = posted(booking)[:2], posted(booking)[2:]
    assert [message.payload["event"]["method"] for message in after] == ["REQUEST", "CANCEL"]
    assert after[1].payload["event"]["uid"] == invitations[1].payload["event"]["uid"]
    assert session.sittings.count() == 1


def test_a_date_may_move_onto_the_old_time_of_another() -> None:
    first = NOW + timedelta(days=20)
    week = timedelta(days=7)
    session = make_session(
        sittings=[(first, first + timedelta(hours=3)), (first + week, first + week * 2)]
    )
    for step in (week, -week):
        planned = as_it_is(session).sittings
        move(session, step)
        assert [each.pk for each in session.sittings.all()] == [each.key for each in planned]
    session.refresh_from_db()
    assert session.starts_at == first


def test_another_meeting_is_told_to_nobody_and_stands_in_no_history() -> None:
    session = make_session(capacity=1, delivery="online", meeting="https://meet.example/old")
    held, waiting = book(session), book(session)
    rearrange(session, meeting="https://meet.example/new")
    assert [message.topic for message in posted(held)] == ["booking.confirmed"]
    assert [message.topic for message in posted(waiting)] == ["booking.waiting"]
    assert session.events.filter(what="Meeting address changed").exists()
    rearrange(session, delivery="in person", venue=make_venue("Carriageworks"))
    rearrange(session, delivery="online", venue=None, meeting="https://meet.example/third")
    for booking in (held, waiting):
        told = [each["what"] for each in posted(booking)[-1].payload["changes"]]
        assert told == ["Place"]
    for booking in (held, waiting):
        assert not booking.events.filter(why__contains="meet.example").exists()
    assert not session.events.filter(what__contains="meet.example").exists()
    assert waiting.events.get(why="Place: Online").what == BookingEvent.What.SESSION_CHANGED


def test_a_date_keeps_its_number_once_an_earlier_one_has_begun() -> None:
    starts = [NOW + timedelta(days=days) for days in (20, 27, 34)]
    session = make_session(sittings=[(each, each + timedelta(hours=3)) for each in starts])
    booking = book(session)
    rearrange(session, venue=make_venue("Carriageworks"), now=starts[0] + timedelta(days=1))
    numbers = [(each.payload["number"], each.payload["of"]) for each in posted(booking)]
    assert numbers == [(1, 3), (2, 3), (3, 3), (2, 3), (3, 3)]


def test_the_day_to_decide_keeps_its_distance_from_the_start() -> None:
    session = make_session(starts_at=NOW + timedelta(days=30), minimum=3)
    first = session.starts_at.date()
    session.decide_on = working_days_before(first, 4)
    session.save()
    move(session, timedelta(days=14))
    assert session.decide_on == working_days_before(first + timedelta(days=14), 4)


def test_nothing_changed_tells_nobody() -> None:
    session = make_session()
    booking = book(session)
    assert not rearrange(session)
    assert len(posted(booking)) == 1


def test_another_venue_says_before_and_after() -> None:
    session = make_session(venue=make_venue("Reginald Centre"))
    booking = book(session)
    rearrange(session, venue=make_venue("Merrion House"))
    assert posted(booking)[-1].payload["changes"] == [
        {
            "what": "Place",
            "before": "Reginald Centre",
            "after": "Merrion House",
            "matter": "when and where",
        }
    ]


def test_impossible_times_are_refused() -> None:
    session = make_session()
    [only] = as_it_is(session).sittings
    for sittings, words in [
        ((), "at least one date"),
        ((replace(only, ends_at=only.starts_at),), "end after it starts"),
        ((only, PlannedSitting(only.starts_at + timedelta(hours=1), only.ends_at)), "overlap"),
        ((PlannedSitting(NOW - timedelta(hours=1), NOW + timedelta(hours=1)),), "lie ahead"),
    ]:
        with pytest.raises(BadTimes, match=words):
            rearrange(session, sittings=sittings)


def test_capacity_cannot_fall_below_what_is_taken() -> None:
    session = make_session(capacity=3)
    book(session), book(session)
    with pytest.raises(CapacityTooLow, match="2 places are taken, so the capacity cannot be 1"):
        capacity.change_capacity(by=make_coordinator(), session=session, capacity=1, now=NOW)
    assert (
        capacity.change_capacity(by=make_coordinator(), session=session, capacity=2, now=NOW) == 0
    )


def test_more_capacity_goes_to_those_who_wait() -> None:
    session = make_session(capacity=1)
    book(session)
    waiting = [book(session) for _ in range(3)]
    assert (
        capacity.change_capacity(by=make_coordinator(), session=session, capacity=3, now=NOW) == 2
    )
    states = [Booking.objects.get(pk=each.pk).state for each in waiting]
    assert states == ["confirmed", "confirmed", "waiting"]


def test_cancelling_a_session_ends_every_booking_and_tells_everybody() -> None:
    session = make_session(capacity=1)
    held, waiting = book(session), book(session)
    ended = cancelling.cancel_session(
        session=session, by=make_coordinator(), now=NOW, why="The trainer is ill."
    )
    assert ended == 2
    session.refresh_from_db()
    assert (session.state, session.places_taken, session.waiting_count) == ("cancelled", 0, 0)
    assert not Booking.objects.for_session(session).live().exists()
    invited, called_off = posted(held)
    assert called_off.payload["event"]["method"] == "CANCEL"
    assert called_off.payload["event"]["sequence"] > invited.payload["event"]["sequence"]
    assert posted(waiting)[-1].topic == "session.cancelled"
    assert "event" not in posted(waiting)[-1].payload
    with pytest.raises(SessionNotOpen):
        cancelling.cancel_session(session=session, by=make_coordinator(), now=NOW, why="Again.")


def test_a_sitting_that_has_begun_neither_moves_nor_goes() -> None:
    first = NOW + timedelta(days=21)
    second = first + timedelta(days=7)
    session = make_session(
        sittings=[(first, first + timedelta(hours=3)), (second, second + timedelta(hours=3))]
    )
    held = as_it_is(session)
    longer = replace(held.sittings[0], ends_at=first + timedelta(hours=5))
    for sittings in ((longer, held.sittings[1]), (held.sittings[1],)):
        with pytest.raises(BadTimes, match="A date that has begun cannot change"):
            rearrange(session, sittings=sittings, now=first + timedelta(hours=1))
    with pytest.raises(SessionStarted):
        rearrange(session, now=second)
