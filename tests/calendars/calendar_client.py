"""A calendar that does what Outlook, Google and Apple do with the invitations in its mail."""

from dataclasses import dataclass, field
from datetime import datetime
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any

import icalendar

from booking.mail.composing import compose
from booking.outbox.delivery import deliver
from booking.outbox.smtp import SmtpConnection
from booking.places.models import Booking
from booking.places.news.drafts import calendar_uid
from tests.calendars import libical
from tests.people import join_url


@dataclass(frozen=True)
class Entry:
    """What a person sees in their calendar."""

    summary: str
    location: str
    starts: datetime
    ends: datetime


@dataclass(frozen=True)
class ITip:
    """One calendar message: what to do with which entry (RFC 5546)."""

    method: str
    uid: str
    sequence: int
    entry: Entry


@dataclass
class CalendarClient:
    """One person's calendar, kept by nothing but the messages that reach them.

    A REQUEST puts an entry in or replaces it, a CANCEL takes it out, and whatever is older than
    what is known of its UID is left aside (RFC 5546, 2.1.5). `faults` lists messages whose
    SEQUENCE did not rise.
    """

    entries: dict[str, Entry] = field(default_factory=dict)
    known: dict[str, int] = field(default_factory=dict)
    faults: list[str] = field(default_factory=list)

    def receive(self, told: ITip) -> None:
        """Take one message in."""
        known = self.known.get(told.uid, -1)
        if told.sequence <= known:
            self.faults.append(f"{told.method} {told.sequence} after {known} of {told.uid}")
        if told.sequence < known:
            return
        self.known[told.uid] = told.sequence
        if told.method == "REQUEST":
            self.entries[told.uid] = told.entry
        else:
            self.entries.pop(told.uid, None)


def itip(sent: bytes) -> ITip:
    """The one event of a calendar message, as libical reads it, or icalendar if need be."""
    try:
        calendar = libical.read(sent, zones="system")
    except libical.LibicalMissing:
        return _itip_by_icalendar(sent)
    [seen] = calendar.events
    assert isinstance(seen.starts, datetime)
    assert isinstance(seen.ends, datetime)
    entry = Entry(seen.summary, seen.location, seen.starts, seen.ends)
    return ITip(calendar.method or "", seen.uid, seen.sequence, entry)


def _itip_by_icalendar(sent: bytes) -> ITip:
    calendar: Any = icalendar.Calendar.from_ical(sent)
    [event] = calendar.walk("VEVENT")
    entry = Entry(
        summary=str(event["SUMMARY"]),
        location=str(event.get("LOCATION", "")),
        starts=event.decoded("DTSTART"),
        ends=event.decoded("DTEND"),
    )
    return ITip(str(calendar["METHOD"]), str(event["UID"]), int(event["SEQUENCE"]), entry)


def what_the_calendar_should_show(bookings: list[Booking]) -> dict[str, Entry]:
    """The sittings of the confirmed ones, by UID, said another way than the site says it.

    The bookings come with their session, its course, venue and sittings.
    """
    shown = {}
    for booking in bookings:
        if booking.state != Booking.State.CONFIRMED:
            continue
        session = booking.session
        sittings = sorted(session.sittings.all(), key=lambda sitting: sitting.starts_at)
        for number, sitting in enumerate(sittings, start=1):
            which = f" (date {number} of {len(sittings)})" if len(sittings) > 1 else ""
            shown[calendar_uid(booking, sitting.pk)] = Entry(
                summary=f"{session.course.title}{which}",
                location=_where(booking),
                starts=sitting.starts_at,
                ends=sitting.ends_at,
            )
    return shown


def _where(booking: Booking) -> str:
    session = booking.session
    if session.delivery == "online":
        return join_url(booking)
    return f"{session.venue.name}, {session.venue.address}" if session.venue else "To be announced"


def deliver_everything(*, now: datetime) -> None:
    """Hand every due message to the mail server, as the worker does."""
    post = SmtpConnection()
    try:
        while deliver(compose=compose, post=post, clock=lambda: now):
            pass
    finally:
        post.close()


def calendar_part_of(mail: bytes) -> tuple[bytes, EmailMessage] | None:
    """The calendar object in a mail's bytes and the part that holds it, if there is one."""
    parsed = message_from_bytes(mail, policy=policy.default)
    parts = [each for each in parsed.walk() if each.get_content_type() == "text/calendar"]
    if not parts:
        return None
    [part] = parts
    assert isinstance(part, EmailMessage)
    content = part.get_payload(decode=True)
    assert isinstance(content, bytes)
    return content, part
