"""What visitors and bookers get from real web server processes: pages and bookings a second."""

import itertools
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace

from django.db.models import QuerySet
from django.urls import reverse

from accounts.models import User
from booking.catalogue.models import Course, Session
from booking.places.models import Booking
from tests.load import client, crowd, raw_bookings
from tests.load.client import Answer, Script
from tests.load.report import Line, Target, at_least, percentile
from tests.load.statements import Counts

CLIENTS = 16
_WARM_UP_SECONDS = 0.7
# How often what is compared is measured in turn.
_TURNS = 4
# Signed in at once: more than book in one run.
_BOOKERS = 10_000
_PAGE_RATIO = 0.25
_SPREAD_OVER = 200
# On a machine of two cores that also runs the clients and the database.
_HOT_RATE, _SPREAD_RATE, _P99_MS = 150, 200, 150


@dataclass
class Samples:
    """Times of answers, in seconds, and how long it took to get them all."""

    seconds: list[float] = field(default_factory=list)
    whole: float = 0.0

    def add(self, others: "Samples") -> None:
        """Count those of another time with these."""
        self.seconds += others.seconds
        self.whole += others.whole

    @property
    def rate(self) -> float:
        """Per second."""
        return len(self.seconds) / self.whole

    @property
    def p50(self) -> float:
        """Milliseconds that half of them stay within."""
        return percentile(self.seconds, 0.5)

    @property
    def p99(self) -> float:
        """Milliseconds that all but one in a hundred stay within."""
        return percentile(self.seconds, 0.99)


# What is measured in so many seconds.
Measured = Callable[[float], Samples]


@dataclass(frozen=True)
class Site:
    """The site and the bare view, each served by the same kind of web server."""

    server: str
    port: int
    bare_port: int
    seconds: float
    counts: Counts

    def measure(self) -> Iterator[Line]:
        """Every line of this server."""
        self._bare(_WARM_UP_SECONDS)
        self._asked_before(list(itertools.islice(self._one_query(), CLIENTS)))
        bare = self._bare(self.seconds)
        yield Line(
            name="bare view, one indexed query",
            server=self.server,
            rate=bare.rate,
            p50=bare.p50,
            p99=bare.p99,
            sql="1",
        )
        under_middleware, bare = self._beside_bare(self._in_turn(self._one_query()))
        yield self._compared(
            "the same under the site's middleware", under_middleware, bare, sql="1"
        )
        yield from self._page_lines()
        yield from self._booking_lines()

    def _bare(self, seconds: float) -> Samples:
        return self.pages(self.bare_port, self._one_query(), seconds)

    def _beside_bare(self, measured: Measured) -> tuple[Samples, Samples]:
        """What is measured, and the bare view, in turn: no machine is always as fast."""
        samples, bare = Samples(), Samples()
        for _ in range(_TURNS):
            bare.add(self._bare(self.seconds / _TURNS))
            samples.add(measured(self.seconds / _TURNS))
        return samples, bare

    def _compared(
        self, name: str, samples: Samples, bare: Samples, *, sql: str, ratio: float | None = None
    ) -> Line:
        return Line(
            name=name,
            server=self.server,
            rate=samples.rate,
            p50=samples.p50,
            p99=samples.p99,
            sql=sql,
            reference="bare view",
            reference_rate=bare.rate,
            target=None if ratio is None else at_least(ratio, samples.rate, bare.rate),
        )

    # ------------------------------------------------------------ pages

    def _one_query(self) -> Iterator[bytes]:
        keys = _upcoming()
        return itertools.cycle([client.get(f"/bench/one-query/{key}/") for key in keys])

    def _page_lines(self) -> Iterator[Line]:
        people = User.objects.order_by("-pk")[:CLIENTS]
        cookies = crowd.sign_in(people)
        programme = reverse("programme")
        sessions = [reverse("session", args=[key]) for key in _upcoming()]
        pages: list[tuple[str, list[bytes], str, float | None]] = [
            (
                "programme, anonymous",
                [client.get(programme)],
                "programme, anonymous",
                _PAGE_RATIO,
            ),
            (
                "programme, signed in",
                [client.get(programme, cookies=each) for each in cookies],
                "programme, signed in",
                None,
            ),
            (
                "one session's page, anonymous",
                [client.get(sessions[0])],
                "session page, anonymous",
                _PAGE_RATIO,
            ),
            (
                f"{len(sessions)} sessions' pages in turn, anonymous",
                [client.get(each) for each in sessions],
                "session page, anonymous",
                None,
            ),
            (
                "session pages, signed in",
                [
                    client.get(page, cookies=each)
                    for page, each in zip(sessions, itertools.cycle(cookies), strict=False)
                ],
                "session page, signed in",
                None,
            ),
            (
                "month, signed in",
                [client.get(f"{programme}?view=month", cookies=each) for each in cookies],
                "month, signed in",
                None,
            ),
            (
                "course pages, signed in",
                [
                    client.get(page, cookies=each)
                    for page, each in zip(_courses(), itertools.cycle(cookies), strict=False)
                ],
                "course page, signed in",
                None,
            ),
            (
                "my bookings",
                [client.get(reverse("my_bookings"), cookies=each) for each in cookies],
                "my bookings",
                None,
            ),
            (
                "a booking's page",
                [
                    client.get(page, cookies=each)
                    for person, each in zip(people, cookies, strict=True)
                    for page in _bookings_of(person)
                ],
                "a booking's page",
                None,
            ),
            (
                "sessions on the desk",
                [client.get(reverse("manage_sessions"), cookies=_coordinator())],
                "sessions on the desk",
                None,
            ),
        ]
        for name, requests, counted, ratio in pages:
            self._asked_before(requests)
            samples, bare = self._beside_bare(self._in_turn(itertools.cycle(requests)))
            yield self._compared(name, samples, bare, sql=self.counts[counted].words, ratio=ratio)

    def _asked_before(self, requests: list[bytes]) -> None:
        """Each so often that every web process has answered it, and keeps what it keeps."""
        turns = itertools.chain.from_iterable(itertools.repeat(requests, 6))

        def visitor() -> Script:
            while request := next(turns, b""):
                yield request

        client.run(self.port, [visitor() for _ in range(CLIENTS)])

    def _in_turn(self, requests: Iterator[bytes]) -> Measured:
        return lambda seconds: self.pages(self.port, requests, seconds)

    def pages(self, port: int, requests: Iterator[bytes], seconds: float) -> Samples:
        """These requests in turn, of several visitors at once, for so long."""
        samples = Samples()
        deadline = time.monotonic() + seconds

        def visitor() -> Script:
            while time.monotonic() < deadline:
                answer = yield next(requests)
                assert answer.status == 200, f"answered {answer.status}"
                samples.seconds.append(answer.seconds)

        samples.whole = client.run(port, [visitor() for _ in range(CLIENTS)])
        return samples

    # ------------------------------------------------------------ bookings

    def _booking_lines(self) -> Iterator[Line]:
        people = iter(crowd.sign_in(list(_to_book()[:_BOOKERS])))
        crowd.vacuum()
        counted = self.counts["booking, confirmed"].words
        hot = crowd.add_session(capacity=20_000)
        # On days of their own: who booked there may still book here.
        for_raw = [
            crowd.add_session(capacity=20_000, days_ahead=410 + 10 * turn) for turn in range(_TURNS)
        ]
        raws, turns = raw_bookings.with_processes(), iter(for_raw)

        def booked(sessions: Iterable[int], *, look_first: bool = False) -> Measured:
            each = iter(sessions)
            return lambda seconds: self._bookings(each, people, seconds, look_first=look_first)

        def booked_after_raw(seconds: float) -> Samples:
            raw_bookings.measure(next(turns), raws, seconds=seconds)
            return on_hot(seconds)

        on_hot = booked(itertools.repeat(hot.pk))
        on_hot(_WARM_UP_SECONDS)
        on_one, bare = self._beside_bare(booked_after_raw)
        _check_counts([hot.pk])
        raw = max(raws, key=lambda each: each.rate)
        yield Line(
            name="bookings on one session",
            server=self.server,
            rate=on_one.rate,
            p50=on_one.p50,
            p99=on_one.p99,
            sql=counted,
            reference=f"raw SQL, {raw.processes} processes",
            reference_rate=raw.rate,
            target=_fast_enough(on_one, a_second=_HOT_RATE),
            note=(
                f"the bare view gives {bare.rate:,.0f} a second; raw SQL in one transaction"
                f" takes {raw.p50:.1f} ms (p50)."
            ),
        )
        yield self._compared("the same, beside the bare view", on_one, bare, sql=counted)
        spread_over = _upcoming()[:_SPREAD_OVER]
        spread, bare = self._beside_bare(booked(itertools.cycle(spread_over)))
        _check_counts(spread_over)
        line = self._compared(
            f"bookings spread over {_SPREAD_OVER} sessions", spread, bare, sql=counted
        )
        yield replace(line, target=_fast_enough(spread, a_second=_SPREAD_RATE))
        both, bare = self._beside_bare(booked(itertools.repeat(hot.pk), look_first=True))
        _check_counts([hot.pk])
        yield self._compared(
            "form read, then booked, on one session",
            both,
            bare,
            sql=f"{self.counts['booking form'].words} + {counted}",
        )

    def _bookings(
        self,
        sessions: Iterator[int],
        bookers: Iterator[dict[str, str]],
        seconds: float,
        *,
        look_first: bool = False,
    ) -> Samples:
        samples = Samples()
        deadline = time.monotonic() + seconds

        def booker() -> Script:
            while time.monotonic() < deadline:
                cookies = next(bookers, None)
                assert cookies is not None, "everybody has booked: there are too few people"
                address = reverse("book", args=[next(sessions)])
                took = 0.0
                if look_first:
                    page = yield client.get(address, cookies=cookies)
                    assert page.status == 200, f"the form answered {page.status}"
                    took += page.seconds
                answer = yield book_request(address, cookies)
                check_booked(answer)
                samples.seconds.append(took + answer.seconds)

        samples.whole = client.run(self.port, [booker() for _ in range(CLIENTS)])
        return samples


def _fast_enough(samples: Samples, *, a_second: int) -> Target:
    met = samples.rate >= a_second and samples.p99 < _P99_MS
    return Target(words=f">= {a_second}/s, p99 < {_P99_MS} ms", met=met)


def book_request(address: str, cookies: dict[str, str]) -> bytes:
    """Pressing the button of the booking form."""
    form = {"csrfmiddlewaretoken": crowd.csrf_token(), "needs": "Step-free access"}
    return client.post(address, form, cookies=cookies)


def check_booked(answer: Answer) -> None:
    """The answer leads to a booking's page."""
    assert answer.status == 302, f"booking answered {answer.status}: {answer.body.decode()}"
    assert answer.location.startswith("/bookings/"), f"booking led to {answer.location}"


def _upcoming() -> list[int]:
    sessions = Session.objects.filter(reference__startswith="U").order_by("starts_at", "pk")
    return list(sessions.values_list("pk", flat=True))


def _courses() -> list[str]:
    ahead = Course.objects.filter(sessions__reference__startswith="U").distinct()
    return [each.get_absolute_url() for each in ahead.order_by("pk")]


def _bookings_of(person: User) -> list[str]:
    return [each.get_absolute_url() for each in Booking.objects.for_person(person).order_by("pk")]


def _coordinator() -> dict[str, str]:
    """The cookies of the coordinator that `statements.count` made one."""
    return crowd.sign_in(User.objects.filter(is_coordinator=True)[:1])[0]


def bookers() -> Iterator[dict[str, str]]:
    """Signed-in people who have no booking ahead, each once."""
    while batch := list(_to_book()[:_BOOKERS]):
        yield from crowd.sign_in(batch)


def _to_book() -> "QuerySet[User]":
    return User.objects.order_by("pk").exclude(bookings__session__state="published")


def _check_counts(sessions: Iterable[int]) -> None:
    """The counts kept on the sessions are what their bookings say."""
    for session in Session.objects.filter(pk__in=list(sessions)):
        held = Booking.objects.for_session(session).holding_a_place().count()
        assert held == session.places_taken, f"{held} bookings, {session.places_taken} counted"
