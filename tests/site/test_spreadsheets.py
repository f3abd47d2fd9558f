"""What a spreadsheet makes of the cells of a downloaded table."""

import csv
import io
from datetime import UTC, date, datetime

import pytest

from booking.site.spreadsheets import as_csv, csv_file, safe_cell

TEXT = """07700900123
07700 900123
+44 7700 900123
(0113) 496 0000
0042
1E5
1e+5
12/3
1-2
3.5
1,000
£20
50%
2027-02-09
9 Feb 2027
9 February
SEPT2
MAR1
1MAY
9:30
9:30am
true
FALSE""".splitlines()
PLAIN = ["", "Vegetarian", "None", "2 seats", "May", "B12 allergy", "SG1-02", "Nut allergy (1)"]


def cells(*row: object) -> list[str]:
    """A row as it is read back."""
    content = as_csv(["A"], [row]).decode("utf-8-sig")  # type: ignore[list-item]
    return list(csv.reader(io.StringIO(content, newline="")))[1]


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠"])
def test_a_cell_never_begins_like_a_formula(start: str) -> None:
    assert safe_cell(f"{start}1+1").startswith("'")


@pytest.mark.parametrize("text", TEXT)
def test_what_looks_like_a_number_or_a_date_stays_text(text: str) -> None:
    assert cells(text) == [f"'{text}"]


@pytest.mark.parametrize("text", PLAIN)
def test_plain_words_stay_as_they_are(text: str) -> None:
    assert cells(text) == [text]


def test_days_moments_and_numbers_sort() -> None:
    summer = datetime(2027, 7, 1, 23, 30, tzinfo=UTC)
    assert cells(date(2027, 2, 9), summer, 12) == ["2027-02-09", "2027-07-02 00:30", "12"]


def test_a_long_cell_takes_no_time() -> None:
    assert safe_cell("jan" * 20_000 + "x") == "jan" * 20_000 + "x"
    assert safe_cell("1 " * 20_000 + "x").endswith("x")
    for month in ("may", "june", "sept", "december", "pm", "e1"):
        assert safe_cell(f"1{month * 20_000}x").endswith("x")


def test_a_file_has_a_name_that_every_system_takes() -> None:
    disposition = csv_file('Ä"; x=/..\\SG1-02', ["A"], []).headers["Content-Disposition"]
    assert disposition == 'attachment; filename="xSG1-02.csv"'
