"""A column of a file and the column of the database that it sets: read by an import, and written
by an export, by the same row of a list.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import Model

from booking.catalogue.importing.batches import is_same
from booking.catalogue.importing.cells import written
from booking.catalogue.importing.sheets import Columns, Row
from booking.site.sealing import Sealed
from booking.site.spreadsheets import Cell


@dataclass(frozen=True)
class Field:
    """What a cell of this column means for the field of this name.

    An empty cell is read as `empty`, or is a fault if it `is_needed`. Whatever the cell means, one
    that holds what an export writes of the stored row changes nothing.
    """

    column: str
    name: str
    read: Callable[[str], Any]
    empty: Any = None
    is_needed: bool = False
    write: Callable[[Any], Cell] = written


def columns_of(
    needed: Sequence[str], optional: Sequence[str], dates: Sequence[str] = ()
) -> Columns:
    """The header of a file: the columns that must be there, and those that may."""
    return Columns(",".join(needed), ",".join(optional), ",".join(dates))


def says(row: Row, column: str, stored: Cell) -> bool:
    """Whether the cell holds what an export writes of what is stored: so it changes nothing."""
    return is_same(str(stored), row.cells[column])


def wanted_by(row: Row, fields: Iterable[Field], *, found: Model | None) -> dict[str, Any]:
    """What a row says of its model, without columns that the file lacks and cells with a fault."""
    wanted = {}
    for each in fields:
        if each.column not in row.cells:
            continue
        if found is not None:
            stored = getattr(found, each.name)
            if says(row, each.column, each.write(stored)):
                wanted[each.name] = stored
                continue
        if each.is_needed and not row.cells[each.column]:
            row.refuse(each.column, "is empty")
            continue
        before = len(row.problems)
        value = row.optional(each.column, each.read, each.empty)
        if len(row.problems) == before:
            wanted[each.name] = value
    return wanted


def note_changes(
    row: Row, fields: Iterable[Field], before: Mapping[str, Any], after: Model, *, new: bool
) -> None:
    """Say on the row what differs, in the words of its file; not what is sealed, which is kept."""
    changes = {
        each.column: _in_words(each, before[each.name], getattr(after, each.name))
        for each in fields
        if each.name in before and not new
    }
    row.becomes(new=new, **changes)


def _in_words(field: Field, before: Any, after: Any) -> tuple[Cell, Cell]:
    if isinstance(after, Sealed):
        return "one address" if before else "", "another address" if after else ""
    return field.write(before), field.write(after)
