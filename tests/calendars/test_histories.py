"""Whatever happens, in whatever order: calendars show exactly the places that people have."""

import os
from datetime import datetime

import pytest
from django.db import connection

from booking.outbox.models import Message
from tests.calendars.calendar_client import Entry
from tests.calendars.histories import PEOPLE, World

pytestmark = pytest.mark.django_db

# A hundred each time; `make test-deep` asks for ten thousand.
HISTORIES = 10_000 if os.environ.get("DEEP") == "1" else 100


@pytest.mark.deep
@pytest.mark.parametrize("seed", range(HISTORIES // PEOPLE))
def test_calendars_kept_by_messages_alone_show_exactly_the_confirmed_sittings(seed: int) -> None:
    world = World(seed)
    world.live()
    connection.check_constraints()
    for person_id, expected in world.expected().items():
        calendar = world.calendars[person_id]
        assert calendar.faults == []
        assert calendar.entries == expected


@pytest.mark.deep
@pytest.mark.parametrize("seed", range(HISTORIES // PEOPLE))
def test_the_dates_ahead_keep_their_numbers_when_others_have_begun(seed: int) -> None:
    world = World(seed, short=True)
    world.live()
    for person_id, expected in world.expected().items():
        calendar = world.calendars[person_id]
        assert calendar.faults == []
        assert ahead(calendar.entries, now=world.now) == ahead(expected, now=world.now)
        assert times(calendar.entries) == times(expected)


def ahead(entries: dict[str, Entry], *, now: datetime) -> dict[str, Entry]:
    """Those that have not begun. The others are left as they were last told."""
    return {uid: entry for uid, entry in entries.items() if entry.starts > now}


def times(entries: dict[str, Entry]) -> dict[str, tuple[datetime, datetime]]:
    return {uid: (entry.starts, entry.ends) for uid, entry in entries.items()}


def test_some_short_histories_change_a_session_that_has_begun() -> None:
    renumbered = 0
    for seed in range(2):
        world = World(seed, short=True)
        world.live()
        renumbered += Message.objects.filter(
            topic="session.changed", payload__number__gt=1, booking__session__in=world.sessions
        ).count()
    assert renumbered > 4


def test_the_histories_have_everything_in_them() -> None:
    happened: set[str] = set()
    cancelled = shown = booked = 0
    for seed in (100, 101):
        world = World(seed)
        world.live()
        happened |= set(world.done)
        shown += sum(map(len, world.expected().values()))
        booked += len({booking.person_id for booking in world.bookings()})
        known = sum(len(calendar.known) for calendar in world.calendars.values())
        cancelled += known - sum(len(each.entries) for each in world.calendars.values())
    assert happened == {
        "somebody_books",
        "somebody_gives_up",
        "somebody_answers",
        "a_manager_answers",
        "a_place_changes_hands",
        "somebody_exchanges_dates",
        "people_are_invited",
        "somebody_is_moved_up",
        "a_session_changes",
        "a_session_is_called_off",
        "places_are_filled",
        "capacity_changes",
        "some_mail_arrives",
    }
    assert min(shown, cancelled) > 30
    assert booked == 2 * PEOPLE
