"""A pytest plugin that starts the servers the tests use and names them in the environment.

Loaded with `-p tests.servers`, so it runs before pytest-django reads the settings. PostgreSQL is
shared by one run's worker processes, each with its own database; Valkey and the mail server are
each process's own, so a test may stop the one or empty the other without disturbing a neighbour.
A server that `DATABASE_URL` or `REDIS_URL` already names is used instead of starting one.

The tables are made once, in a database that each process copies and that later runs find again.
"""

import hashlib
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

import psycopg
import pytest

from booking.local.servers import LOCAL, REPOSITORY, EmbeddedServers, Valkey, first_free_folder
from booking.local.smtp_sink import SmtpSink

_IN_WORKER = "PYTEST_XDIST_WORKER" in os.environ
# What the process that started the run tells its workers.
_FOLDER, _VALKEY_IS_OURS = "BRIEFED_TESTS_FOLDER", "BRIEFED_TESTS_VALKEY"
_TEMPLATE = "BRIEFED_TESTS_TEMPLATE"

os.environ.update(
    {
        "SECRET_KEY": "a key for tests only, long enough to be accepted by the settings",
        "MEETING_KEYS": "YSBrZXkgZm9yIHRlc3RzIG9ubHksIG9mIDMyIGJ5dGU=",
        "ALLOWED_HOSTS": "localhost,127.0.0.1,testserver",
        "SITE_URL": "http://testserver",
        "MAIL_FROM": "Briefed <training@briefed.example>",
        "MAIL_REPLY_TO": "training@leedsscp.example",
        "RATE_LIMIT_FACTOR": "1000",
        # Tests of the second step ask for it.
        "TWO_STEP_REQUIRED": "false",
        "TRUSTED_PROXY_COUNT": "0",
        "MAILBOX_DIR": "",
        "LOG_LEVEL": "WARNING",
        # Playwright keeps an event loop running in the thread that also uses the database.
        "DJANGO_ALLOW_ASYNC_UNSAFE": "true",
    }
)

servers: EmbeddedServers | None = None
valkey: Valkey | None

if _IN_WORKER:
    folder = Path(os.environ[_FOLDER])
    if os.environ[_VALKEY_IS_OURS] == "yes":
        valkey = Valkey(folder / f"valkey-{os.environ['PYTEST_XDIST_WORKER']}")
        valkey.start()
        os.environ["REDIS_URL"] = valkey.url
    else:
        valkey = None
else:
    folder = first_free_folder(LOCAL / "tests")
    servers = EmbeddedServers(folder, durable=False)
    servers.start()
    valkey = servers.valkey
    os.environ["DATABASE_URL"] = servers.database_url
    os.environ["REDIS_URL"] = servers.redis_url
    os.environ[_FOLDER] = str(folder)
    os.environ[_VALKEY_IS_OURS] = "yes" if valkey else "no"

sink = SmtpSink(Path(tempfile.mkdtemp(prefix="mail-", dir=folder)))
sink.start()
os.environ["MAIL_URL"] = sink.url


def _migrated() -> str:
    """The name of a database with every migration applied, made anew when one of them changes.

    So it is when a module that they import changes, or a requirement.
    """
    migrations = sorted(REPOSITORY.glob("*/migrations/*.py"))
    text = "".join(file.name + file.read_text() for file in migrations)
    imported = sorted(set(re.findall(r"^(?:from|import) ((?:accounts|booking)[\w.]+)", text, re.M)))
    files = [REPOSITORY / f"{each.replace('.', '/')}.py" for each in imported]
    text += "".join(file.read_text() for file in files if file.is_file())
    text += (REPOSITORY / "requirements.txt").read_text()
    digest = hashlib.sha256(text.encode())
    name = f"migrated_{digest.hexdigest()[:16]}"
    with psycopg.connect(os.environ["DATABASE_URL"], autocommit=True) as link:
        found = link.execute("SELECT datname FROM pg_database WHERE datname LIKE 'migrat%'")
        others = [each for (each,) in found if each != name]
        for other in others:
            link.execute(f"DROP DATABASE {other}")
        if found.rowcount == len(others):
            link.execute("CREATE DATABASE migrating")
            address = os.environ["DATABASE_URL"].replace("/briefed?", "/migrating?")
            subprocess.run(
                [sys.executable, "manage.py", "migrate", "-v", "0"],
                cwd=REPOSITORY,
                env={**os.environ, "DATABASE_URL": address},
                check=True,
            )
            link.execute(f"ALTER DATABASE migrating RENAME TO {name}")
    return name


if servers is not None and servers.postgres is not None:
    os.environ[_TEMPLATE] = _migrated()


@pytest.fixture
def smtp_sink() -> Iterator[SmtpSink]:
    """This process's mail server, empty at the start of the test."""
    sink.clear()
    yield sink
    sink.clear()


@pytest.fixture
def embedded_valkey() -> Iterator[Valkey]:
    """This process's Valkey, for a test that stops it; it is up again for the next test."""
    if valkey is None:
        pytest.skip("REDIS_URL names a server that is not ours to stop")
    yield valkey
    valkey.start()


def collect_static(environment: Mapping[str, str]) -> None:
    """Gather the static files, for a web server that is a process of its own."""
    subprocess.run(
        [sys.executable, "manage.py", "collectstatic", "--noinput", "-v", "0"],
        cwd=REPOSITORY,
        env=environment,
        check=True,
    )


def pytest_configure() -> None:
    """Serve static files as they lie in the repository, so that tests need no `collectstatic`."""
    from django.conf import settings

    if template := os.environ.get(_TEMPLATE):
        settings.DATABASES["default"].setdefault("TEST", {})["TEMPLATE"] = template
    settings.STATIC_ROOT = folder / "static"
    settings.STATIC_ROOT.mkdir(exist_ok=True)
    settings.MEDIA_ROOT = folder / "files"
    settings.STORAGES = {
        **settings.STORAGES,
        "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
    }


def pytest_unconfigure() -> None:
    """Stop what this process started; a killed run's servers stop by themselves."""
    sink.stop()
    sink.clear()
    sink.directory.rmdir()
    if valkey is not None:
        valkey.stop()
    if servers is not None:
        servers.stop()
