"""Programs that the demo and the tests start, and that never outlive them."""

import contextlib
import fcntl
import os
import pwd
import signal
import socket
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO, Any


class ServersRefused(Exception):
    """The servers cannot be started; the message is one sentence for the person who asked."""


class FolderInUse(Exception):
    """Another process holds the folder; the message is one sentence."""


class GuardedProcess:
    """A program that ends when this process ends, however this one ends.

    What it prints goes to the end of `log`. It has a session of its own: Ctrl-C in a terminal goes
    to a whole process group, and a server must stay up until those who use it have finished.
    """

    def __init__(
        self,
        command: Sequence[str],
        *,
        log: Path,
        environment: Mapping[str, str] | None = None,
        directory: Path | None = None,
        user: str | None = None,
    ) -> None:
        self.log = log
        self._owner = os.getpid()
        with log.open("ab") as output:
            self._program = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                env=environment,
                cwd=directory,
                start_new_session=True,
                **as_user(user),
            )
        # The pipe closes when this process ends, even by SIGKILL; then the shell stops the program.
        self._guard = subprocess.Popen(
            ["/bin/sh", "-c", 'cat >/dev/null; kill -INT "$1"', "sh", str(self._program.pid)],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )

    @property
    def pid(self) -> int:
        """The program's process id, which is also the id of its process group."""
        return self._program.pid

    @property
    def exit_code(self) -> int | None:
        """The program's exit code, or None while it runs."""
        return self._program.poll()

    def wait(self) -> int:
        """Wait until the program has ended by itself; its exit code."""
        code = self._program.wait()
        self.stop()
        return code

    def ask_to_stop(self) -> None:
        """Tell the program to stop, and do not wait for it."""
        if os.getpid() == self._owner and self._program.poll() is None:
            self._program.send_signal(signal.SIGINT)

    def stop(self, *, seconds: float = 20) -> None:
        """Stop the program and wait until it has gone; after `seconds`, kill it and its children.

        In a forked copy of the process that started it, this does nothing.
        """
        if os.getpid() != self._owner:
            return
        self.ask_to_stop()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._program.wait(seconds)
        # Also when it ended: a program that crashed may have left children in its group.
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._program.pid, signal.SIGKILL)
        self._program.wait()
        self._guard.kill()
        self._guard.wait()
        if self._guard.stdin:
            self._guard.stdin.close()

    def last_lines(self, count: int) -> list[str]:
        """The last lines that the log holds, empty ones left out."""
        lines = self.log.read_text(errors="replace").splitlines()
        return [line.rstrip() for line in lines if line.strip()][-count:]


def as_user(user: str | None) -> dict[str, Any]:
    """What `subprocess` needs to run a program as this user, or as the one who asks.

    With the group of that user alone: keeping root's would keep some of its rights.
    """
    if user is None:
        return {}
    return {"user": user, "group": pwd.getpwnam(user).pw_gid, "extra_groups": []}


def lock_folder(directory: Path) -> IO[str]:
    """Hold `directory` until the returned file is closed or this process ends.

    Raises `FolderInUse` if another process holds it.
    """
    directory.mkdir(parents=True, exist_ok=True)
    lock = (directory / "lock").open("a")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as refusal:
        lock.close()
        raise FolderInUse(f"Another process already uses {directory}: stop it first.") from refusal
    return lock


def free_port() -> int:
    """A TCP port on 127.0.0.1 that nothing listens on at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def port_in_use(port: int) -> bool:
    """Whether a server already listens on this TCP port of this machine."""
    # Asked in two ways: a listener on ::1 only would still take what is sent to "localhost".
    with contextlib.suppress(OSError), socket.create_connection(("localhost", port), timeout=1):
        return True
    with socket.socket() as probe:
        # As servers do, so that the remains of closed connections do not count.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return True
    return False


@contextlib.contextmanager
def stopped_by_signals() -> Iterator[None]:
    """While this lasts, SIGTERM and SIGHUP end the process as Ctrl-C does: as KeyboardInterrupt.

    Only the first signal counts: clearing up is not interrupted.
    """
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

    def interrupt(number: int, frame: object) -> None:
        for each in numbers:
            signal.signal(each, signal.SIG_IGN)
        raise KeyboardInterrupt

    before = {number: signal.signal(number, interrupt) for number in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
