"""What an import is going to write: compared with what is stored, then written at once."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from django.db.models import Model

_BATCH = 1000


@dataclass(frozen=True)
class ImportCounts:
    """How many rows of a table are new, changed, and as they were."""

    created: int
    changed: int
    same: int

    def __str__(self) -> str:
        return f"{self.created:,} created, {self.changed:,} changed, {self.same:,} the same"


@dataclass
class Table[M: Model]:
    """The rows of one table by what the files know them by: stored ones and new ones.

    `known_by` are the columns of that key, `fields` those that the files decide: no other is
    written. `stamp` is written with a change, and is no change by itself.
    """

    model: type[M]
    known_by: tuple[str, ...]
    fields: tuple[str, ...]
    rows: dict[Any, M]
    stamp: tuple[str, ...] = ()
    named: set[Any] = field(default_factory=set)
    new: dict[Any, M] = field(default_factory=dict)
    changed: dict[Any, M] = field(default_factory=dict)

    def put(self, key: Any, wanted: M) -> set[str]:
        """Have the row of this key be like `wanted`. Returns the fields in which it was not.

        A row that is not stored yet becomes `wanted`, and is like it in none.
        """
        self.named.add(key)
        found = self.rows.setdefault(key, wanted)
        if found is wanted:
            self.new[key] = wanted
            return set(self.fields)
        differs = {name for name in self.fields if getattr(found, name) != getattr(wanted, name)}
        for name in differs:
            setattr(found, name, getattr(wanted, name))
        if differs:
            self.touch(key)
        return differs

    def touch(self, key: Any) -> None:
        """Count a row as changed, by something that hangs on it."""
        if key not in self.new:
            self.changed[key] = self.rows[key]

    @property
    def tally(self) -> ImportCounts:
        """What became of the rows that the files name."""
        new, changed = len(self.new), len(self.changed)
        return ImportCounts(new, changed, len(self.named) - new - changed)

    def write(self) -> None:
        """Insert and update."""
        self.model._default_manager.bulk_create(
            [*self.new.values(), *self.changed.values()],
            update_conflicts=True,
            unique_fields=self.known_by,
            update_fields=self.fields + self.stamp,
            batch_size=_BATCH,
        )


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
