"""An event as the parsers are to read it."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from booking.calendars.ics import Event

LONDON = ZoneInfo("Europe/London")


def london(year: int, month: int, day: int, hour: int, minute: int, *, fold: int = 0) -> datetime:
    return datetime(year, month, day, hour, minute, tzinfo=LONDON, fold=fold)


def event(**changes: Any) -> Event:
    usual = Event(
        uid="9b2f6f0e-booking-1@training.example.org",
        sequence=0,
        stamp=datetime(2026, 11, 24, 8, 0, tzinfo=UTC),
        starts=london(2027, 1, 12, 9, 30),
        ends=london(2027, 1, 12, 12, 30),
        summary="Domestic abuse: a coordinated response",
        location="Council House, Room 4; Main Street",
        description="Bring a pen.\nTo cancel your place, use the link.",
        url="https://training.example.org/bookings/1?from=calendar",
        organizer_name="Anytown Safeguarding Partnership",
        organizer_email="training@example.org",
        attendee_name="Sam O'Neill",
        attendee_email="sam.o'neill+work@example.org",
    )
    return replace(usual, **changes)
