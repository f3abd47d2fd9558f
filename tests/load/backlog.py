"""A backlog of confirmations with invitations, sent by real workers, on one host and on two."""

import os
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path
from typing import Any

from django.db.models import Count, Max, Min

from booking.mail.composing import compose
from booking.outbox.delivery import Composed, deliver
from booking.outbox.models import Message
from booking.outbox.smtp import SmtpConnection
from tests.faults.event_loop import EventLoopThread
from tests.faults.proxy import Proxy
from tests.load.mails import post_confirmations
from tests.load.report import Line, Target
from tests.worker.celery_programs import celery_program

_AT_LEAST = 100
_GAIN = 1.5
# To a mail server in another town and back, each way.
_DELAY_SECONDS = 0.01
_PATIENCE_SECONDS = 600.0


def measure(*, log_folder: Path, mail_port: int, count: int) -> list[Line]:
    """The backlog against the local sink, then against one that is further away."""
    variables = dict(os.environ)
    here = [_drain(hosts, count, log_folder, variables) for hosts in (1, 2)]
    with EventLoopThread() as background, Proxy(background, lambda: mail_port) as proxy:
        proxy.delay = _DELAY_SECONDS
        variables["MAIL_URL"] = f"smtp://127.0.0.1:{proxy.port}"
        far = [_drain(hosts, count // 5, log_folder, variables) for hosts in (1, 2)]
    return [
        Line(
            name=f"backlog of {count:,}, 1 worker host",
            rate=here[0],
            target=Target(words=f"rate >= {_AT_LEAST}", met=here[0] >= _AT_LEAST),
            note=_shares(500),
        ),
        Line(
            name=f"backlog of {count:,}, 2 worker hosts",
            rate=here[1],
            reference="1 host",
            reference_rate=here[0],
            note="both hosts, the database and the mail server share this machine's processors.",
        ),
        Line(
            name=f"backlog of {count // 5:,}, far mail server, 2 worker hosts",
            rate=far[1],
            reference="1 host",
            reference_rate=far[0],
            target=Target(words=f"ratio >= {_GAIN}", met=far[1] >= _GAIN * far[0]),
            note=f"every packet takes {1000 * _DELAY_SECONDS:.0f} ms each way.",
        ),
    ]


def _drain(hosts: int, count: int, log_folder: Path, variables: dict[str, str]) -> float:
    """Mails a second by so many workers of two processes each, from the first sent to the last."""
    post_confirmations(1)
    with ExitStack() as stack:
        for number in range(hosts):
            stack.enter_context(
                celery_program(
                    log_folder,
                    *("worker", "--concurrency", "2", "-n", f"host{number}"),
                    variables=variables,
                )
            )
        stack.enter_context(celery_program(log_folder, "beat", "--pidfile=", variables=variables))
        _wait_until(lambda: _unsettled() == 0)
        # Programs that have just started have still to load what they need.
        time.sleep(3)
        return drained(count)


def drained(count: int, *, patience: float = _PATIENCE_SECONDS) -> float:
    """Mails a second by the workers that are there, from the first sent to the last."""
    before = Message.objects.aggregate(last=Max("pk"))["last"] or 0
    # Some may have left before all are posted.
    post_confirmations(count)
    _wait_until(lambda: _unsettled() == 0, seconds=patience)
    sent = Message.objects.filter(pk__gt=before, state=Message.State.SENT)
    times = sent.aggregate(first=Min("sent_at"), last=Max("sent_at"), number=Count("pk"))
    assert times["number"] == count, f"{times['number']} of {count} were sent"
    took: timedelta = times["last"] - times["first"]
    return (count - 1) / took.total_seconds()


def _unsettled() -> int:
    return Message.objects.unsettled().count()


def _wait_until(is_so: Callable[[], bool], *, seconds: float = _PATIENCE_SECONDS) -> None:
    deadline = time.monotonic() + seconds
    while not is_so():
        if time.monotonic() > deadline:
            raise TimeoutError(f"The backlog is not sent after {seconds / 60:.0f} minutes.")
        time.sleep(0.2)


class _TimedPost(SmtpConnection):
    """Counts the seconds that handing over takes."""

    spent = 0.0

    def send(self, **what: Any) -> None:
        """As `Post.send`."""
        began = time.perf_counter()
        super().send(**what)
        self.spent += time.perf_counter() - began


def _shares(count: int) -> str:
    """In words, what one process that works alone spends its time on for one mail."""
    post_confirmations(count)
    post, composing = _TimedPost(), 0.0

    def timed(messages: Sequence[Message]) -> Composed:
        nonlocal composing
        began = time.perf_counter()
        composed = dict(compose(messages))
        composing += time.perf_counter() - began
        return composed

    began = time.perf_counter()
    while deliver(compose=timed, post=post):
        pass
    whole = time.perf_counter() - began
    post.close()
    each = {
        "composing": composing,
        "the mail server": post.spent,
        "claiming and settling in the database": whole - composing - post.spent,
    }
    words = ", ".join(f"{1000 * spent / count:.1f} for {what}" for what, spent in each.items())
    return f"of one process alone a mail takes {1000 * whole / count:.1f} ms: {words}."
