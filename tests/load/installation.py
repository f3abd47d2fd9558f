"""A whole installation on this machine, for measuring: servers, mail sink, web server processes."""

import contextlib
import os
import shutil
import sys
import time
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import psycopg
from django.core.management import call_command

from booking.local.postgres import Postgres
from booking.local.processes import GuardedProcess, free_port
from booking.local.servers import (
    LOCAL,
    REPOSITORY,
    EmbeddedServers,
    Valkey,
    first_free_folder,
)

_READY_SECONDS = 180.0

# Every server with as many processes as this machine needs; "granian" is what the demo runs.
WEB_SERVERS: Mapping[str, tuple[str, ...]] = {
    "granian": (
        *("granian", "--interface", "wsgi", "--workers", "2", "--no-ws"),
        *("--blocking-threads", "1"),
    ),
    "granian-threads": ("granian", "--interface", "wsgi", "--workers", "2", "--no-ws"),
    "gunicorn": ("gunicorn", "--workers", "4"),
    "gunicorn-threads": (
        *("gunicorn", "--workers", "2", "--worker-class", "gthread", "--threads", "4"),
        *("--keep-alive", "5"),
    ),
}
DEMO_SERVER = "granian"


class DoesNotStart(Exception):
    """A program that the measurement needs is not up; the message ends with its log."""


@dataclass(frozen=True)
class WebServer:
    """A running web server."""

    port: int
    process: GuardedProcess
    seconds_to_first_answer: float


@contextlib.contextmanager
def web_server(
    command: tuple[str, ...],
    *,
    folder: Path,
    environment: Mapping[str, str],
    application: str = "booking.site.wsgi:application",
    ready: str = "/readyz",
) -> Iterator[WebServer]:
    """The site served by real processes, as long as the context lasts.

    `command` is one of `WEB_SERVERS`. Raises `DoesNotStart`.
    """
    port = free_port()
    bind = (
        ("--bind", f"127.0.0.1:{port}")
        if command[0] == "gunicorn"
        else ("--host", "127.0.0.1", "--port", str(port))
    )
    began = time.monotonic()
    process = GuardedProcess(
        [sys.executable, "-m", *command, *bind, application],
        log=folder / f"{command[0]}-{port}.log",
        environment=environment,
        directory=REPOSITORY,
    )
    try:
        _wait_for_answer(f"http://127.0.0.1:{port}{ready}", process)
        yield WebServer(port, process, seconds_to_first_answer=time.monotonic() - began)
    finally:
        process.stop(seconds=10)


def _wait_for_answer(address: str, process: GuardedProcess) -> None:
    deadline = time.monotonic() + _READY_SECONDS
    while time.monotonic() < deadline and process.exit_code is None:
        with (
            contextlib.suppress(OSError),
            urllib.request.urlopen(address, timeout=10),
        ):
            return
        time.sleep(0.01)
    story = "\n".join(process.last_lines(15))
    raise DoesNotStart(f"{address} does not answer. Its log ends with:\n{story}")


class Installation:
    """PostgreSQL, Valkey and the mail sink, empty at the start and gone at the end.

    Servers that the environment names are never used: what is measured is thrown away.
    """

    def __init__(self, *, purpose: str, durable: bool) -> None:
        for name in ("DATABASE_URL", "REDIS_URL"):
            os.environ.pop(name, None)
        self.folder = first_free_folder(LOCAL / purpose)
        self._servers = EmbeddedServers(self.folder, durable=durable)
        self._stack = ExitStack()
        self.mail_port = 0

    @property
    def mail_folder(self) -> Path:
        """Where the sink stores what it is handed."""
        return self.folder / "mail"

    @property
    def postgres(self) -> Postgres:
        """The database server, for whoever stops and starts it."""
        assert self._servers.postgres is not None, "it is always ours"
        return self._servers.postgres

    @property
    def valkey(self) -> Valkey:
        """The Redis server, for whoever stops and starts it."""
        assert self._servers.valkey is not None, "it is always ours"
        return self._servers.valkey

    @property
    def database_url(self) -> str:
        """The address of the database, for psycopg."""
        return self._servers.database_url

    def __enter__(self) -> Self:
        try:
            self._stack.enter_context(self._servers)
            self.empty_database()
            self.mail_port = self._start_sink()
            os.environ.update(self._environment(self.mail_port))
        except BaseException:
            self._stack.close()
            raise
        return self

    def __exit__(self, *trouble: object) -> None:
        self._stack.close()
        shutil.rmtree(self.mail_folder, ignore_errors=True)

    def empty_database(self) -> None:
        """Take out all tables, at the end too if they are large: they would stay on the disk.

        Raises `psycopg.errors.LockNotAvailable` if somebody still uses them.
        """
        with psycopg.connect(self.database_url, autocommit=True) as link:
            link.execute("SET lock_timeout = '10s'")
            link.execute("DROP SCHEMA public CASCADE")
            link.execute("CREATE SCHEMA public")

    def _start_sink(self) -> int:
        shutil.rmtree(self.mail_folder, ignore_errors=True)
        port = free_port()
        sink = GuardedProcess(
            [
                *(sys.executable, "-m", "booking.local.smtp_sink"),
                *("--port", str(port), "--dir", str(self.mail_folder)),
            ],
            log=self.folder / "sink.log",
            directory=REPOSITORY,
        )
        self._stack.callback(sink.stop)
        return port

    def _environment(self, sink_port: int) -> dict[str, str]:
        return {
            "DJANGO_SETTINGS_MODULE": "tests.load.bench_settings",
            "DATABASE_URL": self._servers.database_url,
            "REDIS_URL": self._servers.redis_url,
            "MAIL_URL": f"smtp://127.0.0.1:{sink_port}",
            "SECRET_KEY": "a key for measuring only, long enough to be accepted by the settings",
            "MEETING_KEYS": "YSBrZXkgZm9yIHRlc3RzIG9ubHksIG9mIDMyIGJ5dGU=",
            "ALLOWED_HOSTS": "localhost,127.0.0.1,testserver",
            "SITE_URL": "http://127.0.0.1:8000",
            "MAIL_FROM": "Briefed <training@briefed.example>",
            "MAIL_REPLY_TO": "training@briefed.example",
            "MAILBOX_DIR": "",
            # Apart from the checkout's own, which somebody may be rebuilding.
            "STATIC_ROOT": str(self.folder / "static"),
            "TRUSTED_PROXY_COUNT": "0",
            "TWO_STEP_REQUIRED": "false",
            "RATE_LIMIT_FACTOR": "100000",
            "LOG_LEVEL": "WARNING",
        }

    def prepare(self) -> None:
        """Make the tables and collect the static files, as an installation does."""
        call_command("migrate", interactive=False, verbosity=0)
        call_command("collectstatic", interactive=False, verbosity=0)
