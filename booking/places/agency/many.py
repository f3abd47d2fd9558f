"""Booking many colleagues at once: what would become of each, and doing it row by row.

The preview asks the same rules as the action, counts each place as it goes, and writes nothing.
Each booking is a transaction of its own, so one refusal undoes nobody else's.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from accounts.agencies import Entry, known_by_address
from accounts.models import Agency, User
from booking.catalogue.models import Session
from booking.places.agency.colleagues import book_colleague, check_address, newcomer
from booking.places.facts import read_practitioners
from booking.places.lock import read_session
from booking.places.models import Booking
from booking.places.refusals import AddressRefused, AlreadyBooked, PlaceRefused
from booking.places.rules.decision import check_open, decide
from booking.places.rules.line import clashes, who_waits
from booking.places.rules.rules import Case

State = Booking.State


@dataclass(frozen=True, kw_only=True)
class RowResult:
    """What becomes, or became, of one row.

    `state` is that of the booking, or nothing if there is none. `sentence` is why somebody waits
    or is refused, and in a preview also what holds a place back.
    """

    entry: Entry
    name: str
    state: str = ""
    sentence: str = ""
    number: int = 0
    is_new: bool = False
    was_booked: bool = False
    booking: Booking | None = None

    @property
    def is_refused(self) -> bool:
        """Whether nothing is booked for this row, now or before."""
        return not self.state

    @property
    def is_to_do(self) -> bool:
        """Whether there is something to book."""
        return bool(self.state) and not self.was_booked


@dataclass(frozen=True, kw_only=True)
class Tally:
    """How many rows come to what."""

    places: int
    held: int
    waiting: int
    already: int
    refused: int

    @property
    def to_do(self) -> int:
        """How many are, or were, booked now."""
        return self.places + self.held + self.waiting


def tally(outcomes: Sequence[RowResult]) -> Tally:
    """How many rows come to what."""
    states = [outcome.state for outcome in outcomes if outcome.is_to_do]
    return Tally(
        places=states.count(State.CONFIRMED),
        held=states.count(State.REQUESTED),
        waiting=states.count(State.WAITING),
        already=sum(outcome.was_booked for outcome in outcomes),
        refused=sum(outcome.is_refused for outcome in outcomes),
    )


def foresee(
    entries: Sequence[Entry], *, session: Session, agency: Agency, by: User, now: datetime
) -> list[RowResult]:
    """What booking each of these would lead to, one after the other. Writes nothing.

    Costs the same few statements however many they are. Raises what refuses everybody: that the
    session takes no bookings.
    """
    session = read_session(session.pk)
    check_open(session, now=now)
    line = who_waits(session, now=now)
    known = known_by_address(entry.email for entry in entries)
    keys = [person.pk for person in known.values() if person.agency_id == agency.pk]
    people = read_practitioners(keys, session.course_rules, now=now)
    live = Booking.objects.for_session(session).live().filter(person__in=keys)
    busy, mine = clashes(session.pk, keys), {booking.person_id: booking for booking in live}
    waiting, outcomes = session.waiting_count, []
    for entry, is_first in _once(entries):
        person = known.get(entry.email)
        try:
            _check_first(is_first)
            is_new = check_address(entry, person, agency=agency)
            who = newcomer(entry, person, agency=agency) if is_new else people[_key(person)]
            case = Case(
                session=session,
                now=now,
                who=who,
                by=by,
                mine=mine.get(who.row.key),
                elsewhere=busy.get(who.row.key),
                seating=line.seating,
                others_first=bool(line.chosen),
            )
            decision = decide(case)
            decision.check()
        except PlaceRefused as refused:
            outcomes.append(_refused(entry, person, refused, agency=agency))
            continue
        if decision.held is not None:
            waiting += 1
        else:
            line.seating.take(who)
        why = decision.held.sentence if decision.held else ""
        if decision.state == State.REQUESTED:
            why = f"{decision.manager} is asked to agree first."
        outcomes.append(
            RowResult(
                entry=entry,
                name=_name(entry, person),
                state=decision.state,
                sentence=why,
                number=waiting if decision.held else 0,
                is_new=is_new,
            )
        )
    return outcomes


def book_all(
    entries: Sequence[Entry], *, session: Session, agency: Agency, by: User, now: datetime
) -> list[RowResult]:
    """Book each of these, one transaction each, and say what became of every one.

    Whoever has a booking already keeps it as it is, so doing it twice changes nothing.
    """
    known = known_by_address(entry.email for entry in entries)
    outcomes = []
    for entry, is_first in _once(entries):
        person = known.get(entry.email)
        try:
            _check_first(is_first)
            booking = book_colleague(session=session, entry=entry, agency=agency, by=by, now=now)
        except PlaceRefused as refused:
            outcomes.append(_refused(entry, person, refused, agency=agency))
            continue
        is_waiting = booking.state == State.WAITING
        outcomes.append(
            RowResult(
                entry=entry,
                name=_name(entry, booking.person),
                state=booking.state,
                number=booking.waiting_position if is_waiting else 0,
                is_new=person is None,
                booking=booking,
            )
        )
    return outcomes


def _once(entries: Sequence[Entry]) -> Iterator[tuple[Entry, bool]]:
    """Each entry, and whether its address comes for the first time."""
    seen: set[str] = set()
    for entry in entries:
        yield entry, entry.email not in seen
        seen.add(entry.email)


def _check_first(is_first: bool) -> None:
    if not is_first:
        raise AddressRefused("This address is further up in the list already.")


def _key(person: User | None) -> int:
    return person.pk if person else 0


def _refused(
    entry: Entry, person: User | None, refused: PlaceRefused, *, agency: Agency
) -> RowResult:
    """Nobody of another agency is named: whose address it is stays untold."""
    ours = person if person is not None and person.agency_id == agency.pk else None
    if isinstance(refused, AlreadyBooked):
        return RowResult(
            entry=entry,
            name=_name(entry, ours),
            state=refused.booking.state,
            sentence=refused.about_another,
            was_booked=True,
            booking=refused.booking,
        )
    return RowResult(entry=entry, name=_name(entry, ours), sentence=refused.about_another)


def _name(entry: Entry, person: User | None) -> str:
    return (person.full_name if person else "") or entry.name
