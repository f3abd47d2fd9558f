"""Statements that the database plans once for a connection: for those made with every booking.

Planning them took most of the time that they took (docs/decisions/0017-prepared-statements.md). The
database keeps to one plan only where no value changes what is the best: a key is compared with
`=`, not with `ANY`, and what never changes stands in the text.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import psycopg
from django.db import connection
from django.db.backends.utils import CursorWrapper


@contextmanager
def prepared(statement: str, values: Sequence[Any] | Mapping[str, Any]) -> Iterator[CursorWrapper]:
    """A cursor that has carried out the statement, counted and logged as Django's are.

    Its values go beside the statement, so that the text is always the same. All other statements
    carry them in the text, and are not prepared.
    """
    connection.ensure_connection()
    bare = psycopg.Cursor(connection.connection)
    with connection._prepare_cursor(bare) as cursor:  # type: ignore[attr-defined]
        cursor.execute(statement, values)
        yield cursor
