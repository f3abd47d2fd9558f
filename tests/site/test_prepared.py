"""Statements that are prepared outlive what happens to their connection and their tables."""

import time
from collections.abc import Iterator, Sequence

import psycopg
import pytest
from django.db import (
    DataError,
    IntegrityError,
    NotSupportedError,
    OperationalError,
    connection,
    transaction,
)

from accounts.models import PractitionerGroup
from booking.site.inserting import insert
from booking.site.prepared import answers, are_together, prepared, together

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


def _read(*, only_reads: bool = False) -> str:
    with prepared(_STATEMENT, [1], only_reads=only_reads) as cursor:
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


@pytest.mark.parametrize("only_reads", [True, False])
def test_it_is_asked_again_after_the_connection_was_lost_between_two_requests(
    *, only_reads: bool
) -> None:
    assert _read() == "one"
    process = connection.connection.info.backend_pid
    # As a request begins.
    connection.close_if_unusable_or_obsolete()
    _elsewhere(f"SELECT pg_terminate_backend({process}, 5000)")
    assert _read(only_reads=only_reads) == "one"
    assert connection.connection.info.backend_pid != process


def test_what_may_have_written_is_not_asked_again_when_the_connection_is_lost_meanwhile() -> None:
    assert _read() == "one"
    process = connection.connection.info.backend_pid
    connection.close_if_unusable_or_obsolete()
    assert _read(only_reads=True) == "one"
    _elsewhere(f"SELECT pg_terminate_backend({process}, 5000)")
    with pytest.raises(OperationalError):
        _read()
    connection.close()


def test_whatever_else_goes_wrong_with_a_first_read_is_said_at_once() -> None:
    assert _read() == "one"
    process = connection.connection.info.backend_pid
    connection.close_if_unusable_or_obsolete()
    with pytest.raises(DataError), prepared("SELECT 1 / %s", [0], only_reads=True):
        pass
    assert connection.connection.info.backend_pid == process


def test_what_is_sent_together_is_answered_in_order() -> None:
    assert answers((_STATEMENT, [1]), (_STATEMENT, [2]), (_STATEMENT, [1])) == [
        [("one",)],
        [],
        [("one",)],
    ]


@pytest.mark.parametrize("pause", [0, 0.2], ids=["at its end", "by a later statement"])
def test_the_first_error_of_what_is_sent_together_is_raised_by_its_end(pause: float) -> None:
    def send(names: Sequence[str]) -> None:
        with transaction.atomic(), together():
            for name in names:
                insert([PractitionerGroup(name=name)])
                time.sleep(pause)

    with pytest.raises(IntegrityError, match="third"):
        send(("first", "third", "third", "fourth", "first"))
    # The connection stands, and is as before.
    assert not are_together()
    assert not PractitionerGroup.objects.exists()
    assert _read() == "one"


def test_rows_that_are_inserted_together_keep_the_keys_they_have_and_are_given_none() -> None:
    several = [PractitionerGroup(name="second"), PractitionerGroup(name="third")]
    with transaction.atomic(), together():
        insert([first := PractitionerGroup(pk=70_001, name="first")])
        insert(several)
    assert first.pk == PractitionerGroup.objects.get(name="first").pk == 70_001
    assert [row.pk for row in several] == [None, None]
    insert(later := [PractitionerGroup(name="fourth"), PractitionerGroup(name="fifth")])
    assert {row.pk: row.name for row in later} == dict(
        PractitionerGroup.objects.filter(name__in=("fourth", "fifth")).values_list("pk", "name")
    )
    assert PractitionerGroup.objects.count() == 5


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
