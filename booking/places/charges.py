"""What it costs to give up a place late, as the policy promised with the booking says."""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from decimal import Decimal

from booking.catalogue.models import ChargeBand
from booking.catalogue.sittings import SittingTimes
from booking.places.models import Booking
from booking.site.wording import deadline, listed, pounds


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


def if_accepted(booking: Booking, sittings: Iterable[SittingTimes], *, now: datetime) -> str:
    """What somebody who accepts a place should know about giving it up again, or nothing."""
    if not booking.notice_days:
        return ""
    pence = late_pence(booking, sittings)
    if now >= booking.free_until:
        if pence:
            return (
                "The notice period has begun. If you accept the place, cancelling it will no"
                f" longer be free: it costs {pounds(pence)}."
            )
        return (
            "The notice period has begun, so please accept only if you are sure that you can come."
        )
    if pence:
        return (
            f"You can cancel free of charge until {deadline(booking.free_until)}. After that it"
            f" costs {pounds(pence)}."
        )
    return ""


def if_not_used(booking: Booking, sittings: Sequence[SittingTimes]) -> str:
    """What it costs if a place is not used, for whoever is to agree to it, or nothing."""
    late, absent = late_pence(booking, sittings), absence_pence(booking, sittings)
    costs = []
    if late and booking.notice_days:
        costs.append(f"cancelling after {deadline(booking.free_until)} costs {pounds(late)}")
    if absent:
        costs.append(f"not coming costs {pounds(absent)}")
    words = listed(costs)
    return f"{words[:1].upper()}{words[1:]}." if words else ""


def _pence(booking: Booking, sittings: Iterable[SittingTimes], occasion: str) -> int:
    if booking.policy is None:
        return 0
    return booking.policy.charge_pence(occasion, hours=hours_of(sittings), agency=booking.agency)
