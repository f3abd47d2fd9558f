"""The programme import: all rows of all files, or none.

- A row is known by its key: an agency and a venue by its name, a course by its code, a person by
  their address, a session by its reference, a diary date by its title and first day. A known row
  is changed to what the file says, a new one is made, and nothing is ever removed. What a file has
  no column for stays.
- The second import of the same files writes nothing, nor does one of the files of an export.
- Sessions are made published unless their state says otherwise. An import never publishes, cancels
  or revives one that exists.
- What people with a booking and guests were told (course and its title, sittings, delivery, venue
  and its address, joining instructions, and the meeting where mails hold its address) is not
  changed behind their backs: such a row is a problem, and so is a capacity below the places taken.
  Nor are the trainers of a published session that has not ended.
- No file gives anybody a role.
- Times are those on clocks in London; one that the clocks skip or repeat is a problem.
- Whoever is imported may sign in by code at once: the address counts as verified.
"""

import hashlib
import json
import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any

from django.db import connection, transaction
from django.utils import timezone

from accounts.addresses import as_stored
from accounts.models import User
from booking.catalogue.importing import cells, dates
from booking.catalogue.importing.batches import ImportCounts, Table
from booking.catalogue.importing.courses import COURSES, CourseImport, Policies
from booking.catalogue.importing.fields import columns_of
from booking.catalogue.importing.people import AGENCIES, PRACTITIONERS, AgencyImport, PeopleImport
from booking.catalogue.importing.sessions import SESSIONS, SessionImport
from booking.catalogue.importing.sheets import Problem, Sheet, read_sheet
from booking.catalogue.importing.sittings import SessionLine, read_session_rows
from booking.catalogue.importing.venues import VENUES, VenueImport
from booking.catalogue.models import DiaryDate
from booking.site.refusals import Refused

FILES = {
    "agencies.csv": AGENCIES,
    "courses.csv": COURSES,
    "venues.csv": VENUES,
    "practitioners.csv": PRACTITIONERS,
    "sessions.csv": SESSIONS,
    "diary_dates.csv": columns_of(["title", "starts", "ends"], [], dates=["starts", "ends"]),
}
# Any number will do that nothing else locks.
_LOCK = 7_305_071
type Tell = Callable[[str], None]


def _silent(words: str) -> None:
    """Nobody waits."""


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


@dataclass(frozen=True)
class Given:
    """A file to import: what it is called, for people, and its bytes."""

    name: str
    content: bytes


def import_programme(*, folder: Path, now: datetime, starting_from: date | None = None) -> Report:
    """Load the CSV files of a folder, those that are there, in one transaction.

    With `starting_from`, every session moves by the same number of whole weeks, forwards or
    back, so that the earliest session is on that day or in the week after it; diary dates stay.
    The weekday stays, and so does the time on the clock, also across a clock change. The earliest
    session is that of the file, so the same files and the same day always come out the same.

    Raises `ImportRefused` with every fault, and then has written nothing.
    """
    files: dict[str, Given] = {}
    unread: list[Problem] = []
    for name in FILES:
        try:
            files[name] = Given(name, (folder / name).read_bytes())
        except FileNotFoundError:
            continue
        except OSError as error:
            unread.append(Problem(name, 0, "", f"cannot be read: {error.strerror}"))
    if unread or not files:
        raise ImportRefused(
            unread or [Problem(str(folder), 0, "", f"has none of {', '.join(FILES)}")]
        )
    with transaction.atomic():
        plan = ImportPlan(files, now=now, starting_from=starting_from)
        return plan.write()


class ImportPlan:
    """What files are going to change, compared with what is stored.

    To be written it needs a transaction, in which it lets no other import run and nobody book what
    is about to change. Only to be shown it needs no locks. Without `by` it is the command's.
    """

    def __init__(
        self,
        files: Mapping[str, Given],
        *,
        now: datetime,
        by: User | None = None,
        starting_from: date | None = None,
        tell: Tell = _silent,
        locks: bool = True,
    ) -> None:
        self.sheets: dict[str, Sheet] = {}
        for kind, columns in FILES.items():
            given = files.get(kind)
            if given:
                tell(f"Reading {given.name}")
            content = given.content if given else None
            self.sheets[kind] = read_sheet(given.name if given else kind, content, columns)
        self._tell = tell
        session_rows = read_session_rows(self.sheets["sessions.csv"])
        self._weeks = _weeks_to_move(session_rows, starting_from)
        if locks:
            _let_no_other_import_run()
        policies = Policies()
        self._agencies = AgencyImport(self.sheets["agencies.csv"])
        self._courses = CourseImport(self.sheets["courses.csv"], self._agencies, policies, now)
        self._venues = VenueImport(self.sheets["venues.csv"])
        emails = _emails(self.sheets["practitioners.csv"], session_rows)
        tell("Comparing people")
        self._people = PeopleImport(self._agencies, emails, now, by)
        self._people.plan_practitioners(self.sheets["practitioners.csv"])
        tell("Comparing sessions")
        self._sessions = SessionImport(
            session_rows,
            courses=self._courses,
            agencies=self._agencies,
            people=self._people,
            venues=self._venues,
            policies=policies,
            weeks=self._weeks,
            now=now,
            tell=tell,
            locks=locks,
        )
        self._diary = _diary_dates(self.sheets["diary_dates.csv"])

    @property
    def problems(self) -> list[Problem]:
        """Every fault, file by file and line by line."""
        return [problem for sheet in self.sheets.values() for problem in sheet.in_order]

    @property
    def notes(self) -> list[str]:
        """What a person should look at, though nothing is wrong."""
        return [
            *self._sessions.notes,
            *self._people.notes,
            *self._people.without_role.values(),
        ]

    @property
    def digest(self) -> str:
        """Another one for everything else that could be written."""
        told: list[list[Any]] = [
            [kind, row.line, row.outcome.name, row.outcome.is_new, sorted(row.cells.items())
             if row.outcome.is_new else sorted(row.outcome.changes.items())]
            for kind, sheet in self.sheets.items()
            for row in sheet.rows
        ]  # fmt: skip
        told.append([str(problem) for problem in self.problems])
        return hashlib.sha256(json.dumps(told).encode()).hexdigest()

    def write(self) -> Report:
        """Write it all. Raises `ImportRefused` with every fault, and then has written nothing."""
        if self.problems:
            raise ImportRefused(self.problems)
        self._tell("Writing courses and people")
        self._agencies.table.write()
        self._courses.write()
        self._venues.table.write()
        self._people.write()
        self._tell("Writing sessions")
        self._sessions.write()
        self._diary.write()
        tallies = {
            "agencies": self._agencies.table.tally,
            "courses": self._courses.table.tally,
            "practitioners": self._people.practitioners.tally,
            "trainers": self._people.trainers.tally,
            "venues": self._venues.table.tally,
            "sessions": self._sessions.table.tally,
            "diary dates": self._diary.tally,
        }
        return Report(tallies, self.notes, self._weeks)


def _diary_dates(sheet: Sheet) -> Table[DiaryDate]:
    """diary_dates.csv; a diary date is known by its title and its first day.

    Awareness days are fixed by others, so they never move with the programme.
    """
    stored = {(" ".join(it.title.split()), it.starts): it for it in DiaryDate.objects.all()}
    table = Table(DiaryDate, stored, stamp=("changed_at",))
    rows = sheet.keyed_rows(
        "title", lambda row: (" ".join(row.cells["title"].split()), row.cells["starts"])
    )
    for row, (title, _) in rows:
        row.required("title", cells.text(200), "")
        starts = row.required("starts", dates.calendar_day, None)
        ends = row.required("ends", dates.calendar_day, None)
        if starts is None or ends is None:
            continue
        if ends < starts:
            row.refuse("ends", f"is {ends}, which is before the start on {starts}")
            continue
        key = (title, starts)
        if differs := table.put(key, {"ends": ends}, title=title, starts=starts):
            # A bulk update does not set it by itself.
            table.rows[key].changed_at = timezone.now()
            row.becomes(new=key in table.new, ends=(differs["ends"], ends))
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
