"""A session's arrangements as they are, bookings, and the mail they get."""

from booking.catalogue.models import Session
from booking.outbox.models import Message
from booking.places import actions
from booking.places.models import Booking
from booking.scheduling.changing import Arrangements, PlannedSitting
from tests.factories import (
    NOW,
    make_person,
)


def as_it_is(session: Session) -> Arrangements:
    """How a session is held now."""
    planned = tuple(
        PlannedSitting(each.starts_at, each.ends_at, key=each.pk) for each in session.sittings.all()
    )
    return Arrangements(planned, session.delivery, session.venue, session.join_url)


def book(session: Session) -> Booking:
    """Somebody new books."""
    person = make_person()
    return actions.book(session=session, person=person, by=person, now=NOW)


def posted(booking: Booking) -> list[Message]:
    """The messages about a booking, in order."""
    return list(Message.objects.filter(booking=booking).order_by("id"))
