"""A session's arrangements as they are, bookings, and the mail they get."""

from booking.catalogue.models import Session
from booking.outbox.models import Message
from booking.places.models import Booking
from booking.scheduling.changing import Arrangements, PlannedSitting


def as_it_is(session: Session) -> Arrangements:
    """How a session is held now."""
    planned = tuple(
        PlannedSitting(each.starts_at, each.ends_at, key=each.pk) for each in session.sittings.all()
    )
    return Arrangements(planned, session.delivery, session.venue, session.join_url)


def posted(booking: Booking) -> list[Message]:
    """The messages about a booking, in order."""
    return list(Message.objects.filter(booking=booking).order_by("id"))
