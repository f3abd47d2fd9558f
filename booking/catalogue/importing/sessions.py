"""Sessions with their sittings and trainers: planned from the file, then written."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import cache
from typing import Any

from django.core.exceptions import ValidationError

from accounts.models import User
from booking.catalogue.importing import cells, dates
from booking.catalogue.importing.batches import Table, link
from booking.catalogue.importing.courses import MOST_PLACES, CourseImport, Policies
from booking.catalogue.importing.dates import BadCell
from booking.catalogue.importing.fields import Field, columns_of, note_changes, wanted_by
from booking.catalogue.importing.people import PeopleImport
from booking.catalogue.importing.sheets import Row, Sheet
from booking.catalogue.importing.venues import VenueImport
from booking.catalogue.models import Allocation, Session, Sitting, Venue
from booking.catalogue.policies import closes_at, day_to_decide, following, releases_moved
from booking.catalogue.sittings import overlap
from booking.site.form_kit import london_moment
from booking.site.sealing import Sealed
from booking.site.spreadsheets import Cell
from booking.site.wording import LONDON, counted

_FIELDS = (
    Field("capacity", "capacity", cells.number_in(1, MOST_PLACES), is_needed=True),
    Field("per_agency_limit", "agency_limit", cells.number_or_none(MOST_PLACES)),
)
_MORE_FIELDS = (
    Field("joining_instructions", "joining_instructions", cells.paragraphs, ""),
    Field("minimum", "minimum", cells.number_or_none(MOST_PLACES)),
    Field("freed_places", "promotion", cells.choice(Session.Promotion), "automatic"),
    Field("offer_hours", "offer_hours", cells.number_in(1, 1000), 24),
)
# Moved with the sessions.
_MOMENTS = ("booking_opens_at", "booking_closes_at")
_DATED = ("booking_opens", "booking_closes", "decide_on")
# Read with their own care, and shown as these.
_ROW_FIELDS = (
    Field("course_code", "course", str, write=lambda it: it.code if it else ""),
    Field("delivery", "delivery", str),
    Field("venue", "venue", str, write=lambda it: it.name if it else ""),
    Field("join_url", "meeting", cells.https_link, "", write=lambda it: it.opened()),
    Field("state", "state", cells.choice(Session.State)),
    Field("policy", "policy", str),
    Field("booking_opens", "booking_opens_at", dates.wall_time),
    Field("booking_closes", "booking_closes_at", dates.wall_time),
    Field("decide_on", "decide_on", dates.calendar_day),
)
_HEADER = (
    "reference,course_code,sittings,delivery,venue,address,join_url,capacity,per_agency_limit,"
    "trainer_email"
)
SESSIONS = columns_of(
    _HEADER.split(","),
    ["state", "policy", *_DATED, *(each.column for each in _MORE_FIELDS)],
    dates=["sittings", *_DATED],
)
FIELDS = (*_FIELDS, *_MORE_FIELDS)
SESSION_FIELDS = (*_ROW_FIELDS, *FIELDS)
# What people with a booking have been told, by the column that sets it.
_TOLD = {
    "course": "course_code",
    "sittings": "sittings",
    "delivery": "delivery",
    "venue": "venue",
    "joining_instructions": "joining_instructions",
}
_OVER = {Session.State.CANCELLED: "cancelled", Session.State.COMPLETED: "over"}
# What nobody is told of, so that feeds need not say that the session changed.
_UNTOLD = {each.name for each in (*_FIELDS, *_MORE_FIELDS[1:])} | {
    *_MOMENTS, "decide_on", "policy", "meeting"
}  # fmt: skip
_LONGEST_SITTING = timedelta(hours=24)
_SOME = 100

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
    # A few people lead them all, and reading an address takes longer than all else in a row.
    trainer_email = cells.each_once(cache(cells.personal_email))
    return [
        SessionLine(
            row,
            row.required("reference", cells.text(30), reference),
            row.required("sittings", cells.each(dates.sitting), []),
            row.listed("trainer_email", trainer_email),
        )
        for row, reference in sheet.keyed_rows(
            "reference", lambda row: " ".join(row.cells["reference"].split())
        )
    ]


class SessionImport:
    """sessions.csv, by reference."""

    def __init__(
        self,
        lines: Sequence[SessionLine],
        *,
        courses: CourseImport,
        people: PeopleImport,
        venues: VenueImport,
        policies: Policies,
        weeks: int,
        now: datetime,
        tell: Callable[[str], None],
        locks: bool,
    ) -> None:
        self.notes: list[str] = []
        self._courses, self._people, self._weeks, self._now = courses, people, weeks, now
        self._venues, self._policies = venues, policies
        self._sittings: list[tuple[Session, list[Sitting]]] = []
        self._trainers: list[tuple[Session, list[User]]] = []
        self._released: list[Allocation] = []
        # Locked until the import is over, so that nobody books what is about to change; and
        # before people's rows are written, as everywhere: session, then person.
        stored = (
            Session.objects.filter(reference__in=[line.reference for line in lines])
            .select_related("course", "venue", "policy")
            .defer("course__search")
            .prefetch_related("sittings", "trainers", "allocations")
            .order_by("pk")
        )
        if locks:
            stored = stored.select_for_update(no_key=True, of=("self",))
        by_reference = {session.reference: session for session in stored}
        self.table = Table(Session, by_reference, stamp=("changed_at",))
        for number, line in enumerate(lines, start=1):
            if number % _SOME == 0:
                tell(f"Compared {number:,} of {len(lines):,} sessions")
            if line.reference not in self.table.named:
                self._plan(line)

    def _plan(self, line: SessionLine) -> None:
        row, reference = line.row, line.reference
        found = self.table.rows.get(reference)
        wanted = self._wanted(row, found)
        times = row.listed("sittings", lambda _: _moments(line.sittings, weeks=self._weeks))
        if found and self._says(row, "sittings", sittings_cell(found.sittings.all())):
            times = list(found.sittings.all())
        if wanted["course"] is not None:
            self._note_other_number_of_sittings(row, len(times), wanted["course"].code)
        trainers = [self._people.trainer(email, row) for email in line.trainers]
        if wanted["course"] is None or not times:
            return
        wanted["starts_at"] = times[0].starts_at
        wanted["ends_at"] = max(sitting.ends_at for sitting in times)
        if found is not None and wanted["starts_at"] != found.starts_at:
            starts = wanted["starts_at"]
            wanted = following(found, starts_at=starts) | wanted
            reserved = found.allocations.all()
            self._released += releases_moved(reserved, starts_at=starts, now=self._now)
        self._refuse_what_does_not_fit(row, wanted, found)
        if found is None:
            new = {"state": Session.State.PUBLISHED, "changed_at": self._now}
            new |= self._usual(row, wanted)
            self.table.put(reference, wanted, reference=reference, **new)
            row.becomes(new=True)
            self._sittings.append((self.table.rows[reference], times))
            self._trainers.append((self.table.rows[reference], trainers))
            return
        ends = max(found.ends_at, wanted["ends_at"])
        self._plan_change(found, row, wanted, times)
        before = [each.email for each in found.trainers.all()]
        after = [each.email for each in trainers]
        if set(before) != set(after):
            if ends > self._now:
                self._refuse_if_trainers_were_told(found, row)
            self._trainers.append((found, trainers))
            self.table.touch(reference)
            change = (cells.in_one_cell(before), cells.in_one_cell(after))
            row.becomes(new=False, trainer_email=change)

    def _usual(self, row: Row, wanted: dict[str, Any]) -> dict[str, Any]:
        """What a new session has of its course, and of the settings, without a column for it."""
        course, starts = wanted["course"], wanted["starts_at"]
        policy = course.usual_policy
        usual = {
            "policy": self._policies.by_name.get(policy.name) if policy else None,
            "promotion": course.usual_promotion,
            "offer_hours": course.usual_offer_hours,
            "booking_closes_at": closes_at(starts, now=self._now),
        }
        fewest, is_said = course.usual_minimum, {"minimum", "decide_on"} & set(row.cells)
        if fewest and not is_said and fewest <= wanted.get("capacity", 0):
            usual |= {"minimum": fewest, "decide_on": day_to_decide(course, starts)}
        return {name: value for name, value in usual.items() if name not in wanted}

    def _wanted(self, row: Row, found: Session | None) -> dict[str, Any]:
        """The session as its row describes it, but for its times."""
        delivery = row.required("delivery", cells.choice(Session.Delivery), "")
        meeting = Sealed.of(row.optional("join_url", cells.https_link, ""))
        venue: Venue | None = None
        if found is not None and delivery == found.delivery:
            # What this way to come has no column for stays.
            venue = found.venue if found.is_online else None
            meeting = meeting if found.is_online else found.meeting
        if delivery == Session.Delivery.IN_PERSON:
            # A draft may be without one yet, and what an export wrote of it changes nothing.
            has_none = found is not None and found.venue is None and not found.is_online
            if row.cells["venue"] or not has_none:
                venue = self._venues.read(row)
            if row.cells["join_url"]:
                row.refuse("join_url", "must be empty for a session in person")
        elif delivery == Session.Delivery.ONLINE:
            had_none = found is not None and found.is_online and not found.meeting
            if not row.cells["join_url"] and not had_none:
                row.refuse(
                    "join_url", "is empty; a session online needs the address of its meeting"
                )
            for column in ("venue", "address"):
                if row.cells[column]:
                    row.refuse(column, "must be empty for a session online")
        wanted: dict[str, Any] = {
            "course": self._courses.read(row, "course_code"),
            "delivery": delivery,
            "venue": venue,
            "meeting": meeting,
            **wanted_by(row, FIELDS, found=found),
        }
        if "policy" in row.cells:
            wanted["policy"] = self._policies.read(row, found.policy if found else None)
        if state := row.optional("state", cells.choice(Session.State), ""):
            wanted["state"] = state
        for column, name in zip(_DATED, _MOMENTS, strict=False):
            stored: datetime | None = getattr(found, name, None)
            if column in row.cells and not self._says(row, column, cells.written(stored)):
                wanted[name] = row.optional(column, self._moment, None)
        if "decide_on" in row.cells and not self._says(
            row, "decide_on", str(cells.written(found and found.decide_on))
        ):
            day: date | None = row.optional("decide_on", dates.calendar_day, None)
            wanted["decide_on"] = day and day + timedelta(weeks=self._weeks)
        return wanted

    def _says(self, row: Row, column: str, stored: Cell) -> bool:
        """Whether the cell is what an export writes of what is stored, to the minute."""
        return not self._weeks and row.cells[column] == stored

    def _moment(self, cell: str) -> datetime:
        return _in_london(dates.wall_time(cell), self._weeks)

    def _refuse_what_does_not_fit(
        self, row: Row, wanted: dict[str, Any], found: Session | None
    ) -> None:
        """As the forms of the desk do: what is asked of a session together; stored ones may be."""
        it = {
            name: wanted.get(name, getattr(found, name, None))
            for name in (*_MOMENTS, "minimum", "decide_on", "capacity", "agency_limit", "starts_at")
        }
        if found is not None and all(it[name] == getattr(found, name) for name in it):
            return
        opens, closes, starts = it["booking_opens_at"], it["booking_closes_at"], wanted["starts_at"]
        if opens and opens >= starts:
            row.refuse("booking_opens", "is not before the session starts")
        if closes and (closes > starts or (opens and closes <= opens)):
            row.refuse("booking_closes", "is not between the opening and the start")
        if bool(it["minimum"]) != bool(it["decide_on"]):
            row.refuse("minimum", "and decide_on go together: give both or neither")
        if it["minimum"] and it["capacity"] and it["minimum"] > it["capacity"]:
            row.refuse("minimum", f"is {it['minimum']}, more than the places there are")
        if it["decide_on"] and it["decide_on"] >= starts.astimezone(LONDON).date():
            row.refuse("decide_on", "is not before the session starts")

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
        differs = self.table.put(found.reference, wanted)
        note_changes(row, SESSION_FIELDS, differs, found, new=False)
        changed = set(differs)
        if _spans(times) != _spans(found.sittings.all()):
            changed.add("sittings")
            row.becomes(
                new=False, sittings=(sittings_cell(found.sittings.all()), sittings_cell(times))
            )
            self._sittings.append((found, times))
            self.table.touch(found.reference)
        if "state" in differs:
            row.refuse(
                "state",
                f"differs: {found.reference} is {differs['state']}; publish or cancel it on its"
                " page",
            )
        elif changed:
            self._refuse_what_people_must_be_told(found, row, changed)
        if changed - _UNTOLD:
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
        """Write sessions, then their sittings and trainers.

        Courses, venues and people are written by now.
        """
        self.table.write()
        Allocation.objects.bulk_update(self._released, ["release_at"], batch_size=1000)
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


def sittings_cell(sittings: Iterable[Sitting]) -> str:
    """Sittings as their cell has them."""
    return cells.in_one_cell(
        f"{cells.written(each.starts_at)}/{cells.written(each.ends_at)}" for each in sittings
    )


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
