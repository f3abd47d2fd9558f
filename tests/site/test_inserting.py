"""What `insert` stores without asking Django is what Django would store."""

from typing import Any

import pytest
from django.db import connection
from django.db.models import Field
from django.utils import timezone

from booking.outbox.models import Message
from booking.places.events import BookingEvent
from booking.places.models import Booking
from booking.site.inserting import insert, stored_as_it_is
from tests.factories import make_person, session_ahead

_GIVEN: dict[type, list[object]] = {
    bool: [True, False],
    int: [0, 7, 2**31 - 1],
    str: ["", "Zoë’s “needs”"],
}
_KINDS = (Booking, BookingEvent, Message)


@pytest.mark.parametrize(
    "field",
    [field for kind in _KINDS for field in kind._meta.concrete_fields if stored_as_it_is(field)],
    ids=str,
)
def test_django_stores_what_was_given(field: "Field[Any, Any]") -> None:
    kind = stored_as_it_is(field)
    assert kind is not None
    for value in _GIVEN[kind]:
        row = field.model(**{field.attname: value})
        stored = field.get_db_prep_save(field.pre_save(row, add=True), connection)
        assert stored == value
        # The driver's own kinds of whole numbers say how many bytes they have.
        assert isinstance(stored, kind)


@pytest.mark.django_db
def test_what_is_inserted_is_read_again() -> None:
    person, session, now = make_person(), session_ahead(), timezone.now()
    booking = Booking(
        session=session,
        person=person,
        booked_by=person,
        booked_at=now,
        confirmed_at=now,
        state=Booking.State.CONFIRMED,
        needs="Zoë’s “needs”",
        overridden=["level"],
    )
    insert([booking])
    event = BookingEvent(
        booking=booking, at=now, by=person, what=BookingEvent.What.BOOKED, state_after=booking.state
    )
    message = Message(
        topic="booking.confirmed",
        subject_key="booking:1",
        revision="1",
        stream="booking:1",
        recipient=person,
        to_email=person.email,
        booking=booking,
        payload={"event": {"sequence": 0, "words": "“Zoë”"}},
        mime=b"From: us",
        due_at=now,
        created_at=now,
        message_id="<1@briefed.example>",
    )
    insert([event])
    insert([message])
    for given in (booking, event, message):
        read = type(given)._default_manager.get(pk=given.pk)
        for field in given._meta.concrete_fields:
            if not field.generated:
                assert getattr(read, field.attname) == getattr(given, field.attname), field
