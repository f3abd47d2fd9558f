"""Which of somebody's bookings stands in the way of another."""

from datetime import timedelta
from typing import Any

import pytest

from accounts.models import User
from booking.catalogue.models import Session
from booking.places.lock import CourseRules, practitioner_as_read, read_newcomer
from booking.places.models import Booking
from tests.factories import NOW, make_person, make_session

pytestmark = pytest.mark.django_db
State = Booking.State


def _session(*sittings: tuple[int, int], **fields: Any) -> Session:
    """Held from so many to so many hours after the first hour of a day ahead."""
    first = NOW + timedelta(days=21)
    hours = [(first + timedelta(hours=a), first + timedelta(hours=b)) for a, b in sittings]
    return make_session(sittings=hours, **fields)


def _booked(session: Session, person: User, state: str = State.CONFIRMED) -> int:
    """A row as it stands, whatever the rules would say of it."""
    return Booking.objects.create(
        session=session,
        person=person,
        booked_by=person,
        state=state,
        booked_at=NOW,
        ticket=person.pk if state == State.WAITING else None,
        offered_until=NOW + timedelta(days=1) if state == State.OFFERED else None,
    ).pk


def _conflict(session: Session, person: User) -> int | None:
    who = practitioner_as_read(person, CourseRules())
    return read_newcomer(session, who, now=NOW).conflict_id


def test_the_own_booking_comes_first_then_the_earliest_sitting_then_the_lowest_key() -> None:
    person, session = make_person(), _session((0, 2), (4, 6), (8, 10))
    of_last = _booked(_session((9, 12)), person)
    assert _conflict(session, person) == of_last
    of_second = _booked(_session((5, 6), (9, 10)), person)
    assert _conflict(session, person) == of_second
    _booked(_session((4, 5)), person)
    assert _conflict(session, person) == of_second
    # Only touching, of somebody else, or holding no place.
    _booked(_session((2, 4)), person)
    _booked(_session((0, 2)), make_person())
    _booked(_session((0, 2)), person, State.WAITING)
    assert _conflict(session, person) == of_second
    own = _booked(session, person, State.WAITING)
    assert _conflict(session, person) == own
