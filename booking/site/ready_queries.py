"""QuerySets that are put together once in a process; what differs each time comes `Later`.

Putting one together and planning it each take longer than PostgreSQL takes to answer it, so pages
that everybody opens keep theirs ready and prepared. Each is a QuerySet as anywhere else, and says
the same.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from django.db import connection
from django.db.models import Count, Expression, Field, Model, QuerySet, Value
from django.db.models.query import get_related_populators
from psycopg import sql

from booking.site.prepared import prepared


class Later(Expression):
    """Stands in a QuerySet for a value that is given by this name when it is asked."""

    def __init__(self, name: str, output_field: "Field[Any, Any]") -> None:
        super().__init__(output_field=output_field)
        self.name = name

    def as_sql(self, compiler: Any, connection: Any) -> Any:
        """A placeholder; its value is this very object until a value is given."""
        return "%s", [self]


@dataclass(frozen=True)
class ReadyPages[Row]:
    """The rows of a ready query for a `Paginator`, which asks another for their number."""

    rows: "Ready[Row]"
    number: "Ready[tuple[int]]"
    given: Mapping[str, Any]

    def count(self) -> int:
        """How many there are."""
        found = self.number(**self.given)
        return found[0][0] if found else 0

    def __getitem__(self, part: slice) -> "list[Row]":
        return self.rows(part=part, **self.given)


class Ready[Row]:
    """A QuerySet of models or of `values_list`, without anything prefetched, kept as SQL.

    `build` is called once, when it is first asked. Each time costs one statement.
    """

    def __init__(self, build: Callable[[], "QuerySet[Any, Row]"]) -> None:
        self._build = build

    def __call__(self, *, part: slice | None = None, **given: Any) -> list[Row]:
        """The rows for these values, each as the database driver takes it; or a part of them."""
        statement, later, converted = self._plan
        if part is not None:
            statement += f" LIMIT {part.stop - part.start:d} OFFSET {part.start:d}"
        values = [given[each.name] for each in later]
        with prepared(statement, values, only_reads=True) as cursor:
            return list(converted(cursor.fetchall()))

    @cached_property
    def _plan(self) -> tuple[str, list[Later], Callable[[list[Any]], Iterator[Row]]]:
        queryset: Any = self._build()
        compiler = queryset.query.get_compiler(queryset.db)
        asking, asked = compiler.as_sql()
        statement = _always_so(asking, asked)
        later = [each for each in asked if isinstance(each, Later)]
        converters = compiler.get_converters([each for each, *_ in compiler.select])

        def converted(rows: list[Any]) -> Iterator[Any]:
            return map(tuple, compiler.apply_converters(rows, converters) if converters else rows)

        about = compiler.klass_info
        if queryset.query.values_select or about is None:
            return statement, later, converted
        model: type[Model] = about["model"]
        first, last = about["select_fields"][0], about["select_fields"][-1] + 1
        names = [column.target.attname for column, *_ in compiler.select[first:last]]
        related = get_related_populators(about, compiler.select, queryset.db, queryset._fetch_mode)

        def made(rows: list[Any]) -> Iterator[Any]:
            for row in converted(rows):
                found = model.from_db(queryset.db, names, row[first:last])
                for each in related:
                    each.populate(row, found)
                for name, at in compiler.annotation_col_map.items():
                    setattr(found, name, row[at])
                yield found

        return statement, later, made


def row_count(build: Callable[[], "QuerySet[Any, Any]"]) -> Ready[tuple[int]]:
    """How many rows a QuerySet has: one row that says so, or none where there are none."""
    return Ready(
        lambda: (
            build()
            .order_by()
            .annotate(every=Value(1))
            .values("every")
            .annotate(number=Count("pk"))
            .values_list("number")
        )
    )


def _always_so(asking: str, asked: Sequence[Any]) -> str:
    """The statement with every value in its text but those that come later."""
    coming = iter(asked)

    def value(found: re.Match[str]) -> str:
        if found[0] == "%%" or isinstance(each := next(coming), Later):
            return found[0]
        return sql.Literal(each).as_string(connection.connection).replace("%", "%%")

    return re.sub("%[%s]", value, asking)
