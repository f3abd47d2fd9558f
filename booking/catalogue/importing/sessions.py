"""Sessions with their sittings and trainers: planned from the file, then written."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from accounts.models import User
from booking.catalogue.importing import cells
from booking.catalogue.importing.batches import Batch, ImportCounts, Links, set_fields
from booking.catalogue.importing.courses import MOST_PLACES, CourseImport
from booking.catalogue.importing.csv_files import Columns, Row, Sheet
from booking.catalogue.importing.people import PeopleImport
from booking.catalogue.importing.venues import VenueImport
from booking.catalogue.models import Session, Sitting, Venue
from booking.site.wording import counted

SESSIONS = Columns(
    (
        "reference",
        "course_code",
        "sittings",
        "delivery",
        "venue",
        "address",
        "join_url",
        "capacity",
        "per_agency_limit",
        "trainer_email",
    )
)
# What people with a booking have been told, by the column that sets it.
_TOLD = {
    "course": "course_code",
    "sittings": "sittings",
    "delivery": "delivery",
    "venue": "venue",
    "join_url": "join_url",
}
_OVER = {Session.State.CANCELLED: "cancelled", Session.State.COMPLETED: "over"}


@dataclass(frozen=True)
class SessionLine:
    """A row of sessions.csv whose own cells have been read."""

    row: Row
    reference: str
    sittings: list[cells.Wall]
    trainers: list[str]


def read_session_rows(sheet: Sheet) -> list[SessionLine]:
    """The cells that other plans need first: times on the clock, and trainers' addresses."""
    return [
        SessionLine(
            row,
            row.required("reference", cells.text(30), reference),
            row.required("sittings", cells.each(cells.sitting), []),
            row.listed("trainer_email", cells.each_once(cells.personal_email)),
        )
        for row, reference in sheet.keyed_rows(
            "reference", lambda row: " ".join(row.cells["reference"].split())
        )
    ]


class SessionImport:
    """sessions.csv, by reference."""

    def __init__(
        self,
        rows: Iterable[SessionLine],
        *,
        courses: CourseImport,
        people: PeopleImport,
        weeks: int,
        now: datetime,
    ) -> None:
        self.venues = VenueImport()
        self.batch = Batch(Session)
        self.tally = ImportCounts()
        self.trainers = Links[Session, User](Session.trainers.through, "session", "user")
        self.notes: list[str] = []
        self._courses, self._people, self._weeks, self._now = courses, people, weeks, now
        self._new_sittings: list[Sitting] = []
        self._moved: list[int] = []
        self._load([row.reference for row in rows])
        planned: set[str] = set()
        for session_row in rows:
            if session_row.reference not in planned:
                planned.add(session_row.reference)
                self._plan(session_row)

    def _load(self, references: list[str]) -> None:
        # Locked until the import is over, so that nobody books what is about to change; and
        # before people's rows are written, as everywhere: session, then person.
        found = Session.objects.filter(reference__in=references).order_by("pk")
        self._by_reference = {
            session.reference: session for session in found.select_for_update(no_key=True)
        }
        keys = [session.pk for session in self._by_reference.values()]
        self.trainers.load(keys)
        self._sittings: dict[int, list[cells.Moments]] = {key: [] for key in keys}
        sittings = Sitting.objects.filter(session_id__in=keys).order_by("starts_at")
        for key, start, end in sittings.values_list("session_id", "starts_at", "ends_at"):
            self._sittings[key].append((start, end))

    def _plan(self, session_row: SessionLine) -> None:
        row, reference = session_row.row, session_row.reference
        wanted = self._wanted(row)
        course = wanted["course"]
        times = row.listed(
            "sittings", lambda _: cells.moments(session_row.sittings, weeks=self._weeks)
        )
        if times:
            wanted |= {"starts_at": times[0][0], "ends_at": max(end for _, end in times)}
        if course is not None:
            self._note_other_number_of_sittings(row, len(times), course.code)
        trainers = [self._people.trainer(email, row) for email in session_row.trainers]
        if course is None or not times:
            return
        found = self._by_reference.get(reference)
        if found is None:
            session = self._plan_new(reference, wanted, times)
            self.trainers.set(session, trainers)
            self.tally.count(is_new=True, is_changed=False)
        else:
            ended_at = found.ends_at
            changed = self._plan_change(found, row, wanted, times)
            if self.trainers.set(found, trainers):
                if max(ended_at, found.ends_at) > self._now:
                    self._refuse_if_trainers_were_told(found, row)
                changed = True
            self.tally.count(is_new=False, is_changed=changed)

    def _wanted(self, row: Row) -> dict[str, Any]:
        delivery = row.required("delivery", cells.choice(Session.Delivery), "")
        join_url = row.optional("join_url", cells.https_link, "")
        venue: Venue | None = None
        if delivery == Session.Delivery.IN_PERSON:
            venue = self.venues.read(row)
            if row.cells["join_url"]:
                row.refuse("join_url", "must be empty for a session in person")
        elif delivery == Session.Delivery.ONLINE:
            if not row.cells["join_url"]:
                row.refuse("join_url", "is empty; a session online needs a join link")
            for column in ("venue", "address"):
                if row.cells[column]:
                    row.refuse(column, "must be empty for a session online")
        return {
            "course": self._courses.read(row, "course_code"),
            "delivery": delivery,
            "venue": venue,
            "join_url": join_url,
            "capacity": row.required("capacity", cells.number_in(1, MOST_PLACES), 1),
            "agency_limit": row.optional(
                "per_agency_limit", cells.number_or_none(MOST_PLACES), None
            ),
        }

    def _note_other_number_of_sittings(self, row: Row, number: int, code: str) -> None:
        usual = self._courses.sittings.get(code, 0)
        if number and usual and number != usual:
            self.notes.append(
                f"{row.file}, line {row.line}: {row.cells['reference']} has"
                f" {counted(number, 'sitting')}, and its course {code} usually has {usual}."
            )

    def _plan_new(
        self, reference: str, wanted: Mapping[str, Any], times: list[cells.Moments]
    ) -> Session:
        session = Session(
            reference=reference, state=Session.State.PUBLISHED, changed_at=self._now, **wanted
        )
        self._add_sittings(session, times)
        return self.batch.add_new(session)

    def _plan_change(
        self, found: Session, row: Row, wanted: Mapping[str, Any], times: list[cells.Moments]
    ) -> bool:
        changed = set_fields(found, wanted)
        if times != self._sittings[found.pk]:
            changed.add("sittings")
            self._moved.append(found.pk)
            self._add_sittings(found, times)
        if not changed:
            return False
        self._refuse_what_people_must_be_told(found, row, changed)
        fields = changed - {"sittings"}
        if changed - {"capacity", "agency_limit"}:
            found.changed_at = self._now
            fields.add("changed_at")
        self.batch.add_changed(found, fields)
        return True

    def _add_sittings(self, session: Session, times: list[cells.Moments]) -> None:
        self._new_sittings += [
            Sitting(session=session, starts_at=start, ends_at=end) for start, end in times
        ]

    def _refuse_what_people_must_be_told(
        self, session: Session, row: Row, changed: set[str]
    ) -> None:
        state, live = Session.State(session.state), session.places_taken + session.waiting_count
        if state in _OVER:
            row.refuse("reference", f"is {session.reference}, which is {_OVER[state]}")
            return
        if "capacity" in changed and session.capacity < session.places_taken:
            taken = counted(session.places_taken, "place")
            row.refuse("capacity", f"is {session.capacity}, but {taken} of it are taken")
        for field, column in _TOLD.items():
            if live and field in changed:
                row.refuse(
                    column,
                    f"differs, but {session.reference} has {counted(live, 'booking')};"
                    " change it on its page so that people are told",
                )

    def _refuse_if_trainers_were_told(self, session: Session, row: Row) -> None:
        """Who leads a session that is not over learns of it by its page only, booked or not."""
        if session.state == Session.State.PUBLISHED:
            row.refuse(
                "trainer_email",
                f"differs, but {session.reference} is published and not over; change it on its"
                " page under Manage so that trainers and people with a place are told",
            )

    def write(self) -> None:
        """Write venues and sessions, then their sittings and trainers.

        Courses and people are written by now.
        """
        self.venues.write()
        self.batch.write()
        Sitting.objects.filter(session_id__in=self._moved).delete()
        Sitting.objects.bulk_create(self._new_sittings, batch_size=1000)
        self.trainers.write()
