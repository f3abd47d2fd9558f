"""What was measured, as a table for people and as JSON for machines."""

import json
import math
import platform
from collections.abc import Container, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

_COLUMNS = (
    "measured",
    "rate/s",
    "p50 ms",
    "p99 ms",
    "SQL",
    "reference",
    "ref/s",
    "ratio",
    "target",
    "result",
)


@dataclass(frozen=True, kw_only=True)
class Target:
    """What is asked of a figure, in words, and whether it was met."""

    words: str
    met: bool


@dataclass(frozen=True, kw_only=True)
class Line:
    """One measurement. Rates are per second, times in milliseconds, `sql` statements each."""

    name: str
    server: str = ""
    rate: float | None = None
    p50: float | None = None
    p99: float | None = None
    sql: str = ""
    reference: str = ""
    reference_rate: float | None = None
    target: Target | None = None
    note: str = ""

    @property
    def title(self) -> str:
        """The name, after the web server's if one was measured."""
        return f"{self.server}: {self.name}" if self.server else self.name

    @property
    def ratio(self) -> float | None:
        """The rate as a share of the reference's."""
        if self.rate is None or not self.reference_rate:
            return None
        return self.rate / self.reference_rate

    @property
    def cells(self) -> tuple[str, ...]:
        """The line as the table shows it."""
        return (
            self.title,
            _number(self.rate),
            _number(self.p50),
            _number(self.p99),
            self.sql,
            self.reference,
            _number(self.reference_rate),
            "" if self.ratio is None else f"{self.ratio:.2f}",
            self.target.words if self.target else "",
            "" if self.target is None else "pass" if self.target.met else "MISSED",
        )

    def as_json(self) -> dict[str, Any]:
        """The line with its ratio."""
        return {**asdict(self), "ratio": self.ratio}


def at_least(ratio: float, rate: float, reference_rate: float) -> Target:
    """A share of the reference's rate that must be reached."""
    return Target(words=f"ratio >= {ratio}", met=rate >= ratio * reference_rate)


def percentile(seconds: Sequence[float], share: float) -> float:
    """The time, in milliseconds, within which this share of the samples lies.

    Without samples it is no number, which misses every target.
    """
    ordered = sorted(seconds)
    if not ordered:
        return math.nan
    return 1000 * ordered[max(math.ceil(len(ordered) * share) - 1, 0)]


def show(lines: Sequence[Line]) -> None:
    """Print the table, the notes under it, and which targets were missed."""
    show_table([_COLUMNS, *(line.cells for line in lines)], left={0, 5, 8, 9})
    for line in lines:
        if line.note:
            print(f"{line.title}: {line.note}")
    for name, fastest in _winners(lines).items():
        print(f"{name}: {fastest.server} is the fastest, {_number(fastest.rate)} a second.")
    missed = missed_targets(lines)
    print(f"\nTargets missed: {', '.join(missed)}." if missed else "\nAll targets were met.")


def show_table(rows: Sequence[Sequence[str]], *, left: Container[int] = ()) -> None:
    """Print rows of cells under the first, which is the heading; `left` columns begin together."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    print()
    for number, row in enumerate(rows):
        cells = [
            cell.ljust(width) if column in left else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        print("  ".join(cells).rstrip())
        if number == 0:
            print("  ".join("-" * width for width in widths))
    print()


def missed_targets(lines: Sequence[Line]) -> list[str]:
    """The names of the lines whose target was not met."""
    return [line.title for line in lines if line.target is not None and not line.target.met]


def _winners(lines: Sequence[Line]) -> dict[str, Line]:
    """The fastest web server of each measurement that was made with more than one."""
    by_name: dict[str, dict[str, Line]] = {}
    for line in lines:
        if line.server and line.rate is not None:
            by_name.setdefault(line.name, {})[line.server] = line
    return {
        name: max(measured.values(), key=lambda line: line.rate or 0)
        for name, measured in by_name.items()
        if len(measured) > 1
    }


def store(lines: Sequence[Line], path: Path, *, seconds: float) -> None:
    """Write the lines as JSON."""
    path.parent.mkdir(parents=True, exist_ok=True)
    whole = {
        "machine": platform.platform(),
        "python": platform.python_version(),
        "seconds": round(seconds, 1),
        "missed": missed_targets(lines),
        "lines": [line.as_json() for line in lines],
    }
    path.write_text(json.dumps(whole, indent=2) + "\n")


def _number(value: float | None) -> str:
    if value is None:
        return ""
    return f"{value:,.0f}" if value >= 100 else f"{value:.1f}"
