"""Which reminders a course and a person want."""

import re
from datetime import date, datetime, time, timedelta

import pytest

from accounts.actions import choose_reminders, person_of_link
from booking.catalogue.models import Course
from booking.mail.reminders import LONGEST_AHEAD, post_due_reminders
from booking.outbox.models import Message
from booking.places import announcements
from booking.places.models import Booking
from booking.site.form_kit import MOST_DAYS
from booking.site.wording import LONDON
from booking.site.working_days import working_days_before
from tests.factories import make_course
from tests.mail.letters import part, post, read, times
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

pytestmark = pytest.mark.django_db


# --- what a course wants ---


def test_a_course_sets_its_days_and_the_nearest_goes_before_each_date() -> None:
    course = make_course(reminder_days=[3, 10])
    booked(session_at(london(2027, 2, 16, 9), london(2027, 2, 23, 9), course=course))
    run(london(2027, 2, 1, 0), london(2027, 2, 24, 0), step=timedelta(hours=1))
    assert posted() == [
        (10, london(2027, 2, 2, 9)),
        (3, london(2027, 2, 11, 9)),
        (3, london(2027, 2, 18, 9)),
    ]


def test_a_month_of_notice_reaches_across_christmas() -> None:
    booked(session_at(london(2027, 1, 19, 19), course=make_course(reminder_days=[20])))
    run(london(2026, 12, 14, 0), london(2027, 1, 20, 0), step=timedelta(hours=1))
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
    run(london(2027, 2, 2, 8), london(2027, 2, 10, 0), step=timedelta(hours=1))
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


def confirmation(booking: Booking, *, at: datetime) -> str:
    """The text of the mail that says so to somebody who booked at this moment."""
    fresh = Booking.objects.with_session().get(pk=booking.pk)
    [message] = post(announcements.given_a_place(fresh, times(fresh)), now=at)
    text = part(read(composed(message, at=at)), "text/plain")
    message.delete()
    return text
