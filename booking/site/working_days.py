"""Working days and working hours in England: Monday to Friday, 9 to 5, without bank holidays.

Bank holidays are those of the Banking and Financial Dealings Act 1971, schedule 1, with the
substitute days and extra ones that are proclaimed under section 1, as the `holidays` library
lists them for England.
"""

from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime, time, timedelta
from functools import cache

from booking.site.wording import LONDON

START_OF_WORKING_DAY = time(9)
# Offices close at five; a notice given by then can still be acted upon.
END_OF_WORKING_DAY = time(17)
# No offer is shorter: nobody reads mail the minute it comes.
SHORTEST_OFFER = timedelta(hours=1)


@cache
def _bank_holidays() -> Mapping[date, str]:
    """Each year is worked out when it is first asked for.

    The library is loaded here, as it loads every country with the one that is asked for; most
    pages ask for no working day.
    """
    from holidays.countries.united_kingdom import UnitedKingdom

    return UnitedKingdom(subdiv="ENG")  # type: ignore[no-untyped-call]


def is_working_day(day: date) -> bool:
    """Whether people at work in England are usually at work on this day."""
    return day.weekday() < 5 and day not in _bank_holidays()


def bank_holiday(day: date) -> str:
    """The name of the bank holiday that this day is, or nothing."""
    return str(_bank_holidays().get(day, ""))


@cache
def working_days_before(day: date, number: int) -> date:
    """The working day that lies this many working days before `day`; `day` itself for 0.

    `day` need not be a working day: one working day before a Sunday is the Friday.
    """
    while number > 0:
        day -= timedelta(days=1)
        number -= is_working_day(day)
    return day


def working_days_between(first: date, last: date) -> int:
    """How many working days lie from the first day on until before the last."""
    return sum(
        is_working_day(first + timedelta(days=number)) for number in range((last - first).days)
    )


def end_of_working_day_before(moment: datetime, number: int) -> datetime:
    """5pm in London on the working day that lies this many working days before a moment's day."""
    day = working_days_before(moment.astimezone(LONDON).date(), number)
    return datetime.combine(day, END_OF_WORKING_DAY, LONDON)


def free_until(starts_at: datetime, notice_days: int) -> datetime:
    """Until when a place on a session that starts then can be given up free of charge.

    That is 5pm in London on the working day that lies the notice before the day of the first
    sitting. Without a notice it is the start.
    """
    return end_of_working_day_before(starts_at, notice_days) if notice_days else starts_at


def after_working_days(moment: datetime, number: int) -> datetime:
    """5pm in London on the working day that lies this many working days after a moment's day."""
    day = moment.astimezone(LONDON).date()
    while number > 0:
        day += timedelta(days=1)
        number -= is_working_day(day)
    return datetime.combine(day, END_OF_WORKING_DAY, LONDON)


def _working_blocks(moment: datetime) -> Iterator[tuple[datetime, datetime]]:
    """The stretches of working time from a moment on, without end."""
    day = moment.astimezone(LONDON).date()
    while True:
        if is_working_day(day):
            starts = datetime.combine(day, START_OF_WORKING_DAY, LONDON).astimezone(UTC)
            ends = datetime.combine(day, END_OF_WORKING_DAY, LONDON).astimezone(UTC)
            if ends > moment:
                yield max(starts, moment.astimezone(UTC)), ends
        day += timedelta(days=1)


def after_working_time(moment: datetime, length: timedelta) -> datetime:
    """The moment at which this much working time has passed; always within working hours."""
    for starts, ends in _working_blocks(moment):
        if ends - starts >= length:
            return starts + length
        length -= ends - starts
    raise AssertionError("Working days never end.")


def working_time_until(moment: datetime, end: datetime, *, at_most: timedelta) -> timedelta:
    """How much working time lies between two moments; counting stops at `at_most`."""
    passed = timedelta()
    for starts, ends in _working_blocks(moment):
        if starts >= end or passed >= at_most:
            break
        passed += min(ends, end) - starts
    return min(passed, at_most)


def offer_end(*, now: datetime, starts_at: datetime, hours: int) -> datetime:
    """Until when a place that is offered now is held: so many working hours from now.

    As the start nears it is half of the working time that is left, but an hour at least. It never
    ends at night, at a weekend or on a bank holiday; where less than a working hour is left, it
    ends with the start.
    """
    usual = timedelta(hours=hours)
    left = working_time_until(now, starts_at, at_most=max(2 * usual, SHORTEST_OFFER))
    if left < SHORTEST_OFFER:
        return starts_at
    return after_working_time(now, max(SHORTEST_OFFER, min(usual, left / 2)))
