"""What it costs to give up a place late, as the policy promised with the booking says."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from decimal import Decimal

from booking.catalogue.policies import ChargeBand
from booking.places.announcements import SittingTimes
from booking.places.models import Booking
from booking.wording import pounds


def hours_of(sittings: Iterable[SittingTimes]) -> Decimal:
    """How long all sittings last together."""
    length = sum((each.ends_at - each.starts_at for each in sittings), timedelta())
    return Decimal(length // timedelta(minutes=1)) / 60


def late_pence(booking: Booking, sittings: Iterable[SittingTimes]) -> int:
    """What the booking costs if it is cancelled after the promised moment, in pence."""
    return _pence(booking, sittings, ChargeBand.Occasion.LATE)


def absence_pence(booking: Booking, sittings: Iterable[SittingTimes]) -> int:
    """What the booking costs if nobody comes, in pence."""
    return _pence(booking, sittings, ChargeBand.Occasion.ABSENT)


def for_cancelling(booking: Booking, sittings: Iterable[SittingTimes], *, now: datetime) -> int:
    """What cancelling a confirmed place costs now, in pence; nothing until the promised moment."""
    return 0 if now < booking.free_until else late_pence(booking, sittings)


def sentence(booking: Booking) -> str:
    """What was charged, in words, or nothing."""
    if not booking.charge_pence:
        return ""
    return f"Late cancellation: {pounds(booking.charge_pence)} is charged."


def _pence(booking: Booking, sittings: Iterable[SittingTimes], occasion: str) -> int:
    if booking.policy is None:
        return 0
    return booking.policy.charge_pence(occasion, hours=hours_of(sittings), agency=booking.agency)
