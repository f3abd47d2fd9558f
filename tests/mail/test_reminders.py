"""Reminders: each once, at the right time of day, and never when it is too late."""

import re
from datetime import UTC, date, datetime, time, timedelta
from threading import Thread
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.actions import choose_reminders, person_of_link
from booking.catalogue.models import Course, Session
from booking.mail import reminders
from booking.mail.reminder_times import LONGEST_AHEAD
from booking.mail.reminders import post_due_reminders
from booking.outbox.models import Message
from booking.places import announcements
from booking.places.actions import cancel
from booking.places.models import Booking
from booking.site.form_kit import MOST_DAYS
from booking.site.wording import LONDON
from booking.site.working_days import working_days_before
from tests.factories import make_course, make_session
from tests.mail.letters import composed_at, make_booking, part, post, read, times

pytestmark = pytest.mark.django_db

LONG_AGO = datetime(2026, 12, 1, 12, 0, tzinfo=UTC)


def london(year: int, month: int, day: int, hour: int, minute: int = 0) -> datetime:
    return datetime(year, month, day, hour, minute, tzinfo=LONDON)


def session_at(*starts: datetime, **fields: Any) -> Session:
    return make_session(
        sittings=[(start, start + timedelta(hours=2)) for start in starts],
        changed_at=LONG_AGO,
        **fields,
    )


def online_at(*starts: datetime, **course: Any) -> Session:
    """A session online, with the join link; the fields are its course's."""
    return session_at(
        *starts,
        delivery=Session.Delivery.ONLINE,
        join_url="https://meet.example/abc",
        course=make_course(**course),
    )


def booked(session: Session, *, at: datetime = LONG_AGO) -> Booking:
    return make_booking(session, confirmed_at=at, booked_at=at)


def posted() -> list[tuple[int, datetime]]:
    """The reminders so far: how many working days before, 0 for the hour, and when posted."""
    of_reminders = Message.objects.filter(topic__startswith="reminder.").order_by("pk")
    return list(of_reminders.values_list("payload__days", "created_at"))


def run(begin: datetime, end: datetime, *, step: timedelta = timedelta(minutes=30)) -> None:
    """The worker's rounds from one moment to another."""
    now, end = begin.astimezone(UTC), end.astimezone(UTC)
    while now <= end:
        post_due_reminders(now=now)
        now += step


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
    run(max(booked_at, london(2027, 2, 2, 8)), london(2027, 2, 9, 10), step=timedelta(minutes=10))
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
    booked(online_at(london(2027, 2, 9, 9, 30)))
    moment = london(2027, 2, 9, 8, 30)
    post_due_reminders(now=moment)
    mail = read(composed(Message.objects.get(), at=moment))
    text = part(mail, "text/plain")
    assert mail["Subject"].startswith("Starts at 9:30am: Course")
    assert "https://meet.example/abc" in part(mail, "text/html").partition("See your booking")[0]
    assert text.index("https://meet.example/abc") < text.index("If you cannot come")


def test_without_a_join_link_the_hours_reminder_says_whom_to_ask() -> None:
    start = london(2027, 2, 9, 9, 30)
    booked(session_at(start, delivery=Session.Delivery.ONLINE))
    moment = london(2027, 2, 9, 8, 30)
    post_due_reminders(now=moment)
    text = part(read(composed(Message.objects.get(), at=moment)), "text/plain")
    assert "reply to this email to ask for it" in text


# --- what a course wants ---


def test_a_course_sets_its_days_and_the_nearest_goes_before_each_date() -> None:
    course = make_course(reminder_days=[3, 10])
    booked(session_at(london(2027, 2, 16, 9), london(2027, 2, 23, 9), course=course))
    run(london(2027, 2, 1, 0), london(2027, 2, 24, 0))
    assert posted() == [
        (10, london(2027, 2, 2, 9)),
        (3, london(2027, 2, 11, 9)),
        (3, london(2027, 2, 18, 9)),
    ]


def test_a_month_of_notice_reaches_across_christmas() -> None:
    booked(session_at(london(2027, 1, 19, 19), course=make_course(reminder_days=[20])))
    run(london(2026, 12, 14, 0), london(2027, 1, 20, 0))
    assert posted() == [(20, london(2026, 12, 17, 9))]


def test_a_round_looks_as_far_ahead_as_any_course_may_remind() -> None:
    for number in range(4 * 365):
        day = date(2026, 1, 1) + timedelta(days=number)
        evening = datetime.combine(day, time(23, 59), LONDON)
        first = datetime.combine(working_days_before(day, MOST_DAYS), time(9), LONDON)
        assert evening - first < LONGEST_AHEAD


def test_a_course_that_wants_no_reminders_sends_none_and_promises_none() -> None:
    start = london(2027, 2, 9, 9, 30)
    booking = booked(session_at(start, course=make_course(reminder_days=[])))
    run(london(2027, 2, 1, 0), start)
    assert posted() == []
    assert "We will remind you" not in confirmation(booking, at=LONG_AGO)


def test_other_days_of_a_course_do_not_remind_again_of_what_was_just_told() -> None:
    course = make_course(reminder_days=[1])
    booked(session_at(london(2027, 2, 10, 9, 30), course=course))
    run(london(2027, 2, 9, 8), london(2027, 2, 9, 10, 30))
    Course.objects.update(reminder_days=[2])
    run(london(2027, 2, 9, 11), london(2027, 2, 10, 10))
    assert posted() == [(1, london(2027, 2, 9, 9))]


def test_a_day_that_a_course_comes_to_remind_of_later_is_kept() -> None:
    course = make_course(reminder_days=[2])
    booked(session_at(london(2027, 2, 10, 9, 30), course=course))
    run(london(2027, 2, 8, 8), london(2027, 2, 8, 10))
    Course.objects.update(reminder_days=[2, 1])
    run(london(2027, 2, 8, 11), london(2027, 2, 10, 10))
    assert posted() == [(2, london(2027, 2, 8, 9)), (1, london(2027, 2, 9, 9))]


def test_a_reminder_that_was_never_sent_for_the_new_days_is_made_up_for() -> None:
    course = make_course(reminder_days=[1])
    booked(session_at(london(2027, 2, 10, 9, 30), course=course))
    run(london(2027, 2, 9, 9), london(2027, 2, 9, 9))
    Course.objects.update(reminder_days=[2])
    Message.objects.update(state=Message.State.SUPERSEDED)
    run(london(2027, 2, 9, 11), london(2027, 2, 9, 12))
    assert [days for days, _ in posted()] == [1, 2]


def test_two_dates_on_one_day_are_one_reminder() -> None:
    booked(session_at(london(2027, 2, 9, 9), london(2027, 2, 9, 14), london(2027, 2, 10, 9)))
    run(london(2027, 2, 2, 8), london(2027, 2, 10, 10))
    assert posted() == [
        (5, london(2027, 2, 2, 9)),
        (1, london(2027, 2, 8, 9)),
        (1, london(2027, 2, 9, 9)),
    ]


# --- what a person wants ---


def test_who_has_turned_reminders_off_gets_none() -> None:
    session = online_at(london(2027, 2, 9, 9, 30))
    quiet, other = booked(session), booked(session)
    choose_reminders(person=quiet.person, wants_reminders=False)
    run(london(2027, 2, 2, 8), london(2027, 2, 10, 0))
    assert {message.booking for message in Message.objects.all()} == {other}
    assert "We will remind you" not in confirmation(quiet, at=LONG_AGO)
    assert "We will remind you" in confirmation(other, at=LONG_AGO)


def test_the_confirmation_promises_a_reminder_only_if_one_will_come() -> None:
    booking = booked(session_at(london(2027, 2, 9, 9, 30)))
    assert "We will remind you" in confirmation(booking, at=london(2027, 2, 7, 20))
    assert "We will remind you" not in confirmation(booking, at=london(2027, 2, 8, 8, 50))


def test_a_reminder_says_where_to_turn_reminders_off() -> None:
    booking = booked(session_at(london(2027, 2, 9, 9, 30)))
    moment = london(2027, 2, 8, 9)
    post_due_reminders(now=moment)
    mail = read(composed(Message.objects.get(), at=moment))
    [link] = re.findall(r"http://testserver(/accounts/reminders/\S+)", part(mail, "text/plain"))
    assert link in part(mail, "text/html")
    token = link.removeprefix("/accounts/reminders/").rstrip("/")
    assert person_of_link(token, now=moment) == booking.person


def composed(message: Message, *, at: datetime) -> bytes:
    mime = composed_at(at, message)
    assert isinstance(mime, bytes), mime
    return mime


def confirmation(booking: Booking, *, at: datetime) -> str:
    """The text of the mail that says so to somebody who booked at this moment."""
    fresh = Booking.objects.with_session().get(pk=booking.pk)
    [message] = post(announcements.given_a_place(fresh, times(fresh)), now=at)
    text = part(read(composed(message, at=at)), "text/plain")
    message.delete()
    return text


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
