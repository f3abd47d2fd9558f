"""What people need at a session: arranged before the day, or still to be arranged."""

from datetime import datetime

from django.db.models import Func, TextField

from accounts.models import User
from booking.attendance.lists import NO_NEEDS
from booking.catalogue.models import Session
from booking.places.models import Booking, BookingQuerySet


def with_needs_ahead(*, now: datetime) -> BookingQuerySet:
    """Bookings that hold a place on a session ahead and say what the person needs there."""
    folded = Func("needs", function="booking_fold", output_field=TextField())
    bookings = Booking.objects.holding_a_place().exclude(needs="").alias(folded=folded)
    bookings = bookings.exclude(folded__in=NO_NEEDS)
    return bookings.filter(session__state=Session.State.PUBLISHED, session__starts_at__gt=now)


def to_arrange(*, now: datetime) -> BookingQuerySet:
    """Those of `with_needs_ahead` about which nobody has said that it is arranged."""
    return with_needs_ahead(now=now).filter(needs_arranged_at=None)


def say_arranged(*, booking: Booking, is_arranged: bool, by: User, now: datetime) -> None:
    """Note that what a person needs is arranged, by whom and when; or that it is not after all.

    Who noted it first stays noted.
    """
    noted = Booking.objects.filter(pk=booking.pk)
    if is_arranged:
        noted.filter(needs_arranged_at=None).update(needs_arranged_at=now, needs_arranged_by=by)
    else:
        noted.update(needs_arranged_at=None, needs_arranged_by=None)
