"""The pages of what can no longer be done to a booking say so, and have no button."""

from collections.abc import Callable

import pytest
import time_machine

from booking.places.models import Booking
from tests.factories import NOW, make_lead, make_person, make_session
from tests.people import book, give_up, signed_in

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("at_now")]

PAGES = ("cancel", "move", "substitute")
BUTTON = 'data-prevent-double-click="true"'


def taken_place() -> Booking:
    return book(make_session())


def cancelled() -> Booking:
    return give_up(taken_place())


def left() -> Booking:
    return give_up(waiting())


def waiting() -> Booking:
    session = make_session(capacity=1)
    book(session)
    return book(session)


def held() -> Booking:
    booking = taken_place()
    Booking.objects.filter(pk=booking.pk).update(state=Booking.State.REQUESTED)
    booking.refresh_from_db()
    return booking


def pages_of(booking: Booking, *names: str) -> list[str]:
    client = signed_in(booking.person)
    shown = [client.get(f"/bookings/{booking.pk}/{name}/") for name in names]
    assert all(each.status_code == 200 for each in shown)
    return [each.text.partition("<main")[2] for each in shown]


@pytest.mark.parametrize("make", [cancelled, left])
def test_what_has_ended_cannot_be_changed(make: Callable[[], Booking]) -> None:
    booking = make()
    for page in pages_of(booking, *PAGES):
        assert "already" in page
        assert "You have a place on" not in page
        assert f'href="{booking.session.get_absolute_url()}">See the session' in page
        assert BUTTON not in page


def test_after_the_start_nothing_can_be_changed() -> None:
    booking = taken_place()
    with time_machine.travel(booking.session.starts_at):
        for page in pages_of(booking, *PAGES):
            assert "This session started at" in page
            assert "See other dates of this course" in page
            assert "costs nothing" not in page
            assert "becomes free" not in page
            assert "You have a place on" not in page
            assert BUTTON not in page
        answer = signed_in(booking.person).post(f"/bookings/{booking.pk}/cancel/", {"why": ""})
        assert answer.status_code == 409
        assert answer.text.count("This session started at") == 1


@pytest.mark.parametrize(
    ("make", "why", "way"),
    [
        (held, "held for you and is not certain yet", "Stop asking for this place"),
        (waiting, "You are on the waiting list", "Leave the waiting list"),
    ],
)
def test_what_is_no_certain_place_cannot_be_moved_or_given(
    make: Callable[[], Booking], why: str, way: str
) -> None:
    booking = make()
    for page in pages_of(booking, "move", "substitute"):
        assert why in page
        assert way in page
        assert "You have a place on" not in page
        assert BUTTON not in page
    assert BUTTON in pages_of(booking, "cancel")[0]


def test_a_lead_is_told_of_a_colleague() -> None:
    lead = make_lead()
    session = make_session(capacity=1)
    book(session)
    colleague = make_person(agency=lead.agency, agency_confirmed_at=NOW)
    booking = give_up(book(session, colleague))
    client = signed_in(lead)
    for name in PAGES:
        assert "They have already left" in client.get(f"/bookings/{booking.pk}/{name}/").text
