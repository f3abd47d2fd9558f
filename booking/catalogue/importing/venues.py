"""Venues, from their own file and from the sessions that name them."""

from collections.abc import Mapping
from typing import Any

from django.db.models import Q

from booking.catalogue.importing import cells
from booking.catalogue.importing.batches import ByName, Table
from booking.catalogue.importing.fields import Field, columns_of, note_changes, wanted_by
from booking.catalogue.importing.sheets import Row, Sheet
from booking.catalogue.models import Session, Venue
from booking.site.wording import counted

VENUE_FIELDS = (
    Field("address", "address", cells.text(400), is_needed=True),
    Field("getting_there", "getting_there", cells.paragraphs, ""),
)
VENUES = columns_of(["name", "address"], ["getting_there"])


class VenueImport:
    """The venues by name; rows that name one must agree on its address."""

    def __init__(self, sheet: Sheet) -> None:
        stored = ByName((each.name, each) for each in Venue.objects.order_by("pk"))
        self.table, self._by_name = Table(Venue, stored), stored
        self._known_by: dict[str, str] = {}
        for row, name in sheet.keyed_rows("name", lambda row: stored.key(row.cells["name"])):
            row.required("name", cells.text(200), "")
            if name and name not in self._known_by:
                found = self.table.rows.get(name)
                self._put(row, name, wanted_by(row, VENUE_FIELDS, found=found))
                self._known_by[name] = f"{row.file}, line {row.line}"

    def read(self, row: Row) -> Venue | None:
        """The venue of an in-person session; planned once, however many sessions name it."""
        name = self._by_name.key(row.required("venue", cells.text(200), ""))
        address = row.optional("address", cells.text(400), "")
        if not name:
            return None
        found = self.table.rows.get(name)
        if found is None and not address:
            row.refuse("address", f'is empty, and the address of "{name}" is not known')
        known = found.address if found else ""
        if name not in self._known_by:
            self._known_by[name] = f"line {row.line}"
            self._put(row, name, {"address": address or known})
        elif address and address != " ".join(known.split()):
            where = self._known_by[name]
            row.refuse("address", f'is "{address}", but {where} has "{known}" for this venue')
        return self.table.rows[name]

    def _put(self, row: Row, name: str, wanted: Mapping[str, Any]) -> None:
        found = self.table.rows.get(name)
        differs = self.table.put(name, wanted, name=name)
        venue, is_new = self.table.rows[name], name in self.table.new
        if differs and not is_new:
            note_changes(row, VENUE_FIELDS, differs, venue, new=False)
        elif "venue" not in row.cells:
            row.becomes(new=is_new)
        if "address" in differs and found is not None:
            self._refuse_if_people_were_told(found, row)

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
