"""Reminders: each once, at the right time of day, and never when it is too late."""

from datetime import UTC, datetime, timedelta
from threading import Thread

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from booking.catalogue.models import Session
from booking.notices import reminders
from booking.notices.reminders import post_due_reminders
from booking.outbox.models import Message
from booking.places.actions import cancel
from booking.places.models import Booking
from booking.wording import LONDON
from tests.factories import make_session
from tests.notices.letters import make_booking

pytestmark = pytest.mark.django_db

LONG_AGO = datetime(2026, 12, 1, 12, 0, tzinfo=UTC)


def london(year: int, month: int, day: int, hour: int, minute: int = 0) -> datetime:
    return datetime(year, month, day, hour, minute, tzinfo=LONDON)


def session_at(*starts: datetime, state: str = "published") -> Session:
    return make_session(
        sittings=[(start, start + timedelta(hours=2)) for start in starts],
        state=state,
        changed_at=LONG_AGO,
    )


def booked(session: Session, *, at: datetime = LONG_AGO) -> Booking:
    return make_booking(session, confirmed_at=at, booked_at=at)


def posted() -> list[tuple[str, datetime]]:
    """The topics and moments of the reminders so far."""
    return list(Message.objects.order_by("pk").values_list("topic", "created_at"))


def run(begin: datetime, end: datetime, *, step: timedelta = timedelta(minutes=30)) -> None:
    """The worker's rounds from one moment to another."""
    now, end = begin.astimezone(UTC), end.astimezone(UTC)
    while now <= end:
        post_due_reminders(now=now)
        now += step


def test_a_week_before_and_a_working_day_before() -> None:
    booked(session_at(london(2027, 2, 9, 9, 30)))
    run(london(2027, 2, 1, 0), london(2027, 2, 10, 0))
    assert posted() == [
        ("reminder.week", london(2027, 2, 2, 9)),
        ("reminder.day", london(2027, 2, 8, 9)),
    ]


def test_the_day_before_a_monday_is_friday_and_easter_counts() -> None:
    booked(session_at(london(2027, 2, 8, 9, 30)))
    booked(session_at(london(2027, 3, 30, 9, 30)))
    run(london(2027, 2, 5, 0), london(2027, 2, 5, 12))
    run(london(2027, 3, 25, 0), london(2027, 3, 25, 12))
    assert [(topic, at) for topic, at in posted() if topic == "reminder.day"] == [
        ("reminder.day", london(2027, 2, 5, 9)),
        ("reminder.day", london(2027, 3, 25, 9)),
    ]


def test_the_week_is_for_the_first_date_and_the_day_for_each() -> None:
    booked(session_at(london(2027, 2, 9, 9), london(2027, 2, 16, 9), london(2027, 2, 18, 9)))
    run(london(2027, 2, 1, 0), london(2027, 2, 20, 0))
    assert posted() == [
        ("reminder.week", london(2027, 2, 2, 9)),
        ("reminder.day", london(2027, 2, 8, 9)),
        ("reminder.day", london(2027, 2, 15, 9)),
        ("reminder.day", london(2027, 2, 17, 9)),
    ]


@pytest.mark.parametrize(
    ("start", "week", "day"),
    [
        # The clocks go forward on 28 March, between the reminders and the sitting.
        (london(2027, 4, 1, 9, 30), london(2027, 3, 25, 9), london(2027, 3, 31, 9)),
        (london(2027, 3, 31, 9, 30), london(2027, 3, 24, 9), london(2027, 3, 30, 9)),
        # And back on 31 October.
        (london(2027, 11, 1, 9, 30), london(2027, 10, 25, 9), london(2027, 10, 29, 9)),
        (london(2027, 11, 4, 9, 30), london(2027, 10, 28, 9), london(2027, 11, 3, 9)),
    ],
)
def test_across_a_clock_change_it_is_nine_in_london(
    start: datetime, week: datetime, day: datetime
) -> None:
    booked(session_at(start))
    run(start - timedelta(days=8), start + timedelta(hours=3))
    assert posted() == [("reminder.week", week), ("reminder.day", day)]
    assert {at.astimezone(LONDON).hour for _, at in posted()} == {9}


def test_in_the_hour_that_october_repeats_nothing_comes_twice() -> None:
    booked(session_at(london(2027, 11, 1, 9, 30)))
    run(london(2027, 10, 31, 0), london(2027, 10, 31, 4), step=timedelta(minutes=5))
    run(london(2027, 10, 31, 0), london(2027, 10, 31, 4), step=timedelta(minutes=5))
    assert [topic for topic, _ in posted()] == ["reminder.day"]


def test_who_booked_after_the_moment_needs_no_reminder() -> None:
    session = session_at(london(2027, 2, 9, 9, 30))
    booked(session, at=london(2027, 2, 2, 9, 1))
    run(london(2027, 2, 2, 9), london(2027, 2, 3, 0))
    assert posted() == []
    booked(session, at=london(2027, 2, 8, 9, 1))
    run(london(2027, 2, 8, 9), london(2027, 2, 9, 9))
    assert posted() == [("reminder.day", london(2027, 2, 8, 9))]


@pytest.mark.parametrize("state", ["waiting", "offered", "requested", "cancelled", "lapsed"])
def test_only_a_certain_place_is_reminded_of(state: str) -> None:
    start = london(2027, 2, 9, 9, 30)
    make_booking(
        session_at(start), state=state, ticket=1, offered_until=start, confirmed_at=LONG_AGO
    )
    run(london(2027, 2, 2, 0), london(2027, 2, 10, 0), step=timedelta(hours=1))
    assert posted() == []


@pytest.mark.parametrize("state", ["draft", "cancelled", "completed"])
def test_only_a_published_session_is_reminded_of(state: str) -> None:
    booked(session_at(london(2027, 2, 9, 9, 30), state=state))
    run(london(2027, 2, 2, 0), london(2027, 2, 10, 0), step=timedelta(hours=1))
    assert posted() == []


def test_a_missed_moment_is_made_up_for() -> None:
    booked(session_at(london(2027, 2, 9, 9, 30)))
    post_due_reminders(now=london(2027, 2, 5, 15))
    assert posted() == [("reminder.week", london(2027, 2, 5, 15))]
    post_due_reminders(now=london(2027, 2, 9, 9, 29))
    assert posted()[1:] == [("reminder.day", london(2027, 2, 9, 9, 29))]


def test_when_the_days_reminder_is_due_the_weeks_is_left_out() -> None:
    booked(session_at(london(2027, 2, 9, 9, 30)))
    post_due_reminders(now=london(2027, 2, 8, 9))
    assert [topic for topic, _ in posted()] == ["reminder.day"]


def test_nothing_is_sent_once_the_sitting_has_begun() -> None:
    booked(session_at(london(2027, 2, 9, 9, 30)))
    post_due_reminders(now=london(2027, 2, 9, 9, 30))
    assert posted() == []


def test_a_session_put_off_is_reminded_of_at_its_new_time() -> None:
    session = session_at(london(2027, 2, 9, 9, 30))
    booked(session)
    run(london(2027, 2, 2, 8), london(2027, 2, 3, 0), step=timedelta(hours=1))
    move(session, london(2027, 3, 9, 9, 30), at=london(2027, 2, 3, 12))
    run(london(2027, 2, 3, 12), london(2027, 3, 10, 0), step=timedelta(hours=1))
    assert posted() == [
        ("reminder.week", london(2027, 2, 2, 9)),
        ("reminder.week", london(2027, 3, 2, 9)),
        ("reminder.day", london(2027, 3, 8, 9)),
    ]


def test_a_session_brought_forward_past_a_moment_has_just_been_told_of() -> None:
    session = session_at(london(2027, 3, 9, 9, 30))
    booked(session)
    move(session, london(2027, 2, 9, 9, 30), at=london(2027, 2, 4, 12))
    run(london(2027, 2, 4, 12), london(2027, 2, 10, 0), step=timedelta(hours=1))
    assert posted() == [("reminder.day", london(2027, 2, 8, 9))]


def move(session: Session, start: datetime, *, at: datetime) -> None:
    end = start + timedelta(hours=2)
    session.sittings.update(starts_at=start, ends_at=end)
    Session.objects.filter(pk=session.pk).update(starts_at=start, ends_at=end, changed_at=at)


def test_who_cancels_between_the_reminders_gets_the_first_only() -> None:
    session = session_at(london(2027, 2, 9, 9, 30))
    booking = booked(session)
    Session.objects.update(places_taken=1)
    post_due_reminders(now=london(2027, 2, 2, 9))
    cancel(booking=booking, by=booking.person, now=london(2027, 2, 3, 9))
    post_due_reminders(now=london(2027, 2, 8, 9))
    assert [topic for topic, _ in posted()] == ["reminder.week", "booking.cancelled"]


def test_a_great_many_are_posted_in_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reminders, "BATCH", 3)
    session = session_at(london(2027, 2, 9, 9, 30))
    for _ in range(7):
        booked(session)
    assert post_due_reminders(now=london(2027, 2, 2, 9)) == 7
    assert post_due_reminders(now=london(2027, 2, 2, 9, 1)) == 0
    assert Message.objects.count() == 7


def test_a_round_with_nothing_to_do_is_cheap() -> None:
    session = session_at(london(2027, 2, 9, 9, 30))
    for _ in range(5):
        booked(session)
    with CaptureQueriesContext(connection) as far:
        post_due_reminders(now=london(2027, 1, 2, 9))
    post_due_reminders(now=london(2027, 2, 2, 9))
    with CaptureQueriesContext(connection) as near:
        post_due_reminders(now=london(2027, 2, 2, 9, 1))
    assert len(far) == 1
    # Two statements in a transaction, which in a test is a savepoint.
    assert len([each for each in near if "SAVEPOINT" not in each["sql"]]) == 2


@pytest.mark.django_db(transaction=True)
def test_several_workers_at_once_post_each_reminder_once() -> None:
    session = session_at(london(2027, 2, 9, 9, 30))
    for _ in range(30):
        booked(session)
    trouble: list[Exception] = []

    def work() -> None:
        try:
            post_due_reminders(now=london(2027, 2, 2, 9))
        except Exception as error:  # noqa: BLE001 - the main thread tells of it
            trouble.append(error)
        finally:
            connection.close()

    threads = [Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert trouble == []
    post_due_reminders(now=london(2027, 2, 2, 9, 1))
    assert Message.objects.count() == 30
