"""What people need at a session: arranged before the day, or still to be arranged."""

from datetime import datetime

from accounts.models import User
from booking.catalogue.models import Session
from booking.places.models import Booking, BookingQuerySet

# As `is_a_need` of the lists has it: whoever writes "None" needs nothing.
_NOTHING = r"^\s*(none|no|n/?a|nil|nothing|not applicable)?[\s.]*$"


def with_needs_ahead(*, now: datetime) -> BookingQuerySet:
    """Bookings that hold a place on a session ahead and say what the person needs there."""
    bookings = Booking.objects.holding_a_place().exclude(needs="").exclude(needs__iregex=_NOTHING)
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
