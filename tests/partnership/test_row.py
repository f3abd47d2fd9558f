"""The partnership's row: there is one, a process keeps it for a second, and changes are logged."""

import time
from collections.abc import Iterator

import pytest
import structlog
from django.db import IntegrityError, transaction
from pytest_django import DjangoAssertNumQueries

from booking.partnership import kept
from booking.partnership.kept import SettingsChangedMeanwhile, change, the_partnership
from booking.partnership.models import Partnership

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def nothing_read_yet() -> Iterator[None]:
    """As in a process that has just started."""
    kept.forget()
    yield
    kept.forget()


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """What the clock of the process shows, as the only item."""
    shown = [1000.0]
    monkeypatch.setattr(time, "monotonic", lambda: shown[0])
    return shown


def refused(**columns: object) -> str:
    """What the database says to such a row."""
    with pytest.raises(IntegrityError) as error, transaction.atomic():
        Partnership.objects.create(**columns)
    return str(error.value)


def test_the_database_holds_one_row_only() -> None:
    Partnership.objects.create()
    assert "duplicate key" in refused()
    assert "partnership_is_one_row" in refused(id=2)


def test_the_database_refuses_no_name_and_what_is_no_colour() -> None:
    assert "partnership_has_a_name" in refused(name="")
    assert "partnership_colour_is_hex" in refused(colour="#12345;")
    assert "partnership_colour_is_hex" in refused(colour="#ABCDEF")


def test_until_somebody_changes_it_there_is_a_partnership_but_no_row() -> None:
    assert the_partnership().name == "Safeguarding Children Partnership"
    assert not Partnership.objects.exists()
    change(values={"welcome": "Hello"}, by=None)
    assert the_partnership().welcome == "Hello"
    assert the_partnership().name == "Safeguarding Children Partnership"


def test_it_is_read_once_a_second(
    clock: list[float], django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    the_partnership()
    Partnership.objects.create(name="Leeds")
    clock[0] += 0.99
    with django_assert_num_queries(0):
        assert the_partnership().name != "Leeds"
    clock[0] += 0.02
    with django_assert_num_queries(1):
        assert the_partnership().name == "Leeds"
        assert the_partnership().logo_url == ""


def test_whoever_changes_it_sees_it_at_once() -> None:
    the_partnership()
    change(values={"name": "Leeds"}, by=None)
    assert the_partnership().name == "Leeds"


def test_a_change_of_what_became_another_meanwhile_is_refused() -> None:
    change(values={"name": "Leeds"}, by=None, expected_revision=0)
    with pytest.raises(SettingsChangedMeanwhile):
        change(values={"name": "York"}, by=None, expected_revision=0)
    assert the_partnership().name == "Leeds"
    change(values={"name": "York"}, by=None, expected_revision=1)
    assert the_partnership().name == "York"


def test_the_log_says_who_changed_which_columns_and_not_to_what() -> None:
    with structlog.testing.capture_logs() as lines:
        change(values={"name": "Leeds", "help_email": "sam@leeds.example", "welcome": ""}, by=7)
        change(values={"name": "Leeds"}, by=8)
    [line] = lines
    assert line["event"] == "partnership_changed"
    assert (line["by"], line["columns"]) == (7, ["name", "help_email"])
    assert "sam@" not in str(line)
