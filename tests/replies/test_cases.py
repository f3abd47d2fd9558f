"""Small mails of the kinds that were misread once, each as it has to be read."""

import time
from pathlib import Path

import pytest
from allauth.account.models import EmailAddress

from accounts.failing import people_whose_mail_fails
from booking.outbox.models import Message, MessageEvent
from booking.outbox.reasons import code_in, is_fault_of_the_address
from booking.places.models import Booking
from booking.programme.bookings import calendar_answers
from booking.replies.models import CalendarReply, ReceivedMail, newest_answer
from tests.replies import letters
from tests.replies.receiving import State, receive, sent_confirmation

pytestmark = pytest.mark.django_db

CASES = Path(__file__).parent / "cases"
Kind = ReceivedMail.Kind


def case(name: str, message: Message) -> bytes:
    assert message.booking is not None
    values = {
        "{EMAIL}": message.to_email,
        "{MID}": message.message_id,
        "{UID}": letters.uid_of(message.booking),
    }
    text = (CASES / f"{name}.eml").read_text()
    for name, value in values.items():
        text = text.replace(name, value)
    return letters.crlf(text)


def read(name: str, message: Message) -> ReceivedMail:
    receive(case(name, message))
    message.refresh_from_db()
    return ReceivedMail.objects.latest("pk")


@pytest.mark.parametrize("name", ["bounce_reply_code_colon", "dsn_returned_text_rfc822"])
def test_a_report_with_our_message_id_marks_message_and_address(name: str) -> None:
    message = sent_confirmation()
    received = read(name, message)
    assert (received.state, received.kind) == (State.DONE, Kind.REPORT)
    assert message.came_back
    assert people_whose_mail_fails().get().email == message.to_email


@pytest.mark.parametrize("name", ["bounce_exim_no_copy", "dsn_no_original"])
def test_a_report_that_knows_only_the_recipient_marks_nothing(name: str) -> None:
    message = sent_confirmation()
    received = read(name, message)
    assert (received.state, received.kind) == (State.LISTED, Kind.REPORT)
    assert f"Mail to {message.to_email} may have come back" in received.why
    assert not message.came_back
    assert not people_whose_mail_fails().exists()
    assert message.events.get().what == MessageEvent.What.MAY_HAVE_COME_BACK
    assert message.recipient is not None
    assert message.recipient.mail_doubted_since is not None


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("autoreply_quotes_headers_phone", Kind.NOTICE),
        ("oof_exchange_2010", Kind.NOTICE),
        ("read_receipt_mdn", Kind.RECEIPT),
    ],
)
def test_what_is_harmless_is_put_away_and_counted(name: str, kind: str) -> None:
    message = sent_confirmation()
    received = read(name, message)
    assert (received.state, received.kind) == (State.DONE, kind)
    assert not message.came_back
    assert not message.events.exists()


@pytest.mark.parametrize(
    "name", ["reply_method_twice", "reply_two_attendees", "reply_tzid_pacific"]
)
def test_an_answer_is_read_whatever_else_the_calendar_holds(name: str) -> None:
    message = sent_confirmation()
    received = read(name, message)
    assert (received.state, received.kind) == (State.DONE, Kind.ANSWER)
    assert CalendarReply.objects.get().partstat == "accepted"


@pytest.mark.parametrize("order", [(1, 2), (2, 1)])
def test_the_newest_answer_counts_in_whatever_order_they_come(order: tuple[int, int]) -> None:
    message = sent_confirmation()
    for number in order:
        read("order_1_newer_accept" if number == 1 else "order_2_older_decline", message)
    newest = newest_answer(CalendarReply.objects.all())
    assert newest is not None
    assert newest.partstat == "accepted"
    reminders = Message.objects.filter(topic="booking.declined_in_calendar").count()
    assert reminders == (order == (2, 1))


def test_an_answer_to_an_earlier_entry_says_nothing_of_the_new_one() -> None:
    message = sent_confirmation()
    Booking.objects.filter(pk=message.booking_id).update(calendar_sequence=1)
    read("order_2_older_decline", message)
    assert not Message.objects.filter(topic="booking.declined_in_calendar").exists()
    assert message.booking is not None
    message.booking.refresh_from_db()
    assert calendar_answers(message.booking) == []


@pytest.mark.parametrize("verified", [True, False])
def test_an_answer_from_another_address_counts_if_its_owner_confirmed_it(verified: bool) -> None:
    message = sent_confirmation()
    assert message.booking is not None
    other = "own@home.example"
    EmailAddress.objects.create(user=message.booking.person, email=other, verified=verified)
    mail = letters.google_reply(message.booking, "ACCEPTED", attendee=other)
    assert receive(mail) == verified
    assert CalendarReply.objects.exists() == verified


@pytest.mark.parametrize(
    ("reason", "blames"),
    [
        ("5.2.2 552 5.2.2 Mailbox full", False),
        ("5.7.1 550 5.7.1 Blocked by policy", False),
        ("5.7.26 550 5.7.26 DMARC authentication", False),
        ("5.2.1 550 5.2.1 disabled", True),
        ("550 550: User unknown", True),
        ("5.0.0 550 5.1.1 No such user", True),
        ("5.1.1 552 5.2.2 Mailbox full", False),
        ("5.1.8 Bad sender", False),
    ],
)
def test_only_the_fault_of_the_address_blames_it(reason: str, blames: bool) -> None:
    assert is_fault_of_the_address(reason) == blames


@pytest.mark.parametrize(
    ("words", "code"),
    [
        ("ring 0113 555 0100 or room 512 on", ""),
        ("550: unknown", "550"),
        ("said: 550, no", "550"),
        ("error 554", "554"),
        ("(#5.1.1)", "5.1.1"),
        ("failed with 5.1.1.", "5.1.1"),
        ("Exim 4.94.2", ""),
    ],
)
def test_a_bare_number_is_no_code(words: str, code: str) -> None:
    assert code_in(words) == code


def test_headers_are_capped_before_they_are_parsed() -> None:
    word = "=?utf-8?b?w6k=?= "
    started = time.thread_time()
    receive(letters.crlf(f"From: a@b.example\nSubject: {word * 50_000}\n\nx"))
    receive(letters.crlf(f"From: a@c.example\nSubject: {'x: y' * 200_000}\n\nx"))
    assert time.thread_time() - started < 1
    assert ReceivedMail.objects.filter(state=State.LISTED).count() == 2
