"""What came of each fault, as a table for people and as JSON for machines."""

import json
import platform
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

_COLUMNS = ("fault", "tried", "lost", "duplicated", "recovered in", "result")


@dataclass
class Row:
    """One fault: what was tried and what came of it.

    `lost` counts what was promised and did not happen; `duplicated` what happened more than once;
    `seconds` is how long it took, once the fault was over, until everything was done.
    """

    fault: str
    tried: str
    lost: int = 0
    duplicated: int = 0
    seconds: float | None = None
    notes: list[str] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)

    def expect(self, is_so: bool, otherwise: str) -> None:
        """Note a failure, in words, unless something is so."""
        if not is_so:
            self.failures.append(otherwise)

    def expect_equal(self, what: str, found: object, wanted: object) -> None:
        """Note a failure unless what was found is what was wanted."""
        self.expect(found == wanted, f"{what}: {found}, and not {wanted}")

    def took(self, seconds: float, *, at_most: float) -> None:
        """Note the longest recovery so far, and a failure if it took too long."""
        self.seconds = max(seconds, self.seconds or 0.0)
        self.expect(seconds <= at_most, f"took {seconds:.1f} s, and not {at_most:.0f} at most")

    @property
    def cells(self) -> tuple[str, ...]:
        """The row as the table shows it."""
        return (
            self.fault,
            self.tried,
            f"{self.lost:,}",
            f"{self.duplicated:,}",
            "" if self.seconds is None else f"{self.seconds:.1f} s",
            "FAILED" if self.failures else "pass",
        )

    def as_json(self) -> dict[str, Any]:
        """The row with its result."""
        return {**asdict(self), "passed": not self.failures}


def show(rows: Sequence[Row]) -> str:
    """The table, then what is to be said about single rows."""
    cells = [_COLUMNS, *(row.cells for row in rows)]
    widths = [max(len(each[column]) for each in cells) for column in range(len(_COLUMNS))]
    right = {2, 3, 4}
    lines = [
        "  ".join(
            cell.rjust(width) if column in right else cell.ljust(width)
            for column, (cell, width) in enumerate(zip(each, widths, strict=True))
        ).rstrip()
        for each in cells
    ]
    lines.insert(1, "  ".join("-" * width for width in widths))
    lines.append("")
    lines += [f"{row.fault}: {note}" for row in rows for note in row.notes]
    lines += [f"{row.fault}: FAILED: {failure}" for row in rows for failure in row.failures]
    failed = [row.fault for row in rows if row.failures]
    lines.append(f"Failed: {'; '.join(failed)}." if failed else "Every fault was survived.")
    return "\n".join(lines)


def store(rows: Sequence[Row], path: Path, *, is_full: bool, seconds: float) -> None:
    """Write the rows as JSON."""
    path.parent.mkdir(parents=True, exist_ok=True)
    whole = {
        "machine": platform.platform(),
        "python": platform.python_version(),
        "full": is_full,
        "seconds": round(seconds, 1),
        "rows": [row.as_json() for row in rows],
    }
    path.write_text(json.dumps(whole, indent=2) + "\n")


def read(path: Path) -> list[Row]:
    """The rows that `store` wrote."""
    stored = json.loads(path.read_text())["rows"]
    return [Row(**{name: each[name] for name in each if name != "passed"}) for each in stored]
