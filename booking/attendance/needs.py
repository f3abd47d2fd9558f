"""What people need at a session: arranged before the day, or still to be arranged."""

from datetime import datetime

from django.db.models import Func, TextField
from django.db.models.functions import Length

from accounts.models import User
from booking.attendance.lists import NO_NEEDS
from booking.catalogue.models import Session
from booking.places.models import Booking, BookingQuerySet

# "Not applicable", with a few signs around it.
_LONGEST_OF_NONE = 20


def with_needs_ahead(*, now: datetime) -> BookingQuerySet:
    """Bookings that hold a place on a session ahead and say what the person needs there."""
    folded = Func("needs", function="booking_fold", output_field=TextField())
    said = Booking.objects.holding_a_place().exclude(needs="")
    bookings = said.alias(folded=folded, length=Length("needs"))
    # The length first: folding takes most of the time, and every page of the desk counts these.
    bookings = bookings.exclude(length__lte=_LONGEST_OF_NONE, folded__in=NO_NEEDS)
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
