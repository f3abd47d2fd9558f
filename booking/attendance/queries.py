"""Who comes to a session."""

from collections import Counter
from dataclasses import dataclass
from datetime import timedelta

from booking.catalogue.models import Session
from booking.places.models import Booking

# A trainer needs the list to prepare, to teach and to tidy up after; not for ever.
TRAINER_ACCESS_AFTER_END = timedelta(days=14)


@dataclass(frozen=True)
class AttendeeList:
    """The people of one session: those with a place, those waiting, and where they come from."""

    booked: list[Booking]
    waiting: list[Booking]
    agencies: list[tuple[str, int]]

    @property
    def rows(self) -> int:
        """How many people it shows."""
        return len(self.booked) + len(self.waiting)


def attendee_list(session: Session) -> AttendeeList:
    """Everybody who holds a place, by name, and the waiting list in its order."""
    live = Booking.objects.for_session(session).live().select_related("person__agency")
    booked: list[Booking] = []
    waiting: list[Booking] = []
    for booking in live:
        (waiting if booking.state == Booking.State.WAITING else booked).append(booking)
    booked.sort(key=lambda each: (each.person.last_name.lower(), each.person.first_name.lower()))
    waiting.sort(key=lambda each: each.ticket or 0)
    counts = Counter(each.person.agency_name or "Not given" for each in booked)
    agencies = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    return AttendeeList(booked, waiting, agencies)
