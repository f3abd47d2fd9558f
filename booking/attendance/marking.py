"""The register while it is open: marks, one press each, which the last one wins.

Every press is a row of its own, so both of two trainers stand in the history. A press may come
late, from a tablet that had no connection: it counts from when it was made, and once.
"""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import transaction

from accounts.models import User
from booking.attendance.models import LONGEST_OPEN, Arrival, Mark, Register
from booking.attendance.outcomes import Seen
from booking.catalogue.models import Session, Sitting
from booking.places.models import Booking
from booking.site.refusals import Refused
from booking.site.wording import deadline

What, Source, CAME = Mark.What, Mark.Source, Mark.CAME
# Whoever arrives is marked from then on.
_BEFORE_START = LONGEST_OPEN


class RegisterClosed(Refused):
    """Nothing is marked any more; outcomes are corrected instead."""

    sentence = "The register is closed, so nothing is marked any more."
    instead = "Open the person to correct what it says, with a reason."


class NotYetMarked(Refused):
    """The session, or this date of it, is not held yet, or not at all."""

    def __init__(self, begins: datetime | None) -> None:
        self.sentence = (
            f"Marking for this date begins at {deadline(begins)}."
            if begins
            else "This session is not held, so nobody is marked."
        )


class NothingToMark(Refused):
    """What was pressed is not on this register."""

    sentence = "The place or the date is not there any more, so nothing was marked."


@dataclass(frozen=True, kw_only=True)
class Press:
    """One press on the register. `at` is when it was made, now unless it comes late.

    `confirms` says that only “Came” was pressed: who joined by a link keeps the minutes of that.
    """

    booking: int
    sitting: int
    what: Mark.What
    late: int | None = None
    early: int | None = None
    there: int | None = None
    key: str | None = None
    at: datetime | None = None
    confirms: bool = False


@dataclass(frozen=True)
class Noted:
    """What became of presses: the marks made of them now, and why the others were left out."""

    marks: list[Mark]
    left_out: dict[Press, Refused]


def marking_begins(session: Session, sitting: Sitting | None = None) -> datetime | None:
    """From when people are marked at the sitting, or the first one; nothing if it is not held."""
    if session.state not in (Session.State.PUBLISHED, Session.State.COMPLETED):
        return None
    return (sitting or session).starts_at - _BEFORE_START


def may_be_marked(session: Session, *, now: datetime) -> bool:
    """Whether the session is held, and begins soon or has begun."""
    begins = marking_begins(session)
    return begins is not None and begins <= now


@contextmanager
def open_register(session: Session, *, now: datetime) -> Iterator[Register]:
    """A transaction that holds the session's register, which is opened if need be.

    Raises `NotYetMarked` or `RegisterClosed`.
    """
    if not may_be_marked(session, now=now):
        raise NotYetMarked(marking_begins(session))
    with transaction.atomic():
        Register.objects.get_or_create(session=session, defaults={"opened_at": now})
        register = Register.objects.select_for_update(no_key=True).get(session=session)
        if register.is_closed:
            raise RegisterClosed
        yield register


def mark(
    *,
    session: Session,
    presses: Sequence[Press],
    by: User,
    now: datetime,
    source: Mark.Source = Source.PRESS,
) -> list[Mark]:
    """Note these presses as `note_presses` does. Returns what was noted now.

    Raises `NotYetMarked`, `RegisterClosed`, or why they were left out if all were.
    """
    with transaction.atomic():
        noted = note_presses(session=session, presses=presses, by=by, now=now, source=source)
        if presses and len(noted.left_out) == len(presses):
            raise noted.left_out[presses[0]]
    return noted.marks


def note_presses(
    *,
    session: Session,
    presses: Sequence[Press],
    by: User,
    now: datetime,
    source: Mark.Source = Source.PRESS,
) -> Noted:
    """Note these presses, each once whatever is sent again.

    Those of a booking without a certain place here are left out, and that somebody came to a date
    which lies ahead. Raises `NotYetMarked` or `RegisterClosed`.
    """
    with open_register(session, now=now):
        here = _with_a_place(session, {each.booking for each in presses})
        begins = dict(session.sittings.values_list("pk", "starts_at"))

        def why_not(press: Press) -> Refused | None:
            if press.booking not in here or press.sitting not in begins:
                return NothingToMark()
            opens = begins[press.sitting] - _BEFORE_START
            return NotYetMarked(opens) if opens > now and press.what in CAME else None

        left_out = {each: why for each in presses if (why := why_not(each))}
        on_it = [each for each in presses if each not in left_out]
        came_late = _minutes_late(session, [each for each in on_it if each.confirms])
        keys = {each.key for each in on_it if each.key}
        known = set(Mark.objects.filter(key__in=keys).values_list("key", flat=True))
        earliest = session.starts_at - _BEFORE_START
        marks = [
            Mark(
                booking_id=each.booking,
                sitting_id=each.sitting,
                what=each.what,
                minutes_late=came_late.get(each, each.late),
                minutes_early=each.early,
                minutes_there=each.there,
                by=by,
                at=min(now, max(earliest, each.at or now)),
                noted_at=now,
                source=source,
                key=each.key,
            )
            for each in on_it
            if each.key not in known
        ]
        # Another browser tab may send the same keys at the same moment: they count once.
        Mark.objects.bulk_create(marks, ignore_conflicts=any(each.key for each in marks))
    return Noted(marks, left_out)


def undo_mark(
    *, session: Session, booking_id: int, sitting: Sitting, by: User, now: datetime
) -> Mark:
    """Undo the last mark of somebody at a sitting: what stood before it stands again.

    Twice is as if never. Raises as `mark` does, and `NothingToMark` where nothing was marked.
    """
    with open_register(session, now=now):
        marks = Mark.objects.filter(booking=booking_id, sitting=sitting, booking__session=session)
        last = list(marks.order_by("-at", "-id")[:2])
        if not last:
            raise NothingToMark
        before = last[1] if len(last) > 1 else Mark(what=What.NOTHING)
        return Mark.objects.create(
            booking_id=booking_id,
            sitting=sitting,
            what=before.what,
            minutes_late=before.minutes_late,
            minutes_early=before.minutes_early,
            minutes_there=before.minutes_there,
            by=by,
            at=max(now, last[0].at),
            noted_at=now,
        )


def mark_everybody_else(
    *, session: Session, sitting: Sitting, standing: Iterable[int], by: User, now: datetime
) -> int:
    """Everybody who is not among the bookings of `standing` came. Returns how many.

    Raises `NotYetMarked` or `RegisterClosed`.
    """
    with open_register(session, now=now):
        if sitting.starts_at - _BEFORE_START > now:
            raise NotYetMarked(sitting.starts_at - _BEFORE_START)
        seen = Mark.objects.filter(sitting=sitting).current().values_list("booking_id", "what")
        marked = {booking for booking, what in seen if what != What.NOTHING}
        others = _with_a_place(session) - marked - set(standing)
        attended = {"what": What.ATTENDED, "by": by, "at": now, "noted_at": now}
        marks = [
            Mark(booking_id=key, sitting=sitting, source=Source.EVERYBODY, **attended)
            for key in sorted(others)
        ]
        Mark.objects.bulk_create(marks)
    return len(marks)


def undo_everybody_else(*, session: Session, sitting: Sitting, by: User, now: datetime) -> int:
    """Undo “everybody else came”, but for those marked otherwise since. Returns how many.

    Raises `NotYetMarked` or `RegisterClosed`.
    """
    with open_register(session, now=now):
        current = Mark.objects.filter(sitting=sitting).current()
        all_at_once = [each for each in current if each.source == Source.EVERYBODY]
        taken_back = {"what": What.NOTHING, "by": by, "noted_at": now}
        marks = [
            Mark(booking_id=each.booking_id, sitting=sitting, at=max(now, each.at), **taken_back)
            for each in all_at_once
        ]
        Mark.objects.bulk_create(marks)
    return len(marks)


def came_to(session: Session) -> set[int]:
    """The bookings of those who are marked as having come to any date of a session."""
    current = Mark.objects.filter(sitting__session=session).current()
    return {booking for booking, what in current.values_list("booking_id", "what") if what in CAME}


def pressed_at(seconds_ago: float, *, now: datetime) -> datetime:
    """When a press was made that a tablet has kept for so long: its own clock may be wrong."""
    return now - timedelta(seconds=min(max(seconds_ago, 0), timedelta(days=30).total_seconds()))


def _minutes_late(session: Session, presses: Sequence[Press]) -> dict[Press, int | None]:
    """By how many minutes those came late who joined by a link."""
    if not presses:
        return {}
    arrivals = Arrival.objects.counting().filter(sitting__session=session)
    arrivals = arrivals.filter(booking__in={each.booking for each in presses})
    late: dict[tuple[int, int], int | None] = {}
    for arrival in arrivals.select_related("sitting"):
        filled_in = Seen.of_arrival(arrival.at, arrival.sitting)
        late.setdefault((arrival.booking_id, arrival.sitting_id), filled_in.late)
    return {each: late.get((each.booking, each.sitting)) for each in presses}


def _with_a_place(session: Session, keys: Iterable[int] | None = None) -> set[int]:
    certain = Booking.objects.for_session(session).confirmed()
    if keys is not None:
        certain = certain.filter(pk__in=list(keys))
    return set(certain.values_list("pk", flat=True))
