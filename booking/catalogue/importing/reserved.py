"""The cell of reserved places: of a session, and of what new sessions of a course have reserved."""

import re
from collections.abc import Iterable
from typing import Any

from accounts.models import Sector
from booking.catalogue.bounds import MOST_PLACES, MOST_RELEASE_DAYS
from booking.catalogue.importing import cells
from booking.catalogue.importing.dates import BadCell
from booking.catalogue.importing.fields import says
from booking.catalogue.importing.people import AgencyImport
from booking.catalogue.importing.sheets import Row
from booking.catalogue.models import Reserved

USUAL_RELEASE_DAYS = 5
_ITEM = re.compile(r"(\d{1,6}) for (.+?)(?:, released (\d{1,3}) days? before)?", re.IGNORECASE)
_SECTOR = "sector "


def reserved_cell(stored: Iterable[Reserved]) -> str:
    """As "3 for Leeds Police, released 5 days before;2 for sector health, released 1 day before".

    Those of nobody are no words.
    """
    return cells.in_one_cell(
        f"{each.places} for {each.agency.name if each.agency else _SECTOR + each.sector}, released"
        f" {each.release_days} day{'' if each.release_days == 1 else 's'} before"
        for each in stored
    )


def read_reserved(
    row: Row, agencies: AgencyImport, stored: Iterable[Reserved], *, capacity: int
) -> list[dict[str, Any]] | None:
    """What is reserved, as the fields of its rows; nothing if that is what is stored.

    A file without the column changes nothing. More than the capacity is a fault.
    """
    before = reserved_cell(stored)
    if "reserved" not in row.cells or says(row, "reserved", before):
        return None
    faults = len(row.problems)
    found = row.listed("reserved", cells.each(lambda item: _reserved(item, agencies)))
    whom = [(each["sector"], each["agency"]) for each in found]
    if any(each in whom[:number] for number, each in enumerate(whom)):
        row.refuse("reserved", "names an agency or a sector twice")
    refuse_more_than_there_is(row, found, capacity=capacity)
    if len(row.problems) == faults:
        row.becomes(new=False, reserved=(before, row.cells["reserved"]))
    return found


def refuse_more_than_there_is(
    row: Row, reserved: Iterable[dict[str, Any]], *, capacity: int
) -> None:
    """A fault of the row if more is reserved than there are places."""
    if (places := sum(each["places"] for each in reserved)) > capacity:
        row.refuse("reserved", f"comes to {places} places, of {capacity} in all")


def _reserved(item: str, agencies: AgencyImport) -> dict[str, Any]:
    found = _ITEM.fullmatch(item)
    if not found:
        raise BadCell(
            f'has "{item}"; write a number and for whom, like "3 for Leeds Police, released 5 days'
            ' before" or "2 for sector health"'
        )
    places = cells.number_in(1, MOST_PLACES)(found[1])
    days = cells.number_in(1, MOST_RELEASE_DAYS)(found[3] or str(USUAL_RELEASE_DAYS))
    sector, agency = "", agencies.named(found[2])
    if agency is None:
        sector = found[2].lower().removeprefix(_SECTOR).strip()
        if not found[2].lower().startswith(_SECTOR) or sector not in Sector.values:
            raise BadCell(f'has "{found[2]}", which is neither an agency nor "sector" and one')
    return {"places": places, "sector": sector, "agency": agency, "release_days": days}


def as_fields(stored: Iterable[Reserved]) -> list[dict[str, Any]]:
    """Stored ones as they would be reserved again."""
    return [
        {
            "places": each.places,
            "sector": each.sector,
            "agency": each.agency,
            "release_days": each.release_days,
        }
        for each in stored
    ]
