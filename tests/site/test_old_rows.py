"""What was stored before addresses were read in one way comes through the migrations."""

import os
import subprocess
import sys
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import psycopg
import pytest
from psycopg import sql

pytestmark = pytest.mark.slow

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
    url = urlunsplit(urlsplit(server)._replace(path="/briefed_old_rows"))
    name = sql.Identifier("briefed_old_rows")
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
