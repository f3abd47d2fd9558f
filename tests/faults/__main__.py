"""Everything that may fail, made to fail, one after the other, around real processes.

    python -m tests.faults [--short] [--only NAME]... [--json PATH]

It starts PostgreSQL with its data kept safe, Valkey, a mail server that misbehaves on command, web
servers, workers and beat; it kills, stops and cuts them off; and it says for each fault what was
lost, what was duplicated and how long the rest took. `--list` names the faults.

A short run tries half of them in a second process: most of the time they wait.
"""

import argparse
import contextlib
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

import django

from booking.local.processes import GuardedProcess, ServersRefused, stopped_by_signals
from booking.local.servers import REPOSITORY
from tests.faults import report
from tests.faults.report import Row
from tests.faults.scale import FULL, SHORT, Scale
from tests.faults.site import Site
from tests.load.installation import DoesNotStart

RESULTS = REPOSITORY / "test-results" / "faults.json"
NAMES = (
    "last-places",
    "clicks",
    "freed-places",
    "capacity",
    "kills",
    "redis",
    "mail-server",
    "mail-refusals",
    "database",
    "repeated",
    "poison",
    "clocks",
    "by-chance",
)
BESIDE = ("mail-server", "database", "redis", "mail-refusals", "poison")


def rows_of(name: str, site: Site, scale: Scale) -> Iterable[Row]:
    """Try one group of faults. What it raises is a failure of the first of them."""
    # These need the settings, which need the servers' addresses.
    from tests.faults import (
        by_chance,
        clock_changes,
        database_restart,
        freed_places,
        kills,
        mail_trouble,
        races,
        redis_away,
        repeated_tasks,
    )

    tries = {
        "last-places": races.last_places,
        "clicks": races.many_clicks,
        "freed-places": freed_places.passed_on,
        "capacity": freed_places.capacity_lowered,
        "kills": kills.killed_workers,
        "redis": redis_away.redis_trouble,
        "mail-server": mail_trouble.server_trouble,
        "mail-refusals": mail_trouble.refused_for_good,
        "database": database_restart.restarted,
        "repeated": repeated_tasks.repeated_and_shuffled,
        "poison": mail_trouble.poison,
        "clocks": clock_changes.reminders,
        "by-chance": by_chance.deep_tests,
    }
    return tries[name](site, scale)


def run(names: Sequence[str], scale: Scale) -> list[Row]:
    """Try each group and say what came of it, as it comes."""
    rows: list[Row] = []
    with Site() as site:
        django.setup()
        site.installation.prepare()
        for name in names:
            began = time.monotonic()
            print(f"{name} ...", file=sys.stderr, flush=True)
            found: list[Row] = []
            try:
                found.extend(rows_of(name, site, scale))
            except Exception as trouble:  # noqa: BLE001 - whatever goes wrong is a fault not survived
                print(traceback.format_exc(), file=sys.stderr)
                story = f"{type(trouble).__name__}: {trouble}".splitlines()[0]
                found.append(Row(name, "broken off", failures=[story]))
            for row in found:
                print("  " + "  ".join(row.cells), *row.failures, sep="\n    ", file=sys.stderr)
            print(f"{name}: {time.monotonic() - began:.0f} s", file=sys.stderr, flush=True)
            rows.extend(found)
    return rows


@contextlib.contextmanager
def tried_beside(names: Sequence[str]) -> Iterator[Callable[[], list[Row]]]:
    """Try these in another process, with servers of its own; the call waits for their rows."""
    if not names:
        yield list
        return
    with tempfile.TemporaryDirectory() as folder:
        stored = Path(folder) / "rows.json"
        only = [word for name in names for word in ("--only", name)]
        other = GuardedProcess(
            [sys.executable, "-m", "tests.faults", "--short", *only, "--json", str(stored)],
            log=Path(folder) / "log",
            directory=REPOSITORY,
        )

        def rows() -> list[Row]:
            other.wait()
            print(other.log.read_text(), file=sys.stderr)
            if stored.exists():
                return report.read(stored)
            return [Row("the faults tried beside", "broken off", failures=other.last_lines(1))]

        try:
            yield rows
        finally:
            other.stop(seconds=60)


def main(arguments: Sequence[str] | None = None) -> int:
    """Try them, print the table and store it: 0 if every fault was survived, else 1."""
    parser = argparse.ArgumentParser(description="Make everything fail that may fail.")
    parser.add_argument("--short", action="store_true", help="fewer rounds, shorter outages")
    parser.add_argument("--only", choices=NAMES, action="append", help="only this group")
    parser.add_argument("--json", type=Path, default=RESULTS, help="where the rows are stored")
    parser.add_argument("--list", action="store_true", help="name the groups and stop")
    chosen = parser.parse_args(arguments)
    if chosen.list:
        print("\n".join(NAMES))
        return 0
    beside = BESIDE if chosen.short and not chosen.only else ()
    here = chosen.only or [name for name in NAMES if name not in beside]
    began = time.monotonic()
    try:
        with stopped_by_signals(), tried_beside(beside) as others:
            rows = run(here, SHORT if chosen.short else FULL) + others()
    except KeyboardInterrupt:
        return 130
    except (DoesNotStart, ServersRefused) as refusal:
        print(refusal, file=sys.stderr)
        return 1
    seconds = time.monotonic() - began
    report.store(rows, chosen.json, is_full=not chosen.short, seconds=seconds)
    print(f"\n{report.show(rows)}\nTook {seconds / 60:.1f} minutes.")
    return 1 if any(row.failures for row in rows) else 0


if __name__ == "__main__":
    sys.exit(main())
