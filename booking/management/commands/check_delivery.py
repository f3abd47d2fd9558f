"""`manage.py check_delivery`: whether mail leaves, for monitoring."""

import json
import sys
from typing import Any

from django.core.management.base import BaseCommand
from django.utils import timezone

from booking.outbox.watch import backlog


class Command(BaseCommand):
    """Prints one line of JSON; the exit code is 1 while the oldest unsent message is late."""

    help = (
        "Say how much mail has not left, and how old the oldest is. Exits with 1 when that is"
        " longer than MAIL_ALERT_MINUTES."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        """Print and exit."""
        found = backlog(now=timezone.now())
        line = {
            "waiting": found.waiting,
            "parked": found.parked,
            "oldest_minutes": int(found.age.total_seconds() // 60),
            "alert_after_minutes": int(found.late_after.total_seconds() // 60),
            "late": found.is_late,
        }
        self.stdout.write(json.dumps(line))
        if found.is_late:
            sys.exit(1)
