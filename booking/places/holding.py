"""Places that are not certain: until when each is held, and what is told about an agency."""

from datetime import datetime
from typing import Any

from accounts.models import Agency, User
from booking.catalogue.models import Session
from booking.outbox.posting import Draft
from booking.outbox.topics import MailTopic, register
from booking.partnership.kept import the_partnership
from booking.places.lock import RuledSession
from booking.places.managers import asking
from booking.places.managers.models import Approval
from booking.places.models import Booking
from booking.places.news.drafts import about
from booking.site.working_days import after_working_days, offer_end

State = Booking.State

# Working days.
CONFIRMED_WITHIN = 5

register(
    MailTopic("booking.agency_not_confirmed", "The agency was not confirmed"),
    MailTopic("agency.confirmed", "Agency confirmed"),
    MailTopic("agency.not_ours", "Agency not confirmed by its lead"),
)


def confirmed_by(session: Session, *, now: datetime) -> datetime:
    """Until when a place is held from now on for the person's agency to be confirmed."""
    return min(after_working_days(now, CONFIRMED_WITHIN), session.starts_at)


def state_when_chosen(
    booking: Booking, ruled: RuledSession, *, to_confirm: bool, now: datetime
) -> Booking.State:
    """What becomes of somebody who waits and is next: given a place, offered one, or asked for.

    While cancelling is still free a place may be given directly. Inside the notice period, to
    those whom we put in line ourselves, and where the session says so, it is only offered.
    `to_confirm` says that the person's agency must be confirmed first.
    """
    only_offered = (
        ruled.session.promotion == Session.Promotion.OFFER
        or booking.must_accept_by is not None
        or (booking.notice_days and now >= booking.free_until)
    )
    if only_offered:
        return State.OFFERED
    is_certain = asking.is_agreed(booking, ruled.rules) and not to_confirm
    return State.CONFIRMED if is_certain else State.REQUESTED


def offered_until(session: Session, *, must_accept_by: datetime | None, now: datetime) -> datetime:
    """Until when a place that is offered now is held.

    Whoever was put in line has all the time that they were given, if it ends before the start.
    """
    if must_accept_by is not None and must_accept_by < session.starts_at:
        return must_accept_by
    return offer_end(now=now, starts_at=session.starts_at, hours=session.offer_hours)


def agency_not_confirmed(booking: Booking, *, why: str = "") -> Draft:
    """The place that was held for the agency to be confirmed is given up; `why` if not for time."""
    payload = {"agency": booking.person.agency_name, "why": why}
    return about(booking, "booking.agency_not_confirmed", 0, payload)


def agency_confirmed(person: User, agency: Agency, *, now: datetime) -> Draft:
    """It is confirmed that the person works for the agency."""
    return _about_agency(person, "agency.confirmed", agency, now=now)


def agency_not_ours(person: User, agency: Agency, *, now: datetime) -> Draft:
    """Who may say so says that the person does not work there: what is true now."""
    return _about_agency(person, "agency.not_ours", agency, now=now)


def _about_agency(person: User, topic: str, agency: Agency, *, now: datetime) -> Draft:
    payload: dict[str, Any] = {"first_name": person.first_name, "name": person.full_name}
    return Draft(
        topic=topic,
        subject_key=f"person:{person.pk}",
        revision=now.isoformat(),
        stream=f"agency:{person.pk}",
        to_email=person.email,
        recipient_id=person.pk,
        payload={**payload, "agency": agency.name},
    )


def may_join_meeting(booking: Booking, *, now: datetime) -> bool:
    """Whether a place opens the meeting: a certain one, or, if the partnership says so, one that is
    held for the person's agency alone.

    The one question of the pages and mails that show the way in, and of the way in itself. Costs
    no statement if the booking comes with its approval.
    """
    if booking.state == Booking.State.CONFIRMED:
        return True
    if booking.state != Booking.State.REQUESTED or booking.agency_until is None:
        return False
    if not the_partnership().join_before_agency:
        return False
    approval: Approval | None = getattr(booking, "approval", None)
    is_asked = approval is not None and approval.is_open
    return booking.agency_until > now and not is_asked
