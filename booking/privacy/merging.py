"""Making one account of two of the same person.

Every column that points to a person is moved to the account that stays, but for those in `STAYS`:
`tests/privacy/test_merging.py` misses none.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import product
from typing import Any

import structlog
from django.db import transaction
from django.db.models import ForeignObjectRel, Model

from accounts.models import PractitionerGroup, User
from accounts.roles import note_roles
from accounts.sessions import end_sessions
from booking.bulletins.subscribing import take_over
from booking.calendars.actions import revoke_all_feeds
from booking.catalogue.models import CourseInterest, Session
from booking.catalogue.sittings import overlap
from booking.learning.models import PriorLearning
from booking.outbox.models import Message
from booking.places.models import Booking
from booking.privacy.accounts_of_people import OwnAccount, check_may_change, note
from booking.privacy.models import PersonNote
from booking.scheduling.models import CoverRequest
from booking.site.refusals import Refused

log = structlog.get_logger("briefed.security")

# What stays with the account that ends, and why.
STAYS = {
    "account.EmailAddress.user": "The address is that account's, which nobody signs in to.",
    "mfa.Authenticator.user": "So are its ways in.",
    "usersessions.UserSession.user": "They have ended.",
    "admin.LogEntry.user": "What was done in the back office was done with that account.",
    "accounts.User_groups.user": "Django's own groups: there is none.",
    "accounts.User_user_permissions.user": "Django's own rights: there is none.",
}
# Rows of which a person has one with each of the other column.
_ONCE_EACH: dict[type[Model], str] = {
    PractitionerGroup.members.through: "practitionergroup",
    PractitionerGroup.interested.through: "practitionergroup",
    Session.trainers.through: "session",
}


class SameAccount(Refused):
    """There is nothing to merge."""

    sentence = "This is the same account. Choose the other one."


class BothBooked(Refused):
    """One person has one live booking of a session, and one place at a time."""

    sentence = (
        "Both accounts have a booking of the same session, or places at the same time. Cancel one"
        " of the two first, so that the place passes to whoever waits."
    )


class AlreadyEnded(Refused):
    """It was merged before, or ended."""

    sentence = "The account that would stay has ended. Choose the other way round."


@dataclass(frozen=True)
class Held:
    """How much an account holds, to be compared with another."""

    person: User
    live: int
    ended: int
    learning: int
    mails: int
    notes: int


def held_by(person: User) -> Held:
    """What would go over with this account. Costs five statements."""
    bookings = Booking.objects.for_person(person)
    live = bookings.live().count()
    return Held(
        person,
        live,
        bookings.count() - live,
        PriorLearning.objects.filter(person=person).count(),
        Message.objects.filter(recipient=person).count(),
        PersonNote.objects.filter(person=person).count(),
    )


def booked_by_both(one: User, other: User, *, now: datetime) -> list[tuple[Booking, Booking]]:
    """Live bookings that one person cannot have beside each other, one of each.

    They are of the same session, or hold places at the same time; of what is over, either may
    stand.
    """
    mine, theirs = (
        Booking.objects.for_person(each)
        .live()
        .select_related("session__course")
        .prefetch_related("session__sittings")
        .order_by("session__starts_at", "pk")
        for each in (one, other)
    )
    return [pair for pair in product(mine, theirs) if _in_the_way(*pair, now=now)]


def _in_the_way(mine: Booking, theirs: Booking, *, now: datetime) -> bool:
    if mine.session_id == theirs.session_id:
        return mine.session.ends_at > now
    both_hold = mine.state in Booking.HOLDING and theirs.state in Booking.HOLDING
    return both_hold and any(
        overlap(here, there) and max(here.ends_at, there.ends_at) > now
        for here, there in product(mine.session.sittings.all(), theirs.session.sittings.all())
    )


def merge(*, keep: User, other: User, why: str, by: User, now: datetime) -> None:
    """Give everything of the other account to the one that stays, and end the other.

    What both have is kept once: training done elsewhere, of which the one that was verified,
    wishes, groups, sessions that they lead and the question whether they would stand in. Of a
    session that is over and that both had, the booking of the one that ends stays with it.
    Private calendar addresses of the other end; roles do not go over. Noted at both. Raises
    `SameAccount`, `OwnAccount`, `OnlyBySuperuser`, `AlreadyEnded` or `BothBooked`.
    """
    if keep.pk == other.pk:
        raise SameAccount
    if other.pk == by.pk:
        raise OwnAccount
    with transaction.atomic():
        held = (
            User.objects.select_for_update(no_key=True).order_by("pk").in_bulk([keep.pk, other.pk])
        )
        kept, ends = held[keep.pk], held[other.pk]
        for each in (kept, ends):
            check_may_change(each, by=by)
        if not kept.is_active:
            raise AlreadyEnded
        if booked_by_both(kept, ends, now=now):
            raise BothBooked
        _keep_once(kept, ends, by=by, now=now)
        had = Booking.objects.for_person(kept).live().values("session")
        twice = Booking.objects.for_person(ends).live().filter(session__in=had)
        stay = list(twice.values_list("pk", flat=True))
        for model, column in columns_moved():
            moved = model._base_manager.filter(**{column: ends})
            if model is Booking and column == "person":
                moved = moved.exclude(pk__in=stay)
            moved.update(**{column: kept})
        ends.is_active = False
        ends.save(update_fields=["is_active"])
        end_sessions(ends)
        note_roles(ends, by=by, changed=["is_active"])
        log.info("accounts_merged", by=by.pk, kept=kept.pk, ended=ends.pk)
        note(person=kept, text=f"Merged with the account of {ends.email}. {why}", by=by, now=now)
        note(person=ends, text=f"Merged into the account of {kept.email}. {why}", by=by, now=now)


def columns_moved() -> Iterator[tuple[type[Model], str]]:
    """Every column that points to a person and goes over."""
    for field in User._meta.get_fields(include_hidden=True):
        if not isinstance(field, ForeignObjectRel) or field.many_to_many:
            continue
        model: Any = field.related_model
        if f"{model._meta.label}.{field.field.name}" not in STAYS:
            yield model, field.field.name


def _keep_once(kept: User, ends: User, *, by: User, now: datetime) -> None:
    """Leave out of what goes over what the person who stays has already."""
    revoke_all_feeds(person=ends, now=now)
    take_over(kept=kept, ended=ends)
    counts = PriorLearning.objects.exclude(state=PriorLearning.State.REJECTED)
    mine, theirs = counts.filter(person=kept), counts.filter(person=ends)
    better = theirs.filter(state=PriorLearning.State.VERIFIED).exclude(
        course__in=mine.filter(state=PriorLearning.State.VERIFIED).values("course")
    )
    twice = [
        *mine.filter(course__in=better.values("course")).values_list("pk", flat=True),
        *theirs.filter(course__in=mine.values("course"))
        .exclude(pk__in=better.values("pk"))
        .values_list("pk", flat=True),
    ]
    PriorLearning.objects.filter(pk__in=twice).update(
        state=PriorLearning.State.REJECTED,
        checked_by=by,
        checked_at=now,
        note="Declared with both of two accounts that are one now.",
    )
    asked = CoverRequest.objects.filter(answered_at=None)
    both_asked = asked.filter(person=kept).values("session")
    asked.filter(person=ends, session__in=both_asked).update(answered_at=now, agreed=False)
    wished = CourseInterest.objects.filter(person=kept, ended_at=None).values("course")
    CourseInterest.objects.filter(person=ends, ended_at=None, course__in=wished).update(
        ended_at=now
    )
    for model, other_column in _ONCE_EACH.items():
        rows: Any = model._base_manager
        has = rows.filter(user=kept).values(other_column)
        rows.filter(user=ends, **{f"{other_column}__in": has}).delete()
