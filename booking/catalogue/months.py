"""The programme as the leaf of a wall calendar."""

import calendar
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from booking.catalogue.models import DiaryDate, Sitting
from booking.site.wording import LONDON, MONTHS

# Years that a calendar is drawn for; beyond them somebody is only playing with the address.
_FIRST_YEAR, _LAST_YEAR = 2000, 2099


def first_of_month(day: date) -> date:
    """The first day of its month."""
    return day.replace(day=1)


def months_later(day: date, number: int) -> date:
    """The same day of a later (or, below zero, earlier) month, or that month's last day."""
    year, month = divmod(day.year * 12 + day.month - 1 + number, 12)
    return date(year, month + 1, min(day.day, calendar.monthrange(year, month + 1)[1]))


@dataclass(frozen=True)
class Month:
    """One month of the programme's calendar."""

    first: date

    @classmethod
    def parse(cls, text: str) -> "Month":
        """From "2027-02". Raises `ValueError` for anything else."""
        first = date.fromisoformat(f"{text}-01")
        if not _FIRST_YEAR <= first.year <= _LAST_YEAR:
            raise ValueError(text)
        return cls(first)

    def __str__(self) -> str:
        return f"{MONTHS[self.first.month - 1]} {self.first.year}"

    @property
    def slug(self) -> str:
        """As in an address: "2027-02"."""
        return f"{self.first:%Y-%m}"

    @property
    def previous(self) -> "Month":
        """The month before."""
        return Month(months_later(self.first, -1))

    @property
    def next(self) -> "Month":
        """The month after."""
        return Month(months_later(self.first, 1))

    @property
    def starts_at(self) -> datetime:
        """Its first moment."""
        return datetime.combine(self.first, time(), tzinfo=LONDON)

    @property
    def ends_at(self) -> datetime:
        """The first moment after it."""
        return self.next.starts_at


@dataclass(frozen=True)
class Day:
    """One cell of the calendar."""

    on: date
    sittings: list[Sitting]
    diary_dates: list[DiaryDate]
    is_outside: bool
    is_today: bool

    @property
    def is_empty(self) -> bool:
        """Whether nothing happens on it."""
        return not self.sittings and not self.diary_dates

    @property
    def is_weekend(self) -> bool:
        """Whether it is a Saturday or Sunday."""
        return self.on.weekday() >= calendar.SATURDAY


def weeks(
    month: Month, *, sittings: Iterable[Sitting], diary_dates: Iterable[DiaryDate], today: date
) -> list[list[Day]]:
    """The month's weeks from Monday to Sunday, with what happens on its own days."""
    by_day: dict[date, list[Sitting]] = defaultdict(list)
    for sitting in sittings:
        by_day[sitting.starts_at.astimezone(LONDON).date()].append(sitting)
    diary: dict[date, list[DiaryDate]] = defaultdict(list)
    for entry in diary_dates:
        on = max(entry.starts, month.first)
        while on <= entry.ends and on < month.next.first:
            diary[on].append(entry)
            on += timedelta(days=1)
    return [
        [
            Day(
                on=on,
                sittings=by_day[on],
                diary_dates=diary[on],
                is_outside=on.month != month.first.month,
                is_today=on == today,
            )
            for on in week
        ]
        for week in calendar.Calendar(calendar.MONDAY).monthdatescalendar(
            month.first.year, month.first.month
        )
    ]
