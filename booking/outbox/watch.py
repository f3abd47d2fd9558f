"""Whether mail leaves: what the desk, the log and monitoring are told."""

from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog
from django.conf import settings
from django.db.models import Count, Exists, Min, OuterRef, Q
from django.db.models.functions import Coalesce

from accounts.addresses import domain_of
from booking.outbox.models import Message
from booking.outbox.reasons import is_refusal_of_mail

log = structlog.get_logger(__name__)

# So many addresses of one domain within a day are no chance: the domain refuses us.
_MANY = 5


@dataclass(frozen=True)
class Backlog:
    """Messages that no mail server has accepted yet, and when the oldest was written.

    What is parked waits for a coordinator, and so does what it holds back; only the age of the
    others, those that are `waiting`, tells whether mail leaves.
    """

    waiting: int
    held_back: int
    parked: int
    oldest: datetime | None
    oldest_parked: datetime | None
    late_after: timedelta
    seen_at: datetime

    @property
    def age(self) -> timedelta:
        """How long the oldest that could leave has waited; nothing when none waits."""
        return max(self.seen_at - (self.oldest or self.seen_at), timedelta(0))

    @property
    def parked_age(self) -> timedelta:
        """How long ago the oldest parked one was written; nothing when none is parked."""
        return max(self.seen_at - (self.oldest_parked or self.seen_at), timedelta(0))

    @property
    def is_late(self) -> bool:
        """Whether the oldest that could leave has waited longer than `MAIL_ALERT_MINUTES`."""
        return self.age > self.late_after


def backlog(*, now: datetime) -> Backlog:
    """What has not left at this moment. Costs one statement over unsettled messages."""
    parked = Q(state=Message.State.PARKED)
    before = Message.objects.filter(parked, stream=OuterRef("stream"), id__lt=OuterRef("id"))
    may_leave = ~parked & Q(is_held_back=False)
    unsettled = Message.objects.unsettled().annotate(is_held_back=Exists(before))
    found = unsettled.aggregate(
        waiting=Count("pk", filter=may_leave),
        held_back=Count("pk", filter=~parked & Q(is_held_back=True)),
        parked=Count("pk", filter=parked),
        oldest=Min("created_at", filter=may_leave),
        oldest_parked=Min("created_at", filter=parked),
    )
    return Backlog(**found, late_after=timedelta(minutes=settings.MAIL_ALERT_MINUTES), seen_at=now)


@dataclass(frozen=True)
class Refusing:
    """A domain that refuses our mail, for how many addresses, and what it said last."""

    domain: str
    addresses: int
    reason: str


def refusing_domains(*, now: datetime) -> list[Refusing]:
    """Domains that sent back mail to `_MANY` addresses or more within a day, or refused to take
    it, for no fault of the addresses and not because they are full; the worst first. Costs one
    statement."""
    since = now - timedelta(days=1)
    refused_at = Coalesce("bounced_at", "due_at")
    refused = Q(state=Message.State.SENT, bounced_at__gte=since) | Q(
        state=Message.State.PARKED, refused_since__isnull=False, due_at__gte=since
    )
    back = Message.objects.filter(refused).order_by(refused_at)
    found: dict[str, dict[str, str]] = defaultdict(dict)
    for email, reason in back.values_list("to_email", "last_error"):
        if is_refusal_of_mail(reason):
            found[domain_of(email)][email.lower()] = reason
    refusing = [
        Refusing(domain, len(reasons), list(reasons.values())[-1])
        for domain, reasons in found.items()
        if len(reasons) >= _MANY
    ]
    return sorted(refusing, key=lambda each: (-each.addresses, each.domain))


def warn_of_refusals(*, now: datetime) -> None:
    """Log one warning a domain, without anybody's address, while it refuses our mail."""
    for each in refusing_domains(now=now):
        log.warning("mail_is_refused", domain=each.domain, addresses=each.addresses)


def warn_if_late(*, now: datetime) -> Backlog:
    """Log a warning, without anybody's data, while mail that could leave does not."""
    found = backlog(now=now)
    if found.is_late:
        log.warning(
            "mail_is_late",
            oldest_minutes=int(found.age.total_seconds() // 60),
            waiting=found.waiting,
            held_back=found.held_back,
            parked=found.parked,
        )
    return found
