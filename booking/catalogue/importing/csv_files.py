"""Reading CSV files: each row with the line it starts on, each fault with its place and reason."""

import csv
import io
import re
import unicodedata
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

# All but tab and line ends (Unicode category Cc).
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")


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
    """The columns of a table. Required ones must be in the header; their cells may be empty."""

    required: tuple[str, ...]
    optional: tuple[str, ...] = ()


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

    def has(self, column: str) -> bool:
        """Whether the file has this optional column."""
        return column in self.cells

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
            if not row.cells[column]:
                pass
            elif key in first_lines:
                row.refuse(column, f"is the same as on line {first_lines[key]}")
            else:
                first_lines[key] = row.line
            yield row, key


def read_sheet(path: Path, columns: Columns) -> Sheet:
    """The file's rows: UTF-8, with or without a byte-order mark, any line ends, any quoting."""
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
    _read_rows(sheet, unicodedata.normalize("NFC", text), columns)
    return sheet


def _read_rows(sheet: Sheet, text: str, columns: Columns) -> None:
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    header: list[str] | None = None
    line = 1
    try:
        for cells in reader:
            stripped = [cell.strip() for cell in cells]
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
    known = {*columns.required, *columns.optional}
    before = len(sheet.problems)
    for number, name in enumerate(names, start=1):
        if not name:
            sheet.refuse(line, f"column {number} has no name")
        elif name not in known:
            sheet.refuse(line, "is not a known column", column=name)
        elif name in names[: number - 1]:
            sheet.refuse(line, "is there twice", column=name)
    for name in columns.required:
        if name not in names:
            sheet.refuse(line, "this column is missing", column=name)
    return names if len(sheet.problems) == before else None


def _add_row(sheet: Sheet, line: int, header: list[str], cells: list[str]) -> None:
    surplus = cells[len(header) :]
    if any(surplus) or len(cells) < len(header):
        sheet.refuse(line, f"has {len(cells)} cells where the header has {len(header)}")
        return
    row = Row(sheet.name, line, dict(zip(header, cells, strict=False)), sheet.problems)
    for column, cell in row.cells.items():
        if _CONTROL.search(cell):
            row.refuse(column, "holds a control character")
    # Without them all the same, so that the cell can be looked up while more faults are sought.
    plain = {column: _CONTROL.sub("", cell) for column, cell in row.cells.items()}
    sheet.rows.append(replace(row, cells=plain))
