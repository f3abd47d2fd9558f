"""Booking many colleagues at once: what would become of each, and doing it row by row.

The preview asks the same rules as the action, counts each place as it goes, and writes nothing.
Each booking is a transaction of its own, so one refusal undoes nobody else's.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from accounts.agencies import Entry, is_colleague, known_by_address
from accounts.agency_proof import AgencyGone, may_confirm
from accounts.models import Agency, User
from booking.catalogue.models import Session
from booking.places.agency.colleagues import book_colleague, check_address, newcomer
from booking.places.agency.rows import is_unsure
from booking.places.lock import read_practitioners, read_session
from booking.places.models import Booking
from booking.places.refusals import AddressRefused, AlreadyBooked, PlaceRefused
from booking.places.rules.decision import Decision, check_open, decide
from booking.places.rules.line import clashes, other_dates, who_waits
from booking.places.rules.rules import Case
from booking.site.refusals import Refused

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


def tally(outcomes: Sequence[RowResult]) -> dict[str, int]:
    """How many rows come to what; `to_do` of them are, or were, booked now."""
    states = [outcome.state for outcome in outcomes if outcome.is_to_do]
    return {
        "places": states.count(State.CONFIRMED),
        "held": states.count(State.REQUESTED),
        "waiting": states.count(State.WAITING),
        "to_do": len(states),
        "already": sum(outcome.was_booked for outcome in outcomes),
        "refused": sum(outcome.is_refused for outcome in outcomes),
        "unsure": sum(is_unsure(outcome.entry) for outcome in outcomes),
    }


def foresee(
    entries: Sequence[Entry], *, session: Session, agency: Agency, by: User, now: datetime
) -> list[RowResult]:
    """What booking each of these would lead to, one after the other. Writes nothing.

    Costs the same few statements however many they are. Raises what refuses everybody: that the
    session takes no bookings.
    """
    ruled = read_session(session.pk)
    session = ruled.session
    check_open(session, now=now)
    line = who_waits(ruled, now=now)
    known = known_by_address(entry.email for entry in entries)
    keys = [person.pk for person in known.values() if is_colleague(person, agency)]
    people = read_practitioners(keys, ruled.rules)
    here = Booking.objects.for_session(session).live().filter(person__in=keys)
    live, busy = {booking.person_id: booking for booking in here}, clashes(session.pk, keys)
    others = other_dates(session, keys, now=now)
    anybody = Case(
        session=session,
        course=ruled.rules,
        now=now,
        by=by,
        seating=line.seating,
        others_first=bool(line.chosen),
    )
    seen: set[str] = set()
    sees_colleagues = may_confirm(by, agency)
    waiting, outcomes = session.waiting_count, []
    for entry in entries:
        person = known.get(entry.email)
        try:
            _check_first(entry, seen)
            is_new = check_address(entry, person, agency=agency, sees_colleagues=sees_colleagues)
            if person is None or is_new:
                who = newcomer(entry, person, agency=agency, sees_colleagues=sees_colleagues)
            else:
                who = people[person.pk]
            case = replace(anybody, who=who, mine=live.get(who.key), elsewhere=busy.get(who.key))
            decision = decide(replace(case, other_date=others.get(who.key)))
            decision.check()
        except PlaceRefused as refused:
            outcomes.append(_refused(entry, person, refused, agency=agency))
            continue
        if decision.must_wait is not None:
            waiting += 1
        else:
            line.seating.take(who)
        outcomes.append(_foreseen(entry, person, decision, number=waiting, is_new=is_new))
    return outcomes


def _foreseen(
    entry: Entry, person: User | None, decision: Decision, *, number: int, is_new: bool
) -> RowResult:
    held, sentence = decision.must_wait, ""
    if held is not None:
        sentence = held.sentence
    elif not decision.is_agreed:
        sentence = f"{decision.manager} is asked to agree first."
    return RowResult(
        entry=entry,
        name=_name(entry, person),
        state=decision.state,
        sentence=sentence,
        number=number if held else 0,
        is_new=is_new,
    )


def book_all(
    entries: Sequence[Entry], *, session: Session, agency: Agency, by: User, now: datetime
) -> list[RowResult]:
    """Book each of these, one transaction each, and say what became of every one.

    Whoever has a booking already keeps it as it is, so doing it twice changes nothing.
    """
    known = known_by_address(entry.email for entry in entries)
    seen: set[str] = set()
    outcomes = []
    for entry in entries:
        person = known.get(entry.email)
        try:
            _check_first(entry, seen)
            booking = book_colleague(session=session, entry=entry, agency=agency, by=by, now=now)
        except (PlaceRefused, AgencyGone) as refused:
            outcomes.append(_refused(entry, person, refused, agency=agency))
            continue
        outcomes.append(
            RowResult(
                entry=entry,
                name=_name(entry, booking.person),
                state=booking.state,
                number=booking.waiting_position if booking.state == State.WAITING else 0,
                is_new=person is None,
                booking=booking,
            )
        )
    return outcomes


def _check_first(entry: Entry, seen: set[str]) -> None:
    """Refuse a line of which nobody is sure, and an address that was `seen`; see it."""
    if is_unsure(entry):
        raise AddressRefused(
            "It is not clear who is meant here.",
            "Write each person on a line of their own: Name <address>. Or put a line with the names"
            " of the columns above: first name, last name, email.",
        )
    if entry.email in seen:
        raise AddressRefused("This address is further up in the list already.")
    seen.add(entry.email)


def _refused(entry: Entry, person: User | None, refused: Refused, *, agency: Agency) -> RowResult:
    """Nobody of another agency is named: whose address it is stays untold."""
    ours = person if is_colleague(person, agency) else None
    booking = refused.booking if isinstance(refused, AlreadyBooked) else None
    return RowResult(
        entry=entry,
        name=_name(entry, ours),
        state=booking.state if booking else "",
        sentence=refused.about_another,
        was_booked=booking is not None,
        booking=booking,
    )


def _name(entry: Entry, person: User | None) -> str:
    return (person.full_name if person else "") or entry.name
