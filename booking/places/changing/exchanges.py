"""Places that change hands or dates, and who comes before whom.

Made of the steps of `booking.places.actions`, under the same locks in the same order.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

from accounts.models import User
from booking.catalogue.models import Session
from booking.outbox import posting as outbox
from booking.places import actions, announcements, history, terms
from booking.places.events import BookingEvent
from booking.places.holding import confirmed_by
from booking.places.lock import (
    CourseRules,
    RuledSession,
    locked,
    locked_booking,
    locked_session,
    read_practitioners,
    sittings_of,
)
from booking.places.managers import asking
from booking.places.managers.copies import with_copies
from booking.places.models import Booking
from booking.places.refusals import (
    NoPlaceToGive,
    NotAColleague,
    NotConfirmed,
    NotWaiting,
    TheirsAlready,
    TooManyHandedOver,
)
from booking.places.rules.decision import against_course, check_ahead, decide
from booking.places.rules.line import case_of_exchange, case_of_taking_over
from booking.site.inserting import insert
from booking.site.wording import short_day

State = Booking.State
What = BookingEvent.What

_MOVED = "moved by a coordinator"
# How many places one person hands over within 24 hours: their own, or those of their agency.
_HANDED_OVER, _HANDED_OVER_FOR_OTHERS = 5, 50


def substitute(
    *, booking: Booking, to: User, by: User, now: datetime, manager_email: str = ""
) -> Booking:
    """Give a confirmed place to a colleague of the same agency, until the start, free of charge.

    The rules of the course hold for the colleague, the place itself is never let go: where their
    manager must agree first, or their agency be confirmed, it is held for them. Returns the
    colleague's booking. Raises `NoPlaceToGive`, `TheirsAlready`, `NotConfirmed`,
    `TooManyHandedOver`, `NotAColleague`, `AlreadyBooked`, `Clash`, `NotForYou`,
    `PrerequisiteMissing`, `ManagerNeeded`, `SessionNotOpen` or `SessionStarted`.
    """
    with locked_booking(booking) as (ruled, given):
        session = ruled.session
        # The row of whoever gives it is held too, so that the places of a day are counted right.
        keys = {to.pk, given.person_id, by.pk}
        people = read_practitioners(keys, ruled.rules, lock=True)
        who = people[to.pk]
        owner = people[given.person_id]
        check_may_be_given(given, session, owner_agency=owner.agency_id, by=by, now=now)
        if to.pk == given.person_id:
            raise TheirsAlready
        if who.said_agency_id != given.agency_id:
            raise NotAColleague
        case = case_of_taking_over(ruled, who, by=by, named=manager_email, now=now)
        decision, waits = decide(case), case.mine
        decision.check_place()
        sittings = sittings_of(session)
        taken = actions.new_booking(ruled, who, person=to, by=by, now=now)
        taken.replaces = given
        if waits is not None:
            actions.end(waits, session, State.WITHDRAWN, now=now)
            why = "Given a colleague's place instead."
            history.record([waits], What.WITHDREW, by=by, now=now, why=why)
            asking.close([waits], ruled.rules, now=now)
        actions.end(given, session, State.CANCELLED, now=now)
        actions.seat(taken, session, decision.state, now=now)
        if decision.to_confirm is not None:
            taken.agency_until = confirmed_by(session, now=now)
        insert([taken])
        manager = decision.manager
        to_manager = asking.ask(taken, who, manager, by=by, now=now) if manager else []
        history.record([given], What.HANDED_OVER, by=by, now=now, why=f"Given to {to.email}.")
        history.record([taken], What.TOOK_OVER, by=by, now=now, why=f"From {given.person}.")
        gone = announcements.cancelled(given, sittings, by=by, handed_to=to.email)
        came = announcements.begun(taken, sittings, ruled.rules, because=_handed_over(given, by))
        told = with_copies(gone, ruled.rules, [given])
        outbox.post([*told, *came, *to_manager], now=now)
    return taken


def _handed_over(given: Booking, by: User) -> str:
    """Who asked that somebody be given this place, and how they refuse it."""
    owner = given.person.named_with_address
    if by.pk == given.person_id:
        asked = f"Your colleague {owner} asked us to give you their place."
    else:
        other = (
            "The partnership" if by.is_coordinator else f"{by.named_with_address} of your agency"
        )
        asked = f"{other} asked us to give you the place of {owner}."
    return f"{asked} If you do not want it, open the booking and cancel it, or reply to this email."


def transfer(
    *, booking: Booking, to: Session, by: User, now: datetime, waived: str = ""
) -> Booking:
    """Exchange a confirmed place for one on another date of the same course, in one step.

    The first place is given up only if the second is had. Inside the notice period the charge for
    cancelling late applies, unless a coordinator has `waived` it for this reason. Returns the new
    booking. Raises `NoPlaceToGive`, `MustWait`, `AlreadyBooked`, `Clash`, or that the other date
    takes no bookings.
    """
    with locked(booking.session_id, to.pk) as held:
        here, there = held[booking.session_id], held[to.pk]
        session, other = here.session, there.session
        given = Booking.objects.select_related("person", "approval").get(pk=booking.pk)
        given.session = session
        check_may_be_moved(given, session, to=other, now=now)
        case, who, line = case_of_exchange(given, there, now=now, lock=True)
        waits = case.mine
        decide(case).check_place()
        before, after = sittings_of(session), sittings_of(other)
        taken = actions.new_booking(there, who, person=given.person, by=by, now=now)
        taken.replaces, taken.needs = given, given.needs
        if waits is not None:
            actions.end(waits, other, State.WITHDRAWN, now=now)
            why = "Moved from another date."
            history.record([waits], What.WITHDREW, by=by, now=now, why=why)
            asking.close([waits], there.rules, now=now)
        given.charge_pence = terms.charge_for_cancelling(
            given, before, by=by, now=now, waived=waived
        )
        actions.end(given, session, State.CANCELLED, now=now)
        actions.seat(taken, other, State.CONFIRMED, now=now)
        insert([taken])
        before_day, after_day = short_day(session.starts_at), short_day(other.starts_at)
        why = f"Moved to {after_day}. {terms.charge_sentence(given, waived=waived)}".strip()
        history.record([given], What.MOVED_AWAY, by=by, now=now, why=why)
        why = f"Moved from {before_day}."
        history.record([taken], What.MOVED_HERE, by=by, now=now, why=why)
        history.record_passed_over(line.held, now=now)
        gone = announcements.cancelled(given, before, by=by, moved_to=after_day)
        who_has = announcements.who_has(taken, by)
        because = f"{who_has} moved your place on {before_day} to this date."
        came = announcements.begun(taken, after, there.rules, because=because)
        told = with_copies(gone, here.rules, [given])
        outbox.post([*told, *came], now=now)
    actions.fill_places(session=session, now=now)
    return taken


def check_may_be_given(
    given: Booking, session: Session, *, owner_agency: int | None, by: User, now: datetime
) -> None:
    """Refuse unless a colleague of its owner, who is of this agency for certain, may take it over.

    Costs a statement. Raises `SessionNotOpen`, `SessionStarted`, `NoPlaceToGive`, `NotConfirmed`
    or `TooManyHandedOver`.
    """
    check_ahead(session, now=now)
    if given.state != State.CONFIRMED:
        raise NoPlaceToGive(given)
    if owner_agency is None or owner_agency != given.agency_id:
        raise NotConfirmed
    most = _HANDED_OVER_FOR_OTHERS if by.leads_agency or by.is_coordinator else _HANDED_OVER
    today = BookingEvent.objects.filter(
        by=by, what=What.HANDED_OVER, at__gt=now - timedelta(days=1)
    )
    if today.count() >= most:
        raise TooManyHandedOver(most)


def check_may_be_moved(given: Booking, session: Session, *, to: Session, now: datetime) -> None:
    """Refuse unless the place may be exchanged for one on this other date.

    Raises `SessionNotOpen`, `SessionStarted` or `NoPlaceToGive`.
    """
    check_ahead(session, now=now)
    if given.state != State.CONFIRMED or to.course_id != session.course_id:
        raise NoPlaceToGive(given)


def invite(
    *, session: Session, people: Sequence[User], until: datetime, why: str, by: User, now: datetime
) -> int:
    """Put people in line for a session ahead of newcomers, in this order, until a set time.

    Each is offered a place as far as there are any, and must accept it. Whoever has a live booking
    here, or may not book the course, is left out. Returns how many were put in line. Raises
    `SessionNotOpen` or `SessionStarted`.
    """
    with locked_session(session) as held:
        check_ahead(held.session, now=now)
        # Where the caller is in a transaction, places are given in it in several rounds. Who is
        # locked now, in order of keys, makes no later round wait.
        read_practitioners((person.pk for person in people), CourseRules(), lock=True)
        invited = put_in_line(held, people, until=until, why=why, by=by, now=now)
    give_in_turn(session, invited, why=why, now=now)
    return len(invited)


def put_in_line(
    ruled: RuledSession,
    people: Sequence[User],
    *,
    until: datetime,
    why: str,
    by: User,
    now: datetime,
) -> list[Booking]:
    """As `invite`, for a caller that holds the lock of a session ahead and then lets go of it.

    Nobody is told or given anything until the caller goes on with `give_in_turn`.
    """
    session = ruled.session
    here = Booking.objects.for_session(session).live()
    booked = set(here.values_list("person_id", flat=True))
    keys = [person.pk for person in people]
    who = read_practitioners(keys, ruled.rules)
    invited: list[Booking] = []
    for person in dict.fromkeys(people):
        if person.pk in booked or against_course(who[person.pk], ruled, now=now):
            continue
        booking = actions.new_booking(ruled, who[person.pk], person=person, by=by, now=now)
        booking.must_accept_by = min(until, session.starts_at)
        actions.join_list(booking, session)
        invited.append(booking)
    insert(invited)
    history.record(invited, What.INVITED, by=by, now=now, why=why)
    return invited


def give_in_turn(session: Session, invited: Sequence[Booking], *, why: str, now: datetime) -> None:
    """Offer the free places, and tell those of the invited who got none where they stand."""
    actions.fill_places(session=session, now=now)
    with locked_session(session):
        keys = {booking.pk for booking in invited}
        line = Booking.objects.waiting().for_session(session).select_related("person")
        outbox.post(
            [
                announcements.invited(booking, position=position, why=why)
                for position, booking in enumerate(line, start=1)
                if booking.pk in keys
            ],
            now=now,
            if_new=True,
        )


def move_up(*, booking: Booking, position: int, why: str, by: User, now: datetime) -> Booking:
    """Move somebody up the waiting list to this position (1 is next), for a recorded reason.

    Those who are passed see the reason, without a name. Raises `NotWaiting`.
    """
    with locked_booking(booking) as (ruled, moved):
        line = list(Booking.objects.waiting().for_session(ruled.session))
        index = next((number for number, each in enumerate(line) if each.pk == moved.pk), None)
        if index is None:
            raise NotWaiting
        first = max(position - 1, 0)
        affected = [line[index], *line[first:index]]
        if len(affected) < 2:
            return moved
        tickets = sorted(each.ticket or 0 for each in affected)
        for each, ticket in zip(affected, tickets, strict=True):
            each.ticket = ticket
        Booking.objects.bulk_update(affected, ["ticket"])
        history.record(affected[:1], What.MOVED_UP, by=by, now=now, why=why, rule=_MOVED)
        history.record(affected[1:], What.MOVED_BACK, by=by, now=now, why=why, rule=_MOVED)
    return affected[0]
