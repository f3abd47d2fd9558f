"""What the cells of a file mean, and how it is written again: a reader takes a cell that is not
empty, or raises `BadCell`.
"""

import re
from collections.abc import Callable, Iterable, Iterator
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from django.core.exceptions import ValidationError
from django.core.validators import URLValidator
from django.db.models import TextChoices

from accounts.addresses import is_shared_mailbox, parse_address, parse_domain
from accounts.fields import refusal_of
from accounts.names import parse_name
from booking.catalogue.bounds import LONGEST_TEXT, MOST_TURNOVER_POUNDS
from booking.catalogue.importing.dates import BadCell
from booking.catalogue.importing.sheets import plain_lines
from booking.partnership.levels import all_levels
from booking.site.spreadsheets import Cell
from booking.site.wording import LONDON

_CODE = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*")
# A spreadsheet that took a number for one with decimals writes 20.0.
_NUMBER = re.compile(r"(-?[0-9]{1,12})(?:\.0{1,6})?")
_HOURS = re.compile(r"[0-9]{1,3}(\.[0-9]0{0,5})?")
_POUNDS = re.compile(r"£?([0-9]{1,3}(?:,[0-9]{3})+|[0-9]{1,12})(?:\.([0-9]{1,2}))?")
# What stands between semicolons or lines; in quotes, as in the file itself, it may hold some.
_ITEM = re.compile(r'"((?:[^"]|"")*)"(?=[^\S\r\n]*(?:[;\r\n]|\Z))|([^;\r\n]+)')
_QUOTED = re.compile(r'[;\r\n]|\A"')
_FLAGS = {"yes": True, "true": True, "no": False, "false": False}
_https = URLValidator(schemes=["https"])


# ---------------------------------------------------------------- what cells mean
def text(most: int) -> Callable[[str], str]:
    """One line of at most so many characters; line breaks within it become spaces."""

    def parse(cell: str) -> str:
        line = " ".join(cell.split())
        if len(line) > most:
            raise BadCell(f"is {len(line)} characters long; the most is {most}")
        return line

    return parse


def paragraphs(cell: str) -> str:
    """Text that keeps its line breaks, as long as forms take it."""
    lines = plain_lines(cell)
    if len(lines) > LONGEST_TEXT:
        raise BadCell(f"is {len(lines):,} characters long; the most is {LONGEST_TEXT:,}")
    return lines


def code(most: int) -> Callable[[str], str]:
    """A short name that may stand in a web address."""

    def parse(cell: str) -> str:
        if not _CODE.fullmatch(cell):
            raise BadCell(f'is "{cell}"; only letters, digits, hyphens and underscores may be used')
        return text(most)(cell)

    return parse


def number_in(least: int, most: int) -> Callable[[str], int]:
    """A whole number from `least` to `most`, also as 20.0."""

    def parse(cell: str) -> int:
        found = _NUMBER.fullmatch(cell)
        if not found:
            raise BadCell(f'is "{cell}", which is not a whole number')
        number = int(found[1])
        if not least <= number <= most:
            raise BadCell(f"is {number}; it must be from {least} to {most}")
        return number

    return parse


def level_number(cell: str) -> int:
    """One of the partnership's levels, by its place in their order or its name."""
    levels = all_levels()
    by_name = {each.name.casefold(): each.number for each in levels}
    if found := by_name.get(cell.casefold()):
        return found
    number = _NUMBER.fullmatch(cell)
    if not number or not 1 <= int(number[1]) <= len(levels):
        known = ", ".join(f"{each.number} for {each.name}" for each in levels)
        raise BadCell(f'is "{cell}", which is not a level; write {known}')
    return int(number[1])


def number_or_none(most: int) -> Callable[[str], int | None]:
    """A whole number, where 0 stands for none."""
    parse = number_in(0, most)
    return lambda cell: parse(cell) or None


def hours(cell: str) -> Decimal:
    """A length in hours with at most one decimal."""
    if not _HOURS.fullmatch(cell) or not Decimal(cell):
        raise BadCell(f'is "{cell}"; give hours above 0 with at most one decimal, such as 1.5')
    return Decimal(cell).quantize(Decimal("0.1"))


def pence(cell: str) -> int:
    """An amount such as 250000, £250,000 or 12.50, as whole pence."""
    found = _POUNDS.fullmatch(cell)
    if not found:
        raise BadCell(f'is "{cell}", which is not an amount in pounds')
    pounds = int(found[1].replace(",", ""))
    if pounds > MOST_TURNOVER_POUNDS:
        raise BadCell(f'is "{cell}"; the most is £{MOST_TURNOVER_POUNDS:,}')
    return pounds * 100 + int((found[2] or "").ljust(2, "0"))


def flag(cell: str) -> bool:
    """Yes or no, as people and as spreadsheets write it, in any case."""
    if cell.lower() not in _FLAGS:
        raise BadCell(f'is "{cell}"; write yes or no')
    return _FLAGS[cell.lower()]


def choice(choices: type[TextChoices]) -> Callable[[str], str]:
    """One of a model's choices, in any case."""

    def parse(cell: str) -> str:
        if cell.lower() not in choices.values:
            raise BadCell(f'is "{cell}"; it must be one of: {", ".join(choices.values)}')
        return cell.lower()

    return parse


def _items(cell: str) -> Iterator[str]:
    for found in _ITEM.finditer(cell):
        yield (found[2] or (found[1] or "").replace('""', '"')).strip()


def each[T](parse: Callable[[str], T]) -> Callable[[str], list[T]]:
    """A list separated by semicolons or lines; every bad item is named.

    One in quotes may hold semicolons: "Drugs; alcohol";Neglect.
    """

    def parse_all(cell: str) -> list[T]:
        found: list[T] = []
        reasons: list[str] = []
        for item in filter(None, _items(cell)):
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
    """An email address, as it is stored."""
    if why := refusal_of(parse_address, cell):
        raise BadCell(f'is "{cell}", which is not an email address. {why}')
    return parse_address(cell)


def name(most: int) -> Callable[[str], str]:
    """A name, a job title or an employer of at most so many characters."""

    def parse(cell: str) -> str:
        line = text(most)(cell)
        if why := refusal_of(parse_name, line):
            raise BadCell(f'is "{line}". {why}')
        return parse_name(line)

    return parse


def phone(cell: str) -> str:
    """A phone number, which begins with 0 or +: a spreadsheet drops a 0."""
    if cell[:1].isdigit() and not cell.startswith("0"):
        raise BadCell(f'is "{cell}"; begin with 0 or +, and have the column hold text')
    return name(30)(cell)


def personal_email(cell: str) -> str:
    """The address of one person, as the sign-in page accepts it."""
    address = email(cell)
    if is_shared_mailbox(address):
        raise BadCell(
            f'is "{cell}", a mailbox that several people read; give the person\'s own address'
        )
    return address


def domain(cell: str) -> str:
    """The part of addresses after the @, as it is stored."""
    if refusal_of(parse_domain, cell):
        raise BadCell(f'has "{cell}", which is not an email domain such as agency.org.uk')
    return parse_domain(cell)


def https_link(cell: str) -> str:
    """A web address that starts with https://."""
    try:
        _https(cell)
    except ValidationError:
        raise BadCell("must be a link that starts with https://") from None
    return text(500)(cell)


# ---------------------------------------------------------------- how they are written again
def written(value: Any) -> Cell:
    """A stored value as the cell that is read as it; nothing is an empty cell."""
    match value:
        case None:
            return ""
        case bool():
            return "yes" if value else "no"
        case datetime():
            return f"{value.astimezone(LONDON):%Y-%m-%dT%H:%M}"
        case date() | Decimal():
            return value
        case list() | tuple():
            return in_one_cell(value)
        case str():
            return plain_lines(value).strip()
        case _:
            return value if isinstance(value, int) else str(value)


def in_one_cell(values: Iterable[Any]) -> str:
    """Several things in one cell, as `each` reads them."""
    texts = map(str, values)
    return ";".join(_quoted(text) if _QUOTED.search(text) else text for text in texts)


def _quoted(text: str) -> str:
    return '"{}"'.format(text.replace('"', '""'))


def in_pounds(pence: int | None) -> Cell:
    """Whole pence as pounds."""
    return "" if pence is None else Decimal(pence) / 100
