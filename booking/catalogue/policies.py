"""The rules of cancelling: made once, and then only replaced by a newer version.

A booking keeps the version it was promised. What nobody has booked under yet moves on: courses,
and sessions that have not begun.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from django.db import IntegrityError, transaction

from booking.catalogue.models import (
    Allocation,
    CancellationPolicy,
    ChargeBand,
    Course,
    Session,
    SessionQuerySet,
)
from booking.partnership.kept import the_partnership
from booking.site.refusals import Refused
from booking.site.wording import LONDON
from booking.site.working_days import (
    end_of_working_day_before,
    working_days_before,
    working_days_between,
)


class PolicyNameTaken(Refused):
    """Other rules have this name."""

    sentence = "There are rules of this name already. Make a new version of those instead."


class AlreadyReplaced(Refused):
    """Somebody made a newer version meanwhile."""

    sentence = "These rules have been replaced by a newer version. Change that one instead."


@dataclass(frozen=True)
class Band:
    """What is charged, in pence, for sessions longer than so many hours."""

    over_hours: Decimal
    late_pence: int
    absent_pence: int


@dataclass(frozen=True, kw_only=True)
class PolicyTerms:
    """What one version says. Turnover is in pence; without it no charity is free of charge."""

    notice_days: int
    free_for_trainers_in_kind: bool
    free_for_charities_under_pence: int | None
    bands: Sequence[Band]
    absence_free_if_taken: bool = True


@dataclass(frozen=True)
class UsedBy:
    """How many courses have these rules as their usual ones, and how many sessions ahead."""

    courses: int
    sessions: int


def used_by(policy: CancellationPolicy, *, now: datetime) -> UsedBy:
    """What a newer version of these rules would move to itself."""
    return UsedBy(policy.courses.count(), _ahead(policy, now=now).count())


def usual_policy() -> CancellationPolicy | None:
    """The rules that new courses begin with, in their newest version."""
    return CancellationPolicy.objects.current().filter(name=the_partnership().usual_policy).first()


def newest(policy: CancellationPolicy | None) -> CancellationPolicy | None:
    """The version of these rules that new promises are made by."""
    if policy is None or policy.replaced_at is None:
        return policy
    return CancellationPolicy.objects.current().filter(name=policy.name).first()


def create(*, name: str, terms: PolicyTerms, now: datetime) -> CancellationPolicy:
    """The first version of new rules. Raises `PolicyNameTaken`."""
    with transaction.atomic():
        if CancellationPolicy.objects.filter(name__iexact=name).exists():
            raise PolicyNameTaken
        try:
            with transaction.atomic():
                return _store(name, 1, terms, now=now)
        except IntegrityError as error:
            raise PolicyNameTaken from error


def new_version(
    *, policy: CancellationPolicy, terms: PolicyTerms, now: datetime
) -> tuple[CancellationPolicy, UsedBy]:
    """Replace rules by a newer version, and move to it the courses and sessions that use them.

    Bookings keep the version that they were promised. Returns the new version and how much was
    moved. Raises `AlreadyReplaced`.
    """
    with transaction.atomic():
        # Sessions before anything else, as everywhere, and in the order of their keys.
        sessions = list(
            _ahead(policy, now=now)
            .select_for_update(no_key=True)
            .order_by("pk")
            .values_list("pk", flat=True)
        )
        locked = CancellationPolicy.objects.select_for_update(no_key=True).get(pk=policy.pk)
        if locked.replaced_at is not None:
            raise AlreadyReplaced
        locked.replaced_at = now
        locked.save(update_fields=["replaced_at"])
        newer = _store(locked.name, locked.version + 1, terms, now=now)
        courses = Course.objects.filter(usual_policy=policy).update(usual_policy=newer)
        Session.objects.filter(pk__in=sessions).update(policy=newer)
    return newer, UsedBy(courses, len(sessions))


def _ahead(policy: CancellationPolicy, *, now: datetime) -> SessionQuerySet:
    return Session.objects.filter(
        policy=policy,
        starts_at__gt=now,
        state__in=[Session.State.DRAFT, Session.State.PUBLISHED],
    )


def _store(name: str, version: int, terms: PolicyTerms, *, now: datetime) -> CancellationPolicy:
    policy = CancellationPolicy.objects.create(
        name=name,
        version=version,
        notice_days=terms.notice_days,
        free_for_trainers_in_kind=terms.free_for_trainers_in_kind,
        absence_free_if_taken=terms.absence_free_if_taken,
        free_for_charities_under_pence=terms.free_for_charities_under_pence,
        created_at=now,
    )
    ChargeBand.objects.bulk_create(
        [
            ChargeBand(policy=policy, occasion=occasion, over_hours=band.over_hours, pence=pence)
            for band in terms.bands
            for occasion, pence in (
                (ChargeBand.Occasion.LATE, band.late_pence),
                (ChargeBand.Occasion.ABSENT, band.absent_pence),
            )
        ]
    )
    return policy


def usual_closing(starts_at: datetime) -> datetime | None:
    """When booking of a session that starts then closes, if it is given no moment of its own.

    That is 5pm on the working day that the partnership chose; nothing means at the start.
    """
    days = the_partnership().closes_days
    return end_of_working_day_before(starts_at, days) if days else None


def closes_at(starts_at: datetime, *, now: datetime) -> datetime | None:
    """The same for a session of now; what comes too soon for that moment closes at its start."""
    usual = usual_closing(starts_at)
    return usual if usual and usual > now else None


def day_to_decide(course: Course, starts_at: datetime) -> date | None:
    """When it is decided whether a new session goes ahead, if its course asks for so many people.

    That is as many working days before the start as the course says.
    """
    on = working_days_before(starts_at.astimezone(LONDON).date(), course.usual_decide_days)
    return on if course.usual_minimum else None


def following(session: Session, *, starts_at: datetime) -> dict[str, Any]:
    """What follows the start of a session, by the names of its fields, if it moves to this one.

    Booking that closed at the usual moment does so again; the day to decide is as many working
    days before the start as it was.
    """
    found: dict[str, Any] = {}
    if starts_at == session.starts_at:
        return found
    if session.booking_closes_at and session.booking_closes_at == usual_closing(session.starts_at):
        found["booking_closes_at"] = usual_closing(starts_at)
    if session.decide_on:
        before, after = (each.astimezone(LONDON).date() for each in (session.starts_at, starts_at))
        days = working_days_between(session.decide_on, before)
        found["decide_on"] = working_days_before(after, days)
    return found


def releases_moved(
    reserved: Iterable[Allocation], *, starts_at: datetime, now: datetime
) -> list[Allocation]:
    """Reserved places that are released before this start instead; what was released stays so."""
    moved = [each for each in reserved if each.release_at > now]
    for each in moved:
        each.release_at = end_of_working_day_before(starts_at, each.release_days)
    return moved
