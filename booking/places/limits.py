"""Who may have how many of a session's places: the most for an agency, and what is reserved."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction

from accounts.models import Agency, User
from booking.catalogue.models import Session, SessionEvent
from booking.places import actions
from booking.places.eligibility import check_changeable
from booking.places.facts import Room, read_room
from booking.places.refusals import LimitTooLow, ReservedPlaces
from booking.places.rule_models import Allocation
from booking.places.statements import lock_session
from booking.site.wording import counted, listed
from booking.site.working_days import end_of_working_day_before


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
    with transaction.atomic():
        locked = lock_session(session.pk)
        check_changeable(locked)
        locked.agency_limit = agency_limit
        locked.has_allocations = bool(reservations)
        locked.allocations.all().delete()
        allocations = [
            Allocation(
                session=locked,
                sector="" if each.agency else each.sector,
                agency=each.agency,
                places=each.places,
                release_days=each.release_days,
                release_at=end_of_working_day_before(locked.starts_at, each.release_days),
            )
            for each in reservations
        ]
        Allocation.objects.bulk_create(allocations)
        room = read_room(locked, now=now)
        _check_limit(room, agency_limit)
        check_reserved(room, capacity=locked.capacity)
        locked.save(update_fields=["agency_limit", "has_allocations"])
        SessionEvent.objects.create(
            session=locked, at=now, by=by, what=_words(agency_limit, allocations), why=why
        )
    return actions.fill_places(session=session, now=now)


def check_reserved(room: Room, *, capacity: int) -> None:
    """Refuse, with the numbers, a capacity that taken and reserved places do not fit in.

    Raises `ReservedPlaces`.
    """
    unmet = room.unmet()
    if room.taken + unmet > capacity:
        raise ReservedPlaces(wanted=capacity, taken=room.taken, reserved=unmet)


def _check_limit(room: Room, limit: int | None) -> None:
    if limit is None or not room.holders:
        return
    agency, held = max(room.holders.items(), key=lambda item: item[1])
    if held > limit:
        raise LimitTooLow(wanted=limit, held=held, agency=Agency.objects.get(pk=agency).name)


def _words(limit: int | None, allocations: Sequence[Allocation]) -> str:
    most = f"At most {counted(limit, 'place')} for one agency" if limit else "No limit for agencies"
    kept = listed([str(each) for each in allocations])
    return f"{most}; reserved: {kept or 'nothing'}."[:200]
