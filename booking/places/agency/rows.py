"""Reading a list of colleagues: pasted text in the forms people have it in, or a CSV file.

Nothing is refused here but a file that cannot be read at all; what is in a row is judged with it.
"""

import csv
import io
import re
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import replace
from typing import Any

from django.core.files.uploadedfile import UploadedFile

from accounts.addresses import as_stored
from accounts.agencies import Entry
from booking.places.refusals import PlaceRefused
from booking.site.characters import trimmed, without_hidden
from booking.site.wording import counted

MOST_ROWS = 500
MOST_BYTES = 200_000

_BETWEEN = re.compile(r"[;,|\t]+")
# What stands between separators, each read once.
_TOKEN = re.compile(r"[^\s<>()\[\]{};,:|\"“”«»]+")
# What a list puts before a line: bullets, quote marks of a mail, "1.", "(2)", "a)".
_MARK = re.compile(
    r"^(?:(?:[-*•·–—▪▫‣◦●○►✓✔☐>#|]+|\(?\d{1,4}[.)\]:]*|\(?[A-Za-z]\)|o(?=\t))(?:\s+|$))+"
)
_MAILTO = re.compile(r"\bmailto:", re.IGNORECASE)
_IN_BRACKETS = re.compile(r">?\s*\(([^()@]*)\)")
_AROUND = " \t\"'“”‘’`<>()[]{}*•·–—-"
# Of last names: those before the last word of one.
_PARTICLES = frozenset(
    ["da", "das", "de", "del", "den", "der", "di", "do", "dos", "du", "la", "ter", "van", "von"]
)
_NOT_TEXT = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
# The columns, each with what spreadsheets call it.
_COLUMNS = {
    "email": ("email", "e-mail", "email address", "work email", "work email address", "address"),
    "first_name": ("first name", "first_name", "forename", "given name"),
    "last_name": ("last name", "last_name", "surname", "family name"),
    "job_title": ("job title", "job_title", "title", "role"),
    "name": ("name", "full name", "colleague"),
}
_HEADINGS = {name: column for column, names in _COLUMNS.items() for name in names}
_LABELS = frozenset([*_HEADINGS, "mail", "to", "cc", "bcc", "from", "attendees"])
_USUAL = ["email", "first_name", "last_name", "job_title"]
# How much is shown of a line that is no address.
_MOST_SHOWN = 1000


class UnreadableList(PlaceRefused):
    """The list or file cannot be read."""


def rows_of(text: str) -> list[Entry]:
    """The people a text names, in its order.

    One or several a line: addresses, `Name <address>`, or address, first name, last name and job
    title as a spreadsheet has them. Numbers, bullets, quotes and `mailto:` are nobody's name. An
    entry whose address has no @ is a line without one. Raises `UnreadableList` if there are none
    or too many.
    """
    headings: list[str] | None = None
    entries: list[Entry] = []
    for line in _with_names_above(_lines(text)):
        cells = _cells(line)
        if not entries and headings is None and (found := _headings(cells)):
            headings = found
        elif headings is not None or _is_record(cells):
            columns = headings or (["email", "name"] if len(cells) == 2 else _USUAL)
            # What stands in no column would be lost.
            is_clear = not any(cells[len(columns) :])
            entries.append(_entry(cells, columns) if is_clear else _as_it_stands(line))
        else:
            entries.extend(_people(line) or [_as_it_stands(line)])
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
        return list(csv.reader(lines, delimiter=delimiter, skipinitialspace=True))
    except csv.Error as error:
        raise UnreadableList("This is not a list that can be read.") from error


def _cells(line: str) -> list[str]:
    """A line as the cells of a spreadsheet: between tabs, else bars, semicolons, else commas."""
    delimiter = next((each for each in "\t|;," if each in line), ",")
    [cells] = _read([line], delimiter) or [[]]
    return [" ".join(cell.split()) for cell in cells]


def _headings(cells: list[str]) -> list[str] | None:
    names = [_HEADINGS.get(cell.casefold(), "") for cell in cells]
    return names if "email" in names else None


def _is_record(cells: list[str]) -> bool:
    """A bare address first, and no other after it."""
    first, *more = cells
    return bool(_is_bare(first)) and any(more) and not any("@" in cell for cell in more)


def _is_bare(text: str) -> bool:
    return "@" in text and bool(_TOKEN.fullmatch(text))


def _entry(cells: list[str], columns: list[str]) -> Entry:
    values = {name: cell for name, cell in zip(columns, cells, strict=False) if name}
    if name := values.pop("name", ""):
        values |= _first_and_last(name) or {}
    return _tidied(Entry(**{"email": "", **values}))


def _lines(text: str) -> list[str]:
    """The lines that say something, without marks of lists and titles that end in a colon."""
    text = _NOT_TEXT.sub(" ", without_hidden(text).replace("\r\n", "\n").replace("\r", "\n"))
    lines = [_MARK.sub("", line.replace("\xa0", " ").strip()) for line in text.split("\n")]
    lines = [line for line in lines if "@" in line or (_has_letter(line) and line[-1] != ":")]
    numbered = [line.removeprefix(f"{number}.") for number, line in enumerate(lines, start=1)]
    every = all(one != other for one, other in zip(lines, numbered, strict=True))
    return numbered if every and len(lines) > 1 else lines


def _with_names_above(lines: list[str]) -> list[str]:
    """Names that stand on lines of their own, each above its address, put before the address.

    Of a single pair the line above may be a title: the two are one line that nobody is sure of.
    """
    pairs = list(zip(lines[::2], lines[1::2], strict=False))
    alternate = all("@" not in above and _is_bare(below) for above, below in pairs)
    if not pairs or len(lines) % 2 or not alternate:
        return lines
    return [
        f"{above},, {below}" if len(pairs) == 1 else f"{above} {below}" for above, below in pairs
    ]


def _people(line: str) -> list[Entry]:
    """The people of one line: words belong to the address that follows.

    What is said after a single address, or behind it in brackets, is that person's name. Where it
    is not clear who is meant, the line itself is the one entry: see `is_unsure`.
    """
    entries: list[Entry] = []
    unsure = [Entry(email=" ".join(line.replace(",,", ",").split()))]
    end = 0
    for token in _TOKEN.finditer(line):
        address = token[0].partition("?")[0].strip("-–—*•·.'’‘`=")
        if "@" not in address:
            continue
        before = line[end : token.start()]
        if token.start() < end:
            continue
        end = token.end()
        names = _first_and_last(before)
        if names is None or ",," in before:
            return unsure
        if entries and not names and as_stored(address) == entries[-1].email:
            continue
        if not names and (behind := _IN_BRACKETS.match(line, end)):
            names, end = _first_and_last(behind[1]) or {}, behind.end()
            if not names.get("last_name"):
                return unsure
        entries.append(_tidied(Entry(email=address, **names)))
    rest = line[end:]
    if _has_letter(rest):
        names = _first_and_last(rest)
        if names is None or len(entries) != 1 or entries[0].name:
            return unsure
        entries = [_tidied(replace(entries[0], **names))]
    return entries


def _first_and_last(text: str) -> dict[str, str] | None:
    """The name in these words, if any: "First Last" or "Last, First". Nothing if it is unclear.

    A name has a letter; what a label says before a colon is none.
    """
    said = _MAILTO.sub(" ", text).lstrip(" \t>;,|)\"'”’").rstrip(" \t<([{-–—\"'“‘")
    words = said.rstrip(":").rpartition(":")[2]
    cells = [_MARK.sub("", cell.strip()).strip(_AROUND) for cell in _BETWEEN.split(words)]
    cells = [" ".join(cell.split()) for cell in cells if _has_letter(cell)]
    named = [cell for cell in cells if cell.casefold() not in _LABELS]
    if said.endswith(":") and cells and cells[-1].casefold() not in _LABELS:
        return None
    if any(letter.isdigit() or letter in "()[]<>?" for cell in named for letter in cell):
        return None
    if len(named) < 2:
        first, _, last = "".join(named).partition(" ")
        return {"first_name": first, "last_name": last} if first else {}
    *before, _ = named[0].split()
    is_last_first = all(word.casefold() in _PARTICLES for word in before)
    has_columns = said.endswith(",") or not set("|;\t").isdisjoint(said)
    if len(named) > 2 or not is_last_first or has_columns:
        return None
    return {"first_name": named[1], "last_name": named[0]}


def is_unsure(entry: Entry) -> bool:
    """Whether it is a line as it was pasted, of which it is not clear who is meant."""
    return "@" in entry.email and not _TOKEN.fullmatch(entry.email)


def _has_letter(text: str) -> bool:
    return any(letter.isalpha() for letter in text)


def _as_it_stands(line: str) -> Entry:
    return _tidied(Entry(email=" ".join(line.split())))


def _tidied(entry: Entry) -> Entry:
    values = {name: trimmed(getattr(entry, name)) for name in _USUAL}
    email = as_stored(values["email"][:_MOST_SHOWN].removeprefix("mailto:"))
    return replace(entry, **{**values, "email": email})
