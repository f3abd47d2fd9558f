"""Venues, which sessions.csv names in every row; their addresses must agree."""

from django.db.models import Q

from booking.catalogue.importing import cells
from booking.catalogue.importing.batches import Batch, ImportCounts, set_fields
from booking.catalogue.importing.csv_files import Row
from booking.catalogue.models import Session, Venue
from booking.site.wording import counted


class VenueImport:
    """The venues of sessions.csv, by name."""

    def __init__(self) -> None:
        self.batch = Batch(Venue)
        self.tally = ImportCounts()
        self._by_name = {venue.name: venue for venue in Venue.objects.all()}
        self._addresses: dict[str, tuple[str, int]] = {}

    def read(self, row: Row) -> Venue | None:
        """The venue of an in-person session; planned once, however many sessions name it."""
        name = row.required("venue", cells.text(200), "")
        address = row.optional("address", cells.text(400), "")
        if not name:
            return None
        found = self._by_name.get(name)
        if name not in self._addresses:
            if not address and found is None:
                row.refuse("address", f'is empty, and the address of "{name}" is not known')
            self._plan(name, address, found, row)
        elif address and address != self._addresses[name][0]:
            known, line = self._addresses[name]
            row.refuse("address", f'is "{address}", but line {line} has "{known}" for this venue')
        return self._by_name[name]

    def write(self) -> None:
        """Write them."""
        self.batch.write()

    def _plan(self, name: str, address: str, found: Venue | None, row: Row) -> None:
        changed: set[str] = set()
        if found is None:
            self._by_name[name] = self.batch.add_new(Venue(name=name, address=address))
        elif address:
            changed = set_fields(found, {"address": address})
            if changed:
                self._refuse_if_people_were_told(found, row)
            self.batch.add_changed(found, changed)
        self._addresses[name] = (self._by_name[name].address, row.line)
        self.tally.count(is_new=found is None, is_changed=bool(changed))

    def _refuse_if_people_were_told(self, venue: Venue, row: Row) -> None:
        """People hold invitations with the address; only the venue's page under Manage tells
        them of another.
        """
        told = Q(places_taken__gt=0) | Q(waiting_count__gt=0)
        busy = Session.objects.filter(told, venue=venue, state=Session.State.PUBLISHED).count()
        if busy:
            row.refuse(
                "address",
                f"differs from the address of {venue.name}, where {counted(busy, 'session')}"
                f" {'has' if busy == 1 else 'have'} bookings; change it under Manage, Venues,"
                " so that people are told",
            )
