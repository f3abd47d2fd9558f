"""Bookings by the actions, and what they leave behind."""

from booking.catalogue.models import Session
from booking.places import actions
from booking.places.models import Booking
from tests.factories import NOW, make_person

State = Booking.State


def book(session: Session, **fields: object) -> Booking:
    """Somebody new books."""
    person = make_person()
    return actions.book(session=session, person=person, by=person, now=NOW, **fields)  # type: ignore[arg-type]


def refreshed(booking: Booking) -> Booking:
    """The booking as the database has it."""
    return Booking.objects.select_related("session").get(pk=booking.pk)
