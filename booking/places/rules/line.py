"""Who is next on a waiting list, where somebody stands on it, and the rule that holds each of them.

Nothing is written here. To decide by it, the caller holds the session's lock.
"""

from collections import ChainMap
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from django.db.models import Q

from accounts.models import User
from booking.catalogue.models import Session, Sitting
from booking.catalogue.sittings import overlap
from booking.places.lock import (
    CourseRules,
    Newcomer,
    Practitioner,
    RuledSession,
    read_practitioners,
    read_sessions,
)
from booking.places.models import Booking
from booking.places.refusals import MustWait, PlaceRefused
from booking.places.rules.decision import decide
from booking.places.rules.rules import OF_FREE_PLACES, Asks, Case, first_against
from booking.places.rules.seating import Seating, read_seating, read_seatings
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
    held: list[tuple[Booking, PlaceRefused]] = field(default_factory=list)

    def passed_over(self) -> list[tuple[Booking, PlaceRefused]]:
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


def other_dates(
    session: Session, people_ids: Sequence[int], *, now: datetime
) -> dict[int, Booking]:
    """For each of these people with a place on another date of the course ahead: the first one."""
    found = Booking.objects.holding_a_place().filter(
        person_id__in=people_ids, session__course=session.course_id, session__starts_at__gt=now
    )
    return {
        booking.person_id: booking
        for booking in found.exclude(session=session)
        .select_related("session__course")
        .order_by("-session__starts_at", "-pk")
    }


def who_waits(ruled: RuledSession, *, now: datetime, newcomer: Practitioner | None = None) -> Line:
    """Whom a free place belongs to before any newcomer: one person at most is chosen.

    Nobody is looked at for a newcomer whom a rule holds back in any case.
    """
    seating = read_seating(ruled.session, now=now)
    if newcomer is not None and seating.free > 0 and held_back(newcomer, seating, now=now):
        return Line(seating)
    return _first_in_line(seating, ruled, now=now)


def _first_in_line(seating: Seating, ruled: RuledSession, *, now: datetime) -> Line:
    if seating.free <= 0 or not ruled.session.waiting_count:
        return Line(seating)
    return next_in_line(seating, ruled.rules, 1, now=now)


def asked_for(
    ruled: RuledSession,
    newcomer: Newcomer,
    *,
    by: User,
    named: str,
    now: datetime,
    wants_both: bool = False,
    overridden: frozenset[str] = frozenset(),
) -> tuple[Case, Line]:
    """All that the rules look at for a new booking, and who is in line.

    To decide by it, the caller holds the session's lock and the person's.
    """
    who = newcomer.who
    # Whoever is let past a rule must not come before those who wait without its being noticed.
    line = who_waits(ruled, now=now, newcomer=None if overridden else who)
    conflict_id, other_id = newcomer.conflict_id, newcomer.other_date_id
    found: dict[int | None, Booking] = {}
    if conflict_id is not None or other_id is not None:
        bookings = Booking.objects.select_related("session__course")
        found |= bookings.in_bulk([key for key in (conflict_id, other_id) if key is not None])
    conflict = found.get(conflict_id)
    is_here = conflict is not None and conflict.session_id == ruled.session.pk
    case = Case(
        session=ruled.session,
        course=ruled.rules,
        now=now,
        who=who,
        by=by,
        named=named,
        mine=conflict if is_here else None,
        elsewhere=None if is_here else conflict,
        other_date=found.get(other_id),
        wants_both=wants_both,
        seating=line.seating,
        others_first=bool(line.chosen),
        overridden=overridden,
    )
    return case, line


def case_of_taking_over(
    ruled: RuledSession, who: Practitioner, *, by: User, named: str, now: datetime
) -> Case:
    """A colleague who takes over a place, which is never let go: its seating does not change."""
    session, key = ruled.session, who.key
    return Case(
        session=session,
        course=ruled.rules,
        now=now,
        asks=Asks.TAKING_OVER,
        who=who,
        by=by,
        named=named,
        mine=Booking.objects.for_session(session).live().filter(person=key).first(),
        elsewhere=clashes(session.pk, [key]).get(key),
    )


def case_of_exchange(
    given: Booking, other: RuledSession, *, now: datetime, lock: bool = False
) -> tuple[Case, Practitioner, Line]:
    """Somebody who would have a place on another date instead of the one `given`."""
    key, line = given.person_id, who_waits(other, now=now)
    who = read_practitioners([key], other.rules, lock=lock)[key]
    case = Case(
        session=other.session,
        course=other.rules,
        now=now,
        asks=Asks.EXCHANGE,
        who=who,
        mine=Booking.objects.for_session(other.session).live().filter(person=key).first(),
        elsewhere=clashes(other.session.pk, [key], besides=given).get(key),
        seating=line.seating,
        others_first=bool(line.chosen),
    )
    return case, who, line


def cases_of_exchange(
    given: Booking, others: Mapping[int, RuledSession], *, now: datetime
) -> dict[int, Case]:
    """As `case_of_exchange`, for pages, for several dates by key.

    The number of statements is the same however many they are, but for dates where a place is free
    though people wait.
    """
    key, sessions = given.person_id, [ruled.session for ruled in others.values()]
    who = read_practitioners([key], united([ruled.rules for ruled in others.values()]))[key]
    seatings = read_seatings(sessions, now=now)
    here = Booking.objects.live().for_person(given.person).filter(session__in=others)
    mine = {booking.session_id: booking for booking in here}
    busy = _clashes(key, list(others), besides=given)
    return {
        number: Case(
            session=ruled.session,
            course=ruled.rules,
            now=now,
            asks=Asks.EXCHANGE,
            who=who,
            mine=mine.get(number),
            elsewhere=busy.get(number),
            seating=seatings[number],
            others_first=bool(_first_in_line(seatings[number], ruled, now=now).chosen),
        )
        for number, ruled in others.items()
    }


def case_of_having_again(ruled: RuledSession, booking: Booking, *, by: User, now: datetime) -> Case:
    """Somebody whose booking was given up by mistake; their row is held."""
    session, key = ruled.session, booking.person_id
    line = who_waits(ruled, now=now)
    return Case(
        session=session,
        course=ruled.rules,
        now=now,
        asks=Asks.HAVING_AGAIN,
        who=read_practitioners([key], ruled.rules, lock=True)[key],
        by=by,
        mine=Booking.objects.for_session(session).live().filter(person=key).first(),
        elsewhere=clashes(session.pk, [key]).get(key),
        seating=line.seating,
        others_first=bool(line.chosen),
        overridden=frozenset(booking.overridden),
    )


def held_back(who: Practitioner, seating: Seating, *, now: datetime) -> PlaceRefused | None:
    """Why a free place, if there is one, is not this person's at the moment, if so."""
    case = Case(session=seating.session, now=now, who=who, seating=seating)
    return first_against(OF_FREE_PLACES, case)


def next_in_line(seating: Seating, rules: CourseRules, number: int, *, now: datetime) -> Line:
    """The first people on the waiting list whom no rule holds, at most so many.

    Each rule is looked at again for each person, with the places that those before them take
    counted: the course's audience and prerequisites, a clash, the agency's limit, reservations.
    `seating` is moved by the places given.
    """
    line = Line(seating)
    for case in _waiting(seating, rules, now=now):
        if len(line.chosen) == number or seating.free <= 0:
            break
        booking, who = case.mine, case.who
        assert booking is not None  # noqa: S101
        assert who is not None  # noqa: S101
        against = decide(case).against
        if against:
            line.held.append((booking, against[0]))
        else:
            seating.take(who)
            booking.agency_id = who.agency_id
            line.chosen.append(booking)
    return line


def _waiting(seating: Seating, rules: CourseRules, *, now: datetime) -> Iterator[Case]:
    """Everybody who waits, in order, as the rules look at them."""
    # Somebody whose first turn is over only waits for the worker to say so.
    has_a_turn = Q(must_accept_by=None) | Q(must_accept_by__gt=now)
    in_line = Booking.objects.waiting().for_session(seating.session).filter(has_a_turn)
    waiting = in_line.select_related("person", "approval")
    last, size = 0, _FIRST
    while some := list(waiting.filter(ticket__gt=last)[:size]):
        yield from _turns(seating, rules, some, now=now)
        last, size = some[-1].ticket or 0, _AT_ONCE


def _turns(
    seating: Seating, rules: CourseRules, some: Sequence[Booking], *, now: datetime
) -> Iterator[Case]:
    people_ids = [booking.person_id for booking in some]
    people = read_practitioners(people_ids, rules)
    busy = clashes(seating.session.pk, people_ids)
    for booking in some:
        yield Case(
            session=seating.session,
            course=rules,
            now=now,
            asks=Asks.TURN,
            who=people[booking.person_id],
            mine=booking,
            elsewhere=busy.get(booking.person_id),
            seating=seating,
            overridden=frozenset(booking.overridden),
        )


def why_each_waits(
    ruled: RuledSession, some: Sequence[Booking], *, now: datetime
) -> list[tuple[Booking, PlaceRefused | None]]:
    """The rule that holds each of these people at this moment; none if the next place is theirs.

    For pages, in the same few statements however many people there are.
    """
    cases = _turns(read_seating(ruled.session, now=now), ruled.rules, some, now=now)
    return [
        (booking, next(iter(decide(case).against), None))
        for booking, case in zip(some, cases, strict=True)
    ]


@dataclass(frozen=True, kw_only=True)
class Standing:
    """A number on the waiting list, where 1 is next, and what speaks against a place now.

    `is_own` says that its person reads it.
    """

    position: int
    reason: PlaceRefused
    is_own: bool = True

    @property
    def before(self) -> str:
        """How many people are before them, in words."""
        before = counted(self.position - 1, "person is", "people are")
        people = "Nobody is" if self.position == 1 else before
        return f"{people} before {'you' if self.is_own else 'them'}."


def standing(booking: Booking, *, reader: User, now: datetime) -> Standing:
    """Where a booking that waits stands now, as this person reads it."""
    found = standings([booking], now=now)[booking.pk]
    return replace(found, is_own=booking.person_id == reader.pk)


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
    seatings = read_seatings((ruled.session for ruled in sessions.values()), now=now)
    everything_asked = united([ruled.rules for ruled in sessions.values()])
    person = read_practitioners([person_id], everything_asked)[person_id]
    busy = _clashes(person_id, list(sessions))
    found: dict[int, Standing] = {}
    for booking in waiting:
        seating = seatings[booking.session_id]
        case = Case(
            session=seating.session,
            course=sessions[booking.session_id].rules,
            now=now,
            asks=Asks.TURN,
            who=person,
            mine=booking,
            elsewhere=busy.get(booking.session_id),
            seating=seating,
            overridden=frozenset(booking.overridden),
        )
        its_turn = MustWait("waiting list", "A place is free and is being given out now.")
        found[booking.pk] = Standing(
            position=getattr(booking, "position", None) or booking.waiting_position,
            reason=next(iter(decide(case).against), its_turn),
        )
    return found


def united(asked: Sequence[CourseRules]) -> CourseRules:
    """All groups and courses that any of these ask for, to read about them at once."""
    return CourseRules(
        groups=ChainMap(*(dict(rules.groups) for rules in asked)),
        prerequisites=ChainMap(*(dict(rules.prerequisites) for rules in asked)),
    )


def _clashes(
    person_id: int, session_ids: Sequence[int], *, besides: Booking | None = None
) -> Mapping[int, Booking]:
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
            is_another = booking != besides and booking.session_id != sitting.session_id
            theirs = booking.session.sittings.all()
            if is_another and any(overlap(other, sitting) for other in theirs):
                found.setdefault(sitting.session_id, booking)
    return found
