"""Reports of mail servers and other mail: what is noted and what is listed for people."""

from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from accounts.models import User
from booking.outbox.models import Message, MessageEvent
from booking.places.models import Booking
from booking.replies.incoming import Fetched, Incoming
from booking.replies.intake import take_in
from booking.replies.models import CalendarReply, ReceivedMail
from tests.factories import NOW
from tests.mail.letters import make_booking
from tests.replies import letters
from tests.replies.receiving import (
    State,
    people_whose_mail_fails,
    receive,
    sent_confirmation,
    why_listed,
)

pytestmark = pytest.mark.django_db


# --- reports of mail servers ---


def report_on(message: Message, **fields: str) -> bytes:
    """What a mail server reports of a message to its recipient."""
    return letters.notification(message.message_id, **{"recipient": message.to_email} | fields)


@pytest.mark.parametrize("returned", ["message/rfc822", "text/rfc822-headers"])
def test_a_message_that_does_not_arrive_is_seen(returned: str) -> None:
    message = sent_confirmation()
    assert receive(report_on(message, returned=returned))
    message.refresh_from_db()
    assert message.came_back
    assert message.last_error == "5.1.1 550 5.1.1 No such person"
    person = User.objects.get(email=message.to_email)
    assert (person.mail_failing_since, person.mail_failure) == (NOW, message.last_error)
    assert list(people_whose_mail_fails()) == [person]


@pytest.mark.parametrize(
    ("words", "came_back"),
    [
        ("Sorry, no mailbox here by that name. (#5.1.1)", True),
        ("550 no such user here", True),
        ("451 4.7.1 Greylisted, will try again", False),
    ],
)
def test_a_report_in_words_with_our_headers_is_understood(words: str, came_back: bool) -> None:
    message = sent_confirmation()
    assert receive(letters.words_of_a_server(message, words))
    message.refresh_from_db()
    assert message.came_back == came_back
    assert message.events.count() == 1


@pytest.mark.parametrize(
    ("sender", "headers", "why"),
    [
        ("postmaster@mx.example", "X-Auto-Response-Suppress: All\n", "does not say clearly which"),
        ("postmaster@agency.example", "", "the recipient of that mail sent it"),
    ],
)
def test_words_of_somebody_away_or_of_the_recipient_are_no_report(
    sender: str, headers: str, why: str
) -> None:
    message = sent_confirmation()
    Message.objects.filter(pk=message.pk).update(to_email="postmaster@agency.example")
    mail = letters.crlf(
        f"From: {sender}\nSubject: Automatic reply: Neglect\n{headers}"
        f"In-Reply-To: {message.message_id}\n\nAway. Error 550 5.1.1: no such user.\n"
    )
    assert not receive(mail)
    assert why in why_listed()
    assert not message.events.exists()


@pytest.mark.parametrize("action", ["failed (permanently)", "FAILED", "bounced", ""])
def test_a_failure_is_known_however_its_action_is_written(action: str) -> None:
    message = sent_confirmation()
    assert receive(report_on(message, action=action))
    message.refresh_from_db()
    assert message.came_back


@pytest.mark.parametrize(
    ("action", "status", "is_clear"), [("late", "4.4.1", True), ("done (at last)", "2.1.5", False)]
)
def test_the_status_says_what_an_unknown_action_does_not_but_never_that_it_arrived(
    action: str, status: str, is_clear: bool
) -> None:
    message = sent_confirmation()
    mail = report_on(message, action=action, status=status, diagnostic="")
    assert receive(mail) == is_clear
    message.refresh_from_db()
    assert not message.came_back
    assert message.events.count() == 1


_HEAD_GOT_IT = """Final-Recipient: rfc822; head@agency.example
Original-Recipient: rfc822;{shared}
Action: delivered
Status: 2.1.5

"""


def test_one_of_several_whom_a_mailbox_passes_mail_on_to_is_not_the_recipient() -> None:
    message = sent_confirmation()
    shared = message.to_email
    leaver = "leaver@agency.example"
    assert not receive(report_on(message, recipient=leaver))
    assert f"mail to {leaver} did not arrive. We wrote to {shared}" in why_listed()
    both = report_on(
        message,
        recipient=leaver,
        original=shared,
        before=_HEAD_GOT_IT.format(shared=shared),
        own_id="<dsn2@mx.example>",
    )
    assert not receive(both)
    message.refresh_from_db()
    assert not message.came_back
    assert not people_whose_mail_fails().exists()


def test_an_address_that_stands_for_one_other_has_failed_with_it() -> None:
    message = sent_confirmation()
    mail = report_on(message, recipient="z.ahmed@agency.example", original=message.to_email.upper())
    assert receive(mail)
    message.refresh_from_db()
    assert message.came_back


def test_a_report_in_words_is_read_above_what_it_returns() -> None:
    message = sent_confirmation()
    mail = letters.words_of_a_server(message, "550 no such user").replace(
        b"From: Briefed",
        b"Received: from app (127.0.0.1) by mx.example (Exim 4.94.2)\r\nFrom: Briefed",
    )
    assert receive(mail)
    message.refresh_from_db()
    assert message.came_back
    assert "550 no such user" in message.last_error
    assert "Exim" not in message.last_error


def test_a_full_mailbox_told_in_words_is_no_fault_of_the_address() -> None:
    message = sent_confirmation()
    assert receive(letters.words_of_a_server(message, "552 5.2.2 Mailbox full"))
    message.refresh_from_db()
    assert message.came_back
    assert not people_whose_mail_fails().exists()


def test_a_code_in_what_is_returned_says_nothing() -> None:
    message = sent_confirmation()
    mail = letters.words_of_a_server(message, "It did not work.").replace(
        b"Subject: You are", b"Received: (Exim 5.94.2)\r\nSubject: 5.1.1 You are"
    )
    assert not receive(mail)
    assert "not clear how bad" in why_listed()


def test_a_message_that_is_late_is_noted_only() -> None:
    message = sent_confirmation()
    mail = report_on(message, status="4.4.1", action="delayed")
    assert receive(mail)
    message.refresh_from_db()
    assert not message.came_back
    assert message.events.get().what == MessageEvent.What.DELAYED


@pytest.mark.parametrize("action", ["failed", "Failed (gave up)"])
def test_a_message_that_was_given_up_after_some_days_came_back(action: str) -> None:
    message = sent_confirmation()
    assert receive(report_on(message, action=action, status="4.4.7"))
    message.refresh_from_db()
    assert message.came_back
    assert not people_whose_mail_fails().exists()


def test_the_same_report_again_is_noted_once() -> None:
    message = sent_confirmation()
    mail = report_on(message)
    assert [receive(mail) for _ in range(3)] == [True, True, True]
    assert message.events.count() == 1


def test_what_another_mail_says_under_the_same_message_id_is_read_too() -> None:
    message = sent_confirmation()
    assert receive(letters.holiday_notice(message.booking or make_booking()))
    forged = b"Message-ID: <ooo1@outlook.example>"
    mail = report_on(message).replace(b"Message-ID: <dsn1@mx.example>", forged)
    for reason in (b"No such person", b"Has left"):
        assert receive(mail.replace(b"No such person", reason))
    assert message.events.count() == 2
    assert ReceivedMail.objects.count() == 3


def test_a_mail_delivered_twice_is_read_once_whatever_servers_write_above_it() -> None:
    message = sent_confirmation()
    mail = report_on(message)
    again = (
        b"Received: from a by b; Tue, 12 Jan 2027 09:00:00 +0000\r\nDelivered-To: x@y\r\n" + mail
    )
    folded = mail.replace(b"Subject: Undelivered Mail", b"Subject: Undelivered\r\n Mail")
    for each in (mail, again, folded, mail.replace(b"\r\n", b"\n") + b"\n"):
        assert receive(each)
    assert message.events.count() == 1


def test_the_first_failure_says_since_when_and_the_last_one_why() -> None:
    message = sent_confirmation()
    receive(report_on(message))
    again = report_on(message, own_id="<dsn2@mx.example>", diagnostic="smtp; 550 5.1.1 Has left")
    take_in(Fetched(raw=again, is_whole=True), now=NOW + timedelta(days=1))
    person = people_whose_mail_fails().get()
    assert person.mail_failing_since == NOW
    assert person.mail_failure == "5.1.1 550 5.1.1 Has left"


def test_a_failure_of_a_corrected_address_says_nothing_about_the_account() -> None:
    message = sent_confirmation()
    Message.objects.filter(pk=message.pk).update(to_email="corrected@agency.example")
    message.refresh_from_db()
    assert receive(report_on(message))
    message.refresh_from_db()
    assert message.came_back
    assert not people_whose_mail_fails().exists()


def test_a_report_of_arrival_changes_nothing() -> None:
    message = sent_confirmation()
    mail = report_on(message, status="2.0.0", action="delivered", diagnostic="")
    assert receive(mail)
    message.refresh_from_db()
    assert not message.came_back
    assert not message.events.exists()


@pytest.mark.parametrize(
    ("words", "why"), [("It did not work.", "not clear how bad"), ("", "not clear how bad")]
)
def test_a_report_that_does_not_say_how_bad_it_is_is_listed(words: str, why: str) -> None:
    message = sent_confirmation()
    assert not receive(letters.words_of_a_server(message, words))
    assert why in why_listed()
    assert [each.what for each in message.events.all()] == [MessageEvent.What.MAY_HAVE_COME_BACK]


def test_a_report_that_names_nothing_is_not_said_to_be_of_others() -> None:
    assert not receive(
        letters.crlf(
            "From: mailer-daemon@mx.example\nSubject: failure notice\n"
            "Content-Type: message/delivery-status\n\nAction: failed\nStatus: 5.0.0\n"
        )
    )
    assert "does not say which one or to whom" in why_listed()


def test_a_report_on_a_mail_of_somebody_else_is_listed() -> None:
    assert not receive(letters.notification("<other@elsewhere.example>"))
    assert "none of ours" in why_listed()


# --- other mail ---


def test_a_holiday_notice_is_done_with_and_never_answered() -> None:
    assert receive(letters.holiday_notice(make_booking()))
    assert not Message.objects.exists()
    received = ReceivedMail.objects.get()
    assert (received.state, received.kind) == (State.DONE, ReceivedMail.Kind.NOTICE)


def test_what_a_person_writes_is_listed_for_people() -> None:
    assert not receive(letters.question())
    received = ReceivedMail.objects.get()
    assert received.state == State.LISTED
    assert (received.from_address, received.subject) == ("someone@agency.example", "Café nearby?")


def test_a_mail_that_is_too_large_is_listed_unread() -> None:
    headers = letters.question().split(b"\r\n\r\n")[0]
    assert not take_in(Fetched(raw=headers, is_whole=False), now=NOW)
    assert "too large" in why_listed()


def test_a_mail_that_stops_its_reader_each_time_is_listed() -> None:
    booking = make_booking()
    mail = letters.google_reply(booking, "ACCEPTED")
    # As three readers leave it that were killed after they counted their attempt.
    ReceivedMail.objects.create(key=Incoming.parse(mail).key, seen_at=NOW, attempts=3)
    assert not receive(mail)
    assert "stopped several times" in why_listed()
    assert not CalendarReply.objects.exists()


def test_parts_nested_absurdly_deep_are_listed() -> None:
    deep = b"".join(
        b'Content-Type: multipart/mixed; boundary="b%d"\r\n\r\n--b%d\r\n' % (n, n)
        for n in range(3000)
    )
    assert not receive(b"From: a@b.example\r\nMessage-ID: <deep@b.example>\r\n" + deep)
    assert ReceivedMail.objects.get().key.startswith("<deep@b.example> ")


_PIECES = [
    b"From: a@b.example\r\n", b"Message-ID: <x@b.example>\r\n", b"Return-Path: <>\r\n",
    b"Content-Type: multipart/report; boundary=b\r\n", b"Content-Type: message/rfc822\r\n",
    b"Content-Type: message/delivery-status\r\n", b"Content-Type: text/calendar\r\n",
    b"Content-Type: text/plain; charset=unheard-of\r\n", b"Content-Transfer-Encoding: base64\r\n",
    b"Content-Transfer-Encoding: quoted-printable\r\n", b"\r\n", b"--b\r\n", b"--b--\r\n",
    b"BEGIN:VCALENDAR\r\n", b"METHOD:REPLY\r\n", b"BEGIN:VEVENT\r\n", b"END:VEVENT\r\n",
    b"END:VCALENDAR\r\n", b"UID:" + b"a" * 24 + b"-1@x\r\n", b"SEQUENCE:99999999999999999999\r\n",
    b"ATTENDEE;PARTSTAT=DECLINED:mailto:a@b.example\r\n", b"ATTENDEE:\r\n", b"ATTENDEE;X=\"\r\n",
    b"Action: failed\r\n", b"Status: 5.1.1\r\n", b"Subject: =?utf-8?b?////?=\r\n",
    b"Subject: =?nonsense?q?=FF?=\r\n", b"\0", b"\xff\xfe", b"RRULE:FREQ=SECONDLY\r\n",
]  # fmt: skip


@pytest.mark.slow
@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.sampled_from(_PIECES) | st.binary(max_size=12), max_size=40))
def test_whatever_comes_is_settled_or_listed(pieces: list[bytes]) -> None:
    mail = b"".join(pieces)
    first = receive(mail)
    assert receive(mail) == first
    assert not ReceivedMail.objects.filter(state=State.READING).exists()
    assert not CalendarReply.objects.exists()
    assert not Message.objects.exists()


@pytest.mark.slow
@settings(max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_a_damaged_answer_never_takes_a_place(data: st.DataObject) -> None:
    booking = Booking.objects.first() or make_booking()
    mail = bytearray(letters.google_reply(booking, "DECLINED"))
    for _ in range(data.draw(st.integers(1, 6))):
        at = data.draw(st.integers(0, len(mail) - 1))
        mail[at : at + data.draw(st.integers(0, 30))] = data.draw(st.binary(max_size=8))
    receive(bytes(mail))
    booking.refresh_from_db()
    assert booking.state == Booking.State.CONFIRMED
    assert not ReceivedMail.objects.filter(state=State.READING).exists()
