"""A mail server that misbehaves on command and remembers whatever it took."""

import asyncio
import contextlib
import hashlib
import re
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum
from typing import Self

from tests.faults.event_loop import EventLoopThread

_LONGEST_LINE = 1 << 20
_MESSAGE_ID = re.compile(rb"^Message-ID: *(\S+)", re.IGNORECASE | re.MULTILINE)


class Manner(Enum):
    """What comes after the content of a mail."""

    ACCEPTING = "250"
    REFUSING_FOR_NOW = "451"
    REFUSING_FOR_GOOD = "550"
    CLOSING = "421, and the connection is closed"
    HANGING = "no answer"
    DROPPING_BEFORE_REPLY = "the mail is taken, and the connection dropped without an answer"
    DROPPING_AFTER_REPLY = "250, and the connection is dropped"


_REPLIES = {
    Manner.ACCEPTING: b"250 2.0.0 OK\r\n",
    Manner.DROPPING_AFTER_REPLY: b"250 2.0.0 OK\r\n",
    Manner.REFUSING_FOR_NOW: b"451 4.3.0 Try again later\r\n",
    Manner.REFUSING_FOR_GOOD: b"550 5.7.1 Not here\r\n",
    Manner.CLOSING: b"421 4.3.2 Closing\r\n",
}
_TAKING = (Manner.ACCEPTING, Manner.DROPPING_BEFORE_REPLY, Manner.DROPPING_AFTER_REPLY)


@dataclass(frozen=True)
class TakenMail:
    """One mail that the server has taken upon itself to deliver; `at` is monotonic seconds."""

    at: float
    recipient: str
    message_id: str
    digest: str
    content: bytes


@dataclass
class MailServer:
    """A mail server on one port, up for as long as the context lasts.

    `manner` holds for every mail from now on. `before_reply` and `after_reply` are called on the
    server's thread about every mail: they may kill whoever waits for the answer. `pause` is how
    many seconds it takes over every answer.
    """

    background: EventLoopThread
    manner: Manner = Manner.ACCEPTING
    pause: float = 0.0
    before_reply: Callable[[], None] | None = None
    after_reply: Callable[[], None] | None = None
    taken: list[TakenMail] = field(default_factory=list)
    # How often the content of each mail arrived, whatever the answer.
    handed_over: Counter[str] = field(default_factory=Counter)
    port: int = 0

    def forget(self) -> None:
        """Begin anew: an accepting server that has seen nothing."""
        self.manner, self.pause = Manner.ACCEPTING, 0.0
        self.before_reply = self.after_reply = None
        self.taken.clear()
        self.handed_over.clear()

    async def _serve(self) -> asyncio.Server:
        server = await asyncio.start_server(
            self._connection, "127.0.0.1", 0, limit=_LONGEST_LINE, backlog=128
        )
        self.port = server.sockets[0].getsockname()[1]
        return server

    async def _connection(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            await self._talk(reader, writer)
        writer.transport.abort()

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        recipient = ""
        await self._reply(writer, b"220 faulty.example ESMTP\r\n")
        while line := await reader.readline():
            verb = line[:4].upper()
            if verb == b"RCPT":
                recipient = line.split(b"<", 1)[1].split(b">", 1)[0].decode()
            if verb == b"DATA":
                await self._reply(writer, b"354 Go on\r\n")
                content = await reader.readuntil(b"\r\n.\r\n")
                if not await self._settle(reader, writer, recipient, _unstuffed(content)):
                    return
                continue
            await self._reply(writer, b"221 Bye\r\n" if verb == b"QUIT" else b"250 OK\r\n")
            if verb == b"QUIT":
                return

    async def _reply(self, writer: asyncio.StreamWriter, reply: bytes) -> None:
        if self.pause:
            await asyncio.sleep(self.pause)
        writer.write(reply)
        await writer.drain()

    async def _settle(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        recipient: str,
        content: bytes,
    ) -> bool:
        """Take the mail or not, as the manner says; false if the connection is to be closed."""
        manner = self.manner
        found = _MESSAGE_ID.search(content)
        message_id = found[1].decode() if found else ""
        self.handed_over[message_id] += 1
        if self.before_reply is not None:
            self.before_reply()
            # Whoever was killed has hung up. A mail is taken only with the answer.
            await asyncio.sleep(0.02)
            if reader.at_eof():
                return False
        if manner in _TAKING:
            digest = hashlib.sha256(content).hexdigest()
            self.taken.append(TakenMail(time.monotonic(), recipient, message_id, digest, content))
        if manner is Manner.HANGING:
            while self.manner is Manner.HANGING:
                await asyncio.sleep(0.1)
            return False
        if manner is not Manner.DROPPING_BEFORE_REPLY:
            await self._reply(writer, _REPLIES[manner])
        if self.after_reply is not None:
            self.after_reply()
        return manner in (Manner.ACCEPTING, Manner.REFUSING_FOR_NOW, Manner.REFUSING_FOR_GOOD)

    def __enter__(self) -> Self:
        self._server = self.background.do(self._serve())
        return self

    def __exit__(self, *trouble: object) -> None:
        self._server.close()


def _unstuffed(content: bytes) -> bytes:
    """The mail without the final dot and the dots that were put before others (RFC 5321, 4.5.2)."""
    return content[:-3].replace(b"\r\n..", b"\r\n.")
