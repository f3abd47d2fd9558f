"""A TCP proxy that can be told to misbehave: refuse, swallow, delay or cut connections."""

import asyncio
import contextlib
from collections.abc import Callable
from enum import Enum
from pathlib import Path
from typing import Self

from tests.faults.event_loop import EventLoopThread

_CHUNK = 1 << 16

# Where the real server listens: a TCP port of this machine, or a unix socket.
Upstream = Callable[[], int | Path]


class Line(Enum):
    """How the line behaves."""

    OPEN = "what is sent arrives"
    REFUSING = "new connections are reset at once"
    SWALLOWING = "connections stay up and nothing that is sent arrives, as behind a firewall"


class Proxy:
    """Stands between a program and a server, up for as long as the context lasts.

    `upstream` is asked at every connection, so the server may move when it is restarted.
    `delay` is in seconds and applies to every piece that passes, in both directions.
    """

    def __init__(self, background: EventLoopThread, upstream: Upstream) -> None:
        self._background = background
        self._upstream = upstream
        self._writers: set[asyncio.StreamWriter] = set()
        self._line = Line.OPEN
        self._is_open = asyncio.Event()
        self._is_open.set()
        self.delay = 0.0
        self.port = 0

    @property
    def line(self) -> Line:
        """How the line behaves at the moment."""
        return self._line

    @line.setter
    def line(self, line: Line) -> None:
        self._background.do(self._set_line(line))

    async def _set_line(self, line: Line) -> None:
        self._line = line
        if line is Line.SWALLOWING:
            self._is_open.clear()
        else:
            self._is_open.set()

    def cut(self) -> None:
        """Reset every connection there is."""
        self._background.do(self._cut())

    async def _cut(self) -> None:
        for writer in list(self._writers):
            writer.transport.abort()

    async def _serve(self) -> asyncio.Server:
        server = await asyncio.start_server(self._connection, "127.0.0.1", 0, backlog=1024)
        self.port = server.sockets[0].getsockname()[1]
        return server

    async def _connection(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.add(writer)
        beyond: asyncio.StreamWriter | None = None
        try:
            if self._line is Line.REFUSING:
                return
            await self._is_open.wait()
            upstream = self._upstream()
            if isinstance(upstream, Path):
                far, beyond = await asyncio.open_unix_connection(upstream)
            else:
                far, beyond = await asyncio.open_connection("127.0.0.1", upstream)
            self._writers.add(beyond)
            directions = [
                asyncio.create_task(self._pass(reader, beyond)),
                asyncio.create_task(self._pass(far, writer)),
            ]
            try:
                await asyncio.wait(directions, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for each in directions:
                    each.cancel()
                await asyncio.gather(*directions, return_exceptions=True)
        except OSError:
            pass  # The server is not there; whoever asked sees a connection that is reset.
        finally:
            for each_writer in (writer, beyond):
                if each_writer is not None:
                    self._writers.discard(each_writer)
                    each_writer.transport.abort()

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while chunk := await reader.read(_CHUNK):
                await self._is_open.wait()
                if self.delay:
                    await asyncio.sleep(self.delay)
                writer.write(chunk)
                await writer.drain()

    def __enter__(self) -> Self:
        self._server = self._background.do(self._serve())
        return self

    def __exit__(self, *trouble: object) -> None:
        self._server.close()
        self.cut()
