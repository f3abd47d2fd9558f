"""The training record: what counts as done, when it is due again, and whose it is."""

from datetime import date, timedelta
from typing import Any

import pytest
from django.utils import timezone

from accounts.models import User
from booking.learning.models import PriorLearning
from booking.places.models import Booking
from booking.programme.record import learnt_by, months_after
from tests.factories import make_course, make_person, make_session, morning
from tests.mail.letters import make_booking
from tests.people import signed_in

pytestmark = pytest.mark.django_db
Outcome = Booking.Outcome


def held(title: str, days: int, person: User, outcome: str = "", **course: Any) -> Booking:
    """A place on a session so many days from now."""
    session = make_session(course=make_course(title=title, **course), starts_at=morning(days))
    booking = make_booking(session, person=person)
    booking.outcome = outcome
    booking.save(update_fields=["outcome"])
    return booking


def record_of(person: User) -> str:
    """The page in one line."""
    return " ".join(signed_in(person).get("/bookings/record/").text.split())


def test_what_was_attended_or_held_to_the_end_counts_and_nothing_else() -> None:
    person = make_person()
    held("Attended one", -20, person, Outcome.ATTENDED)
    held("Without a register", -10, person)
    held("In part", -9, person, Outcome.PART)
    held("Absent from", -8, person, Outcome.ABSENT)
    held("Ahead", 5, person)
    held("Of somebody else", -5, make_person(), Outcome.ATTENDED)
    cancelled = held("Given up", -7, person)
    cancelled.state = Booking.State.CANCELLED
    cancelled.save(update_fields=["state"])
    rows = learnt_by(person, now=timezone.now())
    assert [(row.course.title, row.is_checked) for row in rows] == [
        ("Without a register", False),
        ("Attended one", True),
    ]
    page = record_of(person)
    assert page.count("Not checked") == 1
    assert "Somebody" not in page


def test_what_was_done_elsewhere_counts_unless_it_was_rejected() -> None:
    person, on = make_person(), date(2026, 2, 9)
    for title, state in (("Told us", "declared"), ("Proven", "verified"), ("No", "rejected")):
        PriorLearning.objects.create(
            person=person,
            course=make_course(title=title),
            completed_on=on,
            provider="Their own agency",
            state=state,
        )
    rows = learnt_by(person, now=timezone.now())
    assert [(row.course.title, row.is_checked) for row in rows] == [
        ("Proven", True),
        ("Told us", False),
    ]
    assert "Their own agency" in record_of(person)


def test_only_the_last_time_says_when_it_is_due_again() -> None:
    person = make_person()
    first = held("Neglect", -800, person, Outcome.ATTENDED, renew_months=12)
    session = make_session(course=first.session.course, starts_at=morning(-400))
    booking = make_booking(session, person=person)
    last, before = learnt_by(person, now=timezone.now())
    assert last.on == booking.session.ends_at.date()
    assert last.due == months_after(last.on, 12)
    assert before.due is None
    assert record_of(person).count("Overdue") == 1


@pytest.mark.parametrize(
    ("on", "months", "due"),
    [
        (date(2026, 1, 31), 1, date(2026, 2, 28)),
        (date(2024, 2, 29), 12, date(2025, 2, 28)),
        (date(2026, 12, 1), 1, date(2027, 1, 1)),
        (date(2026, 6, 15), 36, date(2029, 6, 15)),
    ],
)
def test_months_later_is_the_same_day_or_the_last_of_a_shorter_month(
    on: date, months: int, due: date
) -> None:
    assert months_after(on, months) == due


def test_it_costs_as_much_with_many_rows(django_assert_num_queries: object) -> None:
    person = make_person()
    for number in range(4):
        held(f"Course {number}", -10 - number, person)
    with django_assert_num_queries(2):  # type: ignore[operator]
        assert len(learnt_by(person, now=timezone.now())) == 4


def test_a_session_of_today_counts_once_it_is_over() -> None:
    person, now = make_person(), timezone.now()
    begun = make_session(sittings=[(now - timedelta(hours=1), now + timedelta(hours=1))])
    make_booking(begun, person=person)
    assert learnt_by(person, now=now) == []
    assert len(learnt_by(person, now=now + timedelta(hours=1))) == 1
    assert "Nothing yet" in record_of(person)
