"""Days and times as spreadsheets in Britain write them, without a time zone.

Slashed dates are day/month/year. Whether a file means so is told by all its dates together: see
`only_month_first`.
"""

import re
from collections.abc import Iterator
from datetime import date, datetime

_YEARS = range(2000, 2101)
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_SLASHED = r"\d{1,2}/\d{1,2}/\d{4}"
_DAY = (
    rf"(?:\d{{4}}-\d{{1,2}}-\d{{1,2}}|{_SLASHED}"
    r"|(?:[A-Za-z]{3,9},? )?\d{1,2}(?:st|nd|rd|th)?[ -][A-Za-z]{3,9},?[ -]\d{4})"
)
_TIME = r"(?:\d{1,2}[:.]\d{2}(?::\d{2})?(?: ?[ap]\.?m\.?)?|\d{1,2} ?[ap]\.?m\.?)"
_MOMENT = re.compile(rf"({_DAY})(?:T|,? (?:at )?)({_TIME})", re.IGNORECASE)
_SITTING = re.compile(
    rf"({_DAY})(?:T|,? (?:at )?)({_TIME}) ?(?:/|-|–|—|to|until) ?"
    rf"(?:({_DAY})(?:T|,? (?:at )?))?({_TIME})",
    re.IGNORECASE,
)
_DAY_ONLY = re.compile(rf"({_DAY})(?:[T ]0?0:00(?::00)?)?", re.IGNORECASE)
_NUMBERS = re.compile(r"[0-9]+")
_ANY_SLASHED = re.compile(r"(?<![0-9])([0-9]{1,2})/([0-9]{1,2})/[0-9]{4}")
_MINUTES = re.compile(r"\d{1,2}[:.](\d{2})")


class BadCell(Exception):
    """A cell cannot be used; `reasons` are phrases such as 'is "x", which is not a number'."""

    def __init__(self, *reasons: str) -> None:
        super().__init__("; ".join(reasons))
        self.reasons = reasons


def only_month_first(cell: str) -> str:
    """The first date in the cell that can only be month/day/year; nothing if there is none."""
    for found in _ANY_SLASHED.finditer(cell):
        if int(found[1]) <= len(_MONTHS) < int(found[2]) <= 31:
            return found[0]
    return ""


def calendar_day(cell: str) -> date:
    """A date such as 2027-02-09, 09/02/2027 or 9 February 2027."""
    found = _DAY_ONLY.fullmatch(" ".join(cell.split()))
    if not found:
        raise BadCell(f'is "{cell}"; write a date like 2027-02-09 or 09/02/2027')
    return _checked(*_parts_of_day(found[1]), told=f"is {cell}, a date that does not exist").date()


def wall_time(cell: str) -> datetime:
    """A date and time on the clock, such as 2027-02-09T09:30 or 09/02/2027 9:30am."""
    found = _MOMENT.fullmatch(" ".join(cell.split()))
    if not found:
        raise BadCell(f'has "{cell}"; write a time like 2027-02-09T09:30 or 09/02/2027 9:30')
    return _moment(found[1], found[2], cell)


def sitting(cell: str) -> tuple[datetime, datetime]:
    """Start and end on the clock, with a stroke, a dash or "to" between them.

    An end without a date is on the same day.
    """
    found = _SITTING.fullmatch(" ".join(cell.split()))
    if not found:
        raise BadCell(
            f'has "{cell}"; write start/end like 2027-02-09T09:30/2027-02-09T12:30'
            " or 09/02/2027 9:30 - 12:30"
        )
    first, begins, last, ends = found.groups()
    last = last or first
    return _moment(first, begins, f"{first}T{begins}"), _moment(last, ends, f"{last}T{ends}")


def _moment(day: str, time: str, cell: str) -> datetime:
    told = f"has {cell}, a date or time that does not exist"
    return _checked(*_parts_of_day(day), *_parts_of_time(time), told=told)


def _parts_of_day(text: str) -> Iterator[int]:
    """Year, month and day."""
    numbers = [int(each) for each in _NUMBERS.findall(text)]
    if len(numbers) == 3:
        if text[4:5] != "-":
            numbers.reverse()
        yield from numbers
        return
    name = re.findall("[A-Za-z]{3,}", text)[-1].lower()
    yield numbers[1]
    yield _MONTHS.index(name[:3]) + 1 if name[:3] in _MONTHS else 0
    yield numbers[0]


def _parts_of_time(text: str) -> tuple[int, int]:
    """Hour and minute; an hour that does not exist is 24."""
    hour, found = int(_NUMBERS.findall(text)[0]), _MINUTES.match(text)
    half = text.lower().replace(".", "").replace(" ", "").rstrip("m")[-1]
    if half in "ap":
        hour = hour % 12 + (12 if half == "p" else 0) if 1 <= hour <= 12 else 24
    return hour, int(found[1]) if found else 0


def _checked(*parts: int, told: str) -> datetime:
    try:
        found = datetime(*parts)  # type: ignore[arg-type]  # noqa: DTZ001 - on the clock
    except ValueError:
        raise BadCell(told) from None
    if found.year not in _YEARS:
        raise BadCell(f"has the year {found.year}; it must be from {_YEARS[0]} to {_YEARS[-1]}")
    return found
