"""Handing messages over to the mail server: claiming, sending, settling.

PostgreSQL says what is to be sent and what was. A worker claims messages for a limited time (the
lease) under a number that rises with each claim, so that a worker which comes back too late
cannot settle what another has taken over. SMTP cannot promise exactly once: a duplicate is
possible only between the server's 250 and our commit, and then it is byte for byte the same.
"""

import random
import smtplib
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from email.utils import parseaddr
from typing import Any

import structlog
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.core.mail import mailers
from django.core.mail.backends.smtp import EmailBackend
from django.db import transaction
from django.db.models import F
from django.utils import timezone

from booking.outbox.models import Message, MessageQuerySet

log = structlog.get_logger(__name__)

# SMTP timeout (20 s, in the settings) < lease < Celery's visibility timeout.
LEASE = timedelta(seconds=120)
BATCH = 50
# Waits before another attempt, in seconds, by the number of attempts made.
BACK_OFF_SECONDS = (10, 30, 60, 300, 900, 3600)
GIVE_UP_AFTER = timedelta(days=3)
CLAIMS_BEFORE_PARKING = 8
IDLE_SECONDS_BEFORE_PROBE = 5
_SERVICE_CLOSING = 421  # RFC 5321, 4.2.3: the server says this and hangs up


@dataclass(frozen=True)
class Unsendable:
    """Why a message could not be composed."""

    reason: str


@dataclass(frozen=True)
class Pointless:
    """Why a message need not be sent any more. It was never handed to a mail server."""

    reason: str


Composed = Mapping[int, bytes | Unsendable | Pointless]
Composer = Callable[[Sequence[Message]], Composed]


class Refused(Exception):
    """The mail server said no to one message. `for_good` tells a 5xx from a 4xx reply."""

    def __init__(self, reason: str, *, for_good: bool) -> None:
        super().__init__(reason)
        self.for_good = for_good


class Unreachable(Exception):
    """The mail server could not be talked to, or went away before it answered."""


def claim(*, now: datetime, limit: int = BATCH) -> list[Message]:
    """Take messages that are due, each the first unsettled one of its stream.

    A message whose lease ran out may be what killed its worker; it is taken alone, so that it
    cannot take others with it.
    """
    with transaction.atomic():
        due = Message.objects.claimable(now=now).select_for_update(skip_locked=True)
        abandoned = list(due.filter(state=Message.State.SENDING)[:1])
        taken = abandoned or list(due.filter(state=Message.State.WAITING)[:limit])
        Message.objects.filter(pk__in=[message.pk for message in taken]).update(
            state=Message.State.SENDING,
            lease_until=now + LEASE,
            claim_number=F("claim_number") + 1,
            silent_claims=F("silent_claims") + 1,
        )
    for message in taken:
        message.claim_number += 1
        message.silent_claims += 1
        message.state = Message.State.SENDING
    return taken


class Post:
    """One connection to the mail server, kept open from message to message."""

    def __init__(self) -> None:
        mailer = mailers["smtp"]
        if not isinstance(mailer, EmailBackend):
            raise ImproperlyConfigured("The mailer named smtp must be Django's SMTP backend.")
        self._mailer = mailer
        self._last_used = 0.0
        self._from = parseaddr(settings.MAIL_FROM)[1]

    def send(self, *, to_email: str, mime: bytes) -> None:
        """Hand over one message on the open connection. Raises `Refused` or `Unreachable`."""
        connection = self._mailer.connection
        if connection is None:
            raise Unreachable("The connection is not open.")
        try:
            connection.sendmail(self._from, [self._mailer.prep_address(to_email)], mime)
        except smtplib.SMTPRecipientsRefused as refusal:
            code, text = next(iter(refusal.recipients.values()))
            raise Refused(_reply(code, text), for_good=code >= 500) from refusal
        except smtplib.SMTPResponseException as refusal:
            for_good = refusal.smtp_code >= 500
            if refusal.smtp_code == _SERVICE_CLOSING:
                self.close()
            raise Refused(
                _reply(refusal.smtp_code, refusal.smtp_error), for_good=for_good
            ) from refusal
        except ValueError as refusal:
            raise Refused(f"The address is not one: {refusal}", for_good=True) from refusal
        except (smtplib.SMTPException, OSError) as trouble:
            self.close()
            raise Unreachable(f"{type(trouble).__name__}: {trouble}") from trouble
        self._last_used = time.monotonic()

    def open(self) -> None:
        """Open the connection, or see that an idle one still answers. Raises `Unreachable`."""
        idle = time.monotonic() - self._last_used
        try:
            if self._mailer.connection and idle > IDLE_SECONDS_BEFORE_PROBE:
                try:
                    self._mailer.connection.noop()
                except (smtplib.SMTPException, OSError):
                    self.close()
            self._mailer.open()
        except (smtplib.SMTPException, OSError) as trouble:
            self.close()
            raise Unreachable(f"{type(trouble).__name__}: {trouble}") from trouble
        self._last_used = time.monotonic()

    def close(self) -> None:
        """Let the connection go, whatever state it is in."""
        connection, self._mailer.connection = self._mailer.connection, None
        if connection is not None:
            connection.close()


def deliver(*, compose: Composer, post: Post, clock: Callable[[], datetime] = timezone.now) -> int:
    """Claim one batch of due messages and send them; returns how many were claimed."""
    batch = claim(now=clock())
    if not batch:
        return 0
    fresh = [message for message in batch if message.mime is None]
    composed = compose(fresh) if fresh else {}
    for position, message in enumerate(batch):
        mime = bytes(message.mime) if message.mime is not None else composed[message.pk]
        if isinstance(mime, Unsendable):
            _park(message, mime.reason)
            continue
        if isinstance(mime, Pointless):
            _supersede(message, mime.reason)
            continue
        if message.silent_claims > CLAIMS_BEFORE_PARKING:
            _park(message, "Its worker stopped several times while it was being sent.")
            continue
        try:
            post.open()
        except Unreachable as trouble:
            log.warning("mail_server_unreachable", trouble=str(trouble))
            _release(batch[position:], str(trouble), now=clock())
            break
        if _begin(message, mime):
            try:
                post.send(to_email=message.to_email, mime=mime)
            except Refused as refusal:
                _refused(message, str(refusal), for_good=refusal.for_good, now=clock())
            except Unreachable as trouble:
                log.warning("mail_server_went_away", trouble=str(trouble))
                _put_off(message, str(trouble), now=clock())
                # A server that hangs would hold every other message for its full timeout, past
                # the end of their lease; and only this one may have been taken.
                _release(batch[position + 1 :], str(trouble), now=clock())
                break
            else:
                _sent(message, now=clock())
    return len(batch)


def _mine(message: Message) -> MessageQuerySet:
    """The row, if it is still ours to settle."""
    return Message.objects.filter(
        pk=message.pk, claim_number=message.claim_number, state=Message.State.SENDING
    )


def _begin(message: Message, mime: bytes) -> bool:
    """Freeze the bytes and count the attempt; false if another worker has taken it over."""
    message.attempts += 1
    return bool(_mine(message).update(mime=mime, attempts=F("attempts") + 1, handed_over=True))


def _sent(message: Message, *, now: datetime) -> None:
    changes: dict[str, Any] = {
        "state": Message.State.SENT,
        "sent_at": now,
        "last_error": "",
        "lease_until": None,
    }
    if message.topic == "account.mail":
        # It holds a code; what is sent need not be kept.
        changes["mime"] = None
    _mine(message).update(**changes)


def _refused(message: Message, reason: str, *, for_good: bool, now: datetime) -> None:
    if for_good or now - message.created_at > GIVE_UP_AFTER:
        _park(message, reason)
    else:
        _put_off(message, reason, now=now)


def _park(message: Message, reason: str) -> None:
    log.error("message_parked", message=message.pk, topic=message.topic)
    _mine(message).update(state=Message.State.PARKED, last_error=reason, lease_until=None)


def _supersede(message: Message, reason: str) -> None:
    _mine(message).update(state=Message.State.SUPERSEDED, last_error=reason[:500], lease_until=None)


def _put_off(message: Message, reason: str, *, now: datetime) -> None:
    """Try again later: an answer that never came is no proof that nothing was handed over."""
    step = min(max(message.attempts, 1), len(BACK_OFF_SECONDS)) - 1
    wait = BACK_OFF_SECONDS[step] * random.uniform(0.8, 1.2)  # noqa: S311
    _mine(message).update(
        state=Message.State.WAITING,
        due_at=now + timedelta(seconds=wait),
        silent_claims=0,
        last_error=reason,
        lease_until=None,
    )


def _release(messages: Sequence[Message], reason: str, *, now: datetime) -> None:
    """Give back what was claimed but not tried; no attempt is counted against it."""
    for message in messages:
        _mine(message).update(
            state=Message.State.WAITING,
            due_at=now + timedelta(seconds=BACK_OFF_SECONDS[0]),
            silent_claims=0,
            last_error=reason,
            lease_until=None,
        )


def _reply(code: int, text: bytes | str) -> str:
    words = text.decode("utf-8", "replace") if isinstance(text, bytes) else text
    return f"{code} {words}"
