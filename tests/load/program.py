"""What every program here does around what it measures: start, print the table, say how it went."""

import sys
import time
from collections.abc import Callable, Iterable

from booking.local.processes import ServersRefused, stopped_by_signals
from booking.local.servers import REPOSITORY
from tests.load import report
from tests.load.installation import DoesNotStart, Installation
from tests.load.report import Line


def run(
    purpose: str, measure: Callable[[Installation], Iterable[Line]], *, is_strict: bool = True
) -> int:
    """Measure on an installation of its own, print the table and store it.

    Returns the exit code: 1 if the installation does not start, or with `is_strict` if a target was
    missed.
    """
    began = time.monotonic()
    lines: list[Line] = []
    try:
        with stopped_by_signals(), Installation(purpose=purpose, durable=True) as installation:
            lines.extend(measure(installation))
    except KeyboardInterrupt:
        return 130
    except (AssertionError, TimeoutError):
        # What was measured before is worth reading.
        report.show(lines)
        raise
    except (DoesNotStart, ServersRefused) as refusal:
        print(refusal, file=sys.stderr)
        return 1
    results = REPOSITORY / "test-results" / f"{purpose}.json"
    report.store(lines, results, seconds=time.monotonic() - began)
    report.show(lines)
    return 1 if is_strict and report.missed_targets(lines) else 0


def say(what: str) -> None:
    """What is being done now, for whoever waits."""
    print(f"{what} ...", file=sys.stderr, flush=True)
