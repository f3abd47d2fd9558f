"""My bookings: what comes next first, and nothing called cancelled that only moved."""

from datetime import timedelta

import pytest
from django.utils import timezone

from booking.places.changing import exchanges
from booking.site.wording import day
from tests.factories import make_course, make_person, make_session, morning
from tests.mail.letters import make_booking
from tests.people import book_now, give_up, signed_in

pytestmark = pytest.mark.django_db


def my_bookings(person: object) -> str:
    """The page in one line."""
    return " ".join(signed_in(person).get("/bookings/").text.split())  # type: ignore[arg-type]


def test_the_next_session_stands_first_with_how_long_to_go() -> None:
    person = make_person()
    for days, title in ((40, "Later"), (1, "Sooner")):
        book_now(make_session(course=make_course(title=title), starts_at=morning(days)), person)
    page = my_bookings(person)
    assert page.index("Sooner") < page.index("Later")
    assert "Tomorrow, 9:30am to 12:30pm" in page
    assert "In 5 weeks" in page
    assert page.count("Map and directions") == 2


def test_a_session_with_a_date_ahead_is_next_by_that_date() -> None:
    """The first date of one has passed; its second comes after the only date of the other."""
    person, length = make_person(), timedelta(hours=3)
    dates = [(morning(each), morning(each) + length) for each in (-2, 9)]
    begun = make_session(course=make_course(title="Begun"), sittings=dates)
    make_booking(begun, person=person)
    book_now(make_session(course=make_course(title="Other"), starts_at=morning(2)), person)
    page = my_bookings(person)
    assert page.index("Other") < page.index("Begun")


def test_a_moved_booking_is_no_cancelled_one() -> None:
    course, person = make_course(), make_person()
    first, other = (make_session(course=course, starts_at=morning(each)) for each in (40, 47))
    booking = book_now(first, person)
    exchanges.transfer(booking=booking, to=other, by=person, now=timezone.now())
    page = my_bookings(person)
    assert "Moved from" in page
    assert day(first.starts_at) in page
    assert "Cancelled" not in page
    give_up(book_now(make_session(starts_at=morning(60)), person), now=timezone.now())
    assert "Cancelled" in my_bookings(person)
