"""Scheduling with everything that hangs on a session: reserved places, trainers, its history.

The session itself is stored by `booking.scheduling.plans`, in the same transaction.
"""

from datetime import datetime

from django.db import transaction

from accounts.models import User
from booking.catalogue.models import Course, Session, SessionEvent
from booking.places.facts import read_seating
from booking.places.lock import lock_session
from booking.scheduling import corrections, plans, trainers
from booking.scheduling.capacity import check_reserved
from booking.scheduling.changing import move_releases

_LABELS = {
    "promotion": "what happens to a freed place",
    "offer_hours": "how long an offer is held",
    "booking_opens_at": "when booking opens",
    "booking_closes_at": "when booking closes",
    "policy": "rules of cancelling",
    "minimum": "fewest people",
    "decide_on": "day to decide",
}


def schedule(
    *, course: Course, plan: plans.Plan, publish: bool, by: User, now: datetime
) -> Session:
    """A new session, as a draft or published at once. Raises `ReferenceTaken`."""
    with transaction.atomic():
        session = plans.store_session(course=course, plan=plan, publish=publish, now=now)
        _record(session, "Scheduled.", by=by, now=now)
        if publish:
            _published(session, by=by, now=now)
    return session


def change_draft(
    *, session: Session, plan: plans.Plan, publish: bool, by: User, now: datetime
) -> None:
    """Replace everything about a draft but its course and its reserved places.

    Raises `NotADraft`, `ReferenceTaken`, or `ReservedPlaces` if they do not fit any more.
    """
    with transaction.atomic():
        plans.store_draft(session=session, plan=plan, publish=publish, now=now)
        draft = lock_session(session.pk)
        move_releases(draft, now=now)
        check_reserved(read_seating(draft, now=now), capacity=draft.capacity)
        if publish:
            _published(draft, by=by, now=now)


def publish_draft(*, session: Session, by: User, now: datetime) -> None:
    """Publish a draft as it stands. Raises `NotADraft` or `AlreadyOver`."""
    with transaction.atomic():
        plans.open_draft(session=session, now=now)
        _published(session, by=by, now=now)


def change_details(*, session: Session, details: plans.Details, by: User, now: datetime) -> None:
    """Change what nobody is told of but joining instructions, which people with a place are.

    The session's history says what it was. Raises `NotEditable`.
    """
    with transaction.atomic():
        before = Session.objects.select_for_update(no_key=True).get(pk=session.pk)
        plans.store_details(session=session, details=details)
        told = corrections.of_instructions(before, details.joining_instructions)
        changed = [
            label
            for name, label in _LABELS.items()
            if getattr(before, name) != getattr(details, name)
        ]
        if changed:
            _record(session, f"Changed: {', '.join(changed)}."[:200], by=by, now=now)
        if told and Session.objects.with_a_date_ahead(now=now).filter(pk=session.pk).exists():
            corrections.revise(lock_session(session.pk), told, by=by, now=now)


def _published(session: Session, *, by: User, now: datetime) -> None:
    _record(session, "Published.", by=by, now=now)
    trainers.tell_of_publishing(session, now=now)


def _record(session: Session, what: str, *, by: User, now: datetime) -> None:
    SessionEvent.objects.create(session=session, at=now, by=by, what=what)
