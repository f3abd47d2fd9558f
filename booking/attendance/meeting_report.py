"""What the report of a meeting says of who was there: those of Teams and Zoom, as they save them.

Only what stands in the file is read here; who somebody is, is found in `recognising.py`. Times in
a report are those of whoever saved it, day first or month first: the day of the sitting decides.
"""

import contextlib
import csv
import io
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta

from booking.catalogue.importing.lettering import Unreadable, read_letters
from booking.catalogue.sittings import Span
from booking.site.characters import fold, trimmed
from booking.site.refusals import Refused
from booking.site.wording import LONDON, day

MOST_BYTES = 2_000_000
MOST_ROWS = 20_000
_COLUMNS_SHOWN = 20

# The names of columns, as `fold` leaves them.
_COLUMNS = {
    "name": ("name", "full name", "name original name", "user name original name", "participant"),
    "email": ("email", "user email", "email address"),
    "upn": ("participant id upn", "participant id", "upn"),
    "join": ("join time", "first join", "first join time"),
    "leave": ("leave time", "last leave", "last leave time"),
    "minutes": (
        "duration minutes",
        "total duration minutes",
        "time in session minutes",
        "in meeting duration minutes",
    ),
    "duration": ("duration", "in meeting duration", "attendance duration"),
    "action": ("user action", "action"),
    "at": ("timestamp",),
    "waiting": ("in waiting room",),
    "attended": ("attended",),
}
_MEANING = {name: column for column, names in _COLUMNS.items() for name in names}
# No meeting is longer than such numbers say.
_MINUTES = re.compile(r"\d{1,5}")
_LENGTH = re.compile(
    r"(?:(\d{1,5})\s*h\w*)?\s*(?:(\d{1,5})\s*m\w*)?\s*(?:(\d{1,5})\s*s\w*)?", re.IGNORECASE
)
_CLOCK_LENGTH = re.compile(r"(\d{1,5}):(\d\d):(\d\d)")
_MOMENT = re.compile(
    r"(?:(?P<year>\d{4})-(?P<month>\d\d?)-(?P<day>\d\d?)"
    r"|(?P<one>\d\d?)[/.](?P<two>\d\d?)[/.](?P<of>\d{2,4})"
    r"|(?P<month_name>[A-Za-z]{3})[a-z]*\.? (?P<a_day>\d\d?),? (?P<in_year>\d{4})"
    r"|(?P<b_day>\d\d?) (?P<b_month>[A-Za-z]{3})[a-z]* (?P<b_year>\d{4}))"
    r"[,T]? *(?P<hour>\d\d?)[:.](?P<minute>\d\d)(?:[:.](?P<second>\d\d)(?:\.\d+)?)?"
    r" *(?P<half>[AaPp])?\.?(?:[Mm]\.?)?(?:Z| ?\(?[A-Z]{3,4}\)?)?",
)
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_PHONE = re.compile(r"\+?[\d\s*xX().-]{6,}")
_YEARS = range(2000, 2100)
_SHIFTS = (timedelta(0), timedelta(hours=1), timedelta(hours=-1))


class ReportRefused(Refused):
    """A file that is not the report of this meeting; the sentence says what was found."""

    field = "report"

    def __init__(self, sentence: str) -> None:
        self.sentence = sentence


@dataclass
class Joiner:
    """Somebody as the report names them, over all times they joined."""

    name: str
    email: str = ""
    # In time of the report; nothing where it tells only how long somebody was there.
    times: list[tuple[datetime, datetime]] = field(default_factory=list)
    # How long in all, where the report says no more.
    length: timedelta | None = None

    @property
    def phone(self) -> str:
        """The number of somebody who dialled in, as far as the report shows it."""
        return self.name if _PHONE.fullmatch(self.name) and not self.email else ""

    @property
    def key(self) -> str:
        """The same for all rows of one person, as far as the report tells."""
        return self.email or fold(self.name)


@dataclass(frozen=True)
class MeetingReport:
    """Everybody whom a report names, in its order."""

    joiners: list[Joiner]

    def minutes(self, some: Sequence[Joiner], *, of: Span) -> int:
        """How many whole minutes of a sitting these were there, however often they joined.

        They are the devices of one person: what overlaps counts once.
        """
        shift = self._shift(of)
        length = of.ends_at - of.starts_at
        spans = sorted(_within(each, shift, of) for one in some for each in one.times)
        found, until = timedelta(0), of.starts_at
        for begins, ends in spans:
            found += max(ends - max(begins, until), timedelta(0))
            until = max(until, ends)
        lengths = [each.length for each in some if each.length is not None]
        if lengths:
            total = min(sum(lengths, timedelta(0)), length)
            found = min(found, total) if spans else total
        return int(min(found, length).total_seconds() // 60)

    def _shift(self, of: Span) -> timedelta:
        """By how much the report's clock is to be put on: it may be set to UTC in summer."""
        times = [each for one in self.joiners for each in one.times]

        def covered(shift: timedelta) -> timedelta:
            spans = (_within(each, shift, of) for each in times)
            return sum((max(ends - begins, timedelta(0)) for begins, ends in spans), timedelta(0))

        return max(_SHIFTS, key=covered)


def _within(
    times: tuple[datetime, datetime], shift: timedelta, of: Span
) -> tuple[datetime, datetime]:
    begins, ends = (each + shift for each in times)
    return max(begins, of.starts_at), min(ends, of.ends_at)


def read_report(content: bytes, *, of: Span) -> MeetingReport:
    """The report of a meeting at this sitting. Raises `ReportRefused`."""
    if len(content) > MOST_BYTES:
        raise ReportRefused("The file is too large to be the report of a meeting.")
    try:
        text = read_letters(content).text
    except Unreadable as refusal:
        raise ReportRefused(f"The file {refusal.reason}.") from refusal
    text = text.replace("\u202f", " ").replace("\xa0", " ")
    tables = max((_tables(text, sign) for sign in "\t,;"), key=len)
    if not tables:
        raise ReportRefused(_unknown(text))
    on = of.starts_at.astimezone(LONDON)
    joiners = _joiners(tables, on=on)
    if not joiners:
        raise ReportRefused("The report names nobody.")
    days = {each[0].date() for one in joiners for each in one.times}
    if days and on.date() not in days:
        raise ReportRefused(
            f"The report is of {day(min(days))}, not of {day(on.date())}. Choose that of this date."
        )
    return MeetingReport(joiners)


def _unknown(text: str) -> str:
    """That the shape is not known, with the columns that the widest line has."""
    lines = text.splitlines()[:200]
    sign = max("\t,;", key=lambda each: max((line.count(each) for line in lines), default=0))
    widest = max(_rows(text, sign), key=len, default=[])
    found = ", ".join(f"“{cell[:40]}”" for cell in widest[:_COLUMNS_SHOWN] if cell) or "none"
    return (
        "This is no report of Teams or Zoom that we know: they have a column with names, and when"
        f" people joined and left or how long they stayed. The columns found are {found}."
    )


type _Table = list[dict[str, str]]


def _rows(text: str, sign: str) -> Iterator[list[str]]:
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=sign)
    try:
        for number, cells in enumerate(reader):
            if number >= MOST_ROWS:
                raise ReportRefused(f"The file has more than {MOST_ROWS:,} lines.")
            yield [trimmed(cell) for cell in cells[:100]]
    except csv.Error as fault:
        raise ReportRefused(f"The file cannot be read as CSV: {fault}.") from fault


def _tables(text: str, sign: str) -> list[_Table]:
    """The tables of people in a file: each begins with names of columns and ends with a gap."""
    found: list[_Table] = []
    header: list[str] = []
    for cells in _rows(text, sign):
        columns = [_MEANING.get(fold(cell), "") for cell in cells]
        if _is_of_people(columns):
            header = columns
            found.append([])
        elif sum(map(bool, cells)) < 2 and not (header and cells and cells[0] and len(cells) > 1):
            header = []
        elif header:
            pairs = zip(header, cells, strict=False)
            found[-1].append({column: cell for column, cell in pairs if column})
    return [table for table in found if table]


def _is_of_people(columns: Sequence[str]) -> bool:
    named = set(columns)
    tells = {"join", "leave"} <= named or {"minutes", "duration"} & named
    return "name" in named and bool(tells or {"action", "at"} <= named)


def _joiners(tables: Sequence[_Table], *, on: datetime) -> list[Joiner]:
    """Everybody once. Where one table has each time that people joined, it says when they did."""
    # The activities of Teams repeat its participants, time by time; tables of Zoom's webinars have
    # different people each.
    several = len(tables) > 1 and all("duration" in table[0] for table in tables)
    emails: dict[str, set[str]] = {}
    for row in (row for table in tables for row in table):
        if email := _email(row):
            emails.setdefault(fold(row.get("name", "")), set()).add(email)
    found: dict[str, Joiner] = {}
    for row in tables[-1] if several else [row for table in tables for row in table]:
        if not row.get("name") or row.get("attended", "yes").lower() in ("no", "false"):
            continue
        if row.get("waiting", "").lower() == "yes":
            continue
        known = emails.get(fold(row["name"]), set())
        email = _email(row) or (next(iter(known)) if several and len(known) == 1 else "")
        joiner = Joiner(row["name"], email)
        joiner = found.setdefault(joiner.key, joiner)
        _add_times(joiner, row, on=on)
    return [each for each in found.values() if each.times or each.length is not None]


def _email(row: dict[str, str]) -> str:
    told = (row.get("email", ""), row.get("upn", ""))
    return next((each.lower() for each in told if "@" in each), "")


def _add_times(joiner: Joiner, row: dict[str, str], *, on: datetime) -> None:
    """What one row says of when somebody was there."""
    if "action" in row:
        at = _moment(row.get("at", ""), on=on)
        if at is None:
            return
        # Who never left stayed until the meeting was over.
        if fold(row["action"]).startswith("joined"):
            joiner.times.append((at, _end_of(at)))
        elif joiner.times and joiner.times[-1][1] == _end_of(at):
            joiner.times[-1] = (joiner.times[-1][0], at)
        return
    length = _length(row)
    begins, ends = (_moment(row.get(column, ""), on=on) for column in ("join", "leave"))
    if begins is not None and ends is not None and begins <= ends:
        joiner.times.append((begins, ends))
    elif begins is not None and length is not None:
        joiner.times.append((begins, begins + length))
    if length is not None:
        joiner.length = (joiner.length or timedelta(0)) + length


def _end_of(day_of: datetime) -> datetime:
    return day_of.replace(hour=23, minute=59, second=59)


def _length(row: dict[str, str]) -> timedelta | None:
    if _MINUTES.fullmatch(minutes := row.get("minutes", "")):
        return timedelta(minutes=int(minutes))
    told = row.get("duration", "")
    if clock := _CLOCK_LENGTH.fullmatch(told):
        hours, minutes_, seconds = map(int, clock.groups())
        return timedelta(hours=hours, minutes=minutes_, seconds=seconds)
    if _MINUTES.fullmatch(told):
        return timedelta(minutes=int(told))
    found = _LENGTH.fullmatch(told)
    if found is None or not any(found.groups()):
        return None
    hours, minutes_, seconds = (int(each or 0) for each in found.groups())
    return timedelta(hours=hours, minutes=minutes_, seconds=seconds)


def _moment(text: str, *, on: datetime) -> datetime | None:
    """A time as it stands. What can be read in two ways is of the sitting's day."""
    found = _MOMENT.fullmatch(text)
    if found is None or int(found["minute"]) > 59 or int(found["second"] or 0) > 59:
        return None
    hour = int(found["hour"])
    if found["half"]:
        hour = hour % 12 + (12 if found["half"].lower() == "p" else 0)
    time_of_day = time(hour % 24, int(found["minute"]), int(found["second"] or 0), tzinfo=LONDON)
    readings = []
    for year, month, number in _dates(found):
        with contextlib.suppress(ValueError):
            if year not in _YEARS:
                continue
            readings.append(datetime.combine(date(year, month, number), time_of_day))
    same_day = (each for each in readings if each.date() == on.date())
    return next(same_day, readings[0] if readings else None)


def _dates(found: re.Match[str]) -> Iterator[tuple[int, int, int]]:
    """Year, month and day, in each way that they can be read: the day first, then the month."""
    if found["year"]:
        yield int(found["year"]), int(found["month"]), int(found["day"])
    elif found["one"]:
        one, two, year = (int(found[name]) for name in ("one", "two", "of"))
        year += 2000 if year < 100 else 0
        yield from ((year, month, date_) for month, date_ in ((two, one), (one, two)))
    else:
        name = found["month_name"] or found["b_month"]
        if name.lower() in _MONTHS:
            month = _MONTHS.index(name.lower()) + 1
            yield (
                int(found["in_year"] or found["b_year"]),
                month,
                int(found["a_day"] or found["b_day"]),
            )
