"""People who want the same thing at the same moment, against real processes."""

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from django.db import connection
from django.db.models import Count

from booking.catalogue.models import Session
from booking.places.events import BookingEvent
from booking.places.models import Booking
from tests.faults.accounts_of_mail import begin_anew, nothing_on_the_way, people_of, settle
from tests.faults.report import Row
from tests.faults.scale import Scale
from tests.faults.site import STARTED_WITHIN, Site, wait_until
from tests.load import client, crowd
from tests.load.client import Answer, Script
from tests.load.over_http import book_request

PEOPLE, PLACES, PROCESSES, CLICKS = 1_000, 20, 8, 50
_SESSIONS_OF_CONTROL, _PEOPLE_OF_CONTROL = 20, 60


def last_places(site: Site, scale: Scale) -> list[Row]:
    """1,000 people press the button for 20 places; then the same without the session's lock."""
    rounds = scale.race_rounds
    row = Row(
        "last places",
        f"{PEOPLE:,} people, {PLACES} places, {PROCESSES} processes, {rounds} rounds",
    )
    begin_anew(site, people=PEOPLE)
    people = people_of(PEOPLE)
    cookies = crowd.sign_in(people)
    with site.web(processes=PROCESSES) as web:
        for number in range(rounds):
            session = crowd.add_session(capacity=PLACES, days_ahead=100 + number)
            answers = _press(web.port, session, cookies)
            _check_round(row, session, answers)
    with site.web(processes=PROCESSES, application="tests.places.unlocked:application") as web:
        sold = _sold_without_lock(web.port, cookies)
    row.expect(
        sold > PLACES, "the control without the lock sells no place twice: it proves nothing"
    )
    row.notes.append(f"without the session's lock and the table's check {sold} places are sold.")
    return [row]


def _sold_without_lock(port: int, cookies: Sequence[dict[str, str]]) -> int:
    """How many of the places of one session are sold where nothing guards them.

    Two people must want the last one in the same few milliseconds, so it is tried on one session
    after the other.
    """
    sold = 0
    with _without_the_check_of_the_table():
        for number in range(_SESSIONS_OF_CONTROL):
            session = crowd.add_session(capacity=PLACES, days_ahead=50 + number)
            _press(port, session, cookies[:_PEOPLE_OF_CONTROL])
            sold = Booking.objects.for_session(session).confirmed().count()
            # The table is to be checked again.
            Session.objects.filter(pk=session.pk).update(places_taken=0)
            if sold > PLACES:
                break
    return sold


@contextmanager
def _without_the_check_of_the_table() -> Iterator[None]:
    """The database refuses a place too many by itself; meanwhile it does not."""
    [check] = [each for each in Session._meta.constraints if each.name == "no_place_sold_twice"]
    with connection.schema_editor() as editor:
        editor.remove_constraint(Session, check)
    try:
        yield
    finally:
        with connection.schema_editor() as editor:
            editor.add_constraint(Session, check)


def _press(port: int, session: Session, cookies: Sequence[dict[str, str]]) -> Counter[str]:
    """Everybody books at once, each over a connection of their own; how often each answer."""
    answers: list[Answer] = []

    def press(request: bytes) -> Script:
        answers.append((yield request))

    address = f"/sessions/{session.pk}/book/"
    client.run(port, [press(book_request(address, each)) for each in cookies])
    return Counter(
        str(answer.status) if answer.location.startswith("/bookings/") else f"{answer.status}?"
        for answer in answers
    )


def _check_round(row: Row, session: Session, answers: Counter[str]) -> None:
    row.expect_equal("answers", dict(answers), {"302": PEOPLE})
    row.lost += PEOPLE - answers["302"]
    session.refresh_from_db()
    bookings = Booking.objects.for_session(session)
    confirmed = bookings.filter(state=Booking.State.CONFIRMED).count()
    row.duplicated += max(0, confirmed - PLACES)
    row.expect_equal("places taken", (confirmed, session.places_taken), (PLACES, PLACES))
    waiting = bookings.filter(state=Booking.State.WAITING)
    tickets = list(waiting.order_by("pk").values_list("ticket", flat=True))
    row.expect_equal("waiting", session.waiting_count, PEOPLE - PLACES)
    row.expect(tickets == list(range(1, len(tickets) + 1)), "the waiting list is not in order")
    untold = bookings.annotate(told=Count("messages")).exclude(told=1).count()
    row.expect_equal("people not told exactly once", untold, 0)


def many_clicks(site: Site, scale: Scale) -> list[Row]:
    """One person presses the button 50 times at once, with mail under way."""
    row = Row("one person, many clicks", f"{CLICKS} parallel clicks")
    begin_anew(site, people=1)
    [cookies] = crowd.sign_in(people_of(1))
    session = crowd.add_session(capacity=PLACES, days_ahead=100)
    with site.web() as web, site.worker_and_beat() as programs:
        answers = _press(web.port, session, [cookies] * CLICKS)
        wait_until(nothing_on_the_way, *programs.all, seconds=STARTED_WITHIN)
    row.expect_equal("answers", dict(answers), {"302": CLICKS})
    row.expect_equal("bookings", Booking.objects.count(), 1)
    row.expect_equal("events", BookingEvent.objects.count(), 1)
    row.expect_equal("mails", len(site.mail.taken), 1)
    row.duplicated = Booking.objects.count() - 1
    settle(row, site.mail.taken)
    return [row]
