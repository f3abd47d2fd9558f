"""The load test: how fast the site is on this machine, beside what the machine could do.

    python -m tests.load.bench [--quick] [--server granian|gunicorn|both] [--only NAME] [--strict]

It starts PostgreSQL with its data kept safe, Valkey, a mail sink and real web server processes,
fills them with 500 upcoming sessions and 20,000 people, and throws all of it away at the end.
"""

import argparse
import os
import sys
import time
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import django

from booking.local.processes import ServersRefused, stopped_by_signals
from booking.local.servers import REPOSITORY
from tests.load import report
from tests.load.installation import DEMO_SERVER, WEB_SERVERS, DoesNotStart, Installation, web_server
from tests.load.report import Line

if TYPE_CHECKING:
    from tests.load.statements import Counts

PARTS = ("statements", "http", "promotions", "feeds", "search", "files", "mails", "latency")
# Takes minutes, and a gigabyte: only when it is asked for.
LARGE_PARTS = ("people", "bulletins")
RESULTS = REPOSITORY / "test-results" / "bench.json"


def measure(
    installation: Installation, *, servers: Sequence[str], parts: Sequence[str], quick: bool
) -> Iterator[Line]:
    """Every line, as it is measured."""
    django.setup()
    # These need the settings, which need the servers' addresses.
    from tests.load import crowd, statements

    _say("Preparing the tables and the static files")
    installation.prepare()
    if "people" in parts:
        from tests.load import people

        _say("Filling in 600,000 people, 12,000 sessions and 1.2 million bookings")
        yield from people.measure(quick=quick)
        crowd.clear()
    if "bulletins" in parts:
        from tests.load import bulletins

        _say("Sending a bulletin to 50,000 people while bookings are made")
        yield from bulletins.measure(
            log_folder=installation.folder, count=5_000 if quick else 50_000
        )
        crowd.clear()
    if "files" in parts:
        from tests.load import files

        _say("Importing and exporting 2,000 sessions")
        yield from files.measure()
    if set(parts) <= {*LARGE_PARTS, "files"}:
        return
    _say("Counting statements with little data")
    crowd.populate(crowd.SMALL)
    few = statements.count(statements.FEW)
    crowd.clear()
    _say("Filling in 500 sessions and 20,000 people")
    crowd.populate(crowd.LARGE_QUICK if quick else crowd.LARGE)
    many = statements.count(statements.MANY)
    if "statements" in parts:
        yield from statements.lines(few, many)
    if "http" in parts:
        for server in servers:
            yield from _over_http(installation, server, many, seconds=1.5 if quick else 5)
    if "promotions" in parts:
        from tests.load import promotions

        _say("Promoting a waiting list")
        yield from promotions.measure(installation.database_url)
    if "feeds" in parts:
        from tests.load import feeds

        _say("Building feeds")
        yield from feeds.measure(seconds=1 if quick else 3)
    if "search" in parts:
        from tests.load import searching

        _say("Searching the programme")
        yield from searching.measure(seconds=1 if quick else 3)
    if "mails" in parts:
        from tests.load import backlog, mails

        _say("Delivering confirmations")
        yield from mails.measure(400 if quick else 2_000)
        _say("Sending a backlog")
        yield from backlog.measure(
            log_folder=installation.folder,
            mail_port=installation.mail_port,
            count=1_000 if quick else 10_000,
        )
    if "latency" in parts:
        from tests.load import latency

        _say("Waiting for confirmations")
        yield from latency.measure(
            mail_folder=installation.mail_folder,
            log_folder=installation.folder,
            seconds=5 if quick else 15,
        )


def _over_http(
    installation: Installation, server: str, counts: "Counts", *, seconds: float
) -> Iterator[Line]:
    from tests.load.over_http import Site

    _say(f"Asking {server} for pages and bookings")
    command, folder = WEB_SERVERS[server], installation.folder
    with (
        web_server(command, folder=folder, environment=os.environ) as site,
        web_server(
            command,
            folder=folder,
            environment=os.environ,
            application="tests.load.bare_wsgi:application",
            ready="/bench/one-query/1/",
        ) as reference,
    ):
        yield from Site(
            server=server,
            port=site.port,
            bare_port=reference.port,
            seconds=seconds,
            counts=counts,
        ).measure()


def _say(what: str) -> None:
    print(f"{what} ...", file=sys.stderr, flush=True)


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print the table and store it: 0, or with --strict 1 if a target was missed."""
    parser = argparse.ArgumentParser(description="Measure the site on this machine.")
    parser.add_argument("--quick", action="store_true", help="rougher figures in 90 seconds")
    parser.add_argument(
        "--server",
        default=DEMO_SERVER,
        choices=[*WEB_SERVERS, "both", "all"],
        help="the web server; both: granian and gunicorn",
    )
    parser.add_argument(
        "--only", choices=[*PARTS, *LARGE_PARTS], action="append", help="only this part"
    )
    parser.add_argument("--strict", action="store_true", help="fail if a target is missed")
    chosen = parser.parse_args(arguments)
    several = {"both": ("granian", "gunicorn"), "all": tuple(WEB_SERVERS)}
    began = time.monotonic()
    lines: list[Line] = []
    try:
        with stopped_by_signals(), Installation(purpose="bench", durable=True) as installation:
            lines.extend(
                measure(
                    installation,
                    servers=several.get(chosen.server, (chosen.server,)),
                    parts=chosen.only or PARTS,
                    quick=chosen.quick,
                )
            )
    except KeyboardInterrupt:
        return 130
    except (DoesNotStart, ServersRefused) as refusal:
        print(refusal, file=sys.stderr)
        return 1
    report.store(lines, RESULTS, seconds=time.monotonic() - began)
    report.show(lines)
    return 1 if chosen.strict and report.missed_targets(lines) else 0


if __name__ == "__main__":
    sys.exit(main())
