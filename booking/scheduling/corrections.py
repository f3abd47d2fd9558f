"""Another address, title or joining instructions: corrected, and people told.

What calendars show of them is corrected at once, for every session that has a date ahead.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime

from accounts.models import User
from booking.catalogue import courses
from booking.catalogue.courses import CoursePlan, EditRefused, VenuePlan
from booking.catalogue.models import Course, Session, SessionQuerySet, Venue
from booking.places.changes import Change, Matter
from booking.places.lock import RuledSession, locked
from booking.scheduling.telling import revise


class CorrectedMeanwhile(EditRefused):
    """What is told, or who is told of it, has become another since it was prepared."""

    sentence = (
        "Somebody else has changed this, or a session of it, meanwhile. Check how it is now, then"
        " make your change again."
    )


def sessions_at(venue: Venue, *, now: datetime) -> SessionQuerySet:
    """The published sessions at a venue that have a date ahead."""
    held = Session.objects.with_a_date_ahead(now=now)
    return held.filter(venue=venue, delivery=Session.Delivery.IN_PERSON)


def sessions_of(course: Course, *, now: datetime) -> SessionQuerySet:
    """The published sessions of a course that have a date ahead."""
    return Session.objects.with_a_date_ahead(now=now).filter(course=course)


def of_venue(venue: Venue, plan: VenuePlan) -> list[Change]:
    """What people would be told of the venue; how to get there is told in reminders."""
    told = (("Place", venue.name, plan.name), ("Address", venue.address, plan.address))
    return [Change(what, before, after) for what, before, after in told if before != after]


def of_course(course: Course, plan: CoursePlan) -> list[Change]:
    """What people would be told if the course were kept so: another title."""
    if course.title == plan.title:
        return []
    return [Change("Title", course.title, plan.title, Matter.TITLE)]


def of_instructions(session: Session, text: str) -> list[Change]:
    """What people with a place would be told if the joining instructions were these."""
    before, after = (" ".join(each.split()) for each in (session.joining_instructions, text))
    if before == after:
        return []
    return [
        Change(
            "Joining instructions",
            session.joining_instructions or "none",
            text or "none",
            Matter.INSTRUCTIONS,
        )
    ]


def change_venue(*, venue: Venue, plan: VenuePlan, by: User, now: datetime) -> list[Change]:
    """Keep a venue so, and tell all who are to come there. Returns what they are told.

    `venue` is as it was when that was prepared. Raises `VenueNameTaken` or `CorrectedMeanwhile`.
    """
    there = Session.objects.filter(venue=venue)
    with _locked_ahead(there, now=now) as held:
        # Until we are done no session can come to name it, in whatever state.
        stored = Venue.objects.select_for_update().get(pk=venue.pk)
        changes = of_venue(stored, plan)
        if changes != of_venue(venue, plan) or _keys(there, now=now) != list(held):
            raise CorrectedMeanwhile
        courses.store_venue(venue=stored, plan=plan)
        if changes:
            for session in sessions_at(venue, now=now).order_by("pk"):
                revise(held[session.pk], changes, by=by, now=now)
    return changes


def change_course(*, course: Course, plan: CoursePlan, by: User, now: datetime) -> list[Change]:
    """Keep a course so, and tell of another title. Returns what people are told.

    `course` is as it was when that was prepared. Raises `CodeTaken`, `GoesRound` or
    `CorrectedMeanwhile`.
    """
    changes = of_course(course, plan)
    its = Session.objects.filter(course=course)
    with _locked_ahead(its if changes else its.none(), now=now) as held:
        stored = courses.lock_course(course)
        is_another = changes and _keys(its, now=now) != list(held)
        if is_another or changes != of_course(stored, plan):
            raise CorrectedMeanwhile
        courses.store_course(course=course, plan=plan)
        if changes:
            for session in sessions_of(course, now=now).order_by("pk"):
                revise(held[session.pk], changes, by=by, now=now)
    return changes


@contextmanager
def _locked_ahead(sessions: SessionQuerySet, *, now: datetime) -> Iterator[dict[int, RuledSession]]:
    """A transaction that holds those with a date ahead, by their keys.

    Drafts too, so that none is published and booked while people are told. Raises
    `CorrectedMeanwhile` if one of them is discarded in that time.
    """
    try:
        with locked(*_keys(sessions, now=now)) as held:
            yield held
    except Session.DoesNotExist as discarded:
        raise CorrectedMeanwhile from discarded


def _keys(sessions: SessionQuerySet, *, now: datetime) -> list[int]:
    ahead = sessions.filter(ends_at__gt=now).exclude(state=Session.State.CANCELLED)
    return list(ahead.order_by("pk").values_list("pk", flat=True))
