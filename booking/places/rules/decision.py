"""The one decision about a place: every rule that stands in somebody's way, and what it comes to.

The same for the action under the session's lock, the page before it, the waiting list, booking
many, handing over and moving. Nothing is written here.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple

from django.db import models
from django.db.models import F

from booking.catalogue.models import Course, Session
from booking.places.lock import Practitioner, RuledSession
from booking.places.models import Booking
from booking.places.refusals import (
    Clash,
    Effect,
    HeldBack,
    OnAnotherDate,
    PlaceRefused,
    PrerequisiteMissing,
    SessionNotOpen,
)
from booking.places.rules import rules
from booking.places.rules.rules import OF_COURSE, RULES, Asks, Case, first_against

State = Booking.State


class Verdict(StrEnum):
    """What booking now would come to."""

    PLACE = "place"
    HELD = "held"
    WAIT = "wait"
    REFUSED = "refused"


class Earlier(NamedTuple):
    """A course to be done first, its next date in time, and the person's own booking of it."""

    course: Course
    next: Session | None
    mine: Booking | None


@dataclass(frozen=True, kw_only=True)
class Decision:
    """Every rule that stands in the way of a place, in order, and what becomes of the person.

    `to_confirm` says that a place is held until the person's agency is confirmed. `manager` is the
    address of who is asked, or nothing where nobody is; `is_agreed` says that they have agreed,
    or need not. `overridden` is what a coordinator lets the person past. `number` is the
    person's number on the waiting list, `elsewhere` the booking that the session overlaps with,
    `missing` the courses to be done first, each with its next date before the session and the
    person's live booking of it, if there are any, where a page asked for them.
    """

    against: tuple[PlaceRefused, ...]
    overridden: tuple[PlaceRefused, ...] = ()
    to_confirm: PlaceRefused | None = None
    manager: str = ""
    is_agreed: bool = True
    number: int = 0
    elsewhere: Booking | None = None
    missing: Sequence[Earlier] = ()

    @property
    def must_wait(self) -> PlaceRefused | None:
        """Why the person must wait, if no rule keeps them from that."""
        return None if self.refusal else self._first(Effect.WAITS)

    @property
    def held_back(self) -> str:
        """The sentence of a rule that would keep them from a place that is free; or nothing."""
        return self.must_wait.sentence if isinstance(self.must_wait, HeldBack) else ""

    @property
    def refusal(self) -> PlaceRefused | None:
        """Why nothing can be booked, if so. Somebody who must wait anyway may have a clash."""
        refused = self._first(Effect.REFUSES)
        if refused is None and self._first(Effect.WAITS) is None:
            return self._first(Effect.NO_PLACE)
        return refused

    def _first(self, effect: Effect) -> PlaceRefused | None:
        return next((each for each in self.against if each.effect == effect), None)

    @property
    def state(self) -> Booking.State:
        """What the booking becomes."""
        if self.must_wait is not None:
            return State.WAITING
        return State.CONFIRMED if self.is_certain else State.REQUESTED

    @property
    def is_certain(self) -> bool:
        """Whether a place, if there is one, needs nobody's word any more."""
        return self.is_agreed and self.to_confirm is None

    @property
    def outcome(self) -> Verdict:
        """What it comes to, in a word."""
        if self.refusal is not None:
            return Verdict.REFUSED
        if self.must_wait is not None:
            return Verdict.WAIT
        return Verdict.PLACE if self.is_certain else Verdict.HELD

    @property
    def waits(self) -> bool:
        """Whether it comes to a turn on the waiting list."""
        return self.outcome == Verdict.WAIT

    @property
    def reason(self) -> PlaceRefused | None:
        """The rule that a page names: why it is refused, else why the person must wait."""
        return self.refusal or self.must_wait

    @property
    def needs_one_more(self) -> bool:
        """Whether a place is to be had only if the session gets one more, for this person."""
        return any(each.rule in rules.NEEDS_ONE_MORE for each in self.overridden)

    @property
    def other(self) -> Booking | None:
        """The booking of theirs that stands in the way, to be shown."""
        if self.refusal is None:
            return self.elsewhere if self.waits else None
        return self.refusal.other if isinstance(self.refusal, Clash | OnAnotherDate) else None

    def check(self) -> None:
        """Raise why nothing can be booked, if so."""
        if self.refusal is not None:
            raise self.refusal

    def check_place(self) -> None:
        """Raise the first rule that keeps the person from a place, if one does."""
        for refused in self.against:
            raise refused


def decide(case: Case) -> Decision:
    """What becomes of whoever asks, by every rule in its order."""
    every = [refused for rule in RULES if (refused := rule(case)) is not None]
    said = [refused for refused in every if not case.passes(refused)]
    # Nobody exchanges a certain place for one that is only held.
    holds = [] if case.asks == Asks.EXCHANGE else [each for each in said if _only_holds(each)]
    decision = Decision(
        against=tuple(each for each in said if each not in holds),
        overridden=tuple(each for each in every if case.passes(each)),
        to_confirm=holds[0] if holds else None,
        number=case.session.waiting_count + 1,
        elsewhere=case.elsewhere,
    )
    is_asked = case.needs_manager and rules.MANAGER not in case.overridden
    if case.who is None or case.by is None or not is_asked or decision.refusal:
        return decision
    manager = rules.manager_of(case.who, case.named, by=case.by)
    agreed = rules.is_manager(case.by, manager, person_id=case.who.key)
    return replace(decision, manager=manager, is_agreed=agreed)


def _only_holds(refused: PlaceRefused) -> bool:
    return refused.effect == Effect.HOLDS


def must_be_confirmed(who: Practitioner, ruled: RuledSession, *, now: datetime) -> bool:
    """Whether a place given to this person from the list is held until their agency is proved."""
    case = Case(session=ruled.session, course=ruled.rules, now=now, asks=Asks.TURN, who=who)
    return rules.agency_confirmed(case) is not None


def as_told(refusal: PlaceRefused, *, session: Session, person_id: int, now: datetime) -> Decision:
    """A refusal as a page shows it, also after somebody has tried to book the session."""
    missing = refusal.missing if isinstance(refusal, PrerequisiteMissing) else frozenset()
    if not missing:
        return Decision(against=(refusal,))
    before = session.starts_at
    earlier = earlier_courses(missing, person_id=person_id, before=before, now=now)
    return Decision(against=(refusal,), missing=earlier)


def against_course(who: Practitioner, ruled: RuledSession, *, now: datetime) -> PlaceRefused | None:
    """Why this person cannot book the course at all, if so."""
    case = Case(session=ruled.session, course=ruled.rules, now=now, who=who)
    return first_against(OF_COURSE, case)


def check_ahead(session: Session, *, now: datetime, asks: Asks = Asks.TURN) -> None:
    """Refuse unless the session is published and has not begun.

    Raises `SessionNotOpen` or `SessionStarted`.
    """
    refused = rules.session_is_open(Case(session=session, now=now, asks=asks))
    if refused is not None:
        raise refused


def check_open(session: Session, *, now: datetime) -> None:
    """As `check_ahead`, and refuse unless it takes bookings at this moment.

    Raises also `BookingNotOpenYet` or `BookingClosed`.
    """
    check_ahead(session, now=now, asks=Asks.BOOKING)


def check_changeable(session: Session) -> None:
    """Refuse to change a session that was cancelled or is over. Raises `SessionNotOpen`."""
    if session.state not in (Session.State.PUBLISHED, Session.State.DRAFT):
        raise SessionNotOpen(session)


def earlier_courses(
    courses: frozenset[int], *, person_id: int, before: datetime, now: datetime
) -> list[Earlier]:
    """Each of these courses with its next session that ends in time, and what the person booked.

    One with free places comes before a full one; none is named that they have booked. For the page
    that tells somebody what is missing, after the session's lock is let go. Three statements.
    """
    booked = Booking.objects.live().filter(
        person=person_id, session__course__in=courses, session__starts_at__gt=now
    )
    soonest_last = booked.select_related("session").order_by("-session__starts_at")
    mine = {booking.session.course_id: booking for booking in soonest_last}
    ahead = Session.objects.upcoming(now=now).filter(course__in=courses, ends_at__lte=before)
    ahead = ahead.exclude(pk__in=[booking.session_id for booking in mine.values()])
    with_places = models.When(places_taken__lt=F("capacity"), waiting_count=0, then=0)
    is_full = models.Case(with_places, default=1)
    soonest = ahead.order_by("course_id", is_full, "starts_at", "id").distinct("course_id")
    by_course = {session.course_id: session for session in soonest}
    found = Course.objects.defer("search").filter(pk__in=courses)
    return [Earlier(each, by_course.get(each.pk), mine.get(each.pk)) for each in found]
