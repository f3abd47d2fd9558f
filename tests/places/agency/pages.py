"""Signing in, sessions and bookings for the tests of an agency's pages."""

from email.message import EmailMessage
from typing import Any

import icalendar
from django.test import Client
from django.utils import timezone

from accounts.models import User
from booking.catalogue.models import Session
from booking.mail.composing import compose
from booking.outbox.models import Message
from booking.places import actions
from booking.places.models import Booking
from tests.factories import make_session, morning
from tests.mail.letters import read


def signed_in(person: User) -> Client:
    """A browser in which this person is signed in."""
    client = Client()
    client.force_login(person)
    return client


def ahead(days: int = 21, **fields: Any) -> Session:
    """A session some days from today."""
    return make_session(starts_at=morning(days), **fields)


def booked(session: Session, person: User) -> Booking:
    """The person's booking, made by themselves."""
    return actions.book(session=session, person=person, by=person, now=timezone.now())


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
