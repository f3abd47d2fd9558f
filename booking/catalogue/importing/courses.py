"""Courses, their topics and what must be attended first: planned from the file, then written."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from graphlib import CycleError, TopologicalSorter
from typing import Any

from django.db.models import Model, Prefetch, Q
from django.utils.text import slugify

from accounts.models import Sector
from booking.catalogue import bounds
from booking.catalogue.importing import cells
from booking.catalogue.importing.batches import ByName, Table, link
from booking.catalogue.importing.dates import BadCell
from booking.catalogue.importing.fields import Field, columns_of, note_changes, says, wanted_by
from booking.catalogue.importing.people import AgencyImport, Groups
from booking.catalogue.importing.reserved import (
    as_fields,
    read_reserved,
    refuse_more_than_there_is,
)
from booking.catalogue.importing.sheets import Row, Sheet
from booking.catalogue.models import (
    CancellationPolicy,
    Course,
    Session,
    Topic,
    UsualAllocation,
)
from booking.catalogue.models.programme import Promotion
from booking.catalogue.policies import usual_policy
from booking.site.form_kit import MOST_DAYS, MOST_MINUTES, MOST_REMINDERS
from booking.site.wording import counted


def _reminders(cell: str) -> list[int]:
    days = set(cells.each(cells.number_in(1, MOST_DAYS))(cell))
    if len(days) > MOST_REMINDERS:
        raise BadCell(f"names {len(days)} reminders; the most is {MOST_REMINDERS}")
    return sorted(days, reverse=True)


_FIELDS = (
    Field("title", "title", cells.text(200), is_needed=True),
    Field("kind", "kind", cells.choice(Course.Kind), is_needed=True),
    Field("level", "level", cells.level_number, is_needed=True),
    Field("audience", "audience", cells.text(300), ""),
    Field("hours", "hours", cells.hours, is_needed=True),
    Field("sittings", "usual_sittings", cells.number_in(1, bounds.MOST_DATES), 1),
    Field("capacity", "usual_capacity", cells.number_in(1, bounds.MOST_PLACES), is_needed=True),
    Field("per_agency_limit", "usual_agency_limit", cells.number_or_none(bounds.MOST_PLACES)),
    Field("renew_months", "renew_months", cells.number_or_none(bounds.MOST_RENEW_MONTHS)),
    Field("manager_approval", "needs_manager_approval", cells.flag, False),
    Field("summary", "summary", cells.paragraphs, ""),
)
_MORE_FIELDS = (
    Field("learning_outcomes", "learning_outcomes", cells.paragraphs, ""),
    Field("reading", "reading", cells.paragraphs, ""),
    Field("sectors", "sectors", cells.each_once(cells.choice(Sector)), ()),
    Field("least_level", "least_level", cells.level_number),
    Field("may_be_repeated", "may_be_repeated", cells.flag, False),
    Field("reminder_days", "reminder_days", _reminders, ()),
    Field("remind_hour_before", "remind_hour_before", cells.flag, False),
    Field("copies_manager", "copies_manager", cells.flag, False),
    Field("minimum", "usual_minimum", cells.number_or_none(bounds.MOST_PLACES)),
    Field("decide_days", "usual_decide_days", cells.number_in(1, bounds.MOST_DECIDE_DAYS), 5),
    Field("freed_places", "usual_promotion", cells.choice(Promotion), "automatic"),
    Field("offer_hours", "usual_offer_hours", cells.number_in(1, bounds.LONGEST_OFFER_HOURS), 24),
    Field("must_attend", "must_attend", cells.each_once(cells.number_in(1, bounds.MOST_DATES)), ()),
    Field("part_after_minutes", "part_after_minutes", cells.number_or_none(MOST_MINUTES)),
    Field("absent_after_minutes", "absent_after_minutes", cells.number_or_none(MOST_MINUTES)),
)
_HEADER = (
    "code,title,kind,level,audience,hours,sittings,capacity,per_agency_limit,renew_months,"
    "manager_approval,prerequisite,summary"
)
COURSES = columns_of(
    _HEADER.split(","),
    ["topics", *(each.column for each in _MORE_FIELDS), "groups", "policy", "reserved"],
)
FIELDS = (*_FIELDS, *_MORE_FIELDS)


class Policies:
    """The rules of cancelling, by name; a row that names its own keeps the version it has."""

    def __init__(self) -> None:
        current = CancellationPolicy.objects.current()
        self.by_name = ByName((each.name, each) for each in current)
        self.usual = usual_policy()

    def read(self, row: Row, stored: CancellationPolicy | None) -> CancellationPolicy | None:
        """What the row's cell names; nothing for an empty cell."""
        name = row.optional("policy", cells.text(100), "")
        if stored is not None and says(row, "policy", stored.name):
            return stored
        found = self.by_name.get(self.by_name.key(name))
        if name and found is None:
            row.refuse("policy", f'is "{name}", which is not among the rules of cancelling')
        return found


def _topic_name(cell: str) -> str:
    if not slugify(cell):
        raise BadCell(f'has "{cell}", which is not a name')
    return cells.text(100)(cell)


class CourseImport:
    """courses.csv, by code."""

    def __init__(
        self, sheet: Sheet, agencies: AgencyImport, policies: Policies, now: datetime
    ) -> None:
        self._is_whole, self._now, self._policies = sheet.is_whole, now, policies
        self._agencies, self._groups = agencies, Groups()
        first = Prefetch("prerequisites", Course.objects.only("code"))
        stored = Course.objects.defer("search").select_related("usual_policy")
        stored = stored.prefetch_related(
            "topics", "groups", "usual_allocations__agency", first
        ).order_by("pk")
        self.by_code = ByName((each.code, each) for each in stored)
        self.table = Table(Course, self.by_code)
        self._needs = {
            code: {needed.code for needed in course.prerequisites.all()}
            for code, course in self.by_code.items()
        }
        self._topics = Table(Topic, Topic.objects.in_bulk(field_name="slug"))
        self.reserved = {
            code: as_fields(each.usual_allocations.all()) for code, each in self.by_code.items()
        }
        self._reserved: dict[str, list[dict[str, Any]]] = {}
        self.sittings: dict[str, int] = {}
        self._links: dict[str, list[tuple[Course, Iterable[Model]]]] = {
            "topics": [], "groups": [], "prerequisites": []
        }  # fmt: skip
        rows: list[tuple[Row, str]] = []
        for row, code in sheet.keyed_rows("code", lambda row: self.by_code.key(row.cells["code"])):
            self._plan(row, code)
            rows.append((row, code))
        needs = [
            [self.by_code.key(code) for code in row.listed("prerequisite", cells.each_once(str))]
            for row, _ in rows
        ]
        self._refuse_circles(
            {code: (row, needed) for (row, code), needed in zip(rows, needs, strict=True)}
        )
        for (row, code), needed in zip(rows, needs, strict=True):
            self._plan_needs(row, code, needed)
            if "topics" in row.cells:
                self._plan_topics(row, code)
            if "groups" in row.cells:
                self._plan_groups(row, code)

    def read(self, row: Row, column: str) -> Course | None:
        """The course that a row of another file names by its code."""
        code = row.required(column, str, "")
        course = self.by_code.get(self.by_code.key(code))
        if code and course is None and self._is_whole:
            row.refuse(column, f'is "{code}", which is not a course code')
        return course

    def write(self) -> None:
        """Write topics and courses, then what links them."""
        self._topics.write()
        self.table.write()
        link(Course.topics.through, "course", "topic", self._links["topics"])
        link(Course.groups.through, "course", "practitionergroup", self._links["groups"])
        needed = self._links["prerequisites"]
        link(Course.prerequisites.through, "from_course", "to_course", needed)
        courses = [self.by_code[code] for code in self._reserved]
        UsualAllocation.objects.filter(course__in=courses).delete()
        UsualAllocation.objects.bulk_create(
            UsualAllocation(course=self.by_code[code], **each)
            for code, reserved in self._reserved.items()
            for each in reserved
        )

    def _plan(self, row: Row, code: str) -> None:
        found = self.by_code.get(code)
        row.required("code", cells.code(20), "")
        wanted: dict[str, Any] = wanted_by(row, FIELDS, found=found)
        for name in ("sectors", "reminder_days", "must_attend"):
            if name in wanted:
                wanted[name] = list(wanted[name])
        if "policy" in row.cells:
            stored = found.usual_policy if found else None
            wanted["usual_policy"] = self._policies.read(row, stored)
        elif found is None:
            wanted["usual_policy"] = self._policies.usual
        self.sittings[code] = wanted.get("usual_sittings", 0) if row.cells["sittings"] else 0
        differs = self.table.put(code, wanted, code=code)
        course, is_new = self.by_code[code], code in self.table.new
        policy = Field("policy", "usual_policy", str)
        note_changes(row, (*FIELDS, policy), differs, course, new=is_new)
        if "title" in differs and found is not None and found.pk:
            self._refuse_if_people_were_told(found, row)
        numbers = {"usual_capacity", "usual_minimum", "usual_agency_limit"}
        self._plan_places(row, course, is_other=numbers & set(differs))

    def _plan_places(self, row: Row, course: Course, *, is_other: set[str]) -> None:
        """What must fit the usual number of places."""
        stored = course.usual_allocations.all() if course.pk else ()
        capacity = course.usual_capacity
        if is_other and course.usual_minimum and course.usual_minimum > capacity:
            row.refuse("minimum", f"is {course.usual_minimum}, more than the {capacity} places")
        limit = course.usual_agency_limit
        if is_other and limit and limit > capacity:
            row.refuse("per_agency_limit", f"is {limit}, more than the {capacity} places")
        reserved = read_reserved(row, self._agencies, stored, capacity=capacity)
        if reserved is not None:
            self.reserved[course.code] = self._reserved[course.code] = reserved
            self.table.touch(course.code)
        elif is_other:
            refuse_more_than_there_is(row, self.reserved.get(course.code, ()), capacity=capacity)

    def _refuse_if_people_were_told(self, course: Course, row: Row) -> None:
        """People hold invitations with the title; only the course's page under Manage tells them
        of another.
        """
        ahead = Session.objects.with_a_date_ahead(now=self._now).filter(course=course)
        busy = ahead.filter(Q(places_taken__gt=0) | Q(waiting_count__gt=0)).count()
        if busy:
            row.refuse(
                "title",
                f"differs from the title of {course.code}, of which {counted(busy, 'session')}"
                f" ahead {'has' if busy == 1 else 'have'} bookings; change it under Manage,"
                " Courses, so that people are told",
            )

    def _plan_needs(self, row: Row, code: str, needed: list[str]) -> None:
        if self._is_whole:
            for other in needed:
                if other not in self.by_code:
                    row.refuse("prerequisite", f'has "{other}", which is not a course code')
        known = {other: self.by_code[other] for other in needed if other in self.by_code}
        self._link(row, code, "prerequisites", known, self._needs.get(code, set()))

    def _plan_topics(self, row: Row, code: str) -> None:
        """Topics by name; names that differ in capitals only are one topic."""
        course = self.by_code[code]
        stored = list(course.topics.all()) if course.pk else []
        if says(row, "topics", cells.in_one_cell(each.name for each in stored)):
            return
        wanted = {}
        for name in row.listed("topics", cells.each_once(_topic_name)):
            slug = slugify(name)[:100]
            if slug not in self._topics.rows:
                self._topics.put(slug, {"name": name}, slug=slug)
            wanted[slug] = self._topics.rows[slug]
        self._link(row, code, "topics", wanted, {each.slug for each in stored})

    def _plan_groups(self, row: Row, code: str) -> None:
        course = self.by_code[code]
        groups = self._groups.read(row, course.groups.all() if course.pk else ())
        if groups is not None:
            self._links["groups"].append((course, groups))
            self.table.touch(code)

    def _link(
        self, row: Row, code: str, name: str, wanted: Mapping[str, Model], stored: set[str]
    ) -> None:
        if set(wanted) == stored:
            return
        self._links[name].append((self.by_code[code], list(wanted.values())))
        self.table.touch(code)
        column = "prerequisite" if name == "prerequisites" else name
        change = (cells.in_one_cell(sorted(stored)), cells.in_one_cell(wanted))
        row.becomes(new=code in self.table.new, **{column: change})

    def _refuse_circles(self, needs: Mapping[str, tuple[Row, list[str]]]) -> None:
        """A course must not need itself, also not by way of others."""
        graph = self._needs | {code: set(needed) for code, (_, needed) in needs.items()}
        while circle := _circle_in(graph):
            code = next((code for code in circle if code in needs), circle[0])
            graph[code] = set()
            if code in needs:
                row, _ = needs[code]
                row.refuse("prerequisite", f"goes in a circle: {' needs '.join(circle)}")


def _circle_in(graph: Mapping[str, set[str]]) -> list[str]:
    """A circle of courses that need one another, or nothing."""
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        return list(reversed(error.args[1]))
    return []
