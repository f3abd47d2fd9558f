"""Redis flushed, restarted, away and silent: bookings go on, and mail leaves afterwards."""

import re
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

import redis

from booking.local.processes import GuardedProcess
from booking.outbox.models import Message
from tests.faults.accounts_of_mail import begin_anew, nothing_on_the_way, people_of, settle
from tests.faults.proxy import Line
from tests.faults.report import Row
from tests.faults.scale import Scale
from tests.faults.site import STARTED_WITHIN, Programs, Site, wait_until
from tests.load import client, crowd
from tests.load.client import Answer, Script
from tests.load.installation import WebServer
from tests.load.over_http import book_request

_BACK_WITHIN = 120.0
# Once when the connection is lost and now and then while it stays so; a few lines of each program.
_LINES_AN_OUTAGE = 12
_COMPLAINT = re.compile(r'"level": "(warning|error|critical)"')


class Bookers:
    """People who book over HTTP, one after the other, and how they were answered."""

    def __init__(self, web: WebServer, *, count: int) -> None:
        self._web = web
        self._cookies = iter(crowd.sign_in(people_of(count)))
        session = crowd.add_session(capacity=count, days_ahead=100)
        self._address = f"/sessions/{session.pk}/book/"
        self.answers: Counter[str] = Counter()

    def book(self) -> None:
        """One more person books."""
        answers: list[Answer] = []

        def press() -> Script:
            answers.append((yield book_request(self._address, next(self._cookies))))

        client.run(self._web.port, [press()])
        [answer] = answers
        self.answers[str(answer.status)] += 1

    def book_for(self, seconds: float) -> None:
        """Somebody books twice a second for so long."""
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            self.book()
            time.sleep(0.5)


def redis_trouble(site: Site, scale: Scale) -> list[Row]:
    """Every kind of trouble, one after the other, with the same programs throughout."""
    away, silent = scale.redis_away, scale.redis_silent
    count = int(2 * (away + silent)) + 50
    begin_anew(site, people=count)
    rows = [
        Row("Redis flushed", "FLUSHALL"),
        Row("Redis restarted", "stop, start"),
        Row("Redis away", f"{away:.0f} s, bookings go on"),
        Row("Redis silent", f"packets swallowed for {silent:.0f} s, bookings go on"),
    ]
    flushed, restarted, gone, silenced = rows
    valkey = site.installation.valkey
    with site.web() as web, site.worker_and_beat() as programs:
        bookers = Bookers(web, count=count)
        bookers.book()
        wait_until(nothing_on_the_way, *programs.all, seconds=STARTED_WITHIN)
        with _trouble(flushed, site, programs, bookers), redis.Redis.from_url(valkey.url) as queue:
            queue.flushall()
        with _trouble(restarted, site, programs, bookers):
            valkey.stop()
            valkey.start()
        with _trouble(gone, site, programs, bookers):
            # In the middle of a task, which can then be neither acknowledged nor given back.
            _until_at_work(site, programs, bookers)
            valkey.stop()
            site.mail.pause = 0.0
            bookers.book_for(away)
            valkey.start()
        with _trouble(silenced, site, programs, bookers):
            site.redis.line = Line.SWALLOWING
            bookers.book_for(silent)
            site.redis.line = Line.OPEN
    return rows


def _until_at_work(site: Site, programs: Programs, bookers: Bookers) -> None:
    """Make the mail server slow, and wait until the worker is handing over a mail to it."""
    site.mail.pause = 1.0
    bookers.book()
    at_work = Message.objects.filter(state=Message.State.SENDING)
    wait_until(at_work.exists, *programs.all, seconds=STARTED_WITHIN)


@contextmanager
def _trouble(row: Row, site: Site, programs: Programs, bookers: Bookers) -> Iterator[None]:
    """Somebody books before, perhaps during, and right after; then all mail must leave."""
    before = {name: len(_complaints(program)) for name, program in programs.by_name.items()}
    bookers.answers.clear()
    bookers.book()
    yield
    bookers.book()
    took = wait_until(nothing_on_the_way, *programs.all, seconds=2 * _BACK_WITHIN)
    row.took(took, at_most=_BACK_WITHIN)
    asked = bookers.answers.total()
    row.lost = asked - bookers.answers["302"]
    row.expect_equal("answers to bookings", dict(bookers.answers), {"302": asked})
    settle(row, site.mail.taken)
    for name, program in programs.by_name.items():
        said = len(_complaints(program)) - before[name]
        row.expect(said <= _LINES_AN_OUTAGE, f"the {name} complains {said} times")


def _complaints(program: GuardedProcess) -> list[str]:
    """The lines of a program's log that warn or worse."""
    lines = program.log.read_text(errors="replace").splitlines()
    return [line for line in lines if _COMPLAINT.search(line)]
