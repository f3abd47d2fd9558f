"""Whether a session takes bookings, and what becomes of somebody who asks for a place there.

The same decision for the action under the session's lock and for the page before it, which reads
without one. Nothing is written here.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from django.db.models import Case, F, When

from accounts.models import User
from booking.catalogue.models import Course, Session
from booking.places.facts import Practitioner, read_practitioners
from booking.places.lock import read_session
from booking.places.models import Booking
from booking.places.refusals import (
    AlreadyBooked,
    BookingClosed,
    BookingNotOpenYet,
    Clash,
    NoPlaceThere,
    NoPlaceToGive,
    NotAColleague,
    NotForYou,
    PlaceRefused,
    PrerequisiteMissing,
    Reason,
    SessionNotOpen,
    SessionStarted,
)
from booking.places.rules import rules
from booking.places.rules.line import Line, clashes, who_waits, why_no_place

State = Booking.State

# The manager is asked for on the page itself.
_TO_BE_NAMED = "to be named"


@dataclass(frozen=True)
class Prospect:
    """A place or a turn on the waiting list, and who must agree.

    `held` is why they wait, or nothing if there is a place; `manager` is the address of who is
    asked, or nothing where nobody is; `is_agreed` says that the place is certain at once.
    """

    held: Reason | None = None
    manager: str = ""
    is_agreed: bool = True

    @property
    def state(self) -> Booking.State:
        """What the booking becomes."""
        if self.held is not None:
            return State.WAITING
        return State.CONFIRMED if self.is_agreed else State.REQUESTED


def prospect_of_booking(
    who: Practitioner,
    session: Session,
    line: Line,
    *,
    conflict: Booking | None,
    manager_email: str,
    by: User,
) -> Prospect:
    """What booking leads to, on a session that takes bookings.

    `conflict` is a live booking of theirs here, or one that holds a place elsewhere at that time.
    Raises `AlreadyBooked`, `NotForYou`, `PrerequisiteMissing`, `ManagerNeeded`, or `Clash` where
    there is a place (waiting for one is allowed all the same).
    """
    if conflict is not None and conflict.session_id == session.pk:
        raise AlreadyBooked(conflict)
    check_person(who, session)
    asked = _asked(who, session, manager_email=manager_email, by=by)
    held = why_no_place(who, line)
    if held is None and conflict is not None:
        raise Clash(conflict)
    return Prospect(held, asked.manager, asked.is_agreed)


def prospect_of_taking_over(
    given: Booking, session: Session, who: Practitioner, *, manager_email: str, by: User
) -> Prospect:
    """What a colleague who takes over a confirmed place gets, on a session still ahead.

    Raises `NoPlaceToGive`, `NotAColleague`, `AlreadyBooked`, `NotForYou`, `PrerequisiteMissing`,
    `Clash` or `ManagerNeeded`.
    """
    if given.state != State.CONFIRMED:
        raise NoPlaceToGive
    if who.agency_id is None or who.agency_id != given.agency_id:
        raise NotAColleague
    key = who.row.key
    own_turn(session, key)
    check_person(who, session)
    elsewhere = clashes(session.pk, [key])
    if elsewhere:
        raise Clash(elsewhere[key])
    return _asked(who, session, manager_email=manager_email, by=by)


def check_move(
    given: Booking, other: Session, who: Practitioner, line: Line, *, now: datetime
) -> None:
    """Refuse unless the person may have a place on another date instead of their confirmed one.

    Raises `NoPlaceToGive`, `AlreadyBooked`, `NoPlaceThere`, `Clash`, or that the other date takes
    no bookings.
    """
    check_open(other, now=now)
    if given.state != State.CONFIRMED or other.course_id != given.session.course_id:
        raise NoPlaceToGive
    own_turn(other, given.person_id)
    reason = why_no_place(who, line)
    if reason is not None:
        raise NoPlaceThere(reason)
    elsewhere = clashes(other.pk, [given.person_id], besides=given)
    if elsewhere:
        raise Clash(elsewhere[given.person_id])


def own_turn(session: Session, person_id: int) -> Booking | None:
    """The person's own turn on the waiting list, if any. Raises `AlreadyBooked` if more."""
    mine = Booking.objects.for_session(session).live().filter(person=person_id).first()
    if mine is not None and mine.state != State.WAITING:
        raise AlreadyBooked(mine)
    return mine


def _asked(who: Practitioner, session: Session, *, manager_email: str, by: User) -> Prospect:
    if not session.course_rules.needs_manager_approval:
        return Prospect()
    manager = rules.manager_of(who, manager_email, by=by)
    return Prospect(manager=manager, is_agreed=rules.is_manager(by, manager, person_id=who.row.key))


def check_open(session: Session, *, now: datetime) -> None:
    """Refuse unless the session takes bookings at this moment.

    Raises `SessionNotOpen`, `SessionStarted`, `BookingNotOpenYet` or `BookingClosed`.
    """
    check_ahead(session, now=now)
    if session.booking_opens_at and session.booking_opens_at > now:
        raise BookingNotOpenYet(session.booking_opens_at)
    if session.booking_ends_at <= now:
        raise BookingClosed(session.booking_ends_at)


def check_ahead(session: Session, *, now: datetime) -> None:
    """Refuse unless the session is published and has not begun.

    Raises `SessionNotOpen` or `SessionStarted`.
    """
    if session.state != Session.State.PUBLISHED:
        raise SessionNotOpen(session)
    if session.starts_at <= now:
        raise SessionStarted(session)


def check_changeable(session: Session) -> None:
    """Refuse to change a session that was cancelled or is over. Raises `SessionNotOpen`."""
    if session.state not in (Session.State.PUBLISHED, Session.State.DRAFT):
        raise SessionNotOpen(session)


def check_person(person: Practitioner, session: Session) -> None:
    """Refuse a person whom the course is not for, or who must do others first.

    Raises `NotForYou` or `PrerequisiteMissing`. The session was read with its course's rules.
    """
    reason = rules.audience(person, session.course_rules)
    if reason is not None:
        raise NotForYou(reason)
    reason = rules.prerequisites(person, session.course_rules)
    if reason is not None:
        raise PrerequisiteMissing(reason, rules.missing_courses(person, session.course_rules))


def next_dates(courses: frozenset[int], *, now: datetime) -> list[tuple[Course, Session | None]]:
    """Each of these courses with its next session, one with free places before a full one.

    For the page that tells somebody what is missing, after the session's lock is let go. Two
    statements.
    """
    ahead = Session.objects.upcoming(now=now).filter(course__in=courses)
    is_full = Case(When(places_taken__lt=F("capacity"), waiting_count=0, then=0), default=1)
    soonest = ahead.order_by("course_id", is_full, "starts_at", "id").distinct("course_id")
    by_course = {session.course_id: session for session in soonest}
    found = Course.objects.defer("search").filter(pk__in=courses)
    return [(course, by_course.get(course.pk)) for course in found]


class Verdict(StrEnum):
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

    outcome: Verdict
    rule: str = ""
    sentence: str = ""
    instead: str = ""
    number: int = 0
    other: Booking | None = None
    missing: Sequence[tuple[Course, Session | None]] = ()

    @property
    def waits(self) -> bool:
        """Whether it comes to a turn on the waiting list."""
        return self.outcome == Verdict.WAIT


def expected(*, session: Session, person: User, now: datetime) -> Expectation:
    """What this person would get if they booked the session now. Reads only.

    Raises `Session.DoesNotExist`.
    """
    session = read_session(session.pk)
    elsewhere = clashes(session.pk, [person.pk]).get(person.pk)
    try:
        check_open(session, now=now)
        line = who_waits(session, now=now)
        who = read_practitioners([person.pk], session.course_rules, now=now)[person.pk]
        manager = person.manager_email or _TO_BE_NAMED
        prospect = prospect_of_booking(
            who, session, line, conflict=elsewhere, manager_email=manager, by=person
        )
    except PlaceRefused as refusal:
        return expectation_of_refusal(refusal, now=now)
    if prospect.held is None:
        return Expectation(outcome=Verdict.PLACE if prospect.is_agreed else Verdict.HELD)
    reason: Reason = rules.held_back(who, line.seating) or prospect.held
    return Expectation(
        outcome=Verdict.WAIT,
        rule=reason.rule,
        sentence=reason.sentence,
        number=session.waiting_count + 1,
        other=elsewhere,
    )


def expectation_of_refusal(refusal: PlaceRefused, *, now: datetime) -> Expectation:
    """A refusal as it is shown, also after somebody has tried to book."""
    missing: Sequence[tuple[Course, Session | None]] = ()
    if isinstance(refusal, PrerequisiteMissing):
        missing = next_dates(refusal.missing, now=now)
    return Expectation(
        outcome=Verdict.REFUSED,
        rule=refusal.rule,
        sentence=refusal.sentence,
        instead=refusal.instead,
        other=refusal.other if isinstance(refusal, Clash) else None,
        missing=missing,
    )
