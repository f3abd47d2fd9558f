"""A client that costs little: many keep-alive connections of HTTP/1.1 in one thread.

It shares two processors with the servers it measures, so it does no more than send bytes, find
the end of an answer and read the clock.
"""

import contextlib
import gc
import heapq
import itertools
import re
import selectors
import socket
import time
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from urllib.parse import urlencode

_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_CHUNKED = re.compile(rb"\r\ntransfer-encoding: *chunked", re.IGNORECASE)
_LOCATION = re.compile(rb"\r\nlocation: *([^\r]*)", re.IGNORECASE)
_STATEMENTS = re.compile(rb"\r\nx-statements: *(\d+)", re.IGNORECASE)
_CLOSES = re.compile(rb"\r\nconnection: *close", re.IGNORECASE)
_END_OF_HEAD = b"\r\n\r\n"
_PATIENCE_SECONDS = 60.0
_AT_ONCE = 20


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer: `seconds` from the first byte sent to the last byte received.

    Where scripts arrive by a timetable the seconds count from when the request was due, and
    `statements` is what the server says it asked of the database, if it says so.
    """

    status: int
    location: str
    body: bytes
    seconds: float
    statements: int | None = None


@dataclass(frozen=True, slots=True)
class Later:
    """A request that is sent so many seconds after the answer before it."""

    seconds: float
    request: bytes


# What one client does: it yields a request and is sent the answer, until it returns. Only scripts
# that arrive by a timetable may put a request off.
Script = Generator[bytes | Later, Answer]


def get(path: str, *, cookies: Mapping[str, str] | None = None, headers: str = "") -> bytes:
    """A GET request as bytes. `headers` are whole lines, each ended with CRLF."""
    return f"GET {path} HTTP/1.1\r\n{_common(cookies or {})}{headers}\r\n".encode()


def post(path: str, form: Mapping[str, str], *, cookies: Mapping[str, str]) -> bytes:
    """A form sent by POST, as bytes."""
    body = urlencode(form)
    return (
        f"POST {path} HTTP/1.1\r\n{_common(cookies)}"
        "Content-Type: application/x-www-form-urlencoded\r\n"
        f"Content-Length: {len(body)}\r\n\r\n{body}"
    ).encode()


def _common(cookies: Mapping[str, str]) -> str:
    lines = "Host: 127.0.0.1\r\nAccept: text/html\r\n"
    if cookies:
        jar = "; ".join(f"{name}={value}" for name, value in cookies.items())
        lines += f"Cookie: {jar}\r\n"
    return lines


def run(port: int, scripts: Iterable[Script]) -> float:
    """Play all scripts at once, each on a connection of its own, until they have ended.

    Returns the seconds from the first request to the last answer. Raises `TimeoutError` if
    nothing is answered for a minute, `ConnectionError` if an answer breaks off.
    """
    with selectors.DefaultSelector() as selector:
        clients = [_Client(port, script, selector) for script in scripts]
        try:
            for client in clients:
                client.connect()
            began = time.perf_counter()
            for client in clients:
                client.begin()
            while selector.get_map():
                ready = selector.select(_PATIENCE_SECONDS)
                if not ready:
                    raise TimeoutError("The server has not answered for a minute.")
                for key, _ in ready:
                    key.data.receive()
            return time.perf_counter() - began
        finally:
            for client in clients:
                client.disconnect()


def run_arrivals(port: int, arrivals: Iterable[tuple[float, Script]]) -> float:
    """Begin each script at its moment, in seconds from now, whatever is still unanswered.

    The moments rise. The next arrival is asked for only when the one before has begun, so that
    whoever gives them may stop. Returns by how many seconds the latest request left after it was
    due: this client's own delay, which counts as the server's. Raises as `run`.
    """
    with selectors.DefaultSelector() as selector:
        timetable = _Timetable()
        clients: set[_Client] = set()
        coming: Iterator[tuple[float, Script]] = iter(arrivals)

        def arrive(client: _Client, due: float) -> None:
            clients.add(client)
            client.connect()
            client.begin(due)
            put_next()

        def put_next() -> None:
            if (arrival := next(coming, None)) is not None:
                moment, script = arrival
                client = _Client(port, script, selector, timetable=timetable, ended=clients.discard)
                timetable.put(began + moment, partial(arrive, client))

        # Going through what this process holds would keep everybody's requests back.
        gc.disable()
        began = time.perf_counter()
        put_next()
        try:
            while (wait := timetable.work_off()) is not None or selector.get_map():
                ready = selector.select(_PATIENCE_SECONDS if wait is None else wait)
                if not ready and wait is None:
                    raise TimeoutError("The server has not answered for a minute.")
                for key, _ in ready:
                    key.data.receive()
        finally:
            gc.enable()
            for client in clients:
                client.disconnect()
        return timetable.latest


class _Timetable:
    """What is to be done when, by the clock `time.perf_counter`."""

    def __init__(self) -> None:
        self._entries: list[tuple[float, int, Callable[[float], None]]] = []
        self._numbers = itertools.count()
        self.latest = 0.0

    def put(self, due: float, act: Callable[[float], None]) -> None:
        """Have `act` called with `due` as soon as that moment has come."""
        heapq.heappush(self._entries, (due, next(self._numbers), act))

    def work_off(self) -> float | None:
        """Do what is due; the seconds until the next entry, None if there is no more.

        Only some at once: who comes late with all that is due must still hear answers.
        """
        for _ in range(_AT_ONCE):
            if not self._entries:
                return None
            due = self._entries[0][0]
            wait = due - time.perf_counter()
            if wait > 0:
                return wait
            self.latest = max(self.latest, -wait)
            heapq.heappop(self._entries)[2](due)
        return 0.0


class _Client:
    """One script and its connection."""

    def __init__(
        self,
        port: int,
        script: Script,
        selector: selectors.BaseSelector,
        *,
        timetable: _Timetable | None = None,
        ended: Callable[["_Client"], None] | None = None,
    ) -> None:
        self._port = port
        self._script = script
        self._selector = selector
        self._timetable = timetable
        self._ended = ended
        self._link: socket.socket | None = None
        self._received = bytearray()
        self._sent_at = 0.0
        # What waits for its answer, and how many the open connection has brought.
        self._request, self._answers = b"", 0

    def connect(self) -> socket.socket:
        """Open the connection, unless it is open."""
        if self._link is None:
            self._link = socket.create_connection(("127.0.0.1", self._port))
            self._link.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._link.setblocking(False)
            self._selector.register(self._link, selectors.EVENT_READ, self)
        return self._link

    def disconnect(self) -> None:
        """Close the connection, if it is open."""
        if self._link is not None:
            self._selector.unregister(self._link)
            self._link.close()
            self._link, self._answers = None, 0

    def begin(self, due: float | None = None) -> None:
        """Send the script's first request, which was due at that moment or is due now."""
        self._go_on(lambda: next(self._script), due)

    def receive(self) -> None:
        """Take what has come; once the answer is whole, go on with the script."""
        link = self.connect()
        try:
            chunk = link.recv(1 << 18)
        except ConnectionResetError:
            chunk = b""
        asked = self._request
        if not (chunk or self._received or asked.startswith(b"POST ")) and self._answers:
            # A server closes a connection on which nothing is asked for long, perhaps just as
            # something is. Then a browser asks for a page on another one (RFC 9110, 9.2.2).
            self.disconnect()
            if asked:
                self._send(asked, self._sent_at)
            return
        self._received += chunk
        whole = self._whole_answer(ended=not chunk)
        if whole is None:
            return
        answer, closes = whole
        self._received.clear()
        self._request, self._answers = b"", self._answers + 1
        if closes:
            self.disconnect()
        self._go_on(lambda: self._script.send(answer))

    def _go_on(self, step: Callable[[], bytes | Later], due: float | None = None) -> None:
        """Send what the script asks for next, now or later; hang up if it asks for no more."""
        try:
            asked = step()
        except StopIteration:
            self.disconnect()
            if self._ended is not None:
                self._ended(self)
            return
        if isinstance(asked, bytes):
            self._send(asked, time.perf_counter() if due is None else due)
            return
        assert self._timetable is not None, "only scripts that arrive by a timetable put off"
        request = asked.request
        moment = time.perf_counter() if due is None else due
        self._timetable.put(moment + asked.seconds, lambda due: self._send(request, due))

    def _send(self, request: bytes, due: float) -> None:
        link = self.connect()
        self._sent_at, self._request = due, request
        # What is sent to somebody who has hung up is noticed when the answer is read.
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            link.sendall(request)

    def _whole_answer(self, *, ended: bool) -> tuple[Answer, bool] | None:
        """The answer and whether the server closes the connection; None while it is incomplete."""
        end_of_head = self._received.find(_END_OF_HEAD)
        if end_of_head < 0:
            if ended:
                raise ConnectionError("The server closed the connection without an answer.")
            return None
        head = bytes(self._received[:end_of_head])
        start = end_of_head + len(_END_OF_HEAD)
        length = _LENGTH.search(head)
        if length is not None:
            complete = len(self._received) - start >= int(length[1])
        elif _CHUNKED.search(head):
            complete = self._received.endswith(b"0\r\n\r\n")
        else:
            complete = ended
        if not complete:
            if ended:
                raise ConnectionError("The server closed the connection within an answer.")
            return None
        location = _LOCATION.search(head)
        statements = _STATEMENTS.search(head)
        answer = Answer(
            status=int(head[9:12]),
            location=location[1].decode() if location else "",
            body=bytes(self._received[start:]),
            seconds=time.perf_counter() - self._sent_at,
            statements=int(statements[1]) if statements else None,
        )
        return answer, ended or _CLOSES.search(head) is not None
