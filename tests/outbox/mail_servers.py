"""Mail servers that misbehave, each on a real port."""

import asyncio
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from weakref import WeakSet

from aiosmtpd.smtp import SMTP, Envelope, Session
from pytest_django import Settings

from booking.local.smtp_sink import hang_up

# What the server answers to DATA for a message; the number says how often it came before.
Answer = Callable[[bytes, int], str]


@dataclass
class Misbehaving:
    """A server that answers as it is told and keeps what it was handed."""

    answer: Answer
    port: int = 0
    received: list[bytes] = field(default_factory=list)
    seen: Counter[bytes] = field(default_factory=Counter)
    # What it says to the next DATA commands instead of asking for the content.
    instead_of_content: list[str] = field(default_factory=list)
    # Called with the number of times that it was greeted, at each time.
    when_greeted: Callable[[int], None] = field(default=lambda times: None)
    greetings: int = 0

    async def handle_EHLO(
        self, server: SMTP, session: Session, envelope: Envelope, host: str, replies: list[str]
    ) -> list[str]:
        """The method's name is aiosmtpd's."""
        session.host_name = host
        self.greetings += 1
        self.when_greeted(self.greetings)
        return replies

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        """The method's name is aiosmtpd's."""
        content = envelope.content
        assert isinstance(content, bytes)
        message_id = content.split(b"Message-ID: ")[1].split(b"\r\n")[0]
        reply = self.answer(content, self.seen[message_id])
        self.seen[message_id] += 1
        if reply.startswith("250"):
            self.received.append(content)
        assert isinstance(server.transport, asyncio.Transport)
        if reply == "hang up":
            server.transport.abort()
            return "451 never read"
        if reply == "250 and hang up":
            server.transport.write(b"250 OK\r\n")
            server.transport.close()
            return "250 never read"
        return reply


class _Server(SMTP):
    """A server that may answer DATA as its handler wants."""

    async def smtp_DATA(self, arg: str) -> None:
        """The method's name is aiosmtpd's."""
        handler = self.event_handler
        if isinstance(handler, Misbehaving) and handler.instead_of_content:
            await self.push(handler.instead_of_content.pop())
        else:
            await super().smtp_DATA(arg)


@contextmanager
def mail_server(answer: Answer, settings: Settings) -> Iterator[Misbehaving]:
    """The site's mail server for as long as this lasts."""
    handler = Misbehaving(answer)
    ready, loop = threading.Event(), asyncio.new_event_loop()

    clients = WeakSet[SMTP]()

    def connection() -> Any:
        client = _Server(handler, hostname="bad.example")
        clients.add(client)
        return client

    async def serve() -> None:
        server = await loop.create_server(connection, "127.0.0.1", 0)
        handler.port = server.sockets[0].getsockname()[1]
        stopping.append(asyncio.Event())
        ready.set()
        await stopping[0].wait()
        server.close()
        hang_up(clients)
        for task in asyncio.all_tasks() - {asyncio.current_task()}:
            task.cancel()
        await asyncio.sleep(0)

    stopping: list[asyncio.Event] = []
    thread = threading.Thread(target=lambda: loop.run_until_complete(serve()), daemon=True)
    thread.start()
    ready.wait()
    use_port(handler.port, settings)
    try:
        yield handler
    finally:
        loop.call_soon_threadsafe(stopping[0].set)
        thread.join()
        loop.close()


def use_port(port: int, settings: Settings) -> None:
    """Let the site send its mail to this port."""
    smtp = settings.MAILERS["smtp"]
    options = {**smtp["OPTIONS"], "host": "127.0.0.1", "port": port, "timeout": 5}
    settings.MAILERS = {**settings.MAILERS, "smtp": {**smtp, "OPTIONS": options}}
