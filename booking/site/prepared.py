"""Statements that the database plans once for a connection: for those made with every booking.

Planning them took most of the time that they took (docs/decisions/0017-prepared-statements.md). The
database keeps to one plan only where no value changes what is the best: a key is compared with
`=`, not with `ANY`, and what never changes stands in the text.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import psycopg
from django.db import NotSupportedError, connection
from django.db.backends.utils import CursorWrapper


@contextmanager
def prepared(statement: str, values: Sequence[Any] | Mapping[str, Any]) -> Iterator[CursorWrapper]:
    """A cursor that has carried out the statement, counted and logged as Django's are.

    Its values go beside the statement, so that the text is always the same. All other statements
    carry them in the text, and are not prepared.

    A migration that changes the type of what a statement answers spoils its plan. Outside a
    transaction it is planned anew. Within one `NotSupportedError` is raised, once for a connection:
    the rollback forgets all plans.
    """
    cursor = _bare_cursor()
    try:
        cursor.execute(statement, values)
    except NotSupportedError:
        if connection.in_atomic_block:
            raise
        connection.close()
        cursor = _bare_cursor()
        cursor.execute(statement, values)
    with cursor:
        yield cursor


def _bare_cursor() -> CursorWrapper:
    """As Django's of a connection that still answers, but for one that binds at the server."""
    connection.close_if_health_check_failed()
    connection.ensure_connection()
    bare = psycopg.Cursor(connection.connection)
    return connection._prepare_cursor(bare)  # type: ignore[attr-defined, no-any-return]
