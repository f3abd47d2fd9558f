"""The booking that notices are about."""

import pytest

from booking.places.models import Booking
from tests.factories import (
    make_course,
    make_person,
    make_policy,
    make_session,
    make_trainer,
    make_venue,
)
from tests.mail.letters import THREE_DATES, make_booking


@pytest.fixture
def booking() -> Booking:
    """A place on three dates in person, with everything that a notice can mention."""
    session = make_session(
        course=make_course(title="Domestic abuse: a coordinated response"),
        sittings=THREE_DATES,
        venue=make_venue(name="Carriageworks", getting_there="Bus 12 stops outside."),
        joining_instructions="Bring a laptop.\n\nRead https://guide.example/first",
        trainers=[make_trainer(first_name="Ada", last_name="Obi")],
        policy=make_policy(),
    )
    return make_booking(session, person=make_person(first_name="Priya", last_name="Shah"))
