"""The whole site on this machine, with sample people and a mailbox that shows every mail.

    python -m booking.local.demo [--port 8000] [--folder .local/demo]

Everything it keeps is in that folder: remove it to begin anew.
"""

import argparse
import contextlib
import hashlib
import os
import secrets
import shutil
import sys
import time
import urllib.request
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from cryptography.fernet import Fernet

from booking.local import MAIL_ADDRESS, PARTNERSHIP, SIGN_IN_AS
from booking.local.processes import (
    FolderInUse,
    GuardedProcess,
    ServersRefused,
    lock_folder,
    port_in_use,
    stopped_by_signals,
)
from booking.local.servers import LOCAL, REPOSITORY, EmbeddedServers
from booking.local.smtp_sink import SmtpSink

_READY_SECONDS = 60.0
_LINES_SHOWN = 15


class DemoStopped(Exception):
    """The demo cannot start or go on; the message says why, in one sentence or with a log."""


@dataclass
class Demo:
    """One demo: where it keeps things, what it listens on and the programs it has started."""

    port: int
    host: str = "127.0.0.1"
    folder: Path = LOCAL / "demo"
    programs: dict[str, GuardedProcess] = field(default_factory=dict)

    @property
    def address(self) -> str:
        """The address to open in a browser."""
        return f"http://localhost:{self.port}"

    def run(self) -> None:
        """Start everything, say how to use it, and watch it until a program dies.

        Raises `DemoStopped` if something does not start or ends, `KeyboardInterrupt` when stopped.
        """
        if port_in_use(self.port):
            raise DemoStopped(
                f"Port {self.port} is already in use: stop what uses it, "
                f"or choose another with `make demo PORT={self.port + 1}`."
            )
        try:
            lock = lock_folder(self.folder)
        except FolderInUse as refusal:
            raise DemoStopped(
                "A demo already runs in this checkout: use that one, or stop it first."
            ) from refusal
        if "DATABASE_URL" not in os.environ and begin_anew_if_outdated(self.folder):
            print("The demo’s database is of an earlier version of Briefed, so it is made anew.")
        with (
            lock,
            EmbeddedServers(self.folder / "servers") as servers,
            SmtpSink(self.folder / "mail") as sink,
            contextlib.closing(self),
        ):
            environment = self._environment(servers, sink)
            self._prepare(environment)
            self._start_programs(environment)
            self._wait_until_ready()
            self._welcome()
            self._watch()

    def close(self) -> None:
        """Stop every program that was started, all at once, and wait for them."""
        for program in self.programs.values():
            program.ask_to_stop()
        for program in self.programs.values():
            program.stop(seconds=10)
        self.programs.clear()

    def _environment(self, servers: EmbeddedServers, sink: SmtpSink) -> dict[str, str]:
        return {
            **os.environ,
            "SECRET_KEY": self._kept("secret_key", secrets.token_urlsafe(48)),
            "MEETING_KEYS": self._kept("meeting_keys", Fernet.generate_key().decode()),
            "ALLOWED_HOSTS": "localhost,127.0.0.1",
            "SITE_URL": self.address,
            "DATABASE_URL": servers.database_url,
            "REDIS_URL": servers.redis_url,
            "MAIL_URL": sink.url,
            "MAIL_FROM": f"{PARTNERSHIP} <{MAIL_ADDRESS}>",
            "MAIL_REPLY_TO": MAIL_ADDRESS,
            "MAILBOX_DIR": str(sink.directory),
            "STATIC_ROOT": str(self.folder / "static"),
            "FILES_ROOT": str(self.folder / "files"),
            "TWO_STEP_REQUIRED": "false",
            "TRUSTED_PROXY_COUNT": "0",
        }

    def _kept(self, name: str, new: str) -> str:
        """A secret, kept so that people stay signed in when the demo is started again."""
        kept = self.folder / name
        if not kept.exists():
            kept.touch(mode=0o600)
            kept.write_text(new)
        return kept.read_text()

    def _prepare(self, environment: Mapping[str, str]) -> None:
        steps = {
            "the database": ["migrate", "--noinput"],
            "the static files": ["collectstatic", "--noinput"],
            "the sample programme": ["load_sample"],
        }
        for what, command in steps.items():
            print(f"Preparing {what} ...", flush=True)
            step = self._start(command[0], ["manage.py", *command], environment)
            if code := step.wait():
                raise DemoStopped(self._story(command[0], step, code))
            del self.programs[command[0]]
            if command[0] == "migrate" and "DATABASE_URL" not in os.environ:
                remember_migrations(self.folder)

    def _start_programs(self, environment: Mapping[str, str]) -> None:
        celery = ("-m", "celery", "-A", "worker.celery")
        programs = {
            "web": [
                *("-m", "granian", "--interface", "wsgi", "--workers", "2", "--no-ws"),
                # Threads of one process would only wait for each other: see `make bench`.
                *("--blocking-threads", "1"),
                *("--host", self.host, "--port", str(self.port), "booking.site.wsgi:application"),
            ],
            "worker": [*celery, "worker", "--concurrency", "2", "--loglevel", "INFO"],
            "beat": [*celery, "beat", "--pidfile=", "--loglevel", "INFO"],
        }
        for name, arguments in programs.items():
            self._start(name, arguments, environment)

    def _start(
        self, name: str, arguments: Sequence[str], environment: Mapping[str, str]
    ) -> GuardedProcess:
        logs = self.folder / "logs"
        logs.mkdir(exist_ok=True)
        log = logs / f"{name}.log"
        log.write_bytes(b"")
        program = GuardedProcess(
            [sys.executable, *arguments], log=log, environment=environment, directory=REPOSITORY
        )
        self.programs[name] = program
        return program

    def _wait_until_ready(self) -> None:
        deadline = time.monotonic() + _READY_SECONDS
        while time.monotonic() < deadline:
            self._check_programs()
            with (
                contextlib.suppress(OSError),
                urllib.request.urlopen(f"{self.address}/readyz", timeout=5),  # noqa: S310
            ):
                return
            time.sleep(0.1)
        raise DemoStopped(
            f"{self.address}/readyz does not answer after {_READY_SECONDS:.0f} seconds: "
            f"see {self.folder / 'logs'}."
        )

    def _welcome(self) -> None:
        addresses = "\n".join(f"  {role:12}  {address}" for role, address in SIGN_IN_AS.items())
        print(
            f"""
Briefed is ready.

  The site     {self.address}/
  The mailbox  {self.address}/mailbox/

Sign in with one of these addresses, then read the code in the mailbox:

{addresses}

Logs are in {os.path.relpath(self.folder / "logs")}. Press Ctrl-C to stop.
""",
            flush=True,
        )

    def _watch(self) -> None:
        while True:
            self._check_programs()
            time.sleep(0.5)

    def _check_programs(self) -> None:
        for name, program in self.programs.items():
            if (code := program.exit_code) is not None:
                raise DemoStopped(self._story(name, program, code))

    def _story(self, name: str, program: GuardedProcess, code: int) -> str:
        lines = [f"  {line}" for line in program.last_lines(_LINES_SHOWN)]
        return "\n".join([f"{name} ended with exit code {code}; its log ends with:", *lines])


def begin_anew_if_outdated(folder: Path) -> bool:
    """Remove a demo's database and mail if migrations have been changed or removed since.

    Whoever only adds migrations keeps what the demo holds. Returns whether it was removed.
    """
    if not (folder / "servers").exists():
        return False
    kept = folder / "migrations"
    applied = set(kept.read_text().splitlines()) if kept.exists() else set()
    if applied and applied <= _migrations():
        return False
    for part in ("servers", "mail"):
        shutil.rmtree(folder / part, ignore_errors=True)
    return True


def remember_migrations(folder: Path) -> None:
    """Note the migrations that the demo's database has had."""
    (folder / "migrations").write_text("\n".join(sorted(_migrations())))


def _migrations() -> set[str]:
    """Each migration of the project, with a digest of what it says."""
    files = [*REPOSITORY.glob("accounts/migrations/0*.py")]
    files += REPOSITORY.glob("booking/migrations/0*.py")
    return {
        f"{file.parent.parent.name} {file.stem} {hashlib.sha256(file.read_bytes()).hexdigest()}"
        for file in files
    }


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the demo until it is stopped: 0 then, and 1 if it cannot start or go on."""
    parser = argparse.ArgumentParser(description="Run Briefed on this machine with sample people.")
    parser.add_argument("--port", type=int, default=8000)
    parser.add_argument("--host", default="127.0.0.1", help="the address to listen on")
    parser.add_argument(
        "--folder", type=Path, default=LOCAL / "demo", help="where the demo keeps everything"
    )
    chosen = parser.parse_args(arguments)
    try:
        with stopped_by_signals():
            Demo(port=chosen.port, host=chosen.host, folder=chosen.folder.resolve()).run()
    except KeyboardInterrupt:
        print("\nStopped.", flush=True)
        return 0
    except (DemoStopped, ServersRefused) as refusal:
        print(refusal, file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
