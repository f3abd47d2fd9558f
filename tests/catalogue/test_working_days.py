"""Working days in England, and until when a place may be given up without harm."""

from datetime import UTC, date, datetime

import pytest

from booking.catalogue.models import Session
from booking.catalogue.policies import CancellationPolicy
from booking.catalogue.working_days import (
    free_cancellation_until,
    is_working_day,
    working_days_before,
)


@pytest.mark.parametrize(
    ("day", "expected"),
    [
        (date(2027, 2, 9), True),
        (date(2027, 2, 6), False),
        (date(2027, 2, 7), False),
        (date(2027, 1, 1), False),
        (date(2027, 3, 26), False),  # Good Friday
        (date(2027, 3, 29), False),  # Easter Monday
        (date(2027, 5, 3), False),
        (date(2027, 5, 31), False),
        (date(2027, 8, 30), False),  # not a bank holiday in Scotland
        (date(2027, 8, 2), True),  # one in Scotland
        (date(2027, 12, 27), False),  # instead of Christmas Day, a Saturday
        (date(2027, 12, 28), False),  # instead of Boxing Day, a Sunday
        (date(2027, 12, 29), True),
    ],
)
def test_working_days(day: date, expected: bool) -> None:
    assert is_working_day(day) is expected


@pytest.mark.parametrize(
    ("day", "number", "expected"),
    [
        (date(2027, 2, 9), 0, date(2027, 2, 9)),
        (date(2027, 2, 7), 0, date(2027, 2, 7)),
        (date(2027, 2, 9), 1, date(2027, 2, 8)),
        (date(2027, 2, 8), 1, date(2027, 2, 5)),
        (date(2027, 2, 7), 1, date(2027, 2, 5)),
        (date(2027, 2, 9), 5, date(2027, 2, 2)),
        (date(2027, 3, 30), 1, date(2027, 3, 25)),  # over Easter
        (date(2027, 12, 29), 1, date(2027, 12, 24)),
        (date(2027, 1, 4), 2, date(2026, 12, 30)),
    ],
)
def test_counting_back(day: date, number: int, expected: date) -> None:
    assert working_days_before(day, number) == expected


def session(starts_at: datetime, notice: int) -> Session:
    return Session(starts_at=starts_at, policy=CancellationPolicy(notice_days=notice))


def test_a_place_can_be_given_up_until_the_end_of_the_last_day_of_notice() -> None:
    until = free_cancellation_until(session(datetime(2027, 2, 9, 9, 30, tzinfo=UTC), 5))
    assert until == datetime(2027, 2, 2, 17, 0, tzinfo=UTC)


def test_the_end_of_the_day_is_told_by_the_london_clock() -> None:
    in_summer = free_cancellation_until(session(datetime(2027, 7, 6, 8, 30, tzinfo=UTC), 1))
    assert in_summer == datetime(2027, 7, 5, 16, 0, tzinfo=UTC)
    across_the_change = free_cancellation_until(
        session(datetime(2027, 3, 30, 8, 30, tzinfo=UTC), 1)
    )
    assert across_the_change == datetime(2027, 3, 25, 17, 0, tzinfo=UTC)


def test_without_notice_a_place_can_be_given_up_until_the_start() -> None:
    starts = datetime(2027, 2, 9, 9, 30, tzinfo=UTC)
    assert free_cancellation_until(session(starts, 0)) == starts
