"""The data that is measured on, made by SQL in seconds."""

import secrets
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from allauth.account.models import EmailAddress
from allauth.usersessions.models import UserSession
from django.conf import settings
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from django.contrib.sessions.backends.db import SessionStore
from django.contrib.sessions.models import Session as SignedIn
from django.db import connection, models
from django.utils import timezone

from accounts.models import Agency, User
from accounts.proof import SIGNED_IN_AT
from accounts.sessions import SEEN_AT
from booking.catalogue.models import Course, Session, Sitting, Topic, Venue
from booking.outbox.models import Message
from booking.places.events import BookingEvent
from booking.places.models import Booking

# The same for everyone, so that nobody's password has to be hashed.
NO_PASSWORD = "!measured"
_CSRF = secrets.token_hex(16)


@dataclass(frozen=True)
class Size:
    """How much there is."""

    people: int
    upcoming: int
    past: int
    bookings_each: int


SMALL = Size(people=200, upcoming=25, past=25, bookings_each=2)
LARGE = Size(people=20_000, upcoming=500, past=1_500, bookings_each=4)
LARGE_QUICK = Size(people=20_000, upcoming=500, past=500, bookings_each=1)


# Expressions are evaluated for each row, so that every key is another.
RANDOM_KEY = "substr(md5(random()::text) || md5(random()::text), 1, 24)"


def stored_columns(
    model: type[models.Model],
) -> Iterator[tuple[str, "models.Field[Any, Any]"]]:
    """The columns that an INSERT gives values to, with their fields."""
    for field in model._meta.concrete_fields:
        if field.column and not (field.primary_key or field.generated):
            yield field.column, field


def insert_select(model: type[models.Model], columns: Mapping[str, str], source: str) -> None:
    """`INSERT INTO model SELECT ... FROM source`; columns not named get the field's default."""
    names, expressions, defaults = [], [], []
    for column, field in stored_columns(model):
        if column in columns:
            expressions.append(columns[column].replace("%", "%%"))
        else:
            assert not field.unique, f"{column} would be the same in every row"
            expressions.append(f"%s::{field.db_type(connection)}")
            defaults.append(field.get_db_prep_save(field.get_default(), connection))
        names.append(column)
    quoted = ", ".join(connection.ops.quote_name(name) for name in names)
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO {model._meta.db_table} ({quoted})"
            f" SELECT {', '.join(expressions)} FROM {source.replace('%', '%%')}",
            defaults,
        )


def clear() -> None:
    """Take out everything that `populate` and the measurements put in."""
    tables = ", ".join(
        model._meta.db_table
        for model in (Message, BookingEvent, Booking, Sitting, Session, Course, Venue, Topic)
    )
    with connection.cursor() as cursor:
        cursor.execute(
            f"TRUNCATE {tables}, accounts_user, accounts_agency RESTART IDENTITY CASCADE"
        )


def populate(size: Size) -> None:
    """Agencies, people, courses, sessions of one or two sittings, and what was booked before."""
    with connection.cursor() as cursor:
        # Foreign keys are right by construction; checking each row takes most of the time.
        cursor.execute("SET session_replication_role = replica")
    insert_select(
        Agency,
        {"name": "'Agency ' || n", "sector": "'health'"},
        "generate_series(1, 40) AS n",
    )
    insert_select(
        User,
        {
            "password": f"'{NO_PASSWORD}'",
            "email": "'person' || n || '@agency' || n % 40 || '.example'",
            "first_name": "'Person' || n",
            "last_name": "(ARRAY['Ahmed', 'Baker', 'Clarke', 'Davies', 'Evans'])[1 + n % 5]",
            "job_title": "'Social worker'",
            "agency_id": "1 + n % 40",
            "agency_confirmed_at": "CASE WHEN n % 50 > 0 THEN now() END",
            "last_login": "now()",
        },
        f"generate_series(1, {size.people}) AS n",
    )
    insert_select(
        EmailAddress,
        {"user_id": "id", "email": "email", "verified": "true", "primary": "true"},
        User._meta.db_table,
    )
    insert_select(
        Venue,
        {"name": "'Venue ' || n", "address": "n || ' Chapeltown Road, Leeds, LS7 3EX'"},
        "generate_series(1, 12) AS n",
    )
    insert_select(
        Topic, {"name": "'Topic ' || n", "slug": "'topic-' || n"}, "generate_series(1, 10) AS n"
    )
    insert_select(
        Course,
        {
            "code": "'C' || n",
            "title": "'Working together to safeguard children, part ' || n",
            "kind": "(ARRAY['training', 'briefing', 'webinar', 'conference'])[1 + n % 4]",
            "summary": "repeat('What you will learn, and how it helps you in your work. ', 6)",
            "audience": "'Everyone who works with children, young people or their carers'",
        },
        "generate_series(1, 60) AS n",
    )
    insert_select(
        Course.topics.through,
        {"course_id": "n", "topic_id": "1 + n % 10"},
        "generate_series(1, 60) AS n",
    )
    _add_sessions(
        size.past,
        reference="P",
        first="interval '-10 days' - n * interval '8 hours'",
        state="completed",
    )
    _add_sessions(
        size.upcoming,
        reference="U",
        first="interval '2 days' + n * interval '8 hours'",
        state="published",
    )
    _add_past_bookings(size.bookings_each, size.past)
    with connection.cursor() as cursor:
        cursor.execute("RESET session_replication_role")
    vacuum()


def vacuum() -> None:
    """What PostgreSQL would do by itself some time later, while something is measured."""
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE")
        cursor.execute("CHECKPOINT")


def _add_sessions(count: int, *, reference: str, first: str, state: str) -> None:
    """Every second one has two sittings, a week apart."""
    insert_select(
        Session,
        {
            "reference": f"'{reference}' || n",
            "course_id": "1 + n % 60",
            "venue_id": "1 + n % 12",
            "state": f"'{state}'",
            "capacity": "30",
            "starts_at": f"date_trunc('hour', now()) + {first}",
            "ends_at": (
                f"date_trunc('hour', now()) + {first}"
                " + interval '3 hours' + (n % 2) * interval '7 days'"
            ),
        },
        f"generate_series(1, {count}) AS n",
    )
    for condition, offset in (("true", "0 days"), ("ends_at - starts_at > '1 day'", "7 days")):
        insert_select(
            Sitting,
            {
                "session_id": "id",
                "starts_at": f"starts_at + interval '{offset}'",
                "ends_at": f"starts_at + interval '{offset}' + interval '3 hours'",
            },
            f"{Session._meta.db_table} WHERE reference LIKE '{reference}%' AND {condition}",
        )


def _add_past_bookings(each: int, sessions: int) -> None:
    """Every person has been to so many of the past sessions, whose keys are the first ones."""
    add_bookings(
        f"(SELECT u.id AS person_id, 1 + (u.id * 7 + k * 131) % {sessions} AS session_id"
        f" FROM {User._meta.db_table} u CROSS JOIN generate_series(0, {each - 1}) AS k) AS pairs"
    )


def add_bookings(pairs: str, *, state: str = "confirmed", told: str = "sent") -> None:
    """Bookings for every row of `pairs`, which has a person_id and a session_id.

    Each gets one event and one message in the outbox, in the state `told`.
    """
    before = Booking.objects.order_by("-pk").values_list("pk", flat=True).first() or 0
    insert_select(
        Booking,
        {
            "session_id": "pairs.session_id",
            "person_id": "pairs.person_id",
            "booked_by_id": "pairs.person_id",
            "agency_id": (
                f"(SELECT agency_id FROM {User._meta.db_table} WHERE id = pairs.person_id"
                " AND agency_confirmed_at IS NOT NULL)"
            ),
            "state": f"'{state}'",
            "ticket": (
                "row_number() OVER (PARTITION BY pairs.session_id ORDER BY pairs.person_id)"
                if state == "waiting"
                else "NULL::bigint"
            ),
            "confirmed_at": "NULL::timestamptz" if state == "waiting" else "now()",
            "calendar_key": RANDOM_KEY,
            "join_key": RANDOM_KEY,
        },
        pairs,
    )
    table = Booking._meta.db_table
    insert_select(
        BookingEvent,
        {
            "booking_id": "id",
            "at": "booked_at",
            "by_id": "person_id",
            "what": "'joined'" if state == "waiting" else "'booked'",
            "state_after": "state",
        },
        f"{table} WHERE id > {before}",
    )
    insert_select(
        Message,
        {
            "topic": "'booking.waiting'" if state == "waiting" else "'booking.confirmed'",
            "subject_key": "'booking:' || b.id",
            "stream": "'booking:' || b.id",
            "recipient_id": "u.id",
            "to_email": "u.email",
            "booking_id": "b.id",
            "payload": (
                "jsonb_build_object('event', jsonb_build_object("
                "'method', 'REQUEST', 'sequence', 0,"
                " 'uid', b.calendar_key || '-' || t.id || '@briefed.example',"
                f" 'starts', {_iso('t.starts_at')}, 'ends', {_iso('t.ends_at')}))"
                if state != "waiting"
                else "jsonb_build_object('position', b.ticket)"
            ),
            "state": f"'{told}'",
            "due_at": "now()",
            "created_at": "now()",
            "sent_at": "now()" if told == "sent" else "NULL::timestamptz",
            "message_id": "'<' || md5(random()::text || b.id) || '@briefed.example>'",
        },
        f"{table} b JOIN {User._meta.db_table} u ON u.id = b.person_id"
        f" JOIN LATERAL (SELECT * FROM {Sitting._meta.db_table} WHERE session_id = b.session_id"
        f" ORDER BY starts_at LIMIT 1) t ON true WHERE b.id > {before}",
    )
    with connection.cursor() as cursor:
        cursor.execute(
            f"UPDATE {Session._meta.db_table} s SET places_taken = counted.held,"
            " waiting_count = counted.waiting, last_ticket = greatest(last_ticket, counted.ticket),"
            " capacity = greatest(capacity, counted.held) FROM (SELECT session_id,"
            " count(*) FILTER (WHERE state = 'confirmed') AS held,"
            " count(*) FILTER (WHERE state = 'waiting') AS waiting,"
            f" coalesce(max(ticket), 0) AS ticket FROM {table} WHERE session_id IN"
            f" (SELECT session_id FROM {table} WHERE id > {before}) GROUP BY session_id) AS counted"
            " WHERE counted.session_id = s.id"
        )


def _iso(moment: str) -> str:
    return f"to_char({moment} AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS+00:00')"


def nothing_to_send() -> None:
    """Settle every message, so that only those posted from now on are due."""
    Message.objects.unsettled().update(state=Message.State.SENT, lease_until=None)


def add_session(*, capacity: int, days_ahead: int = 400) -> Session:
    """One more upcoming session, of one sitting, that clashes with no other.

    Its course may be taken more than once, so that the same people can book one after the other.
    """
    Course.objects.update(may_be_repeated=True)
    starts = timezone.now() + timedelta(days=days_ahead)
    session = Session.objects.create(
        reference=f"X{secrets.token_hex(6)}",
        course_id=Course.objects.values_list("pk", flat=True)[0],
        venue_id=Venue.objects.values_list("pk", flat=True)[0],
        state=Session.State.PUBLISHED,
        starts_at=starts,
        ends_at=starts + timedelta(hours=3),
        capacity=capacity,
    )
    Sitting.objects.create(session=session, starts_at=session.starts_at, ends_at=session.ends_at)
    return session


def sign_in(people: Iterable[User]) -> list[dict[str, str]]:
    """Signed-in sessions written straight to their tables: each person's cookies."""
    store, people = SessionStore(), list(people)
    expires = timezone.now() + timedelta(days=1)
    rows = [
        SignedIn(
            session_key=secrets.token_hex(16),
            session_data=store.encode(
                {
                    SESSION_KEY: str(person.pk),
                    BACKEND_SESSION_KEY: settings.AUTHENTICATION_BACKENDS[0],
                    HASH_SESSION_KEY: person.get_session_auth_hash(),
                    SIGNED_IN_AT: time.time(),
                    SEEN_AT: time.time(),
                }
            ),
            expire_date=expires,
        )
        for person in people
    ]
    SignedIn.objects.bulk_create(rows, batch_size=2_000)
    by_whom = [
        UserSession(user=person, session_key=row.session_key, ip="127.0.0.1", user_agent="load")
        for person, row in zip(people, rows, strict=True)
    ]
    UserSession.objects.bulk_create(by_whom, batch_size=2_000)
    return [{settings.SESSION_COOKIE_NAME: row.session_key, **csrf()} for row in rows]


def csrf() -> dict[str, str]:
    """The cookies of somebody who is not signed in and posts a form."""
    return {settings.CSRF_COOKIE_NAME: _CSRF}


def csrf_token() -> str:
    """The token that goes with the cookie of everyone whom `sign_in` signed in."""
    return _CSRF
