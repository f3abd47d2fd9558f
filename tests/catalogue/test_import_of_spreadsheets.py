"""What spreadsheets do to the files of a programme when they save them."""

import csv
from io import StringIO
from pathlib import Path

import pytest

from accounts.models import Agency, User
from booking.catalogue.importing.programme import FILES as KINDS
from booking.catalogue.importing.programme import ImportRefused, import_programme
from booking.catalogue.importing.sheets import read_sheet
from booking.catalogue.models import Course, Session
from booking.site.wording import LONDON
from tests.catalogue.small_programme import FILES, NOW, Load, sessions_file

CASES = Path(__file__).parent / "cases" / "csv"


# ---------------------------------------------------------------- folders that failed before


@pytest.mark.django_db
@pytest.mark.parametrize("name", sorted(each.name for each in CASES.iterdir()))
def test_a_folder_that_a_spreadsheet_saved_is_read(name: str) -> None:
    report = import_programme(folder=CASES / name, now=NOW)
    assert report.tallies["sessions"].created == 1
    zoe = User.objects.get(email="zoe@agency.example")
    assert zoe.first_name == "Zoë"
    assert zoe.last_name == ("ONeill" if name == "zwsp_in_email" else "O’Neill")
    assert Course.objects.get().title == "Neglect – an overview"
    [sitting] = Session.objects.get().sittings.all()
    assert f"{sitting.starts_at.astimezone(LONDON):%d/%m/%Y %H:%M}" == "07/07/2027 09:30"
    assert f"{sitting.ends_at.astimezone(LONDON):%d/%m/%Y %H:%M}" == "07/07/2027 12:30"


# ---------------------------------------------------------------- other shapes, by program

_DIARY = "title,starts,ends\nZoë’s day – “all” welcome,2027-02-09,2027-02-09\n"
_ROW = {"title": "Zoë’s day – “all” welcome", "starts": "2027-02-09", "ends": "2027-02-09"}


def diary(*cells: str) -> str:
    return "title,starts,ends\r\n" + ",".join(cells) + "\r\n"


def row(title: str, starts: str = "2027-02-09", ends: str = "2027-02-09") -> dict[str, str]:
    return {"title": title, "starts": starts, "ends": ends}


SHAPES: dict[str, tuple[bytes, dict[str, str] | str]] = {
    # What is read, with the cells of its one row.
    "Excel: CSV UTF-8": (_DIARY.replace("\n", "\r\n").encode("utf-8-sig"), _ROW),
    "Excel: CSV (comma delimited)": (_DIARY.replace("\n", "\r\n").encode("cp1252"), _ROW),
    "Excel: Unicode text": (_DIARY.replace(",", "\t").encode("utf-16"), _ROW),
    "Excel: CSV UTF-8 where lists are parted by semicolons": (
        _DIARY.replace(",", ";").encode("utf-8-sig"),
        _ROW,
    ),
    "Excel: sep=; before the header": (("sep=;\r\n" + _DIARY.replace(",", ";")).encode(), _ROW),
    "Excel: sep=| before the header": (("sep=|\r\n" + _DIARY.replace(",", "|")).encode(), _ROW),
    "Excel: empty columns at the right": (
        b"title,starts,ends,,,\r\nA,2027-02-09,2027-02-09,,,\r\n",
        row("A"),
    ),
    "Excel: empty rows below": (
        diary("A", "2027-02-09", "2027-02-09").encode() + b",,\r\n,,\r\n",
        row("A"),
    ),
    "Excel: a cell of two lines": (
        b'title,starts,ends\r\n"A\nB",2027-02-09,2027-02-09\r\n',
        row("A\nB"),
    ),
    "Excel: doubled quotation marks": (
        b'title,starts,ends\r\n"The ""A"" day",2027-02-09,2027-02-09\r\n',
        row('The "A" day'),
    ),
    "Excel for Mac: carriage returns alone": (_DIARY.replace("\n", "\r").encode(), _ROW),
    "Excel: an apostrophe that keeps a formula as text": (
        diary("'=A1+1", "2027-02-09", "2027-02-09").encode(),
        row("=A1+1"),
    ),
    "Excel: pounds in Windows letters": (
        diary("From £35 a day", "2027-02-09", "2027-02-09").encode("cp1252"),
        row("From £35 a day"),
    ),
    "Excel: capitals with accents": (
        diary("ZOË ÉLAN Ångström", "2027-02-09", "2027-02-09").encode("cp1252"),
        row("ZOË ÉLAN Ångström"),
    ),
    "Excel: no-break spaces at the end": (
        diary("A day\xa0", "2027-02-09", "2027-02-09").encode("cp1252"),
        row("A day"),
    ),
    "Excel: names of columns as people write them": (
        b" Title , STARTS ,Ends\r\nA,2027-02-09,2027-02-09\r\n",
        row("A"),
    ),
    "Google Sheets: CSV": (_DIARY.replace("\n", "\r\n").rstrip().encode(), _ROW),
    "Google Sheets: a comma inside a cell": (
        b'title,starts,ends\r\n"A, B",2027-02-09,2027-02-09',
        row("A, B"),
    ),
    "Numbers: UTF-16 without a mark, low byte first": (_DIARY.encode("utf-16-le"), _ROW),
    "Numbers: UTF-16 without a mark, high byte first": (_DIARY.encode("utf-16-be"), _ROW),
    "LibreOffice: every cell quoted": (
        b'"title","starts","ends"\n"A","2027-02-09","2027-02-09"\n',
        row("A"),
    ),
    "LibreOffice: UTF-16 with a mark, high byte first": (
        b"\xfe\xff" + _DIARY.encode("utf-16-be"),
        _ROW,
    ),
    "Notepad: a mark in the middle of nothing": ("\ufeff\ufeff".encode() + _DIARY.encode(), _ROW),
    # What is refused, with what the sentence says.
    "Excel: a workbook": (b"PK\x03\x04\x14\x00", "is a workbook or a zip file, not a CSV file"),
    "Excel 97: a workbook": (b"\xd0\xcf\x11\xe0\xa1\xb1", "is a workbook, not a CSV file; save it"),
    "Excel: a title above the header": (
        b"Diary 2027,,\r\n,,\r\ntitle,starts,ends\r\nA,2027-02-09,2027-02-09\r\n",
        "line 1: is not the names of the columns: these are on line 3; delete what stands above",
    ),
    "Numbers: the table's name above the header": (
        b"Table 1\ntitle;starts;ends\nA;2027-02-09;2027-02-09\n",
        "line 1: is not the names of the columns: these are on line 2",
    ),
    "Excel for Mac: Macintosh letters": (
        _DIARY.encode("mac_roman"),
        'line 2: is not UTF-8, and it is not certain which letters "Zo‘',
    ),
    "Excel for Mac: Macintosh quotation marks": (
        diary("Ann’s day", "2027-02-09", "2027-02-09").encode("mac_roman"),
        'which letters "AnnÕs" has; save it as CSV UTF-8 (Excel: File, Save as, CSV UTF-8)',
    ),
    "Excel for Mac: only letters that Windows has too": (
        diary("Björn", "2027-02-09", "2027-02-09").encode("mac_roman"),
        'which letters "Bjšrn" has',
    ),
    "Excel: CSV (MS-DOS)": (
        diary("Café Noël", "2027-02-09", "2027-02-09").encode("cp850"),
        "which letters",
    ),
    "Excel in Russia": (
        diary("Иванов", "2027-02-09", "2027-02-09").encode("cp1251"),
        "which letters",
    ),
    "Excel in Poland": (
        diary("Michał", "2027-02-09", "2027-02-09").encode("cp1250"),
        "which letters",
    ),
    "UTF-8 saved once more as Windows letters": (
        diary("Zoë", "2027-02-09", "2027-02-09").encode().replace(b"\xab", b"\xab\xff"),
        "which letters",
    ),
    "any: a letter that another program lost": (
        diary("Zo\ufffd", "2027-02-09", "2027-02-09").encode(),
        "has a � where a letter was lost",
    ),
    "Excel: a formula that failed": (
        diary("#NAME?", "2027-02-09", "2027-02-09").encode(),
        "is #NAME?",
    ),
    "Excel in America: one date that is month first": (
        diary("A", "02/09/2027", "02/14/2027").encode(),
        "line 2, ends: has 02/14/2027, which can only be month/day/year, so nothing in this file",
    ),
    "any: a picture": (b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR", "is not a text file"),
    "any: a PDF": (b"%PDF-1.7\n", "is a PDF, not a CSV file"),
    "any: half of a UTF-16 letter": (b"\xff\xfet\x00i", "is broken at byte"),
    "any: a column that nobody knows": (
        b"title,starts,ends,colour\nA,,,red\n",
        "colour: is not a known column",
    ),
    "any: NUL bytes": (b"title,starts,ends\nA\0,,\n", "line 2: is not a text file, or is damaged"),
}


@pytest.mark.parametrize("shape", SHAPES)
def test_a_shape_is_read_or_refused(shape: str) -> None:
    content, expected = SHAPES[shape]
    sheet = read_sheet("diary_dates.csv", content, KINDS["diary_dates.csv"])
    if isinstance(expected, str):
        assert expected in "\n".join(map(str, sheet.problems))
    else:
        assert sheet.problems == []
        [read] = sheet.rows
        assert dict(read.cells) == expected
    assert sheet.guessed == [] or b"\xeb" in content or not content.isascii()


def test_what_is_read_as_letters_of_windows_is_named() -> None:
    content, _ = SHAPES["Excel: CSV (comma delimited)"]
    sheet = read_sheet("diary_dates.csv", content, KINDS["diary_dates.csv"])
    assert sheet.guessed == [(2, "title", "Zoë’s day – “all” welcome")]


HOSTILE = {
    "a line of ten megabytes": b"title,starts,ends\n" + b"x" * 10_000_000,
    "a hundred thousand columns": b"title,starts,ends" + b",x" * 100_000 + b"\n",
    "a hundred thousand cells": b"title,starts,ends\nA" + b",x" * 100_000 + b"\n",
    "twenty thousand rows and one": b"title,starts,ends\n" + b"A,,\n" * 20_001,
    "bytes of every kind": bytes(range(256)) * 4000,
    "a quotation mark that nothing closes": b'title,starts,ends\n"' + b"x," * 1_000_000,
    "a cell of spaces": b"title,starts,ends\n" + b" " * 100_000 + b",,\n",
    "letters of all kinds in one word": b"title,starts,ends\n" + b"e\xe9" * 100_000,
    "letters beyond ASCII in one word": b"title,starts,ends\n" + b"\xe9" * 100_000,
}


@pytest.mark.parametrize("what", HOSTILE)
def test_a_hostile_file_is_refused_in_a_sentence(what: str) -> None:
    sheet = read_sheet("diary_dates.csv", HOSTILE[what], KINDS["diary_dates.csv"])
    assert sheet.problems or sheet.rows == []
    assert all(len(str(problem)) < 400 for problem in sheet.problems)


# ---------------------------------------------------------------- what cells mean

SITTINGS = [
    "2027-07-07T09:30/2027-07-07T12:30",
    "2027-07-07 9:30/2027-07-07 12:30",
    "07/07/2027 09:30/07/07/2027 12:30",
    "7/7/2027 9:30 - 7/7/2027 12:30",
    "07/07/2027 9:30am to 12:30pm",
    "07/07/2027 9.30 – 12.30",
    "07/07/2027 09:30:00/07/07/2027 12:30:00",
    "Wednesday 7 July 2027, 9:30am to 12:30pm",
    "7-Jul-2027 9:30 AM - 12:30 PM",
]


@pytest.mark.django_db
@pytest.mark.parametrize("cell", SITTINGS)
def test_a_sitting_is_read_however_it_is_written(load: Load, cell: str) -> None:
    line = f'X1,INTRO,"{cell}",online,,,https://meet.example/a,20.0,5,'
    load({"sessions.csv": sessions_file(line)})
    session = Session.objects.get(reference="X1")
    [sitting] = session.sittings.all()
    times = (sitting.starts_at.astimezone(LONDON), sitting.ends_at.astimezone(LONDON))
    assert [f"{each:%Y-%m-%d %H:%M}" for each in times] == ["2027-07-07 09:30", "2027-07-07 12:30"]
    assert session.capacity == 20


@pytest.mark.django_db
@pytest.mark.parametrize(("cell", "hour"), [("2pm", 14), ("12pm", 12), ("12am", 0), ("9 a.m.", 9)])
def test_an_hour_is_read_however_it_is_written(load: Load, cell: str, hour: int) -> None:
    line = f'X1,INTRO,"07/07/2027 {cell} to 11:59pm",online,,,https://meet.example/a,20,5,'
    load({"sessions.csv": sessions_file(line)})
    assert Session.objects.get(reference="X1").starts_at.astimezone(LONDON).hour == hour


@pytest.mark.django_db
@pytest.mark.parametrize(("cell", "told"), [("TRUE", True), ("False", False), ("yes", True)])
def test_truths_are_read_as_spreadsheets_write_them(load: Load, cell: str, told: bool) -> None:
    agencies = FILES["agencies.csv"].replace(",yes\n", f",{cell}\n")
    load({"agencies.csv": agencies})
    assert Agency.objects.get(name="Leeds Police").trainers_in_kind is told


@pytest.mark.django_db
def test_one_date_that_is_month_first_has_its_whole_file_refused(load: Load) -> None:
    lines = [
        f"X{day},INTRO,07/{day:02}/2027 09:30/12:30,online,,,https://meet.example/a,20,5,"
        for day in (1, 2, 14)
    ]
    with pytest.raises(ImportRefused) as refused:
        load({"sessions.csv": sessions_file(*lines)})
    [problem] = refused.value.problems
    assert (problem.line, problem.column) == (4, "sittings")
    assert "07/14/2027, which can only be month/day/year, so nothing in this" in problem.reason


# ---------------------------------------------------------------- as before


@pytest.mark.django_db
@pytest.mark.parametrize("separator", [";", "\t"])
def test_semicolons_or_tabs_may_separate_cells(load: Load, separator: str) -> None:
    written = {name: StringIO(newline="") for name in FILES}
    for name, content in FILES.items():
        csv.writer(written[name], delimiter=separator).writerows(csv.reader(StringIO(content)))
    load({name: content.getvalue() for name, content in written.items()})
    assert Agency.objects.get(name="City Council").email_domains == [
        "council.example",
        "youth.example",
    ]
    assert str(load().tallies["sessions"]) == "0 created, 0 changed, 2 the same"


@pytest.mark.django_db
def test_invisible_characters_are_left_out_and_joiners_between_letters_are_not(load: Load) -> None:
    people = (
        "\ufeffemail,first_name,last_name,job_title,agency,manager_email\n"
        "zoe@agency.example\u200b,\u2066Zoe\u2069,\u0645\u06cc\u200c\u062e,Nur\u00adse,"
        "Leeds\u200b Police \ufeff,\u200eboss@agency.example\u200d\n"
    )
    load({"practitioners.csv": people})
    zoe = User.objects.get(email="zoe@agency.example")
    assert (zoe.full_name, zoe.job_title, zoe.agency_name, zoe.manager_email) == (
        "Zoe \u0645\u06cc\u200c\u062e",
        "Nurse",
        "Leeds Police",
        "boss@agency.example",
    )
