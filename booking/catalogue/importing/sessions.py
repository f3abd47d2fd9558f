"""Sessions with their venues, sittings and trainers: planned from the file, then written."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from django.core.exceptions import ValidationError
from django.db.models import Q

from accounts.models import User
from booking.catalogue.importing import cells
from booking.catalogue.importing.batches import Table, link
from booking.catalogue.importing.cells import BadCell, Columns, Row, Sheet
from booking.catalogue.importing.courses import MOST_PLACES, CourseImport
from booking.catalogue.importing.people import PeopleImport
from booking.catalogue.models import Session, Sitting, Venue
from booking.catalogue.sittings import overlap
from booking.site.form_kit import london_moment
from booking.site.sealing import Sealed
from booking.site.wording import counted

SESSIONS = Columns(
    "reference,course_code,sittings,delivery,venue,address,join_url,capacity,per_agency_limit,"
    "trainer_email"
)
# What people with a booking have been told, by the column that sets it.
_TOLD = {
    "course": "course_code",
    "sittings": "sittings",
    "delivery": "delivery",
    "venue": "venue",
}
_OVER = {Session.State.CANCELLED: "cancelled", Session.State.COMPLETED: "over"}


_LONGEST_SITTING = timedelta(hours=24)

Wall = tuple[datetime, datetime]


@dataclass(frozen=True)
class SessionLine:
    """A row of sessions.csv whose own cells have been read."""

    row: Row
    reference: str
    sittings: list[Wall]
    trainers: list[str]


def read_session_rows(sheet: Sheet) -> list[SessionLine]:
    """The cells that other plans need first: times on the clock, and trainers' addresses."""
    return [
        SessionLine(
            row,
            row.required("reference", cells.text(30), reference),
            row.required("sittings", cells.each(_sitting), []),
            row.listed("trainer_email", cells.each_once(cells.personal_email)),
        )
        for row, reference in sheet.keyed_rows(
            "reference", lambda row: " ".join(row.cells["reference"].split())
        )
    ]


class VenueImport:
    """The venues of sessions.csv, by name; rows that name one must agree on its address."""

    def __init__(self) -> None:
        self.table = Table(Venue, Venue.objects.in_bulk(field_name="name"))
        self._lines: dict[str, int] = {}

    def read(self, row: Row) -> Venue | None:
        """The venue of an in-person session; planned once, however many sessions name it."""
        name = row.required("venue", cells.text(200), "")
        address = row.optional("address", cells.text(400), "")
        if not name:
            return None
        found = self.table.rows.get(name)
        if found is None and not address:
            row.refuse("address", f'is empty, and the address of "{name}" is not known')
        known = found.address if found else ""
        if name not in self._lines:
            self._lines[name] = row.line
            differs = self.table.put(name, {"address": address or known}, name=name)
            if differs and found is not None:
                self._refuse_if_people_were_told(found, row)
        elif address and address != known:
            line = self._lines[name]
            row.refuse("address", f'is "{address}", but line {line} has "{known}" for this venue')
        return self.table.rows[name]

    def _refuse_if_people_were_told(self, venue: Venue, row: Row) -> None:
        """People hold invitations with the address; only the venue's page under Manage tells
        them of another.
        """
        told = Q(places_taken__gt=0) | Q(waiting_count__gt=0)
        busy = Session.objects.filter(told, venue=venue, state=Session.State.PUBLISHED).count()
        if busy:
            row.refuse(
                "address",
                f"differs from the address of {venue.name}, where {counted(busy, 'session')}"
                f" {'has' if busy == 1 else 'have'} bookings; change it under Manage, Venues,"
                " so that people are told",
            )


class SessionImport:
    """sessions.csv, by reference."""

    def __init__(
        self,
        lines: Sequence[SessionLine],
        *,
        courses: CourseImport,
        people: PeopleImport,
        weeks: int,
        now: datetime,
    ) -> None:
        self.venues = VenueImport()
        self.notes: list[str] = []
        self._courses, self._people, self._weeks, self._now = courses, people, weeks, now
        self._sittings: list[tuple[Session, list[Sitting]]] = []
        self._trainers: list[tuple[Session, list[User]]] = []
        # Locked until the import is over, so that nobody books what is about to change; and
        # before people's rows are written, as everywhere: session, then person.
        stored = (
            Session.objects.filter(reference__in=[line.reference for line in lines])
            .select_for_update(no_key=True, of=("self",))
            .select_related("course", "venue")
            .defer("course__search")
            .prefetch_related("sittings", "trainers")
            .order_by("pk")
        )
        by_reference = {session.reference: session for session in stored}
        self.table = Table(Session, by_reference, stamp=("changed_at",))
        for line in lines:
            if line.reference not in self.table.named:
                self._plan(line)

    def _plan(self, line: SessionLine) -> None:
        row, reference = line.row, line.reference
        wanted = self._wanted(row)
        times = row.listed("sittings", lambda _: _moments(line.sittings, weeks=self._weeks))
        if wanted["course"] is not None:
            self._note_other_number_of_sittings(row, len(times), wanted["course"].code)
        trainers = [self._people.trainer(email, row) for email in line.trainers]
        if wanted["course"] is None or not times:
            return
        wanted["starts_at"] = times[0].starts_at
        wanted["ends_at"] = max(sitting.ends_at for sitting in times)
        found = self.table.rows.get(reference)
        if found is None:
            new = {"state": Session.State.PUBLISHED, "changed_at": self._now}
            self.table.put(reference, wanted, reference=reference, **new)
            self._sittings.append((self.table.rows[reference], times))
            self._trainers.append((self.table.rows[reference], trainers))
            return
        ends = max(found.ends_at, wanted["ends_at"])
        self._plan_change(found, row, wanted, times)
        if {each.email for each in trainers} != {each.email for each in found.trainers.all()}:
            if ends > self._now:
                self._refuse_if_trainers_were_told(found, row)
            self._trainers.append((found, trainers))
            self.table.touch(reference)

    def _wanted(self, row: Row) -> dict[str, Any]:
        """The session as its row describes it, but for its times."""
        delivery = row.required("delivery", cells.choice(Session.Delivery), "")
        join_url = row.optional("join_url", cells.https_link, "")
        venue: Venue | None = None
        if delivery == Session.Delivery.IN_PERSON:
            venue = self.venues.read(row)
            if row.cells["join_url"]:
                row.refuse("join_url", "must be empty for a session in person")
        elif delivery == Session.Delivery.ONLINE:
            if not row.cells["join_url"]:
                row.refuse(
                    "join_url", "is empty; a session online needs the address of its meeting"
                )
            for column in ("venue", "address"):
                if row.cells[column]:
                    row.refuse(column, "must be empty for a session online")
        return {
            "course": self._courses.read(row, "course_code"),
            "delivery": delivery,
            "venue": venue,
            "meeting": Sealed.of(join_url),
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

    def _plan_change(
        self, found: Session, row: Row, wanted: dict[str, Any], times: list[Sitting]
    ) -> None:
        changed = self.table.put(found.reference, wanted)
        if _spans(times) != _spans(found.sittings.all()):
            changed.add("sittings")
            self._sittings.append((found, times))
            self.table.touch(found.reference)
        if changed:
            self._refuse_what_people_must_be_told(found, row, changed)
        if changed - {"capacity", "agency_limit"}:
            found.changed_at = self._now

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
        told = _TOLD | ({"meeting": "join_url"} if session.sent_openly else {})
        for field, column in told.items():
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
        self.venues.table.write()
        self.table.write()
        Sitting.objects.filter(session__in=[session for session, _ in self._sittings]).delete()
        for session, sittings in self._sittings:
            for sitting in sittings:
                sitting.session = session
        Sitting.objects.bulk_create(
            [sitting for _, sittings in self._sittings for sitting in sittings], batch_size=1000
        )
        link(Session.trainers.through, "session", "user", self._trainers)


def _spans(sittings: Iterable[Sitting]) -> list[tuple[datetime, datetime]]:
    return [(sitting.starts_at, sitting.ends_at) for sitting in sittings]


def _sitting(cell: str) -> Wall:
    """Start and end on the clock, with a stroke between them."""
    parts = [part.strip() for part in cell.split("/")]
    if len(parts) != 2:
        raise BadCell(f'has "{cell}"; write start/end like 2027-02-09T09:30/2027-02-09T12:30')
    return cells.wall_time(parts[0]), cells.wall_time(parts[1])


def _in_london(wall: datetime, weeks: int) -> datetime:
    """The moment, in UTC, at which clocks in London show this, moved by so many weeks."""
    try:
        moved = wall + timedelta(weeks=weeks)
        return london_moment(moved).astimezone(UTC)
    except OverflowError:
        raise BadCell("would be moved beyond the calendar") from None
    except ValidationError as refusal:
        skipped = "does not exist: the clocks go forward over it"
        why = skipped if refusal.code == "skipped" else "comes twice: the clocks go back over it"
        raise BadCell(f"has {moved:%Y-%m-%dT%H:%M}, which {why}") from None


def _moments(walls: list[Wall], *, weeks: int) -> list[Sitting]:
    """The sittings, moved by whole weeks on the calendar, in order and not stored yet.

    Raises `BadCell` with every fault: a time that does not exist or comes twice, an end that is
    not after the start, a length over 24 hours, and sittings that overlap.
    """
    found: list[Sitting] = []
    reasons: list[str] = []
    for wall in sorted(walls):
        try:
            start, end = (_in_london(time, weeks) for time in wall)
        except BadCell as refusal:
            reasons.extend(refusal.reasons)
            continue
        told = "/".join(f"{time:%Y-%m-%dT%H:%M}" for time in wall)
        if end <= start:
            reasons.append(f"has {told}, which ends before it has started")
        elif end - start > _LONGEST_SITTING:
            reasons.append(f"has {told}, which lasts more than 24 hours; is a semicolon missing?")
        else:
            sitting_there = Sitting(starts_at=start, ends_at=end)
            if found and overlap(found[-1], sitting_there):
                reasons.append(f"has {told}, which overlaps with the sitting before it")
            found.append(sitting_there)
    if reasons:
        weeks_told = f" (dates moved by {counted(weeks, 'week')})" if weeks else ""
        raise BadCell(*(reason + weeks_told for reason in reasons))
    return found
