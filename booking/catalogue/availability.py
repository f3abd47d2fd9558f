"""Whether a session can be booked, in words."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from booking.catalogue.models import Session
from booking.site.wording import clock, counted, day, deadline

Tone = Literal["open", "few", "full", "soon", "closed", "cancelled"]

# From how few places on a person should hurry.
_FEW = 3


@dataclass(frozen=True)
class Availability:
    """What a person may do about a session at one moment.

    `text` is the short sentence of lists, `waiting` how many people wait when it is full (or
    nothing), `tone` the ending of its CSS class. At most one of `can_book` (a place is free) and
    `can_wait` (only the waiting list is open) is true.
    """

    text: str
    tone: Tone
    can_book: bool = False
    can_wait: bool = False
    waiting: str = ""


def availability(session: Session, now: datetime) -> Availability:
    """How the session stands at `now`; it costs no statement."""
    if session.state == Session.State.CANCELLED:
        return Availability("Cancelled", "cancelled")
    if session.state == Session.State.DRAFT:
        return Availability("Not published yet", "closed")
    if session.state == Session.State.COMPLETED or session.ends_at <= now:
        return Availability("This session has taken place", "closed")
    if session.starts_at <= now:
        return Availability("This session has started", "closed")
    opens = session.booking_opens_at
    if opens is not None and opens > now:
        return Availability(f"Booking opens on {day(opens)} at {clock(opens)}", "soon")
    if session.booking_ends_at <= now:
        return Availability("Booking closed", "closed")
    left = session.places_left
    if left <= 0:
        number = session.waiting_count
        waiting = f"{counted(number, 'person', 'people')} waiting" if number else ""
        text = "Full: join the waiting list" if session.is_full else "People wait for places"
        return Availability(text, "full", can_wait=True, waiting=waiting)
    return Availability(
        f"{counted(left, 'place')} left", "few" if left <= _FEW else "open", can_book=True
    )


def why_not(session: Session, now: datetime) -> str:
    """The whole sentence that stands where the button would be, or nothing if there is a button."""
    found = availability(session, now)
    if found.can_book or found.can_wait:
        return ""
    if found.tone == "cancelled":
        reason = session.cancellation_reason.strip()
        return f"This session has been cancelled. {reason}".strip()
    if found.text == "Booking closed":
        return f"Booking closed at {deadline(session.booking_ends_at)}."
    return f"{found.text}."
