"""Where people stand who wait, and what they read about it."""

import pytest

from booking.places.changing import exchanges
from booking.places.models import Booking
from booking.places.rules.line import standing
from tests.factories import (
    NOW,
    make_agency,
    make_coordinator,
    make_course,
    make_person,
    make_session,
)
from tests.people import book, give_up, signed_in

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("at_now")]


def pages(booking: Booking) -> tuple[str, str]:
    """The booking's page and My bookings, as its person sees them."""
    client = signed_in(booking.person)
    return client.get(booking.get_absolute_url()).text, client.get("/bookings/").text


def test_position_those_before_and_the_rule_are_told_on_both_pages() -> None:
    agency = make_agency()
    session = make_session(capacity=3, agency_limit=1)
    book(session, make_person(agency=agency))
    book(session, make_person(agency=agency))
    second = book(session, make_person(agency=agency))
    told = standing(second, reader=second.person, now=NOW)
    assert (told.position, told.reason.rule) == (2, "agency limit")
    for page in pages(second):
        assert "You are number 2 on the waiting list" in page
        assert "1 person is before you. Your agency has its 1 place" in page
    seen = signed_in(make_coordinator()).get(second.get_absolute_url()).text
    assert "1 person is before them. Their agency has its 1 place" in seen


def test_the_rule_that_holds_is_the_one_of_now_not_of_when_they_joined() -> None:
    session, other = make_session(capacity=1), make_session(course=make_course(title="Neglect"))
    book(session)
    waits = book(session)
    assert standing(waits, reader=waits.person, now=NOW).reason.rule == "capacity"
    book(other, waits.person)
    assert standing(waits, reader=waits.person, now=NOW).reason.rule == "clash"
    for page in pages(waits):
        assert "overlaps with one you have booked: Neglect" in page


def test_being_passed_over_or_moved_back_is_told_in_plain_words() -> None:
    agency = make_agency()
    session = make_session(capacity=2, agency_limit=1)
    book(session, make_person(agency=agency))
    gone = book(session)
    held, next_in_line = book(session, make_person(agency=agency)), book(session)
    last = book(session, make_person(agency=agency))
    give_up(gone)
    next_in_line.refresh_from_db()
    assert next_in_line.state == Booking.State.CONFIRMED
    exchanges.move_up(
        booking=last, position=1, why="Works with the family", by=make_coordinator(), now=NOW
    )
    page = pages(held)[0]
    assert "A place went to somebody further back, because of a rule. Your agency has" in page
    assert "Somebody was moved up before you. The reason given: Works with the family" in page
    assert last.person.full_name not in page
