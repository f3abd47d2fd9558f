"""Django's own way of sending mail, led into the outbox."""

from collections.abc import Sequence
from email.policy import SMTP

from django.core.mail import EmailMessage
from django.core.mail.backends.base import BaseEmailBackend
from django.db import transaction
from django.utils import timezone
from django.utils.crypto import get_random_string

from booking.outbox import actions
from booking.outbox.models import ACCOUNT_MAIL


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
                key = get_random_string(22)
                message_id = actions.new_message_id()
                email_message.extra_headers["Message-ID"] = message_id
                # No holiday notices in answer, please (RFC 3834, 5).
                email_message.extra_headers["Auto-Submitted"] = "auto-generated"
                drafts.append(
                    actions.Draft(
                        topic=ACCOUNT_MAIL,
                        subject_key=f"account:{key}",
                        revision="0",
                        stream=f"account:{key}",
                        to_email=address,
                        is_urgent=True,
                        mime=email_message.message(policy=SMTP).as_bytes(),
                        message_id=message_id,
                    )
                )
        with transaction.atomic():
            actions.post(drafts, now=now)
        return len(drafts)
