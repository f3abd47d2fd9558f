"""The few statements that every booking makes while its session is locked, written out.

Django would work out the text of each anew for every booking, which takes longer than the
database takes to carry it out; meanwhile everybody else who wants this session waits.
"""

from collections.abc import Iterable

from django.db import connection, transaction

from booking.catalogue.models import Session
from booking.places.announcements import SittingTimes
from booking.places.models import Booking

_LOCK_SESSION = "SELECT * FROM booking_session WHERE id = %s FOR NO KEY UPDATE"
_LOCK_PEOPLE = "SELECT id FROM accounts_user WHERE id = ANY(%s) ORDER BY id FOR NO KEY UPDATE"
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


def lock_session(session_id: int) -> Session:
    """The session as it is now, its row held until the transaction ends.

    Raises `Session.DoesNotExist`, and `TransactionManagementError` outside a transaction.
    """
    if not transaction.get_connection().in_atomic_block:
        raise transaction.TransactionManagementError("Lock a session inside a transaction.")
    for session in Session.objects.raw(_LOCK_SESSION, [session_id]):
        return with_counts_remembered(session)
    raise Session.DoesNotExist


def with_counts_remembered(session: Session) -> Session:
    """The session, with the counts it was read with kept beside those that an action moves."""
    session.counts_read = session.places_taken, session.waiting_count
    return session


def lock_people(people_ids: Iterable[int]) -> None:
    """Hold these people's rows, so that two sessions cannot give one person the same hour."""
    with connection.cursor() as cursor:
        cursor.execute(_LOCK_PEOPLE, [list(people_ids)])


def save_counts(session: Session) -> None:
    """Write by how much the places taken and the people waiting have moved since they were read.

    Raises `IntegrityError` if that would take more places than there are. Once saved, what was
    read is what is there now.
    """
    taken_before, waiting_before = session.counts_read
    taken = session.places_taken - taken_before
    waiting = session.waiting_count - waiting_before
    with connection.cursor() as cursor:
        cursor.execute(_SAVE_COUNTS, [taken, waiting, session.last_ticket, session.pk])
    with_counts_remembered(session)


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
