"""Calendar files and feeds over HTTP."""

from collections.abc import Callable
from datetime import timedelta

import icalendar
import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts.models import User
from booking.calendars.actions import new_feed, revoke_feed
from booking.calendars.models import CalendarFeed
from booking.catalogue.models import Session
from booking.outbox.models import Message
from booking.places import actions
from booking.places.models import Booking
from tests.factories import make_person, make_session

pytestmark = pytest.mark.django_db


def book(person: User, session: Session) -> Booking:
    """This person books now."""
    return actions.book(session=session, person=person, by=person, now=timezone.now())


def ahead(**fields: object) -> Session:
    """A session three weeks from today."""
    starts = fields.pop("starts_at", timezone.now() + timedelta(days=21))
    return make_session(starts_at=starts, **fields)  # type: ignore[arg-type]


def events(content: bytes) -> list[icalendar.Event]:
    """The events of a calendar."""
    found = icalendar.Calendar.from_ical(content).walk("VEVENT")
    return [event for event in found if isinstance(event, icalendar.Event)]


def test_private_feed_holds_the_same_entries_as_the_invitations() -> None:
    person = make_person()
    booking = book(person, ahead())
    book(make_person(), ahead())
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


def test_same_feed_answers_304_until_something_changes() -> None:
    person = make_person()
    booking = book(person, ahead())
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
    session = ahead(capacity=1, promotion=Session.Promotion.OFFER)
    holder = make_person()
    held = book(holder, session)
    book(person, session)
    address = reverse("private_feed", args=[new_feed(person=person, now=timezone.now())])
    assert not events(Client().get(address).content)
    actions.cancel(booking=held, by=holder, now=timezone.now())
    (event,) = events(Client().get(address).content)
    assert str(event["STATUS"]) == "TENTATIVE"


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
    shown = ahead(delivery="online", join_url="https://meet.example/secret")
    ahead(state=Session.State.DRAFT)
    called_off = ahead(state=Session.State.CANCELLED, changed_at=timezone.now())
    response = Client().get(reverse("programme_ics"))
    assert b"meet.example" not in response.content
    found = {str(event["SUMMARY"]): str(event["STATUS"]) for event in events(response.content)}
    assert found == {shown.course.title: "CONFIRMED", called_off.course.title: "CANCELLED"}
    etag = response.headers["ETag"]
    again = Client().get(reverse("programme_ics"), headers={"If-None-Match": etag})
    assert again.status_code == 304


def test_session_file_has_every_date() -> None:
    first = timezone.now() + timedelta(days=20)
    second = first + timedelta(days=7)
    session = make_session(
        sittings=[(first, first + timedelta(hours=3)), (second, second + timedelta(hours=3))]
    )
    response = Client().get(reverse("session_ics", args=[session.pk]))
    assert len(events(response.content)) == 2
    assert "attachment" in response.headers["Content-Disposition"]
    draft = ahead(state=Session.State.DRAFT)
    assert Client().get(reverse("session_ics", args=[draft.pk])).status_code == 404


def test_nobody_downloads_somebody_elses_booking() -> None:
    owner, other = make_person(), make_person()
    booking = book(owner, ahead())
    address = reverse("booking_ics", args=[booking.pk])
    for person, status in [(owner, 200), (other, 404)]:
        client = Client()
        client.force_login(person)
        assert client.get(address).status_code == status


def test_making_a_feed_shows_its_address_once() -> None:
    client = Client()
    client.force_login(make_person())
    made = client.post(reverse("make_feed")).content.decode()
    assert "/calendar/" in made
    assert ".ics" in made
    shown_again = client.get(reverse("calendar_feed")).content.decode()
    assert "cannot show its address again" in shown_again
    assert client.get(reverse("make_feed")).status_code == 405


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
    session = ahead()
    book(person, session)
    address = reverse("private_feed", args=[new_feed(person=person, now=timezone.now())])
    before = Client().get(address)
    assert Client().get(address).content == before.content
    change(session)
    after = Client().get(address, headers={"If-None-Match": before.headers["ETag"]})
    assert after.status_code == 200
    assert after.content != before.content
