"""A session's arrangements as they are, bookings, and the mail they get."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from booking.catalogue.models import Session
from booking.outbox.models import Message
from booking.places.changes import Change
from booking.places.models import Booking
from booking.scheduling import changing
from booking.scheduling.changing import Arrangements, PlannedSitting
from tests.factories import NOW, make_coordinator


def as_it_is(session: Session) -> Arrangements:
    """How a session is held now."""
    now = Session.objects.get(pk=session.pk)
    planned = tuple(
        PlannedSitting(each.starts_at, each.ends_at, key=each.pk) for each in now.sittings.all()
    )
    return Arrangements(planned, now.delivery, now.venue, now.meeting.opened())


def rearrange(session: Session, *, now: datetime = NOW, **changed: Any) -> Sequence[Change]:
    """A coordinator changes this and leaves the rest as it is."""
    arrangements = replace(as_it_is(session), **changed)
    told = changing.rearrange(
        session=session, arrangements=arrangements, by=make_coordinator(), now=now
    )
    session.refresh_from_db()
    return told


def move(session: Session, by: timedelta, **changed: Any) -> Sequence[Change]:
    """A coordinator moves every date by so much."""
    moved = tuple(
        replace(each, starts_at=each.starts_at + by, ends_at=each.ends_at + by)
        for each in as_it_is(session).sittings
    )
    return rearrange(session, sittings=moved, **changed)


def move_to(session: Session, start: datetime) -> Sequence[Change]:
    """A coordinator moves its only date: three hours from then."""
    [sitting] = as_it_is(session).sittings
    moved = replace(sitting, starts_at=start, ends_at=start + timedelta(hours=3))
    return rearrange(session, sittings=(moved,))


def posted(booking: Booking) -> list[Message]:
    """The messages about a booking, in order."""
    return list(Message.objects.filter(booking=booking).order_by("id"))
