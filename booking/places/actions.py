"""The only code that gives or takes a place.

Every action is one transaction that first locks the session's row, then, where a rule looks at a
person's other bookings, the people's rows in order of their keys. Everybody who takes both locks
takes them in this order. `now` is always an aware moment, read by the caller. What exchanges
places (`booking.places.exchanges`) is made of `seat`, `unseat` and `fill` here;
`booking.scheduling.cancelling` ends all the bookings of a session by `take_all_back`.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime

from accounts.models import User
from booking.catalogue.models import Session
from booking.outbox import posting as outbox
from booking.outbox.posting import Draft
from booking.places import announcements, giving, history, terms
from booking.places.lock import (
    RuledSession,
    locked_booking,
    locked_session,
    read_practitioners,
    read_seating,
    sittings_of,
)
from booking.places.managers import asking
from booking.places.managers.copies import with_copies
from booking.places.managers.models import Approval
from booking.places.models import Booking, BookingEvent
from booking.places.refusals import Clash, NothingOffered, NotLive, OfferRanOut, SessionStarted
from booking.places.rules.decision import decide
from booking.places.rules.line import asked_for, clashes, next_in_line
from booking.places.rules.rules import MANAGER
from booking.site.inserting import insert

State = Booking.State
What = BookingEvent.What
_BEGAN = {State.CONFIRMED: What.BOOKED, State.REQUESTED: What.REQUESTED}

# How many waiting people one transaction gives places to, so that the session's row is never
# locked for long.
FILL_AT_ONCE = 50


def book(
    *,
    session: Session,
    person: User,
    by: User,
    now: datetime,
    needs: str = "",
    manager_email: str = "",
) -> Booking:
    """Give the person a place, or the next place on the waiting list.

    A free place goes to a newcomer only when nobody who waits can take it and no rule holds it
    back. Where the course asks for a manager's agreement, the place is held until they answer.
    Returns the booking: confirmed, requested or waiting. Raises a `PlaceRefused`: not open, already
    booked, not for this person, something to be done first, no manager named, or a clash with
    another booking that holds a place (waiting for a place is allowed all the same).
    """
    with locked_session(session) as ruled:
        session = ruled.session
        asked = asked_for(ruled, person.pk, by=by, named=manager_email, now=now, lock=True)
        who, line, sittings = asked.who, asked.line, asked.sittings
        decision = decide(asked.case)
        decision.check()
        held, manager = decision.held, decision.manager
        booking = giving.new_booking(ruled, who, person=person, by=by, now=now)
        booking.needs = needs
        if held is not None:
            join_list(booking, session)
        else:
            seat(booking, session, decision.state, now=now)
            history.record_passed_over(line.held, now=now)
        insert([booking])
        to_manager: list[Draft] = []
        if manager:
            to_manager = asking.ask(booking, who, manager_email=manager, by=by, now=now)
        if held is not None:
            history.record(
                [booking], What.JOINED, by=by, now=now, rule=held.rule, why=held.sentence
            )
            drafts = [
                announcements.waiting(
                    booking,
                    position=session.waiting_count,
                    why=decision.held_back,
                    manager=manager if to_manager else "",
                )
            ]
        else:
            history.record([booking], _BEGAN[State(booking.state)], by=by, now=now)
            drafts = list(giving.begun(booking, sittings, ruled.rules))
        outbox.post([*drafts, *to_manager], now=now)
    if line.chosen:
        # Places came free a moment ago, for those who wait and perhaps for this person too.
        fill_places(session=session, now=now)
        booking.refresh_from_db(fields=["state", "confirmed_at", "offered_until"])
    return booking


def cancel(*, booking: Booking, by: User, now: datetime, why: str = "") -> Booking:
    """Give up a booking in whatever live state it is, and pass on the place it held.

    A confirmed place is cancelled, with a charge if the policy that was promised has one and the
    partnership is not the one that cancels. An offer is declined; a place on the waiting list or
    one held for the manager is given back. Raises `NotLive` if it has ended, `SessionStarted`
    once the session has begun.
    """
    with locked_booking(booking) as (ruled, booking):
        session = ruled.session
        if not booking.is_live:
            raise NotLive(booking)
        if session.starts_at <= now:
            raise SessionStarted(session)
        was = State(booking.state)
        drafts: Iterable[Draft]
        if was == State.WAITING:
            leave_list(booking, session, State.WITHDRAWN, now=now)
            history.record([booking], What.WITHDREW, by=by, now=now, why=why)
            drafts = [announcements.left(booking, was=was, by=by, why=why)]
        elif was == State.OFFERED:
            unseat(booking, session, State.DECLINED, now=now)
            history.record([booking], What.DECLINED, by=by, now=now, why=why)
            drafts = [announcements.offer_ended(booking, by=by, why=why)]
        else:
            by_coordinator = by.is_coordinator and by.pk != booking.person_id
            sittings = sittings_of(session)
            if was == State.CONFIRMED and not by_coordinator:
                booking.charge_pence = terms.charge_for_cancelling(booking, sittings, now=now)
            unseat(booking, session, State.CANCELLED, now=now)
            charged = terms.charge_sentence(booking)
            history.record(
                [booking], What.CANCELLED, by=by, now=now, why=f"{why} {charged}".strip()
            )
            drafts = [announcements.left(booking, was=was, by=by, why=why)]
            if was == State.CONFIRMED:
                drafts = announcements.cancelled(booking, sittings, by=by, why=why)
        asking.close([booking], ruled.rules, now=now)
        outbox.post(with_copies(drafts, ruled.rules, [booking]), now=now)
        fill(ruled, now=now)
    return booking


def decline_offer(*, booking: Booking, by: User, now: datetime) -> Booking:
    """Say no to an offered place; it goes to the next person.

    A place that was accepted meanwhile is not touched. Raises `OfferRanOut`, `NothingOffered` or
    `SessionStarted`.
    """
    with locked_booking(booking) as (_, fresh):
        _check_offered(fresh)
        return cancel(booking=fresh, by=by, now=now)


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
        who = read_practitioners([key], ruled.rules, now=now, lock=True)[key]
        others = clashes(session.pk, [key])
        if others:
            raise Clash(others[key])
        agreed = asking.is_agreed(booking, ruled.rules)
        booking.state = State.CONFIRMED if agreed else State.REQUESTED
        booking.confirmed_at = now if agreed else None
        booking.save(update_fields=["state", "confirmed_at"])
        to_manager: list[Draft] = []
        if not agreed:
            to_manager = asking.hold(booking, who, now=now, manager_email=manager_email)
        history.record([booking], What.ACCEPTED, by=by, now=now)
        drafts = giving.begun(booking, sittings_of(session), ruled.rules, promoted=True)
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
        if booking.state == State.REQUESTED:
            booking.state, booking.confirmed_at = State.CONFIRMED, now
            booking.save(update_fields=["state", "confirmed_at"])
            sittings = sittings_of(ruled.session)
            drafts = giving.begun(booking, sittings, ruled.rules, promoted=True, because=why)
            outbox.post(drafts, now=now)
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
        if booking.state == State.WAITING:
            leave_list(booking, ruled.session, State.DECLINED, now=now)
        else:
            unseat(booking, ruled.session, State.DECLINED, now=now)
        who = "The partnership does not ask" if by else "Not agreed by"
        why = f"{who} {approval.manager_email}: {reason}"
        history.record([booking], What.REFUSED, by=by, now=now, why=why, rule=MANAGER)
        outbox.post([announcements.not_agreed(approval, by_coordinator=by is not None)], now=now)
        fill(ruled, now=now)
    return booking


def fill_places(*, session: Session, now: datetime) -> int:
    """Give free places to the people who wait, and take back what was held too long.

    Works in short transactions of at most `FILL_AT_ONCE` people each. Returns how many were
    given or offered a place.
    """
    filled = 0
    while True:
        with locked_session(session) as held:
            _lapse(held.session, now=now)
            just_filled = fill(held, now=now)
        filled += just_filled
        if just_filled < FILL_AT_ONCE:
            return filled


# ---------------------------------------------------------------- under the session's lock


def seat(booking: Booking, session: Session, state: Booking.State, *, now: datetime) -> None:
    """Let a booking take a place; the caller stores it."""
    session.places_taken += 1
    booking.state = state
    booking.confirmed_at = now if state == State.CONFIRMED else None


def unseat(booking: Booking, session: Session, state: Booking.State, *, now: datetime) -> None:
    """End a booking that held a place."""
    session.places_taken -= 1
    _end(booking, state, now=now)


def join_list(booking: Booking, session: Session) -> None:
    """Put a booking at the end of the waiting list; the caller stores it."""
    session.last_ticket += 1
    session.waiting_count += 1
    booking.state, booking.ticket = State.WAITING, session.last_ticket


def take_all_back(bookings: Sequence[Booking], session: Session, *, now: datetime) -> None:
    """End every live booking of a session that will not take place."""
    for booking in bookings:
        booking.calendar_sequence += 1
        booking.state, booking.ended_at = State.CANCELLED, now
    Booking.objects.bulk_update(
        bookings, ["state", "ended_at", "calendar_sequence"], batch_size=500
    )
    session.places_taken = session.waiting_count = 0


def leave_list(booking: Booking, session: Session, state: Booking.State, *, now: datetime) -> None:
    """End a booking that waited."""
    session.waiting_count -= 1
    _end(booking, state, now=now)


def fill(ruled: RuledSession, *, now: datetime) -> int:
    """Give up to `FILL_AT_ONCE` free places to those next in line, and tell them.

    The caller holds the session's lock. Does nothing once the session has
    started or if it is not published. Returns how many were given or offered a place.
    """
    session = ruled.session
    if session.state != Session.State.PUBLISHED or session.starts_at <= now:
        return 0
    free = min(session.capacity - session.places_taken, FILL_AT_ONCE)
    if free <= 0 or not session.waiting_count:
        return 0
    line = next_in_line(read_seating(session, now=now), ruled.rules, free, now=now)
    people = [booking.person_id for booking in line.chosen]
    who = read_practitioners(people, ruled.rules, now=now, lock=True) if people else {}
    # Only now can nobody book something else at that time. Whoever just did keeps their turn, and
    # the place goes to the next person in the worker's next round: people are locked once a
    # transaction, in order of their keys, so that two sessions never wait for each other.
    busy = clashes(session.pk, people) if people else {}
    chosen = [booking for booking in line.chosen if booking.person_id not in busy]
    if not chosen:
        return 0
    sittings = sittings_of(session)
    drafts: list[Draft] = []
    for booking in chosen:
        booking.session = session
        session.waiting_count -= 1
        seat(booking, session, giving.state_when_chosen(booking, ruled, now=now), now=now)
        if booking.state == State.OFFERED:
            booking.offered_until = giving.offered_until(booking, session, now=now)
            drafts.append(announcements.offered(booking, why=giving.why_offered(booking)))
            continue
        if booking.state == State.REQUESTED:
            drafts.extend(asking.hold(booking, who[booking.person_id], now=now))
        drafts.extend(giving.begun(booking, sittings, ruled.rules, promoted=True))
    Booking.objects.bulk_update(chosen, ["state", "confirmed_at", "offered_until", "agency"])
    offers = [booking for booking in chosen if booking.state == State.OFFERED]
    given = [booking for booking in chosen if booking.state != State.OFFERED]
    history.record(offers, What.OFFERED, by=None, now=now, why="A place came free.")
    history.record(given, What.PROMOTED, by=None, now=now, why="A place came free.")
    history.record_passed_over(line.passed_over(), now=now)
    outbox.post(drafts, now=now)
    return len(chosen)


def _lapse(session: Session, *, now: datetime) -> None:
    """Take back what was held too long: offers, requests that no manager answered, first turns."""
    here = Booking.objects.for_session(session).select_related("person", "approval")
    offers = list(here.offers_run_out(now=now))
    requests = list(here.requests_run_out(now=now))
    turns = list(here.first_refusals_run_out(now=now))
    for booking in (*offers, *requests):
        unseat(booking, session, State.LAPSED, now=now)
    for booking in turns:
        leave_list(booking, session, State.LAPSED, now=now)
    history.record([*offers, *turns], What.LAPSED, by=None, now=now)
    why = "The line manager must agree."
    history.record(requests, What.NOT_ANSWERED, by=None, now=now, rule=MANAGER, why=why)
    asking.lapse(requests, now=now)
    outbox.post(
        [
            *(announcements.offer_ended(booking) for booking in (*offers, *turns)),
            *(announcements.not_answered(booking.approval) for booking in requests),
        ],
        now=now,
    )


def _check_offered(booking: Booking) -> None:
    if booking.state == State.LAPSED:
        raise OfferRanOut(booking)
    if booking.state != State.OFFERED:
        raise NothingOffered


def _end(booking: Booking, state: Booking.State, *, now: datetime) -> None:
    """Raises the SEQUENCE, so that a cancellation is newer than what it cancels."""
    booking.calendar_sequence += 1
    booking.state, booking.ended_at = state, now
    booking.save(update_fields=["state", "ended_at", "calendar_sequence", "charge_pence"])
