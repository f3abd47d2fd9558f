"""What somebody can expect before they book: a place, a turn on the waiting list, or a refusal.

It is decided as under the session's lock in `booking.places.actions.book`, but nothing is locked,
so what is told is how things stand now. The number of statements does not grow with the bookings
of the session.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from accounts.models import User
from booking.catalogue.models import Course, Session
from booking.places import eligibility, rules
from booking.places.facts import read_practitioners
from booking.places.models import Booking
from booking.places.prospects import of_booking
from booking.places.refusals import Clash, PlaceRefused, PrerequisiteMissing
from booking.places.rules import Reason
from booking.places.statements import read_session
from booking.places.waiting_list import clashes, who_waits

# The manager is asked for on the page itself.
_TO_BE_NAMED = "to be named"


class Outcome(StrEnum):
    """What booking now would come to."""

    PLACE = "place"
    HELD = "held"
    WAIT = "wait"
    REFUSED = "refused"


@dataclass(frozen=True, kw_only=True)
class Expectation:
    """What booking now would come to, by which rule, and what else could be done.

    `number` is the person's number on the waiting list, `other` the booking that a session
    overlaps with, `missing` the courses to be done first, each with its next date if there is one.
    """

    outcome: Outcome
    rule: str = ""
    sentence: str = ""
    instead: str = ""
    number: int = 0
    other: Booking | None = None
    missing: Sequence[tuple[Course, Session | None]] = ()

    @property
    def waits(self) -> bool:
        """Whether it comes to a turn on the waiting list."""
        return self.outcome == Outcome.WAIT


def expected(*, session: Session, person: User, now: datetime) -> Expectation:
    """What this person would get if they booked the session now. Reads only.

    Raises `Session.DoesNotExist`.
    """
    session = read_session(session.pk)
    elsewhere = clashes(session.pk, [person.pk]).get(person.pk)
    try:
        eligibility.check_open(session, now=now)
        line = who_waits(session, now=now)
        who = read_practitioners([person.pk], session.course_rules, now=now)[person.pk]
        manager = person.manager_email or _TO_BE_NAMED
        prospect = of_booking(
            who, session, line, conflict=elsewhere, manager_email=manager, by=person
        )
    except PlaceRefused as refusal:
        return refused(refusal, now=now)
    if prospect.held is None:
        return Expectation(outcome=Outcome.PLACE if prospect.is_agreed else Outcome.HELD)
    reason: Reason = rules.held_back(who, line.room) or prospect.held
    return Expectation(
        outcome=Outcome.WAIT,
        rule=reason.rule,
        sentence=reason.sentence,
        number=session.waiting_count + 1,
        other=elsewhere,
    )


def refused(refusal: PlaceRefused, *, now: datetime) -> Expectation:
    """A refusal as it is shown, also after somebody has tried to book."""
    missing: Sequence[tuple[Course, Session | None]] = ()
    if isinstance(refusal, PrerequisiteMissing):
        missing = eligibility.next_dates(refusal.missing, now=now)
    return Expectation(
        outcome=Outcome.REFUSED,
        rule=refusal.rule,
        sentence=refusal.sentence,
        instead=refusal.instead,
        other=refusal.other if isinstance(refusal, Clash) else None,
        missing=missing,
    )
