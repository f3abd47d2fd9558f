"""Dates, times and counts as people read them.

One place for the words, used by pages, mail and the sentences of refusals alike. Moments are
aware datetimes and are told in the time of the partnership, Europe/London; a plain date is told
as it is.
"""

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

LONDON = ZoneInfo("Europe/London")

# Not strftime's names: those follow the locale of the process.
WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
MONTHS = (
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
)

_NEAR = {-1: "yesterday", 0: "today", 1: "tomorrow"}


def in_london(moment: datetime) -> datetime:
    """The moment in the time of the partnership. Raises `ValueError` if it has no time zone."""
    if moment.tzinfo is None:
        raise ValueError("A moment needs a time zone to be told to people.")
    return moment.astimezone(LONDON)


def _calendar_day(moment: date) -> date:
    return in_london(moment).date() if isinstance(moment, datetime) else moment


def day(moment: date) -> str:
    """The full date: "Tuesday 9 February 2027"."""
    on = _calendar_day(moment)
    return f"{WEEKDAYS[on.weekday()]} {on.day} {MONTHS[on.month - 1]} {on.year}"


def short_day(moment: date) -> str:
    """The date where room is short: "Tue 9 Feb 2027"."""
    on = _calendar_day(moment)
    return f"{WEEKDAYS[on.weekday()][:3]} {on.day} {MONTHS[on.month - 1][:3]} {on.year}"


def clock(moment: datetime) -> str:
    """The time of day: "9:30am", "2pm", "12pm" at noon and "midnight" when a day begins."""
    at = in_london(moment)
    if at.hour == 0 and at.minute == 0:
        return "midnight"
    minutes = f":{at.minute:02d}" if at.minute else ""
    return f"{at.hour % 12 or 12}{minutes}{'am' if at.hour < 12 else 'pm'}"


def sitting_times(starts: datetime, ends: datetime) -> str:
    """When a sitting is: "Tuesday 9 February 2027, 9:30am to 12:30pm".

    A sitting that runs past midnight names both days.
    """
    first, last = day(starts), day(ends)
    if first == last:
        return f"{first}, {clock(starts)} to {clock(ends)}"
    return f"{first}, {clock(starts)} to {last}, {clock(ends)}"


def times_of_day(spans: Sequence[tuple[datetime, datetime]]) -> str:
    """When sittings are, beside the date of the first: "9:30am to 12:30pm and Mon 18 Jan".

    A date that has other hours names them, and of more than three dates only the last is named.
    """
    (starts, ends), *further = spans
    told = _hours(starts, ends)
    if len(further) > 2:
        last = _near_day(further[-1][0], starts)
        return f"{told}, and {counted(len(further), 'more date')} until {last}"
    others = []
    for begins, finishes in further:
        hours = _hours(begins, finishes)
        on = _near_day(begins, starts)
        others.append(on if hours == told else f"{on}, {hours}")
    return listed([told, *others])


def _hours(starts: datetime, ends: datetime) -> str:
    """From when to when, with the day of the end where that is another."""
    over = "" if day(starts) == day(ends) else f" on {_near_day(ends, starts)}"
    return f"{clock(starts)} to {clock(ends)}{over}"


def _near_day(moment: date, other: date) -> str:
    """The short date of a moment, without its year where it is that of the other."""
    year = str(_calendar_day(other).year)
    return short_day(moment).removesuffix(f" {year}")


def away(moment: datetime, *, now: datetime) -> str:
    """How long until a day, as people say it: "today", "tomorrow", "in 3 days", "in 9 weeks".

    Of a day that is past: "yesterday", "3 days ago".
    """
    days = (_calendar_day(moment) - _calendar_day(now)).days
    if days in _NEAR:
        return _NEAR[days]
    length = counted(abs(days), "day") if abs(days) < 21 else counted(abs(days) // 7, "week")
    return f"in {length}" if days > 0 else f"{length} ago"


def deadline(moment: datetime) -> str:
    """By when something must be done: "9:30am on Tuesday 9 February 2027"."""
    return f"{clock(moment)} on {day(moment)}"


def duration(length: timedelta) -> str:
    """A length of time in hours and minutes: "1 hour 30 minutes". Seconds are left out."""
    hours, minutes = divmod(int(length.total_seconds()) // 60, 60)
    parts = []
    if hours:
        parts.append(counted(hours, "hour"))
    if minutes or not hours:
        parts.append(counted(minutes, "minute"))
    return " ".join(parts)


def elapsed(starts: datetime, ends: datetime) -> timedelta:
    """The time that really passes, also on the night the clocks change."""
    return ends.astimezone(UTC) - starts.astimezone(UTC)


def counted(number: int, singular: str, plural: str = "") -> str:
    """A number with its noun: "1 place", "3 places", "2 people"."""
    return f"{number:,} {singular if number == 1 else plural or singular + 's'}"


def listed(names: Sequence[str], conjunction: str = "and") -> str:
    """Names as a sentence has them: "A", "A and B", "A, B and C"."""
    if len(names) < 2:
        return "".join(names)
    return f"{', '.join(names[:-1])} {conjunction} {names[-1]}"


def in_mails(emails: int, letters: int) -> str:
    """How many emails, and how many letters if there are any: "3 emails and 1 letter"."""
    words = [counted(emails, "email")] if emails or not letters else []
    return listed([*words, counted(letters, "letter")] if letters else words)


def pounds(pence: int) -> str:
    """An amount of money: "£35", "£12.50"."""
    whole, rest = divmod(pence, 100)
    return f"£{whole:,}.{rest:02d}" if rest else f"£{whole:,}"


def working_time(hours: int) -> str:
    """A length of working time, of which a day has eight hours: "3 working days"."""
    days, rest = divmod(hours, 8)
    return counted(hours, "working hour") if rest else counted(days, "working day")
