"""The rush at nine, and a bulletin's landing: how many people can come here at once.

    python -m tests.load.rush [--quick] [--only rush|landing]

Signed-in people come for a conference of 500 places: they open its page, read the form, book, are
led to their booking, and look at the session once more. Nobody waits for anybody else. First more
come each second, until answers take too long. Then as many come each second for a while, each time
for a conference of its own, fewer or more until the highest rate is found that is held.

The landing is a session of 20 places in a bulletin to 50,000 people: while its copies leave, three
in a hundred of them come within five minutes.

Two web processes, a worker of two processes, the clock, PostgreSQL, Valkey, the mail server and the
client that asks share two processors.
"""

import argparse
import itertools
import math
import os
import random
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import django
import psycopg

from tests.load import client, processors, program
from tests.load.installation import DEMO_SERVER, WEB_SERVERS, Installation, web_server
from tests.load.program import say
from tests.load.report import Line, Target
from tests.load.visits import LIMIT_MS, Visits, steps, visit

if TYPE_CHECKING:
    from booking.catalogue.models import Session
    from tests.load.rush_checks import Checks

_WANTED_PEOPLE, _WANTED_SECONDS = 10_000, 60
_TRIES = 8
_FEWER, _MORE = 0.85, 1.12


@dataclass(frozen=True)
class Size:
    """How long, and how much."""

    people: int = 30_000
    places: int = 500
    first_rate: float = 4.0
    growth: float = 1.0
    growing_seconds: float = 120.0
    holding_seconds: float = 30.0
    recipients: int = 50_000
    landing_seconds: float = 300.0


QUICK = Size(
    people=4_000,
    places=50,
    growth=1.5,
    growing_seconds=15.0,
    holding_seconds=8.0,
    recipients=5_000,
    landing_seconds=30.0,
)
_COMING_OF_RECIPIENTS = 0.03
_LANDING_PLACES = 20


@dataclass(frozen=True)
class Held:
    """So many people a second, for a while."""

    rate: float
    visits: Visits
    shares: processors.Shares

    @property
    def is_fast(self) -> bool:
        """Whether all but one in a hundred answers came in time."""
        return self.visits.p(0.99) < LIMIT_MS

    def milliseconds(self) -> dict[str, float]:
        """Of processors, for each person who came, by program."""
        came = self.visits.came
        return {name: 1000 * spent / came for name, spent in self.shares.seconds.items()}


@dataclass(frozen=True)
class Morning:
    """A web server at which people arrive, and where their mails go."""

    port: int
    mail_folder: Path
    size: Size
    checks: "Checks"
    people: Iterator[dict[str, str]]
    # The same moments in each run.
    days: Iterator[int] = field(default_factory=lambda: itertools.count(400))

    def play(self, session: "Session", moments: Iterable[float], *, most: int) -> Visits:
        """Have people come at these moments, in seconds from now, and look at what came of it."""
        people = list(itertools.islice(self.people, most))
        visits = Visits()
        chance = random.Random(session.pk)
        scripts = (
            (moment, visit(visits, session.pk, cookies, chance))
            for moment, cookies in zip(moments, people, strict=False)
        )
        visits.began = time.perf_counter()
        visits.latest = client.run_arrivals(
            self.port, itertools.takewhile(lambda _: not visits.is_overwhelmed, scripts)
        )
        assert visits.came < most or most == 0, "there are too few people"
        return visits

    def conference(self, places: int) -> "Session":
        """A session on a day of its own."""
        from tests.load import crowd

        return crowd.add_session(capacity=places, days_ahead=next(self.days))

    # ------------------------------------------------------------ the rush

    def rush(self) -> Iterator[Line]:
        """The highest rate, what it costs, and what was promised."""
        size = self.size
        _warm_up(self)
        say(f"More people each second, for a conference of {size.places} places")
        found = self._grow()
        best, tried = self._search(found)
        fastest = Target(words=f"p99 < {LIMIT_MS} ms", met=best.is_fast)
        visits = best.visits
        yield Line(
            name="rush: people a second, held",
            server=DEMO_SERVER,
            rate=best.rate,
            p50=visits.p(0.5),
            p99=visits.p(0.99),
            target=fastest,
            note=(
                f"{visits.came:,} people, {len(visits.noted):,} answers; tried: {tried}."
                f" {_latest(visits)} Of two processors: {best.shares.words}."
            ),
        )
        yield from steps("rush", visits)
        yield self._wanted(best)
        yield from self.checks.lines("rush")

    def _grow(self) -> float:
        """People a second when answers began to take too long."""
        size = self.size
        first, growth = size.first_rate, size.growth

        def moments() -> Iterator[float]:
            for number in itertools.count(1):
                moment = (math.sqrt(first**2 + 2 * growth * number) - first) / growth
                if moment > size.growing_seconds:
                    return
                yield moment

        session = self.conference(size.places)
        visits = self.play(session, moments(), most=size.people // 2)
        self.checks.look_at(session, came=visits.came, mail_folder=self.mail_folder)
        slow_at = visits.first_too_slow()
        seconds = size.growing_seconds if slow_at is None else slow_at
        return first + growth * seconds

    def _search(self, rate: float) -> tuple[Held, str]:
        """The run with the highest rate that was held, or the slowest one; all in words."""
        best, tried, has_failed = None, [], False
        for _ in range(_TRIES):
            held = self._hold(rate)
            tried.append(f"{rate:.1f}/s p99 {held.visits.p(0.99):,.0f} ms")
            if held.is_fast:
                best = held
                if has_failed:
                    break
                rate *= _MORE
            elif best is not None:
                break
            else:
                has_failed = True
                rate *= _FEWER
        return best or held, "; ".join(tried)

    def _hold(self, rate: float) -> Held:
        """As many each second, at chance moments, until more have come than there are places."""
        seconds = max(self.size.holding_seconds, 1.2 * self.size.places / rate)
        say(f"{rate:.1f} people a second for {seconds:.0f} seconds")
        session = self.conference(self.size.places)
        before = processors.Reading.now()
        visits = self.play(session, _by_chance(rate, seconds), most=int(2 * rate * seconds + 50))
        shares = processors.Shares(before)
        self.checks.look_at(session, came=visits.came, mail_folder=self.mail_folder)
        return Held(rate=rate, visits=visits, shares=shares)

    def _wanted(self, best: Held) -> Line:
        """What ten thousand people within a minute would need, at the cost of one as measured."""
        wanted = _WANTED_PEOPLE / _WANTED_SECONDS
        each = best.milliseconds()
        for name in (processors.GENERATOR, processors.OTHERS):
            each.pop(name)
        needed = ", ".join(
            f"{name} {wanted * spent / 1000:.1f}" for name, spent in each.items() if spent >= 0.05
        )
        whole = wanted * sum(each.values()) / 1000
        busy = sum(best.shares.seconds.values()) / best.shares.whole
        locked = self._seconds_locked()
        return Line(
            name=f"rush: {_WANTED_PEOPLE:,} people in {_WANTED_SECONDS} seconds",
            rate=wanted,
            reference="held here",
            reference_rate=best.rate,
            note=(
                f"{whole:.1f} processors ({needed}), or {whole / busy:.1f} that are as busy as"
                f" these were ({busy:.0%}); each person costs {sum(each.values()):.0f} ms. One"
                f" booking holds the session for {1000 * locked:.1f} ms when nothing else runs:"
                f" {wanted * locked:.0%} of the time, at most {1 / locked:,.0f} bookings of one"
                " session a second."
            ),
        )

    def _seconds_locked(self) -> float:
        """How long one booking holds its session, the middle of twenty."""
        from django.utils import timezone

        from accounts.models import User
        from booking.places.actions import book
        from tests.load.counting import Counting

        session = self.conference(100)
        with Counting() as counting:
            for person in User.objects.order_by("-pk")[:20]:
                book(session=session, person=person, by=person, now=timezone.now())
        held = sorted(hold.seconds for hold in counting.holds if hold.seconds is not None)
        return held[len(held) // 2]

    # ------------------------------------------------------------ the landing

    def landing(self) -> Iterator[Line]:
        """People come from a bulletin while its copies leave."""
        from django.utils import timezone

        from booking.bulletins import sending
        from booking.outbox.models import Message
        from tests.load.bulletins import july_for

        size, seconds = self.size, self.size.landing_seconds
        coming = round(_COMING_OF_RECIPIENTS * size.recipients)
        say(f"A bulletin to {size.recipients:,} people, {coming:,} of whom come")
        _warm_up(self)
        bulletin = july_for(size.recipients)
        sending.send(bulletin=bulletin, expected_revision=bulletin.revision, now=timezone.now())
        sent = Message.objects.filter(topic=sending.ISSUE, state=Message.State.SENT)
        deadline = time.monotonic() + 300
        while not sent.exists():
            assert time.monotonic() < deadline, "no copy has left after five minutes"
            time.sleep(0.1)
        session = self.conference(_LANDING_PLACES)
        chance = random.Random(coming)
        moments = sorted(chance.uniform(0, seconds) for _ in range(coming))
        left_before, before = sent.count(), processors.Reading.now()
        visits = self.play(session, moments, most=coming + 1)
        shares, left = processors.Shares(before), sent.count() - left_before
        self.checks.look_at(session, came=visits.came, mail_folder=self.mail_folder)
        p99 = visits.p(0.99)
        yield Line(
            name="landing: people from a bulletin",
            server=DEMO_SERVER,
            rate=coming / seconds,
            p50=visits.p(0.5),
            p99=p99,
            target=Target(
                words=f"all come, p99 < {LIMIT_MS} ms",
                met=visits.came == coming and p99 < LIMIT_MS,
            ),
            note=(
                f"{visits.came:,} of {size.recipients:,} recipients within {seconds:.0f} s, while"
                f" {left:,} copies left. {_latest(visits)} Of two processors: {shares.words}."
            ),
        )
        yield from steps("landing", visits)
        yield from self.checks.lines("landing")


def _by_chance(rate: float, seconds: float) -> Iterator[float]:
    """Moments of people who know nothing of one another (a Poisson process)."""
    chance, moment = random.Random(9), 0.0
    while (moment := moment + chance.expovariate(rate)) < seconds:
        yield moment


def _latest(visits: Visits) -> str:
    return f"The client's own delay was at most {1000 * visits.latest:.0f} ms."


def _warm_up(morning: Morning) -> None:
    """Have every program load what it needs, with a few people for a session of their own."""
    session = morning.conference(100)
    visits = morning.play(session, [number / 5 for number in range(20)], most=21)
    morning.checks.look_at(session, came=visits.came, mail_folder=morning.mail_folder)
    morning.checks.forget_times()


def measure(installation: Installation, *, parts: Sequence[str], size: Size) -> Iterator[Line]:
    """Every line, as it is measured."""
    _keep_times_of_commits(installation)
    django.setup()
    # These need the settings, which need the servers' addresses.
    from tests.load import crowd
    from tests.load.latency import worker_and_beat
    from tests.load.over_http import bookers
    from tests.load.rush_checks import Checks

    say(f"Preparing the tables, and filling in {size.people:,} people")
    installation.prepare()
    crowd.populate(crowd.Size(people=size.people, upcoming=500, past=500, bookings_each=1))
    folder = installation.folder
    with (
        web_server(WEB_SERVERS[DEMO_SERVER], folder=folder, environment=os.environ) as site,
        worker_and_beat(folder),
    ):
        crowd.nothing_to_send()
        people = bookers()
        for part in parts:
            morning = Morning(
                port=site.port,
                mail_folder=installation.mail_folder,
                size=size,
                checks=Checks(),
                people=people,
                days=itertools.count(400 if part == "rush" else 900),
            )
            yield from morning.rush() if part == "rush" else morning.landing()


def _keep_times_of_commits(installation: Installation) -> None:
    """Have PostgreSQL remember when each transaction was committed: the order of a waiting list."""
    with psycopg.connect(installation.database_url, autocommit=True) as link:
        link.execute("ALTER SYSTEM SET track_commit_timestamp = on")
    installation.postgres.stop()
    installation.postgres.start()


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print the table: 0, or 1 if a promise was not kept."""
    parser = argparse.ArgumentParser(description="Have many people come at once.")
    parser.add_argument("--quick", action="store_true", help="few people, in some minutes")
    parser.add_argument("--only", choices=["rush", "landing"], help="only this part")
    chosen = parser.parse_args(arguments)
    parts = (chosen.only,) if chosen.only else ("rush", "landing")
    processors.keep_to_two_processors()
    processors.allow_many_connections()
    return program.run(
        "rush", partial(measure, parts=parts, size=QUICK if chosen.quick else Size())
    )


if __name__ == "__main__":
    sys.exit(main())
