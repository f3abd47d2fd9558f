"""What becomes of somebody who asks for a place, takes one over or changes its date.

The same decision for the action under the session's lock and for the page before it, which reads
without one. Nothing is written here.
"""

from dataclasses import dataclass
from datetime import datetime

from accounts.models import User
from booking.catalogue.models import Session
from booking.places import approvals, eligibility
from booking.places.facts import Practitioner
from booking.places.models import Booking
from booking.places.refusals import AlreadyBooked, Clash, NoPlaceThere, NoPlaceToGive, NotAColleague
from booking.places.rules import Reason
from booking.places.waiting_list import Line, clashes, why_no_place

State = Booking.State


@dataclass(frozen=True)
class Prospect:
    """A place or a turn on the waiting list, and who must agree.

    `held` is why they wait, or nothing if there is a place; `manager` is the address of who is
    asked, or nothing where nobody is; `is_agreed` says that the place is certain at once.
    """

    held: Reason | None = None
    manager: str = ""
    is_agreed: bool = True

    @property
    def state(self) -> Booking.State:
        """What the booking becomes."""
        if self.held is not None:
            return State.WAITING
        return State.CONFIRMED if self.is_agreed else State.REQUESTED


def of_booking(
    who: Practitioner,
    session: Session,
    line: Line,
    *,
    conflict: Booking | None,
    manager_email: str,
    by: User,
) -> Prospect:
    """What booking leads to, on a session that takes bookings.

    `conflict` is a live booking of theirs here, or one that holds a place elsewhere at that time.
    Raises `AlreadyBooked`, `NotForYou`, `PrerequisiteMissing`, `ManagerNeeded`, or `Clash` where
    there is a place (waiting for one is allowed all the same).
    """
    if conflict is not None and conflict.session_id == session.pk:
        raise AlreadyBooked(conflict)
    eligibility.check_person(who, session)
    asked = _asked(who, session, manager_email=manager_email, by=by)
    held = why_no_place(who, line)
    if held is None and conflict is not None:
        raise Clash(conflict)
    return Prospect(held, asked.manager, asked.is_agreed)


def of_taking_over(
    given: Booking, session: Session, who: Practitioner, *, manager_email: str, by: User
) -> Prospect:
    """What a colleague who takes over a confirmed place gets, on a session still ahead.

    Raises `NoPlaceToGive`, `NotAColleague`, `AlreadyBooked`, `NotForYou`, `PrerequisiteMissing`,
    `Clash` or `ManagerNeeded`.
    """
    if given.state != State.CONFIRMED:
        raise NoPlaceToGive
    if who.agency_id is None or who.agency_id != given.agency_id:
        raise NotAColleague
    key = who.row.key
    own_turn(session, key)
    eligibility.check_person(who, session)
    elsewhere = clashes(session.pk, [key])
    if elsewhere:
        raise Clash(elsewhere[key])
    return _asked(who, session, manager_email=manager_email, by=by)


def check_move(
    given: Booking, other: Session, who: Practitioner, line: Line, *, now: datetime
) -> None:
    """Refuse unless the person may have a place on another date instead of their confirmed one.

    Raises `NoPlaceToGive`, `AlreadyBooked`, `NoPlaceThere`, `Clash`, or that the other date takes
    no bookings.
    """
    eligibility.check_open(other, now=now)
    if given.state != State.CONFIRMED or other.course_id != given.session.course_id:
        raise NoPlaceToGive
    own_turn(other, given.person_id)
    reason = why_no_place(who, line)
    if reason is not None:
        raise NoPlaceThere(reason)
    elsewhere = clashes(other.pk, [given.person_id], besides=given)
    if elsewhere:
        raise Clash(elsewhere[given.person_id])


def own_turn(session: Session, person_id: int) -> Booking | None:
    """The person's own turn on the waiting list, if any. Raises `AlreadyBooked` if more."""
    mine = Booking.objects.for_session(session).live().filter(person=person_id).first()
    if mine is not None and mine.state != State.WAITING:
        raise AlreadyBooked(mine)
    return mine


def _asked(who: Practitioner, session: Session, *, manager_email: str, by: User) -> Prospect:
    if not session.course_rules.needs_manager_approval:
        return Prospect()
    manager = approvals.manager_of(who, manager_email, by=by)
    return Prospect(
        manager=manager, is_agreed=approvals.is_manager(by, manager, person_id=who.row.key)
    )
