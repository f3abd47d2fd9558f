"""Bookings and sessions ahead, and the events of a feed."""

import icalendar
from django.urls import reverse
from django.utils import timezone

from accounts.models import User
from booking.calendars.actions import new_feed
from booking.calendars.models import CalendarFeed
from booking.catalogue.models import Session
from booking.places import actions
from booking.places.models import Booking
from tests.factories import (
    make_session,
    morning,
)


def book(person: User, session: Session) -> Booking:
    """This person books now."""
    return actions.book(session=session, person=person, by=person, now=timezone.now())


def ahead(**fields: object) -> Session:
    """A session three weeks from today."""
    starts = fields.pop("starts_at", morning(21))
    return make_session(starts_at=starts, **fields)  # type: ignore[arg-type]


def events(content: bytes) -> list[icalendar.Event]:
    """The events of a calendar."""
    found = icalendar.Calendar.from_ical(content).walk("VEVENT")
    return [event for event in found if isinstance(event, icalendar.Event)]


# --- a trainer's own sessions ---


def trainers_feed(trainer: User) -> str:
    token = new_feed(person=trainer, kind=CalendarFeed.Kind.LED, now=timezone.now())
    return reverse("private_feed", args=[token])
