"""The newest answer of a calendar counts; what is brought back undoes what it marked."""

from datetime import timedelta

import pytest
from django.test import Client
from django.urls import reverse

from accounts import failing
from accounts.models import User
from booking.outbox import remedies
from booking.outbox.models import Message, MessageEvent
from booking.programme.bookings import calendar_answers
from booking.replies.actions import bring_back, put_away_again, say_address_works
from booking.replies.answers import answers_in
from booking.replies.incoming import Fetched, Incoming
from booking.replies.intake import take_in
from booking.replies.models import CalendarReply, ReceivedMail, newest_answer
from tests.factories import NOW, make_coordinator
from tests.replies import letters
from tests.replies.receiving import (
    State,
    is_marked,
    people_whose_mail_fails,
    receive,
    sent_confirmation,
)

pytestmark = pytest.mark.django_db

Kind, What = ReceivedMail.Kind, MessageEvent.What


# --- answers of calendars ---


def reminders() -> int:
    return Message.objects.filter(topic="booking.declined_in_calendar").count()


def test_whoever_declines_the_new_date_as_well_is_told_again() -> None:
    message = sent_confirmation()
    assert message.booking is not None
    assert receive(letters.google_reply(message.booking, "DECLINED"))
    assert reminders() == 1
    message.payload["event"]["sequence"] = 1
    message.save(update_fields=["payload"])
    again = {"sequence": "1", "message_id": "<g2@mail.gmail.com>"}
    assert receive(letters.google_reply(message.booking, "DECLINED", **again))
    assert reminders() == 2
    third = {"sequence": "1", "message_id": "<g3@mail.gmail.com>"}
    assert receive(letters.google_reply(message.booking, "DECLINED", **third))
    assert reminders() == 2


@pytest.mark.parametrize(
    ("line", "instead"),
    [
        (b"DTSTAMP:20270112T101500Z", b"DTSTAMP:20991231T235959Z"),
        (b"SEQUENCE:0", b"SEQUENCE:9"),
        (b"SEQUENCE:0", b"SEQUENCE:99999999999999999999"),
    ],
)
def test_no_answer_is_the_newest_for_ever(line: bytes, instead: bytes) -> None:
    message = sent_confirmation()
    assert message.booking is not None
    first = letters.google_reply(message.booking, "DECLINED").replace(line, instead)
    assert receive(first)
    later = letters.google_reply(message.booking, "ACCEPTED", message_id="<g2@mail.gmail.com>")
    stamp = f"{NOW + timedelta(hours=1):%Y%m%dT%H%M%SZ}".encode()
    later = later.replace(b"20270112T101500Z", stamp)
    assert take_in(Fetched(later, is_whole=True), now=NOW + timedelta(hours=2))
    newest = newest_answer(CalendarReply.objects.all())
    assert newest is not None
    assert newest.partstat == "accepted"
    assert [each.partstat for each in calendar_answers(message.booking)] == ["accepted"]


def test_an_answer_to_an_entry_never_sent_is_none_to_the_one_that_follows() -> None:
    message = sent_confirmation()
    assert message.booking is not None
    assert receive(letters.google_reply(message.booking, "DECLINED", sequence="1"))
    assert reminders() == 1
    message.payload["event"]["sequence"] = 1
    message.save(update_fields=["payload"])
    assert calendar_answers(message.booking) == []


def entry(uid: str, lines: str) -> str:
    return f"BEGIN:VEVENT\nUID:{uid}\n{lines}\nEND:VEVENT\n"


def calendar(entries: str) -> bytes:
    return letters.crlf(
        "From: x@agency.example\nContent-Type: text/calendar; method=REPLY\n\n"
        f"BEGIN:VCALENDAR\nMETHOD:REPLY\n{entries}END:VCALENDAR\n"
    )


@pytest.mark.parametrize("turned", [False, True])
@pytest.mark.parametrize(
    ("older", "newer"),
    [
        ("SEQUENCE:0\nDTSTAMP:20270112T101500Z", "SEQUENCE:1\nDTSTAMP:20270111T101500Z"),
        ("SEQUENCE:0\nDTSTAMP:20270112T101500Z", "SEQUENCE:0\nDTSTAMP:20270112T101501Z"),
        ("SEQUENCE:0", "SEQUENCE:0\nDTSTAMP:20270112T101501Z"),
        ("SEQUENCE:", "SEQUENCE:1"),
    ],
)
def test_of_two_entries_the_newer_counts_wherever_it_stands(
    older: str, newer: str, turned: bool
) -> None:
    message = sent_confirmation()
    assert message.booking is not None
    uid = letters.uid_of(message.booking)
    entries = [
        entry(uid, f"{lines}\nATTENDEE;PARTSTAT={said}:mailto:{message.to_email}")
        for lines, said in ((older, "DECLINED"), (newer, "ACCEPTED"))
    ]
    assert receive(calendar("".join(reversed(entries) if turned else entries)))
    assert CalendarReply.objects.get().partstat == "accepted"


@pytest.mark.parametrize(
    "line",
    [
        "ATTENDEE;PARTSTAT=ACCEPTED:mailto:{}\nSEQUENCE:",
        "ATTENDEE;CN=One, Some;PARTSTAT=ACCEPTED:mailto:{}",
        "ATTENDEE;CN=One; Some;PARTSTAT=ACCEPTED:mailto:{}",
        "ATTENDEE;CN=Team: Leeds;PARTSTAT=ACCEPTED:mailto:{}",
        'ATTENDEE;CN=The "One;PARTSTAT=ACCEPTED:mailto:{}',
        'ATTENDEE;CN="a;PARTSTAT=DECLINED:mailto:b@c.example";PARTSTAT=ACCEPTED:mailto:{}',
        'ATTENDEE;PARTSTAT=ACCEPTED;SENT-BY="mailto:b@c.example":mailto:{}',
        'ATTENDEE;PARTSTAT=ACCEPTED;EMAIL="mailto:{}":/17/principal/',
        "ATTENDEE;CN=a=b;PARTSTAT=ACC\n EPTED:mailto:{}",
        "attendee;partstat=accepted:MAILTO:{}",
    ],
)
def test_an_attendee_is_read_however_the_name_is_written(line: str) -> None:
    message = sent_confirmation()
    assert message.booking is not None
    lines = line.format(message.to_email)
    assert receive(calendar(entry(letters.uid_of(message.booking), lines)))
    assert CalendarReply.objects.get().partstat == "accepted"


def test_no_answer_is_of_a_time_that_cannot_be() -> None:
    message = sent_confirmation()
    assert message.booking is not None
    lines = f"DTSTAMP:00010101T000000Z\nATTENDEE;PARTSTAT=ACCEPTED:mailto:{message.to_email}"
    assert receive(calendar(entry(letters.uid_of(message.booking), lines)))
    assert CalendarReply.objects.get().stamped_at == NOW


def test_an_entry_past_the_last_that_is_read_answers_none() -> None:
    message = sent_confirmation()
    assert message.booking is not None
    ours = letters.uid_of(message.booking)
    said = f"ATTENDEE;PARTSTAT={{}}:mailto:{message.to_email}"
    entries = entry(ours, said.format("ACCEPTED")) * 20 + entry(ours, said.format("DECLINED"))
    incoming = Incoming.parse(calendar(entries))
    assert answers_in(incoming)[0].attendees == [(message.to_email, "ACCEPTED")]


def test_an_answer_counts_though_its_sender_is_called_like_a_daemon() -> None:
    message = sent_confirmation()
    assert message.booking is not None
    mail = letters.google_reply(message.booking, "ACCEPTED")
    assert receive(mail.replace(b"From: Someone", b"From: System Administrator"))
    assert CalendarReply.objects.get().partstat == "accepted"


# --- what is brought back ---


def report_on(message: Message, number: int, diagnostic: str) -> ReceivedMail:
    mail = letters.notification(
        message.message_id,
        recipient=message.to_email,
        own_id=f"<dsn{number}@mx.example>",
        diagnostic=f"smtp; {diagnostic}",
    )
    assert take_in(Fetched(mail, is_whole=True), now=NOW + timedelta(minutes=number))
    return ReceivedMail.objects.latest("pk")


def test_bringing_back_a_report_undoes_what_it_marked(coordinator: Client) -> None:
    message = sent_confirmation()
    received = report_on(message, 1, "550 5.1.1 no such user")
    assert is_marked(message)
    coordinator.post(reverse("manage_received_bring_back", args=[received.pk]))
    message.refresh_from_db()
    assert not is_marked(message)
    assert (message.came_back, message.last_error) == (False, "")
    noted = message.events.order_by("pk").values_list("what", flat=True)
    assert list(noted) == [What.CAME_BACK, What.TAKEN_BACK]
    received.refresh_from_db()
    assert received.state == State.LISTED


@pytest.mark.parametrize("signs_in", [False, True])
def test_what_was_brought_back_by_mistake_is_put_away_as_it_was(
    coordinator: Client, signs_in: bool
) -> None:
    message = sent_confirmation()
    received = report_on(message, 1, "550 5.1.1 no such user")
    coordinator.post(reverse("manage_received_bring_back", args=[received.pk]))
    if signs_in:
        later = NOW + timedelta(hours=1)
        User.objects.filter(email=message.to_email).update(last_login=later)
    again = reverse("manage_received_put_away", args=[received.pk])
    assert again in coordinator.get(reverse("manage_received")).content.decode()
    for _ in range(2):
        coordinator.post(again)
    message.refresh_from_db()
    received.refresh_from_db()
    assert message.came_back
    assert "5.1.1 no such user" in message.last_error
    assert is_marked(message) == (not signs_in)
    assert (received.state, received.why, received.brought_back_at) == (State.DONE, "", None)
    assert list(message.events.order_by("pk").values_list("what", flat=True)) == [
        What.CAME_BACK, What.TAKEN_BACK, What.CAME_BACK
    ]  # fmt: skip
    # Once more, and what it noted anew is undone.
    coordinator.post(reverse("manage_received_bring_back", args=[received.pk]))
    assert not Message.objects.get(pk=message.pk).came_back
    assert not is_marked(message)


@pytest.mark.parametrize("does", ["sends it again", "signs in", "says that it works"])
def test_what_was_done_since_a_report_stays_when_it_is_put_away_again(does: str) -> None:
    message, by = sent_confirmation(), make_coordinator()
    person = User.objects.get(email=message.to_email)
    received = report_on(message, 1, "550 5.1.1 no such user")
    later = NOW + timedelta(hours=1)
    if does == "sends it again":
        remedies.retry(message=message, by=by, now=later)
        Message.objects.update(state=Message.State.SENT, sent_at=later)
    elif does == "signs in":
        failing.clear_failing(person=person)
        User.objects.filter(pk=person.pk).update(last_login=later)
    else:
        say_address_works(person=person, by=by, why="She rang.", now=later)
    before = Message.objects.get().came_back, is_marked(message)
    bring_back(received=received, by=by, now=NOW + timedelta(hours=2))
    put_away_again(received=received, by=by, now=NOW + timedelta(hours=3))
    assert (Message.objects.get().came_back, is_marked(message)) == before
    received.refresh_from_db()
    assert received.state == State.DONE


def test_what_was_never_put_away_is_not_put_away_unread(coordinator: Client) -> None:
    assert not receive(letters.question())
    received = ReceivedMail.objects.get()
    again = reverse("manage_received_put_away", args=[received.pk])
    assert again not in coordinator.get(reverse("manage_received")).content.decode()
    coordinator.post(again)
    received.refresh_from_db()
    assert received.state == State.LISTED


def test_what_another_report_says_stays_when_one_is_brought_back() -> None:
    message, by = sent_confirmation(), make_coordinator()
    first = report_on(message, 1, "550 5.1.1 no such user")
    second = report_on(message, 2, "550 5.1.1 has left")
    bring_back(received=second, by=by, now=NOW)
    assert Message.objects.get(pk=message.pk).came_back
    person = people_whose_mail_fails().get()
    assert person.mail_failure == "5.1.1 550 5.1.1 no such user"
    bring_back(received=first, by=by, now=NOW)
    assert not Message.objects.get(pk=message.pk).came_back
    assert not is_marked(message)
