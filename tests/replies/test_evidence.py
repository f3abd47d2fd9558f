"""How much a mail proves: what comes back is believed as far as it goes, and nothing unknown is
put away as harmless."""

import time
from datetime import timedelta

import pytest
from django.test import Client
from django.urls import reverse

from accounts.failing import people_whose_mail_fails
from booking.outbox.models import Message, MessageEvent
from booking.outbox.reasons import code_in, is_fault_of_the_address
from booking.outbox.watch import refusing_domains
from booking.replies.actions import bring_back
from booking.replies.answers import answers_in
from booking.replies.incoming import Fetched, Incoming
from booking.replies.intake import take_in
from booking.replies.models import CalendarReply, ReceivedMail
from tests.factories import NOW, make_coordinator
from tests.outbox.posting import post
from tests.replies import letters
from tests.replies.receiving import State, receive, sent_confirmation

pytestmark = pytest.mark.django_db

Kind, What = ReceivedMail.Kind, MessageEvent.What
LONGEST_SECONDS = 0.2


def became(mail: bytes | str, message: Message) -> tuple[str, list[str], bool]:
    """What became of a mail about a message: its state, what was noted, whether it came back."""
    if isinstance(mail, str):
        mail = letters.crlf(
            mail.replace("{EMAIL}", message.to_email).replace("{MID}", message.message_id)
        )
    receive(mail)
    message.refresh_from_db()
    events = [each.what for each in message.events.all()]
    return ReceivedMail.objects.latest("pk").state, events, message.came_back


FAILED = (State.DONE, [What.CAME_BACK], True)
LATE = (State.DONE, [What.DELAYED], False)
DOUBTED = (State.LISTED, [What.MAY_HAVE_COME_BACK], False)
UNTOUCHED: tuple[str, list[str], bool] = (State.LISTED, [], False)


def is_marked(message: Message) -> bool:
    return people_whose_mail_fails().filter(email=message.to_email).exists()


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


DAEMON = "From: Mail Delivery System <mailer-daemon@mx.example>\nSubject: {}\n\n"
COPY = (
    "\n--- This is a copy of the message.\n\nReturn-Path: <x@briefed.example>\nMessage-ID: {MID}\n"
)
BOUNCE = DAEMON.format("failure notice") + "Hi. This is the mail system at mx.example.\n\n{}" + COPY


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


# --- who wrote it ---

BY_ITSELF = "Return-Path: <>\nAuto-Submitted: auto-replied\n\n"


@pytest.mark.parametrize(
    "text",
    [
        f"From: Maildienst <no-reply@firma.example>\n{BY_ITSELF}Ihre Nachricht kam nicht an.",
        f"From: Posti <posti@yhtio.example>\n{BY_ITSELF}Viesti\u00e4 ei voitu toimittaa.",
        f"From: noreply@firma.example\n{BY_ITSELF}{{EMAIL}} existiert nicht.",
        f"From: leads-bounces@lists.example\nPrecedence: bulk\n{BY_ITSELF}Your mail is held.",
        f"From: {{EMAIL}}\n{BY_ITSELF}Ihre Nachricht konnte nicht zugestellt werden.",
        f"From: {{EMAIL}}\n{BY_ITSELF}Le message n'a pas pu \u00eatre remis.",
    ],
)
def test_what_no_recipient_s_program_wrote_is_listed(text: str) -> None:
    assert became(text, sent_confirmation()) == UNTOUCHED


FIELDS = "Final-Recipient: rfc822; {EMAIL}\nAction: failed\nStatus: 5.1.1\n"
REFUSED = "{EMAIL}: 550 5.1.1 no such user\nMessage-ID: {MID}\n"
EVENT = '{"bounce":{"bouncedRecipients":[{"emailAddress":"{EMAIL}"}]},"mail":"{MID}"}'
AWAY = "Subject: Automatic reply: x\nX-Auto-Response-Suppress: All\n"
A_PERSON = "From: Colleague <colleague@agency.example>\nSubject: Fwd: look\n"


@pytest.mark.parametrize(
    "text",
    [
        f"{A_PERSON}\nWhat is this?\n\n{FIELDS}\nMessage-ID: {{MID}}\n",
        f"{A_PERSON}X-Failed-Recipients: {{EMAIL}}\n\n{REFUSED}",
        f"{A_PERSON}X-Failed-Recipients: {{EMAIL}}\nAuto-Submitted: auto-replied\n\n{REFUSED}",
        f"From: postmaster@mx.example\n{AWAY}X-Failed-Recipients: {{EMAIL}}\n\n{REFUSED}",
        f"{A_PERSON}\n{EVENT}",
        f"{A_PERSON}Content-Type: text/html\n\n<pre>\n{FIELDS}</pre>\nMessage-ID: {{MID}}\n",
    ],
)
def test_what_anybody_can_paste_marks_nothing(text: str) -> None:
    message = sent_confirmation()
    assert became(text, message) == DOUBTED
    assert not is_marked(message)


def test_what_anybody_can_write_raises_one_doubt_a_day_about_few() -> None:
    messages = [sent_confirmation() for _ in range(22)]
    groups = "\n".join(FIELDS.replace("{EMAIL}", each.to_email) for each in messages)
    for number in range(2):
        receive(letters.crlf(f"{A_PERSON}\n{groups.replace('5.1.1', f'5.1.{number}')}"))
    assert MessageEvent.objects.filter(what=What.MAY_HAVE_COME_BACK).count() == 20


def attached(mail: bytes, *, kind: str = "message/rfc822") -> bytes:
    """A mail that somebody forwards, within one of their own."""
    head = f"{A_PERSON}Content-Type: multipart/mixed; boundary=f\n\n--f\n\nSee below.\n--f\n"
    return letters.crlf(f"{head}Content-Type: {kind}\n\n") + mail + b"\r\n--f--\r\n"


def test_a_report_that_somebody_forwards_marks_nothing() -> None:
    message = sent_confirmation()
    report = letters.notification(message.message_id, recipient=message.to_email)
    assert became(attached(report), message) == DOUBTED
    assert not is_marked(message)


def test_what_somebody_writes_about_a_mail_that_arrived_is_listed() -> None:
    message = sent_confirmation()
    arrived = letters.notification(
        message.message_id,
        recipient=message.to_email,
        action="delivered",
        status="2.1.5",
        diagnostic="",
    )
    assert became(attached(arrived), message) == UNTOUCHED
    pasted = FIELDS.replace("failed", "delivered").replace("5.1.1", "2.1.5")
    assert became(f"{A_PERSON}\nWhy did I not get it?\n\n{pasted}", message) == UNTOUCHED


def test_a_receipt_that_somebody_forwards_is_their_mail() -> None:
    receipt = letters.crlf(
        "From: x@agency.example\n"
        "Content-Type: multipart/report; report-type=disposition-notification; boundary=b\n\n"
        "--b\nContent-Type: message/disposition-notification\n\n"
        "Final-Recipient: rfc822; x@y.example\nDisposition: manual-action/x; displayed\n--b--\n"
    )
    assert receive(receipt)
    assert not receive(attached(receipt))
    fields = letters.crlf("Disposition: manual-action/x; displayed\n")
    assert not receive(attached(fields, kind="message/disposition-notification"))
    kinds = [each.kind for each in ReceivedMail.objects.order_by("pk")]
    assert kinds == [Kind.RECEIPT, Kind.OTHER, Kind.OTHER]


@pytest.mark.parametrize(
    "words",
    [
        "We have moved to\n500 Harehills Lane, Leeds.",
        "Call us:\n(512) 555-0100",
        "550 Harehills Lane",
        "You are no. 550 in the queue of 554",
        "The user is unknown to me. Ring 0113 555 0100.",
        "Please use version 5.1.1 of our form.",
    ],
)
def test_a_postmaster_who_is_a_person_reports_nothing(words: str) -> None:
    message = sent_confirmation()
    text = f"From: postmaster@school.example\nSubject: Re: x\nIn-Reply-To: {{MID}}\n\n{words}\n"
    assert became(text, message) == DOUBTED
    assert not is_marked(message)


@pytest.mark.parametrize(
    ("words", "code"),
    [
        ("500 Harehills Lane", ""),
        ("(512) 555-0100", ""),
        ("(550) 555-0100", ""),
        ("Tel: 550.555.0100", ""),
        ("Room: 550 Harehills Lane", ""),
        ("pick one of 550", ""),
        ("<<< 550 <a@b.example>... User unknown", "550"),
        ("reason: 550 Invalid Recipient", "550"),
        ("a@b.example: 550 blocked", "550"),
        ("rejected with 554", "554"),
    ],
)
def test_a_number_is_a_code_only_beside_what_a_mail_server_says(words: str, code: str) -> None:
    assert code_in(words) == code


@pytest.mark.parametrize(
    "words",
    [
        "Your mail to {EMAIL} could not be forwarded to x@elsewhere.example: 550 unknown user",
        "x@elsewhere.example\n  (generated from {EMAIL})\n  550 5.1.1 no such user",
        "<x@elsewhere.example>:\n550 5.1.1 no such user",
        "<{EMAIL}>: host mx.elsewhere.example said: 550 5.1.1 <x@elsewhere.example>: User unknown",
        "Forwarding for {EMAIL} failed.\n\n<x@elsewhere.example>\n550 5.1.1 no such user\n{EMAIL}",
    ],
)
def test_where_a_mail_was_passed_on_to_is_not_whom_we_wrote_to(words: str) -> None:
    message = sent_confirmation()
    state, _, came_back = became(BOUNCE.replace("{}", f"{words}\n"), message)
    assert (state, came_back) == (State.LISTED, False)
    assert not is_marked(message)


@pytest.mark.parametrize(
    "reason",
    [
        "5.2.1 550 5.2.1 The user is receiving mail at a rate that prevents delivery",
        "5.2.1 550 5.2.1 Rate limit exceeded",
        "5.1.0 550 5.1.0 <training@briefed.example> sender denied",
        "5.1.0 550 5.1.0 Address rejected",
        "5.1.1 550 5.1.1 Sender address rejected",
        "5.1.1 550 5.1.1 listed at zen.spamhaus.org",
        "5.1.1 550 5.1.1 Poor reputation of 192.0.2.7",
        "5.1.1 550 5.1.1 Unsolicited mail is not accepted",
        "5.1.1 554 5.1.1 Too many messages from your network",
        "5.1.1 550 5.1.1 Access denied",
        "5.1.1 550 5.1.1 unknown user, or refused by policy",
        "5.2.1 550 5.2.1 You are not allowed to send here",
    ],
)
def test_a_policy_is_not_the_fault_of_the_address(reason: str) -> None:
    assert not is_fault_of_the_address(reason)


@pytest.mark.parametrize(
    "reason",
    [
        "5.1.1 550 5.1.1 <policy@content.example>: no such user, see https://x.example/policy",
        "5.2.1 550 5.2.1 The account that you tried to reach is disabled",
        "5.1.10 550 5.1.10 RecipientNotFound",
        "5.1.1",
    ],
)
def test_the_address_is_at_fault_whatever_words_stand_in_it(reason: str) -> None:
    assert is_fault_of_the_address(reason)


# --- a domain that refuses ---


@pytest.mark.parametrize(
    ("state", "reason", "alerts"),
    [
        (Message.State.SENT, "5.7.1 550 5.7.1 Blocked by policy", True),
        (Message.State.SENT, "5.2.2 552 5.2.2 Mailbox full", False),
        (Message.State.SENT, "5.0.0 552 over quota", False),
        (Message.State.SENT, "5.1.1 550 5.1.1 no such user", False),
        (Message.State.PARKED, "550 5.7.1 Blocked by policy", True),
        (Message.State.PARKED, "554 rejected for poor reputation", True),
        (Message.State.PARKED, "552 5.2.2 Mailbox full", False),
        (Message.State.PARKED, "550 5.1.1 no such user", False),
    ],
)
def test_a_domain_refuses_by_policy_not_by_full_mailboxes(
    state: Message.State, reason: str, alerts: bool
) -> None:
    for number in range(5):
        row = Message.objects.filter(pk=post(f"refused {number}").pk)
        row.update(state=state, to_email=f"p{number}@far.example", last_error=reason, due_at=NOW)
        row.update(**{"bounced_at" if state == Message.State.SENT else "refused_since": NOW})
    assert bool(refusing_domains(now=NOW + timedelta(hours=1))) == alerts
    assert refusing_domains(now=NOW + timedelta(days=2)) == []


def test_what_was_parked_without_a_refusal_is_none_of_its_domain() -> None:
    for number in range(5):
        Message.objects.filter(pk=post(f"unwritten {number}").pk).update(
            state=Message.State.PARKED,
            to_email=f"p{number}@far.example",
            due_at=NOW,
            last_error="It could not be written",
        )
    assert refusing_domains(now=NOW) == []


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
