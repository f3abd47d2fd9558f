"""What waits for a coordinator: each kind of thing, how many there are, and where it is settled.

The sub-navigation of the desk and its first page both ask here.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any

from django.db.models import CharField, Count, QuerySet, Value
from django.urls import reverse

from accounts.agency_proof import people_to_confirm
from accounts.failing import people_whose_mail_may_fail
from accounts.groups import who_wants_to_join
from booking.attendance.absences import to_decide
from booking.attendance.lists import to_arrange
from booking.catalogue.models import Session
from booking.learning.models import PriorLearning
from booking.outbox.models import Message
from booking.places import prerequisites
from booking.places.managers.models import Approval
from booking.replies.models import mail_to_read
from booking.scheduling import capacity
from booking.site.ready_queries import Ready


@dataclass(frozen=True)
class Kind:
    """One kind of thing that waits: its words, the page where it is settled, and which they are."""

    name: str
    words: str
    page: str
    found: Callable[[datetime], QuerySet[Any]]
    # What the page is asked to show, if it shows several things.
    show: str = ""

    @property
    def address(self) -> str:
        """Where it is settled."""
        return reverse(self.page) + (f"?show={self.show}" if self.show else "")


def _sessions_at_risk(now: datetime) -> QuerySet[Session]:
    at_risk = capacity.at_risk(Session.objects.all(), now=now)
    return Session.objects.filter(pk__in=at_risk.order_by().values("pk"))


# In the order in which the first page tells them: what cannot wait long comes first.
KINDS = (
    Kind("at_risk", "Sessions at risk", "manage_sessions", _sessions_at_risk, "at-risk"),
    Kind(
        "parked",
        "Mail that did not go out",
        "manage_messages",
        lambda now: Message.objects.filter(state=Message.State.PARKED),
        "parked",
    ),
    Kind(
        "letters",
        "Post to go out",
        "manage_post",
        lambda now: Message.objects.filter(state=Message.State.LETTER),
    ),
    Kind(
        "addresses",
        "Addresses that fail",
        "manage_addresses",
        lambda now: people_whose_mail_may_fail(),
    ),
    Kind("received", "Mail that needs reading", "manage_received", lambda now: mail_to_read()),
    Kind(
        "managers",
        "Managers’ addresses to confirm",
        "manage_managers",
        lambda now: Approval.objects.to_confirm(now=now),
    ),
    Kind("needs", "Needs to arrange", "manage_needs", lambda now: to_arrange(now=now)),
    Kind("agencies", "Agencies to confirm", "manage_agencies", lambda now: people_to_confirm()),
    Kind(
        "earlier",
        "Places without the course that comes first",
        "manage_earlier",
        lambda now: prerequisites.to_look_at(now=now),
    ),
    Kind("absences", "Absences to decide", "manage_absences", lambda now: to_decide()),
    Kind(
        "learning",
        "Training done elsewhere, to check",
        "manage_learning",
        lambda now: PriorLearning.objects.filter(state=PriorLearning.State.DECLARED),
    ),
    Kind(
        "no_meeting",
        "Sessions online without a meeting",
        "manage_sessions",
        lambda now: Session.objects.without_a_meeting(now=now),
        "no-meeting",
    ),
    Kind(
        "groups",
        "People who want to join a group",
        "manage_groups",
        lambda now: who_wants_to_join(),
    ),
    Kind(
        "drafts",
        "Drafts to publish",
        "manage_sessions",
        lambda now: Session.objects.filter(state=Session.State.DRAFT),
        "drafts",
    ),
)


def counts(*, now: datetime) -> Mapping[str, int]:
    """How many of each kind there are, by its name. Costs one statement.

    What only the clock makes wait is counted within ten seconds.
    """
    return dict(_ready(now.replace(second=now.second // 10 * 10, microsecond=0))())


@lru_cache(maxsize=2)
def _ready(now: datetime) -> Ready[tuple[str, int]]:
    first, *others = [
        kind.found(now)
        .order_by()
        .values(what_waits=Value(kind.name, output_field=CharField()))
        .annotate(how_many=Count("pk"))
        .values_list("what_waits", "how_many")
        for kind in KINDS
    ]
    return Ready(lambda: first.union(*others, all=True).order_by())
