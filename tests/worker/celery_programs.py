"""A real Celery worker and a real beat against the test's database, Valkey and mail server."""

import os
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

from django.db import connection

from booking.local.processes import GuardedProcess
from booking.local.servers import REPOSITORY


def environment() -> dict[str, str]:
    """This process's environment, with the database that the test itself uses."""
    name = connection.settings_dict["NAME"]
    url = urlsplit(os.environ["DATABASE_URL"])._replace(path=f"/{name}")
    return {**os.environ, "DATABASE_URL": urlunsplit(url)}


@contextmanager
def celery_program(
    folder: Path, *arguments: str, variables: Mapping[str, str] | None = None
) -> Iterator[GuardedProcess]:
    """`celery -A worker.celery ARGUMENTS`, stopped at the end.

    `variables` is its environment, if not one with the database that the test uses.
    """
    program = GuardedProcess(
        [sys.executable, "-m", "celery", "-A", "worker.celery", *arguments],
        log=folder / f"{arguments[0]}.log",
        environment=environment() if variables is None else variables,
        directory=REPOSITORY,
    )
    try:
        yield program
    finally:
        program.stop(seconds=15)


@contextmanager
def worker_and_beat(folder: Path) -> Iterator[tuple[GuardedProcess, GuardedProcess]]:
    """One worker with two processes, and the beat that wakes it."""
    with (
        celery_program(folder, "worker", "--concurrency", "2", "--pool", "prefork") as worker,
        celery_program(folder, "beat", "--pidfile=") as beat,
    ):
        yield worker, beat


def wait_until(condition: Callable[[], bool], *programs: GuardedProcess, seconds: float) -> None:
    """Wait for something to become so; fails at once if a program ends meanwhile."""
    deadline = time.monotonic() + seconds
    while not condition():
        for program in programs:
            assert program.exit_code is None, "\n".join(program.last_lines(30))
        assert time.monotonic() < deadline, "\n".join(
            line for program in programs for line in program.last_lines(30)
        )
        time.sleep(0.1)
