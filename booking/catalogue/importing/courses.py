"""Courses, their topics and what must be attended first: planned from the file, then written."""

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from graphlib import CycleError, TopologicalSorter
from typing import Any

from django.db.models import Prefetch, Q
from django.utils.text import slugify

from accounts.models import Sector
from booking.catalogue.importing import cells
from booking.catalogue.importing.batches import Table, link
from booking.catalogue.importing.cells import BadCell, Columns, Row, Sheet
from booking.catalogue.models import Course, Session, Topic
from booking.site.wording import counted

COURSES = Columns(
    "code,title,kind,level,audience,hours,sittings,capacity,per_agency_limit,renew_months,"
    "manager_approval,prerequisite,summary",
    optional="topics,sectors",
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
        self._is_whole, self._now = sheet.is_whole, now
        first = Prefetch("prerequisites", Course.objects.only("code"))
        stored = Course.objects.defer("search").prefetch_related("topics", first)
        self.by_code = stored.in_bulk(field_name="code")
        self.table = Table(Course, self.by_code)
        self._needs = {
            code: {needed.code for needed in course.prerequisites.all()}
            for code, course in self.by_code.items()
        }
        self._topics = Table(Topic, Topic.objects.in_bulk(field_name="slug"))
        self._new_topics: list[tuple[Course, list[Topic]]] = []
        self._new_needs: list[tuple[Course, list[Course]]] = []
        self.sittings: dict[str, int] = {}
        rows = list(sheet.keyed_rows("code", lambda row: row.cells["code"]))
        for row, code in rows:
            self._plan(row, code)
        needs = [row.listed("prerequisite", cells.each_once(str)) for row, _ in rows]
        self._refuse_circles(
            {code: (row, needed) for (row, code), needed in zip(rows, needs, strict=True)}
        )
        for (row, code), needed in zip(rows, needs, strict=True):
            self._plan_needs(row, code, needed)
            if "topics" in row.cells:
                self._plan_topics(row, code)

    def read(self, row: Row, column: str) -> Course | None:
        """The course that a row of another file names by its code."""
        code = row.required(column, str, "")
        course = self.by_code.get(code)
        if code and course is None and self._is_whole:
            row.refuse(column, f'is "{code}", which is not a course code')
        return course

    def write(self) -> None:
        """Write topics and courses, then what links them."""
        self._topics.write()
        self.table.write()
        link(Course.topics.through, "course", "topic", self._new_topics)
        link(Course.prerequisites.through, "from_course", "to_course", self._new_needs)

    def _plan(self, row: Row, code: str) -> None:
        found = self.by_code.get(code)
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
        if "sectors" in row.cells:
            wanted["sectors"] = row.listed("sectors", cells.each_once(cells.choice(Sector)))
        self.sittings[code] = row.optional("sittings", cells.number_in(1, 100), 0)
        if "title" in self.table.put(code, wanted, code=code) and found is not None and found.pk:
            self._refuse_if_people_were_told(found, row)

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
        known = [other for other in needed if other in self.by_code]
        if set(known) != self._needs.get(code, set()):
            self._new_needs.append((self.by_code[code], [self.by_code[other] for other in known]))
            self.table.touch(code)

    def _plan_topics(self, row: Row, code: str) -> None:
        """Topics by name; names that differ in capitals only are one topic."""
        course, wanted = self.by_code[code], {}
        for name in row.listed("topics", cells.each_once(_topic_name)):
            slug = slugify(name)[:100]
            if slug not in self._topics.rows:
                self._topics.put(slug, {"name": name}, slug=slug)
            wanted[slug] = self._topics.rows[slug]
        if set(wanted) != ({topic.slug for topic in course.topics.all()} if course.pk else set()):
            self._new_topics.append((course, list(wanted.values())))
            self.table.touch(code)

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
