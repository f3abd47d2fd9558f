"""People who press the button at the same moment, against real server processes.

    python -m tests.places.race [--unlocked]

prints what comes of 200 people racing for 20 places. With `--unlocked` the servers do not lock
the session's row: the control that shows what the lock is for.
"""

import argparse
import os
import sys
from collections import Counter
from collections.abc import Iterable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import django

from booking.local.processes import stopped_by_signals
from tests.load import client
from tests.load.client import Answer, Script
from tests.load.installation import Installation, WebServer, web_server

if TYPE_CHECKING:
    from accounts.models import User
    from booking.catalogue.models import Session

PEOPLE, PLACES = 200, 20
# Four processes of four threads: sixteen bookings are under way at every moment.
_SERVERS = (
    *("granian", "--interface", "wsgi", "--no-ws"),
    *("--workers", "4", "--blocking-threads", "4"),
)


def servers(
    *, folder: Path, environment: Mapping[str, str], unlocked: bool = False
) -> AbstractContextManager[WebServer]:
    """Four server processes of the site; `unlocked` ones do not lock the session's row."""
    application = "tests.places.unlocked" if unlocked else "booking.site.wsgi"
    return web_server(
        _SERVERS, folder=folder, environment=environment, application=f"{application}:application"
    )


@dataclass(frozen=True)
class Outcome:
    """What the answers were and what the database holds afterwards."""

    answers: Counter[str]
    confirmed: int
    waiting: int
    places_taken: int
    waiting_count: int
    tickets: list[int]
    positions: list[int]
    events: list[int]
    messages: list[int]

    @property
    def words(self) -> str:
        """For people."""
        answers = ", ".join(f"{count} x {what}" for what, count in sorted(self.answers.items()))
        return (
            f"answers: {answers}\n"
            f"bookings: {self.confirmed} confirmed, {self.waiting} waiting\n"
            f"counts on the session: {self.places_taken} taken, {self.waiting_count} waiting\n"
            f"tickets in the order of the bookings: {_ranges(self.tickets)}\n"
            f"events for each booking: {dict(Counter(self.events))}, "
            f"messages: {dict(Counter(self.messages))}"
        )


def race(port: int, session: "Session", people: Iterable["User"]) -> Outcome:
    """Everybody books the session at once, each over a connection of their own."""
    from tests.load import crowd
    from tests.load.over_http import book_request

    answers: list[Answer] = []

    def press(request: bytes) -> Script:
        answers.append((yield request))

    address = f"/sessions/{session.pk}/book/"
    requests = [book_request(address, cookies) for cookies in crowd.sign_in(people)]
    client.run(port, [press(request) for request in requests])
    return _outcome(session, answers)


def _outcome(session: "Session", answers: Iterable[Answer]) -> Outcome:
    from booking.places.models import Booking

    session.refresh_from_db()
    bookings = list(Booking.objects.for_session(session).order_by("pk"))
    waiting = [booking for booking in bookings if booking.state == Booking.State.WAITING]
    return Outcome(
        answers=Counter(
            f"{answer.status} to a booking"
            if answer.location.startswith("/bookings/")
            else str(answer.status)
            for answer in answers
        ),
        confirmed=sum(booking.state == Booking.State.CONFIRMED for booking in bookings),
        waiting=len(waiting),
        places_taken=session.places_taken,
        waiting_count=session.waiting_count,
        tickets=[booking.ticket or 0 for booking in waiting],
        positions=[booking.waiting_position for booking in waiting],
        events=[booking.events.count() for booking in bookings],
        messages=[booking.messages.count() for booking in bookings],
    )


def _ranges(numbers: list[int]) -> str:
    """1, 2, 3, 7 as "1-3, 7"."""
    parts: list[list[int]] = []
    for number in numbers:
        if parts and number == parts[-1][1] + 1:
            parts[-1][1] = number
        else:
            parts.append([number, number])
    return ", ".join(f"{a}-{b}" if a != b else str(a) for a, b in parts) or "none"


def main(arguments: list[str] | None = None) -> int:
    """Race once and print what came of it."""
    parser = argparse.ArgumentParser(description="200 people race for 20 places.")
    parser.add_argument("--unlocked", action="store_true", help="without the session's lock")
    chosen = parser.parse_args(arguments)
    with stopped_by_signals(), Installation(purpose="race", durable=True) as installation:
        django.setup()

        from tests.factories import make_person, make_session, morning

        installation.prepare()
        session = make_session(capacity=PLACES, starts_at=morning(21))
        people = [make_person() for _ in range(PEOPLE)]
        with servers(
            folder=installation.folder, environment=os.environ, unlocked=chosen.unlocked
        ) as site:
            sys.stdout.write(f"{race(site.port, session, people).words}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
