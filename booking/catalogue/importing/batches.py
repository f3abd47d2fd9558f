"""What an import is going to write: compared with what is stored, then written at once."""

from collections.abc import Iterable, Mapping
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

    `known_by` are the columns of that key. Only what the files decide is written, and `stamp`,
    which is no change by itself.
    """

    model: type[M]
    known_by: tuple[str, ...]
    rows: dict[Any, M]
    stamp: tuple[str, ...] = ()
    decided: set[str] = field(default_factory=set)
    named: set[Any] = field(default_factory=set)
    new: dict[Any, M] = field(default_factory=dict)
    changed: dict[Any, M] = field(default_factory=dict)

    def put(self, key: Any, wanted: Mapping[str, Any], **if_new: Any) -> set[str]:
        """Have the row of this key be as wanted; a new one is given its key and more by `if_new`.

        Returns the fields in which it was not so.
        """
        self.named.add(key)
        self.decided |= wanted.keys()
        if key not in self.rows:
            self.rows[key] = self.new[key] = self.model(**wanted, **if_new)
            return set(wanted)
        found = self.rows[key]
        differs = {name for name, value in wanted.items() if getattr(found, name) != value}
        for name in differs:
            setattr(found, name, wanted[name])
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
            update_fields=[*self.decided, *self.stamp],
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
