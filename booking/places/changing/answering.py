"""What an answer makes of a booking, by the steps of `booking.places.actions`.

A person answers the offer of a place, a line manager whether they agree.
"""

from datetime import datetime

from accounts.models import User
from booking.outbox import posting as outbox
from booking.places import actions, announcements, history, holding
from booking.places.events import BookingEvent
from booking.places.lock import locked_booking, read_practitioners, sittings_of
from booking.places.managers import asking
from booking.places.managers.models import Approval
from booking.places.models import Booking
from booking.places.refusals import Clash, NothingOffered, OfferRanOut, SessionStarted
from booking.places.rules.decision import must_be_confirmed
from booking.places.rules.line import clashes
from booking.places.rules.rules import MANAGER

State = Booking.State
What = BookingEvent.What


def decline_offer(*, booking: Booking, by: User, now: datetime) -> Booking:
    """Say no to an offered place; it goes to the next person.

    A place that was accepted meanwhile is not touched. Raises `OfferRanOut`, `NothingOffered` or
    `SessionStarted`.
    """
    with locked_booking(booking) as (_, fresh):
        _check_offered(fresh)
        return actions.cancel(booking=fresh, by=by, now=now)


def accept_offer(*, booking: Booking, by: User, now: datetime, manager_email: str = "") -> Booking:
    """Turn an offered place into a confirmed one, or one held until the manager agrees.

    `manager_email` is who is to agree, if nobody was asked yet and it is not their usual manager.
    Raises `OfferRanOut`, `NothingOffered`, `SessionStarted`, `ManagerNeeded`, or `Clash` if the
    person has since booked something that overlaps.
    """
    with locked_booking(booking) as (ruled, booking):
        session = ruled.session
        _check_offered(booking)
        if session.starts_at <= now:
            raise SessionStarted(session)
        if booking.offered_until is not None and booking.offered_until <= now:
            raise OfferRanOut(booking)
        key = booking.person_id
        who = read_practitioners([key], ruled.rules, lock=True)[key]
        others = clashes(session.pk, [key])
        if others:
            raise Clash(others[key])
        agreed = asking.is_agreed(booking, ruled.rules)
        if must_be_confirmed(who, ruled, now=now):
            booking.agency_until = holding.confirmed_by(session, now=now)
        is_certain = agreed and booking.agency_until is None
        actions.keep_offered(booking, is_certain=is_certain, now=now)
        booking.save(update_fields=["state", "confirmed_at", "agency_until"])
        to_manager = [] if agreed else asking.hold(booking, who, manager_email, now=now)
        history.record([booking], What.ACCEPTED, by=by, now=now)
        other = announcements.somebody_else(booking, by)
        drafts = announcements.begun(
            booking,
            sittings_of(session),
            ruled.rules,
            promoted=True,
            because=f"{other} accepted the offer for you." if other else "",
        )
        outbox.post([*drafts, *to_manager], now=now)
    return booking


def approve(*, approval: Approval, now: datetime, reason: str = "") -> Booking:
    """The manager agrees: a place that was held becomes certain, a turn on the list stays one.

    Raises `AlreadyAnswered` if it was answered, has run out or is not needed any more.
    """
    with locked_booking(approval.booking) as (ruled, booking):
        approval = asking.answered(
            approval, booking, Approval.State.APPROVED, reason=reason, now=now
        )
        why = f"{approval.manager_email} agreed. {reason}".strip()
        if booking.state == State.REQUESTED and booking.agency_until is None:
            actions.make_certain(booking, ruled, because=why, now=now)
        history.record([booking], What.APPROVED, by=None, now=now, why=why, rule=MANAGER)
    return booking


def refuse_approval(
    *, approval: Approval, now: datetime, reason: str, by: User | None = None
) -> Booking:
    """The manager does not agree: the place or the turn is given up and passed on.

    `by` is the coordinator who finds that the address is no manager's, who was then never asked.
    Raises `AlreadyAnswered` as `approve` does.
    """
    with locked_booking(approval.booking) as (ruled, booking):
        approval = asking.answered(
            approval, booking, Approval.State.DECLINED, reason=reason, now=now
        )
        actions.end(booking, ruled.session, State.DECLINED, now=now)
        who = "The partnership does not ask" if by else "Not agreed by"
        why = f"{who} {approval.manager_email}: {reason}"
        history.record([booking], What.REFUSED, by=by, now=now, why=why, rule=MANAGER)
        outbox.post([announcements.not_agreed(approval, by_coordinator=by is not None)], now=now)
        actions.fill(ruled, now=now)
    return booking


def _check_offered(booking: Booking) -> None:
    if booking.state == State.LAPSED:
        raise OfferRanOut(booking)
    if booking.state != State.OFFERED:
        raise NothingOffered
