"""What `insert` stores without asking Django is what Django would store."""

from typing import Any

import pytest
from django.db import connection
from django.db.models import Field
from django.utils import timezone

from booking.attendance.models import Arrival
from booking.outbox.models import Message
from booking.places import actions
from booking.places.events import BookingEvent
from booking.places.models import Booking
from booking.site.inserting import insert, is_plain
from tests.factories import make_person, session_ahead

_GIVEN: dict[str, list[object]] = {
    "BooleanField": [True, False],
    "CharField": ["", "Zoë’s “needs”", None],
    "TextField": ["", "Zoë’s “needs”", None],
}
_KINDS = (Booking, BookingEvent, Message, Arrival)


@pytest.mark.parametrize(
    "field",
    [field for kind in _KINDS for field in kind._meta.concrete_fields if is_plain(field)],
    ids=str,
)
def test_a_plain_field_stores_what_was_given(field: "Field[Any, Any]") -> None:
    for value in _GIVEN.get(field.get_internal_type(), [0, 7, None]):
        row = field.model(**{field.attname: value})
        assert field.get_db_prep_save(field.pre_save(row, add=True), connection) == value


@pytest.mark.django_db
def test_what_is_inserted_is_read_again() -> None:
    person, now = make_person(), timezone.now()
    booking = actions.book(session=session_ahead(), person=person, by=person, now=now, needs="Zoë")
    stored = BookingEvent(
        booking=booking,
        at=now,
        by=person,
        what=BookingEvent.What.BOOKED,
        state_after=booking.state,
    )
    insert([stored])
    read = BookingEvent.objects.get(pk=stored.pk)
    for field in BookingEvent._meta.concrete_fields:
        assert getattr(read, field.attname) == getattr(stored, field.attname)
