"""`manage.py check_delivery`: whether mail leaves and answers are read, for monitoring."""

import json
import sys
from datetime import datetime, timedelta
from typing import Any

from django.core.management.base import BaseCommand
from django.utils import timezone

from booking.outbox.watch import backlog
from booking.replies.models import MailboxState


class Command(BaseCommand):
    """Prints one line of JSON; the exit code is 1 while mail that could leave is late, or while
    the reply mailbox, if there is one, has not been read for as long."""

    help = (
        "Say how much mail has not left, and how old the oldest is that could leave. Exits with 1"
        " when that is longer than MAIL_ALERT_MINUTES, or when the reply mailbox has not been read"
        " for longer. Parked mail waits for a coordinator; it is counted apart and is no failure."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        """Print and exit."""
        now = timezone.now()
        found = backlog(now=now)
        is_read_here = MailboxState.is_read_here()
        replies = _replies(late_after=found.late_after, now=now) if is_read_here else None
        line = {
            "waiting": found.waiting,
            "held_back": found.held_back,
            "parked": found.parked,
            "oldest_minutes": _minutes(found.age),
            "oldest_parked_minutes": _minutes(found.parked_age),
            "alert_after_minutes": _minutes(found.late_after),
            "late": found.is_late,
            "replies": replies,
        }
        self.stdout.write(json.dumps(line))
        if found.is_late or (replies and replies["late"]):
            sys.exit(1)


def _replies(*, late_after: timedelta, now: datetime) -> dict[str, Any]:
    """When the reply mailbox was last read, and what is wrong with it. Never read is late too."""
    mailbox = MailboxState.current()
    ago = now - mailbox.read_at if mailbox.read_at else None
    return {
        "read_minutes_ago": None if ago is None else _minutes(ago),
        "trouble": mailbox.trouble,
        "late": ago is None or ago > late_after,
    }


def _minutes(length: timedelta) -> int:
    return int(length.total_seconds() // 60)
