"""The load test: how fast the site is on this machine, beside what the machine could do.

    python -m tests.load.bench [--quick] [--server granian|gunicorn|both] [--only NAME] [--strict]

It starts PostgreSQL with its data kept safe, Valkey, a mail sink and real web server processes,
fills them with 500 upcoming sessions and 20,000 people, and throws all of it away at the end.
"""

import argparse
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING

import django

from tests.load import program
from tests.load.installation import DEMO_SERVER, WEB_SERVERS, Installation, web_server
from tests.load.report import Line

if TYPE_CHECKING:
    from tests.load.over_http import Site
    from tests.load.statements import Counts

PARTS = (
    *("start", "statements", "http", "promotions", "feeds", "search", "files", "mails"),
    "latency",
)
# Takes minutes, and a gigabyte: only when it is asked for.
LARGE_PARTS = ("people", "bulletins", "conference")
_say = program.say


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
    if "conference" in parts:
        from tests.load import conference

        _say("Joining a conference of 1,000 people")
        crowd.populate(conference.PEOPLE)
        for server in servers:
            with _site(installation, server, {}, seconds=1.5 if quick else 5) as site:
                yield from conference.measure(site, seconds=10 if quick else 60)
        crowd.clear()
    if "files" in parts:
        from tests.load import files

        _say("Importing and exporting 2,000 sessions")
        yield from files.measure()
    if "start" in parts:
        from tests.load import starting

        _say("Starting web processes")
        crowd.populate(crowd.SMALL)
        for server in servers:
            yield from starting.measure(
                server, folder=installation.folder, times=5 if quick else 15
            )
        crowd.clear()
    if set(parts) <= {*LARGE_PARTS, "files", "start"}:
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
            _say(f"Asking {server} for pages and bookings")
            with _site(installation, server, many, seconds=1.5 if quick else 5) as site:
                yield from site.measure()
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


@contextmanager
def _site(
    installation: Installation, server: str, counts: "Counts", *, seconds: float
) -> Iterator["Site"]:
    """The site and the bare view, each under a web server of this kind."""
    from tests.load.over_http import Site

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
        yield Site(
            server=server,
            port=site.port,
            bare_port=reference.port,
            seconds=seconds,
            counts=counts,
        )


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
    return program.run(
        "bench",
        partial(
            measure,
            servers=several.get(chosen.server, (chosen.server,)),
            parts=chosen.only or PARTS,
            quick=chosen.quick,
        ),
        is_strict=chosen.strict,
    )


if __name__ == "__main__":
    sys.exit(main())
