"""Signing in, sessions and bookings for the tests of an agency's pages."""

from email.message import EmailMessage

import icalendar

from booking.mail.composing import compose
from booking.outbox.models import Message
from tests.mail.letters import read


def mails_to(address: str) -> list[EmailMessage]:
    """Everything in the outbox for this address, as it would be sent, in order."""
    messages = list(Message.objects.filter(to_email=address).order_by("pk"))
    written = compose(messages)
    mails = []
    for message in messages:
        mime = written[message.pk]
        assert isinstance(mime, bytes), mime
        mails.append(read(mime))
    return mails


def plain(mail: EmailMessage) -> str:
    """The text of a mail."""
    body = mail.get_body(("plain",))
    assert body is not None
    return str(body.get_content())


def calendar_method(mail: EmailMessage) -> str:
    """REQUEST or CANCEL, as the calendar part itself says; nothing without one."""
    for part in mail.walk():
        if part.get_content_type() == "text/calendar":
            content = part.get_payload(decode=True)
            assert isinstance(content, bytes)
            return str(icalendar.Calendar.from_ical(content)["METHOD"])
    return ""
