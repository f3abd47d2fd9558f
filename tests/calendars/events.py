"""Events as the parsers are to read them, and calendars as they were read."""

import re
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import icalendar
from django.urls import reverse
from django.utils import timezone

from accounts.models import User
from booking.calendars.actions import new_feed
from booking.calendars.ics import Event
from booking.calendars.models import CalendarFeed

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


def properties(sent: bytes) -> list[str]:
    """The lines of a calendar, unfolded."""
    return sent.decode().replace("\r\n ", "").split("\r\n")


def shape(sent: bytes) -> list[str]:
    """Which properties there are, in order, without what they say."""
    return [re.split("[;:]", line, maxsplit=1)[0] for line in properties(sent)]


def check_lines(sent: bytes) -> None:
    """Fail unless every line ends in CRLF, is short and whole (RFC 5545, 3.1)."""
    assert sent.endswith(b"\r\n")
    lines = sent.split(b"\r\n")
    assert not any(b"\r" in line or b"\n" in line for line in lines)
    for line in lines:
        assert len(line) <= 75
        line.decode()  # no line ends inside a character


def events(content: bytes) -> list[icalendar.Event]:
    """The events of a calendar."""
    found = icalendar.Calendar.from_ical(content).walk("VEVENT")
    return [event for event in found if isinstance(event, icalendar.Event)]


def trainers_feed(trainer: User) -> str:
    token = new_feed(person=trainer, kind=CalendarFeed.Kind.LED, now=timezone.now())
    return reverse("private_feed", args=[token])
