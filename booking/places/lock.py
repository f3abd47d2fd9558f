"""A session with its lock and what its course asks, and all else that the rules look at.

What every booking reads while its session is locked is written out, since everybody else who wants
this session waits, and Django would take longer to work out a statement than the database to carry
it out. A session without rules costs no statement beyond those that lock it and the person.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db import connection, transaction

from accounts.models import User
from booking.catalogue.models import Session
from booking.catalogue.sittings import SittingTimes
from booking.places.models import Booking
from booking.site.prepared import answers, prepared
from booking.site.sealing import Sealed

_COLUMNS = [each.column for each in Session._meta.concrete_fields if each.column]
_NAMES = [each.attname for each in Session._meta.concrete_fields]
# With the session comes all that its course and its policy of cancelling ask.
_SESSION = f"""
{", ".join(f"session.{column}" for column in _COLUMNS)}, COALESCE(policy.notice_days, 0),
    course.needs_manager_approval, course.copies_manager, course.may_be_repeated, course.sectors,
    course.least_level,
    ARRAY(SELECT practitionergroup_id FROM booking_course_groups
        JOIN accounts_practitionergroup named ON named.id = practitionergroup_id
        WHERE course_id = course.id ORDER BY named.name, named.id),
    ARRAY(SELECT named.name FROM booking_course_groups
        JOIN accounts_practitionergroup named ON named.id = practitionergroup_id
        WHERE course_id = course.id ORDER BY named.name, named.id),
    ARRAY(SELECT earlier.id FROM booking_course_prerequisites
        JOIN booking_course earlier ON earlier.id = to_course_id
        WHERE from_course_id = course.id ORDER BY earlier.title, earlier.id),
    ARRAY(SELECT earlier.title FROM booking_course_prerequisites
        JOIN booking_course earlier ON earlier.id = to_course_id
        WHERE from_course_id = course.id ORDER BY earlier.title, earlier.id)
FROM booking_session session
JOIN booking_course course ON course.id = session.course_id
LEFT JOIN booking_cancellationpolicy policy ON policy.id = session.policy_id
"""  # noqa: S608 - our own names
_ONE_SESSION = f"SELECT booking_catalogue_revision(), {_SESSION} WHERE session.id = %s"
_SEVERAL_SESSIONS = f"SELECT '', {_SESSION} WHERE session.id = ANY(%s)"
_LOCK_SESSION = f"SELECT '', {_SESSION} WHERE session.id = %s FOR NO KEY UPDATE OF session"
_PEOPLE = """
person.id, agency.id, COALESCE(agency.sector, ''), person.level, person.email,
    person.manager_email, COALESCE(agency.email_domains, '{}'), said.id, COALESCE(said.sector, ''),
    person.is_active
FROM accounts_user person
LEFT JOIN accounts_agency said ON said.id = person.agency_id
LEFT JOIN accounts_agency agency
    ON agency.id = person.agency_id AND person.agency_confirmed_at IS NOT NULL
"""
_LOCKED = " FOR NO KEY UPDATE OF person"
_ONE_PERSON = f"SELECT {_PEOPLE} WHERE person.id = %s"
# With a key for the booking to be.
_PERSON_TO_BOOK = (
    f"SELECT nextval('booking_booking_id_seq'), {_PEOPLE} WHERE person.id = %s{_LOCKED}"
)
_SEVERAL_PEOPLE = f"SELECT {_PEOPLE} WHERE person.id = ANY(%s) ORDER BY person.id"
_GROUPS = """
SELECT user_id, practitionergroup_id, TRUE FROM accounts_practitionergroup_members
WHERE user_id = ANY(%s) AND practitionergroup_id = ANY(%s)
"""
# Whoever attended has done the course, or, without a closed register, held a place to the end. A
# certain place counts as going to do it; what was done elsewhere counts for whatever comes.
_LEARNT = """
SELECT person_id, course_id, MIN(learnt_at) FROM (
    SELECT booking.person_id, session.course_id, session.ends_at AS learnt_at
    FROM booking_booking booking JOIN booking_session session ON session.id = booking.session_id
    WHERE booking.person_id = ANY(%(people)s) AND session.course_id = ANY(%(courses)s)
    AND booking.state = 'confirmed' AND session.state IN ('published', 'completed')
    AND booking.outcome IN ('', 'attended')
    UNION ALL
    SELECT person_id, course_id, to_timestamp(0) FROM booking_priorlearning
    WHERE person_id = ANY(%(people)s) AND course_id = ANY(%(courses)s) AND state <> 'rejected'
) learnt GROUP BY person_id, course_id
"""
# Differences, not totals: were the lock ever missing, two bookings would still both be counted, and
# the table's CHECK would refuse the one too many.
_SAVE_COUNTS = (
    "UPDATE booking_session SET places_taken = places_taken + %s,"
    " waiting_count = waiting_count + %s, last_ticket = GREATEST(last_ticket, %s) WHERE id = %s"
)
_LIVE, _HOLDING = (
    ", ".join(f"'{state}'" for state in states) for states in (Booking.LIVE, Booking.HOLDING)
)
# This session's own live booking comes first, then one that holds a place elsewhere at that time;
# beside it, a place on another date of the course.
_IN_THE_WAY = f"""
SELECT sitting.id, sitting.starts_at, sitting.ends_at, (
    SELECT booking.id FROM booking_booking booking
    LEFT JOIN LATERAL (
        SELECT MIN(here.starts_at) AS at FROM booking_sitting here JOIN booking_sitting other
            ON other.starts_at < here.ends_at AND other.ends_at > here.starts_at
        WHERE here.session_id = %(session)s AND other.session_id = booking.session_id
    ) clash ON booking.state IN ({_HOLDING})
    WHERE booking.person_id = %(person)s AND booking.state IN ({_LIVE})
    AND (booking.session_id = %(session)s OR clash.at IS NOT NULL)
    ORDER BY booking.session_id = %(session)s DESC, clash.at, booking.id
    LIMIT 1
), (
    SELECT booking.id FROM booking_booking booking
    JOIN booking_session date ON date.id = booking.session_id
    WHERE booking.person_id = %(person)s AND booking.state IN ({_HOLDING})
    AND date.course_id = (SELECT course_id FROM booking_session WHERE id = %(session)s)
    AND date.id <> %(session)s AND date.starts_at > %(now)s
    ORDER BY date.starts_at, booking.id
    LIMIT 1
)
FROM booking_sitting sitting
WHERE sitting.session_id = %(session)s
ORDER BY sitting.starts_at, sitting.id
"""  # noqa: S608 - our own names


@dataclass(frozen=True)
class CourseRules:
    """Whom a course is for and what it asks for first.

    Groups and courses stand under their keys with their names, in the order in which they are
    told, so that it costs no statement to tell one more person of a rule.
    """

    needs_manager_approval: bool = False
    copies_manager: bool = False
    may_be_repeated: bool = False
    sectors: Sequence[str] = ()
    least_level: int | None = None
    groups: Mapping[int, str] = field(default_factory=dict)
    prerequisites: Mapping[int, str] = field(default_factory=dict)


@dataclass
class RuledSession:
    """A session, what its course asks, and the working days of notice that a booking is promised.

    Whoever decides by it has it from `locked` or `locked_to_book`. `read_session` says the revision
    of the catalogue with which it was read.
    """

    session: Session
    rules: CourseRules
    notice_days: int
    revision: str = ""

    def __post_init__(self) -> None:
        self._stored = self._counts()

    def save_counts(self) -> None:
        """Store how the places taken and those who wait have moved since they were read or stored.

        Raises `IntegrityError` if more places would be taken than there are.
        """
        (taken, waiting), (was_taken, was_waiting) = self._counts(), self._stored
        if (taken, waiting) != (was_taken, was_waiting):
            ticket, key = self.session.last_ticket, self.session.pk
            with prepared(_SAVE_COUNTS, [taken - was_taken, waiting - was_waiting, ticket, key]):
                self._stored = taken, waiting

    def _counts(self) -> tuple[int, int]:
        return self.session.places_taken, self.session.waiting_count


@contextmanager
def locked(*session_ids: int) -> Iterator[dict[int, RuledSession]]:
    """A transaction that holds these sessions, by key, and saves at its end how counts moved.

    They are locked in the order of their keys, which all who lock several keep to. Raises
    `Session.DoesNotExist`, and `IntegrityError` if more places would be taken than there are.
    """
    with transaction.atomic():
        held = {key: _only(_LOCK_SESSION, key) for key in sorted(set(session_ids))}
        yield held
        for ruled in held.values():
            ruled.save_counts()


@contextmanager
def locked_session(session: Session) -> Iterator[RuledSession]:
    """As `locked`, for one."""
    with locked(session.pk) as held:
        yield held[session.pk]


@contextmanager
def locked_to_book(
    session: Session, person_id: int, *, now: datetime
) -> Iterator[tuple[RuledSession, "Newcomer", int]]:
    """As `locked_session`, with the lock of a person who asks for a place there, in one round trip.

    Last comes a key for their booking.

    Each statement sees what was there when it began, so that what stands in the person's way is as
    it is once both are locked.
    """
    with transaction.atomic():
        locks = (_LOCK_SESSION, [session.pk]), (_PERSON_TO_BOOK, [person_id])
        rows, people, ways = answers(*locks, _in_the_way(session, person_id, now=now))
        ruled = _ruled_of(rows)
        [(booking_key, *person)] = people
        who = _practitioners([person], ruled.rules)[person_id]
        yield ruled, _newcomer(who, ways), booking_key
        ruled.save_counts()


@contextmanager
def locked_booking(booking: Booking) -> Iterator[tuple[RuledSession, Booking]]:
    """As `locked`, for a booking's session, with the booking as it is now, which nobody moves."""
    with locked(booking.session_id) as held:
        ruled = held[booking.session_id]
        fresh = Booking.objects.select_related("person", "approval").get(pk=booking.pk)
        fresh.session = ruled.session
        yield ruled, fresh


def read_session(session_id: int) -> RuledSession:
    """The session and its course's rules, read without a lock: to show, not to decide."""
    return _only(_ONE_SESSION, session_id)


def read_sessions(session_ids: Iterable[int]) -> dict[int, RuledSession]:
    """Several sessions as `read_session` reads one, by key, with one statement."""
    with connection.cursor() as cursor:
        cursor.execute(_SEVERAL_SESSIONS, [list(session_ids)])
        return {ruled.session.pk: ruled for ruled in map(_ruled, cursor.fetchall())}


def _only(statement: str, session_id: int) -> RuledSession:
    with prepared(statement, [session_id]) as cursor:
        return _ruled_of(cursor.fetchall())


def _ruled_of(rows: Sequence[Sequence[Any]]) -> RuledSession:
    if not rows:
        raise Session.DoesNotExist
    return _ruled(rows[0])


def _ruled(row: Sequence[Any]) -> RuledSession:
    revision, *row = row
    notice_days, *asked, groups, group_names, courses, titles = row[len(_NAMES) :]
    named = (zip(groups, group_names, strict=True), zip(courses, titles, strict=True))
    rules = CourseRules(*(*asked, *map(dict, named)))
    session = Session.from_db(connection.alias, _NAMES, row[: len(_NAMES)])
    session.meeting = Sealed(row[_NAMES.index("meeting")])
    return RuledSession(session, rules, notice_days, revision)


def sittings_of(session: Session) -> list[SittingTimes]:
    """When the session is held."""
    return [SittingTimes.of(sitting) for sitting in session.sittings.all()]


@dataclass(frozen=True)
class Practitioner:
    """What the rules know of a person: their row and their agency's, and what the course asks.

    The agency and its sector are those that are proved. `said_agency_id` and `said_sector` are
    those of the agency they say they work for, confirmed or not; nothing if it is not on the list.
    `learnt` says from when on they have done a course: for one they hold a certain place on, its
    end, which may be ahead.
    """

    key: int
    agency_id: int | None
    sector: str
    level: int | None
    email: str
    manager_email: str
    agency_domains: Sequence[str]
    said_agency_id: int | None = None
    said_sector: str = ""
    is_active: bool = True
    groups: frozenset[int] = frozenset()
    learnt: Mapping[int, datetime] = field(default_factory=dict)


def read_practitioners(
    people_ids: Iterable[int], rules: CourseRules, *, lock: bool = False
) -> dict[int, Practitioner]:
    """What the rules know of these people, by key.

    With `lock` their rows are held, so that two sessions cannot give one person the same hour.
    Costs one statement, and one more each if the course asks for a group or for other courses.
    """
    keys = sorted(set(people_ids))
    if len(keys) == 1:
        with prepared(_ONE_PERSON + _LOCKED * lock, keys) as cursor:
            rows = cursor.fetchall()
    else:
        with connection.cursor() as cursor:
            cursor.execute(_SEVERAL_PEOPLE + _LOCKED * lock, [keys])
            rows = cursor.fetchall()
    return _practitioners(rows, rules)


def _practitioners(rows: Sequence[Sequence[Any]], rules: CourseRules) -> dict[int, Practitioner]:
    keys = [key for key, *_ in rows]
    groups = _by_person(_GROUPS, [keys, list(rules.groups)]) if rules.groups else {}
    asked = {"people": keys, "courses": list(rules.prerequisites)}
    learnt = _by_person(_LEARNT, asked) if rules.prerequisites else {}
    return {
        key: Practitioner(*(key, *row, frozenset(groups.get(key, ())), learnt.get(key, {})))
        for key, *row in rows
    }


@dataclass(frozen=True)
class Newcomer:
    """Somebody who asks for a place: when it is held, and up to two bookings in their way.

    The first is of this session, or holds a place elsewhere at that time; the second holds a place
    on another date of the course that is ahead.
    """

    who: Practitioner
    sittings: list[SittingTimes]
    conflict_id: int | None
    other_date_id: int | None


def read_newcomer(session: Session, who: Practitioner, *, now: datetime) -> Newcomer:
    """As in `locked_to_book`, read without a lock: to show, not to decide. Costs one statement."""
    with prepared(*_in_the_way(session, who.key, now=now)) as cursor:
        return _newcomer(who, cursor.fetchall())


def _in_the_way(
    session: Session, person_id: int, *, now: datetime
) -> tuple[str, dict[str, object]]:
    return _IN_THE_WAY, {"person": person_id, "session": session.pk, "now": now}


def _newcomer(who: Practitioner, rows: Sequence[Sequence[Any]]) -> Newcomer:
    sittings = [SittingTimes(*times) for *times, _, _ in rows]
    return Newcomer(who, sittings, *(rows[0][-2:] if rows else (None, None)))


def practitioner_as_read(person: User, rules: CourseRules) -> Practitioner:
    """As `read_practitioners` of somebody whose row was just read, for pages.

    Costs no statement, unless the course asks for a group or for other courses.
    """
    if rules.groups or rules.prerequisites:
        return read_practitioners([person.pk], rules)[person.pk]
    agency, said = person.proved_agency, person.agency
    return Practitioner(
        key=person.pk,
        agency_id=agency.pk if agency else None,
        sector=agency.sector if agency else "",
        level=person.level,
        email=person.email,
        manager_email=person.manager_email,
        agency_domains=agency.email_domains if agency else (),
        said_agency_id=said.pk if said else None,
        said_sector=said.sector if said else "",
        is_active=person.is_active,
    )


def _by_person(statement: str, values: Any) -> dict[int, dict[int, Any]]:
    """For each person, by key, what stands under the keys that a statement finds."""
    found: dict[int, dict[int, Any]] = {}
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        for person, key, value in cursor.fetchall():
            found.setdefault(person, {})[key] = value
    return found
