"""What was cancelled by mistake, and what is said once it is too late to cancel."""

from datetime import datetime

from django.db import transaction

from accounts.models import User
from booking.catalogue.models import Session
from booking.outbox import posting as outbox
from booking.places import actions, announcements, history
from booking.places.events import BookingEvent
from booking.places.lock import locked_booking, sittings_of
from booking.places.models import Booking
from booking.places.refusals import CannotBeUndone, Effect, NotLive
from booking.places.rules.decision import decide
from booking.places.rules.line import case_of_having_again

State = Booking.State
What = BookingEvent.What


def take_back_cancelling(*, booking: Booking, by: User, now: datetime) -> Booking:
    """Undo a cancellation: the same booking has its place again, or its turn, if that is free yet.

    It is looked at as a new booking is, under the same lock, but for what the course asked when the
    place was given. What was charged is charged no more, and the calendar entry comes again, newer
    than its end. Raises `CannotBeUndone`, `AccountEnded`, `AlreadyBooked`, `Clash`,
    `SessionNotOpen` or `SessionStarted`.
    """
    with locked_booking(booking) as (ruled, booking):
        session, was = ruled.session, given_up_from(booking)
        case = case_of_having_again(ruled, booking, by=by, now=now)
        against = decide(case).against
        if was == State.WAITING:
            against = tuple(each for each in against if each.effect != Effect.WAITS)
        for refused in against:
            if refused.effect != Effect.WAITS:
                raise refused
            if session.is_full:
                raise CannotBeUndone
            raise CannotBeUndone(refused.about_another, CannotBeUndone.instead)
        who = case.who
        if was == State.CONFIRMED and who is not None:
            if booking.agency_id not in (None, who.agency_id):
                raise CannotBeUndone("They work for another agency by now.", CannotBeUndone.instead)
            booking.agency_id = who.agency_id
        actions.have_again(booking, session, was, now=now)
        history.record([booking], What.TAKEN_BACK, by=by, now=now)
        if was == State.WAITING:
            drafts = [announcements.waiting(booking, position=booking.waiting_position)]
        else:
            because = "Your booking was cancelled by mistake. You have your place again."
            drafts = announcements.begun(
                booking, sittings_of(session), ruled.rules, because=because
            )
        outbox.post(drafts, now=now)
    return booking


def given_up_from(booking: Booking) -> Booking.State:
    """The state that a booking was given up from, if it can be had again. One statement.

    A confirmed place, or a turn on the waiting list of which no manager was asked: any other was
    held for an answer that nobody waits for any more. Raises `CannotBeUndone`.
    """
    said = list(booking.events.values_list("what", "state_after"))
    if len(said) > 1 and not booking.is_live and said[-1][0] in (What.CANCELLED, What.WITHDREW):
        was = State(said[-2][1])
        asked = was == State.WAITING and hasattr(booking, "approval")
        if was in (State.CONFIRMED, State.WAITING) and not asked:
            return was
    raise CannotBeUndone


def may_be_undone(booking: Booking, *, now: datetime) -> bool | None:
    """Whether it may be worth trying, as a page asks: not any more if every place is taken;
    nothing if there is nothing to undo. One statement, and none of a live booking."""
    session = booking.session
    is_open = session.state == Session.State.PUBLISHED and session.starts_at > now
    if booking.is_live or not is_open:
        return None
    try:
        was = given_up_from(booking)
    except CannotBeUndone:
        return None
    return was == State.WAITING or not session.is_full


def note_apology(*, booking: Booking, by: User, now: datetime, why: str) -> None:
    """Write down that somebody with a place cannot come or did not, once it is too late to cancel.

    Raises `NotLive` if they have no place any more.
    """
    with transaction.atomic():
        fresh = Booking.objects.select_for_update().get(pk=booking.pk)
        if fresh.state != Booking.State.CONFIRMED:
            raise NotLive(fresh)
        history.record([fresh], What.APOLOGISED, by=by, now=now, why=why)
