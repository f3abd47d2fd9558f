"""What must be true of a conference after the rush: its places, its waiting list, its mails."""

import itertools
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from django.db import connection

from booking.catalogue.models import Session
from booking.outbox.models import Message
from tests.load.latency import recipient
from tests.load.report import Line, Target, percentile

HANDED_OVER_SECONDS = 60
_PATIENCE_SECONDS = 900.0


@dataclass(frozen=True)
class Asked:
    """One booking as it was committed: a place, or a turn on the waiting list."""

    email: str
    state: str
    ticket: int | None
    committed: datetime


@dataclass
class Checks:
    """What was found wrong after any of the runs, and how long each confirmation took."""

    places: list[str] = field(default_factory=list)
    order: list[str] = field(default_factory=list)
    mails: list[str] = field(default_factory=list)
    waits: list[float] = field(default_factory=list)
    booked: int = 0
    waiting: int = 0

    def look_at(self, session: Session, *, came: int, mail_folder: Path) -> None:
        """Everything about one session, once all its mails have left. Raises `TimeoutError`."""
        _wait_until_all_is_sent(session)
        session.refresh_from_db()
        asked = _asked(session)
        self.booked += sum(each.state == "confirmed" for each in asked)
        self.waiting += sum(each.state == "waiting" for each in asked)
        self.places += wrong_places(
            asked, capacity=session.capacity, came=came, counted=session.places_taken
        )
        self.order += wrong_order(asked)
        handed_over = _handed_over(mail_folder)
        self.mails += wrong_mails(asked, handed_over)
        self.waits += [
            handed_over[each.email][0] - each.committed.timestamp()
            for each in asked
            if handed_over.get(each.email)
        ]

    def forget_times(self) -> None:
        """Count from here on; what was found wrong stays."""
        self.waits.clear()
        self.booked = self.waiting = 0

    def lines(self, of: str) -> Iterator[Line]:
        """What was promised, and whether it was kept; `of` is what was measured."""
        yield _kept(
            f"{of}: exact places",
            "as many as there are",
            self.places,
            f"{self.booked:,} booked, {self.waiting:,} on waiting lists.",
        )
        yield _kept(f"{of}: order of the waiting list", "by commit", self.order)
        in_time = percentile(self.waits, 1) <= 1000 * HANDED_OVER_SECONDS
        quarters = ", ".join(
            f"{share:.0%} within {percentile(self.waits, share) / 1000:.1f} s"
            for share in (0.5, 0.9, 0.99, 1)
        )
        yield Line(
            name=f"{of}: confirmations, commit to SMTP accept",
            p50=percentile(self.waits, 0.5),
            p99=percentile(self.waits, 0.99),
            target=Target(
                words=f"each once, within {HANDED_OVER_SECONDS} s", met=in_time and not self.mails
            ),
            note=" ".join([f"{len(self.waits):,}: {quarters}.", *self.mails]),
        )


def _kept(name: str, words: str, wrong: Sequence[str], note: str = "") -> Line:
    target = Target(words=words, met=not wrong)
    return Line(name=name, target=target, note=" ".join(filter(None, [note, *wrong])))


def wrong_places(asked: Sequence[Asked], *, capacity: int, came: int, counted: int) -> list[str]:
    """In sentences, what is wrong: everybody has one booking, and just as many a place as can."""
    held = sum(each.state == "confirmed" for each in asked)
    people = len({each.email for each in asked})
    wrong = []
    if held != min(capacity, came):
        wrong.append(f"{held} have one of {capacity} places, of {came} who came.")
    if counted != held:
        wrong.append(f"{held} have a place and {counted} are counted.")
    if not people == len(asked) == came:
        wrong.append(f"{came} came, and {people} have {len(asked)} bookings.")
    return wrong


def wrong_order(asked: Sequence[Asked]) -> list[str]:
    """In sentences, what is wrong: tickets rise with commits, and all places went before them."""
    waiting = sorted(
        (each for each in asked if each.ticket is not None), key=lambda each: each.ticket or 0
    )
    wrong = [
        f"Ticket {behind.ticket} was committed before ticket {ahead.ticket}."
        for ahead, behind in itertools.pairwise(waiting)
        if behind.committed < ahead.committed
    ]
    late = [
        each.email
        for each in asked
        if each.ticket is None and waiting and each.committed > waiting[0].committed
    ]
    if late:
        wrong.append(f"{len(late)} were given a place after others had to wait.")
    return wrong


def wrong_mails(asked: Sequence[Asked], handed_over: Mapping[str, Sequence[float]]) -> list[str]:
    """In sentences, what is wrong: each has one mail."""
    numbers = [len(handed_over.get(each.email, ())) for each in asked]
    none, twice = numbers.count(0), sum(number > 1 for number in numbers)
    wrong = [f"{none} had no mail."] if none else []
    return [*wrong, f"{twice} had more than one mail."] if twice else wrong


def _wait_until_all_is_sent(session: Session) -> None:
    unsent = Message.objects.unsettled().filter(booking__session=session)
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while unsent.exists():
        if time.monotonic() > deadline:
            raise TimeoutError(f"{unsent.count()} mails have not left after fifteen minutes.")
        time.sleep(0.5)


def _asked(session: Session) -> list[Asked]:
    """Every booking with the moment of its commit, which the row of its history tells."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT person.email, booking.state, booking.ticket,"
            " pg_xact_commit_timestamp(event.xmin)"
            " FROM booking_booking booking"
            " JOIN booking_bookingevent event ON event.booking_id = booking.id"
            " AND event.what IN ('booked', 'joined')"
            " JOIN accounts_user person ON person.id = booking.person_id"
            " WHERE booking.session_id = %s",
            [session.pk],
        )
        return [Asked(*row) for row in cursor.fetchall()]


def _handed_over(mail_folder: Path) -> dict[str, list[float]]:
    """By address: when the mail server took each mail, in seconds of this machine's clock."""
    found: dict[str, list[float]] = defaultdict(list)
    for path in sorted(mail_folder.glob("[0-9]*.eml")):
        found[recipient(path)].append(int(path.name.split("-")[0]) / 1e9)
    return found
