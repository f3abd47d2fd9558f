"""What comes back is believed as far as it goes, and nothing unknown is put away as harmless."""

from datetime import timedelta

import pytest

from booking.outbox.models import Message, MessageEvent
from booking.outbox.reasons import code_in, is_fault_of_the_address
from booking.outbox.watch import refusing_domains
from booking.replies.models import ReceivedMail
from tests.factories import NOW
from tests.outbox.posting import post
from tests.replies import letters
from tests.replies.receiving import (
    BOUNCE,
    DOUBTED,
    FAILED,
    UNTOUCHED,
    State,
    became,
    is_marked,
    receive,
    sent_confirmation,
)

pytestmark = pytest.mark.django_db

Kind, What = ReceivedMail.Kind, MessageEvent.What


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


BY_POSTMASTER = "From: postmaster@mx.example\nSubject: {}\n{}\n{{EMAIL}}: 550 5.1.1 unknown user\n"


@pytest.mark.parametrize(
    ("subject", "headers", "becomes"),
    [
        ("Failed", "In-Reply-To: {MID}\n", DOUBTED),
        ("Failed", "In-Reply-To: {MID}\nReturn-Path: <>\n", FAILED),
        ("Failed", "In-Reply-To: {MID}\nAuto-Submitted: auto-generated\n", FAILED),
        ("Failed", "In-Reply-To: {MID}\nX-Failed-Recipients: {EMAIL}\n", FAILED),
        ("Re: You are booked", "In-Reply-To: {MID}\nReturn-Path: <>\n", DOUBTED),
        ("AW: You are booked", "In-Reply-To: {MID}\nX-Failed-Recipients: {EMAIL}\n", DOUBTED),
    ],
)
def test_words_prove_as_much_as_a_program_stands_behind_them(
    subject: str, headers: str, becomes: object
) -> None:
    message = sent_confirmation()
    text = BY_POSTMASTER.replace("{}", subject, 1).replace("{}", headers, 1)
    assert became(text.replace("{{EMAIL}}", "{EMAIL}"), message) == becomes
    assert is_marked(message) == (becomes == FAILED)


def test_fields_that_a_postmaster_pastes_into_an_answer_mark_nothing() -> None:
    message = sent_confirmation()
    text = f"From: postmaster@mx.example\nSubject: RE: x\n\nYour log says:\n\n{FIELDS}\n{{MID}}\n"
    assert became(text, message) == DOUBTED


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
        "5.1.1 550 5.1.1 rejected by a local filter",
        "5.1.1 550 5.1.1 User unknown to the local filter",
        "5.1.1 550 Verification failed for <training@briefed.example>: No such user",
        "5.2.1 550 5.2.1 The mailbox is temporarily disabled",
        "5.2.1 550 5.2.1 Service disabled for your IP",
        "5.1.1 550 5.1.1 mailbox disabled for your network",
        "5.1.9 550 5.1.9 No such user",
        "5.1.20 550 5.1.20 No such user",
        "5.1.1 550 5.1.1 The domain of the sender does not exist",
        "5.1.1 550 5.1.1 Message refused",
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
        "5.1.2 554 No such domain",
        "5.1.1 550 5.1.1 Recipient verification failed: no such user",
        "5.2.1 550 5.2.1 Mailbox disabled, not accepting messages",
        "5.1.1 550 5.1.1 Benutzer unbekannt",
        "5.1.1 550 5.1.1",
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
