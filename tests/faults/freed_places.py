"""Places that come free and are taken at the same moment, by real processes."""

import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from functools import partial

import psycopg
from django.db.models import Count
from django.utils import timezone

from accounts.models import User
from booking.catalogue.models import Session
from booking.places import actions
from booking.places.changing import answering
from booking.places.events import BookingEvent
from booking.places.models import Booking
from booking.places.refusals import CapacityTooLow, PlaceRefused
from booking.places.sweep import sweep
from booking.scheduling.capacity import change_capacity
from tests.faults.accounts_of_mail import begin_anew
from tests.faults.report import Row
from tests.faults.scale import Scale
from tests.faults.site import Site
from tests.load import client, crowd
from tests.load.client import Answer, Script
from tests.load.over_http import book_request
from tests.load.statements import pairs
from tests.load.together import in_processes, meet

PLACES, WAITING, NEWCOMERS = 200, 400, 100
STRANDED_AT_MOST = 60.0
_PATIENCE_SECONDS = 90.0
# People's keys: those with a place, then those who wait, then newcomers, then a coordinator.
_EVERYBODY = PLACES + WAITING + NEWCOMERS + 1


def passed_on(site: Site, scale: Scale) -> list[Row]:
    """200 cancel while others accept, decline, let lapse, join, and the capacity moves."""
    row = Row("freed places", f"{PLACES} cancels against {PLACES} offers, 7 processes")
    begin_anew(site, people=_EVERYBODY)
    session = _full_session()
    roles: tuple[Callable[[int], Counter[str]], ...] = (
        _cancel_even,
        _cancel_odd,
        _accept,
        _decline,
        _let_lapse,
        _join,
        _move_capacity,
    )
    with site.worker_and_beat(), _watched(site, session) as watch:
        came = in_processes(len(roles), _play, [role.__name__ for role in roles], session.pk)
        # Every process has finished; the last offers stay open and nothing else may be free.
        _sweep_all()
        time.sleep(1)
    outcomes = sum(came, Counter[str]())
    wrong = {what: count for what, count in outcomes.items() if what.startswith("!")}
    row.expect_equal("errors", wrong, {})
    for what in ("cancelled", "accepted", "declined", "joined", "swept", "capacity changed"):
        row.expect(outcomes[what] >= 3, f"only {outcomes[what]} {what}, so the race proves little")
    _check_watch(row, watch)
    _check_end(row, session)
    row.notes.append(
        ", ".join(f"{count} {what}" for what, count in sorted(outcomes.items()) if count)
    )
    return [row]


def _full_session() -> Session:
    session = crowd.add_session(capacity=PLACES, days_ahead=90)
    Session.objects.filter(pk=session.pk).update(promotion=Session.Promotion.OFFER, offer_hours=24)
    keys = list(User.objects.order_by("pk").values_list("pk", flat=True))
    crowd.add_bookings(pairs(keys[:PLACES], [session.pk]))
    crowd.add_bookings(pairs(keys[PLACES : PLACES + WAITING], [session.pk]), state="waiting")
    session.refresh_from_db()
    return session


# ---------------------------------------------------------------- what each process does


def _play(number: int, roles: Sequence[str], session_id: int) -> Counter[str]:
    """Play one role in a process of its own; how often each thing came of it."""
    role: Callable[[int], Counter[str]] = globals()[roles[number]]
    meet()
    return role(session_id)


def _tried(outcomes: Counter[str], what: str, act: Callable[[], object]) -> None:
    try:
        act()
    except PlaceRefused as refused:
        outcomes[f"{what} refused ({type(refused).__name__})"] += 1
    except Exception as trouble:  # noqa: BLE001 - whatever it is, it must be seen in the table
        outcomes[f"!{what}: {type(trouble).__name__}: {trouble}"[:200]] += 1
    else:
        outcomes[what] += 1


def _cancel_even(session_id: int) -> Counter[str]:
    return _cancel(session_id, remainder=0)


def _cancel_odd(session_id: int) -> Counter[str]:
    return _cancel(session_id, remainder=1)


def _cancel(session_id: int, *, remainder: int) -> Counter[str]:
    first = Booking.objects.for_session(Session(pk=session_id)).order_by("pk")[:PLACES]
    mine = [booking for booking in first.select_related("person") if booking.pk % 2 == remainder]
    random.shuffle(mine)
    outcomes: Counter[str] = Counter()
    for booking in mine:
        _tried(
            outcomes,
            "cancelled",
            partial(actions.cancel, booking=booking, by=booking.person, now=timezone.now()),
        )
    return outcomes


def _offered(session_id: int) -> Iterator[Booking]:
    """Offers as they come, each once, until there has been none for a while."""
    met: set[int] = set()
    since = time.monotonic()
    while time.monotonic() - since < 4:
        offers = Booking.objects.for_session(Session(pk=session_id)).filter(
            state=Booking.State.OFFERED
        )
        fresh = [each for each in offers.select_related("person") if each.pk not in met]
        for booking in fresh:
            met.add(booking.pk)
            since = time.monotonic()
            yield booking
        time.sleep(0.02)


def _accept(session_id: int) -> Counter[str]:
    outcomes: Counter[str] = Counter()
    for booking in _offered(session_id):
        if booking.pk % 3:
            _tried(
                outcomes,
                "accepted",
                partial(
                    answering.accept_offer, booking=booking, by=booking.person, now=timezone.now()
                ),
            )
    return outcomes


def _decline(session_id: int) -> Counter[str]:
    outcomes: Counter[str] = Counter()
    for booking in _offered(session_id):
        if booking.pk % 3 != 1:
            _tried(
                outcomes,
                "declined",
                partial(
                    answering.decline_offer, booking=booking, by=booking.person, now=timezone.now()
                ),
            )
    return outcomes


def _let_lapse(session_id: int) -> Counter[str]:
    """Now and then it is two days later, so that every offer that is open runs out."""
    outcomes: Counter[str] = Counter()
    for number, _ in enumerate(_offered(session_id)):
        if number % 25 == 24:
            later = timezone.now() + timedelta(days=2 + number // 10)
            _tried(outcomes, "swept", partial(sweep, now=later))
    return outcomes


def _join(session_id: int) -> Counter[str]:
    session = Session.objects.get(pk=session_id)
    people = User.objects.order_by("pk")[PLACES + WAITING : PLACES + WAITING + NEWCOMERS]
    outcomes: Counter[str] = Counter()
    for person in people:
        _tried(
            outcomes,
            "joined",
            partial(actions.book, session=session, person=person, by=person, now=timezone.now()),
        )
        time.sleep(0.02)
    return outcomes


def _move_capacity(session_id: int) -> Counter[str]:
    session = Session.objects.get(pk=session_id)
    outcomes: Counter[str] = Counter()
    coordinator = User.objects.order_by("-pk")[0]
    for _ in range(60):
        capacity = random.randint(PLACES - 30, PLACES + 5)
        _tried(
            outcomes,
            "capacity changed",
            partial(
                change_capacity,
                session=session,
                capacity=capacity,
                by=coordinator,
                now=timezone.now(),
            ),
        )
        time.sleep(0.05)
    return outcomes


def _sweep_all() -> None:
    while sweep(now=timezone.now()):
        pass


# ---------------------------------------------------------------- what is looked at meanwhile


class _Watch:
    """Looks at one session's row over and over: what it must never show, and for how long."""

    def __init__(self, database_url: str, session_id: int) -> None:
        self.looks = self.oversold = self.miscounted = 0
        self.longest_stranded = 0.0
        self._database_url = database_url
        self._session_id = session_id
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)

    def _look(self) -> None:
        holding = [str(state) for state in Booking.HOLDING]
        stranded_since: float | None = None
        with psycopg.connect(self._database_url, autocommit=True) as link:
            while not self._over.wait(0.01):
                found = link.execute(
                    "SELECT capacity, places_taken, waiting_count, (SELECT count(*) FROM"
                    " booking_booking WHERE session_id = s.id AND state = ANY(%s))"
                    " FROM booking_session s WHERE id = %s",
                    [holding, self._session_id],
                ).fetchone()
                assert found is not None, "the session is there"
                capacity, taken, waiting, held = found
                self.looks += 1
                self.oversold += held > capacity
                self.miscounted += held != taken
                if taken < capacity and waiting:
                    stranded_since = stranded_since or time.monotonic()
                    lasted = time.monotonic() - stranded_since
                    self.longest_stranded = max(self.longest_stranded, lasted)
                else:
                    stranded_since = None

    def start(self) -> None:
        """Begin to look."""
        self._thread.start()

    def stop(self) -> None:
        """Look no more."""
        self._over.set()
        self._thread.join()


@contextmanager
def _watched(site: Site, session: Session) -> Iterator[_Watch]:
    watch = _Watch(site.installation.database_url, session.pk)
    watch.start()
    try:
        yield watch
    finally:
        watch.stop()


def _check_watch(row: Row, watch: _Watch) -> None:
    row.expect(watch.looks > 50, f"looked only {watch.looks} times")
    row.expect_equal("moments with more people than places", watch.oversold, 0)
    row.expect_equal("moments with a wrong count", watch.miscounted, 0)
    row.took(watch.longest_stranded, at_most=STRANDED_AT_MOST)


def _check_end(row: Row, session: Session) -> None:
    session.refresh_from_db()
    bookings = Booking.objects.for_session(session)
    held = bookings.filter(state__in=Booking.HOLDING).count()
    row.expect_equal("places held and counted", held, session.places_taken)
    waiting = bookings.filter(state=Booking.State.WAITING).count()
    row.expect_equal("people waiting and counted", waiting, session.waiting_count)
    free = session.capacity - session.places_taken
    row.lost += free if waiting else 0
    row.expect(not (free and waiting), f"{free} places free while {waiting} wait")
    live = bookings.filter(state__in=Booking.LIVE)
    twice = live.values("person").annotate(times=Count("pk")).filter(times__gt=1).count()
    row.duplicated += twice
    row.expect_equal("people who hold or await two places", twice, 0)
    for what in (BookingEvent.What.OFFERED, BookingEvent.What.ACCEPTED):
        events = BookingEvent.objects.filter(what=what).values("booking")
        again = events.annotate(times=Count("pk")).filter(times__gt=1).count()
        row.expect_equal(f"bookings {what} twice", again, 0)
    offered = BookingEvent.objects.filter(what=BookingEvent.What.OFFERED).order_by("pk")
    tickets = [ticket or 0 for ticket in offered.values_list("booking__ticket", flat=True)]
    row.expect(tickets == sorted(tickets), "places were not offered in the order of waiting")
    row.expect(len(tickets) >= PLACES, f"only {len(tickets)} offers were made")


def capacity_lowered(site: Site, scale: Scale) -> list[Row]:
    """A coordinator lowers and raises the capacity while 500 people press the button."""
    people, processes = 500, 4
    row = Row("capacity lowered while people book", f"{people} people, {processes} processes")
    begin_anew(site, people=people)
    session = crowd.add_session(capacity=200, days_ahead=90)
    cookies = crowd.sign_in(User.objects.order_by("pk"))
    coordinator = User.objects.order_by("-pk")[0]
    answers: list[Answer] = []

    def press(request: bytes) -> Script:
        answers.append((yield request))

    address = f"/sessions/{session.pk}/book/"
    with site.web(processes=processes) as web, _watched(site, session) as watch:
        crowd_at_work = threading.Thread(
            target=client.run,
            args=(web.port, [press(book_request(address, each)) for each in cookies]),
        )
        crowd_at_work.start()
        refused = changed = 0
        while crowd_at_work.is_alive():
            try:
                change_capacity(
                    session=session,
                    capacity=random.randint(20, 200),
                    by=coordinator,
                    now=timezone.now(),
                )
                changed += 1
            except CapacityTooLow:
                refused += 1
            time.sleep(0.02)
        crowd_at_work.join()
    _sweep_all()
    given = Counter(str(answer.status) for answer in answers)
    row.expect_equal("answers", dict(given), {"302": people})
    row.lost = people - given["302"]
    row.expect(changed > 3, f"the capacity was changed only {changed} times")
    _check_watch(row, watch)
    session.refresh_from_db()
    held = Booking.objects.for_session(session).filter(state__in=Booking.HOLDING).count()
    row.expect_equal("places held and counted", held, session.places_taken)
    row.expect(held <= session.capacity, f"{held} people for {session.capacity} places")
    free = session.capacity - held
    row.expect(not (free and session.waiting_count), f"{free} places free while people wait")
    row.notes.append(f"changed {changed} times, refused {refused} times as too low.")
    return [row]
