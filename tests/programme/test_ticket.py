"""The page of a booking as a ticket: what is true now, the way in, and what can be changed."""

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from booking.catalogue.models import Session
from booking.outbox.models import Message
from booking.places import actions
from booking.places.changing import exchanges
from booking.places.links import join_path
from booking.places.models import Booking
from booking.site.wording import day, deadline
from tests.factories import make_course, make_person, make_session, make_venue, morning
from tests.people import book_now, signed_in

pytestmark = pytest.mark.django_db

LINK = "https://meet.example/way-in"


def online(**fields: Any) -> Session:
    """A session online in forty days, whose meeting has an address."""
    fields.setdefault("starts_at", morning(40))
    return make_session(delivery="online", meeting=LINK, **fields)


def page_of(booking: Booking, client: Client | None = None) -> str:
    """The page of a booking, as its person sees it unless told otherwise."""
    reader = client or signed_in(booking.person)
    return " ".join(reader.get(booking.get_absolute_url()).text.split())


def test_it_says_when_the_confirmation_was_sent_and_not_before() -> None:
    booking = book_now(online(), make_person())
    mail = Message.objects.get(booking=booking, topic="booking.confirmed")
    page = page_of(booking)
    assert "On its way to" in page
    assert "Sent at" not in page
    sent_at = timezone.now() - timedelta(hours=2)
    Message.objects.filter(pk=mail.pk).update(state=Message.State.SENT, sent_at=sent_at)
    page = page_of(booking)
    assert f"Sent at {deadline(sent_at)} to" in page
    assert "On its way" not in page
    Message.objects.filter(pk=mail.pk).update(bounced_at=timezone.now())
    assert "It did not arrive at" in page_of(booking)


def test_no_page_says_for_ever_that_we_are_emailing() -> None:
    booking = book_now(online(), make_person())
    assert "emailing" not in page_of(booking)
    actions.cancel(booking=booking, by=booking.person, now=timezone.now())
    page = page_of(booking)
    assert "emailing" not in page
    assert "Cancellation" in page
    assert "On its way to" in page


def test_mail_about_waiting_does_not_read_as_if_somebody_with_a_place_still_waited() -> None:
    session = make_session(starts_at=morning(40), capacity=1)
    first, waiting = book_now(session), book_now(session)
    assert "Notice of the waiting list</dt> <dd> On its way" in page_of(waiting)
    actions.cancel(booking=first, by=first.person, now=timezone.now())
    waiting.refresh_from_db()
    page = page_of(waiting)
    assert "Confirmation after waiting</dt>" in page
    assert "Notice of the waiting list: on its way" in page
    assert "On the waiting list" not in page
    assert "held place" not in page


def test_the_ticket_says_how_long_to_go_and_what_can_be_done() -> None:
    booking = book_now(online(starts_at=morning(1)), make_person())
    page = page_of(booking)
    assert 'Your place is certain. <span class="app-nowrap">Tomorrow</span>' in page
    assert f'href="{join_path(booking.join_key)}"' in page
    for way in ("Move to another date", "Give the place to a colleague", "Cancel this booking"):
        assert page.count(way) == 1
    venue = make_venue("Reginald Centre", address="263 Chapeltown Road, Leeds")
    page = page_of(book_now(make_session(venue=venue, starts_at=morning(50)), make_person()))
    assert "destination=Reginald%20Centre%2C%20263%20Chapeltown%20Road%2C%20Leeds" in page


def test_a_moved_booking_says_where_from() -> None:
    course = make_course()
    first, other = (make_session(course=course, starts_at=morning(each)) for each in (40, 47))
    booking = book_now(first, make_person())
    taken = exchanges.transfer(booking=booking, to=other, by=booking.person, now=timezone.now())
    page = page_of(taken)
    assert "Moved from" in page
    assert day(first.starts_at) in page
    assert "You moved to another date" in page_of(booking)


@pytest.mark.parametrize("state", Booking.State.values)
def test_the_way_in_is_shown_to_a_confirmed_place_only(state: str) -> None:
    session = online()
    person = make_person()
    booking = book_now(session, person)
    Booking.objects.filter(pk=booking.pk).update(
        state=state,
        offered_until=session.starts_at if state == Booking.State.OFFERED else None,
        ended_at=None if state in Booking.LIVE else timezone.now(),
        ticket=1 if state == Booking.State.WAITING else None,
    )
    reader, link = signed_in(person), join_path(booking.join_key)
    for address in (session.get_absolute_url(), "/bookings/"):
        shown = link in reader.get(address).text
        assert shown == (state == Booking.State.CONFIRMED), (address, state)
    for stranger in (Client(), signed_in(make_person())):
        assert link not in stranger.get(session.get_absolute_url()).text


def test_nobody_is_shown_the_way_in_when_the_session_is_over() -> None:
    session = online()
    booking = book_now(session, make_person())
    now = timezone.now()
    Session.objects.filter(pk=session.pk).update(
        starts_at=now - timedelta(hours=3), ends_at=now - timedelta(minutes=1)
    )
    reader, link = signed_in(booking.person), join_path(booking.join_key)
    for address in (session.get_absolute_url(), booking.get_absolute_url(), "/bookings/"):
        assert link not in reader.get(address).text, address
