"""How long a web process takes from its start to its first answer, with its bytecode kept."""

import os
from collections.abc import Iterator
from pathlib import Path
from statistics import median

from django.urls import reverse

from booking.local.servers import LOCAL
from tests.load.installation import WEB_SERVERS, web_server
from tests.load.processors import Reading
from tests.load.report import Line, Target

_AT_MOST_SECONDS = 1.0
_SITE, _BARE = "tests.load.site_start:application", "tests.load.bare_start:application"


def measure(server: str, *, folder: Path, times: int) -> Iterator[Line]:
    """The programme as the first answer, in turn with Django that has one view and no app."""
    first_pages = {_SITE: reverse("programme"), _BARE: "/"}
    started: dict[str, list[tuple[float, float]]] = {each: [] for each in first_pages}
    for number in range(times + 1):
        for application, address in first_pages.items():
            found = _start(server, application, address, folder=folder)
            # The first of each keeps the bytecode for the others.
            if number:
                started[application].append(found)
    (seconds, spent), (bare_seconds, bare_spent) = (
        [median(each) for each in zip(*started[application], strict=True)]
        for application in first_pages
    )
    yield Line(
        name="from process start to the first answer",
        server=server,
        rate=1 / seconds,
        p50=1000 * seconds,
        reference="Django, no app, one query",
        reference_rate=1 / bare_seconds,
        target=Target(words=f"< {_AT_MOST_SECONDS:.0f} s", met=seconds < _AT_MOST_SECONDS),
        note=(
            f"{seconds:.2f} s, the median of {times}, and {spent:.2f} s of the processors. The"
            f" reference takes {bare_seconds:.2f} s and {bare_spent:.2f} s, so it is"
            f" {seconds / bare_seconds:.1f} and {spent / bare_spent:.1f} times as much."
        ),
    )


def _start(server: str, application: str, address: str, *, folder: Path) -> tuple[float, float]:
    """Seconds until one process of this server has answered, and what it took of processors."""
    environment = {
        **os.environ,
        "PYTHONDONTWRITEBYTECODE": "",
        "PYTHONPYCACHEPREFIX": str(LOCAL / "bytecode"),
    }
    with web_server(
        (*WEB_SERVERS[server], "--workers", "1"),
        folder=folder,
        environment=environment,
        application=application,
        ready=address,
    ) as running:
        return running.seconds_to_first_answer, Reading.now().programs["web"]
