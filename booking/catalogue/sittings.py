"""When the sittings of a session are."""

from dataclasses import dataclass
from datetime import datetime

from booking.catalogue.models import Sitting


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
