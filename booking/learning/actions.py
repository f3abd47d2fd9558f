"""Courses that people did elsewhere: they say so, and it counts until a coordinator rejects it.

Bookings that were made meanwhile stay as they are when a declaration is rejected later.
"""

from datetime import date, datetime

from django.db import IntegrityError, transaction

from accounts.models import User
from booking.catalogue.models import Course
from booking.learning.models import PriorLearning
from booking.site.refusals import Refused

State = PriorLearning.State


class AlreadyDeclared(Refused):
    """There is a declaration of this course that counts."""

    sentence = "You have told us about this course already. It counts."


class TakenBack(Refused):
    """The person has taken the declaration back, so that there is nothing to check."""

    sentence = "The person has taken this declaration back meanwhile."


class CheckedAlready(Refused):
    """A declaration that a coordinator has checked is not taken back by its owner."""

    sentence = "A coordinator has checked this meanwhile, so you cannot take it back."


class NotToBeChecked(Refused):
    """Somebody has rejected the declaration already."""

    sentence = "This declaration was rejected meanwhile. Only its owner can declare it anew."


class CheckedMeanwhile(Refused):
    """Somebody has looked at it since the page was shown on which it was decided."""

    sentence = (
        "Somebody has settled this meanwhile, so nothing of yours is done. See below what was"
        " decided, then decide again."
    )


def mark_of(declaration: PriorLearning) -> str:
    """What tells a page of before the last check from one of after it."""
    return declaration.checked_at.isoformat() if declaration.checked_at else ""


def declare(
    *, person: User, course: Course, completed_on: date, provider: str, now: datetime
) -> PriorLearning:
    """Say that a course was done elsewhere; it counts from now on. Raises `AlreadyDeclared`."""
    told = {"completed_on": completed_on, "provider": provider, "declared_at": now}
    try:
        with transaction.atomic():
            return PriorLearning.objects.create(person=person, course=course, **told)
    except IntegrityError as error:
        raise AlreadyDeclared from error


def retract(*, declaration: PriorLearning) -> None:
    """It was never said. Raises `CheckedAlready` once a coordinator has checked it."""
    unchecked = PriorLearning.objects.filter(pk=declaration.pk, state=State.DECLARED)
    if not unchecked.delete()[0]:
        raise CheckedAlready


def verify(
    *, declaration: PriorLearning, seen: str, by: User, now: datetime, note: str = ""
) -> None:
    """A coordinator has seen proof of it. `seen` is its `mark_of` when it was decided.

    Raises `NotToBeChecked` if it was rejected meanwhile, `CheckedMeanwhile`, or `TakenBack` if it
    is not there any more.
    """
    _check(declaration, State.VERIFIED, seen=seen, by=by, now=now, note=note)


def reject(*, declaration: PriorLearning, seen: str, by: User, now: datetime, note: str) -> None:
    """It counts no longer; the person reads the note and may declare it anew.

    As `verify` otherwise.
    """
    _check(declaration, State.REJECTED, seen=seen, by=by, now=now, note=note)


def _check(
    declaration: PriorLearning,
    state: PriorLearning.State,
    *,
    seen: str,
    by: User,
    now: datetime,
    note: str,
) -> None:
    with transaction.atomic():
        stored = PriorLearning.objects.select_for_update().filter(pk=declaration.pk).first()
        if stored is None:
            raise TakenBack
        if stored.state == State.REJECTED:
            raise NotToBeChecked
        if mark_of(stored) != seen:
            raise CheckedMeanwhile
        stored.state, stored.note = state, note
        stored.checked_by, stored.checked_at = by, now
        stored.save(update_fields=["state", "note", "checked_by", "checked_at"])
