"""Reading CSV files: their rows, what each cell means, and each fault with its place and reason.

A reader takes a cell that is not empty, or raises `BadCell`.
"""

import csv
import io
import re
import unicodedata
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from decimal import Decimal
from itertools import zip_longest
from pathlib import Path

from django.core.exceptions import ValidationError
from django.core.validators import URLValidator
from django.db.models import TextChoices

from accounts.addresses import is_shared_mailbox, parse_address, parse_domain
from accounts.fields import refusal_of
from accounts.names import parse_name
from booking.site.characters import trimmed, without_hidden

# All but tab and line ends (Unicode category Cc).
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")
_CODE = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*")
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_WALL_TIME = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9]{2}(:00)?")
_NUMBER = re.compile(r"-?[0-9]{1,12}")
_HOURS = re.compile(r"[0-9]{1,3}(\.[0-9])?")
_YEARS = range(2000, 2101)
_https = URLValidator(schemes=["https"])

# ---------------------------------------------------------------- files and rows


@dataclass(frozen=True)
class Problem:
    """One fault. `line` is the physical line where the row starts; 0 means the whole file."""

    file: str
    line: int
    column: str
    reason: str

    def __str__(self) -> str:
        place = self.file
        if self.line:
            place += f", line {self.line}"
        if self.column:
            place += f", {self.column}"
        return f"{place}: {self.reason}"


class BadCell(Exception):
    """A cell cannot be used; `reasons` are phrases such as 'is "x", which is not a number'."""

    def __init__(self, *reasons: str) -> None:
        super().__init__("; ".join(reasons))
        self.reasons = reasons


@dataclass(frozen=True)
class Columns:
    """The columns of a table, with commas between them as in a header.

    Required ones must be there; their cells may be empty.
    """

    required: str
    optional: str = ""


@dataclass(frozen=True)
class Row:
    """One row of a file. A bad cell is recorded and a stand-in used, so that reading goes on.

    Nothing is written once there is a problem, so a stand-in never reaches the database.
    """

    file: str
    line: int
    cells: Mapping[str, str]
    problems: list[Problem]

    def refuse(self, column: str, reason: str) -> None:
        """Record a fault of this row."""
        self.problems.append(Problem(self.file, self.line, column, reason))

    def required[T](self, column: str, parse: Callable[[str], T], stand_in: T) -> T:
        """The cell's meaning; an empty cell is a fault."""
        if not self.cells[column]:
            self.refuse(column, "is empty")
            return stand_in
        return self.optional(column, parse, stand_in)

    def optional[T](self, column: str, parse: Callable[[str], T], if_empty: T) -> T:
        """The cell's meaning, or `if_empty`."""
        cell = self.cells.get(column, "")
        if not cell:
            return if_empty
        try:
            return parse(cell)
        except BadCell as refusal:
            for reason in refusal.reasons:
                self.refuse(column, reason)
            return if_empty

    def listed[T](self, column: str, parse: Callable[[str], list[T]]) -> list[T]:
        """The things a cell names; none if it is empty or the file lacks the column."""
        nothing: list[T] = []
        return self.optional(column, parse, nothing)


@dataclass
class Sheet:
    """The rows of one file. `is_whole` is false when some could not be read.

    Other tables then do not report their references to it: one fault, one report.
    """

    name: str
    rows: list[Row] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    is_there: bool = True
    is_whole: bool = True

    def refuse(self, line: int, reason: str, *, column: str = "") -> None:
        """Record a fault that leaves rows unread."""
        self.problems.append(Problem(self.name, line, column, reason))
        self.is_whole = False

    def keyed_rows[K](self, column: str, key_of: Callable[[Row], K]) -> Iterator[tuple[Row, K]]:
        """Every row with its key; a key seen before is recorded as a fault."""
        first_lines: dict[K, int] = {}
        for row in self.rows:
            key = key_of(row)
            if row.cells[column] and key in first_lines:
                row.refuse(column, f"is the same as on line {first_lines[key]}")
            first_lines.setdefault(key, row.line)
            yield row, key


def read_sheet(path: Path, columns: Columns) -> Sheet:
    """The file's rows: UTF-8, with or without a byte-order mark, any line ends, any quoting.

    Cells are separated by what the header has most of: commas, semicolons or tabs.
    """
    sheet = Sheet(path.name)
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        sheet.is_there = False
        return sheet
    except OSError as error:
        sheet.refuse(0, f"cannot be read: {error.strerror}")
        return sheet
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        # The codec counts from after the mark; people count bytes from 1 and in the whole file.
        mark = len(content) - len(error.object)
        at = mark + error.start
        line = content.count(b"\n", 0, at) + 1
        sheet.refuse(line, f"is not UTF-8 at byte {at + 1} of the file; save it as CSV UTF-8")
        return sheet
    _read_rows(sheet, unicodedata.normalize("NFC", text.lstrip("\ufeff")), columns)
    return sheet


def _read_rows(sheet: Sheet, text: str, columns: Columns) -> None:
    first_line = "".join(text.lstrip().splitlines()[:1])
    separator = max(",;\t", key=first_line.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
    header: list[str] | None = None
    line = 1
    try:
        for cells in reader:
            stripped = [trimmed(cell) for cell in cells]
            if any(stripped):
                if header is None:
                    header = _header(sheet, line, stripped, columns)
                    if header is None:
                        return
                else:
                    _add_row(sheet, line, header, stripped)
            line = reader.line_num + 1
    except csv.Error as error:
        sheet.refuse(line, f"cannot be read as CSV from here on: {error}")
    if header is None and sheet.is_whole:
        sheet.refuse(0, "has no header line")


def _header(sheet: Sheet, line: int, cells: list[str], columns: Columns) -> list[str] | None:
    """The columns' names, or nothing if they are not right."""
    names = [cell.lower() for cell in cells]
    while names and not names[-1]:
        names.pop()
    required = columns.required.split(",")
    known = {*required, *columns.optional.split(",")}
    before = len(sheet.problems)
    for number, name in enumerate(names, start=1):
        if not name:
            sheet.refuse(line, f"column {number} has no name")
        elif name not in known:
            sheet.refuse(line, "is not a known column", column=name)
        elif name in names[: number - 1]:
            sheet.refuse(line, "is there twice", column=name)
    for name in required:
        if name not in names:
            sheet.refuse(line, "this column is missing", column=name)
    return names if len(sheet.problems) == before else None


def _add_row(sheet: Sheet, line: int, header: list[str], cells: list[str]) -> None:
    """A row may be shorter than the header: spreadsheets leave out empty cells at its end."""
    if any(cells[len(header) :]):
        sheet.refuse(line, f"has {len(cells)} cells where the header has {len(header)}")
        return
    named = dict(zip_longest(header, cells[: len(header)], fillvalue=""))
    row = Row(sheet.name, line, named, sheet.problems)
    for column, cell in row.cells.items():
        if _CONTROL.search(cell):
            row.refuse(column, "holds a control character")
    # Without them all the same, so that the cell can be looked up while more faults are sought.
    # What pasting brings along and nobody sees goes too, but not out of addresses: they say so.
    plain = {
        column: _CONTROL.sub("", cell if "email" in column else without_hidden(cell))
        for column, cell in row.cells.items()
    }
    sheet.rows.append(replace(row, cells=plain))


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
    if cell.lower() not in ("yes", "no"):
        raise BadCell(f'is "{cell}"; write yes or no')
    return cell.lower() == "yes"


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
        raise BadCell(f'is "{cell}"; it must be a link that starts with https://') from None
    return text(500)(cell)


def calendar_day(cell: str) -> date:
    """A date such as 2027-02-09."""
    if not _DAY.fullmatch(cell):
        raise BadCell(f'is "{cell}"; write a date like 2027-02-09')
    return _real(date, cell, f"is {cell}, a date that does not exist")


def wall_time(cell: str) -> datetime:
    """A date and time on the clock, such as 2027-02-09T09:30, without a time zone."""
    if not _WALL_TIME.fullmatch(cell):
        raise BadCell(f'has "{cell}"; write a time like 2027-02-09T09:30')
    return _real(datetime, cell, f"has {cell}, a date or time that does not exist")


def _real[D: date](kind: type[D], cell: str, if_not: str) -> D:
    try:
        found = kind.fromisoformat(cell)
    except ValueError:
        raise BadCell(if_not) from None
    if found.year not in _YEARS:
        raise BadCell(f"has the year {found.year}; it must be from {_YEARS[0]} to {_YEARS[-1]}")
    return found
