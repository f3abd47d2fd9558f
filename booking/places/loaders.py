"""Loading bookings and sessions for a person, or answering 404: who may see what, in one place."""

from django.http import Http404

from accounts.models import User
from booking.catalogue.models import Session
from booking.places.models import Booking


def booking_for(person: User, booking_id: int) -> Booking:
    """A booking whose page this person may open. Raises `Http404` for anybody else's."""
    bookings = Booking.objects.visible_to(person).select_related(
        "person__agency", "session__course", "session__venue", "agency", "policy"
    )
    booking = bookings.filter(pk=booking_id).first()
    if booking is None:
        raise Http404
    return booking


def public_session(session_id: int) -> Session:
    """A session that is not a draft. Raises `Http404`."""
    sessions = Session.objects.public().select_related("course", "venue", "policy")
    session = sessions.filter(pk=session_id).first()
    if session is None:
        raise Http404
    return session


def unread_session(session_id: int) -> Session:
    """The session that an address names, for an action that reads it under its own lock."""
    return Session(pk=session_id)
