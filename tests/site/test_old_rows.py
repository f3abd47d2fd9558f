"""What was stored before addresses were read in one way comes through the migrations."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import psycopg
import pytest
from psycopg import sql

from booking.site.sealing import Sealed

pytestmark = pytest.mark.slow

_NOW = datetime(2026, 6, 1, 9, tzinfo=UTC)

_PERSON = """
    INSERT INTO accounts_user (id, password, is_superuser, is_staff, is_active, date_joined, email,
        first_name, last_name, job_title, unlisted_agency, manager_email, phone, is_trainer,
        is_agency_lead, is_coordinator, wants_reminders, agency_id, mail_failure)
    VALUES (%(id)s, '', false, false, true, now(), %(email)s, %(first_name)s, 'Ahmed', 'Nurse', '',
        %(manager)s, '', false, %(leads)s, false, true, %(agency)s, '')
"""


@pytest.fixture
def old() -> Iterator[str]:
    """The address of a database that stands where the first migrations left it."""
    server = os.environ["DATABASE_URL"]
    # Each process of a run has its own.
    called = f"briefed_old_rows_{os.environ.get('PYTEST_XDIST_WORKER', 'alone')}"
    url = urlunsplit(urlsplit(server)._replace(path=f"/{called}"))
    name = sql.Identifier(called)
    with psycopg.connect(server, autocommit=True) as link:
        link.execute(sql.SQL("DROP DATABASE IF EXISTS {}").format(name))
        link.execute(sql.SQL("CREATE DATABASE {}").format(name))
        migrate(url, "accounts", "0001")
        migrate(url, "booking", "0001")
        migrate(url, "account")
        yield url
        link.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(name))


def migrate(url: str, *to: str) -> None:
    command = [sys.executable, "manage.py", "migrate", "-v", "0", *to]
    subprocess.run(command, env={**os.environ, "DATABASE_URL": url}, check=True)


def add_person(link: "psycopg.Connection[Any]", key: int, email: str, **said: Any) -> None:
    row = {"id": key, "email": email, "first_name": "Zoë", "manager": "", "leads": False, **said}
    link.execute(_PERSON, row)
    link.execute(
        'INSERT INTO account_emailaddress (user_id, email, verified, "primary")'
        " VALUES (%s, %s, true, true)",
        [key, email],
    )


def test_old_addresses_are_read_again_and_nobody_is_lost(old: str) -> None:
    with psycopg.connect(old) as link:
        link.execute(
            "INSERT INTO accounts_agency (id, name, sector, email_domains, trainers_in_kind,"
            " is_listed) VALUES (1, 'Police', 'police', '{police.example}', false, true)"
        )
        add_person(link, 1, "zoe@police.example", agency=1, manager="Boss@l\u00adch.example")
        add_person(link, 2, "zoe\u200b@police.example", agency=1)
        add_person(link, 3, '"ada lovelace"@mail.example', agency=1, first_name="Ada\u202e")
        add_person(link, 4, "lead@mail.example", agency=1, leads=True)
        add_person(link, 5, "claims@mail.example", agency=1)
    migrate(old)
    with psycopg.connect(old) as link:
        rows = link.execute(
            "SELECT id, email, first_name, manager_email, mail_failure,"
            " agency_confirmed_at IS NOT NULL FROM accounts_user ORDER BY id"
        ).fetchall()
        found = link.execute("SELECT user_id, verified FROM account_emailaddress").fetchall()
    verified: dict[int, bool] = dict(found)
    assert rows[0] == (1, "zoe@police.example", "Zoë", "", "", True)
    assert rows[1][1] == "account-2@address.invalid"
    assert "u200b" in rows[1][4]
    assert rows[2][1:3] == ("account-3@address.invalid", "Ada")
    assert [row[5] for row in rows] == [True, False, False, True, False]
    assert verified == {1: True, 2: False, 3: False, 4: True, 5: True}


def add_row(link: "psycopg.Connection[Any]", table: str, **said: Any) -> None:
    """A row that says this, and as little as it may of all else."""
    columns = link.execute(
        "SELECT column_name, data_type FROM information_schema.columns WHERE table_name = %s"
        " AND is_nullable = 'NO' AND is_identity = 'NO' AND is_generated = 'NEVER'",
        [table],
    ).fetchall()
    least = {"boolean": False, "timestamp with time zone": _NOW, "ARRAY": [], "jsonb": "{}"}
    row = {
        name: least.get(kind, 0 if "int" in kind or kind == "numeric" else "")
        for name, kind in columns
    } | said
    link.execute(
        sql.SQL("INSERT INTO {} ({}) VALUES ({})").format(
            sql.Identifier(table),
            sql.SQL(", ").join(map(sql.Identifier, row)),
            sql.SQL(", ").join([sql.Placeholder()] * len(row)),
        ),
        list(row.values()),
    )


def test_meetings_are_sealed_and_their_addresses_go_from_messages(old: str) -> None:
    migrate(old, "booking", "0018")
    link_of = "https://meet.example/old"
    told = [
        {"what": "Place", "before": "Hall", "after": "Online", "matter": "when and where"},
        {"what": "Join link", "before": "none", "after": link_of, "matter": "join link"},
    ]
    with psycopg.connect(old) as link:
        add_row(link, "accounts_user", id=1, email="zoe@police.example")
        add_row(link, "booking_course", id=1, code="A", title="A")
        held: dict[str, Any] = {
            "course_id": 1,
            "starts_at": _NOW,
            "capacity": 5,
            "join_url": link_of,
        }
        held |= {"state": "published", "delivery": "online"}
        over = {"ends_at": _NOW + timedelta(hours=1)}
        ahead = {"ends_at": datetime(2100, 1, 1, tzinfo=UTC)}
        add_row(link, "booking_session", id=1, reference="1", **held, **ahead)
        add_row(link, "booking_session", id=2, reference="2", **held, **over)
        add_row(link, "booking_session", id=3, reference="3", **held | {"join_url": ""}, **ahead)
        for key in (1, 2):
            whose: dict[str, Any] = {"person_id": 1, "booked_by_id": 1, "session_id": key}
            whose |= {"state": "confirmed", "calendar_key": str(key)}
            add_row(link, "booking_booking", id=key, **whose)
        payload = json.dumps({"changes": told, "note": ""})
        add_row(link, "booking_message", topic="session.changed", payload=payload)
    migrate(old)
    with psycopg.connect(old) as link:
        sessions = link.execute(
            "SELECT meeting, sent_openly FROM booking_session ORDER BY id"
        ).fetchall()
        keys = link.execute("SELECT DISTINCT join_key FROM booking_booking").fetchall()
        [(payload,)] = link.execute("SELECT payload FROM booking_message").fetchall()
    assert [Sealed(meeting).opened() for meeting, _ in sessions] == [link_of, link_of, ""]
    assert [openly for _, openly in sessions] == [True, False, False]
    assert [len(key) for [key] in keys] == [32, 32]
    assert payload["changes"][0] == told[0]
    assert "meet.example" not in str(payload)
    assert payload["changes"][1]["matter"] == "join link"
