"""People who come for one session: what they do, and how long they wait for each answer."""

import itertools
import random
import time
from collections import defaultdict, deque
from collections.abc import Iterator
from dataclasses import dataclass, field

from tests.load import client
from tests.load.client import Answer, Later, Script
from tests.load.report import Line, percentile

LIMIT_MS = 500
# What somebody takes to read a page, in seconds.
_READING = (0.5, 2.5)
_STEPS = ("page", "form", "booking", "where it leads", "page again")
# Seconds of arrivals that are looked at together while more and more come.
_WINDOW_SECONDS = 2.0
_RECENT = 30


@dataclass
class Visits:
    """What the people who came were answered."""

    began: float = field(default_factory=time.perf_counter)
    came: int = 0
    # The step, when it was due in seconds since the beginning, and the seconds it took.
    noted: list[tuple[str, float, float]] = field(default_factory=list)
    recent: deque[float] = field(default_factory=lambda: deque(maxlen=_RECENT))
    latest: float = 0.0

    def note(self, step: str, answer: Answer, *, status: int = 200) -> None:
        """Keep how long it took. Raises `AssertionError` for another answer than is due."""
        assert answer.status == status, f"{step} answered {answer.status}"
        due = time.perf_counter() - answer.seconds - self.began
        self.noted.append((step, due, answer.seconds))
        self.recent.append(answer.seconds)

    def p(self, share: float, step: str | None = None) -> float:
        """Milliseconds that this share of the answers stayed within."""
        chosen = [took for name, _, took in self.noted if step in (None, name)]
        return percentile(chosen, share)

    @property
    def is_overwhelmed(self) -> bool:
        """Whether the last answers took far too long."""
        return len(self.recent) == _RECENT and percentile(list(self.recent), 0.5) > 2 * LIMIT_MS

    def first_too_slow(self) -> float | None:
        """When answers began to take too long, in seconds since the beginning.

        One window alone may be a moment's trouble; the next one has to be as slow.
        """
        windows: dict[int, list[float]] = defaultdict(list)
        for _, due, took in self.noted:
            windows[int(due / _WINDOW_SECONDS)].append(took)
        slow = [percentile(windows[number], 0.99) >= LIMIT_MS for number in sorted(windows)]
        for number, both in zip(sorted(windows), itertools.pairwise(slow), strict=False):
            if all(both):
                return number * _WINDOW_SECONDS
        return None


def visit(
    visits: Visits, session_id: int, cookies: dict[str, str], chance: random.Random
) -> Script:
    """One person, from the session's page to the look after the booking."""
    from tests.load.over_http import book_request, check_booked

    page, form = f"/sessions/{session_id}/", f"/sessions/{session_id}/book/"
    visits.came += 1
    visits.note("page", (yield client.get(page, cookies=cookies)))
    visits.note("form", (yield Later(chance.uniform(*_READING), client.get(form, cookies=cookies))))
    booked = yield Later(chance.uniform(*_READING), book_request(form, cookies))
    check_booked(booked)
    visits.note("booking", booked, status=302)
    visits.note("where it leads", (yield client.get(booked.location, cookies=cookies)))
    again = yield Later(chance.uniform(*_READING), client.get(page, cookies=cookies))
    visits.note("page again", again)


def steps(of: str, visits: Visits) -> Iterator[Line]:
    """How long each step took."""
    for step in _STEPS:
        yield Line(name=f"{of}: {step}", p50=visits.p(0.5, step), p99=visits.p(0.99, step))
