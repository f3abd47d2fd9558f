"""Statements that are prepared outlive what happens to their connection and their tables."""

from collections.abc import Iterator

import psycopg
import pytest
from django.db import DataError, NotSupportedError, connection, transaction

from booking.site.prepared import prepared

pytestmark = pytest.mark.django_db(transaction=True)
_STATEMENT = "SELECT words FROM looked_at WHERE key = %s"


@pytest.fixture(autouse=True)
def _looked_at() -> Iterator[None]:
    """A table that others may change, with one row."""
    _elsewhere("CREATE TABLE looked_at (key integer, words varchar(10))")
    _elsewhere("INSERT INTO looked_at VALUES (1, 'one')")
    yield
    _elsewhere("DROP TABLE looked_at")


def _elsewhere(statement: str) -> None:
    """By another connection, as a migration would."""
    with psycopg.connect(**connection.get_connection_params(), autocommit=True) as other:
        other.execute(statement.encode())


def _read() -> str:
    with prepared(_STATEMENT, [1]) as cursor:
        return str(cursor.fetchone()[0])


def _plans() -> int:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM pg_prepared_statements WHERE statement LIKE '%looked_at%'"
        )
        return int(cursor.fetchone()[0])


def test_one_plan_is_made_however_often_it_is_asked() -> None:
    assert [_read() for _ in range(7)] == ["one"] * 7
    assert _plans() == 1


def test_it_is_asked_again_after_a_rollback_and_a_savepoint() -> None:
    for _ in range(2):
        with transaction.atomic():
            assert _read() == "one"
            transaction.set_rollback(True)
        assert _read() == "one"
    with transaction.atomic():
        for _ in range(2):
            with pytest.raises(DataError), transaction.atomic(), prepared("SELECT 1 / %s", [0]):
                pass
            assert _read() == "one"
    assert _read() == "one"


def test_it_is_asked_again_after_the_connection_was_lost_between_two_requests() -> None:
    assert _read() == "one"
    process = connection.connection.info.backend_pid
    # As a request begins.
    connection.close_if_unusable_or_obsolete()
    _elsewhere(f"SELECT pg_terminate_backend({process}, 5000)")
    assert _read() == "one"
    assert connection.connection.info.backend_pid != process


def test_it_is_planned_anew_when_a_migration_changes_what_it_answers() -> None:
    assert _read() == "one"
    _elsewhere("ALTER TABLE looked_at ALTER words TYPE varchar(20)")
    assert _read() == "one"
    _elsewhere("ALTER TABLE looked_at ADD more integer")
    assert _read() == "one"


def test_within_a_transaction_a_changed_answer_costs_that_one_and_no_other() -> None:
    assert _read() == "one"
    _elsewhere("ALTER TABLE looked_at ALTER words TYPE varchar(20)")
    with pytest.raises(NotSupportedError), transaction.atomic():
        _read()
    for _ in range(2):
        with transaction.atomic():
            assert _read() == "one"
