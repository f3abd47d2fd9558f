"""Somebody comes without a certain place, and is let in by the word of a trainer."""

from datetime import datetime

from accounts.models import User
from booking.catalogue.models import Session
from booking.places import actions, history
from booking.places.events import BookingEvent
from booking.places.lock import locked_session, read_practitioners
from booking.places.managers import asking
from booking.places.models import Booking
from booking.places.overriding import set_capacity
from booking.places.refusals import (
    AccountEnded,
    AlreadyBooked,
    ChairTaken,
    NoRoomForWalkIn,
    SessionNotOpen,
)
from booking.site.inserting import insert

State = Booking.State
_HELD = (Session.State.PUBLISHED, Session.State.COMPLETED)


def walk_in(
    *,
    session: Session,
    person: User,
    by: User,
    now: datetime,
    is_over: bool = False,
    instead_of: Booking | None = None,
) -> Booking:
    """Give a certain place to somebody who stands in the room; nobody is written to.

    What the course asks is for the trainer to judge. Without a free place, `is_over` says that
    there is room all the same: the session gets one place more. So it does for `instead_of`, the
    booking of somebody who did not come, whose chair it is. Whoever waited or held an uncertain
    place keeps their booking. Raises `AlreadyBooked`, `AccountEnded`, `NoRoomForWalkIn`,
    `SessionNotOpen`, or `ChairTaken` if the place that is named is not a certain one here, or
    somebody else has come in it.
    """
    with locked_session(session) as ruled:
        session = ruled.session
        if session.state not in _HELD:
            raise SessionNotOpen(session)
        live = Booking.objects.for_session(session).live().filter(person=person)
        mine = live.select_related("person", "approval").first()
        who = read_practitioners([person.pk], ruled.rules, lock=True)[person.pk]
        if mine is not None and mine.state == State.CONFIRMED:
            raise AlreadyBooked(mine)
        if not who.is_active:
            raise AccountEnded
        if instead_of is not None and not _is_free(instead_of, session):
            raise ChairTaken
        holds_one = mine is not None and mine.state in Booking.HOLDING
        why = "In the place of somebody who did not come." if instead_of else ""
        if not holds_one and session.places_taken >= session.capacity:
            if not is_over and instead_of is None:
                raise NoRoomForWalkIn
            said = why or "There was room for somebody who came without a booking."
            set_capacity(session, session.capacity + 1, by=by, now=now, why=said)
            why = why or "All places were taken; there was room."
        if mine is None:
            booking = actions.new_booking(ruled, who, person=person, by=by, now=now)
            actions.seat(booking, session, State.CONFIRMED, now=now)
        else:
            booking = mine
            booking.session = session
            actions.seat_at_once(booking, session, now=now)
            asking.close([booking], ruled.rules, now=now)
        booking.is_walk_in, booking.replaces = True, instead_of or booking.replaces
        if mine is None:
            insert([booking])
        else:
            fields = ["state", "confirmed_at", "is_walk_in", "replaces"]
            booking.save(update_fields=fields)
        history.record([booking], BookingEvent.What.WALKED_IN, by=by, now=now, why=why)
    return booking


def _is_free(booking: Booking, session: Session) -> bool:
    """Whether it is a certain place of the session in which nobody else has come."""
    certain = Booking.objects.for_session(session).confirmed().filter(pk=booking.pk)
    return certain.exclude(replaced_by__is_walk_in=True).exists()
