"""A quarter of an hour of pages and bookings: what they took, minute by minute, if it is flat."""

import math
import threading
import time
from collections import defaultdict, deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from tests.load import processors, report
from tests.load.client import Answer
from tests.load.installation import DEMO_SERVER
from tests.load.report import Line, Target, percentile

_P99_MS = 150
# When half of so many answers in turn take longer than this, it is given up.
_RECENT, _HOPELESS_MS = 200, 5_000
# More than the first minute's by so much is not flat.
_MORE_MEMORY, _MORE_STATEMENTS = 1.10, 1.05
_MEMORY_OF = ("web", "worker")


@dataclass
class Quarter:
    """The answers of the quarter of an hour, and the memory in use at the end of each slice."""

    seconds: float
    rates: Mapping[str, float]
    # The seconds and statements of each answer, by its kind and the slice in which it was due.
    answers: dict[tuple[str, int], list[tuple[float, int]]] = field(
        default_factory=lambda: defaultdict(list)
    )
    memory: list[Mapping[str, int]] = field(default_factory=list)
    recent: deque[float] = field(default_factory=lambda: deque(maxlen=_RECENT))
    # What half of the answers in turn took when it was given up, or nothing.
    hopeless_ms: float = 0.0
    began: float = 0.0
    latest: float = 0.0
    is_over: threading.Event = field(default_factory=threading.Event)

    @property
    def slice_seconds(self) -> float:
        """A minute, or a quarter of a shorter run."""
        return min(60.0, self.seconds / 4)

    @property
    def slices(self) -> int:
        """How many there are."""
        return int(self.seconds / self.slice_seconds)

    def note(self, kind: str, answer: Answer) -> None:
        """Keep what it took. What is due after the end, of visits begun before, counts as last."""
        assert answer.statements is not None, "the server does not count statements"
        due = time.perf_counter() - answer.seconds - self.began
        number = min(int(due / self.slice_seconds), self.slices - 1)
        self.answers[kind, number].append((answer.seconds, answer.statements))
        self.recent.append(answer.seconds)

    def is_given_up(self) -> bool:
        """Whether answers took so long, once, that more and more people would only queue."""
        if not self.hopeless_ms and len(self.recent) == _RECENT:
            half = percentile(list(self.recent), 0.5)
            self.hopeless_ms = half if half > _HOPELESS_MS else 0.0
        return bool(self.hopeless_ms)

    def of(self, kind: str, number: int | None = None) -> list[tuple[float, int]]:
        """The answers of one kind, of the whole time or of one slice."""
        numbers = range(self.slices) if number is None else (number,)
        return [each for chosen in numbers for each in self.answers[kind, chosen]]

    def statements(self, kind: str, number: int | None = None) -> float:
        """A request's, on average; no number, which misses every target, if there was none."""
        chosen = self.of(kind, number)
        return sum(each for _, each in chosen) / len(chosen) if chosen else math.nan

    def p(self, share: float, kind: str, number: int | None = None) -> float:
        """Milliseconds that this share of the answers stayed within."""
        return percentile([seconds for seconds, _ in self.of(kind, number)], share)

    # ------------------------------------------------------------ what is told of it

    def show(self) -> None:
        """Print what each slice was like."""
        heading = ["until s"]
        for kind in self.rates:
            heading += [f"{kind}/s", "p50 ms", "p99 ms", "SQL"]
        rows = [[*heading, *(f"{name} MB" for name in _MEMORY_OF)]]
        for number in range(self.slices):
            row = [f"{(number + 1) * self.slice_seconds:.0f}"]
            for kind in self.rates:
                row += [
                    f"{len(self.of(kind, number)) / self.slice_seconds:.0f}",
                    f"{self.p(0.5, kind, number):.1f}",
                    f"{self.p(0.99, kind, number):.1f}",
                    f"{self.statements(kind, number):.2f}",
                ]
            rows.append([*row, *(f"{self.memory[number][each] / 1e6:.0f}" for each in _MEMORY_OF)])
        report.show_table(rows)

    def lines(self, shares: processors.Shares) -> Iterator[Line]:
        """Whether each promise was kept."""
        for kind, rate in self.rates.items():
            p99, number = self.p(0.99, kind), len(self.of(kind))
            yield Line(
                name=f"shoebox: {kind}",
                server=DEMO_SERVER,
                rate=number / self.seconds,
                p50=self.p(0.5, kind),
                p99=p99,
                sql=f"{self.statements(kind):.1f}",
                target=Target(words=f"p99 < {_P99_MS} ms", met=p99 < _P99_MS),
                note=f"{number:,} in {self.seconds:.0f} s, {rate:g} a second asked for.",
            )
        yield Line(
            name="shoebox: two processors",
            note=(
                f"{shares.words}. The client's own delay was at most {1000 * self.latest:.0f} ms."
            ),
        )
        for name in _MEMORY_OF:
            held, holds = self.memory[0][name], self.memory[-1][name]
            yield Line(
                name=f"shoebox: memory, {name}",
                target=Target(
                    words=f"last <= {_MORE_MEMORY:g} of first", met=holds <= _MORE_MEMORY * held
                ),
                note=f"{held / 1e6:.0f} MB after the first slice, {holds / 1e6:.0f} MB at the end.",
            )
        for kind in self.rates:
            first, last = (self.statements(kind, number) for number in (0, self.slices - 1))
            yield Line(
                name=f"shoebox: statements, {kind}",
                target=Target(
                    words=f"last <= {_MORE_STATEMENTS:g} of first",
                    met=last <= _MORE_STATEMENTS * first,
                ),
                note=f"{first:.2f} a request in the first slice, {last:.2f} in the last.",
            )


def overwhelmed(quarter: Quarter, shares: processors.Shares) -> Line:
    """That it was too much, instead of figures about a queue."""
    return Line(
        name="shoebox: pages and bookings",
        target=Target(words=f"p99 < {_P99_MS} ms", met=False),
        note=(
            f"given up: half of {_RECENT} answers in turn took {quarter.hopeless_ms / 1000:.1f} s"
            f" or more. {shares.words}."
        ),
    )
