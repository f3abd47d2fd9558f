"""What pages of sessions and bookings say to whoever has a booking, or cannot have one."""

from datetime import timedelta

import pytest
import time_machine
from django.conf import settings
from django.test import Client
from django.utils import timezone

from accounts.models import Sector, User
from booking.places import history
from booking.places.events import BookingEvent
from booking.places.links import join_path
from booking.places.models import Booking
from booking.site.wording import short_day
from tests.factories import (
    make_agency,
    make_course,
    make_person,
    make_session,
    make_trainer,
    morning,
)
from tests.mail.letters import make_booking
from tests.people import book_now, give_up, signed_in

pytestmark = pytest.mark.django_db


def page_of(person: User, address: str) -> str:
    """A page in one line."""
    return " ".join(signed_in(person).get(address).text.split())


@pytest.mark.parametrize(
    ("outcome", "words"),
    [("attended", "You attended"), ("absent", "You had a place"), ("", "You had a place")],
)
def test_a_session_that_is_over_is_told_in_the_past_tense(outcome: str, words: str) -> None:
    booking = make_booking(make_session(starts_at=morning(-9)), outcome=outcome)
    page = page_of(booking.person, booking.session.get_absolute_url())
    assert f'__title"> {words} </h2>' in page
    assert ">See your booking</a>" in page
    assert "You have a place" not in page


def test_who_waited_for_a_session_that_is_over_waits_no_more() -> None:
    session = make_session(starts_at=morning(-9))
    booking = make_booking(session, state=Booking.State.WAITING, confirmed_at=None, ticket=1)
    page = page_of(booking.person, session.get_absolute_url())
    assert "You were on the waiting list" in page


def test_who_is_refused_reads_only_how_full_it_is() -> None:
    course = make_course(sectors=[Sector.POLICE])
    session = make_session(course=course, agency_limit=3, starts_at=morning(20))
    book_now(session, of_police())
    page = page_of(
        make_person(agency=make_agency(sector=Sector.HEALTH)), session.get_absolute_url()
    )
    assert "You cannot book this session." in page
    assert "1 of 20 places is taken" in page
    assert "for your agency" not in page


def of_police() -> User:
    return make_person(agency=make_agency(sector=Sector.POLICE))


def test_a_date_of_an_earlier_course_is_named_only_if_it_is_in_time() -> None:
    first, course = make_course(title="Introduction"), make_course()
    course.prerequisites.add(first)
    session = make_session(course=course, starts_at=morning(20))
    late = make_session(course=first, starts_at=morning(30))
    person = make_person()
    page = page_of(person, session.get_absolute_url())
    assert "No date before this session at the moment." in page
    assert short_day(late.starts_at) not in page
    soon = make_session(course=first, starts_at=morning(10))
    page = page_of(person, session.get_absolute_url())
    assert "Next date: <a" in page
    assert short_day(soon.starts_at) in page


def test_ones_own_booking_of_an_earlier_course_is_named_instead() -> None:
    first, course = make_course(title="Introduction"), make_course()
    course.prerequisites.add(first)
    session = make_session(course=course, starts_at=morning(20))
    late = make_session(course=first, starts_at=morning(30))
    booking = make_booking(late, state=Booking.State.REQUESTED, confirmed_at=None)
    for address in (session.get_absolute_url(), f"/sessions/{session.pk}/book/"):
        page = page_of(booking.person, address)
        assert f'href="{booking.get_absolute_url()}">You have asked for a place</a>' in page
        assert f"{short_day(late.starts_at)}, which is too late for this session." in page
        assert "Next date" not in page


def test_a_search_says_its_order(client: Client) -> None:
    make_session(course=make_course(title="Neglect"), starts_at=morning(20))
    assert "Best matches first" in client.get("/programme/?q=neglect").text
    assert (
        "Best matches first"
        in client.get("/programme/?q=neglect", headers={"HX-Request": "1"}).text
    )
    for address in ("/programme/", "/programme/?q=xyzzy", "/programme/?q=neglect&view=month"):
        assert "Best matches first" not in client.get(address).text


def test_who_waits_is_not_asked_to_join_the_list_again() -> None:
    session = make_session(capacity=1, starts_at=morning(56))
    book_now(session)
    waiting = book_now(session)
    join = "Full: join the waiting list"
    for address in ("/programme/", session.course.get_absolute_url()):
        assert join in page_of(make_person(), address)
        page = page_of(waiting.person, address)
        assert join not in page
        assert ">Full<" in page
        assert ">Waiting<" in page


def test_when_a_session_is_does_not_read_like_a_forecast_to_who_waits() -> None:
    session = make_session(capacity=1, starts_at=morning(56))
    book_now(session)
    waiting = book_now(session)
    for address in ("/bookings/", waiting.get_absolute_url()):
        page = page_of(waiting.person, address)
        assert "The session is in" in page
        assert ">In 8 weeks<" not in page
    assert '<span class="app-quiet">The session is in' in page_of(waiting.person, "/bookings/")


def test_an_ended_booking_says_how_many_places_there_are() -> None:
    session = make_session(capacity=20, starts_at=morning(20))
    booking = give_up(book_now(session), now=timezone.now())
    page = page_of(booking.person, booking.get_absolute_url())
    assert "See the session: 20 places left" in page
    book_full = make_session(capacity=1, starts_at=morning(20))
    other = give_up(book_now(book_full), now=timezone.now())
    book_now(book_full)
    assert "See whether there are places again" in page_of(other.person, other.get_absolute_url())


def test_who_did_it_stands_in_a_sentence_of_its_own_after_a_full_stop() -> None:
    booking, trainer = book_now(make_session(starts_at=morning(20))), make_trainer()
    for why in ("In the place of somebody who did not come.", "No shows"):
        history.record(
            [booking], BookingEvent.What.WALKED_IN, by=trainer, now=timezone.now(), why=why
        )
    page = page_of(booking.person, booking.get_absolute_url())
    assert f'did not come. <span class="app-quiet">By {trainer}.</span>' in page
    assert f'No shows <span class="app-quiet">by {trainer}</span>' in page


@pytest.mark.parametrize("has_other", [False, True])
def test_another_date_is_advised_only_if_there_is_one(has_other: bool) -> None:
    soon = timezone.now() + timedelta(days=5)
    session = make_session(starts_at=morning(40), booking_opens_at=soon)
    over = make_session(starts_at=morning(0) - timedelta(days=3))
    if has_other:
        for each in (session, over):
            make_session(course=each.course, starts_at=morning(50))
    person = make_person()
    for each in (session, over):
        page = page_of(person, f"/sessions/{each.pk}/book/")
        assert ("another date of the same course" in page) is has_other
        assert ("See other dates of this course" in page) is has_other
        assert ("This course has no other date at the moment." in page) is not has_other


def test_the_way_into_a_meeting_is_printed_for_who_has_the_place() -> None:
    session = make_session(delivery="online", meeting="https://m.example/x", starts_at=morning(9))
    booking = book_now(session)
    words = f"Join online: {settings.SITE_URL}{join_path(booking.join_key)}"
    for address in (booking.get_absolute_url(), "/bookings/"):
        assert f'<span class="app-only-print govuk-!-text-break-word">{words}' in page_of(
            booking.person, address
        )
    with time_machine.travel(session.ends_at + timedelta(minutes=1)):
        assert "Join online:" not in page_of(booking.person, booking.get_absolute_url())
