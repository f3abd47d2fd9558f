"""Lists of who comes: whose they may be, what they hold, and as CSV."""

from collections import Counter
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Q
from django.shortcuts import get_object_or_404

from accounts.models import User
from booking.catalogue.models import Session, SessionQuerySet
from booking.places.models import Booking
from booking.site.human_order import human_order
from booking.site.spreadsheets import as_csv
from booking.site.wording import short_day

# A trainer needs the list to prepare, to teach and to tidy up after; not for ever.
TRAINER_ACCESS_AFTER_END = timedelta(days=14)


@dataclass(frozen=True)
class AttendeeList:
    """The people of one session: those with a place, those waiting, and where they come from."""

    booked: list[Booking]
    waiting: list[Booking]
    agencies: list[tuple[str, int]]

    @property
    def rows(self) -> int:
        """How many people it shows."""
        return len(self.booked) + len(self.waiting)


def attendee_list(session: Session) -> AttendeeList:
    """Everybody who holds a place, by name, and the waiting list in its order."""
    live = Booking.objects.for_session(session).live().select_related("person__agency")
    booked: list[Booking] = []
    waiting: list[Booking] = []
    for booking in live:
        (waiting if booking.state == Booking.State.WAITING else booked).append(booking)
    booked.sort(key=lambda each: each.person.sort_name)
    waiting.sort(key=lambda each: each.ticket or 0)
    counts = Counter(each.person.agency_and_standing or "Not given" for each in booked)
    agencies = sorted(counts.items(), key=lambda item: (-item[1], human_order(item[0])))
    return AttendeeList(booked, waiting, agencies)


def sessions_open_to(person: User, *, now: datetime) -> SessionQuerySet:
    """Sessions whose people this person may see.

    A coordinator sees all. A trainer sees the sessions they lead, until
    `TRAINER_ACCESS_AFTER_END` after the end. Everybody else sees none.
    """
    if person.is_coordinator:
        return Session.objects.all()
    if not person.is_trainer:
        return Session.objects.none()
    recent = Q(ends_at__gt=now - TRAINER_ACCESS_AFTER_END)
    return Session.objects.public().led_by(person).filter(recent)


def session_with_people(person: User, session_id: int, *, now: datetime) -> Session:
    """A session whose people this person may see. Raises `Http404` for any other."""
    sessions = sessions_open_to(person, now=now).select_related("course", "venue")
    return get_object_or_404(sessions, pk=session_id)


def _row(booking: Booking, place: str) -> list[str]:
    person = booking.person
    return [
        person.last_name,
        person.first_name,
        person.job_title,
        person.agency_and_standing,
        booking.needs.replace("\r\n", "\n"),
        short_day(booking.booked_at),
        place,
    ]


def attendees_as_csv(people: AttendeeList) -> bytes:
    """The list as CSV: those with a place, then those who wait, in their order."""
    rows = [_row(booking, booking.get_state_display()) for booking in people.booked]
    rows += [
        _row(booking, f"Waiting, number {position}")
        for position, booking in enumerate(people.waiting, start=1)
    ]
    heading = ["Last name", "First name", "Job title", "Agency", "Needs", "Booked on", "Place"]
    return as_csv(heading, rows)
