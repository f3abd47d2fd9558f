"""From a booking's commit to the moment when the mail server has its confirmation."""

import os
import random
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from django.utils import timezone

from accounts.models import User
from booking.catalogue.models import Session
from booking.outbox.models import Message
from booking.places.actions import book
from tests.load import crowd
from tests.load.report import Line, Target, percentile
from tests.worker.celery_programs import celery_program
from worker.celery import SCHEDULE

RATES = (1, 20, 100)
_TARGET_RATE, _P99_MS = 20, 5_000
_DRAIN_SECONDS = 120.0


@dataclass
class Bookings:
    """When each person's booking was committed, in seconds of this machine's clock."""

    committed: dict[str, float] = field(default_factory=dict)
    seconds: float = 0.0

    @property
    def rate(self) -> float:
        """Per second."""
        return len(self.committed) / self.seconds


def measure(*, mail_folder: Path, log_folder: Path, seconds: float) -> list[Line]:
    """One line for each rate, with a worker of two processes and beat as in production."""
    with worker_and_beat(log_folder):
        people = iter(User.objects.order_by("pk"))
        # On a day of their own; the first wakes whatever starts late.
        session = crowd.add_session(capacity=10_000, days_ahead=900)
        _wait_for_mail(_book(session, people, rate=1, count=1), mail_folder)
        return [
            _line(
                _book(session, people, rate=rate, count=max(int(rate * seconds), 10)),
                mail_folder,
                rate=rate,
            )
            for rate in RATES
        ]


@contextmanager
def worker_and_beat(log_folder: Path) -> Iterator[None]:
    """One worker program of two processes, and beat."""
    variables = dict(os.environ)
    with (
        celery_program(log_folder, "worker", "--concurrency", "2", variables=variables),
        celery_program(log_folder, "beat", "--pidfile=", variables=variables),
    ):
        yield


def _book(session: Session, people: Iterator[User], *, rate: int, count: int) -> Bookings:
    """One booking in every period, at any moment of it; a late one does not put off the next."""
    bookings = Bookings()
    began = time.time()
    for number in range(count):
        # At regular moments they would fall into step with beat.
        moment = began + (number + random.random()) / rate
        time.sleep(max(0.0, moment - time.time()))
        person = next(people)
        book(session=session, person=person, by=person, now=timezone.now())
        bookings.committed[person.email] = time.time()
    bookings.seconds = max(time.time() - began, count / rate)
    return bookings


def _line(bookings: Bookings, mail_folder: Path, *, rate: int) -> Line:
    accepted = _wait_for_mail(bookings, mail_folder)
    waits = [accepted[email] - moment for email, moment in bookings.committed.items()]
    p99 = percentile(waits, 0.99)
    poll = SCHEDULE["deliver messages"]["schedule"]
    return Line(
        name=f"commit to SMTP accept, {rate}/s",
        rate=bookings.rate,
        p50=percentile(waits, 0.5),
        p99=p99,
        target=Target(words=f"p99 < {_P99_MS:,} ms", met=p99 < _P99_MS)
        if rate == _TARGET_RATE
        else None,
        note=(
            f"{len(waits)} bookings, {bookings.rate:.0f} a second; beat asks every {poll} s for"
            f" what is due; the slowest took {max(waits):.1f} s."
        ),
    )


def _wait_for_mail(bookings: Bookings, mail_folder: Path) -> dict[str, float]:
    """When the mail server took each person's mail. Raises `TimeoutError`."""
    deadline = time.monotonic() + _DRAIN_SECONDS
    accepted: dict[str, float] = {}
    seen: set[Path] = set()
    while not bookings.committed.keys() <= accepted.keys():
        if time.monotonic() > deadline:
            waiting = Message.objects.unsettled().count()
            raise TimeoutError(f"After two minutes {waiting} messages still wait.")
        time.sleep(0.2)
        for path in set(mail_folder.glob("[0-9]*.eml")) - seen:
            seen.add(path)
            accepted[recipient(path)] = int(path.name.split("-")[0]) / 1e9
    return accepted


def recipient(path: Path) -> str:
    """Whom a mail of the sink was handed over for."""
    with path.open() as mail:
        return next(line for line in mail if line.startswith("X-Envelope-To: ")).split()[1]
