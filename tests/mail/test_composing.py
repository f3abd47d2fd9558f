"""Every notice: complete, readable by mail and calendar programs, and not to be tricked."""

from collections.abc import Iterator
from datetime import datetime, timedelta

import icalendar
import pytest
import vobject
from django.conf import settings
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.models import User
from booking.catalogue.models import Session
from booking.mail.composing import compose
from booking.outbox.delivery import Pointless, Unsendable
from booking.outbox.models import Message
from booking.places import announcements
from booking.places.models import Booking
from booking.site.wording import LONDON
from tests.factories import NOW, make_session
from tests.mail.letters import (
    calendar_part,
    composed_at,
    every_notice,
    make_booking,
    part,
    post,
    read,
    reminders_before,
    times,
    written,
)

pytestmark = pytest.mark.django_db


MANAGER = "manager@agency.example"


def now() -> datetime:
    """The clock by which these tests compose."""
    return NOW


def notices(booking: Booking) -> Iterator[tuple[Message, bytes]]:
    for message in post(every_notice(booking)):
        yield message, written(message)


# --- the shape of a notice ---


def test_every_notice_has_its_frozen_headers(booking: Booking) -> None:
    for message, mime in notices(booking):
        mail = read(mime)
        assert mail["Message-ID"] == message.message_id
        assert mail["Date"].datetime == NOW
        assert mail["From"].addresses[0].display_name == "Safeguarding Children Partnership"
        assert mail["From"].addresses[0].addr_spec == "training@briefed.example"
        assert str(mail["Reply-To"]) == settings.MAIL_REPLY_TO
        [to] = mail["To"].addresses
        is_to_manager = message.topic.startswith(("approval.", "absence.manager"))
        expected = ("", MANAGER) if is_to_manager else ("Priya Shah", booking.person.email)
        assert (to.display_name, to.addr_spec) == expected
        assert mail["Auto-Submitted"] == "auto-generated"
        assert "Domestic abuse" in mail["Subject"]
        assert sorted(mail.keys()) == sorted(set(mail.keys()))


def test_every_notice_is_ascii_with_crlf_and_lines_of_a_legal_length(booking: Booking) -> None:
    for _, mime in notices(booking):
        assert mime.isascii()
        for line in mime.split(b"\r\n"):
            assert len(line) <= 998
            assert b"\r" not in line
            assert b"\n" not in line


def test_the_forms_come_in_order_and_the_calendar_is_no_attachment(booking: Booking) -> None:
    for message, mime in notices(booking):
        mail = read(mime)
        forms = [each.get_content_type() for each in mail.iter_parts()]
        expected = ["text/plain", "text/html"]
        if "event" in message.payload:
            expected.append("text/calendar")
        assert mail.get_content_type() == "multipart/alternative"
        assert forms == expected
        assert b"Content-Disposition" not in mime


def test_the_method_parameter_equals_the_method(booking: Booking) -> None:
    methods = set()
    for message, mime in notices(booking):
        if "event" not in message.payload:
            continue
        event = message.payload["event"]
        found = calendar_part(read(mime))
        sent = found.get_payload(decode=True)
        calendar = icalendar.Calendar.from_ical(sent)
        assert found.get_param("charset") == "utf-8"
        assert found.get_param("method") == str(calendar["METHOD"]) == event["method"]
        [entry] = calendar.walk("VEVENT")
        assert str(entry["UID"]) == event["uid"]
        assert str(entry["SEQUENCE"]) == str(event["sequence"])
        assert entry.decoded("DTSTAMP") == NOW
        assert str(entry["ATTENDEE"]) == f"mailto:{booking.person.email}"
        assert str(entry["ORGANIZER"]) == "mailto:training@leedsscp.example"
        assert len(list(vobject.readComponents(sent.decode()))) == 1
        methods.add(event["method"])
    assert methods == {"REQUEST", "CANCEL"}


def test_composing_twice_gives_the_same_bytes(booking: Booking) -> None:
    messages = post(every_notice(booking))
    assert compose(messages, clock=now) == compose(messages, clock=now)


def test_composing_more_messages_costs_no_more_statements(booking: Booking) -> None:
    one = post(announcements.given_a_place(booking, times(booking)))[:1]
    with CaptureQueriesContext(connection) as for_one:
        compose(one, clock=now)
    many = []
    for _ in range(10):
        other = make_booking(booking.session)
        many += post(announcements.given_a_place(other, times(other)))
    with CaptureQueriesContext(connection) as for_many:
        compose(many, clock=now)
    assert len(for_one) == len(for_many) <= 4


def test_no_notice_shows_a_gap_or_an_unfilled_place(booking: Booking) -> None:
    for message, mime in notices(booking):
        text = part(read(mime), "text/plain")
        assert "\n\n\n" not in text, message.topic
        assert "None" not in text, message.topic
        assert ", ," not in text, message.topic
        # To a stranger nobody writes a name that somebody else typed.
        is_unnamed = message.topic.startswith(("approval.", "absence.manager", "account."))
        greeting = "Hello," if is_unnamed else "Hello Priya,"
        assert text.startswith(f"{greeting}\n\n")


# --- what cannot or need not be sent ---


def test_one_message_that_cannot_be_composed_stops_no_other(booking: Booking) -> None:
    messages = post(every_notice(booking))
    broken, foreign = messages[0], messages[1]
    broken.payload = {"event": {"method": "REQUEST"}}
    foreign.topic = "no.such_topic"
    composed = compose(messages, clock=now)
    assert isinstance(composed[broken.pk], Unsendable)
    assert isinstance(composed[foreign.pk], Unsendable)
    assert all(isinstance(composed[message.pk], bytes) for message in messages[2:])


def test_a_reminder_of_a_place_given_up_meanwhile_is_pointless(booking: Booking) -> None:
    for message in post(reminders_before(booking)):
        assert isinstance(composed_at(NOW, message), bytes)
        Booking.objects.update(state="cancelled")
        assert isinstance(composed_at(NOW, message), Pointless)
        Booking.objects.update(state="confirmed")


def test_a_reminder_of_a_date_that_moved_meanwhile_is_pointless(booking: Booking) -> None:
    first, *_ = times(booking)
    messages = post(reminders_before(booking))
    booking.session.sittings.filter(pk=first.key).update(
        starts_at=first.starts_at + timedelta(1 / 24)
    )
    assert all(isinstance(composed_at(NOW, message), Pointless) for message in messages)


def test_a_reminder_to_somebody_who_has_turned_them_off_is_pointless(booking: Booking) -> None:
    messages = post(reminders_before(booking))
    User.objects.update(wants_reminders=False)
    assert all(isinstance(composed_at(NOW, message), Pointless) for message in messages)


def test_a_reminder_is_pointless_once_the_next_is_due_or_the_sitting_has_begun() -> None:
    starts = datetime(2027, 2, 9, 9, 30, tzinfo=LONDON)
    online = make_session(starts_at=starts, delivery=Session.Delivery.ONLINE)
    booking = make_booking(online)
    days, day, hour = post(reminders_before(booking))
    useful_until = {
        days: datetime(2027, 2, 8, 9, tzinfo=LONDON),
        day: datetime(2027, 2, 9, 8, 30, tzinfo=LONDON),
        hour: starts,
    }
    for message, moment in useful_until.items():
        assert isinstance(composed_at(moment - timedelta(seconds=1), message), bytes)
        assert isinstance(composed_at(moment, message), Pointless)
