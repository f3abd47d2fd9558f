"""How many places a session has and who may have them; whether few people are enough."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import F

from accounts.models import Agency, User
from booking.catalogue.models import (
    Allocation,
    Course,
    Reserved,
    Session,
    SessionEvent,
    SessionQuerySet,
    UsualAllocation,
)
from booking.places import actions
from booking.places.holding import state_when_chosen
from booking.places.lock import RuledSession, locked_session, read_practitioners
from booking.places.models import Booking
from booking.places.overriding import set_capacity
from booking.places.refusals import CapacityTooLow, LimitTooLow, ReservedPlaces
from booking.places.rules.decision import check_ahead, check_changeable, must_be_confirmed
from booking.places.rules.line import next_in_line
from booking.places.rules.seating import Seating, read_seating
from booking.site.counting import count_of
from booking.site.wording import LONDON, counted, listed
from booking.site.working_days import end_of_working_day_before


def change_capacity(
    *, session: Session, capacity: int, by: User, now: datetime, why: str = ""
) -> int:
    """Set how many places there are, and give new ones to those who wait.

    Returns how many people were given or offered a place at once; a long waiting list is worked
    through in several short transactions. Raises `CapacityTooLow` with the numbers, or
    `SessionNotOpen` if the session was cancelled or is over.
    """
    with locked_session(session) as ruled:
        locked = ruled.session
        check_capacity(locked, capacity, now=now)
        set_capacity(locked, capacity, by=by, now=now, why=why)
    return actions.fill_places(session=session, now=now)


def check_capacity(session: Session, capacity: int, *, now: datetime) -> None:
    """Refuse a capacity that taken and reserved places do not fit in.

    Raises `CapacityTooLow` or `SessionNotOpen`.
    """
    check_changeable(session)
    taken, reserved = session.places_taken, read_seating(session, now=now).unmet()
    if capacity < taken + reserved:
        raise CapacityTooLow(wanted=capacity, taken=taken, reserved=reserved)


def who_would_get_a_place(
    ruled: RuledSession, capacity: int, *, now: datetime
) -> list[tuple[Booking, Booking.State]]:
    """Those who wait and would be given or offered a place if there were so many, in order.

    With each booking comes the state that it would get; nothing is written. The session
    is changed.
    """
    session = ruled.session
    session.capacity = capacity
    seating = read_seating(session, now=now)
    is_ahead = session.state == Session.State.PUBLISHED and session.starts_at > now
    if not is_ahead or seating.free <= 0:
        return []
    chosen = next_in_line(seating, ruled.rules, seating.free, now=now).chosen
    who = read_practitioners((booking.person_id for booking in chosen), ruled.rules)
    to_confirm = {key: must_be_confirmed(each, ruled, now=now) for key, each in who.items()}
    return [
        (each, state_when_chosen(each, ruled, to_confirm=to_confirm[each.person_id], now=now))
        for each in chosen
    ]


@dataclass(frozen=True, kw_only=True)
class Reservation:
    """Places to be reserved for an agency, or for a sector if no agency is given."""

    places: int
    sector: str = ""
    agency: Agency | None = None
    release_days: int = 5


def change_limits(
    *,
    session: Session,
    agency_limit: int | None,
    reservations: Sequence[Reservation],
    by: User,
    now: datetime,
    why: str = "",
) -> int:
    """Set the most places for one agency and what is reserved, and give out what becomes free.

    Returns how many who wait were given or offered a place. Raises `LimitTooLow` or
    `ReservedPlaces` with the numbers if people hold more than that leaves, and `SessionNotOpen`.
    """
    with locked_session(session) as ruled:
        locked = ruled.session
        check_changeable(locked)
        locked.agency_limit = agency_limit
        allocations = reserve(locked, reservations)
        seating = read_seating(locked, now=now)
        _check_limit(seating, agency_limit)
        check_reserved(seating, capacity=locked.capacity)
        locked.save(update_fields=["agency_limit"])
        SessionEvent.objects.create(
            session=locked, at=now, by=by, what=_words(agency_limit, allocations), why=why
        )
    return actions.fill_places(session=session, now=now)


def reserve(session: Session, reservations: Sequence[Reservation]) -> list[Allocation]:
    """Reserve these places of a session and no others. In the caller's transaction."""
    session.allocations.all().delete()
    session.has_allocations = bool(reservations)
    session.save(update_fields=["has_allocations"])
    allocations = [
        Allocation(
            session=session,
            sector="" if each.agency else each.sector,
            agency=each.agency,
            places=each.places,
            release_days=each.release_days,
            release_at=end_of_working_day_before(session.starts_at, each.release_days),
        )
        for each in reservations
    ]
    return Allocation.objects.bulk_create(allocations)


def usual_reservations(course: Course) -> list[Reservation]:
    """What new sessions of a course have reserved."""
    return reservations_of(course.usual_allocations.select_related("agency"))


def reservations_of(stored: Iterable[Reserved]) -> list[Reservation]:
    """Stored ones as they would be reserved again."""
    return [
        Reservation(
            places=each.places,
            sector=each.sector,
            agency=each.agency,
            release_days=each.release_days,
        )
        for each in stored
    ]


def set_usual_limits(
    *, course: Course, agency_limit: int | None, reservations: Sequence[Reservation]
) -> None:
    """Set what new sessions of a course begin with; those that exist keep theirs."""
    with transaction.atomic():
        Course.objects.filter(pk=course.pk).update(usual_agency_limit=agency_limit)
        course.usual_allocations.all().delete()
        UsualAllocation.objects.bulk_create(
            UsualAllocation(
                course=course,
                sector="" if each.agency else each.sector,
                agency=each.agency,
                places=each.places,
                release_days=each.release_days,
            )
            for each in reservations
        )


def check_reserved(seating: Seating, *, capacity: int) -> None:
    """Refuse, with the numbers, a capacity that taken and reserved places do not fit in.

    Raises `ReservedPlaces`.
    """
    unmet = seating.unmet()
    if seating.taken + unmet > capacity:
        raise ReservedPlaces(wanted=capacity, taken=seating.taken, reserved=unmet)


def _check_limit(seating: Seating, limit: int | None) -> None:
    if limit is None or not seating.holders:
        return
    agency, held = max(seating.holders.items(), key=lambda item: item[1])
    if held > limit:
        raise LimitTooLow(wanted=limit, held=held, agency=Agency.objects.get(pk=agency).name)


def _words(limit: int | None, allocations: Sequence[Allocation]) -> str:
    most = f"At most {counted(limit, 'place')} for one agency" if limit else "No limit for agencies"
    kept = listed([str(each) for each in allocations])
    return f"{most}; reserved: {kept or 'nothing'}."[:200]


def at_risk(sessions: SessionQuerySet, *, now: datetime) -> SessionQuerySet:
    """Those of these sessions about which somebody has to decide, the soonest first.

    Published and ahead, their day to decide has come, fewer people have a confirmed place than
    the session needs, and nobody has said yet that it goes ahead.
    """
    return (
        sessions.upcoming(now=now)
        .filter(
            minimum__isnull=False,
            decide_on__lte=now.astimezone(LONDON).date(),
            goes_ahead_at__isnull=True,
        )
        .annotate(confirmed=count_of(Booking.objects.confirmed(), "session"))
        .filter(confirmed__lt=F("minimum"))
    )


def too_few(session: Session, *, now: datetime) -> int | None:
    """How many people have a confirmed place, if the session is at risk; else nothing."""
    found: Any = at_risk(Session.objects.filter(pk=session.pk), now=now).first()
    return None if found is None else int(found.confirmed)


def goes_ahead(*, session: Session, by: User, now: datetime, why: str = "") -> None:
    """Hold a session although few people have booked. Saying it twice changes nothing.

    Raises `SessionNotOpen` or `SessionStarted`.
    """
    with locked_session(session) as ruled:
        locked = ruled.session
        check_ahead(locked, now=now)
        if locked.goes_ahead_at is not None:
            return
        locked.goes_ahead_at = now
        locked.save(update_fields=["goes_ahead_at"])
        people = Booking.objects.for_session(locked).confirmed().count()
        what = f"It goes ahead, with {counted(people, 'person', 'people')} so far."
        SessionEvent.objects.create(session=locked, at=now, by=by, what=what, why=why)
