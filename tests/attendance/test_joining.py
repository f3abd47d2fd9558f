"""Joining online: by a link of one's own, while the place is one's own, and never by a look."""

from datetime import datetime, timedelta
from typing import Any

import pytest
import time_machine
from cryptography.fernet import Fernet
from django.apps import apps
from django.core.management import call_command
from django.core.management.base import CommandError
from django.db import connection
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from pytest_django import Settings

from accounts.models import User
from booking.attendance.joining import MOST_BROWSERS
from booking.attendance.models import Arrival
from booking.catalogue.models import Session
from booking.local.smtp_sink import SmtpSink
from booking.mail.reminders import post_due_reminders
from booking.outbox.models import Message
from booking.partnership import kept
from booking.places import actions, links
from booking.places.changing import exchanges
from booking.places.models import Booking
from booking.scheduling.guests import add_guest, remove_guest
from booking.site.sealing import Sealed
from tests.calendars.calendar_client import deliver_everything
from tests.calendars.events import trainers_feed
from tests.desk.coordinators import typed_session
from tests.factories import (
    make_coordinator,
    make_course,
    make_person,
    make_session,
    make_trainer,
    morning,
)
from tests.people import book_now, signed_in
from tests.scheduling.changes import rearrange

pytestmark = pytest.mark.django_db

MEETING = "https://meet.example/abc?pwd=1&x=2"


def online(**fields: Any) -> Session:
    fields.setdefault("starts_at", morning(10))
    return make_session(delivery="online", venue=None, meeting=MEETING, **fields)


def minutes(number: int) -> timedelta:
    return timedelta(minutes=number)


def at(moment: datetime, booking: Booking, *, press: bool = True) -> Any:
    """What the link of a booking answers then."""
    return at_path(moment, links.join_path(booking.join_key), press=press)


def at_path(moment: datetime, path: str, *, press: bool = True) -> Any:
    with time_machine.travel(moment, tick=False):
        client = Client()
        return client.post(path) if press else client.get(path)


def test_a_press_opens_the_meeting_by_itself_and_by_a_link_and_notes_who_came() -> None:
    session = online()
    booking = book_now(session, make_person(first_name="Ann", last_name="Smith"))
    look = at(session.starts_at, booking, press=False)
    assert "This link is for <strong>Ann S.</strong> alone" in look.text
    assert not Arrival.objects.exists()
    assert "meet.example" not in look.text
    answer = at(session.starts_at, booking)
    shown = MEETING.replace("&", "&amp;")
    assert f'<meta http-equiv="refresh" content="0; url={shown}">' in answer.text
    assert f'href="{shown}"' in answer.text
    assert answer.headers["Cache-Control"].startswith("max-age=0, no-cache, no-store")
    arrival = Arrival.objects.get()
    assert (arrival.booking, arrival.at) == (booking, session.starts_at)
    assert arrival.sitting == session.sittings.get()


def test_it_opens_and_closes_as_the_partnership_says() -> None:
    session = online()
    booking = book_now(session, make_person())
    early = at(session.starts_at - minutes(16), booking)
    assert early.status_code == 409
    assert "You can join from 9:15am" in early.text
    assert at(session.starts_at - minutes(15), booking).status_code == 200
    assert at(session.ends_at + minutes(29), booking).status_code == 200
    over = at(session.ends_at + minutes(30), booking)
    assert (over.status_code, "This session is over" in over.text) == (410, True)
    kept.change(values={"join_opens_minutes": 60, "join_closes_minutes": 0}, by=None)
    assert at(session.starts_at - minutes(60), booking).status_code == 200
    assert at(session.ends_at, booking).status_code == 410


def test_whoever_has_no_place_any_more_is_told_why_and_how_to_book_again() -> None:
    course = make_course()
    session, other = online(course=course), online(course=course, starts_at=morning(17))
    now, coordinator = timezone.now(), make_coordinator()
    cancelled, moved, given, stays = (book_now(session, make_person()) for _ in range(4))
    actions.cancel(booking=cancelled, by=cancelled.person, now=now)
    exchanges.transfer(booking=moved, to=other, by=moved.person, now=now)
    colleague = make_person(agency=given.person.agency)
    taken = exchanges.substitute(booking=given, to=colleague, by=coordinator, now=now)
    for booking, words in (
        (cancelled, "There is no place for"),
        (moved, "The place was moved to another date"),
        (given, "The place was given to a colleague"),
    ):
        answer = at(session.starts_at, booking)
        assert answer.status_code == 410
        assert words in answer.text
        assert "meet.example" not in answer.text
    assert session.get_absolute_url() in at(session.starts_at, cancelled, press=False).text
    assert at(session.starts_at, taken).status_code == 200
    assert at(session.starts_at, stays).status_code == 200


def test_whose_account_has_ended_does_not_come_in() -> None:
    session = online()
    booking = book_now(session, make_person())
    User.objects.filter(pk=booking.person_id).update(is_active=False)
    answer = at(session.starts_at, booking)
    assert answer.status_code == 410
    assert "is not expected at this session any more" in answer.text


def test_a_place_that_waits_for_the_agency_opens_it_only_if_the_partnership_says_so() -> None:
    session = online()
    booking = book_now(session, make_person())
    held = {"state": "requested", "agency_until": session.ends_at}
    Booking.objects.filter(pk=booking.pk).update(**held)
    assert "The place is not certain" in at(session.starts_at, booking).text
    kept.change(values={"join_before_agency": True}, by=None)
    assert at(session.starts_at, booking).status_code == 200


def test_the_meeting_may_follow_and_the_session_may_be_in_a_room() -> None:
    session = make_session(delivery="online", starts_at=morning(10))
    booking = book_now(session, make_person())
    assert "has not been set up yet" in at(session.starts_at, booking).text
    Session.objects.filter(pk=session.pk).update(delivery="in person")
    assert "not online any more" in at(session.starts_at, booking).text


def test_trainers_and_guests_come_in_for_as_long_as_they_are_expected() -> None:
    trainer, coordinator, now = make_trainer(), make_coordinator(), timezone.now()
    session = online(trainers=[trainer])
    guest = add_guest(
        session=session,
        name="Isla Interpreter",
        email="isla@signs.example",
        purpose="BSL",
        by=coordinator,
        now=now,
    )
    paths = [links.trainer_join_path(session.pk, trainer.pk), links.guest_join_path(guest.pk)]
    for path in paths:
        assert at_path(session.starts_at, path).status_code == 200
    assert "Isla I." in at_path(session.starts_at, paths[1], press=False).text
    assert not Arrival.objects.exists()
    session.trainers.clear()
    remove_guest(guest=guest, by=coordinator, now=now)
    for path in paths:
        answer = at_path(session.starts_at, path)
        assert (answer.status_code, "is not expected" in answer.text) == (410, True)


def test_trainers_see_in_how_many_browsers_a_link_was_used() -> None:
    trainer = make_trainer()
    session = online(trainers=[trainer])
    booking = book_now(session, make_person())
    path = links.join_path(booking.join_key)
    with time_machine.travel(session.starts_at, tick=False):
        first, second = Client(), Client()
        for client in (first, first, second):
            assert client.post(path).status_code == 200
        assert Arrival.objects.count() == 2
        page = signed_in(trainer).get(reverse("attendees", args=[session.pk])).text
    assert "in 2 browsers" in page
    # Once the date has moved, nobody has come to it.
    session.sittings.update(
        starts_at=session.starts_at + timedelta(days=7), ends_at=session.ends_at + timedelta(days=7)
    )
    assert not Arrival.objects.counting().exists()


def test_pressing_on_without_a_cookie_fills_no_table() -> None:
    session = online()
    booking = book_now(session, make_person())
    about: dict[str, Any] = {
        "booking": booking,
        "sitting": session.sittings.get(),
        "at": session.starts_at,
    }
    Arrival.objects.bulk_create(Arrival(**about, device=str(n)) for n in range(MOST_BROWSERS - 1))
    for _ in range(3):
        assert at(session.starts_at, booking).status_code == 200
    assert Arrival.objects.count() == MOST_BROWSERS


def test_joining_needs_neither_redis_nor_mail(settings: Settings) -> None:
    session = online()
    booking = book_now(session, make_person())
    away = {**settings.CACHES["limits"], "LOCATION": "redis://127.0.0.1:1/0"}
    settings.CACHES = {**settings.CACHES, "limits": away}
    assert at(session.starts_at, booking).status_code == 200


def test_an_address_is_sealed_and_opens_under_any_key_until_it_is_sealed_anew(
    settings: Settings,
) -> None:
    session = online()
    old, new = settings.MEETING_KEYS[0], Fernet.generate_key().decode()
    settings.MEETING_KEYS = [new, old]
    session.refresh_from_db()
    assert session.meeting.opened() == MEETING
    assert MEETING not in repr(session.meeting) + str(session.meeting)
    call_command("reseal", verbosity=0)
    settings.MEETING_KEYS = [new]
    session.refresh_from_db()
    assert session.meeting.opened() == MEETING
    with pytest.raises(TypeError):
        Session.objects.filter(pk=session.pk).update(meeting="https://meet.example/bare")


def test_an_address_that_no_key_opens_can_be_entered_again(settings: Settings) -> None:
    trainer = make_trainer()
    session = online(trainers=[trainer], reference="LOST")
    booking, coordinator = book_now(session, make_person()), signed_in(make_coordinator())
    settings.MEETING_KEYS = [Fernet.generate_key().decode()]
    session.refresh_from_db()
    assert session.meeting != Sealed()
    assert session.meeting == Sealed(session.meeting.token)
    assert "has not been set up yet" in at(session.starts_at, booking).text
    assert "no address yet" in signed_in(trainer).get(reverse("attendees", args=[session.pk])).text
    for name in ("manage_session", "manage_session_change"):
        assert coordinator.get(reverse(name, args=[session.pk])).status_code == 200
    with pytest.raises(CommandError, match="opens 1: LOST"):
        call_command("reseal", verbosity=0)
    rearrange(session, meeting="", now=timezone.now())
    assert session.meeting == Sealed()
    rearrange(session, meeting=MEETING, now=timezone.now())
    assert at(session.starts_at, booking).status_code == 200
    call_command("reseal", verbosity=0)


def test_an_address_in_a_text_that_many_read_is_pointed_out() -> None:
    course, typed = make_course(), typed_session(delivery="online", meeting=MEETING)
    typed["joining_instructions"] = "Join at https://us02web.zoom.us/j/123"
    client = signed_in(make_coordinator())
    address = f"{reverse('manage_session_new')}?course={course.pk}"
    page = client.post(address, typed, follow=True).text
    assert "holds the address of a meeting" in page


def everything_stored() -> str:
    """Every text of the database, whatever its table."""
    found = []
    with connection.cursor() as cursor:
        for model in apps.get_models():
            table = connection.ops.quote_name(model._meta.db_table)
            cursor.execute(f"SELECT t::text FROM {table} t")  # noqa: S608
            found += [row[0] for row in cursor.fetchall()]
    return "\n".join(found)


@pytest.mark.django_db(transaction=True)
def test_nothing_holds_the_address_but_the_answer_to_a_press(
    smtp_sink: SmtpSink, caplog: pytest.LogCaptureFixture
) -> None:
    """Searched for in the database's text, the mail as it left, feeds, logs and pages."""
    trainer, person, coordinator = make_trainer(), make_person(), make_coordinator()
    session, now = online(trainers=[trainer], starts_at=morning(1)), timezone.now()
    booking = book_now(session, person)
    add_guest(
        session=session,
        name="Isla Interpreter",
        email="isla@signs.example",
        purpose="BSL",
        by=coordinator,
        now=now,
    )
    rearrange(session, now=now, meeting="https://meet.example/other")
    rearrange(session, now=now, delivery="in person", meeting="")
    rearrange(session, now=now, delivery="online", meeting=MEETING)
    hour_before = session.starts_at - minutes(60)
    post_due_reminders(now=hour_before)
    deliver_everything(now=hour_before)
    mails = [each.path.read_bytes() for each in smtp_sink.messages()]
    assert len(mails) >= 3
    client, address = signed_in(person), links.join_path(booking.join_key)
    pages = [
        client.get(each).content
        for each in (
            session.get_absolute_url(),
            booking.get_absolute_url(),
            "/bookings/",
            f"/bookings/{booking.pk}.ics",
            f"/sessions/{session.pk}.ics",
            address,
        )
    ]
    pages += [Client().get(trainers_feed(trainer)).content]
    assert at(session.starts_at, booking).status_code == 200
    looked_in = {
        "mail": b"\n".join(mails),
        "pages": b"\n".join(pages),
        "log": caplog.text.encode(),
        "database": everything_stored().encode(),
        "outbox": b"\n".join(bytes(each.mime or b"") for each in Message.objects.all()),
    }
    for where, content in looked_in.items():
        # Not even as a text that is folded or encoded for a mail.
        for written in (b"meet.example", b"meet.exam=\r\n", b"bWVldC5leGFtcGxl"):
            assert written not in content, where
