"""Sessions and bookings as calendar events."""

from collections.abc import Iterable, Iterator
from email.utils import parseaddr

from django.conf import settings
from django.urls import reverse

from booking.calendars.entry_words import entry_description, entry_title
from booking.calendars.ics import Event
from booking.catalogue.models import Session
from booking.places.announcements import calendar_uid
from booking.places.models import Booking


def _organizer() -> tuple[str, str]:
    name, address = parseaddr(settings.MAIL_REPLY_TO)
    return name or settings.PARTNERSHIP_NAME, address


def _location(session: Session) -> str:
    if session.venue and not session.is_online:
        return f"{session.venue.name}, {session.venue.address}"
    return session.where


def session_events(session: Session) -> Iterator[Event]:
    """What the public may know of a session: no join link, nobody's name.

    UIDs differ from those of a person's own booking, so that keeping both does not mix them up.
    """
    name, address = _organizer()
    domain = address.rpartition("@")[2]
    page = settings.SITE_URL + reverse("session", args=[session.pk])
    sittings = list(session.sittings.all())
    for number, sitting in enumerate(sittings, start=1):
        yield Event(
            uid=f"session-{session.pk}-{sitting.pk}@{domain}",
            sequence=session.revision,
            stamp=session.changed_at,
            starts=sitting.starts_at,
            ends=sitting.ends_at,
            summary=entry_title(session.course.title, number=number, of=len(sittings)),
            location=_location(session),
            description=f"{session.course.summary}\n\nDetails and booking: {page}".strip(),
            url=page,
            organizer_name=name,
            organizer_email=address,
            cancelled=session.state == Session.State.CANCELLED,
        )


def booking_events(bookings: Iterable[Booking]) -> Iterator[Event]:
    """A person's own bookings: the same UIDs as in the invitations they were sent."""
    name, address = _organizer()
    for booking in bookings:
        session = booking.session
        page = settings.SITE_URL + reverse("booking", args=[booking.pk])
        sittings = list(session.sittings.all())
        join_url = session.join_url if session.is_online else ""
        for number, sitting in enumerate(sittings, start=1):
            yield Event(
                uid=calendar_uid(booking, sitting.pk),
                sequence=booking.calendar_sequence,
                stamp=max(
                    filter(None, (session.changed_at, booking.confirmed_at, booking.ended_at))
                ),
                starts=sitting.starts_at,
                ends=sitting.ends_at,
                summary=entry_title(session.course.title, number=number, of=len(sittings)),
                location=join_url or _location(session),
                description=entry_description(
                    join_url=join_url,
                    booking_url=page,
                    instructions=session.joining_instructions,
                ),
                url=page,
                organizer_name=name,
                organizer_email=address,
                cancelled=booking.state == Booking.State.CANCELLED,
                tentative=booking.state == Booking.State.OFFERED,
            )
