"""The rows that calendars are written from.

A calendar is written from the rows of one statement and from nothing else, so a digest of those
rows is a digest of the calendar: whether a feed has changed is told without writing it, or even
reading it. PostgreSQL makes the digest, and 32 characters cross the wire, however many events
there are.
"""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, NamedTuple

from django.conf import settings
from django.db import connection
from django.db.models import QuerySet
from django.utils.http import quote_etag

from booking.catalogue.models import DiaryDate, SessionQuerySet
from booking.partnership.kept import the_partnership
from booking.places.models import Booking

# Raise it when the same rows come to be written differently.
_FORMAT = 5
_DIGEST = "SELECT md5(string_agg(told::text, '\n')) FROM ({sql}) AS told"


class SessionRow(NamedTuple):
    """A sitting of a session; the public is not told the last five."""

    session: int
    state: str
    revision: int
    changed_at: datetime
    delivery: str
    title: str
    summary: str
    venue: str | None
    address: str | None
    sitting: int
    starts_at: datetime
    ends_at: datetime
    join_url: str = ""
    instructions: str = ""
    capacity: int = 0
    places_taken: int = 0
    waiting_count: int = 0


class BookingRow(NamedTuple):
    """A sitting of a session that a person has booked."""

    booking: int
    state: str
    calendar_key: str
    calendar_domain: str
    sequence: int
    stamp: datetime
    delivery: str
    join_url: str
    instructions: str
    title: str
    venue: str | None
    address: str | None
    sitting: int
    starts_at: datetime
    ends_at: datetime
    # What the terms of cancelling follow from: a policy never changes, an agency may.
    free_until: datetime
    offered_until: datetime | None
    policy: int | None
    sector: str | None
    gives_trainers: bool | None
    turnover_pence: int | None


class DiaryRow(NamedTuple):
    """A diary date."""

    key: int
    title: str
    starts: date
    ends: date
    changed_at: datetime


@dataclass(frozen=True)
class Rows[Row]:
    """One statement, not yet asked, and what becomes of each of its rows."""

    sql: str
    params: Any
    made: Callable[..., Row]

    def read(self) -> list[Row]:
        """Ask it."""
        with connection.cursor() as cursor:
            cursor.execute(self.sql, self.params)
            return [self.made(*row) for row in cursor.fetchall()]

    def etag(self) -> str:
        """A strong ETag (RFC 9110, 8.8.3) of the calendar that these rows make."""
        with connection.cursor() as cursor:
            cursor.execute(_DIGEST.format(sql=self.sql), self.params)
            [digest] = cursor.fetchone()
        known = (_FORMAT, settings.SITE_URL, settings.MAIL_REPLY_TO)
        told = repr((digest, known, the_partnership().name))
        return quote_etag(hashlib.sha256(told.encode()).hexdigest()[:32])


_PUBLIC = (
    "pk",
    "state",
    "revision",
    "changed_at",
    "delivery",
    "course__title",
    "course__summary",
    "venue__name",
    "venue__address",
    "sittings__pk",
    "sittings__starts_at",
    "sittings__ends_at",
)
_LED = ("join_url", "joining_instructions", "capacity", "places_taken", "waiting_count")


def of_sessions(sessions: SessionQuerySet) -> Rows[SessionRow]:
    """What anybody may know of these sessions, soonest first: no join link, no head count."""
    return Rows(*_statement(sessions, _PUBLIC), SessionRow)


def of_led_sessions(sessions: SessionQuerySet) -> Rows[SessionRow]:
    """What the trainer who leads these sessions may know of them, soonest first."""
    return Rows(*_statement(sessions, (*_PUBLIC, *_LED)), SessionRow)


def _statement(sessions: SessionQuerySet, columns: tuple[str, ...]) -> tuple[str, Any]:
    ordered = sessions.order_by("starts_at", "pk", "sittings__starts_at", "sittings__pk")
    sql, params = ordered.values_list(*columns).query.sql_with_params()
    return sql, params


def of_diary_dates(dates: QuerySet[DiaryDate]) -> Rows[DiaryRow]:
    """These diary dates, soonest first."""
    columns = ("pk", "title", "starts", "ends", "changed_at")
    ordered = dates.order_by("starts", "title", "pk").values_list(*columns)
    sql, params = ordered.query.sql_with_params()
    return Rows(sql, params, DiaryRow)


# Written out: asked for every time that a calendar program looks at somebody's feed.
_BOOKINGS = """
SELECT booking.id, booking.state, booking.calendar_key, booking.calendar_domain,
    booking.calendar_sequence,
    greatest(session.changed_at, booking.confirmed_at, booking.ended_at), session.delivery,
    session.join_url, session.joining_instructions, course.title, venue.name, venue.address,
    sitting.id, sitting.starts_at, sitting.ends_at, booking.free_until, booking.offered_until,
    booking.policy_id, agency.sector, agency.trainers_in_kind, agency.annual_turnover_pence
FROM booking_booking booking
JOIN booking_session session ON session.id = booking.session_id
JOIN booking_course course ON course.id = session.course_id
JOIN booking_sitting sitting ON sitting.session_id = session.id
LEFT JOIN booking_venue venue ON venue.id = session.venue_id
LEFT JOIN accounts_agency agency ON agency.id = booking.agency_id
WHERE {condition}
ORDER BY session.starts_at, booking.id, sitting.starts_at, sitting.id
"""
_OF_PERSON = _BOOKINGS.format(
    condition="""booking.person_id = %(person)s AND session.ends_at > %(ends_after)s
AND (booking.state = ANY(%(held)s) OR (booking.state = %(cancelled)s
    AND booking.confirmed_at IS NOT NULL AND booking.ended_at > %(cancelled_after)s))"""
)
_ONE = _BOOKINGS.format(condition="booking.id = %(booking)s")
_HELD = [str(Booking.State.CONFIRMED), str(Booking.State.OFFERED)]


def of_person(
    person_id: int, *, ends_after: datetime, cancelled_after: datetime
) -> Rows[BookingRow]:
    """A person's certain and offered places, and those that they lost after this moment."""
    params = {
        "person": person_id,
        "ends_after": ends_after,
        "held": _HELD,
        "cancelled": str(Booking.State.CANCELLED),
        "cancelled_after": cancelled_after,
    }
    return Rows(_OF_PERSON, params, BookingRow)


def of_booking(booking: Booking) -> Rows[BookingRow]:
    """One booking's sittings."""
    return Rows(_ONE, {"booking": booking.pk}, BookingRow)
