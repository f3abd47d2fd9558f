"""A client that costs little: many keep-alive connections of HTTP/1.1 in one thread.

It shares two processors with the servers it measures, so it does no more than send bytes, find
the end of an answer and read the clock.
"""

import re
import selectors
import socket
import time
from collections import deque
from collections.abc import Generator, Iterable, Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import urlencode

_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_CHUNKED = re.compile(rb"\r\ntransfer-encoding: *chunked", re.IGNORECASE)
_LOCATION = re.compile(rb"\r\nlocation: *([^\r]*)", re.IGNORECASE)
_CLOSES = re.compile(rb"\r\nconnection: *close", re.IGNORECASE)
_END_OF_HEAD = b"\r\n\r\n"
_PATIENCE_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer: `seconds` from the first byte sent to the last byte received."""

    status: int
    location: str
    body: bytes
    seconds: float


# What one client does: it yields a request and is sent the answer, until it returns.
Script = Generator[bytes, Answer]


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


def run(port: int, scripts: Iterable[Script], *, starts: Sequence[float] = ()) -> float:
    """Play all scripts at once, each on a connection of its own, until they have ended.

    With `starts`, each begins so many seconds after the first could; they are in order.
    Returns the seconds from the first request to the last answer. Raises `TimeoutError` if
    nothing is answered for a minute, `ConnectionError` if an answer breaks off.
    """
    with selectors.DefaultSelector() as selector:
        clients = [_Client(port, script, selector) for script in scripts]
        try:
            if not starts:
                for client in clients:
                    client.connect()
            began = time.perf_counter()
            waiting = deque(zip(starts or [0.0] * len(clients), clients, strict=True))
            while waiting or selector.get_map():
                passed = time.perf_counter() - began
                while waiting and waiting[0][0] <= passed:
                    waiting.popleft()[1].begin()
                ready = selector.select(waiting[0][0] - passed if waiting else _PATIENCE_SECONDS)
                if not ready and not waiting:
                    raise TimeoutError("The server has not answered for a minute.")
                for key, _ in ready:
                    key.data.receive()
            return time.perf_counter() - began
        finally:
            for client in clients:
                client.disconnect()


class _Client:
    """One script and its connection."""

    def __init__(self, port: int, script: Script, selector: selectors.BaseSelector) -> None:
        self._port = port
        self._script = script
        self._selector = selector
        self._link: socket.socket | None = None
        self._received = bytearray()
        self._sent_at = 0.0

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
            self._link = None

    def begin(self) -> None:
        """Send the script's first request."""
        try:
            self._send(next(self._script))
        except StopIteration:
            self.disconnect()

    def receive(self) -> None:
        """Take what has come; once the answer is whole, go on with the script."""
        link = self.connect()
        chunk = link.recv(1 << 18)
        self._received += chunk
        whole = self._whole_answer(ended=not chunk)
        if whole is None:
            return
        answer, closes = whole
        self._received.clear()
        if closes:
            self.disconnect()
        try:
            self._send(self._script.send(answer))
        except StopIteration:
            self.disconnect()

    def _send(self, request: bytes) -> None:
        link = self.connect()
        self._sent_at = time.perf_counter()
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
        answer = Answer(
            status=int(head[9:12]),
            location=location[1].decode() if location else "",
            body=bytes(self._received[start:]),
            seconds=time.perf_counter() - self._sent_at,
        )
        return answer, ended or _CLOSES.search(head) is not None
