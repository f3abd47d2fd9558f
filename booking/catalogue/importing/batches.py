"""What an import is going to write: compared with what is stored, then written at once."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from django.db.models import Model

from booking.catalogue.importing.sheets import plain_cell, plain_lines

_BATCH = 1000


def plain_name(name: str) -> str:
    """A name as the cell that holds it is read."""
    return " ".join(plain_cell(plain_lines(name)).split())


class ByName[M](dict[str, M]):
    """Rows by name. Capitals tell apart only names that differ in nothing else."""

    def __init__(self, named: Iterable[tuple[str, M]]) -> None:
        super().__init__()
        self._folded: dict[str, str] = {}
        for name, row in named:
            if (plain := plain_name(name)) not in self:
                self[plain] = row

    def __setitem__(self, name: str, row: M) -> None:
        """Know the row by this name."""
        super().__setitem__(name, row)
        self._folded.setdefault(name.casefold(), name)

    def key(self, name: str) -> str:
        """The name under which this one is known; a new one stays as it is."""
        plain = plain_name(name)
        return plain if plain in self else self._folded.get(plain.casefold(), plain)


@dataclass(frozen=True)
class ImportCounts:
    """How many rows of a table are new, changed, and as they were."""

    created: int
    changed: int
    same: int

    @property
    def all(self) -> tuple[int, int, int]:
        """All three."""
        return self.created, self.changed, self.same

    def __str__(self) -> str:
        return f"{self.created:,} created, {self.changed:,} changed, {self.same:,} the same"


@dataclass
class Table[M: Model]:
    """The rows of one table by what the files know them by: stored ones and new ones.

    Of a changed row only what differs is updated, so that what somebody edits on the site meanwhile
    stays, and `stamp`, which is no change by itself. Several tables may share `rows`.
    """

    model: type[M]
    rows: dict[Any, M]
    stamp: tuple[str, ...] = ()
    named: set[Any] = field(default_factory=set)
    new: dict[Any, M] = field(default_factory=dict)
    changed: dict[Any, set[str]] = field(default_factory=dict)

    def put(self, key: Any, wanted: Mapping[str, Any], **if_new: Any) -> dict[str, Any]:
        """Have the row of this key be as wanted; a new one is given its key and more by `if_new`.

        Returns the fields in which it was not so, with what they were.
        """
        self.named.add(key)
        if key not in self.rows:
            self.rows[key] = self.new[key] = self.model(**{**if_new, **wanted})
            return dict.fromkeys(wanted)
        found = self.rows[key]
        differs = {
            name: getattr(found, name)
            for name, value in wanted.items()
            if not is_same(getattr(found, name), value)
        }
        for name in differs:
            setattr(found, name, wanted[name])
        if differs:
            self.touch(key, differs)
        return differs

    def touch(self, key: Any, fields: Iterable[str] = ()) -> None:
        """Count a row as changed, in these fields or by something that hangs on it."""
        if key not in self.new:
            self.changed.setdefault(key, set()).update(fields)

    @property
    def tally(self) -> ImportCounts:
        """What became of the rows that the files name."""
        new, changed = len(self.new), len(self.changed)
        return ImportCounts(new, changed, len(self.named) - new - changed)

    def write(self) -> None:
        """Insert and update."""
        rows = self.model._default_manager
        rows.bulk_create(self.new.values(), batch_size=_BATCH)
        alike: dict[frozenset[str], list[M]] = {}
        for key, fields in self.changed.items():
            alike.setdefault(frozenset(fields.union(self.stamp)), []).append(self.rows[key])
        for written, changed in alike.items():
            if written:
                rows.bulk_update(changed, sorted(written), batch_size=_BATCH // 2)


def is_same(stored: Any, wanted: Any) -> bool:
    """Whether a file that holds what is stored would be read as what is wanted.

    A cell loses what nobody sees, spaces around it and, in one line, those beyond one.
    """
    if stored == wanted or not (isinstance(stored, str) and isinstance(wanted, str)):
        return bool(stored == wanted)
    text = plain_cell(plain_lines(stored)).strip()
    return wanted in (text, " ".join(text.split()))


def link[S: Model, T: Model](
    through: type[Model], source: str, target: str, wanted: Iterable[tuple[S, Iterable[T]]]
) -> None:
    """Have each source linked to exactly its targets; both ends are written by now."""
    pairs = list(wanted)
    links = through._default_manager
    links.filter(**{f"{source}__in": [start for start, _ in pairs]}).delete()
    links.bulk_create(
        [through(**{source: start, target: end}) for start, ends in pairs for end in ends],
        batch_size=_BATCH,
    )
