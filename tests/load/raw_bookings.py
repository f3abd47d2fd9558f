"""The reference for booking: the same rows written by prepared statements, and nothing else."""

import itertools
import json
import os
import secrets
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import psycopg
from django.db import connection, models
from django.db.models import Case, F, When
from psycopg import sql

from accounts.models import User
from booking.catalogue.models import Session
from booking.outbox.models import Message
from booking.places.events import BookingEvent
from booking.places.models import Booking
from tests.load.crowd import stored_columns
from tests.load.report import percentile
from tests.load.together import in_processes, meet

_PROCESSES = (2, 4)
# Bytes, which psycopg takes for SQL that was put together with care.
Statements = Mapping[str, bytes]
_BOOKING = (
    *("session_id", "person_id", "booked_by_id", "agency_id", "needs", "booked_at", "confirmed_at"),
    *("calendar_key", "join_key"),
)
_EVENT = ("booking_id", "at", "by_id")
_MESSAGE = (
    *("subject_key", "stream", "recipient_id", "to_email", "booking_id"),
    *("payload", "created_at", "due_at", "message_id"),
)


@dataclass
class Raw:
    """What was booked with so many processes, in so many seconds; each took so many seconds."""

    processes: int
    seconds: float = 0.0
    took: list[float] = field(default_factory=list)

    @property
    def rate(self) -> float:
        """Per second."""
        return len(self.took) / self.seconds

    @property
    def p50(self) -> float:
        """Milliseconds that half of them stay within."""
        return percentile(self.took, 0.5)


def with_processes() -> list[Raw]:
    """What `measure` adds to; the faster one counts."""
    return [Raw(processes) for processes in _PROCESSES]


def measure(session: Session, raws: Sequence[Raw], *, seconds: float) -> None:
    """Book people on one session with each number of processes, in so many seconds in all."""
    statements = {
        "booking": _insert(Booking, _BOOKING, {"state": "confirmed"}),
        "event": _insert(BookingEvent, _EVENT, {"what": "booked", "state_after": "confirmed"}),
        "message": _insert(Message, _MESSAGE, {"topic": "booking.confirmed"}),
    }
    everybody = User.objects.order_by("-pk")
    confirmed = Case(When(agency_confirmed_at=None, then=None), default=F("agency"))
    people = list(everybody.values_list("pk", "email", confirmed))
    share = len(people) // len(raws)
    for raw in raws:
        chosen, people = people[:share], people[share:]
        given = raw.processes, session.pk, statements, chosen, seconds / len(raws)
        raw.took += itertools.chain.from_iterable(in_processes(raw.processes, _book_all, *given))
        raw.seconds += seconds / len(raws)


def _insert(model: type[models.Model], given: Sequence[str], fixed: dict[str, str]) -> bytes:
    """An INSERT whose `given` columns are parameters; all others have their values in the text."""
    columns = [sql.Identifier(name) for name in given]
    values: list[sql.Composable] = [sql.Placeholder() for _ in given]
    for column, stored in stored_columns(model):
        if column not in given:
            assert not stored.unique, f"{column} would be the same in every row"
            columns.append(sql.Identifier(column))
            values.append(sql.Literal(fixed.get(column, stored.get_default())))
    connection.ensure_connection()
    return (
        sql.SQL("INSERT INTO {} ({}) VALUES ({}) RETURNING id")
        .format(
            sql.Identifier(model._meta.db_table),
            sql.SQL(", ").join(columns),
            sql.SQL(", ").join(values),
        )
        .as_bytes(connection.connection)
    )


def _book_all(
    number: int,
    count: int,
    session_id: int,
    statements: Statements,
    people: Sequence[tuple[int, str, int | None]],
    seconds: float,
) -> list[float]:
    """Book every `count`th person until the time is over; the seconds that each took."""
    took = []
    with psycopg.connect(os.environ["DATABASE_URL"]) as link:
        link.prepare_threshold = 0
        meet()
        deadline = time.monotonic() + seconds
        for person in people[number::count]:
            began = time.monotonic()
            if began >= deadline:
                break
            with link.transaction():
                _book(link, session_id, statements, *person)
            took.append(time.monotonic() - began)
    return took


def _book(
    link: psycopg.Connection[Any],
    session_id: int,
    statements: Statements,
    person_id: int,
    email: str,
    agency_id: int | None,
) -> None:
    now = datetime.now(UTC)
    session = link.execute(
        "SELECT state, capacity, places_taken, waiting_count, starts_at FROM booking_session"
        " WHERE id = %s FOR NO KEY UPDATE",
        [session_id],
    ).fetchone()
    assert session is not None
    assert session[0] == "published"
    assert session[2] < session[1]
    booked = link.execute(
        "SELECT id FROM booking_booking WHERE session_id = %s AND person_id = %s"
        " AND state IN ('requested', 'waiting', 'offered', 'confirmed')",
        [session_id, person_id],
    ).fetchone()
    assert booked is None
    key = secrets.token_hex(12)
    values = [session_id, person_id, person_id, agency_id, "Step-free access", now, now]
    made = link.execute(statements["booking"], [*values, key, secrets.token_hex(12)]).fetchone()
    assert made is not None
    link.execute(statements["event"], [made[0], now, person_id])
    stream = f"booking:{made[0]}"
    payload = {
        "event": {
            "method": "REQUEST",
            "uid": f"{key}-1@briefed.example",
            "sequence": 0,
            "starts": session[4].isoformat(),
            "ends": session[4].isoformat(),
        }
    }
    message_id = f"<{secrets.token_hex(14)}@briefed.example>"
    link.execute(
        statements["message"],
        [stream, stream, person_id, email, made[0], json.dumps(payload), now, now, message_id],
    )
    link.execute(
        "UPDATE booking_session SET places_taken = places_taken + 1 WHERE id = %s", [session_id]
    )
