"""The files of a programme as they stand: imported again, they change nothing.

Whatever a cell holds, `as_csv` has spreadsheets take it for what it is, and an import takes away
what that added. Roles are not in the files, nor are people who have no address or whose account has
ended.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

from allauth.account.models import EmailAddress
from django.db.models import Exists, OuterRef, QuerySet

from accounts.addresses import NO_ADDRESS_DOMAIN
from accounts.models import Agency, User
from booking.catalogue.importing import people as of_people
from booking.catalogue.importing.cells import in_one_cell, written
from booking.catalogue.importing.courses import FIELDS as COURSE_FIELDS
from booking.catalogue.importing.fields import Field
from booking.catalogue.importing.programme import FILES
from booking.catalogue.importing.reserved import reserved_cell
from booking.catalogue.importing.sessions import SESSION_FIELDS
from booking.catalogue.importing.sheets import plain_cell
from booking.catalogue.importing.sittings import sittings_cell
from booking.catalogue.importing.venues import VENUE_FIELDS
from booking.catalogue.models import Course, DiaryDate, Session, Venue
from booking.site.spreadsheets import Cell, as_csv

type Cells = dict[str, Cell]
# How many of the first columns are the key, where it is more than one.
_KEYS = {"diary_dates.csv": 2}
_AT_ONCE = 2000


def programme_file(kind: str) -> tuple[bytes, int]:
    """One of the files, by the name that an import knows it by, and how many rows it has."""
    columns = FILES[kind].known
    rows = [[_plain(row.get(column, "")) for column in columns] for row in _ROWS[kind]()]
    # By its key an import knows a row: one without a plain letter, or as another has, is left out.
    keyed = {tuple(row[: _KEYS.get(kind, 1)]): row for row in reversed(rows) if row[0]}
    return as_csv(columns, list(keyed.values())[::-1]), len(keyed)


def _plain(cell: Cell) -> Cell:
    return plain_cell(cell) if isinstance(cell, str) else cell


def _of(row: Any, fields: Sequence[Field]) -> Cells:
    return {each.column: each.write(getattr(row, each.name)) for each in fields}


def _agencies() -> Iterator[Cells]:
    for agency in Agency.objects.order_by("pk"):
        yield {"name": agency.name, **_of(agency, of_people.AGENCY_FIELDS)}


def _courses() -> Iterator[Cells]:
    courses = Course.objects.defer("search").select_related("usual_policy").order_by("pk")
    for course in courses.prefetch_related(
        "topics", "groups", "prerequisites", "usual_allocations__agency"
    ):
        yield {
            "code": course.code,
            **_of(course, COURSE_FIELDS),
            "prerequisite": in_one_cell(each.code for each in course.prerequisites.all()),
            "topics": in_one_cell(each.name for each in course.topics.all()),
            "groups": in_one_cell(each.name for each in course.groups.all()),
            "policy": written(course.usual_policy),
            "reserved": reserved_cell(course.usual_allocations.all()),
        }


def _venues() -> Iterator[Cells]:
    for venue in Venue.objects.order_by("pk"):
        yield {"name": venue.name, **_of(venue, VENUE_FIELDS)}


def _practitioners() -> Iterator[Cells]:
    verified = EmailAddress.objects.filter(email=OuterRef("email"), user=OuterRef("pk"))
    verified = verified.filter(verified=True, primary=True)
    people: QuerySet[Any] = User.objects.filter(is_active=True).select_related("agency")
    people = people.exclude(email__endswith=f"@{NO_ADDRESS_DOMAIN}")
    people = people.prefetch_related("practitioner_groups")
    for person in people.annotate(verified=Exists(verified)).order_by("pk"):
        # What an import would confirm otherwise.
        stands = person.agency_is_confirmed or person.is_agency_lead or not person.agency_id
        yield {
            "email": person.email,
            **_of(person, of_people.PERSON_FIELDS),
            "agency": written(person.agency),
            "groups": in_one_cell(each.name for each in person.practitioner_groups.all()),
            "confirmed": written(person.verified and stands),
        }


def _sessions() -> Iterator[Cells]:
    sessions = Session.objects.select_related("course", "venue", "policy").order_by("pk")
    sessions = sessions.defer("course__search", "course__summary")
    for session in sessions.prefetch_related(
        "sittings", "trainers", "allocations__agency"
    ).iterator(_AT_ONCE):
        venue = None if session.is_online else session.venue
        yield {
            "reference": session.reference,
            **_of(session, SESSION_FIELDS),
            "sittings": sittings_cell(session.sittings.all()),
            "venue": written(venue),
            "join_url": session.meeting.opened() if session.is_online else "",
            "address": venue.address if venue else "",
            "trainer_email": in_one_cell(each.email for each in session.trainers.all()),
            "reserved": reserved_cell(session.allocations.all()),
        }


def _diary_dates() -> Iterator[Cells]:
    for day in DiaryDate.objects.order_by("pk"):
        yield {"title": day.title, "starts": day.starts, "ends": day.ends}


_ROWS: dict[str, Callable[[], Iterable[Cells]]] = {
    "agencies.csv": _agencies,
    "courses.csv": _courses,
    "venues.csv": _venues,
    "practitioners.csv": _practitioners,
    "sessions.csv": _sessions,
    "diary_dates.csv": _diary_dates,
}
