"""Writing messages into the outbox, also those that Django or a library sends."""

import secrets
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from email.policy import SMTP
from typing import Any

from django.conf import settings
from django.core.mail import EmailMessage
from django.core.mail.backends.base import BaseEmailBackend
from django.db import transaction
from django.utils import timezone

from accounts.addresses import is_no_address
from booking.outbox.models import ACCOUNT_MAIL, Message
from booking.outbox.topics import topic_of
from booking.site.environment import name_and_address
from booking.site.inserting import insert


def our_mail_domain() -> str:
    """The domain that mail is sent from now, which tells our UIDs from everybody else's."""
    return name_and_address(settings.MAIL_FROM)[1].rpartition("@")[2] or "localhost"


def new_message_id() -> str:
    """A Message-ID of at least 128 random bits, on our sending domain (RFC 5322, 3.6.4)."""
    return f"<{secrets.token_hex(16)}@{our_mail_domain()}>"


@dataclass(frozen=True, kw_only=True)
class Draft:
    """A message to be posted.

    `subject_key`, `topic` and `revision` together may be posted once only. Messages of one
    `stream` reach the recipient in the order in which they were posted.
    """

    topic: str
    subject_key: str
    revision: str
    stream: str
    to_email: str
    recipient_id: int | None = None
    booking_id: int | None = None
    payload: dict[str, Any] = field(default_factory=dict)
    mime: bytes | None = None
    message_id: str = field(default_factory=new_message_id)


def post(drafts: Iterable[Draft], *, now: datetime, if_new: bool = False) -> list[Message]:
    """Write messages into the outbox, in the caller's transaction, with one statement.

    Returns them, with their keys unless statements are sent `together`.

    With `if_new`, a message that was posted before is left as it is, and no key is known; without
    it, posting one twice raises `IntegrityError`. Raises `TransactionManagementError` outside a
    transaction, because a message must stand or fall with the decision it tells of. What is to
    somebody without an address waits to go out by post.
    """
    if not transaction.get_connection().in_atomic_block:
        raise transaction.TransactionManagementError("Post messages inside a transaction.")
    messages = [
        Message(
            **vars(draft),
            state=_first_state(draft),
            is_urgent=topic_of(draft.topic).is_urgent,
            is_bulk=topic_of(draft.topic).is_bulk,
            created_at=now,
            due_at=now,
        )
        for draft in drafts
    ]
    if if_new:
        Message.objects.bulk_create(messages, ignore_conflicts=True)
    else:
        insert(messages)
    return messages


def recall(*, topic: str, subject_key: str) -> int:
    """Take back messages that no worker has begun with, in the caller's transaction.

    They may be posted anew. Returns how many.
    """
    untouched = Message.objects.filter(
        topic=topic,
        subject_key=subject_key,
        state=Message.State.WAITING,
        attempts=0,
        handed_over=False,
        events=None,
    )
    held = untouched.order_by("pk").select_for_update(skip_locked=True, of=("self",))
    return Message.objects.filter(pk__in=list(held.values_list("pk", flat=True))).delete()[0]


def _first_state(draft: Draft) -> Message.State:
    if not is_no_address(draft.to_email):
        return Message.State.WAITING
    # A code is of no use on paper.
    is_code = topic_of(draft.topic).holds == "code"
    return Message.State.SUPERSEDED if is_code else Message.State.LETTER


class OutboxMailer(BaseEmailBackend):
    """The default mailer: what a library sends (a sign-in code) is written, not sent.

    The worker delivers it ahead of other mail, because somebody is waiting for it, and its text
    is forgotten once it is sent.
    """

    def send_messages(self, email_messages: Sequence[EmailMessage]) -> int:
        """Put each message into the outbox; returns how many."""
        now = timezone.now()
        drafts = []
        for email_message in email_messages:
            for address in email_message.recipients():
                key = secrets.token_hex(16)
                message_id = new_message_id()
                email_message.extra_headers["Message-ID"] = message_id
                # No holiday notices in answer, please (RFC 3834, 5).
                email_message.extra_headers["Auto-Submitted"] = "auto-generated"
                drafts.append(
                    Draft(
                        topic=ACCOUNT_MAIL,
                        subject_key=f"account:{key}",
                        revision="0",
                        stream=f"account:{key}",
                        to_email=address,
                        mime=email_message.message(policy=SMTP).as_bytes(),
                        message_id=message_id,
                    )
                )
        with transaction.atomic():
            post(drafts, now=now)
        return len(drafts)
