"""How a session's places are taken and kept for agencies and sectors."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime

from django.db.models import Count

from booking.catalogue.models import Allocation, Session
from booking.places.lock import Practitioner
from booking.places.models import Booking


@dataclass
class Seating:
    """How a session's places are taken and kept. `take` moves it as places are given out."""

    session: Session
    taken: int
    reserved: tuple[Allocation, ...] = ()
    holders: Counter[int] = field(default_factory=Counter)
    sectors: dict[int, str] = field(default_factory=dict)

    @property
    def free(self) -> int:
        """Places that nobody holds, reserved ones among them."""
        return self.session.capacity - self.taken

    def unmet(self, newcomer: Practitioner | None = None, number: int = 1) -> int:
        """Reserved places not yet taken; with so many more holders like `newcomer`, if given."""
        return sum(places for _, places in self.unmet_each(newcomer, number))

    def unmet_each(
        self, newcomer: Practitioner | None = None, number: int = 1
    ) -> list[tuple[Allocation, int]]:
        """For each reservation the places that its agency or sector has not taken.

        A holder counts for their agency's reservation first, then for their sector's, which fills
        as many as can be: agencies lie within sectors.
        """
        holders, sectors = self.holders, self.sectors
        if newcomer is not None and newcomer.agency_id is not None:
            holders = holders + Counter({newcomer.agency_id: number})
            sectors = {**sectors, newcomer.agency_id: newcomer.sector}
        spare: Counter[int] = Counter(holders)
        unmet: list[tuple[Allocation, int]] = []
        for each in self.reserved:
            if each.agency_id is not None:
                used = min(each.places, spare[each.agency_id])
                spare[each.agency_id] -= used
                unmet.append((each, each.places - used))
        in_sector: Counter[str] = Counter()
        for agency, people in spare.items():
            in_sector[sectors.get(agency, "")] += people
        for each in self.reserved:
            if each.agency_id is None:
                unmet.append((each, each.places - min(each.places, in_sector[each.sector])))
        return unmet

    def open_to(self, person: Practitioner) -> int:
        """How many free places people like this one could have, as places are reserved.

        Those reserved for their own agency or sector, and those reserved for nobody.
        """
        if self.free <= 0:
            return 0
        reserved = self.unmet()
        own = reserved - self.unmet(person, self.free)
        return min(self.free, own + max(0, self.free - reserved))

    def take(self, person: Practitioner) -> None:
        """Count one more place as theirs."""
        self.taken += 1
        if person.agency_id is not None:
            self.holders[person.agency_id] += 1
            self.sectors[person.agency_id] = person.sector


def read_seating(session: Session, *, now: datetime) -> Seating:
    """The seating of a session, for a statement if agencies are limited, one more for reservations.

    To decide by it, the caller holds the session's lock.
    """
    return read_seatings([session], now=now)[session.pk]


def read_seatings(sessions: Iterable[Session], *, now: datetime) -> dict[int, Seating]:
    """The seating of each of these sessions, by key, in as many statements as for one."""
    seatings = {session.pk: Seating(session, session.places_taken) for session in sessions}
    reserving = [key for key, seating in seatings.items() if seating.session.has_allocations]
    if reserving:
        active = Allocation.objects.filter(session__in=reserving, release_at__gt=now)
        for each in active.select_related("agency"):
            seatings[each.session_id].reserved += (each,)
    counted = [
        key
        for key, seating in seatings.items()
        if seating.session.agency_limit is not None or seating.reserved
    ]
    if counted:
        counts = (
            Booking.objects.filter(session__in=counted)
            .holding_a_place()
            .exclude(agency=None)
            .order_by()
            .values_list("session_id", "agency_id", "agency__sector")
            .annotate(number=Count("pk"))
        )
        for key, agency, sector, number in counts:
            seatings[key].holders[agency] = number
            seatings[key].sectors[agency] = sector
    return seatings
