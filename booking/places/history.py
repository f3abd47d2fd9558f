"""The history of bookings: who did what, by which rule, and why."""

from collections.abc import Iterable, Sequence
from datetime import datetime

from accounts.models import User
from booking.places.models import Booking, BookingEvent
from booking.places.rules import Reason
from booking.site.inserting import insert


def record(
    bookings: Sequence[Booking],
    what: BookingEvent.What,
    *,
    by: User | None,
    now: datetime,
    why: str = "",
    reason: Reason | None = None,
) -> None:
    """Append to the history of each booking, with one statement.

    `by` is nobody when the system acted by itself. A rule that decided gives the `reason`.
    """
    told = why or (reason.sentence if reason else "")
    insert(
        [
            BookingEvent(
                booking=booking,
                at=now,
                by=by,
                what=what,
                rule=reason.rule if reason else "",
                why=told[:500],
                state_after=booking.state,
            )
            for booking in bookings
        ]
    )


def record_passed_over(held: Iterable[tuple[Booking, Reason]], *, now: datetime) -> None:
    """Say to each of those who wait which rule held them when somebody further back got a place."""
    insert(
        [
            BookingEvent(
                booking=booking,
                at=now,
                what=BookingEvent.What.PASSED_OVER,
                rule=reason.rule,
                why=reason.sentence[:500],
                state_after=booking.state,
            )
            for booking, reason in held
        ]
    )
