"""How much a report of a mail server proves, recipient by recipient, however it is written."""

import time

import pytest

from booking.outbox.models import MessageEvent
from booking.replies.models import CalendarReply, ReceivedMail
from tests.replies import letters
from tests.replies.receiving import (
    BOUNCE,
    COPY,
    DAEMON,
    DOUBTED,
    FAILED,
    LATE,
    UNTOUCHED,
    State,
    became,
    is_marked,
    receive,
    sent_confirmation,
)

pytestmark = pytest.mark.django_db

Kind, What = ReceivedMail.Kind, MessageEvent.What
LONGEST_SECONDS = 0.2


# --- what the email package makes of odd headers ---

ODD = [
    "name*=undefined''a%E9.ics",
    "name*=idna''a%E9.ics",
    "name*=unicode_escape''%5Cx.ics",
    "name*=a%00b''c.ics",
    "name*=a; name*1=b.ics",
    f"name*{'9' * 5000}*=a.ics",
    "charset*=undefined''a%E9",
    "charset=undefined",
]


@pytest.mark.parametrize("parameter", ODD)
@pytest.mark.parametrize("place", ["Content-Type: text/calendar", "Content-Disposition: x"])
def test_an_odd_parameter_does_not_stop_the_reading_of_an_answer(
    parameter: str, place: str
) -> None:
    message = sent_confirmation()
    assert message.booking is not None
    mail = letters.google_reply(message.booking, "ACCEPTED")
    extra = place.replace("name", "filename") + f"; {parameter}"
    if place.startswith("Content-Type"):
        mail = mail.replace(b"Content-Type: text/calendar", extra.encode())
    else:
        mail = mail.replace(
            b"Content-Type: text/calendar", f"{extra}\r\n".encode() + b"Content-Type: text/calendar"
        )
    assert receive(mail)
    assert CalendarReply.objects.get().partstat == "accepted"


@pytest.mark.parametrize(
    ("line", "instead"),
    [
        ("Reporting-MTA", "Content-Type: multipart/x; boundary*=undefined''a\nReporting-MTA"),
        ("Reporting-MTA", "Content-Type: text/plain; charset=undefined\nX: \udcff\nReporting-MTA"),
        (
            "From: MAILER-DAEMON@mx.example (Mail Delivery System)",
            f"From: {'(' * 900}{')' * 900} <mailer-daemon@mx.example>",
        ),
        ("To: training", f"X-Failed-Recipients: {'(' * 900}{')' * 900}\nTo: training"),
        ("Action: failed", "Action: failed\nContent-Type: x; charset*=undefined''a"),
        ('boundary="b"', "boundary*=undefined''b"),
        ("report-type=", f"report-type*{'9' * 5000}*=x; report-type="),
    ],
)
def test_an_odd_header_does_not_stop_the_reading_of_a_report(line: str, instead: str) -> None:
    message = sent_confirmation()
    mail = letters.notification(message.message_id, recipient=message.to_email)
    odd = instead.replace("\n", "\r\n").encode("utf-8", "surrogateescape")
    assert became(mail.replace(line.encode(), odd, 1), message) == FAILED


# --- how long it takes ---

HEAD = "From: mailer-daemon@mx.example\nSubject: x\n{}\n"
PLAIN = HEAD.format("Content-Type: text/plain\n")
STATUS = HEAD.format("Content-Type: message/delivery-status\n")
CALENDAR = HEAD.format("Content-Type: text/calendar; method=REPLY\n")
ENTRY = "BEGIN:VCALENDAR\nMETHOD:REPLY\nBEGIN:VEVENT\nUID:a\n{}END:VEVENT\nEND:VCALENDAR\n"
PARTS = HEAD.format("Content-Type: multipart/mixed; boundary=b\n")
MANY_ATTENDEES = "BEGIN:VEVENT\nUID:x\n" + "ATTENDEE;a=%%%:mailto:a@b\n" * 170


@pytest.mark.parametrize(
    "text",
    [
        PLAIN + "\n" * 15_000,
        PLAIN + " \n" * 15_000,
        PLAIN + "> \n" * 15_000 + "550",
        PLAIN + ("-" * 70 + "\n") * 10_000,
        PLAIN + "> " * 400_000,
        PLAIN + "Final-Recipient:\n" * 15_000,
        PLAIN + "Final-Recipient: a@b.example\nAction:\n" * 8_000,
        PLAIN + "Final-Recipient: a@b.example\nAction: failed\n\n" * 6_000,
        STATUS + "Final-Recipient: a@b.example\nAction: failed\n\n" * 6_000,
        STATUS + "Final-Recipient: a@b.example\n" + " x\n" * 18_000,
        PLAIN + ("<" + "@" * 399) * 2_000,
        PLAIN + ("<" + "a" * 199 + "@" + "a" * 199) * 2_000,
        PLAIN + "550" * 200_000,
        PLAIN + "550 " * 200_000,
        PLAIN + ": 550 x" * 120_000,
        PLAIN + "a@" * 400_000,
        PLAIN + "a@a.a.a.a.a.a" * 60_000,
        PLAIN + "5.1.1" * 150_000,
        PLAIN + "message-id: " * 70_000,
        PLAIN + "message-id:\n" * 19_000,
        PLAIN + "does not have a " * 50_000,
        PLAIN + "permanent a " * 70_000,
        PLAIN + "deliver" * 120_000,
        PLAIN + "exceed a a " * 80_000,
        PLAIN + "x\n" * 19_000 + "550 5.1.1 no such user",
        PLAIN.replace("plain", "html") + "<" * 900_000,
        PLAIN.replace("plain", "html") + "&#" * 400_000,
        PLAIN.replace("plain", "html") + "<a " * 300_000,
        PLAIN.replace("plain", "html") + "&#" + "9" * 5_000,
        PARTS + ('--b\nContent-Type: text/plain; a="' + ';\\"' * 2_600 + "\n\nx\n") * 50,
        PARTS + ("--b\nContent-Type: text/calendar\n\n" + MANY_ATTENDEES) * 50,
        CALENDAR + "BEGIN:VCALENDAR\nMETHOD:REPLY\n" + MANY_ATTENDEES * 20,
        PLAIN + '{"bouncedRecipients"' + "[" * 900_000,
        CALENDAR + ENTRY.format(f"ATTENDEE;CN={'a' * 3900}:mailto:a@b.example\n" * 60),
        CALENDAR + ENTRY.format(f"ATTENDEE;CN={';\"' * 1900}:mailto:a@b.example\n" * 60),
        CALENDAR + ENTRY.format("ATTENDEE:a\n" + " b\n" * 18_000),
        CALENDAR + ENTRY.format("\n" * 18_000),
        HEAD.format("X-Failed-Recipients: a@b.example, \n" * 1_000) + "x",
        HEAD.format(f"X-Failed-Recipients: {'a@b.example, ' * 600}\n" * 100) + "x",
        HEAD.format("References: " + ("<" + "@" * 399) * 1_000 + "\n") + "x",
        HEAD.format("X-" + "a-" * 4_000 + ": x\n") + "x",
        PARTS + "".join(f"--b\nContent-Type: text/plain\n\n{'x y ' * 2_400}\n" for _ in range(95)),
        PARTS + f"--b\nContent-Transfer-Encoding: base64\n\n{'QUJD' * 200_000}\n",
    ],
)  # fmt: skip
def test_no_mail_takes_long(text: str) -> None:
    mail = letters.crlf(text)[:999_000]
    started = time.thread_time()
    receive(mail)
    took = time.thread_time() - started
    assert "could not be understood" not in ReceivedMail.objects.get().why
    assert took < LONGEST_SECONDS


# --- several recipients ---

OTHER = "Final-Recipient: rfc822; other@elsewhere.example\nAction: {}\nStatus: {}\n\n"


@pytest.mark.parametrize(
    ("before", "action", "status", "becomes"),
    [
        (OTHER.format("relayed", "2.0.0"), "delayed", "4.4.1", LATE),
        (OTHER.format("relayed", "2.0.0"), "failed", "5.1.1", FAILED),
        (OTHER.format("delayed", "4.4.1"), "failed", "5.1.1", FAILED),
        (OTHER.format("failed", "5.1.1"), "delayed", "4.4.1", LATE),
        (OTHER.format("failed", "5.1.1"), "relayed", "2.0.0", UNTOUCHED),
        (OTHER.format("delayed", "4.4.1"), "relayed", "2.0.0", (State.LISTED, [], False)),
    ],
)
def test_what_is_said_of_our_recipient_counts(
    before: str, action: str, status: str, becomes: object
) -> None:
    message = sent_confirmation()
    mail = letters.notification(
        message.message_id,
        recipient=message.to_email,
        before=before,
        action=action,
        status=status,
        diagnostic="",
    )
    assert became(mail, message) == becomes


ARRIVED = OTHER.format("relayed", "2.0.0")
OURS = "Final-Recipient: rfc822; {EMAIL}\n"
REPORT = (
    "From: mailer-daemon@mx.example\nSubject: x\n"
    "Content-Type: multipart/report; report-type=delivery-status; boundary=b\n\n"
    "--b\nContent-Type: message/delivery-status\n\n{}\n"
    "--b\nContent-Type: message/rfc822-headers\n\nMessage-ID: {MID}\n--b--\n"
)
PARTED = "\n--b\nContent-Type: message/delivery-status\n\n"


@pytest.mark.parametrize(
    ("header", "status", "becomes"),
    [
        ("", f"{ARRIVED.strip()}\n{OURS}Action: failed\nStatus: 5.1.1\n", FAILED),
        ("", f"{ARRIVED}{OURS}Diagnostic-Code: smtp; 550 5.1.1 no such user\n", FAILED),
        ("", f"{ARRIVED}{PARTED}{OURS}Action: failed\nStatus: 5.1.1\n", FAILED),
        ("", f"{OURS}Action: delivered\nStatus: 5.1.1\n", DOUBTED),
        ("", f"{OURS}Action: relayed\nDiagnostic-Code: smtp; 550 5.1.1 no such user\n", DOUBTED),
        ("X-Failed-Recipients: {EMAIL}\n", ARRIVED, DOUBTED),
        ("", ARRIVED * 201, (State.LISTED, [], False)),
        ("", ARRIVED, (State.DONE, [], False)),
    ],
)
def test_no_delivery_to_somebody_hides_a_failure(header: str, status: str, becomes: object) -> None:
    assert became(header + REPORT.replace("{}", status), sent_confirmation()) == becomes


@pytest.mark.parametrize(
    ("others", "ours", "marked"), [("5.1.1", "5.2.2", False), ("5.2.2", "5.1.1", True)]
)
def test_of_two_failures_the_reason_is_that_of_our_recipient(
    others: str, ours: str, marked: bool
) -> None:
    message = sent_confirmation()
    mail = letters.notification(
        message.message_id,
        recipient=message.to_email,
        before=OTHER.format("failed", others),
        status=ours,
        diagnostic="",
    )
    assert became(mail, message) == FAILED
    assert message.last_error == ours
    assert is_marked(message) == marked


@pytest.mark.parametrize(
    ("first", "second", "marked"),
    [
        ("550 5.1.1 no such user", "552 5.2.2 mailbox full", False),
        ("552 5.2.2 mailbox full", "550 5.1.1 no such user", True),
    ],
)
@pytest.mark.parametrize("header", ["", "X-Failed-Recipients: other@elsewhere.example, {EMAIL}\n"])
def test_in_words_too_each_reason_is_of_whom_it_names(
    header: str, first: str, second: str, marked: bool
) -> None:
    message = sent_confirmation()
    words = f"<other@elsewhere.example>:\n{first}\n\n<{{EMAIL}}>:\n{second}\n"
    assert became(header + BOUNCE.replace("{}", words), message) == FAILED
    assert second in message.last_error
    assert first not in message.last_error
    assert is_marked(message) == marked


# --- for good or late ---

LATER = "Warning: message 1kX delayed 24 hours"
GIVES_UP_SOME_DAY = "Eventually the mail delivery software will give up, and return it to you."
WARNING = "A message that you sent has not yet been delivered to one or more of its recipients.\n"


@pytest.mark.parametrize(
    ("subject", "words", "becomes"),
    [
        ("failure notice", "I've given up.\n<{EMAIL}>:\nsaid: 451 4.3.0 Try later", FAILED),
        ("failure notice", "<{EMAIL}>:\nsaid: 451 4.4.1 no\nGiving up on 192.0.2.7.", FAILED),
        ("failure notice", "<{EMAIL}>:\n4.4.1 It has been in the queue too long.", FAILED),
        ("failed", "  {EMAIL}\n  said: 451 4.7.1 busy:\n  retry timeout exceeded", FAILED),
        (LATER, f"{WARNING}  {{EMAIL}}\n    552 5.2.2 mailbox full", LATE),
        (LATER, f"{WARNING}  {{EMAIL}}\n    Delay reason: mailbox is full", LATE),
        (LATER, f"{WARNING}  {{EMAIL}}: Connection timed out", LATE),
        (LATER, f"{WARNING}  {{EMAIL}}: 451 4.7.1 busy\n{GIVES_UP_SOME_DAY}", LATE),
        ("Delivery", "{EMAIL}: said: 451 4.7.1 busy", DOUBTED),
        ("Delivery delayed", "{EMAIL}: said: 451 4.7.1 busy. I have given up.", DOUBTED),
        ("Undeliverable: Delayed speech", "{EMAIL}: 550 5.1.1 blocked sender", FAILED),
        ("Failed", "Your mail “Delayed speech” to {EMAIL}: 550 5.1.1 sender blocked", DOUBTED),
        ("Failed", "{EMAIL}: 550 5.7.1 spam\nNo action is required.", DOUBTED),
        ("Failed", "{EMAIL}: 550 5.7.1 spam\nOur helpdesk will try to help.", DOUBTED),
    ],
)
def test_words_say_whether_it_was_given_up(subject: str, words: str, becomes: object) -> None:
    message = sent_confirmation()
    mail = DAEMON.format(subject) + "This is the mail system.\n" + words + "\n" + COPY
    assert became(mail, message) == becomes
    assert not is_marked(message)


@pytest.mark.parametrize("field", ["References", "In-Reply-To"])
def test_the_return_of_somebody_s_own_mail_that_answers_ours_marks_nothing(field: str) -> None:
    message = sent_confirmation()
    report = letters.notification("<own@office.example>", recipient=message.to_email)
    own = b"Message-ID: <own@office.example>"
    mail = report.replace(own, own + f"\r\n{field}: {message.message_id}".encode())
    assert mail != report
    assert became(mail, message) == DOUBTED
    in_words = BOUNCE.replace("{}", "<{EMAIL}>: 550 5.1.1 no such user\n")
    in_words = in_words.replace("{MID}", f"<own@office.example>\n{field}: {{MID}}")
    assert became(in_words, message) == DOUBTED
    assert not is_marked(message)
