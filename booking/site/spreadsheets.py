"""Tables as CSV that a spreadsheet opens, calculates nothing of and takes for what it is."""

import csv
import io
import re
from collections.abc import Iterable, Sequence
from datetime import date, datetime
from decimal import Decimal

from django.http import HttpResponse

from booking.site.wording import LONDON

type Cell = str | int | Decimal | date

# A spreadsheet takes a cell that begins with one of these for a formula (OWASP, CSV injection).
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
# What it takes for a number, an amount, a date, a time or a truth: it drops the 0 of a phone number
# and makes "1/2" the first of February, "SEP1" a date and "1E5" 100000.
_MONTHS = "january|february|march|april|june|july|august|september|october|november|december"
_TAKEN_FOR_ELSE = re.compile(
    rf"(?=.*\d)(?:[\d\s.,:/%£$€()+-]|{_MONTHS}|sept|jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec"
    r"|e(?=[\d+-])|[ap]m)++|true|false",
    re.IGNORECASE,
)


def safe_cell(text: str) -> str:
    """The text as a cell that stays what it is.

    An apostrophe goes before what a spreadsheet would calculate, or take for a number or a date.
    """
    text = text.replace("\0", "")
    return f"'{text}" if _is_taken_for_else(text) else text


def as_typed(cell: str) -> str:
    """The text of a cell that `safe_cell` has written: without the apostrophe that it added."""
    return cell[1:] if cell.startswith("'") and _is_taken_for_else(cell[1:]) else cell


def _is_taken_for_else(text: str) -> bool:
    """Whether a spreadsheet would; also behind apostrophes, so that one more can be told apart."""
    text = text.lstrip("'")
    return text.startswith(_FORMULA_STARTS) or bool(_TAKEN_FOR_ELSE.fullmatch(text))


def as_csv(heading: Sequence[str], rows: Iterable[Sequence[Cell]]) -> bytes:
    """A table as CSV with a byte-order mark, so that Excel reads accents rightly.

    Text stays text; days and moments are written as ISO 8601 has them, in London's time, so that
    they sort; numbers stay numbers.
    """
    out = io.StringIO(newline="")
    writer = csv.writer(out)
    writer.writerow(heading)
    writer.writerows([_written(cell) for cell in row] for row in rows)
    return out.getvalue().encode("utf-8-sig")


def _written(cell: Cell) -> str:
    if isinstance(cell, datetime):
        return f"{cell.astimezone(LONDON):%Y-%m-%d %H:%M}"
    if isinstance(cell, date):
        return cell.isoformat()
    return safe_cell(cell) if isinstance(cell, str) else str(cell)


def csv_file(name: str, heading: Sequence[str], rows: Iterable[Sequence[Cell]]) -> HttpResponse:
    """A table to download; of the name only what every system takes in a file's name is kept."""
    kept = "".join(each for each in name if (each.isascii() and each.isalnum()) or each in "-_")
    response = HttpResponse(as_csv(heading, rows), content_type="text/csv; charset=utf-8")
    response.headers["Content-Disposition"] = f'attachment; filename="{kept}.csv"'
    return response
