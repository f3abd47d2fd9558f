"""Bookings and sessions ahead, and the events of a feed."""

import icalendar
from django.urls import reverse
from django.utils import timezone

from accounts.models import User
from booking.calendars.actions import new_feed
from booking.calendars.models import CalendarFeed


def events(content: bytes) -> list[icalendar.Event]:
    """The events of a calendar."""
    found = icalendar.Calendar.from_ical(content).walk("VEVENT")
    return [event for event in found if isinstance(event, icalendar.Event)]


# --- a trainer's own sessions ---


def trainers_feed(trainer: User) -> str:
    token = new_feed(person=trainer, kind=CalendarFeed.Kind.LED, now=timezone.now())
    return reverse("private_feed", args=[token])
