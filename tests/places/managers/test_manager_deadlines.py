"""When a manager is reminded, and when a request lapses."""

from datetime import UTC, datetime, timedelta

import pytest
from django.utils import timezone

from accounts.models import User
from booking.places import actions
from booking.places.changing import answering
from booking.places.managers import asking
from booking.places.managers.asking import QuestionState
from booking.places.managers.models import Approval
from booking.places.models import Booking
from booking.places.refusals import AlreadyAnswered, ManagerNeeded
from booking.places.sweep import sweep
from tests.factories import make_coordinator, make_person
from tests.people import book
from tests.places.booked import state_of
from tests.places.managers.requests import MANAGER, approval_of, asking_session, mails, requested

pytestmark = pytest.mark.django_db


# Easter 2027: Good Friday is 26 March, Easter Monday 29 March, and the clocks change on the 28th.
BEFORE_EASTER = datetime(2027, 3, 23, 10, 0, tzinfo=UTC)


# --- time ---


def test_reminded_after_three_working_days_and_lapsed_after_five_over_easter(
    practitioner: User,
) -> None:
    starts = datetime(2027, 5, 4, 9, 0, tzinfo=UTC)
    booking = requested(practitioner, now=BEFORE_EASTER, starts_at=starts, capacity=1)
    next_in_line = make_person(manager_email="m@x.org")
    waiting = book(booking.session, next_in_line, now=BEFORE_EASTER)
    reminder_due = datetime(2027, 3, 30, 8, 0, tzinfo=UTC)
    over = datetime(2027, 4, 1, 16, 0, tzinfo=UTC)
    assert asking.remind(now=reminder_due - timedelta(seconds=1)) == 0
    assert asking.remind(now=reminder_due) == 1
    assert asking.remind(now=reminder_due + timedelta(hours=1)) == 0, "once"
    assert mails("approval.reminder") == [MANAGER]
    sweep(now=over - timedelta(seconds=1))
    assert state_of(booking) == Booking.State.REQUESTED
    assert asking.state_of_question(approval_of(booking), now=over) == QuestionState.RUN_OUT
    sweep(now=over)
    assert state_of(booking) == Booking.State.LAPSED
    assert state_of(waiting) == Booking.State.REQUESTED
    assert mails("booking.not_answered") == [practitioner.email]


def test_a_manager_never_has_longer_than_until_the_start(practitioner: User) -> None:
    starts = BEFORE_EASTER + timedelta(days=2)
    booking = requested(practitioner, now=BEFORE_EASTER, starts_at=starts)
    assert approval_of(booking).expires_at == starts
    assert asking.state_of_question(approval_of(booking), now=starts) == QuestionState.NOT_NEEDED


def test_whoever_is_asked_after_the_day_of_the_reminder_gets_none(practitioner: User) -> None:
    booking = requested(
        practitioner, now=BEFORE_EASTER, starts_at=datetime(2027, 5, 4, 9, 0, tzinfo=UTC)
    )
    late = datetime(2027, 3, 31, 9, 0, tzinfo=UTC)
    asking.change_manager(
        booking=booking, manager_email="new@trust.example", by=practitioner, now=late
    )
    assert asking.remind(now=late + timedelta(minutes=1)) == 0
    assert mails("approval.asked") == [MANAGER, "new@trust.example"]


def test_a_manager_cannot_be_named_who_is_the_person(practitioner: User) -> None:
    booking = requested(practitioner)
    # Mail with a plus suffix comes to the same mailbox, and with it the link to agree.
    for own in (practitioner.email, "Priya+manager@trust.example"):
        with pytest.raises(ManagerNeeded):
            asking.change_manager(
                booking=booking, manager_email=own, by=practitioner, now=timezone.now()
            )


def test_no_late_answer_takes_a_place_that_is_certain_without_one(practitioner: User) -> None:
    session, now = asking_session(capacity=1), timezone.now()
    holder = make_person(manager_email="boss@elsewhere.example")
    held = book(session, holder, now=now)
    booking = book(session, practitioner, now=now, manager_email=MANAGER)
    asked = approval_of(booking)
    session.course.needs_manager_approval = False
    session.course.save(update_fields=["needs_manager_approval"])
    actions.cancel(booking=held, by=holder, now=now)
    assert state_of(booking) == Booking.State.CONFIRMED
    with pytest.raises(AlreadyAnswered):
        answering.refuse_approval(approval=asked, now=now, reason="No time")
    assert state_of(booking) == Booking.State.CONFIRMED
    Approval.objects.update(state=Approval.State.UNCONFIRMED)
    assert not Approval.objects.to_confirm(now=now).filter(booking=booking).exists()


def test_nobody_is_asked_any_more_once_the_session_has_begun(practitioner: User) -> None:
    booking = requested(practitioner, manager_email="boss@elsewhere.example")
    approval = approval_of(booking)
    with pytest.raises(AlreadyAnswered):
        asking.confirm_address(
            approval=approval, by=make_coordinator(), now=booking.session.starts_at
        )
    assert mails("approval.asked") == []
