"""The programme as the leaf of a wall calendar."""

import calendar
from collections import defaultdict
from collections.abc import Iterable, Iterator
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
    def last(self) -> date:
        """Its last day."""
        return self.next.first - timedelta(days=1)

    @property
    def starts_at(self) -> datetime:
        """Its first moment."""
        return datetime.combine(self.first, time(), tzinfo=LONDON)

    @property
    def ends_at(self) -> datetime:
        """The first moment after it."""
        return self.next.starts_at


@dataclass(frozen=True)
class OnDay:
    """A sitting on one of the days that it touches; `continues` on all but its first."""

    sitting: Sitting
    continues: bool


@dataclass(frozen=True)
class Day:
    """One cell of the calendar."""

    on: date
    sittings: list[OnDay]
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


def _days(first: date, last: date) -> Iterator[date]:
    """Every day from the first to the last."""
    for number in range((last - first).days + 1):
        yield first + timedelta(days=number)


def weeks(
    month: Month, *, sittings: Iterable[Sitting], diary_dates: Iterable[DiaryDate], today: date
) -> list[list[Day]]:
    """The month's weeks from Monday to Sunday, with what happens on its own days."""
    by_day: dict[date, list[OnDay]] = defaultdict(list)
    for sitting in sittings:
        first = sitting.starts_at.astimezone(LONDON).date()
        # One that ends at midnight is over on the day before.
        last = (sitting.ends_at.astimezone(LONDON) - timedelta.resolution).date()
        for on in _days(max(first, month.first), min(last, month.last)):
            by_day[on].append(OnDay(sitting, continues=on > first))
    diary: dict[date, list[DiaryDate]] = defaultdict(list)
    for entry in diary_dates:
        for on in _days(max(entry.starts, month.first), min(entry.ends, month.last)):
            diary[on].append(entry)
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
