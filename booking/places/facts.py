"""What the rules look at: how a session’s places are taken and kept, and who wants one.

Each is read with as few statements as its session's rules need; a session without rules costs
none beyond the ones that lock it and the person.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from django.db import connection
from django.db.models import Count

from booking.catalogue.models import CourseRules, Session
from booking.places.lock import PersonRow, read_people
from booking.places.models import Allocation, Booking


@dataclass(frozen=True, kw_only=True)
class Practitioner:
    """What the rules know of a person."""

    row: PersonRow
    groups: frozenset[int] = field(default_factory=frozenset)
    learnt: frozenset[int] = field(default_factory=frozenset)

    @property
    def agency_id(self) -> int | None:
        """The agency they work for, if it is on the list."""
        return self.row.agency_id


@dataclass
class Seating:
    """How a session’s places are taken and kept. `take` moves it as places are given out."""

    session: Session
    taken: int
    reserved: tuple[Allocation, ...] = ()
    holders: Counter[int] = field(default_factory=Counter)
    sectors: dict[int, str] = field(default_factory=dict)

    @property
    def free(self) -> int:
        """Places that nobody holds, reserved ones among them."""
        return self.session.capacity - self.taken

    def unmet(self, newcomer: Practitioner | None = None) -> int:
        """Reserved places that their agency or sector has not taken; with one more holder if given.

        A holder counts for their agency's reservation first, then for their sector's, which fills
        as many as can be: agencies lie within sectors.
        """
        holders, sectors = self.holders, self.sectors
        if newcomer is not None and newcomer.agency_id is not None:
            holders = holders + Counter([newcomer.agency_id])
            sectors = {**sectors, newcomer.agency_id: newcomer.row.sector}
        spare, unmet = Counter(holders), 0
        for each in self.reserved:
            if each.agency_id is not None:
                used = min(each.places, spare[each.agency_id])
                spare[each.agency_id] -= used
                unmet += each.places - used
        in_sector: Counter[str] = Counter()
        for agency, number in spare.items():
            in_sector[sectors.get(agency, "")] += number
        for each in self.reserved:
            if each.agency_id is None:
                unmet += each.places - min(each.places, in_sector[each.sector])
        return unmet

    def take(self, person: Practitioner) -> None:
        """Count one more place as theirs."""
        self.taken += 1
        if person.agency_id is not None:
            self.holders[person.agency_id] += 1
            self.sectors[person.agency_id] = person.row.sector


def read_seating(session: Session, *, now: datetime) -> Seating:
    """The seating of a session, for a statement if agencies are limited, one more for reservations.

    To decide by it, the caller holds the session's lock.
    """
    return read_seatings([session], now=now)[session.pk]


def read_seatings(sessions: Iterable[Session], *, now: datetime) -> dict[int, Seating]:
    """The seating of each of these sessions, by key, in as many statements as for one."""
    seatings = {session.pk: Seating(session, session.places_taken) for session in sessions}
    reserving = [key for key, seating in seatings.items() if seating.session.has_allocations]
    if reserving:
        active = Allocation.objects.filter(session__in=reserving, release_at__gt=now)
        for each in active.select_related("agency"):
            seatings[each.session_id].reserved += (each,)
    counted = [
        key
        for key, seating in seatings.items()
        if seating.session.agency_limit is not None or seating.reserved
    ]
    if counted:
        counts = (
            Booking.objects.filter(session__in=counted)
            .holding_a_place()
            .exclude(agency=None)
            .order_by()
            .values_list("session_id", "agency_id", "agency__sector")
            .annotate(number=Count("pk"))
        )
        for key, agency, sector, number in counts:
            seatings[key].holders[agency] = number
            seatings[key].sectors[agency] = sector
    return seatings


def read_practitioners(
    people_ids: Iterable[int], rules: CourseRules, *, now: datetime, lock: bool = False
) -> dict[int, Practitioner]:
    """What the rules know of these people, by key; with `lock` their rows are held.

    Costs one statement, and one more each if the course asks for a group or for other courses.
    """
    people = {
        row.key: Practitioner(row=row) for row in read_people(sorted(set(people_ids)), lock=lock)
    }
    if rules.groups:
        people = _with_groups(people, rules.groups)
    if rules.prerequisites:
        people = _with_learning(people, rules.prerequisites, now=now)
    return people


_GROUPS = """
SELECT user_id, practitionergroup_id FROM accounts_practitionergroup_members
WHERE user_id = ANY(%s) AND practitionergroup_id = ANY(%s)
"""
# A place held to the end of a session counts as having done the course.
_LEARNT = """
SELECT booking.person_id, session.course_id
FROM booking_booking booking JOIN booking_session session ON session.id = booking.session_id
WHERE booking.person_id = ANY(%(people)s) AND session.course_id = ANY(%(courses)s)
AND booking.state = 'confirmed' AND session.ends_at <= %(now)s
AND session.state IN ('published', 'completed')
UNION
SELECT person_id, course_id FROM booking_priorlearning
WHERE person_id = ANY(%(people)s) AND course_id = ANY(%(courses)s) AND state <> 'rejected'
"""


def _pairs(statement: str, values: Any) -> dict[int, frozenset[int]]:
    found: dict[int, set[int]] = {}
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        for person, key in cursor.fetchall():
            found.setdefault(person, set()).add(key)
    return {person: frozenset(keys) for person, keys in found.items()}


def _with_groups(
    people: dict[int, Practitioner], groups: frozenset[int]
) -> dict[int, Practitioner]:
    found = _pairs(_GROUPS, [list(people), list(groups)])
    return {
        key: replace(person, groups=found.get(key, frozenset())) for key, person in people.items()
    }


def _with_learning(
    people: dict[int, Practitioner], courses: frozenset[int], *, now: datetime
) -> dict[int, Practitioner]:
    values = {"people": list(people), "courses": list(courses), "now": now}
    found = _pairs(_LEARNT, values)
    return {
        key: replace(person, learnt=found.get(key, frozenset())) for key, person in people.items()
    }
