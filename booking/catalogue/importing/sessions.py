"""Sessions with their sittings and trainers: planned from the file, then written."""

from collections.abc import Callable, Sequence
from datetime import date, datetime, timedelta
from typing import Any

from django.db.models import Count, Q
from django.db.models.functions import Lower

from accounts.models import User
from booking.catalogue.bounds import LONGEST_OFFER_HOURS, MOST_PLACES
from booking.catalogue.importing import cells, dates
from booking.catalogue.importing.batches import ByName, Table, link
from booking.catalogue.importing.courses import CourseImport, Policies
from booking.catalogue.importing.fields import Field, columns_of, note_changes, says, wanted_by
from booking.catalogue.importing.people import AgencyImport, PeopleImport
from booking.catalogue.importing.reserved import as_fields, read_reserved, refuse_more_than_there_is
from booking.catalogue.importing.session_checks import (
    refuse_if_trainers_were_told,
    refuse_what_does_not_fit,
    refuse_what_people_must_be_told,
)
from booking.catalogue.importing.sheets import Row
from booking.catalogue.importing.sittings import (
    SessionLine,
    moments,
    moved_moment,
    sittings_cell,
    spans,
)
from booking.catalogue.importing.venues import VenueImport
from booking.catalogue.models import Allocation, Session, SessionEvent, Sitting, Venue
from booking.catalogue.policies import closes_at, day_to_decide, following, releases_moved
from booking.partnership.school_year import warnings_of_days
from booking.site.meeting_addresses import holds_a_meeting
from booking.site.sealing import Sealed
from booking.site.spreadsheets import Cell
from booking.site.wording import LONDON, counted, sitting_times
from booking.site.working_days import end_of_working_day_before

_FIELDS = (
    Field("capacity", "capacity", cells.number_in(1, MOST_PLACES), is_needed=True),
    Field("per_agency_limit", "agency_limit", cells.number_or_none(MOST_PLACES)),
)
_MORE_FIELDS = (
    Field("joining_instructions", "joining_instructions", cells.paragraphs, ""),
    Field("minimum", "minimum", cells.number_or_none(MOST_PLACES)),
    Field("freed_places", "promotion", cells.choice(Session.Promotion), "automatic"),
    Field("offer_hours", "offer_hours", cells.number_in(1, LONGEST_OFFER_HOURS), 24),
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
    ["state", "policy", "reserved", *_DATED, *(each.column for each in _MORE_FIELDS)],
    dates=["sittings", *_DATED],
)
FIELDS = (*_FIELDS, *_MORE_FIELDS)
SESSION_FIELDS = (*_ROW_FIELDS, *FIELDS)
# What nobody is told of, so that feeds need not say that the session changed.
_UNTOLD = {each.name for each in (*_FIELDS, *_MORE_FIELDS[1:])} | {
    *_MOMENTS, "decide_on", "policy", "meeting", "has_allocations"
}  # fmt: skip
_SOME = 100


class SessionImport:
    """sessions.csv, by reference."""

    def __init__(
        self,
        lines: Sequence[SessionLine],
        *,
        courses: CourseImport,
        agencies: AgencyImport,
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
        self._venues, self._policies, self._agencies = venues, policies, agencies
        self._sittings: list[tuple[Session, list[Sitting]]] = []
        self._trainers: list[tuple[Session, list[User]]] = []
        self._released: list[Allocation] = []
        self._reserved: list[tuple[Session, list[dict[str, Any]]]] = []
        # Locked until the import is over, so that nobody books what is about to change; and
        # before people's rows are written, as everywhere: session, then person.
        stored = (
            Session.objects.annotate(known_as=Lower("reference"))
            .filter(known_as__in=[line.reference.lower() for line in lines])
            .select_related("course", "venue", "policy")
            .defer("course__search")
            .prefetch_related("sittings", "trainers", "allocations__agency")
            .order_by("pk")
        )
        if locks:
            stored = stored.select_for_update(no_key=True, of=("self",))
        by_reference = ByName((session.reference, session) for session in stored)
        keys = [session.pk for session in by_reference.values()]
        coming = Count("guests", filter=Q(guests__ended_at=None))
        counted_guests = Session.objects.filter(pk__in=keys).order_by().values_list("pk")
        self._guests = dict(counted_guests.annotate(number=coming))
        self._other_meetings: list[Session] = []
        self.table = Table(Session, by_reference, stamp=("changed_at",))
        for number, line in enumerate(lines, start=1):
            if number % _SOME == 0:
                tell(f"Compared {number:,} of {len(lines):,} sessions")
            reference = by_reference.key(line.reference)
            if reference not in self.table.named:
                self._plan(line, reference)
            elif reference != line.reference:
                line.row.refuse("reference", f"is that of another row, {reference}")

    def _plan(self, line: SessionLine, reference: str) -> None:
        row = line.row
        found = self.table.rows.get(reference)
        wanted = self._wanted(row, found)
        times = row.listed("sittings", lambda _: moments(line.sittings, weeks=self._weeks))
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
            stored = found.allocations.all()
            self._released += releases_moved(stored, starts_at=starts, now=self._now)
        refuse_what_does_not_fit(row, wanted, found)
        if holds_a_meeting(wanted.get("joining_instructions") or ""):
            self.notes.append(
                f"{row.file}, line {row.line}: the joining instructions of"
                f" {row.cells['reference']} hold the address of a meeting. Whoever reads it can use"
                " it and pass it on; take it out."
            )
        reserved = self._reserved_by(row, wanted, found)
        if found is None:
            new = {"state": Session.State.PUBLISHED, "changed_at": self._now}
            if wanted.get("state") != Session.State.DRAFT:
                new["published_at"] = self._now
            new |= self._usual(row, wanted)
            self.table.put(reference, wanted, reference=reference, **new)
            row.becomes(new=True)
            self._say(row, self.table.rows[reference], times)
            self._sittings.append((self.table.rows[reference], times))
            self._trainers.append((self.table.rows[reference], trainers))
            self._reserved.append((self.table.rows[reference], reserved or []))
            return
        ends = max(found.ends_at, wanted["ends_at"])
        if reserved is not None:
            self._reserved.append((found, reserved))
            self.table.touch(reference)
        self._plan_change(found, row, wanted, times)
        before = [each.email for each in found.trainers.all()]
        after = [each.email for each in trainers]
        if set(before) != set(after):
            if ends > self._now:
                refuse_if_trainers_were_told(row, found)
            self._trainers.append((found, trainers))
            self.table.touch(reference)
            change = (cells.in_one_cell(before), cells.in_one_cell(after))
            row.becomes(new=False, trainer_email=change)

    def _say(self, row: Row, session: Session, times: Sequence[Sitting]) -> None:
        """How a new session was read: its course, days and place; on which days few can come."""
        days = [sitting_times(each.starts_at, each.ends_at) for each in times]
        new = ", a new venue" if session.venue and session.venue.pk is None else ""
        row.outcome.says = [session.course.title, *days, f"{session.where}{new}"]
        ahead = [each.starts_at for each in times if each.starts_at > self._now]
        self.notes += [
            f"{row.file}, line {row.line}: {row.cells['reference']}, {warning}"
            for warning in warnings_of_days(each.astimezone(LONDON).date() for each in ahead)
        ]

    def _reserved_by(
        self, row: Row, wanted: dict[str, Any], found: Session | None
    ) -> list[dict[str, Any]] | None:
        """What is to be reserved, of a new session by its course if there is no column for it;
        nothing if that stays as it is.
        """
        capacity = wanted.get("capacity", found.capacity if found else MOST_PLACES)
        stored = found.allocations.all() if found else ()
        reserved = read_reserved(row, self._agencies, stored, capacity=capacity)
        if found is None and "reserved" not in row.cells:
            reserved = self._courses.reserved.get(wanted["course"].code, [])
            refuse_more_than_there_is(row, reserved, capacity=capacity)
        elif found is not None and reserved is None and capacity < found.capacity:
            refuse_more_than_there_is(row, as_fields(stored), capacity=capacity)
        if reserved is not None:
            wanted["has_allocations"] = bool(reserved)
            live = found.places_taken + found.waiting_count if found else 0
            if live:
                row.refuse(
                    "reserved",
                    f"differs, but {row.cells['reference']} has {counted(live, 'booking')}; change"
                    " who gets its places on its page",
                )
        return reserved

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
            # A draft may be without one yet, or its name without a letter that a cell can hold.
            here = found if found is not None and not found.is_online else None
            stays = (
                here and not row.cells["venue"] and says(row, "venue", cells.written(here.venue))
            )
            venue = here.venue if here and stays else self._venues.read(row)
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
        return moved_moment(dates.wall_time(cell), self._weeks)

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
        if spans(times) != spans(found.sittings.all()):
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
            guests = self._guests.get(found.pk, 0)
            refuse_what_people_must_be_told(row, found, changed, guests=guests)
        if "meeting" in changed:
            # Whoever had the address of the one before would have been told.
            found.sent_openly = False
            self.table.touch(found.reference, ["sent_openly"])
            self._other_meetings.append(found)
        if changed - _UNTOLD:
            found.changed_at = self._now

    def write(self) -> None:
        """Write sessions, then their sittings and trainers.

        Courses, venues and people are written by now.
        """
        self.table.write()
        SessionEvent.objects.bulk_create(
            [
                SessionEvent(
                    session=each, at=self._now, what="Meeting address changed by an import"
                )
                for each in self._other_meetings
            ]
        )
        Allocation.objects.bulk_update(self._released, ["release_at"], batch_size=1000)
        Allocation.objects.filter(session__in=[session for session, _ in self._reserved]).delete()
        Allocation.objects.bulk_create(
            Allocation(
                session=session,
                release_at=end_of_working_day_before(session.starts_at, each["release_days"]),
                **each,
            )
            for session, reserved in self._reserved
            for each in reserved
        )
        Sitting.objects.filter(session__in=[session for session, _ in self._sittings]).delete()
        for session, sittings in self._sittings:
            for sitting in sittings:
                sitting.session = session
        Sitting.objects.bulk_create(
            [sitting for _, sittings in self._sittings for sitting in sittings], batch_size=1000
        )
        link(Session.trainers.through, "session", "user", self._trainers)
