"""Courses, their topics and what must be attended first: planned from the file, then written."""

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from graphlib import CycleError, TopologicalSorter
from typing import Any

from django.db.models import Q
from django.utils.text import slugify

from accounts.models import Sector
from booking.catalogue.importing import cells
from booking.catalogue.importing.batches import Batch, ImportCounts, Links, set_fields
from booking.catalogue.importing.csv_files import BadCell, Columns, Row, Sheet
from booking.catalogue.models import Course, Session, Topic
from booking.site.wording import counted

COURSES = Columns(
    (
        "code",
        "title",
        "kind",
        "level",
        "audience",
        "hours",
        "sittings",
        "capacity",
        "per_agency_limit",
        "renew_months",
        "manager_approval",
        "prerequisite",
        "summary",
    ),
    optional=("topics", "sectors"),
)
MOST_PLACES = 100_000
MOST_MONTHS = 600


def _topic_name(cell: str) -> str:
    if not slugify(cell):
        raise BadCell(f'has "{cell}", which is not a name')
    return cells.text(100)(cell)


class CourseImport:
    """courses.csv, by code."""

    def __init__(self, sheet: Sheet, now: datetime) -> None:
        self.is_whole, self._now = sheet.is_whole, now
        self.batch = Batch(Course)
        self.new_topics = Batch(Topic)
        self.topics = Links[Course, Topic](Course.topics.through, "course", "topic")
        self.prerequisites = Links[Course, Course](
            Course.prerequisites.through, "from_course", "to_course"
        )
        self.tally = ImportCounts()
        self.sittings: dict[str, int] = {}
        self.by_code = {course.code: course for course in Course.objects.all()}
        self._topics = {topic.slug: topic for topic in Topic.objects.all()}
        known = [course.pk for course in self.by_code.values()]
        self.topics.load(known)
        self.prerequisites.load(known)
        planned = [
            self._plan_fields(row, code)
            for row, code in sheet.keyed_rows("code", lambda row: row.cells["code"])
        ]
        needs = [row.listed("prerequisite", cells.each_once(str)) for row, _, _ in planned]
        self._refuse_circles(
            {
                row.cells["code"]: (row, codes)
                for (row, _, _), codes in zip(planned, needs, strict=True)
            }
        )
        for (row, is_new, is_changed), codes in zip(planned, needs, strict=True):
            linked = self._plan_links(row, codes)
            self.tally.count(is_new=is_new, is_changed=is_changed or linked)

    def read(self, row: Row, column: str) -> Course | None:
        """The course that a row of another file names by its code."""
        code = row.required(column, str, "")
        course = self.by_code.get(code)
        if code and course is None and self.is_whole:
            row.refuse(column, f'is "{code}", which is not a course code')
        return course

    def write(self) -> None:
        """Write topics and courses, then what links them."""
        self.new_topics.write()
        self.batch.write()
        self.topics.write()
        self.prerequisites.write()

    def _plan_fields(self, row: Row, code: str) -> tuple[Row, bool, bool]:
        """Plan the row's own columns; returns whether the course is new, and whether changed."""
        row.required("code", cells.code(20), "")
        wanted: dict[str, Any] = {
            "title": row.required("title", cells.text(200), ""),
            "kind": row.required("kind", cells.choice(Course.Kind), ""),
            "level": row.required("level", cells.number_in(1, 3), 1),
            "audience": row.optional("audience", cells.text(300), ""),
            "hours": row.required("hours", cells.hours, Decimal(1)),
            "usual_capacity": row.required("capacity", cells.number_in(1, MOST_PLACES), 1),
            "usual_agency_limit": row.optional(
                "per_agency_limit", cells.number_or_none(MOST_PLACES), None
            ),
            "renew_months": row.optional("renew_months", cells.number_or_none(MOST_MONTHS), None),
            "needs_manager_approval": row.optional("manager_approval", cells.flag, False),
            "summary": row.optional("summary", cells.paragraphs, ""),
        }
        if row.has("sectors"):
            wanted["sectors"] = row.listed("sectors", cells.each_once(cells.choice(Sector)))
        self.sittings[code] = row.optional("sittings", cells.number_in(1, 100), 0)
        return (row, *self._plan(row, code, wanted))

    def _plan(self, row: Row, code: str, wanted: Mapping[str, Any]) -> tuple[bool, bool]:
        found = self.by_code.get(code)
        if found is None:
            self.by_code[code] = self.batch.add_new(Course(code=code, **wanted))
            return True, False
        changed = set_fields(found, wanted)
        if found.pk:
            if "title" in changed:
                self._refuse_if_people_were_told(found, row)
            self.batch.add_changed(found, changed)
        return False, bool(changed)

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

    def _plan_links(self, row: Row, codes: list[str]) -> bool:
        course = self.by_code[row.cells["code"]]
        needed = []
        for code in codes:
            if code in self.by_code:
                needed.append(self.by_code[code])
            elif self.is_whole:
                row.refuse("prerequisite", f'has "{code}", which is not a course code')
        changed = self.prerequisites.set(course, needed)
        if row.has("topics"):
            names = row.listed("topics", cells.each_once(_topic_name))
            changed |= self.topics.set(course, self._topics_called(names))
        return changed

    def _topics_called(self, names: list[str]) -> list[Topic]:
        """Topics by name, new ones planned; names that differ in capitals only are one topic."""
        found: dict[str, Topic] = {}
        for name in names:
            slug = slugify(name)[:100]
            if slug not in self._topics:
                self._topics[slug] = self.new_topics.add_new(Topic(name=name, slug=slug))
            found[slug] = self._topics[slug]
        return list(found.values())

    def _refuse_circles(self, needs: Mapping[str, tuple[Row, list[str]]]) -> None:
        """A course must not need itself, also not by way of others."""
        codes = {course.pk: code for code, course in self.by_code.items() if course.pk}
        graph = {
            codes[pk]: {codes[needed] for needed in found}
            for pk, found in self.prerequisites.found.items()
        }
        graph |= {code: set(needed) for code, (_, needed) in needs.items()}
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
