"""A mail server that delivers nothing: every mail becomes a file in a folder.

    python -m booking.local.smtp_sink --port 2525 --dir .local/demo/mail

A file's name begins with the time it came, so names sort by age. Who the mail was handed over for
stands in two header lines put on top, `X-Envelope-From` and `X-Envelope-To`.
"""

import argparse
import asyncio
import contextlib
import itertools
import signal
import threading
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from email import message_from_bytes, policy
from email.message import EmailMessage
from functools import cached_property
from pathlib import Path
from typing import Any, Self
from weakref import WeakSet

from aiosmtpd.smtp import SMTP, Envelope, Session

from booking.local.processes import stopped_by_signals


@dataclass(frozen=True)
class StoredMail:
    """One mail as it was handed over."""

    path: Path

    @cached_property
    def message(self) -> EmailMessage:
        """The mail itself, parsed."""
        parsed = message_from_bytes(self.path.read_bytes(), policy=policy.default)
        assert isinstance(parsed, EmailMessage)  # noqa: S101 - policy.default says so
        return parsed

    @property
    def sender(self) -> str:
        """The address that the envelope gave as sender."""
        return str(self.message["X-Envelope-From"] or "")

    @property
    def recipients(self) -> list[str]:
        """The addresses that the envelope named; Bcc is seen only here."""
        return str(self.message["X-Envelope-To"] or "").split(", ")


class _Store:
    """Writes what aiosmtpd hands over; the methods' names are its."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._numbers = itertools.count()
        directory.mkdir(parents=True, exist_ok=True)

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        """Store one mail; the reply is the one the sender waits for."""
        name = f"{time.time_ns():020d}-{next(self._numbers) % 1_000_000:06d}.eml"
        content = envelope.content
        text = content.encode() if isinstance(content, str) else content or b""
        envelope_lines = (
            f"X-Envelope-From: {envelope.mail_from or ''}\r\n"
            f"X-Envelope-To: {', '.join(envelope.rcpt_tos)}\r\n"
        )
        # Written under another name first, so that a reader never meets half a mail.
        unfinished = self._directory / f".{name}"
        unfinished.write_bytes(envelope_lines.encode() + text)
        unfinished.rename(self._directory / name)
        return "250 OK"


class SmtpSink:
    """A sink in a thread of this process, up for as long as the context lasts.

    `port=0` takes a free port; `port` then says which.
    """

    def __init__(self, directory: Path, *, port: int = 0, host: str = "127.0.0.1") -> None:
        self.directory = directory
        self.port = port
        self._host = host
        self._stopping = contextlib.ExitStack()

    @property
    def url(self) -> str:
        """What `MAIL_URL` must say to send here."""
        return f"smtp://{self._host}:{self.port}"

    def start(self) -> None:
        """Listen. Raises `OSError` if the port is taken."""
        loop = asyncio.new_event_loop()
        thread = threading.Thread(target=loop.run_forever, name="smtp sink", daemon=True)
        thread.start()
        with contextlib.ExitStack() as stopping:
            stopping.callback(loop.close)
            stopping.callback(thread.join)
            stopping.callback(loop.call_soon_threadsafe, loop.stop)
            listening = _listen(self.directory, host=self._host, port=self.port)
            server, clients = asyncio.run_coroutine_threadsafe(listening, loop).result()
            stopping.callback(
                lambda: asyncio.run_coroutine_threadsafe(_close(server, clients), loop).result()
            )
            self.port = server.sockets[0].getsockname()[1]
            self._stopping = stopping.pop_all()

    def stop(self) -> None:
        """Stop listening and end open connections; the mails stay."""
        self._stopping.close()

    def messages(self) -> list[StoredMail]:
        """Every stored mail, oldest first."""
        return [StoredMail(path) for path in sorted(self.directory.glob("[0-9]*.eml"))]

    def clear(self) -> None:
        """Forget every stored mail."""
        for path in self.directory.glob("[0-9]*.eml"):
            path.unlink(missing_ok=True)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *trouble: object) -> None:
        self.stop()


async def _listen(directory: Path, *, host: str, port: int) -> tuple[asyncio.Server, WeakSet[SMTP]]:
    """Start a sink on the running event loop; with the server come its connections."""
    store = _Store(directory)
    clients = WeakSet[SMTP]()

    def connection() -> Any:
        client = SMTP(store, hostname="sink.example", enable_SMTPUTF8=True)
        clients.add(client)
        return client

    return await asyncio.get_running_loop().create_server(connection, host, port), clients


def hang_up(clients: Iterable[SMTP]) -> None:
    """Close every connection that is open. asyncio's servers can do so only from Python 3.13 on."""
    for client in list(clients):
        if client.transport is not None:
            client.transport.close()


async def _close(server: asyncio.Server, clients: Iterable[SMTP]) -> None:
    """Stop listening and wait until every open connection has been taken down."""
    # Connections that the system has already accepted come first: asyncio drops one that it is
    # still setting up when the server closes, and leaves its socket open.
    await asyncio.sleep(0.02)
    server.close()
    for _ in range(100):
        hang_up(clients)
        await asyncio.sleep(0.005)
        if asyncio.all_tasks() == {asyncio.current_task()}:
            return


def main(arguments: Sequence[str] | None = None) -> None:
    """Serve until SIGINT or SIGTERM."""
    parser = argparse.ArgumentParser(description="A mail server that stores and never delivers.")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--dir", type=Path, required=True)
    chosen = parser.parse_args(arguments)
    with (
        contextlib.suppress(KeyboardInterrupt),
        stopped_by_signals(),
        SmtpSink(chosen.dir, port=chosen.port),
    ):
        print(f"Mail server on port {chosen.port}, storing in {chosen.dir}", flush=True)
        signal.pause()


if __name__ == "__main__":
    main()
