"""Working days in England: Monday to Friday without the bank holidays.

Bank holidays are those of the Banking and Financial Dealings Act 1971, schedule 1, with the
substitute days and extra ones that are proclaimed under section 1, as the `holidays` library
lists them for England.
"""

from datetime import date, datetime, time, timedelta
from functools import cache

from holidays.countries.united_kingdom import UnitedKingdom

from booking.catalogue.models import Session
from booking.wording import LONDON

# Offices close at five; a notice given by then can still be acted upon.
END_OF_WORKING_DAY = time(17)


# The library works out each year when it is first asked for. The class is named outright, because
# looking it up by country code loads every country, in the first request that asks.
_BANK_HOLIDAYS = UnitedKingdom(subdiv="ENG")  # type: ignore[no-untyped-call]


def is_working_day(day: date) -> bool:
    """Whether people at work in England are usually at work on this day."""
    return day.weekday() < 5 and day not in _BANK_HOLIDAYS


@cache
def working_days_before(day: date, number: int) -> date:
    """The working day that lies this many working days before `day`; `day` itself for 0.

    `day` need not be a working day: one working day before a Sunday is the Friday.
    """
    while number > 0:
        day -= timedelta(days=1)
        number -= is_working_day(day)
    return day


def free_cancellation_until(session: Session) -> datetime:
    """By when people should give up a place so that somebody else can have it.

    That is 5pm in London on the working day that lies the session's cancellation notice before
    the day of its first sitting. Without a notice it is the start.
    """
    if not session.cancellation_notice_days:
        return session.starts_at
    first_day = session.starts_at.astimezone(LONDON).date()
    last_day = working_days_before(first_day, session.cancellation_notice_days)
    return datetime.combine(last_day, END_OF_WORKING_DAY, LONDON)
