"""A course that comes first counts as done as soon as it is booked, for as long as it is."""

from datetime import timedelta

import pytest
from django.urls import reverse

from booking.catalogue.models import Session
from booking.outbox.models import Message
from booking.places.changing import exchanges
from booking.places.models import Booking
from booking.places.prerequisites import let_stand, tell_of_missing, to_look_at
from booking.places.refusals import PrerequisiteMissing
from booking.scheduling import cancelling
from tests.factories import NOW, make_coordinator, make_course, make_person, make_session
from tests.people import book, give_up, signed_in
from tests.places.booked import State, What

pytestmark = pytest.mark.django_db

SOON, LATER, LAST = (NOW + timedelta(days=days) for days in (20, 40, 60))


def one_after_the_other() -> tuple[Session, Session]:
    """A session of a first course, and later one of a course that builds on it."""
    first = make_course(title="Introduction")
    second = make_course(title="In depth")
    second.prerequisites.add(first)
    return make_session(course=first, starts_at=SOON), make_session(course=second, starts_at=LATER)


def told(booking: Booking) -> int:
    return Message.objects.filter(booking=booking, topic="booking.earlier_missing").count()


def test_a_place_on_the_earlier_course_counts_if_it_ends_before() -> None:
    first, second = one_after_the_other()
    person = make_person()
    book(first, person)
    assert book(second, person).state == State.CONFIRMED


def test_one_that_comes_too_late_does_not_count() -> None:
    first, second = one_after_the_other()
    after = make_session(course=first.course, starts_at=LAST)
    person = make_person()
    book(after, person)
    with pytest.raises(PrerequisiteMissing):
        book(second, person)


def test_a_turn_on_the_waiting_list_does_not_count() -> None:
    first, second = one_after_the_other()
    book(first)
    Session.objects.filter(pk=first.pk).update(capacity=1)
    person = make_person()
    assert book(first, person).state == State.WAITING
    with pytest.raises(PrerequisiteMissing):
        book(second, person)


def test_an_exchange_for_a_date_before_the_earlier_course_is_refused() -> None:
    first, second = one_after_the_other()
    sooner = make_session(course=second.course, starts_at=SOON - timedelta(days=5))
    person = make_person()
    book(first, person)
    booking = book(second, person)
    with pytest.raises(PrerequisiteMissing):
        exchanges.transfer(booking=booking, to=sooner, by=person, now=NOW)


def test_whoever_gives_up_the_earlier_course_keeps_the_place_and_is_told_once() -> None:
    first, second = one_after_the_other()
    person = make_person()
    earlier, booking = book(first, person), book(second, person)
    assert tell_of_missing(now=NOW) == 0
    give_up(earlier)
    assert tell_of_missing(now=NOW) == 1
    assert tell_of_missing(now=NOW) == 0
    booking.refresh_from_db()
    assert (booking.state, told(booking)) == (State.CONFIRMED, 1)
    event = booking.events.get(what=What.EARLIER_MISSING)
    assert "Introduction" in event.why


def test_whoever_books_it_again_and_loses_it_again_is_told_again() -> None:
    first, second = one_after_the_other()
    person = make_person()
    earlier, booking = book(first, person), book(second, person)
    give_up(earlier)
    tell_of_missing(now=NOW)
    again = book(first, person)
    assert tell_of_missing(now=NOW) == 0
    assert booking.events.filter(what=What.EARLIER_BACK).count() == 1
    give_up(again)
    assert tell_of_missing(now=NOW + timedelta(minutes=1)) == 1
    assert told(booking) == 2


def test_moving_the_earlier_course_behind_the_other_is_told() -> None:
    first, second = one_after_the_other()
    after = make_session(course=first.course, starts_at=LAST)
    person = make_person()
    earlier, booking = book(first, person), book(second, person)
    exchanges.transfer(booking=earlier, to=after, by=person, now=NOW)
    assert tell_of_missing(now=NOW) == 1
    assert told(booking) == 1


def test_cancelling_the_earlier_session_is_told_to_all_who_built_on_it() -> None:
    first, second = one_after_the_other()
    people = [make_person() for _ in range(3)]
    bookings = [(book(first, person), book(second, person))[1] for person in people]
    cancelling.cancel_session(
        session=first, by=make_coordinator(), now=NOW, why="The trainer is ill."
    )
    assert tell_of_missing(now=NOW) == 3
    assert {booking.pk for booking in to_look_at(now=NOW)} == {booking.pk for booking in bookings}


def test_a_coordinator_lets_somebody_come_all_the_same_once() -> None:
    first, second = one_after_the_other()
    person, coordinator = make_person(), make_coordinator()
    earlier, booking = book(first, person), book(second, person)
    assert not let_stand(booking=booking, by=coordinator, now=NOW)
    give_up(earlier)
    tell_of_missing(now=NOW)
    page = signed_in(coordinator).get(reverse("manage_earlier")).content.decode()
    assert str(person) in page
    assert "Before this course you need to have done: Introduction." in page
    assert let_stand(booking=booking, by=coordinator, now=NOW)
    assert not let_stand(booking=booking, by=coordinator, now=NOW)
    assert not to_look_at(now=NOW)
    assert tell_of_missing(now=NOW) == 0


def test_nobody_is_told_who_booked_before_the_rule_was_made() -> None:
    first, second = one_after_the_other()
    second.course.prerequisites.clear()
    booking = book(second, make_person())
    second.course.prerequisites.add(first.course)
    assert tell_of_missing(now=NOW) == 0
    assert told(booking) == 0
