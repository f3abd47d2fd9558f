"""Inserting rows where every millisecond counts, without writing column names twice."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from typing import Any

from django.db import DEFAULT_DB_ALIAS, connections, models
from django.db.backends.utils import CursorWrapper
from django.db.models import Field, Model

from booking.site.prepared import are_together, prepared

# Of these Django stores values of this kind as they are, and takes longer to find it out.
_AS_IT_IS: dict[type["Field[Any, Any]"], type] = {
    models.BigAutoField: int,
    models.BooleanField: bool,
    models.CharField: str,
    models.ForeignKey: int,
    models.PositiveIntegerField: int,
    models.PositiveSmallIntegerField: int,
    models.TextField: str,
}


def stored_as_it_is(field: "Field[Any, Any]") -> type | None:
    """The kind of value that the field stores as it is given; else Django is asked."""
    return _AS_IT_IS.get(type(field))


@cache
def _columns(
    model: type[Model], *, with_key: bool
) -> tuple[list[tuple["Field[Any, Any]", type | None]], str, str]:
    """The fields given values, each with what it stores as it is; the INSERT, one row of it."""
    options = model._meta
    fields = [
        field
        for field in options.concrete_fields
        if not field.generated and (with_key or not field.primary_key)
    ]
    quote = connections[DEFAULT_DB_ALIAS].ops.quote_name
    names = ", ".join(quote(field.column) for field in fields if field.column)
    return (
        [(field, stored_as_it_is(field)) for field in fields],
        f"INSERT INTO {quote(options.db_table)} ({names}) VALUES ",  # noqa: S608 - our own names
        f"({', '.join(['%s'] * len(fields))})",
    )


def insert(rows: Sequence[Model]) -> None:
    """Insert new rows of one model with one statement, and give them their keys.

    As `bulk_create`, but the text of the statement is worked out once for a model. A booking
    inserts three times: with `bulk_create` it took 4.3 and not 3.4 ms of the processor, and 7.3
    and not 6.4 ms in all (docs/decisions/0004-sql-by-hand.md). All have a key already, or none has.
    Within `together` no key is given. Raises `IntegrityError`.
    """
    if not rows:
        return
    has_key = rows[0].pk is not None
    fields, beginning, one_row = _columns(type(rows[0]), with_key=has_key)
    # Not by its proxy, which is asked for a dozen times a row.
    link = connections[DEFAULT_DB_ALIAS]
    values = []
    for row in rows:
        given = vars(row)
        for field, as_it_is in fields:
            value = given[field.attname]
            if type(value) is not as_it_is:
                value = field.get_db_prep_save(field.pre_save(row, add=True), link)
            values.append(value)
    statement = f"{beginning}{', '.join([one_row] * len(rows))}"
    if not has_key:
        key = link.ops.quote_name(str(type(rows[0])._meta.pk.column))
        statement += f" RETURNING {key}"
    with _carried_out(statement, values, is_one=len(rows) == 1) as cursor:
        if not (has_key or are_together()):
            for row, (number,) in zip(rows, cursor.fetchall(), strict=True):
                row.pk = number
    for row in rows:
        row._state.adding = False
        row._state.db = DEFAULT_DB_ALIAS


@contextmanager
def _carried_out(statement: str, values: list[Any], *, is_one: bool) -> Iterator[CursorWrapper]:
    if is_one:
        with prepared(statement, values) as cursor:
            yield cursor
    else:
        with connections[DEFAULT_DB_ALIAS].cursor() as cursor:
            cursor.execute(statement, values)
            yield cursor
