"""What the cells mean: each reader takes a cell that is not empty, or raises `BadCell`."""

import re
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

from django.core.exceptions import ValidationError
from django.core.validators import URLValidator, validate_email
from django.db.models import TextChoices

from accounts.addresses import is_shared_mailbox
from booking.catalogue.importing.csv_files import BadCell
from booking.site.wording import LONDON, counted

_DOMAIN = re.compile(r"(?=.{4,253}$)([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z][a-z0-9-]{1,62}")
_CODE = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*")
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_WALL_TIME = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9]{2}(:00)?")
_NUMBER = re.compile(r"-?[0-9]{1,12}")
_HOURS = re.compile(r"[0-9]{1,3}(\.[0-9])?")
_YEARS = range(2000, 2101)
_LONGEST_SITTING = timedelta(hours=24)
_https = URLValidator(schemes=["https"])

Wall = tuple[datetime, datetime]
Moments = tuple[datetime, datetime]


def text(most: int) -> Callable[[str], str]:
    """One line of at most so many characters; line breaks within it become spaces."""

    def parse(cell: str) -> str:
        line = " ".join(cell.split())
        if len(line) > most:
            raise BadCell(f"is {len(line)} characters long; the most is {most}")
        return line

    return parse


def paragraphs(cell: str) -> str:
    """Text that keeps its line breaks."""
    return cell.replace("\r\n", "\n").replace("\r", "\n")


def code(most: int) -> Callable[[str], str]:
    """A short name that may stand in a web address."""

    def parse(cell: str) -> str:
        if not _CODE.fullmatch(cell):
            raise BadCell(f'is "{cell}"; only letters, digits, hyphens and underscores may be used')
        return text(most)(cell)

    return parse


def number_in(least: int, most: int) -> Callable[[str], int]:
    """A whole number from `least` to `most`."""

    def parse(cell: str) -> int:
        if not _NUMBER.fullmatch(cell):
            raise BadCell(f'is "{cell}", which is not a whole number')
        number = int(cell)
        if not least <= number <= most:
            raise BadCell(f"is {number}; it must be from {least} to {most}")
        return number

    return parse


def number_or_none(most: int) -> Callable[[str], int | None]:
    """A whole number, where 0 stands for none."""
    parse = number_in(0, most)
    return lambda cell: parse(cell) or None


def hours(cell: str) -> Decimal:
    """A length in hours with at most one decimal."""
    if not _HOURS.fullmatch(cell) or not Decimal(cell):
        raise BadCell(f'is "{cell}"; give hours above 0 with at most one decimal, such as 1.5')
    return Decimal(cell)


def flag(cell: str) -> bool:
    """Yes or no, in any case."""
    answers = {"yes": True, "no": False}
    try:
        return answers[cell.lower()]
    except KeyError:
        raise BadCell(f'is "{cell}"; write yes or no') from None


def choice(choices: type[TextChoices]) -> Callable[[str], str]:
    """One of a model's choices, in any case."""

    def parse(cell: str) -> str:
        if cell.lower() not in choices.values:
            raise BadCell(f'is "{cell}"; it must be one of: {", ".join(choices.values)}')
        return cell.lower()

    return parse


def each[T](parse: Callable[[str], T]) -> Callable[[str], list[T]]:
    """A list separated by semicolons; every bad item is named."""

    def parse_all(cell: str) -> list[T]:
        found: list[T] = []
        reasons: list[str] = []
        for item in filter(None, map(str.strip, cell.split(";"))):
            try:
                found.append(parse(item))
            except BadCell as refusal:
                reasons.extend(refusal.reasons)
        if reasons or not found:
            raise BadCell(*(reasons or ["names nothing"]))
        return found

    return parse_all


def each_once[T](parse: Callable[[str], T]) -> Callable[[str], list[T]]:
    """A list separated by semicolons, where naming a thing twice is naming it once."""
    parse_all = each(parse)
    return lambda cell: list(dict.fromkeys(parse_all(cell)))


def email(cell: str) -> str:
    """An email address, in lower case."""
    address = cell.lower()
    try:
        validate_email(address)
    except ValidationError:
        raise BadCell(f'is "{cell}", which is not an email address') from None
    return text(254)(address)


def personal_email(cell: str) -> str:
    """The address of one person, as the sign-in page accepts it."""
    address = email(cell)
    if is_shared_mailbox(address):
        raise BadCell(
            f'is "{cell}", a mailbox that several people read; give the person\'s own address'
        )
    return address


def domain(cell: str) -> str:
    """The part of addresses after the @, in lower case."""
    if not _DOMAIN.fullmatch(cell.lower()):
        raise BadCell(f'has "{cell}", which is not an email domain such as agency.org.uk')
    return cell.lower()


def https_link(cell: str) -> str:
    """A web address that starts with https://."""
    try:
        _https(cell)
    except ValidationError:
        raise BadCell(f'is "{cell}"; it must be a link that starts with https://') from None
    return text(500)(cell)


def calendar_day(cell: str) -> date:
    """A date such as 2027-02-09."""
    if not _DAY.fullmatch(cell):
        raise BadCell(f'is "{cell}"; write a date like 2027-02-09')
    try:
        found = date.fromisoformat(cell)
    except ValueError:
        raise BadCell(f"is {cell}, a date that does not exist") from None
    _check_year(found)
    return found


def wall_time(cell: str) -> datetime:
    """A date and time on the clock, such as 2027-02-09T09:30, without a time zone."""
    if not _WALL_TIME.fullmatch(cell):
        raise BadCell(f'has "{cell}"; write a time like 2027-02-09T09:30')
    try:
        found = datetime.fromisoformat(cell)
    except ValueError:
        raise BadCell(f"has {cell}, a date or time that does not exist") from None
    _check_year(found)
    return found


def _check_year(found: date) -> None:
    if found.year not in _YEARS:
        raise BadCell(f"has the year {found.year}; it must be from {_YEARS[0]} to {_YEARS[-1]}")


def sitting(cell: str) -> Wall:
    """Start and end on the clock, with a stroke between them."""
    parts = [part.strip() for part in cell.split("/")]
    if len(parts) != 2:
        raise BadCell(f'has "{cell}"; write start/end like 2027-02-09T09:30/2027-02-09T12:30')
    return wall_time(parts[0]), wall_time(parts[1])


def in_london(wall: datetime) -> datetime:
    """The moment at which clocks in London show this, in UTC.

    Raises `BadCell` for a time that the spring change skips, and for one that the autumn change
    repeats: a time that a page or mail cannot tell without doubt is not one to invite people to.
    """
    first = wall.replace(tzinfo=LONDON, fold=0)
    moment = first.astimezone(UTC)
    told = f"{wall:%Y-%m-%dT%H:%M}"
    if moment.astimezone(LONDON).replace(tzinfo=None, fold=0) != wall:
        raise BadCell(f"has {told}, which does not exist: the clocks go forward over it")
    if first.utcoffset() != first.replace(fold=1).utcoffset():
        raise BadCell(f"has {told}, which comes twice: the clocks go back over it")
    return moment


def moments(walls: list[Wall], *, weeks: int) -> list[Moments]:
    """The sittings, moved by whole weeks on the calendar, as moments in order.

    Raises `BadCell` with every fault: a time that does not exist or comes twice, an end that is
    not after the start, a length over 24 hours, and sittings that overlap.
    """
    found: list[Moments] = []
    reasons: list[str] = []
    for wall in sorted(walls):
        try:
            start, end = (in_london(_moved(time, weeks)) for time in wall)
        except BadCell as refusal:
            reasons.extend(refusal.reasons)
            continue
        told = "/".join(f"{time:%Y-%m-%dT%H:%M}" for time in wall)
        if end <= start:
            reasons.append(f"has {told}, which ends before it has started")
        elif end - start > _LONGEST_SITTING:
            reasons.append(f"has {told}, which lasts more than 24 hours; is a semicolon missing?")
        else:
            if found and start < found[-1][1]:
                reasons.append(f"has {told}, which overlaps with the sitting before it")
            found.append((start, end))
    if reasons:
        weeks_told = f" (dates moved by {counted(weeks, 'week')})" if weeks else ""
        raise BadCell(*(reason + weeks_told for reason in reasons))
    return found


def _moved(wall: datetime, weeks: int) -> datetime:
    try:
        return wall + timedelta(weeks=weeks)
    except OverflowError:
        raise BadCell("would be moved beyond the calendar") from None
