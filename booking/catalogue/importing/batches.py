"""What an import is going to write, gathered first and written with few statements."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from django.db.models import Model

_BATCH = 1000


@dataclass
class ImportCounts:
    """How many rows of a table are new, changed, and as they were."""

    created: int = 0
    changed: int = 0
    same: int = 0

    def count(self, *, is_new: bool, is_changed: bool) -> None:
        """Count one row."""
        if is_new:
            self.created += 1
        elif is_changed:
            self.changed += 1
        else:
            self.same += 1

    def __str__(self) -> str:
        return f"{self.created:,} created, {self.changed:,} changed, {self.same:,} the same"


def set_fields(found: Model, wanted: Mapping[str, Any]) -> set[str]:
    """Set the fields that differ and return their names.

    A foreign key is compared by key, and differs when it points to a row still to be written.
    """
    different = set()
    for name, value in wanted.items():
        if isinstance(value, Model):
            differs = value.pk is None or getattr(found, f"{name}_id") != value.pk
        elif value is None and hasattr(found, f"{name}_id"):
            differs = getattr(found, f"{name}_id") is not None
        else:
            differs = getattr(found, name) != value
        if differs:
            setattr(found, name, value)
            different.add(name)
    return different


@dataclass
class Batch[M: Model]:
    """New and changed rows of one table."""

    model: type[M]
    new: list[M] = field(default_factory=list)
    # By the fields to update, so that no other field is written back as it was when read.
    changed: dict[frozenset[str], list[M]] = field(default_factory=dict)

    def add_new(self, row: M) -> M:
        """Have this row inserted."""
        self.new.append(row)
        return row

    def add_changed(self, row: M, fields: Iterable[str]) -> None:
        """Have these fields of an existing row updated; nothing happens if there are none."""
        if names := frozenset(fields):
            self.changed.setdefault(names, []).append(row)

    def write(self) -> None:
        """Insert and update."""
        rows = self.model._default_manager
        rows.bulk_create(self.new, batch_size=_BATCH)
        for fields, changed in self.changed.items():
            rows.bulk_update(changed, sorted(fields), batch_size=_BATCH // 2)


@dataclass
class Links[S: Model, T: Model]:
    """The rows of a many-to-many table, for the sources that the import names."""

    through: type[Model]
    source: str
    target: str
    found: dict[int, set[int]] = field(default_factory=dict)
    to_add: list[tuple[S, T]] = field(default_factory=list)
    to_remove: dict[int, set[int]] = field(default_factory=dict)

    def load(self, sources: Iterable[int]) -> None:
        """Read what these sources are linked to now."""
        pairs = self.through._default_manager.filter(**{f"{self.source}_id__in": list(sources)})
        for source, target in pairs.values_list(f"{self.source}_id", f"{self.target}_id"):
            self.found.setdefault(source, set()).add(target)

    def set(self, source: S, targets: Iterable[T]) -> bool:
        """Have `source` linked to exactly these; returns whether that is a change."""
        now = self.found.get(source.pk, set()) if source.pk else set()
        wanted = {target.pk for target in targets if target.pk}
        added = [(source, target) for target in targets if target.pk not in now]
        removed = now - wanted
        self.to_add += added
        if removed:
            self.to_remove[source.pk] = removed
        return bool(added or removed)

    def write(self) -> None:
        """Insert and delete links; both ends are written by now."""
        links = self.through._default_manager
        for source, targets in self.to_remove.items():
            links.filter(**{f"{self.source}_id": source, f"{self.target}_id__in": targets}).delete()
        links.bulk_create(
            [
                self.through(**{f"{self.source}_id": source.pk, f"{self.target}_id": target.pk})
                for source, target in self.to_add
            ],
            batch_size=_BATCH,
        )
