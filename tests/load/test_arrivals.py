"""People who come by a timetable wait for nobody, and what each waits for is counted."""

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.load import client
from tests.load.client import Later, Script

_SLOW_SECONDS = 0.3


@contextmanager
def _one_at_a_time(seconds: float, *, most: int = 100) -> Iterator[int]:
    """A server that works so long on each request, one after the other; its port.

    It hangs up after the `most` requests of one connection.
    """
    with socket.create_server(("127.0.0.1", 0), backlog=100) as listener:

        def serve() -> None:
            while True:
                try:
                    link, _ = listener.accept()
                except OSError:
                    return
                with link:
                    answered = 0
                    while answered < most and link.recv(1 << 16):
                        answered += 1
                        time.sleep(seconds)
                        link.sendall(
                            b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nX-Statements: 7\r\n\r\nok"
                        )

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield listener.getsockname()[1]
        listener.shutdown(socket.SHUT_RDWR)
    thread.join()


def _look(took: list[float]) -> Script:
    answer = yield client.get("/")
    assert (answer.status, answer.body, answer.statements) == (200, b"ok", 7)
    took.append(answer.seconds)


def test_nobody_waits_for_the_answer_of_another_and_the_queue_is_counted() -> None:
    took: list[float] = []
    began: list[float] = []

    def arrivals() -> Iterator[tuple[float, Script]]:
        for number in range(4):
            began.append(time.perf_counter())
            yield 0.01 * number, _look(took)

    with _one_at_a_time(_SLOW_SECONDS) as port:
        client.run_arrivals(port, arrivals())

    assert began[-1] - began[0] < _SLOW_SECONDS
    assert len(took) == 4
    # The last waits for the three before it, although each is served in no time once it is heard.
    assert took[-1] > 3.5 * _SLOW_SECONDS


def test_a_request_that_is_put_off_counts_from_when_it_was_due() -> None:
    took: list[float] = []

    def reader() -> Script:
        yield client.get("/")
        answer = yield Later(0.4, client.get("/"))
        took.append(answer.seconds)

    with _one_at_a_time(0.05) as port:
        began = time.perf_counter()
        client.run_arrivals(port, [(0.0, reader())])
        whole = time.perf_counter() - began

    assert whole >= 0.5
    assert took[0] < 0.4


@pytest.mark.parametrize("pause", [0.0, 0.2])
def test_a_page_is_asked_for_again_if_the_server_hung_up_meanwhile(pause: float) -> None:
    took: list[float] = []

    def reader() -> Script:
        yield client.get("/")
        yield Later(pause, client.get("/")) if pause else client.get("/")
        answer = yield Later(pause, client.get("/")) if pause else client.get("/")
        took.append(answer.seconds)

    with _one_at_a_time(0.05, most=1) as port:
        began = time.perf_counter()
        client.run_arrivals(port, [(0.0, reader())])
        assert time.perf_counter() - began >= 2 * pause + 3 * 0.05
    assert len(took) == 1


def test_nothing_else_is_asked_for_again() -> None:
    def reader(first: bytes, *others: bytes) -> Script:
        yield first
        for request in others:
            assert (yield request)

    post = client.post("/", {}, cookies={})
    for most, requests in ((0, [client.get("/")]), (0, [post]), (1, [post, post])):
        with (
            _one_at_a_time(0.0, most=most) as port,
            pytest.raises(ConnectionError, match="closed the connection without an answer"),
        ):
            client.run_arrivals(port, [(0.0, reader(*requests))])


def test_what_this_client_is_late_counts_too() -> None:
    took: list[float] = []

    def arrivals() -> Iterator[tuple[float, Script]]:
        time.sleep(0.3)
        yield 0.0, _look(took)

    with _one_at_a_time(0.0) as port:
        latest = client.run_arrivals(port, arrivals())

    assert latest >= 0.3
    assert took[0] >= 0.3


def test_whoever_gives_the_arrivals_may_stop() -> None:
    took: list[float] = []
    given = 0

    def arrivals() -> Iterator[tuple[float, Script]]:
        nonlocal given
        # All due at once: answers must be heard all the same.
        while not took:
            given += 1
            time.sleep(0.01)
            yield 0.0, _look(took)

    with _one_at_a_time(0.0) as port:
        client.run_arrivals(port, arrivals())
    assert len(took) == given < 500
