"""Reading a list of colleagues: pasted text in the forms people have it in, or a CSV file.

Nothing is refused here but a file that cannot be read at all; what is in a row is judged with it.
"""

import csv
import io
import re
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import replace
from typing import Any

from django.core.files.uploadedfile import UploadedFile

from accounts.addresses import as_stored
from accounts.agencies import Entry
from booking.places.refusals import PlaceRefused
from booking.site.characters import trimmed
from booking.site.wording import counted

MOST_ROWS = 500
MOST_BYTES = 200_000

_BETWEEN = re.compile(r"[;,\s]+")
_NOT_TEXT = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
# The columns in their usual order, each with what spreadsheets call it.
_COLUMNS = {
    "email": ("email", "e-mail", "email address", "work email", "work email address", "address"),
    "first_name": ("first name", "first_name", "forename", "given name"),
    "last_name": ("last name", "last_name", "surname", "family name"),
    "job_title": ("job title", "job_title", "title", "role"),
}
_HEADINGS = {name: column for column, names in _COLUMNS.items() for name in names}
# As long as the columns of a person.
_LENGTHS = {"email": 1000, "first_name": 100, "last_name": 100, "job_title": 150}


class UnreadableList(PlaceRefused):
    """The list or file cannot be read."""


def rows_of(text: str) -> list[Entry]:
    """The people a text names, in its order.

    One or several a line: addresses, `Name <address>`, or address, first name, last name and job
    title as a spreadsheet has them. Raises `UnreadableList` if there are none or too many.
    """
    lines = _NOT_TEXT.sub(" ", text.replace("\r\n", "\n").replace("\r", "\n")).split("\n")
    headings: list[str] | None = None
    entries: list[Entry] = []
    for line in lines:
        if not line.strip():
            continue
        cells = _cells(line)
        if not entries and headings is None and (found := _headings(cells)):
            headings = found
        elif headings is not None or _is_record(cells):
            entries.append(_entry(cells, headings or list(_COLUMNS)))
        else:
            entries.extend(_named(line))
    if not entries:
        raise UnreadableList("Give the email address of at least one colleague.")
    if len(entries) > MOST_ROWS:
        raise UnreadableList(
            f"The list has {counted(len(entries), 'person', 'people')}. Up to {MOST_ROWS} can be"
            " booked at once.",
            "Split it into several lists.",
        )
    return entries


def text_of(file: "UploadedFile[Any]") -> str:
    """A CSV file as a text that `rows_of` reads, also as Excel writes it.

    Raises `UnreadableList` for one that is too large or is no text.
    """
    if (file.size or 0) > MOST_BYTES:
        raise UnreadableList(
            f"The file is larger than {MOST_BYTES // 1000} KB.", "Send a CSV file with fewer rows."
        )
    content = file.read()
    if content.startswith((b"PK\x03\x04", b"\xd0\xcf\x11\xe0", b"%PDF")):
        raise UnreadableList(
            "This is not a CSV file.", "In your spreadsheet, choose “Save as” and the type CSV."
        )
    is_utf_16 = content.startswith((b"\xff\xfe", b"\xfe\xff"))
    for encoding in ("utf-16",) if is_utf_16 else ("utf-8-sig", "cp1252"):
        with suppress(UnicodeDecodeError):
            return _one_a_line(content.decode(encoding))
    raise UnreadableList("The file is not text that can be read.", "Save it as CSV (UTF-8).")


def _one_a_line(text: str) -> str:
    """The records of a CSV file, also those with a line break in a cell, each on one line."""
    first = text.lstrip("\r\n").split("\n", 1)[0]
    delimiter = max(",;\t", key=first.count)
    records = _read(io.StringIO(text, newline=""), delimiter)
    out = io.StringIO(newline="")
    writer = csv.writer(out, lineterminator="\n")
    for record in records:
        # A line of pasted text may have other separators, so these stay out of its cells.
        plain = (_NOT_TEXT.sub(" ", cell).replace(";", ",") for cell in record)
        cells = [" ".join(cell.split()) for cell in plain]
        if any(cells):
            writer.writerow(cells)
    return out.getvalue()


def _read(lines: Iterable[str], delimiter: str) -> list[list[str]]:
    try:
        return list(csv.reader(lines, delimiter=delimiter))
    except csv.Error as error:
        raise UnreadableList("This is not a list that can be read.") from error


def _cells(line: str) -> list[str]:
    """A line as the cells of a spreadsheet: between tabs, else semicolons, else commas."""
    delimiter = next((each for each in "\t;," if each in line), ",")
    [cells] = _read([line], delimiter) or [[]]
    return [" ".join(cell.split()) for cell in cells]


def _headings(cells: list[str]) -> list[str] | None:
    names = [_HEADINGS.get(cell.casefold(), "") for cell in cells]
    return names if "email" in names else None


def _is_record(cells: list[str]) -> bool:
    """An address first, and no other after it."""
    first, *more = cells
    return "@" in first and "<" not in first and any(more) and not any("@" in cell for cell in more)


def _entry(cells: list[str], columns: list[str]) -> Entry:
    values = {name: cell for name, cell in zip(columns, cells, strict=False) if name}
    return _shortened(Entry(**{"email": "", **values}))


def _named(line: str) -> Iterator[Entry]:
    """`Name <address>` as mail programs write it, and addresses between separators."""
    before, *pieces = line.split("<")
    for piece in pieces:
        # What ends in an address of its own is not part of the name.
        bare, at, name = before.rpartition("@")
        if at:
            domain, *more = _BETWEEN.split(name, maxsplit=1)
            yield from _bare(f"{bare}@{domain}")
            name = "".join(more)
        address, _, before = piece.partition(">")
        yield _with_name(address, name)
    if before.strip(" ,;\t>"):
        yield from _bare(before)


def _bare(text: str) -> Iterator[Entry]:
    words = [word for word in _BETWEEN.split(text) if word]
    addresses = [word for word in words if "@" in word]
    if len(addresses) == 1:
        yield _with_name(addresses[0], " ".join(word for word in words if "@" not in word))
    elif addresses:
        yield from (_shortened(Entry(email=word)) for word in words)
    elif words:
        yield _shortened(Entry(email=" ".join(words)))


def _with_name(address: str, name: str) -> Entry:
    """The name may stand as "First Last" or as "Last, First"."""
    name = name.strip(" ,;\t\"'")
    last, comma, first = name.partition(",")
    if not comma:
        first, _, last = name.partition(" ")
    return _shortened(Entry(email=address, first_name=first, last_name=last))


def _shortened(entry: Entry) -> Entry:
    values = {name: trimmed(getattr(entry, name))[:most] for name, most in _LENGTHS.items()}
    return replace(entry, **{**values, "email": as_stored(values["email"].removeprefix("mailto:"))})
