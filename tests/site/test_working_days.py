"""Working days in England, and until when a place may be given up without harm."""

from datetime import UTC, date, datetime, time, timedelta

import pytest
from hypothesis import given
from hypothesis.strategies import datetimes, integers, just, timedeltas

from booking.site.wording import LONDON
from booking.site.working_days import (
    after_working_days,
    after_working_time,
    free_until,
    is_working_day,
    offer_end,
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


def test_a_place_can_be_given_up_until_the_end_of_the_last_day_of_notice() -> None:
    until = free_until(datetime(2027, 2, 9, 9, 30, tzinfo=UTC), 5)
    assert until == datetime(2027, 2, 2, 17, 0, tzinfo=UTC)


def test_the_end_of_the_day_is_told_by_the_london_clock() -> None:
    in_summer = free_until(datetime(2027, 7, 6, 8, 30, tzinfo=UTC), 1)
    assert in_summer == datetime(2027, 7, 5, 16, 0, tzinfo=UTC)
    across_the_change = free_until(datetime(2027, 3, 30, 8, 30, tzinfo=UTC), 1)
    assert across_the_change == datetime(2027, 3, 25, 17, 0, tzinfo=UTC)


def test_without_notice_a_place_can_be_given_up_until_the_start() -> None:
    starts = datetime(2027, 2, 9, 9, 30, tzinfo=UTC)
    assert free_until(starts, 0) == starts


def london(day: int, hour: int, minute: int = 0, *, month: int = 1, year: int = 2027) -> datetime:
    """A moment in January 2027 unless told otherwise; the 12th is a Tuesday."""
    return datetime(year, month, day, hour, minute, tzinfo=LONDON)


@pytest.mark.parametrize(
    ("now", "starts", "until"),
    [
        # 24 working hours: three working days on.
        (london(12, 9), london(29, 9), london(14, 17)),
        (london(12, 11, 30), london(29, 9), london(15, 11, 30)),
        # Over a weekend; made at night, it begins in the morning.
        (london(15, 12), london(29, 9), london(20, 12)),
        (london(15, 23), london(29, 9), london(20, 17)),
        # Over Easter: Good Friday and Easter Monday 2027 are 26 and 29 March.
        (london(25, 12, month=3), london(30, 9, month=4), london(1, 12, month=4)),
        # Half of what is left as the start nears, an hour at least.
        (london(12, 9), london(13, 13), london(12, 15)),
        (london(12, 9), london(12, 10, 30), london(12, 10)),
        # Less than a working hour is left: it ends with the start.
        (london(16, 10), london(17, 10), london(17, 10)),
        (london(15, 16, 30), london(16, 10), london(16, 10)),
    ],
)
def test_an_offer_ends_in_working_hours(now: datetime, starts: datetime, until: datetime) -> None:
    assert offer_end(now=now, starts_at=starts, hours=24) == until


@given(
    now=datetimes(datetime(2027, 1, 1), datetime(2028, 12, 31), timezones=just(LONDON)),  # noqa: DTZ001
    ahead=timedeltas(timedelta(minutes=1), timedelta(days=60)),
    hours=integers(1, 80),
)
def test_an_offer_never_ends_at_night_at_a_weekend_or_on_a_holiday(
    now: datetime, ahead: timedelta, hours: int
) -> None:
    starts = (now.astimezone(UTC) + ahead).astimezone(LONDON)
    until = offer_end(now=now, starts_at=starts, hours=hours).astimezone(LONDON)
    assert now < until <= starts
    if until != starts:
        assert is_working_day(until.date())
        assert time(9) < until.time() <= time(17)


def test_working_time_stops_at_night_and_goes_on_in_the_morning() -> None:
    assert after_working_time(london(12, 16), timedelta(hours=2)) == london(13, 10)
    assert after_working_time(london(16, 12), timedelta(hours=1)) == london(18, 10)
    # The clocks go forward on 28 March 2027, and back on 31 October.
    before, after = london(25, 16, month=3), london(30, 10, month=3)
    assert after_working_time(before, timedelta(hours=2)) == after
    before, after = london(29, 16, month=10), london(1, 10, month=11)
    assert after_working_time(before, timedelta(hours=2)) == after


def test_five_working_days_after_the_thursday_before_easter() -> None:
    assert after_working_days(london(25, 12, month=3), 5) == london(5, 17, month=4)
