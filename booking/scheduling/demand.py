"""Who would come if there were another date: those who asked to be told, and those who wait.

Each person counts once for a course, from the moment at which they first asked or joined a list.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import connection, transaction

from accounts.models import User
from booking.catalogue.models import Course

_ASKED = """
SELECT asked.course_id, asked.person_id, min(asked.since) AS since, bool_or(asked.waits) AS waits
FROM (
    SELECT course_id, person_id, since, FALSE AS waits
    FROM booking_courseinterest WHERE ended_at IS NULL
    UNION ALL
    SELECT session.course_id, booking.person_id, booking.booked_at, TRUE
    FROM booking_booking booking
    JOIN booking_session session ON session.id = booking.session_id
    WHERE booking.state = 'waiting' AND session.state = 'published'
    AND session.starts_at > %(now)s
) asked
WHERE asked.person_id NOT IN (SELECT id FROM accounts_user WHERE NOT is_active)
GROUP BY asked.course_id, asked.person_id
"""
_BY_COURSE = f"""
SELECT course.id, course.code, course.title, count(*), count(*) FILTER (WHERE asked.waits),
    min(asked.since)
FROM ({_ASKED}) asked JOIN booking_course course ON course.id = asked.course_id
GROUP BY course.id ORDER BY count(*) DESC, course.title
"""  # noqa: S608 - nothing in it comes from outside
_BY_AGENCY = f"""
SELECT COALESCE(agency.name, ''), count(*), count(*) FILTER (WHERE asked.waits)
FROM ({_ASKED}) asked
JOIN accounts_user person ON person.id = asked.person_id
LEFT JOIN accounts_agency agency ON agency.id = person.agency_id
WHERE asked.course_id = %(course)s
GROUP BY agency.id ORDER BY count(*) DESC, COALESCE(agency.name, '')
"""  # noqa: S608
_NUMBER = f"""
SELECT count(DISTINCT asked.person_id) FROM ({_ASKED}) asked
WHERE asked.course_id = ANY(%(courses)s)
"""  # noqa: S608
_IN_ORDER = f"""
SELECT asked.person_id FROM ({_ASKED}) asked WHERE asked.course_id = %(course)s
ORDER BY asked.since, asked.person_id
"""  # noqa: S608
# An offer may still be declined, so it ends nobody's wish to hear of dates.
_FULFILLED = """
UPDATE booking_courseinterest interest SET ended_at = %(now)s
WHERE interest.ended_at IS NULL AND EXISTS (
    SELECT FROM booking_booking booking
    JOIN booking_session session ON session.id = booking.session_id
    WHERE booking.person_id = interest.person_id AND session.course_id = interest.course_id
    AND booking.state = 'confirmed' AND booking.confirmed_at >= interest.since
)
"""


@dataclass(frozen=True)
class CourseDemand:
    """How many people would come to another date of a course; some of them wait for one."""

    course_id: int
    code: str
    title: str
    people: int
    waiting: int
    since: datetime


@dataclass(frozen=True)
class AgencyDemand:
    """How many of them work for one agency; without a name it is not on the list yet."""

    agency: str
    people: int
    waiting: int


def end_fulfilled(*, now: datetime) -> int:
    """End the interest of people who have got a place since. Returns of how many."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(_FULFILLED, {"now": now})
        return int(cursor.rowcount)


def by_course(*, now: datetime) -> list[CourseDemand]:
    """Every course that somebody would come to, the most wanted first; one statement."""
    return [CourseDemand(*row) for row in _rows(_BY_COURSE, now=now)]


def by_agency(course: Course, *, now: datetime) -> list[AgencyDemand]:
    """The agencies of those who would come to another date of a course; one statement."""
    return [AgencyDemand(*row) for row in _rows(_BY_AGENCY, now=now, course=course.pk)]


def number_of(courses: Iterable[int], *, now: datetime) -> int:
    """How many people would come to another date of one of these courses, each counted once."""
    [(number,)] = _rows(_NUMBER, now=now, courses=list(courses))
    return int(number)


def in_order_of_asking(course: Course, *, now: datetime) -> list[User]:
    """Those who would come to another date, whoever asked or joined a list first before others."""
    keys = [key for (key,) in _rows(_IN_ORDER, now=now, course=course.pk)]
    people = User.objects.in_bulk(keys)
    return [people[key] for key in keys]


def hold_those_who_asked(courses: Iterable[int], *, now: datetime) -> None:
    """Lock who would come to another date of these courses, in the order of their keys."""
    keys = {key for each in courses for (key,) in _rows(_IN_ORDER, now=now, course=each)}
    people = User.objects.filter(pk__in=keys).order_by("pk")
    list(people.select_for_update(no_key=True).values_list("pk"))


def _rows(statement: str, **values: Any) -> Iterable[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        return list(cursor.fetchall())
