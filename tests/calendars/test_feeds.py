"""Calendar files and feeds over HTTP."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.conf import settings
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone
from pytest_django import Settings

from booking.calendars.actions import new_feed, revoke_feed
from booking.calendars.models import CalendarFeed
from booking.catalogue.models import Session
from booking.outbox.models import Message
from booking.places import actions
from booking.places.models import Booking
from booking.site.wording import deadline
from tests.calendars.events import events, trainers_feed
from tests.factories import make_person, make_session, make_trainer, morning, session_ahead
from tests.people import book_now, join_url, signed_in

pytestmark = pytest.mark.django_db


def test_private_feed_holds_the_same_entries_as_the_invitations() -> None:
    person = make_person()
    booking = book_now(session_ahead(), person)
    book_now(session_ahead())
    token = new_feed(person=person, now=timezone.now())
    response = Client().get(reverse("private_feed", args=[token]))
    assert response.status_code == 200
    assert response.headers["Content-Type"] == "text/calendar; charset=utf-8"
    assert "private" in response.headers["Cache-Control"]
    (event,) = events(response.content)
    invited = Message.objects.get(booking=booking).payload["event"]
    assert str(event["UID"]) == invited["uid"]
    assert event["SEQUENCE"] == invited["sequence"]
    assert "ATTENDEE" not in event


def test_a_booking_keeps_its_uids_when_mail_comes_to_be_sent_from_elsewhere(
    settings: Settings,
) -> None:
    person = make_person()
    booking = book_now(session_ahead(), person)
    address = reverse("private_feed", args=[new_feed(person=person, now=timezone.now())])
    settings.MAIL_FROM = "Briefed <training@elsewhere.example>"
    later = book_now(session_ahead(starts_at=morning(30)), person)
    actions.cancel(booking=booking, by=person, now=timezone.now())
    invited, cancelled = (
        each.payload["event"]["uid"]
        for each in Message.objects.filter(booking=booking, payload__has_key="event").order_by("pk")
    )
    assert invited == cancelled
    assert invited.endswith("@briefed.example")
    other = Message.objects.get(booking=later).payload["event"]["uid"]
    assert other.endswith("@elsewhere.example")
    assert {str(event["UID"]) for event in events(Client().get(address).content)} == {
        cancelled,
        other,
    }


def test_same_feed_answers_304_until_something_changes() -> None:
    person = make_person()
    booking = book_now(session_ahead(), person)
    address = reverse("private_feed", args=[new_feed(person=person, now=timezone.now())])
    etag = Client().get(address).headers["ETag"]
    again = Client().get(address, headers={"If-None-Match": etag})
    assert (again.status_code, again.content) == (304, b"")
    actions.cancel(booking=booking, by=person, now=timezone.now())
    changed = Client().get(address, headers={"If-None-Match": etag})
    assert changed.status_code == 200
    (event,) = events(changed.content)
    assert str(event["STATUS"]) == "CANCELLED"


def test_a_place_that_is_only_offered_is_tentative_and_waiting_is_not_shown() -> None:
    person = make_person()
    session = session_ahead(capacity=1, promotion=Session.Promotion.OFFER)
    holder = make_person()
    held = book_now(session, holder)
    book_now(session, person)
    address = reverse("private_feed", args=[new_feed(person=person, now=timezone.now())])
    assert not events(Client().get(address).content)
    actions.cancel(booking=held, by=holder, now=timezone.now())
    (event,) = events(Client().get(address).content)
    assert str(event["STATUS"]) == "TENTATIVE"


def test_only_a_certain_place_brings_the_way_in() -> None:
    way_in = {"meeting": "https://meet.example/abc", "joining_instructions": "Say pumpkin."}
    session = session_ahead(capacity=1, promotion="offer", delivery="online", **way_in)
    holder, person = make_person(), make_person()
    held, waiting = book_now(session, holder), book_now(session, person)
    addresses = {
        each: reverse("private_feed", args=[new_feed(person=each, now=timezone.now())])
        for each in (holder, person)
    }
    (certain,) = events(Client().get(addresses[holder]).content)
    assert certain["SUMMARY"] == session.course.title
    assert certain["LOCATION"] == join_url(held)
    assert "pumpkin" in str(certain["DESCRIPTION"])
    actions.cancel(booking=held, by=holder, now=timezone.now())
    waiting.refresh_from_db()
    assert waiting.offered_until is not None
    (lost,) = events(Client().get(addresses[holder]).content)
    page = f"{settings.SITE_URL}{held.get_absolute_url()}"
    assert lost["SUMMARY"] == f"Cancelled: {session.course.title}"
    assert lost["DESCRIPTION"] == f"This has been cancelled. Details: {page}"
    (offered,) = events(Client().get(addresses[person]).content)
    page = f"{settings.SITE_URL}{waiting.get_absolute_url()}"
    assert offered["SUMMARY"] == f"Offered: {session.course.title}"
    until = deadline(waiting.offered_until)
    assert f"held for you until {until}. Accept or decline it here: {page}" in str(
        offered["DESCRIPTION"]
    )
    for event in (lost, offered):
        assert event["LOCATION"] == "Online"
        assert "pumpkin" not in str(event["DESCRIPTION"])
        assert "does not cancel your place" not in str(event["DESCRIPTION"])


def test_a_session_called_off_says_so_to_everybody_and_to_its_trainer() -> None:
    trainer = make_trainer()
    session = session_ahead(
        trainers=[trainer],
        delivery="online",
        meeting="https://meet.example/abc",
        state=Session.State.CANCELLED,
        changed_at=timezone.now(),
    )
    for address in (reverse("programme_ics"), trainers_feed(trainer)):
        (event,) = events(Client().get(address).content)
        assert event["SUMMARY"] == f"Cancelled: {session.course.title}"
        assert str(event["DESCRIPTION"]).startswith("This has been cancelled. Details: http")
        assert event["LOCATION"] == "Online"


def test_replaced_and_revoked_addresses_stop_working() -> None:
    person = make_person()
    first = new_feed(person=person, now=timezone.now())
    second = new_feed(person=person, now=timezone.now())
    assert Client().get(reverse("private_feed", args=[first])).status_code == 404
    assert Client().get(reverse("private_feed", args=[second])).status_code == 200
    revoke_feed(person=person, now=timezone.now())
    assert Client().get(reverse("private_feed", args=[second])).status_code == 404
    assert Client().get(reverse("private_feed", args=["guess"])).status_code == 404


def test_the_token_is_not_stored() -> None:
    token = new_feed(person=make_person(), now=timezone.now())
    assert len(token) >= 32
    assert not CalendarFeed.objects.filter(token_hash=token).exists()


def test_programme_feed_is_public_and_holds_no_join_link() -> None:
    shown = session_ahead(delivery="online", meeting="https://meet.example/secret")
    session_ahead(state=Session.State.DRAFT)
    called_off = session_ahead(state=Session.State.CANCELLED, changed_at=timezone.now())
    response = Client().get(reverse("programme_ics"))
    assert b"meet.example" not in response.content
    found = {str(event["SUMMARY"]): str(event["STATUS"]) for event in events(response.content)}
    off = f"Cancelled: {called_off.course.title}"
    assert found == {shown.course.title: "CONFIRMED", off: "CANCELLED"}
    etag = response.headers["ETag"]
    again = Client().get(reverse("programme_ics"), headers={"If-None-Match": etag})
    assert again.status_code == 304


def test_a_cancelled_booking_is_shown_for_thirty_days_and_no_longer() -> None:
    person = make_person()
    booking = book_now(session_ahead(starts_at=morning(90)), person)
    address = reverse("private_feed", args=[new_feed(person=person, now=timezone.now())])
    actions.cancel(booking=booking, by=person, now=timezone.now())
    before = Client().get(address).headers["ETag"]
    Booking.objects.update(ended_at=timezone.now() - timedelta(days=29))
    assert len(events(Client().get(address).content)) == 1
    Booking.objects.update(ended_at=timezone.now() - timedelta(days=31))
    answer = Client().get(address, headers={"If-None-Match": before})
    assert answer.status_code == 200
    assert not events(answer.content)


@pytest.mark.parametrize("count", [1, 12])
def test_a_feed_costs_three_statements_however_long_it_is(count: int) -> None:
    person = make_person()
    for day in range(count):
        book_now(session_ahead(starts_at=timezone.now() + timedelta(days=20 + day)), person)
    address = reverse("private_feed", args=[new_feed(person=person, now=timezone.now())])
    etag = Client().get(address).headers["ETag"]
    with CaptureQueriesContext(connection) as unchanged:
        assert Client().get(address, headers={"If-None-Match": etag}).status_code == 304
    with CaptureQueriesContext(connection) as built:
        assert len(events(Client().get(address).content)) == count
    assert (len(unchanged), len(built)) == (3, 3)


# --- files ---


def test_session_file_has_every_date() -> None:
    first = timezone.now() + timedelta(days=20)
    second = first + timedelta(days=7)
    session = make_session(
        sittings=[(first, first + timedelta(hours=3)), (second, second + timedelta(hours=3))]
    )
    response = Client().get(reverse("session_ics", args=[session.pk]))
    assert len(events(response.content)) == 2
    assert "attachment" in response.headers["Content-Disposition"]
    draft = session_ahead(state=Session.State.DRAFT)
    assert Client().get(reverse("session_ics", args=[draft.pk])).status_code == 404


def test_nobody_downloads_somebody_elses_booking() -> None:
    owner, other = make_person(), make_person()
    booking = book_now(session_ahead(), owner)
    address = reverse("booking_ics", args=[booking.pk])
    for person, status in [(owner, 200), (other, 404)]:
        client = signed_in(person)
        assert client.get(address).status_code == status


@pytest.mark.parametrize(
    "change",
    [
        lambda session: session.course.__class__.objects.update(title="Another title"),
        lambda session: session.venue.__class__.objects.update(address="Elsewhere"),
        lambda session: session.sittings.update(ends_at=session.ends_at + timedelta(hours=1)),
        lambda session: Session.objects.update(joining_instructions="Bring a pen"),
    ],
    ids=["title", "address", "time", "instructions"],
)
def test_whatever_the_calendar_shows_changes_its_etag(change: Callable[[Session], object]) -> None:
    person = make_person()
    session = session_ahead()
    book_now(session, person)
    address = reverse("private_feed", args=[new_feed(person=person, now=timezone.now())])
    before = Client().get(address)
    assert Client().get(address).content == before.content
    change(session)
    after = Client().get(address, headers={"If-None-Match": before.headers["ETag"]})
    assert after.status_code == 200
    assert after.content != before.content
