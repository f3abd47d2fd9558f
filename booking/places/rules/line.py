"""Who is next on a waiting list, where somebody stands on it, and the rule that holds each of them.

Nothing is written here. To decide by it, the caller holds the session's lock.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from django.db.models import Q

from booking.catalogue.models import CourseRules, Session, Sitting
from booking.places import refusals
from booking.places.facts import (
    Practitioner,
    Seating,
    read_practitioners,
    read_seating,
    read_seatings,
)
from booking.places.lock import read_sessions
from booking.places.models import Booking
from booking.places.refusals import Reason
from booking.places.rules import rules
from booking.site.wording import counted

# How many who wait are looked at with one set of statements: few at first, since the next one is
# mostly the one.
_FIRST = 60
_AT_ONCE = 200


@dataclass
class Line:
    """Who gets a place now, and who stands further forward but is held by a rule."""

    seating: Seating
    chosen: list[Booking] = field(default_factory=list)
    held: list[tuple[Booking, Reason]] = field(default_factory=list)

    def passed_over(self) -> list[tuple[Booking, Reason]]:
        """Those who were held while somebody behind them was chosen."""
        if not self.chosen:
            return []
        last = max(booking.ticket or 0 for booking in self.chosen)
        return [(booking, reason) for booking, reason in self.held if (booking.ticket or 0) < last]


def clashes(
    session_id: int, people_ids: Sequence[int], *, besides: Booking | None = None
) -> dict[int, Booking]:
    """For each of these people who holds a place elsewhere at that time: the booking it is on."""
    found = Booking.objects.at_the_time_of(session_id).filter(person_id__in=people_ids)
    return {
        booking.person_id: booking
        for booking in found.select_related("session__course").order_by("-pk")
        if besides is None or booking.pk != besides.pk
    }


def who_waits(session: Session, *, now: datetime, newcomer: Practitioner | None = None) -> Line:
    """Whom a free place belongs to before any newcomer: one person at most is chosen.

    Nobody is looked at for a newcomer whom a rule holds back in any case.
    """
    seating = read_seating(session, now=now)
    if seating.free <= 0 or not session.waiting_count:
        return Line(seating)
    if newcomer is not None and rules.held_back(newcomer, seating):
        return Line(seating)
    return next_in_line(seating, 1, now=now)


def why_no_place(person: Practitioner, line: Line) -> Reason | None:
    """Why a newcomer must wait, if so: a rule holds them, others are first, or it is full."""
    held = rules.held_back(person, line.seating)
    if held is None and line.chosen:
        return rules.OTHERS_FIRST
    return held or (rules.FULL if line.seating.free <= 0 else None)


def next_in_line(seating: Seating, number: int, *, now: datetime) -> Line:
    """The first people on the waiting list whom no rule holds, at most so many.

    Each rule is looked at again for each person, with the places that those before them take
    counted: the course's audience and prerequisites, a clash, the agency's limit, reservations.
    `seating` is moved by the places given.
    """
    line = Line(seating)
    for booking, person, reason in _looked_at(seating, now=now):
        if len(line.chosen) == number or seating.free <= 0:
            break
        against = reason or rules.held_back(person, seating)
        if against is None:
            seating.take(person)
            booking.agency_id = person.agency_id
            line.chosen.append(booking)
        else:
            line.held.append((booking, against))
    return line


def _looked_at(
    seating: Seating, *, now: datetime
) -> Iterator[tuple[Booking, Practitioner, Reason | None]]:
    """Everybody who waits, in order, with the reason against them that no other's place changes."""
    session = seating.session
    # Somebody whose first turn is over only waits for the worker to say so.
    has_a_turn = Q(must_accept_by=None) | Q(must_accept_by__gt=now)
    in_line = Booking.objects.waiting().for_session(session).filter(has_a_turn)
    waiting = in_line.select_related("person", "approval")
    last, size = 0, _FIRST
    while some := list(waiting.filter(ticket__gt=last)[:size]):
        yield from _own_reasons(session, some, now=now)
        last, size = some[-1].ticket or 0, _AT_ONCE


def _own_reasons(
    session: Session, some: Sequence[Booking], *, now: datetime
) -> Iterator[tuple[Booking, Practitioner, Reason | None]]:
    people_ids = [booking.person_id for booking in some]
    people = read_practitioners(people_ids, session.course_rules, now=now)
    busy = clashes(session.pk, people_ids)
    for booking in some:
        person = people[booking.person_id]
        reason = rules.turned_away(person, session.course_rules) or no_manager(
            booking, person, session
        )
        if reason is None and booking.person_id in busy:
            reason = refusals.clash(busy[booking.person_id])
        yield booking, person, reason


def why_each_waits(
    session: Session, some: Sequence[Booking], *, now: datetime
) -> list[tuple[Booking, Reason | None]]:
    """The rule that holds each of these people at this moment; none if the next place is theirs.

    For pages, in the same few statements however many people there are. The session was read with
    its course's rules.
    """
    seating = read_seating(session, now=now)
    full = rules.FULL if seating.free <= 0 else None
    return [
        (booking, reason or rules.held_back(person, seating) or full)
        for booking, person, reason in _own_reasons(session, some, now=now)
    ]


def no_manager(booking: Booking, person: Practitioner, session: Session) -> Reason | None:
    """Nobody can be asked for the agreement that a place, given at once, would need."""
    if not session.course_rules.needs_manager_approval or booking.must_accept_by is not None:
        return None
    is_asked = hasattr(booking, "approval")
    return None if is_asked else rules.manager_named(person, person.row.manager_email)


@dataclass(frozen=True, kw_only=True)
class Standing:
    """A number on the waiting list, where 1 is next, and what speaks against a place now."""

    position: int
    reason: Reason

    @property
    def before(self) -> str:
        """How many people are before them, in words."""
        if self.position == 1:
            return "Nobody is before you."
        people = counted(self.position - 1, "person is", "people are")
        return f"{people} before you."


TURN = Reason("waiting list", "A place is free and is being given out now.")


def standing(booking: Booking, *, now: datetime) -> Standing:
    """Where a booking that waits stands now."""
    return standings([booking], now=now)[booking.pk]


def standings(bookings: Iterable[Booking], *, now: datetime) -> dict[int, Standing]:
    """Where each of one person's bookings that wait stands, by key.

    The bookings come `with_position`, or it costs a statement for each that does not. The number
    of statements is the same however many they are.
    """
    waiting = list(bookings)
    if not waiting:
        return {}
    person_id = waiting[0].person_id
    sessions = read_sessions({booking.session_id for booking in waiting})
    seatings = read_seatings(sessions.values(), now=now)
    everything_asked = _united(session.course_rules for session in sessions.values())
    person = read_practitioners([person_id], everything_asked, now=now)[person_id]
    busy = _clashes(person_id, list(sessions))
    found: dict[int, Standing] = {}
    for booking in waiting:
        seating, other = seatings[booking.session_id], busy.get(booking.session_id)
        reason = _against(booking, person, seating, other)
        position = getattr(booking, "position", None) or booking.waiting_position
        found[booking.pk] = Standing(position=position, reason=reason)
    return found


def _against(
    booking: Booking, person: Practitioner, seating: Seating, other: Booking | None
) -> Reason:
    course_rules = seating.session.course_rules
    return (
        rules.turned_away(person, course_rules)
        or no_manager(booking, person, seating.session)
        or (refusals.clash(other) if other else None)
        or rules.held_back(person, seating)
        or (rules.FULL if seating.free <= 0 else TURN)
    )


def _united(asked: Iterable[CourseRules]) -> CourseRules:
    """All groups and courses that any of these ask for, to read about them at once."""
    each = list(asked)
    return CourseRules(
        groups=frozenset().union(*(one.groups for one in each)),
        prerequisites=frozenset().union(*(one.prerequisites for one in each)),
    )


def _clashes(person_id: int, session_ids: Sequence[int]) -> Mapping[int, Booking]:
    """For each of these sessions: a booking of the person's that holds a place at that time."""
    held = list(
        Booking.objects.holding_a_place()
        .filter(person_id=person_id, session__state=Session.State.PUBLISHED)
        .select_related("session__course")
        .prefetch_related("session__sittings")
    )
    found: dict[int, Booking] = {}
    for sitting in Sitting.objects.filter(session__in=session_ids):
        for booking in held:
            if booking.session_id != sitting.session_id and any(
                other.starts_at < sitting.ends_at and other.ends_at > sitting.starts_at
                for other in booking.session.sittings.all()
            ):
                found.setdefault(sitting.session_id, booking)
    return found
