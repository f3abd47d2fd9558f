"""Bookings under the rules, and what became of them."""

from datetime import datetime

from accounts.models import Agency, User
from booking.catalogue.models import Session
from booking.places.events import BookingEvent
from booking.places.models import Booking
from booking.scheduling import capacity
from booking.scheduling.capacity import Reservation
from tests.factories import NOW, make_coordinator, make_person

State = Booking.State
What = BookingEvent.What


def from_agency(agency: Agency, number: int) -> list[User]:
    """Some people who work there."""
    return [make_person(agency=agency) for _ in range(number)]


def set_limits(
    session: Session, *reservations: Reservation, limit: int | None = None, now: datetime = NOW
) -> int:
    """What a coordinator sets."""
    return capacity.change_limits(
        session=session,
        agency_limit=limit,
        reservations=reservations,
        by=make_coordinator(),
        now=now,
    )


def last(booking: Booking) -> BookingEvent:
    """The last thing that happened to it."""
    event = booking.events.last()
    assert event is not None
    return event
