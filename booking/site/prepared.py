"""Statements that the database plans once for a connection: for those made with every booking.

Planning them took most of the time that they took (docs/decisions/0017-prepared-statements.md). The
database keeps to one plan only where no value changes what is the best: a key is compared with
`=`, not with `ANY`, and what never changes stands in the text.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import psycopg
from django.db import DEFAULT_DB_ALIAS, Error, NotSupportedError, connections
from django.db.backends.utils import CursorWrapper
from psycopg.pq import PipelineStatus


@contextmanager
def prepared(
    statement: str, values: Sequence[Any] | Mapping[str, Any], *, only_reads: bool = False
) -> Iterator[CursorWrapper]:
    """A cursor that has carried out the statement, counted and logged as Django's are.

    Its values go beside the statement, so that the text is always the same. All other statements
    carry them in the text, and are not prepared.

    A migration that changes the type of what a statement answers spoils its plan. Outside a
    transaction it is planned anew. Within one `NotSupportedError` is raised, once for a connection:
    the rollback forgets all plans.

    Of a connection that was left by an earlier request, one that `only_reads` finds out whether it
    still stands, so that nothing is asked for that alone.
    """
    connection: Any = connections[DEFAULT_DB_ALIAS]
    is_free = connection.connection is not None and not connection.in_atomic_block
    is_left = only_reads and is_free and not connection.health_check_done
    if is_left:
        connection.health_check_done = True
    try:
        cursor = _carried_out(statement, values)
    except Error as error:
        is_spoilt = isinstance(error, NotSupportedError)
        if connection.in_atomic_block or not (
            is_spoilt or (is_left and not connection.is_usable())
        ):
            raise
        connection.close()
        cursor = _carried_out(statement, values)
    with cursor:
        yield cursor


@contextmanager
def together() -> Iterator[None]:
    """The prepared statements within are sent at once, in their order, in one round trip.

    What they answer is read afterwards. The first error is raised by a later statement, if the
    database has answered by then, or else at the end; none after it has been carried out. For
    statements that are prepared, and `insert`: of all others Django asks how many rows they
    changed, and is told a wrong number.
    """
    connection = connections[DEFAULT_DB_ALIAS]
    connection.close_if_health_check_failed()
    connection.ensure_connection()
    with connection.wrap_database_errors, connection.connection.pipeline():
        yield


def are_together() -> bool:
    """Whether statements are sent without waiting for an answer, as within `together`."""
    link = connections[DEFAULT_DB_ALIAS].connection
    return link is not None and link.pgconn.pipeline_status != PipelineStatus.OFF


def answers(*asked: tuple[str, Sequence[Any] | Mapping[str, Any]]) -> list[list[Any]]:
    """The rows of each of these statements with its values, `together`."""
    with together():
        cursors = [_carried_out(*each) for each in asked]
    return [cursor.fetchall() for cursor in cursors]


def _carried_out(statement: str, values: Sequence[Any] | Mapping[str, Any]) -> CursorWrapper:
    """As by Django's cursor of a connection that still answers, but bound at the server."""
    connection: Any = connections[DEFAULT_DB_ALIAS]
    connection.close_if_health_check_failed()
    connection.ensure_connection()
    cursor: CursorWrapper = connection._prepare_cursor(psycopg.Cursor(connection.connection))
    cursor.execute(statement, values)
    return cursor
