"""The few statements that every booking makes while its session is locked, written out.

Django would work out the text of each anew for every booking, which takes longer than the
database takes to carry it out; meanwhile everybody else who wants this session waits.
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from django.db import connection, transaction

from booking.catalogue.models import CourseRules, Session
from booking.catalogue.sittings import SittingTimes
from booking.places.models import Booking

# With the session comes all that its course and its policy of cancelling ask.
_SESSION = """
SELECT session.*, course.needs_manager_approval AS rule_approval, course.sectors AS rule_sectors,
    course.least_level AS rule_level, course.copies_manager AS rule_copies,
    policy.notice_days AS rule_notice,
    ARRAY(SELECT practitionergroup_id FROM booking_course_groups
        WHERE course_id = course.id) AS rule_groups,
    ARRAY(SELECT practitionergroup.name FROM booking_course_groups
        JOIN accounts_practitionergroup practitionergroup
            ON practitionergroup.id = practitionergroup_id
        WHERE course_id = course.id ORDER BY practitionergroup.name) AS rule_group_names,
    ARRAY(SELECT earlier.id FROM booking_course_prerequisites
        JOIN booking_course earlier ON earlier.id = to_course_id
        WHERE from_course_id = course.id ORDER BY earlier.title, earlier.id) AS rule_prerequisites,
    ARRAY(SELECT earlier.title FROM booking_course_prerequisites
        JOIN booking_course earlier ON earlier.id = to_course_id
        WHERE from_course_id = course.id ORDER BY earlier.title, earlier.id) AS rule_titles
FROM booking_session session
JOIN booking_course course ON course.id = session.course_id
LEFT JOIN booking_cancellationpolicy policy ON policy.id = session.policy_id
WHERE session.id = ANY(%s)
"""
_LOCK_SESSION = f"{_SESSION} FOR NO KEY UPDATE OF session"
_PEOPLE = """
SELECT person.id, person.agency_id, COALESCE(agency.sector, ''), person.level, person.email,
    person.manager_email, COALESCE(agency.email_domains, '{}')
FROM accounts_user person LEFT JOIN accounts_agency agency ON agency.id = person.agency_id
WHERE person.id = ANY(%s) ORDER BY person.id
"""
_LOCK_PEOPLE = f"{_PEOPLE} FOR NO KEY UPDATE OF person"
# Differences, not totals: were the lock ever missing, two bookings would still both be counted, and
# the table's CHECK would refuse the one too many.
_SAVE_COUNTS = (
    "UPDATE booking_session SET places_taken = places_taken + %s,"
    " waiting_count = waiting_count + %s, last_ticket = GREATEST(last_ticket, %s) WHERE id = %s"
)
# This session's own live booking comes first, then one that holds a place elsewhere.
_SITTINGS_AND_CONFLICT = """
SELECT sitting.id, sitting.starts_at, sitting.ends_at, (
    SELECT booking.id FROM booking_booking booking
    WHERE booking.person_id = %(person)s AND (
        (booking.session_id = sitting.session_id AND booking.state = ANY(%(live)s))
        OR (booking.state = ANY(%(holding)s) AND EXISTS (
            SELECT 1 FROM booking_sitting other
            WHERE other.session_id = booking.session_id
            AND other.starts_at < sitting.ends_at AND other.ends_at > sitting.starts_at
        ))
    )
    ORDER BY booking.session_id = sitting.session_id DESC, booking.id
    LIMIT 1
)
FROM booking_sitting sitting
WHERE sitting.session_id = %(session)s
ORDER BY sitting.starts_at, sitting.id
"""
_LIVE = [str(state) for state in Booking.LIVE]
_HOLDING = [str(state) for state in Booking.HOLDING]


@contextmanager
def locked(*session_ids: int) -> Iterator[dict[int, Session]]:
    """A transaction that holds these sessions, by key, and saves at its end how counts moved.

    They are locked in the order of their keys, which all who lock several keep to. Raises
    `Session.DoesNotExist`, and `IntegrityError` if more places would be taken than there are.
    """
    with transaction.atomic():
        held = {key: lock_session(key) for key in sorted(set(session_ids))}
        yield held
        for session in held.values():
            _save_counts(session)


@contextmanager
def locked_session(session: Session) -> Iterator[Session]:
    """As `locked`, for one."""
    with locked(session.pk) as held:
        yield held[session.pk]


@contextmanager
def locked_booking(booking: Booking) -> Iterator[tuple[Session, Booking]]:
    """As `locked`, for a booking's session, with the booking as it is now.

    Only the lock's holder moves it.
    """
    with locked(booking.session_id) as held:
        fresh = Booking.objects.select_related("person", "approval").get(pk=booking.pk)
        fresh.session = held[booking.session_id]
        yield fresh.session, fresh


def lock_session(session_id: int) -> Session:
    """The session as it is now, its row held until the transaction ends, and its course's rules.

    For what moves no counts: these only `locked` saves.

    Raises `Session.DoesNotExist`, and `TransactionManagementError` outside a transaction.
    """
    if not transaction.get_connection().in_atomic_block:
        raise transaction.TransactionManagementError("Lock a session inside a transaction.")
    return _only(_sessions(_LOCK_SESSION, [session_id]))


def read_session(session_id: int) -> Session:
    """The session and its course's rules, read without a lock: to show, not to decide."""
    return _only(_sessions(_SESSION, [session_id]))


def read_sessions(session_ids: Iterable[int]) -> dict[int, Session]:
    """Several sessions as `read_session` reads one, by key, with one statement."""
    return {session.pk: session for session in _sessions(_SESSION, list(session_ids))}


def _only(sessions: Iterable[Session]) -> Session:
    for session in sessions:
        return session
    raise Session.DoesNotExist


def _sessions(statement: str, session_ids: list[int]) -> Iterator[Session]:
    for session in Session.objects.raw(statement, [session_ids]):
        read = vars(session)
        session.course_rules = CourseRules(
            needs_manager_approval=read["rule_approval"],
            copies_manager=read["rule_copies"],
            sectors=tuple(read["rule_sectors"]),
            least_level=read["rule_level"],
            groups=frozenset(read["rule_groups"]),
            group_names=tuple(read["rule_group_names"]),
            prerequisites=frozenset(read["rule_prerequisites"]),
            prerequisite_titles=tuple(
                zip(read["rule_prerequisites"], read["rule_titles"], strict=True)
            ),
        )
        session.promised_notice_days = read["rule_notice"] or 0
        session.counts_read = session.places_taken, session.waiting_count
        yield session


def with_course(booking_id: int) -> Booking:
    """A booking with what names it to people: its session and course."""
    return Booking.objects.select_related("session__course").get(pk=booking_id)


def sittings_of(session: Session) -> list[SittingTimes]:
    """When the session is held."""
    return [SittingTimes.of(sitting) for sitting in session.sittings.all()]


@dataclass(frozen=True)
class PersonRow:
    """What a person's own row and their agency's say."""

    key: int
    agency_id: int | None
    sector: str
    level: int | None
    email: str
    manager_email: str
    agency_domains: list[str]


def read_people(people_ids: Iterable[int], *, lock: bool = False) -> list[PersonRow]:
    """These people, by key.

    With `lock` their rows are held, so that two sessions cannot give one person the same hour.
    """
    with connection.cursor() as cursor:
        cursor.execute(_LOCK_PEOPLE if lock else _PEOPLE, [list(people_ids)])
        return [PersonRow(*row) for row in cursor.fetchall()]


def _save_counts(session: Session) -> None:
    """Write by how much the places taken and the people waiting have moved since they were read."""
    taken_before, waiting_before = session.counts_read
    taken = session.places_taken - taken_before
    waiting = session.waiting_count - waiting_before
    if taken or waiting:
        with connection.cursor() as cursor:
            cursor.execute(_SAVE_COUNTS, [taken, waiting, session.last_ticket, session.pk])


def sittings_and_conflict(session_id: int, person_id: int) -> tuple[list[SittingTimes], int | None]:
    """The session's sittings, and a booking of the person's that stands in the way, if any."""
    with connection.cursor() as cursor:
        cursor.execute(
            _SITTINGS_AND_CONFLICT,
            {"person": person_id, "session": session_id, "live": _LIVE, "holding": _HOLDING},
        )
        rows = cursor.fetchall()
    conflicts = [conflict for *_, conflict in rows if conflict is not None]
    return [SittingTimes(*times) for *times, _ in rows], conflicts[0] if conflicts else None
