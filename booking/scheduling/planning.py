"""Several sessions at once, as drafts: dates of one course, and copies of earlier sessions."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from django.db import transaction

from accounts.models import User
from booking.catalogue.courses import EditRefused
from booking.catalogue.models import Course, Session
from booking.catalogue.policies import closes_at, following, newest, usual_closing
from booking.partnership.kept import the_partnership
from booking.partnership.school_year import SchoolTerm, holiday, is_known, school_terms_of
from booking.places.refusals import ReservedPlaces
from booking.scheduling.capacity import Reservation, reservations_of, usual_reservations
from booking.scheduling.changing import Arrangements, PlannedSitting
from booking.scheduling.drafting import (
    Details,
    Plan,
    schedule,
    suggested_reference,
    usual_details,
)
from booking.site.wording import LONDON, short_day

# The longest that schools are closed, and a week.
MOST_SKIPPED = 8


class CopyInThePast(EditRefused):
    """A copy would begin before now."""

    def __init__(self, session: Session) -> None:
        self.sentence = (
            f"{session.course.title} ({session.reference}) would begin in the past. Shift by more"
            " weeks."
        )


class TooFewPlaces(EditRefused):
    """A course asks for more people than there would be places."""

    def __init__(self, course: Course) -> None:
        self.sentence = (
            f"The course asks for {course.usual_minimum} people at least. Give as many places, or"
            " ask for fewer on the page of the course."
        )


class PlannedAlready(EditRefused):
    """These dates are there already: the same press came twice, or after Back."""

    sentence = "These dates are saved already."

    def __init__(self, sessions: Sequence[Session]) -> None:
        self.sessions = sessions


@dataclass(frozen=True)
class Copy:
    """A session with the dates of its copy, and the holidays for which weeks were skipped."""

    session: Session
    sittings: tuple[PlannedSitting, ...]
    weeks: int
    skipped: tuple[str, ...]

    def held(self) -> Arrangements:
        """How the copy is held: by those who still train; the meeting is to follow."""
        session = self.session
        trainers = [each for each in session.trainers.all() if each.is_active and each.is_trainer]
        return Arrangements(self.sittings, session.delivery, session.venue, "", tuple(trainers))


def schedule_dates(
    *, course: Course, held: Sequence[Arrangements], capacity: int, by: User, now: datetime
) -> list[Session]:
    """A draft of a course for each of these, with all else as is usual for the course.

    Raises `ReservedPlaces` or `TooFewPlaces` if what is usual does not fit, or `PlannedAlready`.
    """
    if capacity < (course.usual_minimum or 0):
        raise TooFewPlaces(course)
    reserved = usual_reservations(course)
    _check_reserved(reserved, capacity)
    limit = course.usual_agency_limit
    with transaction.atomic():
        _refuse_the_same([(course, each) for each in held])
        return [
            schedule(
                course=course,
                plan=Plan(
                    reference=suggested_reference(course),
                    held=each,
                    capacity=capacity,
                    agency_limit=min(limit, capacity) if limit else None,
                    details=usual_details(course, starts_at=each.sittings[0].starts_at, now=now),
                    reserved=reserved,
                ),
                publish=False,
                first_days=None,
                by=by,
                now=now,
            )
            for each in held
        ]


def _check_reserved(reserved: Sequence[Reservation], capacity: int) -> None:
    if (places := sum(each.places for each in reserved)) > capacity:
        raise ReservedPlaces(wanted=capacity, taken=0, reserved=places)


def _refuse_the_same(wanted: Sequence[tuple[Course, Arrangements]]) -> None:
    """Raise `PlannedAlready` if all of these are there. Until the transaction ends, nobody else
    plans dates of these courses.
    """
    courses = Course.objects.filter(pk__in={course.pk for course, _ in wanted}).order_by("pk")
    list(courses.select_for_update(no_key=True).values_list("pk"))
    if there := planned_already(wanted):
        raise PlannedAlready(there)


def planned_already(wanted: Sequence[tuple[Course, Arrangements]]) -> list[Session]:
    """The drafts and published sessions that are held as these are to be; none if one is missing.

    Costs three statements.
    """
    keys = {course.pk for course, _ in wanted}
    starts = [each.sittings[0].starts_at for _, each in wanted]
    states = [Session.State.DRAFT, Session.State.PUBLISHED]
    there = Session.objects.filter(course__in=keys, starts_at__in=starts, state__in=states)
    left, found = list(there.prefetch_related("sittings", "trainers")), list[Session]()
    for course, held in wanted:
        same = next((each for each in left if _is_held_so(each, course, held)), None)
        if same is None:
            return []
        left.remove(same)
        found.append(same)
    return found


def _is_held_so(session: Session, course: Course, held: Arrangements) -> bool:
    times = [(each.starts_at, each.ends_at) for each in session.sittings.all()]
    return (
        (session.course_id, session.delivery, session.venue_id, times)
        == (course.pk, held.delivery, held.venue and held.venue.pk,
            [(each.starts_at, each.ends_at) for each in held.sittings])
        and set(session.trainers.all()) == set(held.trainers or ())
    )  # fmt: skip


def copies_of(sessions: Iterable[Session], *, weeks: int, now: datetime) -> list[Copy]:
    """What these sessions would be so many weeks later, at the same time of day.

    Whole sessions skip weeks in which a date would be a bank or school holiday. Raises
    `CopyInThePast`.
    """
    terms = school_terms_of(the_partnership().school_terms)
    copies = [_copy_of(session, weeks, terms) for session in sessions]
    for each in copies:
        if each.sittings[0].starts_at <= now:
            raise CopyInThePast(each.session)
    return copies


def days_beyond_terms(copies: Iterable[Copy]) -> list[date]:
    """The days of copies of which the school terms in the settings say nothing, in order."""
    terms = school_terms_of(the_partnership().school_terms)
    sittings = [sitting for each in copies for sitting in each.sittings]
    days = {each.starts_at.astimezone(LONDON).date() for each in sittings}
    return sorted(each for each in days if not is_known(each, terms))


def _copy_of(session: Session, weeks: int, terms: Sequence[SchoolTerm]) -> Copy:
    """Where every week is a holiday the first is as good as any: the draft warns of it."""
    skipped: list[str] = []
    for more in range(MOST_SKIPPED + 1):
        copy = _shifted(session, weeks + more, skipped)
        days = [each.starts_at.astimezone(LONDON).date() for each in copy.sittings]
        whys = [f"{short_day(on)}: {why}" for on in days if (why := holiday(on, terms))]
        if not whys:
            return copy
        skipped += whys
    return _shifted(session, weeks, ())


def _shifted(session: Session, weeks: int, skipped: Iterable[str]) -> Copy:
    sittings = [
        PlannedSitting(later(each.starts_at, weeks=weeks), later(each.ends_at, weeks=weeks))
        for each in session.sittings.all()
    ]
    return Copy(session, tuple(sittings), weeks, tuple(skipped))


def later(moment: datetime, *, weeks: int) -> datetime:
    """So many weeks later by the clocks of London."""
    wall = moment.astimezone(LONDON).replace(tzinfo=None) + timedelta(weeks=weeks)
    return wall.replace(tzinfo=LONDON)


def copy_sessions(
    *, sessions: Iterable[Session], weeks: int, by: User, now: datetime
) -> list[Session]:
    """A draft for each of these sessions, as `copies_of` shows them.

    Raises `CopyInThePast`, `PlannedAlready`, or `ReservedPlaces` if what is reserved does not fit.
    """
    copies = copies_of(sessions, weeks=weeks, now=now)
    with transaction.atomic():
        _refuse_the_same([(each.session.course, each.held()) for each in copies])
        return [
            schedule(
                course=each.session.course,
                plan=_plan_of(each, now=now),
                publish=False,
                first_days=None,
                by=by,
                now=now,
            )
            for each in copies
        ]


def _plan_of(copy: Copy, *, now: datetime) -> Plan:
    session, weeks = copy.session, copy.weeks
    reserved = reservations_of(session.allocations.select_related("agency"))
    _check_reserved(reserved, session.capacity)
    opens, closes = session.booking_opens_at, session.booking_closes_at
    starts = copy.sittings[0].starts_at
    if closes is None or closes == usual_closing(session.starts_at):
        closes = closes_at(starts, now=now)
    else:
        closes = later(closes, weeks=weeks)
    return Plan(
        reference=suggested_reference(session.course),
        held=copy.held(),
        capacity=session.capacity,
        agency_limit=session.agency_limit,
        details=Details(
            promotion=session.promotion,
            offer_hours=session.offer_hours,
            booking_opens_at=later(opens, weeks=weeks) if opens else None,
            booking_closes_at=closes,
            policy=newest(session.policy),
            minimum=session.minimum,
            decide_on=following(session, starts_at=starts).get("decide_on"),
            joining_instructions=session.joining_instructions,
        ),
        reserved=reserved,
    )
