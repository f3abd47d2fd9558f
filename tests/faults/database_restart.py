"""PostgreSQL restarted while people book."""

import http.client
import threading
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from urllib.parse import urlencode

from django.db import connection

from booking.places.models import Booking
from tests.faults.accounts_of_mail import (
    begin_anew,
    nothing_on_the_way,
    people_of,
    post_confirmations,
    settle,
)
from tests.faults.proxy import Line
from tests.faults.report import Row
from tests.faults.scale import Scale
from tests.faults.site import STARTED_WITHIN, Programs, Site, wait_until
from tests.load import crowd
from tests.load.installation import WebServer

_BACK_WITHIN = 30.0
# A message that was being handed over when the connection went waits for the end of its lease.
_MAIL_WITHIN = 160.0
_BOOKERS, _PEOPLE = 3, 6_000
_DOWN_SECONDS, _SILENT_SECONDS = 3.0, 8.0


@dataclass
class _Load:
    """People who book one after the other, until told to stop; what they were promised."""

    port: int
    session_id: int
    acknowledged: set[int] = field(default_factory=set)
    answers: Counter[str] = field(default_factory=Counter)
    last_success: float = 0.0
    over: threading.Event = field(default_factory=threading.Event)

    def book(self, people: Iterator[dict[str, str]]) -> None:
        """Book for one person after the other; an answer that is no booking is not insisted on."""
        while not self.over.is_set():
            cookies = next(people, None)
            if cookies is None:
                return
            try:
                status, location = self._press(cookies)
            except (OSError, http.client.HTTPException) as trouble:
                self.answers[type(trouble).__name__] += 1
                time.sleep(0.1)
                continue
            self.answers[str(status)] += 1
            if status == 302 and location.startswith("/bookings/"):
                self.acknowledged.add(int(location.split("/")[2]))
                self.last_success = time.monotonic()
            else:
                time.sleep(0.1)
            time.sleep(0.02)

    def _press(self, cookies: dict[str, str]) -> tuple[int, str]:
        link = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        try:
            link.request(
                "POST",
                f"/sessions/{self.session_id}/book/",
                urlencode({"csrfmiddlewaretoken": crowd.csrf_token(), "needs": ""}),
                {
                    "Content-Type": "application/x-www-form-urlencoded",
                    "Cookie": "; ".join(f"{name}={value}" for name, value in cookies.items()),
                },
            )
            answer = link.getresponse()
            answer.read()
            return answer.status, answer.headers.get("Location", "")
        finally:
            link.close()


def restarted(site: Site, scale: Scale) -> list[Row]:
    """Stopped in order, stopped at once, and every connection cut."""
    rows = [
        Row("PostgreSQL restarted", f"stop fast, {_DOWN_SECONDS:.0f} s, start"),
        Row("PostgreSQL crashed", f"stop immediate, {_DOWN_SECONDS:.0f} s, start"),
        Row("PostgreSQL connections cut", "all at once"),
        Row("PostgreSQL silent", f"packets swallowed for {_SILENT_SECONDS:.0f} s"),
    ]
    begin_anew(site, people=_PEOPLE)
    session = crowd.add_session(capacity=_PEOPLE, days_ahead=100)
    cookies = crowd.sign_in(people_of(_PEOPLE))
    with site.web() as web, site.worker_and_beat() as programs:
        load = _Load(web.port, session.pk)
        bookers = [
            threading.Thread(target=load.book, args=(iter(cookies[number::_BOOKERS]),))
            for number in range(_BOOKERS)
        ]
        for booker in bookers:
            booker.start()
        try:
            wait_until(
                lambda: bool(site.mail.taken), web.process, *programs.all, seconds=STARTED_WITHIN
            )
            for row in rows:
                time.sleep(3)
                _disturb(row, site)
                _expect_recovery(row, site, load, web, programs)
        finally:
            load.over.set()
            for booker in bookers:
                booker.join()
        _check(rows[0], load)
        took = wait_until(nothing_on_the_way, *programs.all, seconds=2 * _MAIL_WITHIN)
        rows[0].expect(took < _MAIL_WITHIN, f"the last mail left only after {took:.0f} s")
    settle(rows[0], site.mail.taken, most_duplicates=2 * len(rows))
    rows[0].notes.append(
        f"{len(load.acknowledged):,} bookings acknowledged in all; the last mail left {took:.0f} s"
        f" after the last booking; answers: {dict(load.answers)}."
    )
    return [*rows, _started_first(site)]


def _started_first(site: Site) -> Row:
    """Worker and beat start while PostgreSQL is away, and wait for it."""
    row = Row("worker and beat start first", "PostgreSQL comes 8 s later")
    begin_anew(site, people=10)
    post_confirmations(10)
    site.stop_postgres(at_once=False)
    try:
        with site.worker_and_beat() as programs:
            time.sleep(8)
            site.start_postgres()
            connection.close()
            row.took(
                wait_until(nothing_on_the_way, *programs.all, seconds=STARTED_WITHIN),
                at_most=STARTED_WITHIN,
            )
    finally:
        site.start_postgres()
    settle(row, site.mail.taken)
    return row


def _disturb(row: Row, site: Site) -> None:
    if "cut" in row.fault:
        site.database.cut()
    elif "silent" in row.fault:
        site.database.line = Line.SWALLOWING
        time.sleep(_SILENT_SECONDS)
        site.database.line = Line.OPEN
    else:
        site.stop_postgres(at_once="crashed" in row.fault)
        time.sleep(_DOWN_SECONDS)
        site.start_postgres()
        # Ours has ended too.
        connection.close()


def _expect_recovery(row: Row, site: Site, load: _Load, web: WebServer, programs: Programs) -> None:
    """Bookings succeed again, and mail leaves again."""
    began, taken = time.monotonic(), len(site.mail.taken)
    wait_until(
        lambda: load.last_success > began and len(site.mail.taken) > taken,
        *(web.process, *programs.all),
        seconds=4 * _BACK_WITHIN,
    )
    row.took(time.monotonic() - began, at_most=_BACK_WITHIN)


def _check(row: Row, load: _Load) -> None:
    there = Booking.objects.filter(pk__in=load.acknowledged, state=Booking.State.CONFIRMED)
    lost = len(load.acknowledged) - there.count()
    row.lost += lost
    row.expect_equal("acknowledged bookings that are gone", lost, 0)
    row.expect_equal("answers that own up to a fault of ours", load.answers["500"], 0)
