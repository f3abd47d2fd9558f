"""Asking a line manager, who needs no account: who is asked, and until when.

The answers themselves give or free a place, so they are in `booking.places.actions`.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from enum import StrEnum

from django.db import transaction

from accounts.models import User
from booking.catalogue.models import Session
from booking.outbox import posting as outbox
from booking.outbox.posting import Draft
from booking.places import announcements, history
from booking.places.events import BookingEvent
from booking.places.lock import (
    CourseRules,
    Practitioner,
    locked_booking,
    read_practitioners,
)
from booking.places.managers.models import Approval, new_approval_key
from booking.places.models import Booking
from booking.places.refusals import AlreadyAnswered
from booking.places.rules.rules import MANAGER, is_address_of_agency, is_manager, manager_of
from booking.site.wording import LONDON
from booking.site.working_days import START_OF_WORKING_DAY, after_working_days

# Working days.
REMINDED_AFTER = 3
ANSWERED_WITHIN = 5


def ask(
    booking: Booking, person: Practitioner, manager_email: str, *, by: User, now: datetime
) -> list[Draft]:
    """Begin to ask the manager, and return what they must be told.

    A manager who books for their colleague has agreed. One whose address is not at a domain of
    the agency is asked once a coordinator has confirmed the address.
    """
    approval = Approval(booking=booking, manager_email=manager_email, asked_at=now)
    if is_manager(by, manager_email, person_id=booking.person_id):
        approval.state, approval.decided_at = Approval.State.APPROVED, now
    else:
        approval.state = _to_be_asked(manager_email, person)
    start_clock(approval, now=now)
    approval.save()
    return tell_manager(approval)


def _to_be_asked(manager_email: str, person: Practitioner) -> Approval.State:
    is_known = is_address_of_agency(manager_email, person.agency_domains)
    return Approval.State.ASKED if is_known else Approval.State.UNCONFIRMED


def hold(
    booking: Booking, person: Practitioner, manager_email: str = "", *, now: datetime
) -> list[Draft]:
    """Ask anew, or for the first time, about a booking that holds a place from now on.

    `manager_email` is who is asked for the first time, unless it is the person's usual manager.
    """
    approval: Approval | None = getattr(booking, "approval", None)
    if approval is None:
        manager_email = manager_of(person, manager_email, by=booking.person)
        return ask(booking, person, manager_email, by=booking.person, now=now)
    approval.booking = booking
    # Somebody who joined the list a moment ago and is next at once: the manager has that mail.
    was_just_asked = approval.asked_at >= now
    start_clock(approval, now=now)
    approval.save(update_fields=["asked_at", "reminded_at", "remind_at", "expires_at"])
    return [] if was_just_asked else tell_manager(approval)


def start_clock(approval: Approval, *, now: datetime) -> None:
    """Set until when the manager may answer; the caller saves.

    While a place is held they have five working days and are reminded on the third, and nobody
    has longer than until the session starts. Somebody who only waits keeps nobody from a place.
    """
    starts_at = approval.booking.session.starts_at
    # Never earlier than before: it tells the questions apart.
    approval.asked_at, approval.reminded_at = max(now, approval.asked_at), None
    if approval.booking.state != Booking.State.REQUESTED:
        approval.remind_at = approval.expires_at = starts_at
        return
    reminded_on = after_working_days(now, REMINDED_AFTER).date()
    approval.remind_at = datetime.combine(reminded_on, START_OF_WORKING_DAY, LONDON)
    approval.expires_at = min(after_working_days(now, ANSWERED_WITHIN), starts_at)


def session_moved(bookings: Iterable[Booking], session: Session) -> None:
    """No manager has longer to answer than until the session's new start, nor who else is asked.

    The bookings come with their approvals. Costs two statements, or some more for many hundreds.
    """
    held = Booking.objects.for_session(session).filter(agency_until__gt=session.starts_at)
    held.update(agency_until=session.starts_at)
    still_open: list[Approval] = []
    for booking in bookings:
        approval: Approval | None = getattr(booking, "approval", None)
        if approval is None or approval.state not in Approval.OPEN:
            continue
        if booking.state == Booking.State.REQUESTED:
            approval.expires_at = min(approval.expires_at, session.starts_at)
        else:
            approval.remind_at = approval.expires_at = session.starts_at
        still_open.append(approval)
    Approval.objects.bulk_update(still_open, ["remind_at", "expires_at"], batch_size=500)


def ask_again(
    bookings: Iterable[Booking], changes: Sequence[dict[str, str]], *, now: datetime
) -> list[Draft]:
    """Managers who have not answered are asked about the session as it is now, by the same links.

    What they were sent before, and has not left yet, asks no more. `changes` is a list of
    what `Change.as_payload` gives. The bookings come with their approvals; the session is locked.
    """
    asked = [
        approval
        for booking in bookings
        if booking.state in Booking.UNCERTAIN
        and (approval := getattr(booking, "approval", None)) is not None
        and approval.state == Approval.State.ASKED
        and approval.expires_at > now
    ]
    for approval in asked:
        approval.asked_at = _later(approval, now=now)
    Approval.objects.bulk_update(asked, ["asked_at"], batch_size=500)
    return [announcements.manager_asked(approval, changes=changes) for approval in asked]


def _later(approval: Approval, *, now: datetime) -> datetime:
    """Now, and later than the manager was asked before: it tells the questions apart."""
    return max(now, approval.asked_at + timedelta(microseconds=1))


def tell_manager(approval: Approval) -> list[Draft]:
    """The mail that asks, unless it must wait for a coordinator or has been answered."""
    if approval.state != Approval.State.ASKED:
        return []
    return [announcements.manager_asked(approval)]


def is_agreed(booking: Booking, rules: CourseRules) -> bool:
    """Whether the manager's agreement is not needed or has been given."""
    if not rules.needs_manager_approval or MANAGER in booking.overridden:
        return True
    approval: Approval | None = getattr(booking, "approval", None)
    return approval is not None and approval.state == Approval.State.APPROVED


def answered(
    asked: Approval, booking: Booking, state: Approval.State, *, reason: str, now: datetime
) -> Approval:
    """Write down the answer to what was asked; the caller holds the session's lock.

    Raises `AlreadyAnswered` if it was answered, has run out, is not needed any more, or if another
    manager has been asked instead.
    """
    approval = booking.approval
    if approval.key != asked.key or state_of_question(approval, now=now) != QuestionState.OPEN:
        raise AlreadyAnswered
    approval.state, approval.decided_at, approval.reason = state, now, reason
    approval.save(update_fields=["state", "decided_at", "reason"])
    return approval


class QuestionState(StrEnum):
    """How what a manager was asked stands at a moment."""

    OPEN = "open"
    AGREED = "agreed"
    DECLINED = "declined"
    RUN_OUT = "run out"
    NOT_NEEDED = "not needed"


_ENDED = {
    Approval.State.APPROVED: QuestionState.AGREED,
    Approval.State.DECLINED: QuestionState.DECLINED,
    Approval.State.LAPSED: QuestionState.RUN_OUT,
    Approval.State.CLOSED: QuestionState.NOT_NEEDED,
}


def state_of_question(approval: Approval, *, now: datetime) -> QuestionState:
    """How the question stands: also where its time is over and the worker has yet to say so.

    Once the session has begun it is nobody's business any more, however it was answered.
    """
    booking, state = approval.booking, Approval.State(approval.state)
    if booking.session.starts_at <= now:
        return QuestionState.NOT_NEEDED
    if state in _ENDED:
        return _ENDED[state]
    if not booking.is_live or booking.state == Booking.State.CONFIRMED:
        # A place may be certain without an answer: the course may have stopped asking for it.
        return QuestionState.NOT_NEEDED
    if booking.state == Booking.State.REQUESTED and approval.expires_at <= now:
        return QuestionState.RUN_OUT
    return QuestionState.OPEN


def confirm_address(*, approval: Approval, by: User, now: datetime) -> None:
    """A coordinator says that the address is the manager's, who is asked from now on.

    Raises `AlreadyAnswered` unless it waits for that.
    """
    with locked_booking(approval.booking) as (_, booking):
        approval = booking.approval
        is_open = state_of_question(approval, now=now) == QuestionState.OPEN
        if approval.state != Approval.State.UNCONFIRMED or not is_open:
            raise AlreadyAnswered
        approval.state, approval.confirmed_by = Approval.State.ASKED, by
        start_clock(approval, now=now)
        why = f"{approval.manager_email}. The partnership has confirmed the address."
        _ask_now(approval, by=by, now=now, why=why)


def change_manager(*, booking: Booking, manager_email: str, by: User, now: datetime) -> Approval:
    """Ask somebody else instead; the link of whoever was asked before is dead from now on.

    Until when the place is held stays as it was, or naming one manager after another would keep a
    place for good. Raises `ManagerNeeded`, or `AlreadyAnswered` unless the question is open.
    """
    with locked_booking(booking) as (ruled, booking):
        approval: Approval | None = getattr(booking, "approval", None)
        if approval is None or state_of_question(approval, now=now) != QuestionState.OPEN:
            raise AlreadyAnswered
        key = booking.person_id
        person = read_practitioners([key], ruled.rules)[key]
        email = manager_of(person, manager_email, by=by)
        before = approval.manager_email
        if email == before:
            return approval
        approval.manager_email, approval.key = email, new_approval_key()
        approval.state, approval.confirmed_by = _to_be_asked(email, person), None
        # Whoever is asked only after the day of the reminder gets none.
        approval.asked_at = _later(approval, now=now)
        approval.reminded_at = now if approval.remind_at <= now else None
        _ask_now(approval, by=by, now=now, why=f"{email} instead of {before}.")
    return approval


def _ask_now(approval: Approval, *, by: User, now: datetime, why: str) -> None:
    approval.save()
    outbox.post(tell_manager(approval), now=now)
    asked = BookingEvent.What.MANAGER_ASKED
    history.record([approval.booking], asked, by=by, now=now, why=why, rule=MANAGER)


def remind(*, now: datetime) -> int:
    """Remind, once, the managers who are due it. Returns how many."""
    due = Approval.objects.to_remind(now=now)
    with transaction.atomic():
        approvals = list(
            due.select_related("booking").select_for_update(skip_locked=True, of=["self"])[:200]
        )
        for approval in approvals:
            approval.reminded_at = now
        Approval.objects.bulk_update(approvals, ["reminded_at"])
        outbox.post([announcements.manager_reminded(each) for each in approvals], now=now)
    return len(approvals)


def lapse(bookings: Iterable[Booking], *, now: datetime) -> None:
    """The managers of these bookings did not answer in time."""
    _finish(bookings, Approval.State.LAPSED, now=now)


def close(bookings: Iterable[Booking], rules: CourseRules, *, now: datetime) -> None:
    """Ask no further about bookings that have ended."""
    if rules.needs_manager_approval:
        _finish(bookings, Approval.State.CLOSED, now=now)


def _finish(bookings: Iterable[Booking], state: Approval.State, *, now: datetime) -> None:
    keys = [booking.pk for booking in bookings]
    if keys:
        Approval.objects.open().filter(booking__in=keys).update(state=state, decided_at=now)
