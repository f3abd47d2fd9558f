"""Small mails of the kinds that were misread once, each as it has to be read."""

import base64
import sys
from datetime import timedelta
from pathlib import Path
from types import FrameType
from typing import Any

import pytest
from allauth.account.models import EmailAddress
from django.db import connection
from django.test.utils import CaptureQueriesContext

from booking.outbox.models import Message, MessageEvent
from booking.outbox.reasons import code_in, is_fault_of_the_address, reason_around
from booking.programme.bookings import calendar_answers
from booking.replies.actions import bring_back, forget_what_was_put_away, mark_dealt_with
from booking.replies.models import (
    CalendarReply,
    ReceivedMail,
    mail_put_away,
    mail_to_read,
    newest_answer,
)
from tests.factories import NOW, make_coordinator
from tests.replies import letters
from tests.replies.receiving import State, people_whose_mail_fails, receive, sent_confirmation

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
    "headers",
    [
        "Auto-Submitted: auto-replied (vacation)",
        "X-Auto-Response-Suppress: All\nSubject: Automatic reply: Neglect",
        "X-Auto-Response-Suppress: All\nX-MS-Exchange-Inbox-Rules-Loop: other@agency.example",
        "X-MS-Exchange-Inbox-Rules-Loop: {EMAIL}",
        "Return-Path: <>\nSubject: Out of office",
        "Precedence: auto_reply",
        "Precedence: bulk\nReturn-Path: <>\nIn-Reply-To: <a@briefed.example>",
        "X-Autoreply-From: someone@agency.example",
        "X-Vacation: yes",
        "X-FC-MachineGenerated: true",
        "X-POST-MessageClass: 9; Autoresponder",
    ],
)
def test_a_holiday_notice_is_known_by_each_header_that_says_so(headers: str) -> None:
    said = f"From: Someone <{{EMAIL}}>\n{headers}\n\nI am away.\n"
    assert receive(letters.crlf(said.replace("{EMAIL}", sent_confirmation().to_email)))
    assert ReceivedMail.objects.get().kind == Kind.NOTICE


AWAY = "Subject: Automatic reply: Neglect\nAuto-Submitted: auto-replied\n"
BY_COLLEAGUE = f"From: Someone <someone@agency.example>\n{AWAY}"
IN_BASE64 = "Content-Type: text/plain\nContent-Transfer-Encoding: base64\n\n"
FINAL_RECIPIENT = base64.b64encode(b"Final-Recipient: rfc822; someone").decode()
BARE_REPORT = "Content-Type: multipart/report; report-type=x; boundary=b\n\n--b\n\nAway.\n--b--\n"


@pytest.mark.parametrize(
    ("text", "is_harmless"),
    [
        (f"{BY_COLLEAGUE}\nI am away.\n", True),
        (f"From: MAILER-DAEMON@mx.example\n{AWAY}\nI am away.\n", False),
        (f"From: Mail Delivery System <mx@agency.example>\n{AWAY}\nI am away.\n", False),
        (f"{BY_COLLEAGUE}{BARE_REPORT}", False),
        (f"{BY_COLLEAGUE}X-Failed-Recipients: someone\n\nI am away.\n", False),
        (f"{BY_COLLEAGUE}\nFinal-Recipient: rfc822; someone\n", False),
        (f"{BY_COLLEAGUE}{IN_BASE64}{FINAL_RECIPIENT}\n", False),
        (f"{BY_COLLEAGUE}\n550 5.1.1 no such person\n", False),
        (f"{BY_COLLEAGUE}\nThese addresses are unknown: someone - no such user here\n", False),
        (f"{BY_COLLEAGUE}\nYour mail could not be delivered: undeliverable.\n", False),
    ],
)
def test_what_may_be_a_report_is_never_put_away_as_a_holiday_notice(
    text: str, is_harmless: bool
) -> None:
    assert receive(letters.crlf(text)) == is_harmless
    received = ReceivedMail.objects.get()
    if is_harmless:
        assert (received.state, received.kind) == (State.DONE, Kind.NOTICE)
    else:
        assert received.state == State.LISTED
        assert "may report that mail did not arrive" in received.why


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
    message.payload["event"]["sequence"] = 1
    message.save(update_fields=["payload"])
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
        ("5.1.0 Mailbox full", False),
        ("5.1.0 Blocked", False),
        ("5.1.0 Refused by policy", False),
        ("5.1.0 Authentication failed", False),
        ("5.1.0 Content rejected", False),
    ],
)
def test_only_the_fault_of_the_address_blames_it(reason: str, blames: bool) -> None:
    assert is_fault_of_the_address(reason) == blames


@pytest.mark.parametrize(
    ("words", "code"),
    [
        ("ring 0113 555 0100 or room 512 on", ""),
        ("on leave till 5.1.27, sorry", ""),
        ("telephone: 555 0100", ""),
        ("mobile (500 555 0100)", ""),
        ("550: unknown", "550"),
        ("said: 550, no", "550"),
        ("error 554", "554"),
        ("(#5.1.1)", "5.1.1"),
        ("failed with 5.1.1.", "5.1.1"),
        ("Exim 4.94.2", ""),
        ("I am away from 5.1.27 to 8.1.27", ""),
        ("until 5.1.2 of version 4.2.1", ""),
        ("550 5.7.26 unauthenticated", "5.7.26"),
        ("5.7.509 access denied", "5.7.509"),
        ("dsn=5.1.20, unknown", "5.1.20"),
    ],
)
def test_a_bare_number_is_no_code(words: str, code: str) -> None:
    assert code_in(words) == code


def test_a_reason_starts_at_a_word() -> None:
    assert reason_around("undeliverable " * 9 + "550 no", "550", 6).startswith("undeliverable ")


@pytest.mark.parametrize(
    ("line", "instead"),
    [
        (b"METHOD:REPLY", b"METHOD:REPLY\r\nMETHOD:REQUEST"),
        (b"DTSTAMP:20270112T101500Z", b"DTSTAMP:yesterday"),
    ],
)
def test_nothing_odd_makes_an_answer_unreadable(line: bytes, instead: bytes) -> None:
    message = sent_confirmation()
    assert message.booking is not None
    assert receive(letters.google_reply(message.booking, "ACCEPTED").replace(line, instead))
    assert CalendarReply.objects.get().partstat == "accepted"


@pytest.mark.parametrize(
    "headers",
    [
        "Subject: " + "=?utf-8?b?w6k=?= " * 55_000,
        "Subject: x" + "\n =?utf-8?b?w6k=?=" * 19_000,
        "From: " + "=?utf-8?b?w6k=?= " * 55_000,
        "From: " + "(" * 900_000,
        "Content-Type: multipart/mixed; " + "x*0*=a''b; " * 80_000,
        "x: y\n" * 19_000 + "x: y",
    ],
)
def test_headers_are_capped_before_they_are_parsed(headers: str) -> None:
    mail = letters.crlf(f"{headers}\nX-Last: 1\n\nx")
    assert len(mail) < 1_000_000
    # About as many as it takes to look at each line once; without a cap some take millions.
    assert lines_run(mail, most=200_000 + 20 * mail.count(b"\n"))


def test_the_parameters_of_a_part_are_read_once() -> None:
    part = "--b\nContent-Type: x" + ";a" * 200 + "\n\nx\n"
    mail = letters.crlf("Content-Type: multipart/mixed; boundary=b\n\n" + part * 98)
    # Twice as many where they are read for each question.
    assert lines_run(mail, most=1_000_000)


def lines_run(mail: bytes, *, most: int) -> int:
    """How many lines of Python it takes to leave a mail to people. Stops beyond `most`."""
    run = 0

    def count(frame: FrameType, event: str, argument: object) -> Any:
        nonlocal run
        run += event == "line"
        if run > most:
            pytest.fail(f"More than {most} lines are run.")
        return count

    before = sys.gettrace()
    sys.settrace(count)
    try:
        assert not receive(mail)
    finally:
        sys.settrace(before)
    return run


RECEIPT = "{}Content-Type: multipart/report; report-type=disposition-notification; boundary=b\n\n"
DISPOSED = (
    "--b\nContent-Type: text/plain\n\n{}\n--b\nContent-Type: message/disposition-notification\n\n"
    "Final-Recipient: rfc822; someone@agency.example\nDisposition: {}\n\n--b--\n"
)
BY_HAND = "manual-action/MDN-sent-manually; displayed"


@pytest.mark.parametrize(
    ("headers", "words", "disposition"),
    [
        ("X-Failed-Recipients: {EMAIL}\n", "read", BY_HAND),
        ("From: MAILER-DAEMON@mx.example\n", "read", BY_HAND),
        ("", "Diagnostic-Code: smtp; no such person", BY_HAND),
        ("", "{EMAIL}: 550 no such person", BY_HAND),
        ("", "read", f"{BY_HAND}/error"),
        ("", "read", "automatic-action/MDN-sent-automatically; failed"),
    ],
)
def test_what_shows_a_failure_is_no_receipt(headers: str, words: str, disposition: str) -> None:
    message = sent_confirmation()
    text = RECEIPT.format(headers) + DISPOSED.format(words, disposition)
    assert not receive(letters.crlf(text.replace("{EMAIL}", message.to_email)))
    assert ReceivedMail.objects.get().state == State.LISTED


def test_a_receipt_of_a_program_is_put_away() -> None:
    assert receive(letters.crlf(RECEIPT.format("") + DISPOSED.format("read", f"{BY_HAND} (x)")))
    assert ReceivedMail.objects.get().kind == Kind.RECEIPT


def test_the_last_mail_to_an_address_is_found_by_an_index() -> None:
    rows = range(20_000)
    Message.objects.bulk_create(
        Message(
            topic="x",
            subject_key=f"x:{row}",
            stream="x",
            to_email=f"p{row % 5000}@agency.example",
            state=Message.State.SENT,
            due_at=NOW,
            message_id=f"<{row}@x.example>",
        )
        for row in rows
    )
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE booking_message")
    with CaptureQueriesContext(connection) as asked:
        [found] = Message.objects.last_sent_to({"p7@agency.example"})
    assert found.message_id == "<15007@x.example>"
    with connection.cursor() as cursor:
        cursor.execute("EXPLAIN " + asked[0]["sql"])
        plan = "\n".join(row[0] for row in cursor.fetchall())
    assert "messages_by_address" in plan
    assert "Seq Scan" not in plan


def test_what_was_put_away_is_forgotten_after_its_days() -> None:
    read("oof_exchange_2010", sent_confirmation())
    kept = timedelta(days=ReceivedMail.KEPT_DAYS)
    forget_what_was_put_away(now=NOW + kept)
    assert ReceivedMail.objects.get().from_address
    assert mail_put_away(now=NOW + kept).exists()
    later = NOW + kept + timedelta(seconds=1)
    forget_what_was_put_away(now=later)
    received = ReceivedMail.objects.get()
    assert (received.from_address, received.subject) == ("", "")
    assert not mail_put_away(now=later).exists()


def test_what_was_brought_back_waits_for_people_and_is_not_read_again() -> None:
    mail = case("oof_exchange_2010", sent_confirmation())
    assert receive(mail)
    received, coordinator = ReceivedMail.objects.get(), make_coordinator()
    bring_back(received=received, by=coordinator, now=NOW)
    forget_what_was_put_away(now=NOW + timedelta(days=60))
    # Somebody moved it back to where it is looked at.
    assert not receive(mail)
    assert mail_to_read().get().from_address
    mark_dealt_with(received=received, by=coordinator, now=NOW)
    assert receive(mail)
    assert not mail_to_read().exists()
