"""The whole site as real processes, with a proxy in front of every server that it needs."""

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Self
from urllib.parse import parse_qs, urlsplit

from booking.local.processes import GuardedProcess
from tests.faults.event_loop import EventLoopThread
from tests.faults.mail_server import MailServer
from tests.faults.proxy import Proxy
from tests.load.installation import Installation, WebServer, web_server
from tests.worker.celery_programs import celery_program

# How long programs may take to start and do the first thing, on a machine that is busy otherwise.
STARTED_WITHIN = 180.0


class Patience(Exception):
    """Something did not become so in time, or a program ended; the message has its last lines."""


@dataclass(frozen=True)
class Programs:
    """A worker and the beat that wakes it."""

    worker: GuardedProcess
    beat: GuardedProcess

    @property
    def by_name(self) -> dict[str, GuardedProcess]:
        """Each program by what it is."""
        return {"worker": self.worker, "beat": self.beat}

    @property
    def all(self) -> tuple[GuardedProcess, ...]:
        """Both."""
        return self.worker, self.beat


class Site:
    """PostgreSQL, Valkey and a mail server, each behind a proxy, and the programs that use them.

    This process talks to the servers directly, so that it sees how things are during a fault.
    """

    def __init__(self) -> None:
        self.installation = Installation(purpose="faults", durable=True)
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            stack.enter_context(self.installation)
            background = stack.enter_context(EventLoopThread())
            self.mail = stack.enter_context(MailServer(background))
            self.smtp = stack.enter_context(Proxy(background, lambda: self.mail.port))
            valkey, postgres = self.installation.valkey, self.installation.postgres
            self.redis = stack.enter_context(Proxy(background, lambda: valkey.port))
            self.database = stack.enter_context(Proxy(background, lambda: _socket(postgres.url)))
            self._stack = stack.pop_all()
        os.environ["MAIL_URL"] = f"smtp://127.0.0.1:{self.smtp.port}"
        return self

    def __exit__(self, *trouble: object) -> None:
        self._stack.close()

    @property
    def variables(self) -> dict[str, str]:
        """The environment of a program that reaches every server through its proxy."""
        return {
            **os.environ,
            "DATABASE_URL": f"postgresql://postgres@127.0.0.1:{self.database.port}/briefed",
            "REDIS_URL": f"redis://127.0.0.1:{self.redis.port}/0",
        }

    # ------------------------------------------------------------ programs

    @contextlib.contextmanager
    def worker(self, *, name: str = "one", concurrency: int = 2) -> Iterator[GuardedProcess]:
        """A worker program of so many processes."""
        folder = self.installation.folder / f"worker-{name}"
        folder.mkdir(exist_ok=True)
        arguments = ("worker", "--concurrency", str(concurrency), "--pool", "prefork", "-n", name)
        with celery_program(folder, *arguments, variables=self.variables) as program:
            yield program

    @contextlib.contextmanager
    def beat(self) -> Iterator[GuardedProcess]:
        """The one beat."""
        with celery_program(
            self.installation.folder, "beat", "--pidfile=", variables=self.variables
        ) as program:
            yield program

    @contextlib.contextmanager
    def worker_and_beat(self) -> Iterator[Programs]:
        """A worker of two processes, and the beat."""
        with self.worker() as worker, self.beat() as beat:
            yield Programs(worker, beat)

    @contextlib.contextmanager
    def web(
        self, *, processes: int = 2, application: str = "booking.site.wsgi:application"
    ) -> Iterator[WebServer]:
        """The site over HTTP, served by so many processes."""
        command = (
            *("granian", "--interface", "wsgi", "--no-ws"),
            *("--workers", str(processes), "--blocking-threads", "1"),
        )
        with web_server(
            command,
            folder=self.installation.folder,
            environment=self.variables,
            application=application,
        ) as site:
            yield site

    # ------------------------------------------------------------ PostgreSQL

    def stop_postgres(self, *, at_once: bool) -> None:
        """End every connection and stop; `at_once` without a checkpoint, as after a crash."""
        if at_once:
            pid_file = self.installation.folder / "pgdata" / "postmaster.pid"
            os.kill(int(pid_file.read_text().splitlines()[0]), signal.SIGQUIT)
        self.installation.postgres.stop()

    def start_postgres(self) -> None:
        """Start it again on the same data, unless it is up."""
        if not _socket(self.installation.postgres.url).exists():
            self.installation.postgres.start()


def _socket(database_url: str) -> Path:
    """The unix socket that the embedded PostgreSQL listens on."""
    return Path(parse_qs(urlsplit(database_url).query)["host"][0]) / ".s.PGSQL.5432"


def children(program: GuardedProcess) -> list[int]:
    """The process ids of the program's children."""
    found = subprocess.run(
        ["pgrep", "-P", str(program.pid)], capture_output=True, text=True, check=False
    )
    return [int(line) for line in found.stdout.split()]


def kill(pid: int) -> bool:
    """`kill -9`: whether there was such a process."""
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return False
    return True


def wait_until(
    is_so: Callable[[], bool], *programs: GuardedProcess, seconds: float, every: float = 0.05
) -> float:
    """Wait for something to become so; returns the seconds that it took.

    Raises `Patience` when the time is over or if a program has ended.
    """
    began = time.monotonic()
    while not is_so():
        waited = time.monotonic() - began
        ended = [program for program in programs if program.exit_code is not None]
        if ended or waited > seconds:
            last = "\n".join(line for each in ended or programs for line in each.last_lines(10))
            raise Patience(
                f"a program ended:\n{last}" if ended else f"not within {seconds:.0f} s:\n{last}"
            )
        time.sleep(every)
    return time.monotonic() - began
