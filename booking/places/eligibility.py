"""Whether a session takes bookings, and whether it takes this person's; refusals if not."""

from datetime import datetime

from django.db.models import Case, F, When

from booking.catalogue.models import Course, Session
from booking.places import rules
from booking.places.facts import Practitioner
from booking.places.refusals import (
    BookingClosed,
    BookingNotOpenYet,
    NotForYou,
    PrerequisiteMissing,
    SessionNotOpen,
    SessionStarted,
)


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
