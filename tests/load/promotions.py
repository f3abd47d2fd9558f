"""Five hundred waiting people given a place after the capacity was raised."""

import time

import psycopg
from django.utils import timezone

from accounts.models import User
from booking.catalogue.models import Session
from booking.places.actions import FILL_AT_ONCE
from booking.places.models import Booking
from booking.places.sweep import sweep
from booking.scheduling import capacity
from tests.load import crowd
from tests.load.counting import Counting
from tests.load.report import Line, Target, percentile
from tests.load.statements import pairs

WAITING = 500
_FIRST_PLACES = 20
_SECONDS = 2.0
_LONGEST_HOLD_MS = 200


def measure(database_url: str) -> list[Line]:
    """The promotion by our own actions, beside the same rows updated by plain SQL."""
    reference = _reference(_full_session(days_ahead=600), database_url)
    # On another day, or everybody who waits would have a clash.
    session = _full_session(days_ahead=601)
    with Counting() as counting:
        began = time.perf_counter()
        capacity.change_capacity(
            session=session,
            capacity=_FIRST_PLACES + WAITING,
            by=_coordinator(),
            now=timezone.now(),
        )
        while sweep(now=timezone.now()):
            pass
        seconds = time.perf_counter() - began
    held = Booking.objects.for_session(session).confirmed().count()
    assert held == _FIRST_PLACES + WAITING, f"only {held} have a place"
    longest = _longest(counting)
    return [
        Line(
            name=f"{WAITING} waiting people promoted",
            rate=WAITING / seconds,
            p50=percentile(_seconds(counting), 0.5),
            p99=longest,
            sql=str(len(counting.statements)),
            reference=f"plain UPDATEs of {FILL_AT_ONCE} rows",
            reference_rate=WAITING / reference,
            target=Target(words=f"all within {_SECONDS:.0f} s", met=seconds < _SECONDS),
            note=(
                f"{seconds:.2f} s in all, {len(counting.holds)} transactions; the times are how"
                " long each held the session, the longest as p99."
            ),
        ),
        _nobody_can_take_it(),
    ]


def _coordinator() -> User:
    return User.objects.get_or_create(email="coordinator@load.example", is_coordinator=True)[0]


def _nobody_can_take_it() -> Line:
    """One sweep over a free place while everybody who waits has a booking at the same hour."""
    session = _full_session(days_ahead=601, first=2 * WAITING)
    taken_before = session.places_taken
    with Counting() as counting:
        capacity.change_capacity(
            session=session, capacity=_FIRST_PLACES + 1, by=_coordinator(), now=timezone.now()
        )
    session.refresh_from_db()
    assert session.places_taken == taken_before, "somebody was given a place despite a clash"
    longest = _longest(counting)
    return Line(
        name=f"a free place that none of {WAITING} can take",
        p99=longest,
        sql=counting.words,
        target=Target(words=f"held < {_LONGEST_HOLD_MS} ms", met=longest < _LONGEST_HOLD_MS),
        note="everybody who waits has a clash; every sweep and every booking goes through this.",
    )


def _seconds(counting: Counting) -> list[float]:
    return [hold.seconds for hold in counting.holds if hold.seconds is not None]


def _longest(counting: Counting) -> float:
    """The longest time that the session was locked, in milliseconds."""
    return max(_seconds(counting)) * 1000


def _full_session(*, days_ahead: int, first: int = 0) -> Session:
    """A session filled by the people from `first` on; the same ones wait whoever fills it."""
    session = crowd.add_session(capacity=_FIRST_PLACES, days_ahead=days_ahead)
    people = list(User.objects.order_by("pk").values_list("pk", flat=True))
    crowd.add_bookings(pairs(people[first : first + _FIRST_PLACES], [session.pk]))
    waiting = people[_FIRST_PLACES : _FIRST_PLACES + WAITING]
    crowd.add_bookings(pairs(waiting, [session.pk]), state="waiting")
    session.refresh_from_db()
    assert session.waiting_count == WAITING
    return session


def _reference(session: Session, database_url: str) -> float:
    """Seconds that the bare state changes take in transactions of the same size."""
    waiting = Booking.objects.waiting().for_session(session)
    keys = list(waiting.values_list("pk", flat=True))
    with psycopg.connect(database_url) as link:
        began = time.perf_counter()
        for start in range(0, len(keys), FILL_AT_ONCE):
            batch = keys[start : start + FILL_AT_ONCE]
            with link.transaction():
                link.execute(
                    "SELECT id FROM booking_session WHERE id = %s FOR NO KEY UPDATE", [session.pk]
                )
                link.execute(
                    "UPDATE booking_booking SET state = 'confirmed', confirmed_at = now()"
                    " WHERE id = ANY(%s)",
                    [batch],
                )
                link.execute(
                    "UPDATE booking_session SET capacity = capacity + %s,"
                    " places_taken = places_taken + %s, waiting_count = waiting_count - %s"
                    " WHERE id = %s",
                    [len(batch), len(batch), len(batch), session.pk],
                )
        return time.perf_counter() - began
