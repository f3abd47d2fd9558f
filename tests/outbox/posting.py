"""What tests of delivery share: messages, a clock that can be moved, a connection."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction

from booking.local.smtp_sink import SmtpSink
from booking.outbox import delivery, posting
from booking.outbox.delivery import Composed, deliver
from booking.outbox.models import Message
from booking.outbox.smtp import SmtpConnection
from tests.factories import NOW


def post(
    name: str, *, stream: str = "", is_urgent: bool = False, revision: str = "0", **drafted: Any
) -> Message:
    """A message in the outbox; its own stream unless one is given."""
    fields = {
        "topic": "account.mail" if is_urgent else "reminder.days",
        "stream": stream or name,
        "to_email": f"{name}@agency.example",
        **drafted,
    }
    draft = posting.Draft(subject_key=name, revision=revision, **fields)
    with transaction.atomic():
        posting.post([draft], now=NOW)
    return Message.objects.get(subject_key=name, revision=revision)


def compose(messages: Sequence[Message]) -> Composed:
    """Bytes that name the message."""
    return {
        message.pk: f"Subject: {message.subject_key}\r\nMessage-ID: {message.message_id}\r\n\r\n"
        f"Hello\r\n".encode()
        for message in messages
    }


class Clock:
    """A clock that the test moves."""

    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> datetime:
        return self.now

    def go(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)


@contextmanager
def connected() -> Iterator[Callable[..., int]]:
    """`deliver` with a connection that is closed at the end."""
    post_office = SmtpConnection()

    def run(
        clock: Clock, compose: delivery.Composer = compose, until: datetime | None = None
    ) -> int:
        return deliver(compose=compose, post=post_office, clock=clock, until=until)

    try:
        yield run
    finally:
        post_office.close()


def names(messages: Sequence[Message]) -> list[str]:
    return [message.subject_key for message in messages]


def sent(sink: SmtpSink) -> list[str]:
    return [str(mail.message["Subject"]) for mail in sink.messages()]


def state_of(message: Message) -> str:
    message.refresh_from_db()
    return message.state
