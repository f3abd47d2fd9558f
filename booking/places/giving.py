"""How a place is given or offered, and what a new booking is promised."""

from collections.abc import Iterable
from datetime import datetime

from accounts.models import User
from booking.catalogue.models import Session
from booking.catalogue.sittings import SittingTimes
from booking.outbox.posting import Draft
from booking.places import announcements
from booking.places.lock import CourseRules, Practitioner, RuledSession
from booking.places.managers import asking
from booking.places.managers.copies import with_copies
from booking.places.models import Booking, BookingEvent
from booking.site.working_days import free_until, offer_end

State = Booking.State


def new_booking(
    ruled: RuledSession, who: Practitioner, *, person: User, by: User, now: datetime
) -> Booking:
    """A booking not yet stored, with the notice and the policy that it is promised for good."""
    session, days = ruled.session, ruled.notice_days
    return Booking(
        session=session,
        person=person,
        booked_by=by,
        booked_at=now,
        agency_id=who.agency_id,
        notice_days=days,
        free_until=free_until(session.starts_at, days),
        policy_id=session.policy_id,
    )


def begun(
    booking: Booking,
    sittings: Iterable[SittingTimes],
    rules: CourseRules,
    *,
    promoted: bool = False,
    because: str = "",
) -> Iterable[Draft]:
    """What somebody is told whose place has become certain, or is held for their manager.

    Where the course asks for it, the manager gets a copy.
    """
    if booking.state == State.REQUESTED:
        return [announcements.requested(booking, booking.approval)]
    drafts = announcements.given_a_place(booking, sittings, promoted=promoted, because=because)
    return with_copies(drafts, rules, [booking])


def state_when_chosen(booking: Booking, ruled: RuledSession, *, now: datetime) -> Booking.State:
    """What becomes of somebody who waits and is next: given a place, offered one, or asked for.

    While cancelling is still free a place may be given directly. Inside the notice period, to
    those whom we put in line ourselves, and where the session says so, it is only offered.
    """
    only_offered = (
        ruled.session.promotion == Session.Promotion.OFFER
        or booking.must_accept_by is not None
        or (booking.notice_days and now >= booking.free_until)
    )
    if only_offered:
        return State.OFFERED
    return State.CONFIRMED if asking.is_agreed(booking, ruled.rules) else State.REQUESTED


def offered_until(booking: Booking, session: Session, *, now: datetime) -> datetime:
    """Until when a place that is offered now is held for this person."""
    until = offer_end(now=now, starts_at=session.starts_at, hours=session.offer_hours)
    return min(until, booking.must_accept_by or until)


def bring_forward(booking: Booking, session: Session, *, now: datetime) -> None:
    """After the session has moved to begin earlier: nobody may answer longer than that allows.

    An offer lasts no longer than one that is made now. The caller saves the booking.
    """
    if booking.offered_until is not None and booking.state == State.OFFERED:
        booking.offered_until = min(booking.offered_until, offered_until(booking, session, now=now))
    if booking.must_accept_by is not None:
        booking.must_accept_by = min(booking.must_accept_by, session.starts_at)


def answer_by(booking: Booking) -> datetime | None:
    """Until when a place is held that is not certain yet."""
    if booking.state == State.OFFERED:
        return booking.offered_until
    return booking.approval.expires_at if booking.state == State.REQUESTED else None


def why_offered(booking: Booking) -> str:
    """Why somebody whom we put in line is offered a place; costs a statement only for them."""
    if booking.must_accept_by is None:
        return ""
    return (
        booking.events.filter(what=BookingEvent.What.INVITED).values_list("why", flat=True).first()
        or ""
    )
