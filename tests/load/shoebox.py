"""England in a shoebox: a whole country's site on two processors, for a quarter of an hour.

    python -m tests.load.shoebox [--quick] [--scale 0.02] [--seconds 60] [--load 1]

27 bookings a second (the NHS vaccine service's record morning, for the whole country) beside 450
anonymous and 50 signed-in pages, at chance moments and whether or not the ones before are answered.
Before that a night passes, which forgets the texts of mails older than ninety days; after it
100,000 mails leave. `--scale` makes a share of the site and of the mails, `--load` asks for a share
of the pages and bookings.

The web server (two processes), a worker (two processes), the clock, PostgreSQL, Valkey, the mail
server and the client that asks share two processors.
"""

import argparse
import heapq
import itertools
import os
import random
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING

import django

from tests.load import client, processors, program
from tests.load.client import Later, Script
from tests.load.installation import DEMO_SERVER, WEB_SERVERS, Installation, web_server
from tests.load.program import say
from tests.load.quarter import Quarter, overwhelmed
from tests.load.report import Line, Target, percentile

if TYPE_CHECKING:
    from tests.load.england import England

_ANONYMOUS, _SIGNED_IN, _BOOKINGS = "anonymous pages", "signed-in pages", "bookings"
# A second.
_RATES = {_ANONYMOUS: 450, _SIGNED_IN: 50, _BOOKINGS: 27}
# What visitors look at, one page after another, about a second apart; how many of a hundred.
_PAGES_OF_A_VISIT = 5
_ANONYMOUSLY = {"programme": 30, "start": 10, "session": 45, "course": 15}
_SIGNED_IN_PAGES = {"session": 50, "form": 20, "programme": 15, "my bookings": 15}
_LOOKERS = 1_000
_MAILS, _MAILS_MINUTES = 100_000, 17
_ROUNDS_SHARE = 0.05


@dataclass(frozen=True)
class Country:
    """A served site, and who comes."""

    port: int
    sessions: Sequence[int]
    to_book: Sequence[int]
    courses: Sequence[str]
    lookers: Sequence[dict[str, str]]
    bookers: Iterator[dict[str, str]]
    chance: random.Random = field(default_factory=lambda: random.Random(27))

    def play(self, quarter: Quarter) -> None:
        """Have all of them come for so long."""
        chance, seconds = self.chance, quarter.seconds
        rates = {
            kind: rate / (1 if kind == _BOOKINGS else _PAGES_OF_A_VISIT)
            for kind, rate in quarter.rates.items()
        }
        made: dict[str, Callable[[], Script]] = {
            _ANONYMOUS: lambda: self._visit(quarter, _ANONYMOUS, _ANONYMOUSLY, {}),
            _SIGNED_IN: lambda: self._visit(
                quarter, _SIGNED_IN, _SIGNED_IN_PAGES, chance.choice(self.lookers)
            ),
            _BOOKINGS: lambda: self._booking(quarter),
        }

        def coming(kind: str) -> Iterator[tuple[float, str]]:
            moment = 0.0
            while (moment := moment + chance.expovariate(rates[kind])) < seconds:
                yield moment, kind

        everybody = heapq.merge(*(coming(kind) for kind in rates if rates[kind]))
        watching = threading.Thread(target=_watch_memory, args=(quarter,), daemon=True)
        quarter.began = time.perf_counter()
        watching.start()
        scripts = ((moment, made[kind]()) for moment, kind in everybody)
        quarter.latest = client.run_arrivals(
            self.port, itertools.takewhile(lambda _: not quarter.is_given_up(), scripts)
        )
        if quarter.hopeless_ms:
            quarter.is_over.set()
        watching.join()

    def _visit(
        self, quarter: Quarter, kind: str, pages: Mapping[str, int], cookies: dict[str, str]
    ) -> Script:
        chosen = self.chance.choices(list(pages), list(pages.values()), k=_PAGES_OF_A_VISIT)
        for number, page in enumerate(chosen):
            request = client.get(self._address(page), cookies=cookies)
            answer = yield Later(self.chance.uniform(0.5, 1.5), request) if number else request
            assert answer.status == 200 or (page == "form" and answer.status == 302), (
                f"{page} answered {answer.status}"
            )
            quarter.note(kind, answer)

    def _booking(self, quarter: Quarter) -> Script:
        from tests.load.over_http import book_request, check_booked

        cookies = next(self.bookers, None)
        assert cookies is not None, "everybody has booked: there are too few people"
        session = self.chance.choice(self.to_book)
        answer = yield book_request(f"/sessions/{session}/book/", cookies)
        check_booked(answer)
        quarter.note(_BOOKINGS, answer)

    def _address(self, page: str) -> str:
        """Half of the looks are at the first eighth of what is ahead, and some at every session."""
        if page == "course":
            return f"/courses/{self.chance.choice(self.courses)}/"
        if page in ("session", "form"):
            key = self.sessions[int(len(self.sessions) * self.chance.random() ** 3)]
            return f"/sessions/{key}/" + ("book/" if page == "form" else "")
        return {"programme": "/programme/", "start": "/", "my bookings": "/bookings/"}[page]


def _watch_memory(quarter: Quarter) -> None:
    """Note at the end of each slice what the programs hold."""
    for number in range(quarter.slices):
        due = quarter.began + (number + 1) * quarter.slice_seconds
        if quarter.is_over.wait(max(0.0, due - time.perf_counter())):
            return
        quarter.memory.append(processors.resident())


# ---------------------------------------------------------------- the night, and the mails


def _rounds() -> Line:
    """What the worker asks by the clock, again and again, where there is nothing to do."""
    from worker import tasks
    from worker.celery import SCHEDULE

    shares: dict[str, float] = {}
    for name, entry in SCHEDULE.items():
        if isinstance(every := entry["schedule"], int | float):
            task = getattr(tasks, entry["task"].rpartition(".")[2])
            # Once before, with nothing read yet.
            task()
            began = time.perf_counter()
            task()
            shares[name] = (time.perf_counter() - began) / every
    whole = sum(shares.values())
    slowest = sorted(shares, key=lambda name: -shares[name])[:3]
    named = ", ".join(f"{name} {shares[name]:.2%}" for name in slowest)
    return Line(
        name="shoebox: rounds of the clock",
        target=Target(words=f"< {_ROUNDS_SHARE:.0%} of a processor", met=whole < _ROUNDS_SHARE),
        note=f"{whole:.1%} of a processor: {named}.",
    )


def _night() -> Line:
    """Have the worker forget what it forgets every night, and look at what is left."""
    from django.utils import timezone

    from booking.outbox.models import Message
    from tests.load import england
    from worker.celery import app

    with_text = Message.objects.filter(mime__isnull=False).count()
    now, began = timezone.now(), time.monotonic()
    was_due = england.has_texts_to_forget(now=now)
    app.send_task("worker.tasks.forget_texts")
    while england.has_texts_to_forget(now=now):
        # The worker ends a task that takes longer.
        if time.monotonic() - began > app.conf.task_soft_time_limit:
            break
        time.sleep(0.5)
    took = time.monotonic() - began
    wrong = england.wrong_texts(now=now)
    forgotten = with_text - Message.objects.filter(mime__isnull=False).count()
    return Line(
        name="shoebox: a night",
        target=Target(words="no text older than 90 days", met=was_due and not wrong),
        note=" ".join([f"{forgotten:,} texts were forgotten in {took:.0f} s.", *wrong]),
    )


def _confirmations(after: int) -> Line:
    """How long those took that were posted beside the pages."""
    from booking.outbox.models import Message

    posted = Message.objects.filter(pk__gt=after, topic="booking.confirmed")
    deadline = time.monotonic() + 300
    while posted.unsettled().exists() and time.monotonic() < deadline:
        time.sleep(0.5)
    waits = [
        (sent - made).total_seconds()
        for made, sent in posted.filter(state=Message.State.SENT).values_list(
            "created_at", "sent_at"
        )
        if sent
    ]
    unsent, slowest = posted.unsettled().count(), percentile(waits, 1) / 1000
    return Line(
        name="shoebox: confirmations meanwhile",
        p50=percentile(waits, 0.5),
        p99=percentile(waits, 0.99),
        target=Target(words="all sent", met=not unsent and len(waits) == posted.count()),
        note=f"{len(waits):,} left, the slowest after {slowest:.1f} s; {unsent:,} did not.",
    )


def _mails(count: int) -> Line:
    """So many confirmations by the worker that is there, while nobody asks for pages."""
    from tests.load.backlog import drained

    least = _MAILS / (60 * _MAILS_MINUTES)
    rate = drained(count, patience=3 * count / least + 60)
    return Line(
        name=f"shoebox: {count:,} mails",
        rate=rate,
        target=Target(words=f"{_MAILS:,} in {_MAILS_MINUTES} minutes", met=rate >= least),
        note=f"at this rate {_MAILS:,} take {_MAILS / rate / 60:.1f} minutes.",
    )


def _exact_bookings(quarter: Quarter, *, before: int) -> Line:
    """As many bookings as answers that said so, and every session counts its own."""
    from django.db import connection

    from booking.places.models import Booking

    made = Booking.objects.count() - before
    answered = len(quarter.of(_BOOKINGS))
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM booking_session session LEFT JOIN (SELECT session_id,"
            " count(*) AS held FROM booking_booking WHERE state = 'confirmed' GROUP BY session_id)"
            " counted ON counted.session_id = session.id"
            " WHERE coalesce(held, 0) <> places_taken OR places_taken > capacity"
        )
        wrong = cursor.fetchone()[0]
    return Line(
        name="shoebox: exact places",
        target=Target(words="as answered and counted", met=made == answered and not wrong),
        note=f"{answered:,} were booked, {made:,} are; {wrong} sessions count others.",
    )


# ---------------------------------------------------------------- all of it


def measure(
    installation: Installation, *, scale: float, seconds: float, load: float
) -> Iterator[Line]:
    """Every line, as it is measured."""
    django.setup()
    # These need the settings, which need the servers' addresses.
    from django.db import connection

    from tests.load import england

    installation.prepare()
    country = england.England(scale)
    try:
        say(f"Making {country.people:,} people and {country.bookings:,} bookings")
        yield england.fill(country)
        yield _rounds()
        rates = {kind: rate * load for kind, rate in _RATES.items()}
        yield from _served(installation, country, rates=rates, seconds=seconds)
    finally:
        connection.close()
        installation.empty_database()


def _served(
    installation: Installation, country: "England", *, rates: Mapping[str, float], seconds: float
) -> Iterator[Line]:
    """The night, the quarter of an hour and the mails, with every program that production has."""
    from tests.load.latency import worker_and_beat

    folder = installation.folder
    environment = {**os.environ, "DJANGO_SETTINGS_MODULE": "tests.load.counted_settings"}
    with (
        web_server(WEB_SERVERS[DEMO_SERVER], folder=folder, environment=environment) as site,
        worker_and_beat(folder),
    ):
        say("A night passes")
        yield _night()
        warm_up = Quarter(seconds=min(60.0, seconds / 2), rates=rates)
        bookers = int(1.2 * rates[_BOOKINGS] * (seconds + warm_up.seconds)) + 50
        coming = _country(site.port, country, bookers=bookers)
        say(f"Warming up for {warm_up.seconds:.0f} seconds")
        coming.play(warm_up)
        yield from _quarter(coming, Quarter(seconds=seconds, rates=rates))
        count = max(200, round(_MAILS * country.scale))
        say(f"Sending {count:,} mails")
        yield _mails(count)


def _quarter(coming: Country, quarter: Quarter) -> Iterator[Line]:
    """All of them come; what became of it, and of their bookings."""
    from booking.outbox.models import Message
    from booking.places.models import Booking

    asked = ", ".join(f"{rate:g} {kind}" for kind, rate in quarter.rates.items())
    say(f"{asked} a second, for {quarter.seconds:.0f} seconds")
    last_message = Message.objects.order_by("-pk").values_list("pk", flat=True)[0]
    bookings, before = Booking.objects.count(), processors.Reading.now()
    coming.play(quarter)
    shares = processors.Shares(before)
    if quarter.hopeless_ms:
        yield overwhelmed(quarter, shares)
    else:
        quarter.show()
        yield from quarter.lines(shares)
    yield _exact_bookings(quarter, before=bookings)
    yield _confirmations(last_message)


def _country(port: int, country: "England", *, bookers: int) -> Country:
    """Who comes: people with bookings look, others book. Each books once."""
    from django.utils import timezone

    from accounts.models import User
    from booking.catalogue.models import Course, Session
    from tests.load import crowd

    booked = User.objects.filter(pk__lte=country.booked_people)
    others = User.objects.filter(pk__gt=country.booked_people)
    ahead = Session.objects.upcoming(now=timezone.now())
    open_to_all = ahead.filter(course__prerequisites=None)
    return Country(
        port=port,
        sessions=list(ahead.values_list("pk", flat=True)),
        to_book=list(open_to_all.values_list("pk", flat=True)),
        courses=list(Course.objects.values_list("code", flat=True)),
        lookers=crowd.sign_in(booked.order_by("pk")[:_LOOKERS]),
        bookers=iter(crowd.sign_in(others.order_by("pk")[:bookers])),
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print the tables: 0, or 1 if a promise was not kept."""
    parser = argparse.ArgumentParser(description="A whole country on two processors.")
    parser.add_argument("--quick", action="store_true", help="--scale 0.02 --seconds 60")
    parser.add_argument("--scale", type=float, help="share of the site and of the mails; 1")
    parser.add_argument("--seconds", type=float, help="how long pages are asked for; 900")
    parser.add_argument("--load", type=float, default=1, help="share of what is asked for; 1")
    chosen = parser.parse_args(arguments)
    scale = chosen.scale or (0.02 if chosen.quick else 1)
    seconds = chosen.seconds or (60 if chosen.quick else 900)
    processors.keep_to_two_processors()
    processors.allow_many_connections()
    return program.run("shoebox", partial(measure, scale=scale, seconds=seconds, load=chosen.load))


if __name__ == "__main__":
    sys.exit(main())
