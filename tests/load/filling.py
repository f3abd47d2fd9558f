"""Filling tables with millions of rows: without what would be done for each of them."""

import contextlib
from collections.abc import Iterator

from django.db import connection, models


@contextlib.contextmanager
def unchecked() -> Iterator[None]:
    """No trigger runs and no foreign key is checked: all are right by construction."""
    with connection.cursor() as cursor:
        cursor.execute("SET session_replication_role = replica")
        try:
            yield
        finally:
            cursor.execute("RESET session_replication_role")


@contextlib.contextmanager
def without_indexes(*of: type[models.Model]) -> Iterator[None]:
    """Take away the indexes of these tables, and make them anew when all is filled in.

    Raises `AssertionError` if they are not as before then.
    """
    tables = [model._meta.db_table for model in of]
    with connection.cursor() as cursor:
        before = _definitions(tables)
        cursor.execute(
            "SELECT format('%%I', conrelid::regclass), format('%%I', conname),"
            " pg_get_constraintdef(oid) FROM pg_constraint"
            " WHERE contype = 'u' AND conrelid = ANY(%s::regclass[]) ORDER BY oid",
            [tables],
        )
        constraints = cursor.fetchall()
        cursor.execute(
            "SELECT indexrelid::regclass::text, pg_get_indexdef(indexrelid) FROM pg_index"
            " WHERE indrelid = ANY(%s::regclass[]) AND NOT EXISTS"
            " (SELECT FROM pg_constraint WHERE conindid = indexrelid AND contype IN ('p', 'u'))"
            " ORDER BY indexrelid",
            [tables],
        )
        indexes = cursor.fetchall()
        for table, name, _ in constraints:
            cursor.execute(f"ALTER TABLE {table} DROP CONSTRAINT {name}")
        for name, _ in indexes:
            cursor.execute(f"DROP INDEX {name}")
        yield
        cursor.execute("SET maintenance_work_mem = '512MB'")
        for table, name, definition in constraints:
            cursor.execute(f"ALTER TABLE {table} ADD CONSTRAINT {name} {definition}")
        for _, definition in indexes:
            cursor.execute(definition)
        cursor.execute("RESET maintenance_work_mem")
        assert _definitions(tables) == before, "the indexes are not as migrated"


def _definitions(tables: list[str]) -> list[str]:
    """Every index and constraint of these tables, in PostgreSQL's words.

    Of which rows an index is for is left out: read a second time, it has other brackets.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT split_part(indexdef, ' WHERE ', 1) FROM pg_indexes WHERE tablename = ANY(%s)"
            " UNION ALL SELECT conname || ' ' || pg_get_constraintdef(oid) FROM pg_constraint"
            " WHERE conrelid = ANY(%s::regclass[]) ORDER BY 1",
            [tables, tables],
        )
        return [row[0] for row in cursor.fetchall()]
