"""When the sittings of a session are, and whether two are at the same time."""

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from django.db.models import Q
from django.db.models.expressions import Combinable

from booking.catalogue.models import Sitting


class Span(Protocol):
    """Anything that starts and ends: a sitting that is stored, planned or was."""

    @property
    def starts_at(self) -> datetime: ...
    @property
    def ends_at(self) -> datetime: ...


@dataclass(frozen=True)
class SittingTimes:
    """A sitting as it was or is: its key, start and end."""

    key: int
    starts_at: datetime
    ends_at: datetime

    @classmethod
    def of(cls, sitting: Sitting) -> "SittingTimes":
        """The times of a stored sitting."""
        return cls(sitting.pk, sitting.starts_at, sitting.ends_at)


def overlap(one: Span, other: Span) -> bool:
    """Whether the two share a moment; one may begin when the other ends."""
    return one.starts_at < other.ends_at and one.ends_at > other.starts_at


def overlapping(starts_at: datetime | Combinable, ends_at: datetime | Combinable) -> Q:
    """Sittings that share a moment with these times, which may be columns of an outer query."""
    return Q(starts_at__lt=ends_at, ends_at__gt=starts_at)
