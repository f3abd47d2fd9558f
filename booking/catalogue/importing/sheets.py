"""The rows of a CSV file, as spreadsheets save them, and each fault with its place and reason."""

import csv
import io
import re
import unicodedata
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import zip_longest
from typing import Any

from booking.catalogue.importing.dates import BadCell, only_month_first
from booking.catalogue.importing.lettering import Lettering, Unreadable, read_letters
from booking.site.characters import trimmed, without_hidden
from booking.site.spreadsheets import as_typed

MOST_ROWS, MOST_COLUMNS, MOST_LETTERS = 20_000, 100, 20_000
# All but tab and line ends (Unicode category Cc).
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")
# The first line by which Excel is told what stands between cells.
_SEPARATOR_LINE = re.compile(r'"?sep=([^"\r\n])"?(?:\r\n|\r|\n)', re.IGNORECASE)
_ERRORS = frozenset(
    ("#N/A", "#REF!", "#NAME?", "#VALUE!", "#DIV/0!", "#NULL!", "#NUM!", "#ERROR!", "#SPILL!")
)
# How many lines may stand above the header for us to find it and say so.
_ABOVE = 20


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


@dataclass(frozen=True)
class Columns:
    """The columns of a table, with commas between them as in a header.

    Required ones must be there; their cells may be empty. Of those that hold days or times,
    slashed dates are looked at before any is read.
    """

    required: str
    optional: str = ""
    dates: str = ""

    @property
    def known(self) -> list[str]:
        """All of them, in the order of an export."""
        return [*self.required.split(","), *filter(None, self.optional.split(","))]

    def number_in(self, names: list[str]) -> int:
        """How many of these names are columns that must be there."""
        return len({*self.required.split(",")} & {*names})


@dataclass
class RowOutcome:
    """What an import is going to make of one row: cells before and after, by column."""

    line: int
    name: str
    is_new: bool = False
    changes: dict[str, tuple[str, str]] = field(default_factory=dict)
    # Of a new row, how its cells were read.
    says: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Row:
    """One row of a file. A bad cell is recorded and a stand-in used, so that reading goes on.

    Nothing is written once there is a problem, so a stand-in never reaches the database.
    """

    file: str
    line: int
    cells: Mapping[str, str]
    problems: list[Problem]
    outcome: RowOutcome

    def refuse(self, column: str, reason: str) -> None:
        """Record a fault of this row."""
        self.problems.append(Problem(self.file, self.line, column, reason))

    def becomes(self, *, new: bool, **changes: tuple[Any, Any]) -> None:
        """Say what the row is going to change, by column."""
        self.outcome.is_new |= new
        if not new:
            told = {column: (str(one), str(other)) for column, (one, other) in changes.items()}
            self.outcome.changes.update(told)

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
    header: list[str] = field(default_factory=list)
    # Cells whose letters a person has to look at: line, column, text.
    guessed: list[tuple[int, str, str]] = field(default_factory=list)

    def refuse(self, line: int, reason: str, *, column: str = "") -> None:
        """Record a fault that leaves rows unread."""
        self.problems.append(Problem(self.name, line, column, reason))
        self.is_whole = False

    @property
    def in_order(self) -> list[Problem]:
        """The faults, line by line and column by column."""
        columns = {name: number for number, name in enumerate(self.header, start=1)}
        return sorted(self.problems, key=lambda it: (it.line, columns.get(it.column, 0)))

    def keyed_rows[K](self, column: str, key_of: Callable[[Row], K]) -> Iterator[tuple[Row, K]]:
        """Every row with its key; a key seen before is recorded as a fault."""
        first_lines: dict[K, int] = {}
        for row in self.rows:
            key = key_of(row)
            row.outcome.name = row.cells[column]
            if row.cells[column] and key in first_lines:
                row.refuse(column, f"is the same as on line {first_lines[key]}")
            first_lines.setdefault(key, row.line)
            yield row, key


def read_sheet(name: str, content: bytes | None, columns: Columns) -> Sheet:
    """The file's rows: whatever letters, line ends and quoting spreadsheets use.

    Cells are separated by what the line "sep=" names, or else by commas, semicolons or tabs,
    whichever makes a header.
    """
    sheet = Sheet(name)
    if content is None:
        sheet.is_there = False
        return sheet
    try:
        lettering = read_letters(content)
    except Unreadable as refusal:
        sheet.refuse(refusal.line, refusal.reason)
        return sheet
    _read_rows(sheet, lettering, columns)
    month_first = _month_first(sheet, columns)
    if month_first:
        sheet.rows.clear()
        sheet.problems[:] = [month_first]
        sheet.is_whole = False
    return sheet


def best_header(text: str, columns: Columns) -> int:
    """How many of the columns that must be there the best line near the top names."""
    text, _, separators = _without_separator_line(text)
    return max(columns.number_in(_named(line, sign)) for line in _top(text) for sign in separators)


def _without_separator_line(text: str) -> tuple[str, int, str]:
    """The text without the line "sep=", how many lines that took, and what can separate cells."""
    found = _SEPARATOR_LINE.match(text)
    return (text[found.end() :], 1, found[1]) if found else (text, 0, ",;\t")


def _top(text: str) -> list[str]:
    """The first lines."""
    return re.split(r"\r\n|\r|\n", text, maxsplit=_ABOVE)[:_ABOVE]


def _named(line: str, separator: str) -> list[str]:
    """The names of columns in a line, as we know them."""
    try:
        cells = next(csv.reader([line], delimiter=separator), [])
    except csv.Error:
        return []
    return [_column_name(trimmed(cell)) for cell in cells]


def _column_name(cell: str) -> str:
    return "_".join(cell.lower().split())


def _read_rows(sheet: Sheet, lettering: Lettering, columns: Columns) -> None:
    text, skipped, separators = _without_separator_line(lettering.text)
    text = unicodedata.normalize("NFC", text)
    separator = _separator(text, separators, columns)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
    header: list[str] | None = None
    line = skipped + 1
    try:
        for cells in reader:
            if any(cells[MOST_COLUMNS:]):
                sheet.refuse(line, f"has {len(cells):,} cells; the most is {MOST_COLUMNS}")
                return
            stripped = [trimmed(cell) for cell in cells[:MOST_COLUMNS]]
            if any(stripped):
                if len(sheet.rows) >= MOST_ROWS:
                    sheet.refuse(0, f"has more than {MOST_ROWS:,} rows; divide it into two files")
                    return
                if header is not None:
                    _add_row(sheet, line, header, stripped, lettering.is_guessed)
                else:
                    below = [_named(each, separator) for each in _top(text)]
                    header = _header(sheet, line, stripped, columns, below, skipped)
                    if header is None:
                        return
                    sheet.header = header
            line = reader.line_num + skipped + 1
    except csv.Error as error:
        sheet.refuse(line, f"cannot be read as CSV from here on: {error}")
    if header is None and sheet.is_whole:
        sheet.refuse(0, "has no header line")


def _separator(text: str, separators: str, columns: Columns) -> str:
    """What makes most columns of a line near the top; else what the first line has most of."""
    lines = [line for line in _top(text) if line.strip()] or [""]
    best = {
        sign: max(columns.number_in(_named(line, sign)) for line in lines) for sign in separators
    }
    return max(separators, key=lambda sign: (best[sign], lines[0].count(sign)))


def _header(
    sheet: Sheet, line: int, cells: list[str], columns: Columns, top: list[list[str]], skipped: int
) -> list[str] | None:
    """The columns' names, or nothing if they are not right."""
    names = [_column_name(cell) for cell in cells]
    while names and not names[-1]:
        names.pop()
    for number, others in enumerate(top, start=skipped + 1):
        if columns.number_in(others) > max(1, columns.number_in(names)):
            reason = (
                f"is not the names of the columns: these are on line {number}; delete what stands"
                " above them, such as a title"
            )
            sheet.refuse(line, reason)
            return None
    required, known = columns.required.split(","), columns.known
    before = len(sheet.problems)
    for number, name in enumerate(names, start=1):
        if not name:
            sheet.refuse(line, f"column {number} has no name")
        elif name not in known:
            sheet.refuse(line, "is not a known column", column=name[:60])
        elif name in names[: number - 1]:
            sheet.refuse(line, "is there twice", column=name)
    for name in required:
        if name not in names:
            sheet.refuse(line, "this column is missing", column=name)
    return names if len(sheet.problems) == before else None


def _add_row(
    sheet: Sheet, line: int, header: list[str], cells: list[str], is_guessed: bool
) -> None:
    """A row may be shorter than the header: spreadsheets leave out empty cells at its end."""
    if any(cells[len(header) :]):
        sheet.refuse(line, f"has {len(cells)} cells where the header has {len(header)}")
        return
    named = dict(zip_longest(header, cells[: len(header)], fillvalue=""))
    outcome = RowOutcome(line, cells[0])
    row = Row(sheet.name, line, named, sheet.problems, outcome)
    plain: dict[str, str] = {}
    for column, cell in named.items():
        if _CONTROL.search(cell):
            row.refuse(column, "holds a control character")
        if cell in _ERRORS:
            row.refuse(column, f"is {cell}, which a spreadsheet writes where it failed")
        if len(cell) > MOST_LETTERS:
            row.refuse(column, f"is {len(cell):,} characters long; the most is {MOST_LETTERS:,}")
            cell = ""
        if is_guessed and not cell.isascii():
            sheet.guessed.append((line, column, cell))
        # Without them all the same, so that the cell can be looked up while more faults are sought.
        # What pasting brings along and nobody sees goes too, but not out of addresses: they say so.
        plain[column] = as_typed(plain_cell(cell, is_address="email" in column))
    sheet.rows.append(replace(row, cells=plain))


def plain_cell(text: str, *, is_address: bool = False) -> str:
    """The text as a cell that holds it is read: without what nobody sees."""
    if text.isascii() and text.isprintable():
        return text
    shown = text if is_address else trimmed(without_hidden(unicodedata.normalize("NFC", text)))
    return _CONTROL.sub("", shown)


def plain_lines(text: str) -> str:
    """The text with line ends as the database has them."""
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _month_first(sheet: Sheet, columns: Columns) -> Problem | None:
    """The fault of a file in which some date can only be month/day/year: so may be the others."""
    for row in sheet.rows:
        for column in filter(None, columns.dates.split(",")):
            if found := only_month_first(row.cells.get(column, "")):
                reason = (
                    f"has {found}, which can only be month/day/year, so nothing in this file is"
                    " read; write the day first in all its dates, or year-month-day"
                )
                return Problem(sheet.name, row.line, column, reason)
    return None
