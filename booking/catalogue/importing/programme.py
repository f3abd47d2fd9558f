"""The programme import: all rows of all files, or none.

- A row is known by its key: an agency by its name, a course by its code, a person by their
  address, a session by its reference, a diary date by its title and first day. A known row is
  changed to what the file says, a new one is made, and nothing is ever removed.
- The second import of the same files writes nothing.
- Sessions are made published. An import never publishes, cancels or revives one that exists.
- What people with a booking were told (course and its title, sittings, delivery, venue and its
  address, link) is not changed behind their backs: such a row is a problem, and so is a capacity
  below the places taken. Nor are the trainers of a published session that has not ended.
- Times are those on clocks in London; one that the clocks skip or repeat is a problem.
- Whoever is imported may sign in by code at once: the address counts as verified.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path

from django.db import connection, transaction
from django.utils import timezone

from accounts.addresses import as_stored
from booking.catalogue.importing import cells
from booking.catalogue.importing.batches import ImportCounts, Table
from booking.catalogue.importing.cells import Columns, Problem, Sheet, read_sheet
from booking.catalogue.importing.courses import COURSES, CourseImport
from booking.catalogue.importing.people import AGENCIES, PRACTITIONERS, AgencyImport, PeopleImport
from booking.catalogue.importing.sessions import (
    SESSIONS,
    SessionImport,
    SessionLine,
    read_session_rows,
)
from booking.catalogue.models import DiaryDate
from booking.site.refusals import Refused

FILES = {
    "agencies.csv": AGENCIES,
    "courses.csv": COURSES,
    "practitioners.csv": PRACTITIONERS,
    "sessions.csv": SESSIONS,
    "diary_dates.csv": Columns("title,starts,ends"),
}
# Any number will do that nothing else locks.
_LOCK = 7_305_071


class ImportRefused(Refused):
    """Nothing was written; `problems` holds every fault of every file, one a line of `sentence`."""

    def __init__(self, problems: list[Problem]) -> None:
        self.sentence = "\n".join(str(problem) for problem in problems)
        self.problems = problems


@dataclass(frozen=True)
class Report:
    """What an import did, table by table, and what it would like a person to look at."""

    tallies: dict[str, ImportCounts]
    notes: list[str]
    weeks_moved: int


def import_programme(*, folder: Path, now: datetime, starting_from: date | None = None) -> Report:
    """Load the CSV files of a folder, those that are there, in one transaction.

    With `starting_from`, every session moves by the same number of whole weeks, forwards or
    back, so that the earliest session is on that day or in the week after it; diary dates stay.
    The weekday stays, and so does the time on the clock, also across a clock change. The earliest
    session is that of the file, so the same files and the same day always come out the same.

    Raises `ImportRefused` with every fault, and then has written nothing.
    """
    sheets = {name: read_sheet(folder / name, columns) for name, columns in FILES.items()}
    if not any(sheet.is_there for sheet in sheets.values()):
        raise ImportRefused([Problem(str(folder), 0, "", f"has none of {', '.join(FILES)}")])
    session_rows = read_session_rows(sheets["sessions.csv"])
    weeks = _weeks_to_move(session_rows, starting_from)
    with transaction.atomic():
        _let_no_other_import_run()
        agencies = AgencyImport(sheets["agencies.csv"])
        courses = CourseImport(sheets["courses.csv"], now)
        emails = _emails(sheets["practitioners.csv"], session_rows)
        people = PeopleImport(agencies, emails, now)
        people.plan_practitioners(sheets["practitioners.csv"])
        sessions = SessionImport(session_rows, courses=courses, people=people, weeks=weeks, now=now)
        diary = _diary_dates(sheets["diary_dates.csv"])
        problems = [
            problem
            for sheet in sheets.values()
            for problem in sorted(sheet.problems, key=lambda problem: problem.line)
        ]
        if problems:
            raise ImportRefused(problems)
        agencies.table.write()
        courses.write()
        people.write()
        sessions.write()
        diary.write()
    tallies = {
        "agencies": agencies.table.tally,
        "courses": courses.table.tally,
        "practitioners": people.practitioners.tally,
        "trainers": people.trainers.tally,
        "venues": sessions.venues.table.tally,
        "sessions": sessions.table.tally,
        "diary dates": diary.tally,
    }
    return Report(tallies, sessions.notes, weeks)


def _diary_dates(sheet: Sheet) -> Table[DiaryDate]:
    """diary_dates.csv; a diary date is known by its title and its first day.

    Awareness days are fixed by others, so they never move with the programme.
    """
    stored = {(found.title, found.starts): found for found in DiaryDate.objects.all()}
    table = Table(DiaryDate, stored, stamp=("changed_at",))
    rows = sheet.keyed_rows(
        "title", lambda row: (" ".join(row.cells["title"].split()), row.cells["starts"])
    )
    for row, (title, _) in rows:
        row.required("title", cells.text(200), "")
        starts = row.required("starts", cells.calendar_day, None)
        ends = row.required("ends", cells.calendar_day, None)
        if starts is None or ends is None:
            continue
        if ends < starts:
            row.refuse("ends", f"is {ends}, which is before the start on {starts}")
            continue
        if table.put((title, starts), {"ends": ends}, title=title, starts=starts):
            # A bulk update does not set it by itself.
            table.rows[title, starts].changed_at = timezone.now()
    return table


def _emails(practitioners: Sheet, session_rows: Iterable[SessionLine]) -> set[str]:
    found = {as_stored(row.cells["email"]) for row in practitioners.rows}
    return found | {email for row in session_rows for email in row.trainers}


def _weeks_to_move(session_rows: Iterable[SessionLine], starting_from: date | None) -> int:
    """How many whole weeks bring the earliest session to that day or after."""
    if starting_from is None:
        return 0
    days = [start.date() for row in session_rows for start, _ in row.sittings]
    return math.ceil((starting_from - min(days)).days / 7) if days else 0


def _let_no_other_import_run() -> None:
    """Wait until no other import is at work; held until the transaction ends."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_LOCK])
