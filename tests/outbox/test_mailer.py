"""Mail that Django or a library sends: written into the outbox, delivered ahead of the rest."""

import pytest
from django.core.mail import EmailMultiAlternatives, mailers

from booking.local.smtp_sink import SmtpSink
from booking.mail.composing import compose
from booking.outbox.delivery import deliver
from booking.outbox.models import Message
from booking.outbox.smtp import SmtpConnection

pytestmark = pytest.mark.django_db


def send_code() -> None:
    mail = EmailMultiAlternatives(
        "ABC-DEF is your code", "Your code: ABC-DEF", None, ["a@agency.example", "b@agency.example"]
    )
    mail.attach_alternative("<p>ABC-DEF</p>", "text/html")
    assert mailers["default"].send_messages([mail]) == 2


def test_each_recipient_has_a_message_of_their_own(smtp_sink: SmtpSink) -> None:
    send_code()
    assert smtp_sink.messages() == []
    stored = list(Message.objects.all())
    assert [message.to_email for message in stored] == ["a@agency.example", "b@agency.example"]
    assert all(message.is_urgent and message.topic == "account.mail" for message in stored)
    assert len({message.stream for message in stored}) == 2


def test_it_is_sent_and_its_text_forgotten(smtp_sink: SmtpSink) -> None:
    send_code()
    office = SmtpConnection()
    assert deliver(compose=compose, post=office) == 2
    office.close()
    mails = smtp_sink.messages()
    assert [mail.recipients for mail in mails] == [["a@agency.example"], ["b@agency.example"]]
    stored = list(Message.objects.all())
    assert [mail.message["Message-ID"] for mail in mails] == [each.message_id for each in stored]
    assert {mail.message["Auto-Submitted"] for mail in mails} == {"auto-generated"}
    assert {message.state for message in stored} == {Message.State.SENT}
    assert {message.mime for message in stored} == {None}


def test_lines_that_begin_with_a_dot_arrive_as_they_are(smtp_sink: SmtpSink) -> None:
    lines = ".\n.one\n..two\nthree.\n.\nend"
    EmailMultiAlternatives("Dots", lines, None, ["a@agency.example"]).send()
    office = SmtpConnection()
    assert deliver(compose=compose, post=office) == 1
    office.close()
    [mail] = smtp_sink.messages()
    assert mail.message.get_content().splitlines() == lines.splitlines()
