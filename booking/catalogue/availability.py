"""Whether a session can be booked, decided once and in words, and how full its course is."""

from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import Literal

from booking.catalogue.models import Session
from booking.site.wording import MONTHS, clock, counted, deadline, in_london, short_day

Tone = Literal["open", "few", "full", "soon", "closed", "cancelled"]


class Opening(Enum):
    """Whether a session takes bookings, and if not, why; the first reason that holds counts."""

    CANCELLED = Session.State.CANCELLED.value
    DRAFT = Session.State.DRAFT.value
    COMPLETED = Session.State.COMPLETED.value
    STARTED = "started"
    NOT_YET = "not yet"
    CLOSED = "closed"
    OPEN = "open"


def opening(session: Session, *, now: datetime) -> Opening:
    """Whether the session takes bookings at this moment; it costs no statement."""
    if session.state != Session.State.PUBLISHED:
        return Opening(session.state)
    if session.starts_at <= now:
        return Opening.STARTED
    if session.booking_opens_at is not None and session.booking_opens_at > now:
        return Opening.NOT_YET
    return Opening.CLOSED if session.booking_ends_at <= now else Opening.OPEN


def is_ahead(session: Session, now: datetime) -> bool:
    """Whether the session is published and has not begun, whether it can be booked now or not."""
    return opening(session, now=now) in (Opening.NOT_YET, Opening.CLOSED, Opening.OPEN)


# From how few places on a person should hurry.
_FEW = 3


@dataclass(frozen=True)
class Availability:
    """What a person may do about a session at one moment.

    `text` is the short sentence of lists, `left` the number of places in it, `whose` says that more
    are left for other agencies, `waiting` how many people wait when it is full (or nothing),
    `is_full` that nobody could have one, `opens` when booking does if that is still to come, `tone`
    the ending of its CSS class. At most one of
    `can_book` (a place is free) and `can_wait` (only the waiting list is open) is true.
    """

    text: str
    tone: Tone
    can_book: bool = False
    can_wait: bool = False
    waiting: str = ""
    left: int = 0
    whose: str = ""
    is_full: bool = False
    opens: datetime | None = None

    @property
    def brief(self) -> str:
        """In the few words that a month has room for."""
        if self.can_book:
            return f"{self.left} left{self.whose}"
        if self.can_wait:
            return "Full" if self.is_full else "Waiting list"
        if self.opens:
            return f"Opens {self.opens.day} {MONTHS[self.opens.month - 1][:3]}"
        return self.text


def availability(session: Session, now: datetime) -> Availability:
    """How the session stands at `now`; it costs no statement."""
    opens = session.booking_opens_at
    match opening(session, now=now):
        case Opening.CANCELLED:
            return Availability("Cancelled", "cancelled")
        case Opening.DRAFT:
            return Availability("Not published yet", "closed")
        case Opening.COMPLETED | Opening.STARTED:
            over = session.state == Session.State.COMPLETED or session.ends_at <= now
            return Availability(
                f"This session has {'taken place' if over else 'started'}", "closed"
            )
        case Opening.NOT_YET if opens:
            words = f"Booking opens {short_day(opens)}, {clock(opens)}"
            return Availability(words, "soon", opens=in_london(opens))
        case Opening.CLOSED:
            return Availability("Booking closed", "closed")
    left, reading = session.places_left, session.reading
    kept = reading.others if reading else 0
    if left <= 0:
        number = session.waiting_count
        waiting = f"{counted(number, 'person', 'people')} waiting" if number else ""
        return Availability(
            _why_none(session), "full", can_wait=True, waiting=waiting, is_full=session.is_full
        )
    more = f", {kept} more for {reading.whom}" if reading and kept else ""
    whose = " for your agency" if reading and reading.is_limited else ""
    tone: Tone = "few" if left <= _FEW else "open"
    words = f"{counted(left, 'place')} left{whose}{more}"
    return Availability(words, tone, can_book=True, left=left, whose=whose)


def _why_none(session: Session) -> str:
    reading = session.reading
    if session.is_full:
        return "Full" if reading and reading.mine else "Full: join the waiting list"
    if reading and reading.others:
        return f"{counted(reading.others, 'place')} left, only for {reading.whom}"
    return "People wait for places" if session.waiting_count else "No place for your agency now"


def why_not(session: Session, now: datetime) -> str:
    """The whole sentence that stands where the button would be, or nothing if there is a button."""
    opens = session.booking_opens_at
    match opening(session, now=now):
        case Opening.OPEN:
            return ""
        case Opening.NOT_YET if opens:
            return f"Booking opens at {deadline(opens)}."
        case Opening.CANCELLED:
            reason = session.cancellation_reason.strip()
            return f"This session has been cancelled. {reason}".strip()
        case Opening.CLOSED:
            return f"Booking closed at {deadline(session.booking_ends_at)}."
    return f"{availability(session, now).text}."
