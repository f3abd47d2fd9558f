"""Bookings by the actions, and what they leave behind."""

from datetime import datetime

from accounts.models import Agency, User
from booking.catalogue.models import Session
from booking.places.changing import confirming
from booking.places.events import BookingEvent
from booking.places.models import Booking
from booking.scheduling import capacity
from booking.scheduling.capacity import Reservation
from tests.factories import NOW, make_coordinator, make_person

State = Booking.State
What = BookingEvent.What


def state_of(booking: Booking) -> str:
    """As it is stored now."""
    return Booking.objects.get(pk=booking.pk).state


def refreshed(booking: Booking) -> Booking:
    """The booking as the database has it."""
    return Booking.objects.select_related("session").get(pk=booking.pk)


def employ(person: User, agency: Agency | None, *, since: datetime | None) -> None:
    """The person says that they work there; confirmed since a moment, or not."""
    person.agency, person.agency_confirmed_at = agency, since if agency else None
    person.save(update_fields=["agency", "agency_confirmed_at"])


def settle(person: User, agency: Agency, by: User | None, *, now: datetime) -> None:
    """The person works for the agency, says `by`; with nobody, they do not."""
    if by is None:
        confirming.not_ours(person=person, agency=agency, by=person, now=now)
    else:
        confirming.confirm_agency(person=person, agency=agency, by=by, now=now)


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
