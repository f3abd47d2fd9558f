"""Whether mail leaves: what the desk, the log and monitoring are told."""

from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog
from django.conf import settings
from django.db.models import Count, Min, Q

from booking.outbox.models import Message

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Backlog:
    """Messages that no mail server has accepted yet, and since when the oldest was written."""

    waiting: int
    parked: int
    oldest: datetime | None
    late_after: timedelta
    seen_at: datetime

    @property
    def age(self) -> timedelta:
        """How long the oldest has waited; nothing when none waits."""
        return max(self.seen_at - self.oldest, timedelta(0)) if self.oldest else timedelta(0)

    @property
    def is_late(self) -> bool:
        """Whether the oldest has waited longer than `MAIL_ALERT_MINUTES`."""
        return self.age > self.late_after


def backlog(*, now: datetime) -> Backlog:
    """What has not left at this moment. Costs one statement over unsettled messages."""
    parked = Q(state=Message.State.PARKED)
    found = Message.objects.unsettled().aggregate(
        waiting=Count("pk", filter=~parked),
        parked=Count("pk", filter=parked),
        oldest=Min("created_at"),
    )
    return Backlog(**found, late_after=timedelta(minutes=settings.MAIL_ALERT_MINUTES), seen_at=now)


def warn_if_late(*, now: datetime) -> Backlog:
    """Log a warning, without anybody's data, while the oldest message is late."""
    found = backlog(now=now)
    if found.is_late:
        log.warning(
            "mail_is_late",
            oldest_minutes=int(found.age.total_seconds() // 60),
            waiting=found.waiting,
            parked=found.parked,
        )
    return found
