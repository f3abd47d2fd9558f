"""Sessions as they are planned: drafts, and what nobody is told of when it changes.

What people with a booking are told of changes in `booking.scheduling.changing` and
`booking.scheduling.corrections` only.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from django.db import IntegrityError, transaction
from django.db.models import ProtectedError

from accounts.models import User
from booking.catalogue.courses import EditRefused
from booking.catalogue.models import CancellationPolicy, Course, Session, Sitting, Venue

DETAIL_FIELDS = (
    "promotion",
    "offer_hours",
    "booking_opens_at",
    "booking_closes_at",
    "policy",
    "minimum",
    "decide_on",
    "joining_instructions",
)


class NotADraft(EditRefused):
    """The session was published or removed meanwhile."""

    sentence = "This session is not a draft any more, so people may have booked it."


class NotEditable(EditRefused):
    """The session is cancelled or over."""

    sentence = "This session is cancelled or over, so it cannot be edited."


class ReferenceTaken(EditRefused):
    """Another session has this reference."""

    sentence = "Another session has this reference. Choose a different one."


class AlreadyOver(EditRefused):
    """The dates of a draft lie in the past."""

    sentence = "The first date of this draft has passed. Change its dates, then publish it."


class DraftReferredTo(EditRefused):
    """Records that must be kept name this draft."""

    sentence = "Other records refer to this draft, so it cannot be removed."


@dataclass(frozen=True, kw_only=True)
class Details:
    """What may change at any time; only of joining instructions is anybody told."""

    promotion: str
    offer_hours: int
    booking_opens_at: datetime | None
    booking_closes_at: datetime | None
    policy: CancellationPolicy | None
    minimum: int | None
    decide_on: date | None
    joining_instructions: str


@dataclass(frozen=True, kw_only=True)
class Plan:
    """A whole session as it is to be; `sittings` are starts and ends in order of time."""

    reference: str
    sittings: Sequence[tuple[datetime, datetime]]
    delivery: str
    venue: Venue | None
    join_url: str
    trainers: Sequence[User]
    capacity: int
    agency_limit: int | None
    details: Details


def suggested_reference(course: Course) -> str:
    """The course's code with the next number that no session has: "SG1-07"."""
    number = course.sessions.count() + 1
    taken = set(
        Session.objects.filter(reference__startswith=f"{course.code}-").values_list(
            "reference", flat=True
        )
    )
    while f"{course.code}-{number:02d}" in taken:
        number += 1
    return f"{course.code}-{number:02d}"


def store_session(*, course: Course, plan: Plan, publish: bool, now: datetime) -> Session:
    """A new session of the course, as a draft or published at once. Raises `ReferenceTaken`."""
    session = Session(course=course)
    with transaction.atomic():
        _store(session, plan)
        if publish:
            mark_published(session=session, now=now)
    return session


def store_draft(*, session: Session, plan: Plan, publish: bool, now: datetime) -> None:
    """Replace everything about a draft but its course. Raises `NotADraft`, `ReferenceTaken`."""
    with transaction.atomic():
        draft = _locked(session)
        if draft is None or draft.state != Session.State.DRAFT:
            raise NotADraft
        draft.sittings.all().delete()
        _store(draft, plan)
        if publish:
            mark_published(session=draft, now=now)


def open_draft(*, session: Session, now: datetime) -> None:
    """Publish a draft as it stands. Raises `NotADraft`, or `AlreadyOver` once it would begin."""
    with transaction.atomic():
        draft = _locked(session)
        if draft is None or draft.state != Session.State.DRAFT:
            raise NotADraft
        if draft.starts_at <= now:
            raise AlreadyOver
        mark_published(session=draft, now=now)


def discard_draft(*, session: Session) -> None:
    """Remove a draft that nobody has seen. Raises `NotADraft` or `DraftReferredTo`."""
    with transaction.atomic():
        draft = _locked(session)
        if draft is None or draft.state != Session.State.DRAFT:
            raise NotADraft
        try:
            draft.delete()
        except ProtectedError as error:
            raise DraftReferredTo from error


def store_details(*, session: Session, details: Details) -> None:
    """Change the details; the caller tells people.

    Raises `NotEditable` if the session is cancelled or over.
    """
    with transaction.atomic():
        locked = _locked(session)
        if locked is None or locked.state not in (Session.State.DRAFT, Session.State.PUBLISHED):
            raise NotEditable
        _set_details(locked, details)
        # Only these columns: the counts belong to whoever gives places.
        locked.save(update_fields=DETAIL_FIELDS)


def _locked(session: Session) -> Session | None:
    """The session as it is now, under the same lock that gives places."""
    return Session.objects.select_for_update(no_key=True).filter(pk=session.pk).first()


def _set_details(session: Session, details: Details) -> None:
    for name in DETAIL_FIELDS:
        setattr(session, name, getattr(details, name))


def _store(session: Session, plan: Plan) -> None:
    session.reference = plan.reference
    session.delivery, session.venue, session.join_url = plan.delivery, plan.venue, plan.join_url
    session.capacity, session.agency_limit = plan.capacity, plan.agency_limit
    session.starts_at, session.ends_at = plan.sittings[0][0], plan.sittings[-1][1]
    _set_details(session, plan.details)
    try:
        with transaction.atomic():
            session.save()
    except IntegrityError as error:
        raise ReferenceTaken from error
    Sitting.objects.bulk_create(
        [Sitting(session=session, starts_at=starts, ends_at=ends) for starts, ends in plan.sittings]
    )
    session.trainers.set(plan.trainers)


def mark_published(*, session: Session, now: datetime) -> None:
    """Show a draft on the programme and let people book it. Does nothing to other states."""
    with transaction.atomic():
        Session.objects.filter(pk=session.pk, state=Session.State.DRAFT).update(
            state=Session.State.PUBLISHED, changed_at=now
        )


def complete_sessions(*, now: datetime) -> int:
    """Mark published sessions whose last sitting has ended as completed. Returns how many."""
    with transaction.atomic():
        return Session.objects.to_complete(now=now).update(state=Session.State.COMPLETED)
