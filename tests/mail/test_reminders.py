"""Reminders: each once, at the right time of day, and never when it is too late."""

from datetime import UTC, datetime, timedelta
from functools import partial

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from booking.catalogue.models import Session
from booking.mail import reminders
from booking.mail.reminders import post_due_reminders
from booking.outbox.models import Message
from booking.places.actions import cancel
from booking.site.wording import LONDON
from tests.mail.letters import make_booking, part, read
from tests.mail.reminding import (
    LONG_AGO,
    booked,
    composed,
    london,
    online_at,
    posted,
    run,
    session_at,
)
from tests.people import at_once, join_url

pytestmark = pytest.mark.django_db


def test_five_working_days_before_and_one() -> None:
    booked(session_at(london(2027, 2, 9, 9, 30)))
    run(london(2027, 2, 1, 0), london(2027, 2, 10, 0))
    assert posted() == [
        (5, london(2027, 2, 2, 9)),
        (1, london(2027, 2, 8, 9)),
    ]


def test_the_day_before_a_monday_is_friday_and_easter_counts() -> None:
    booked(session_at(london(2027, 2, 8, 9, 30)))
    booked(session_at(london(2027, 3, 30, 9, 30)))
    run(london(2027, 2, 5, 0), london(2027, 2, 5, 12))
    run(london(2027, 3, 25, 0), london(2027, 3, 25, 12))
    assert [(days, at) for days, at in posted() if days == 1] == [
        (1, london(2027, 2, 5, 9)),
        (1, london(2027, 3, 25, 9)),
    ]


def test_the_earlier_ones_are_for_the_first_date_and_the_last_is_for_each() -> None:
    booked(session_at(london(2027, 2, 9, 9), london(2027, 2, 16, 9), london(2027, 2, 18, 9)))
    run(london(2027, 2, 1, 0), london(2027, 2, 20, 0))
    assert posted() == [
        (5, london(2027, 2, 2, 9)),
        (1, london(2027, 2, 8, 9)),
        (1, london(2027, 2, 15, 9)),
        (1, london(2027, 2, 17, 9)),
    ]


@pytest.mark.parametrize(
    ("start", "week", "day"),
    [
        # The clocks go forward on 28 March, between the reminders and the sitting; it is Easter.
        (london(2027, 4, 1, 9, 30), london(2027, 3, 23, 9), london(2027, 3, 31, 9)),
        (london(2027, 3, 31, 9, 30), london(2027, 3, 22, 9), london(2027, 3, 30, 9)),
        # And back on 31 October.
        (london(2027, 11, 1, 9, 30), london(2027, 10, 25, 9), london(2027, 10, 29, 9)),
        (london(2027, 11, 4, 9, 30), london(2027, 10, 28, 9), london(2027, 11, 3, 9)),
    ],
)
def test_across_a_clock_change_it_is_nine_in_london(
    start: datetime, week: datetime, day: datetime
) -> None:
    booked(session_at(start))
    run(start - timedelta(days=10), start + timedelta(hours=3))
    assert posted() == [(5, week), (1, day)]
    assert {at.astimezone(LONDON).hour for _, at in posted()} == {9}


def test_in_the_hour_that_october_repeats_nothing_comes_twice() -> None:
    booked(session_at(london(2027, 11, 1, 9, 30)))
    run(london(2027, 10, 31, 0), london(2027, 10, 31, 4), step=timedelta(minutes=5))
    run(london(2027, 10, 31, 0), london(2027, 10, 31, 4), step=timedelta(minutes=5))
    assert [days for days, _ in posted()] == [1]


@pytest.mark.parametrize(
    ("booked_at", "reminders"),
    [
        (london(2027, 2, 1, 20, 59), [5, 1]),
        (london(2027, 2, 2, 8, 50), [1]),
        (london(2027, 2, 7, 20), [1]),
        (london(2027, 2, 8, 8, 50), []),
        (london(2027, 2, 9, 9), []),
    ],
)
def test_who_has_just_booked_is_not_reminded_minutes_later(
    booked_at: datetime, reminders: list[int]
) -> None:
    booked(session_at(london(2027, 2, 9, 9, 30)), at=booked_at)
    run(max(booked_at, london(2027, 2, 2, 8)), london(2027, 2, 9, 10))
    assert [days for days, _ in posted()] == reminders


def test_who_booked_after_the_moment_needs_no_reminder() -> None:
    session = session_at(london(2027, 2, 9, 9, 30))
    booked(session, at=london(2027, 2, 2, 9, 1))
    run(london(2027, 2, 2, 9), london(2027, 2, 3, 0))
    assert posted() == []
    booked(session, at=london(2027, 2, 8, 9, 1))
    run(london(2027, 2, 8, 9), london(2027, 2, 9, 9))
    assert posted() == [(1, london(2027, 2, 8, 9))]


# --- an hour before, online ---


def test_an_hour_before_each_date_online() -> None:
    booked(online_at(london(2027, 2, 9, 9, 30), london(2027, 2, 16, 14)))
    run(london(2027, 2, 2, 8), london(2027, 2, 17, 0))
    assert posted() == [
        (5, london(2027, 2, 2, 9)),
        (1, london(2027, 2, 8, 9)),
        (0, london(2027, 2, 9, 8, 30)),
        (1, london(2027, 2, 15, 9)),
        (0, london(2027, 2, 16, 13)),
    ]


def test_nobody_is_reminded_an_hour_before_in_person_or_if_the_course_does_not_want_it() -> None:
    start = london(2027, 2, 9, 9, 30)
    booked(session_at(start))
    booked(online_at(start, remind_hour_before=False))
    run(start - timedelta(hours=2), start, step=timedelta(minutes=10))
    assert [days for days, _ in posted()] == [1, 1]


@pytest.mark.parametrize(
    ("start", "hour_before"),
    [
        # The clocks go from 1am to 2am on 28 March, and from 2am back to 1am on 31 October.
        (london(2027, 3, 28, 2, 15), datetime(2027, 3, 28, 0, 15, tzinfo=UTC)),
        (london(2027, 3, 28, 9), london(2027, 3, 28, 8)),
        (london(2027, 10, 31, 1, 30), datetime(2027, 10, 30, 23, 30, tzinfo=UTC)),
        (london(2027, 10, 31, 1, 30).replace(fold=1), datetime(2027, 10, 31, 0, 30, tzinfo=UTC)),
        (london(2027, 10, 31, 2, 30), datetime(2027, 10, 31, 1, 30, tzinfo=UTC)),
    ],
)
def test_the_hour_is_an_hour_on_the_night_the_clocks_change(
    start: datetime, hour_before: datetime
) -> None:
    booked(online_at(start, reminder_days=[]))
    for _ in range(2):
        run(start - timedelta(hours=6), start + timedelta(hours=1), step=timedelta(minutes=5))
    assert posted() == [(0, hour_before)]


@pytest.mark.parametrize(
    ("minutes_before_the_start", "reminders"), [(55, []), (70, []), (119, []), (121, [0])]
)
def test_who_books_shortly_before_the_hour_has_the_link_in_the_confirmation(
    minutes_before_the_start: int, reminders: list[int]
) -> None:
    start = london(2027, 2, 9, 14)
    at = start - timedelta(minutes=minutes_before_the_start)
    booked(online_at(start), at=at)
    run(at, start, step=timedelta(minutes=1))
    assert [days for days, _ in posted()] == reminders


def test_put_off_after_the_hours_reminder_it_comes_again_before_the_new_time() -> None:
    session = online_at(london(2027, 2, 9, 9, 30), reminder_days=[])
    booked(session)
    post_due_reminders(now=london(2027, 2, 9, 8, 30))
    move(session, london(2027, 2, 9, 14), at=london(2027, 2, 9, 9))
    run(london(2027, 2, 9, 9), london(2027, 2, 9, 14))
    assert posted() == [(0, london(2027, 2, 9, 8, 30)), (0, london(2027, 2, 9, 13))]


def test_the_hours_reminder_gives_the_join_link_first() -> None:
    link = join_url(booked(online_at(london(2027, 2, 9, 9, 30))))
    moment = london(2027, 2, 9, 8, 30)
    post_due_reminders(now=moment)
    mail = read(composed(Message.objects.get(), at=moment))
    text = part(mail, "text/plain")
    assert mail["Subject"].startswith("Starts at 9:30am: Course")
    assert link in part(mail, "text/html").partition("See your booking")[0]
    assert text.index(link) < text.index("If you cannot come")


# --- whose place, which session ---


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
    post_due_reminders(now=london(2027, 2, 5, 8))
    assert posted() == [(5, london(2027, 2, 5, 8))]
    post_due_reminders(now=london(2027, 2, 9, 9, 29))
    assert posted()[1:] == [(1, london(2027, 2, 9, 9, 29))]


def test_when_a_later_reminder_is_due_the_earlier_is_left_out() -> None:
    booked(session_at(london(2027, 2, 9, 9, 30)))
    post_due_reminders(now=london(2027, 2, 8, 9))
    assert [days for days, _ in posted()] == [1]


def test_an_early_one_missed_by_days_is_left_to_the_next() -> None:
    """So nobody is written to when a course is given a reminder that lies in the past."""
    booked(session_at(london(2027, 2, 9, 9, 30)))
    post_due_reminders(now=london(2027, 2, 5, 9))
    assert posted() == []


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
        (5, london(2027, 2, 2, 9)),
        (5, london(2027, 3, 2, 9)),
        (1, london(2027, 3, 8, 9)),
    ]


def test_a_session_brought_forward_past_a_moment_has_just_been_told_of() -> None:
    session = session_at(london(2027, 3, 9, 9, 30))
    booked(session)
    move(session, london(2027, 2, 9, 9, 30), at=london(2027, 2, 4, 12))
    run(london(2027, 2, 4, 12), london(2027, 2, 10, 0), step=timedelta(hours=1))
    assert posted() == [(1, london(2027, 2, 8, 9))]


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
    assert [days for days, _ in posted()] == [5]


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


def test_posting_for_many_costs_no_more_statements_than_for_one() -> None:
    booked(session_at(london(2027, 2, 9, 9, 30)))
    with CaptureQueriesContext(connection) as for_one:
        post_due_reminders(now=london(2027, 2, 2, 9))
    for hour in range(9, 15):
        session = online_at(london(2027, 3, 9, hour), london(2027, 3, 10, hour))
        for _ in range(5):
            booked(session)
    with CaptureQueriesContext(connection) as for_many:
        assert post_due_reminders(now=london(2027, 3, 2, 9)) == 30
    assert len(for_one) == len(for_many)


@pytest.mark.django_db(transaction=True)
def test_several_workers_at_once_post_each_reminder_once() -> None:
    session = session_at(london(2027, 2, 9, 9, 30))
    for _ in range(30):
        booked(session)
    work = partial(post_due_reminders, now=london(2027, 2, 2, 9))
    assert at_once(*[work] * 4) == ["done"] * 4
    post_due_reminders(now=london(2027, 2, 2, 9, 1))
    assert Message.objects.count() == 30
