"""The only code that gives or takes a place.

Every action is one transaction that first locks the session's row, then, where a rule looks at a
person's other bookings, the people's rows in order of their keys. Everybody who takes both locks
takes them in this order. `now` is always an aware moment, read by the caller. What is in
`booking.places.changing` is made of `seat`, `end` and `fill` here: exchanges of places, and what
follows an answer or a mistake; `booking.scheduling.cancelling` ends all the bookings of a session
by `take_all_back`.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from accounts.models import User
from booking.catalogue.models import Session
from booking.outbox import posting as outbox
from booking.outbox.posting import Draft
from booking.places import announcements, history, holding, terms
from booking.places.events import BookingEvent
from booking.places.lock import (
    Practitioner,
    RuledSession,
    locked_booking,
    locked_session,
    locked_to_book,
    read_practitioners,
    sittings_of,
)
from booking.places.managers import asking
from booking.places.managers.copies import with_copies
from booking.places.models import Booking
from booking.places.overriding import check_may_override, let_past, record_overridden
from booking.places.refusals import NotLive, PlaceRefused, SessionStarted
from booking.places.rules.decision import decide, must_be_confirmed
from booking.places.rules.line import asked_for, clashes, next_in_line
from booking.places.rules.rules import AGENCY, MANAGER
from booking.places.rules.seating import read_seating
from booking.site.inserting import insert
from booking.site.prepared import together
from booking.site.working_days import free_until

State = Booking.State
What = BookingEvent.What
# How a live booking ends that its owner gives up, and what its history says; the others are
# cancelled.
_GIVEN_UP = {
    State.WAITING: (State.WITHDRAWN, What.WITHDREW),
    State.OFFERED: (State.DECLINED, What.DECLINED),
}
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
    wants_both: bool = False,
    overriding: Mapping[str, str] | None = None,
) -> Booking:
    """Give the person a place, or the next place on the waiting list.

    A free place goes to a newcomer only when nobody who waits can take it and no rule holds it
    back. Where the course asks for a manager's agreement, the place is held until they answer.
    With `overriding`, names of rules each with a reason, a coordinator lets the person past them;
    if there is no place for them, the session gets one more, which nobody else can take in between.
    Returns the booking: confirmed, requested or waiting. Raises a `PlaceRefused`: not open, already
    booked, not for this person, something to be done first, no manager named, a place on another
    date of the course unless they want both, or a clash with another booking that holds a place
    (waiting for a place is allowed all the same).
    """
    reasons = overriding or {}
    overridden = check_may_override(reasons, person=person, by=by)
    with locked_to_book(session, person.pk, now=now) as (ruled, newcomer, booking_key):
        session, who = ruled.session, newcomer.who
        case, line = asked_for(
            ruled,
            newcomer,
            by=by,
            named=manager_email,
            now=now,
            wants_both=wants_both,
            overridden=overridden,
        )
        decision = decide(case)
        decision.check()
        held, manager = decision.must_wait, decision.manager
        booking = new_booking(ruled, who, person=person, by=by, now=now)
        booking.pk, booking.needs = booking_key, needs
        let_past(booking, decision, reasons, by=by, now=now)
        if held is not None:
            join_list(booking, session)
        else:
            seat(booking, session, decision.state, now=now)
            if decision.to_confirm is not None:
                booking.agency_until = holding.confirmed_by(session, now=now)
        to_manager = asking.ask(booking, who, manager, by=by, now=now) if manager else []
        drafts: Iterable[Draft]
        if held is not None:
            position, asked_now = session.waiting_count, manager if to_manager else ""
            why = decision.held_back
            drafts = [announcements.waiting(booking, position=position, why=why, manager=asked_now)]
        else:
            drafts = announcements.begun(booking, newcomer.sittings, ruled.rules)
        with together():
            insert([booking])
            if held is not None:
                history.record(
                    [booking], What.JOINED, by=by, now=now, rule=held.rule, why=held.sentence
                )
            else:
                history.record_passed_over(line.held, now=now)
                what = What.BOOKED if booking.state == State.CONFIRMED else What.REQUESTED
                history.record([booking], what, by=by, now=now)
            record_overridden(booking, decision, reasons, by=by, now=now)
            outbox.post([*drafts, *to_manager], now=now)
            ruled.save_counts()
    if line.chosen:
        # Places came free a moment ago, for those who wait and perhaps for this person too.
        fill_places(session=session, now=now)
        booking.refresh_from_db(fields=["state", "confirmed_at", "offered_until"])
    return booking


def cancel(
    *, booking: Booking, by: User, now: datetime, why: str = "", waived: str = ""
) -> Booking:
    """Give up a booking in whatever live state it is, and pass on the place it held.

    A confirmed place is cancelled, with a charge if the policy that was promised has one and no
    coordinator has `waived` it, which is the reason. An offer is declined; a place on the waiting
    list or one held for the manager is given back. Raises `NotLive` if it has ended,
    `SessionStarted` once the session has begun, `NotYoursToOverride` of what is not theirs to
    waive.
    """
    with locked_booking(booking) as (ruled, booking):
        session, was = ruled.session, State(booking.state)
        if (against := against_giving_up(booking, session, now=now)) is not None:
            raise against
        drafts: Iterable[Draft]
        if was == State.CONFIRMED:
            sittings = sittings_of(session)
            booking.charge_pence = terms.charge_for_cancelling(
                booking, sittings, by=by, now=now, waived=waived
            )
        state, what = _GIVEN_UP.get(was, (State.CANCELLED, What.CANCELLED))
        end(booking, session, state, now=now)
        told = f"{why} {terms.charge_sentence(booking, waived=waived)}".strip()
        history.record([booking], what, by=by, now=now, why=told)
        if was == State.CONFIRMED:
            drafts = announcements.cancelled(booking, sittings, by=by, why=why)
        elif was == State.OFFERED:
            drafts = [announcements.offer_ended(booking, by=by, why=why)]
        else:
            drafts = [announcements.left(booking, was=was, by=by, why=why)]
        asking.close([booking], ruled.rules, now=now)
        outbox.post(with_copies(drafts, ruled.rules, [booking]), now=now)
        fill(ruled, now=now)
    return booking


def against_giving_up(booking: Booking, session: Session, *, now: datetime) -> PlaceRefused | None:
    """Why the booking cannot be given up any more, if so."""
    if not booking.is_live:
        return NotLive(booking)
    return SessionStarted(session) if session.starts_at <= now else None


def fill_places(*, session: Session, now: datetime) -> int:
    """Give free places to the people who wait, and take back what was held too long.

    Works in short transactions of at most `FILL_AT_ONCE` people each. Returns how many were
    given or offered a place.
    """
    filled = 0
    while True:
        with locked_session(session) as held:
            _lapse(held, now=now)
            just_filled = fill(held, now=now)
        filled += just_filled
        if just_filled < FILL_AT_ONCE:
            return filled


# ---------------------------------------------------------------- under the session's lock


def new_booking(
    ruled: RuledSession, who: Practitioner, *, person: User, by: User, now: datetime
) -> Booking:
    """A booking not yet stored, with the notice and the policy that it is promised for good."""
    return Booking(
        session=ruled.session,
        person=person,
        booked_by=by,
        booked_at=now,
        agency_id=who.agency_id,
        notice_days=ruled.notice_days,
        free_until=free_until(ruled.session.starts_at, ruled.notice_days),
        policy_id=ruled.session.policy_id,
    )


def seat(booking: Booking, session: Session, state: Booking.State, *, now: datetime) -> None:
    """Let a booking take a place; the caller stores it."""
    session.places_taken += 1
    booking.state = state
    booking.confirmed_at = now if state == State.CONFIRMED else None


def join_list(booking: Booking, session: Session) -> None:
    """Put a new booking at the end of the waiting list; the caller stores it."""
    session.last_ticket += 1
    session.waiting_count += 1
    booking.state, booking.ticket = State.WAITING, session.last_ticket


def give_back_and_wait(booking: Booking, session: Session) -> None:
    """Take the place of a booking that held one, and put it at the end of the waiting list."""
    session.places_taken -= 1
    join_list(booking, session)


def end(booking: Booking, session: Session, state: Booking.State, *, now: datetime) -> None:
    """End a live booking; its place, or its turn on the waiting list, is given back.

    Raises the SEQUENCE, so that a cancellation is newer than what it cancels.
    """
    if booking.state == State.WAITING:
        session.waiting_count -= 1
    else:
        session.places_taken -= 1
    booking.calendar_sequence += 1
    booking.state, booking.ended_at = state, now
    booking.save(update_fields=["state", "ended_at", "calendar_sequence", "charge_pence"])


def have_again(booking: Booking, session: Session, state: Booking.State, *, now: datetime) -> None:
    """Let a booking that ended have its place or its turn on the list again.

    Raises the SEQUENCE, so that its calendar entry is newer than its end.
    """
    if state == State.WAITING:
        session.waiting_count += 1
        booking.state = state
    else:
        confirmed_at = booking.confirmed_at
        seat(booking, session, state, now=now)
        booking.confirmed_at = confirmed_at
    booking.ended_at, booking.charge_pence = None, 0
    booking.calendar_sequence += 1
    ended = ["state", "ended_at", "calendar_sequence", "charge_pence"]
    booking.save(update_fields=[*ended, "confirmed_at", "agency"])


def keep_offered(booking: Booking, *, is_certain: bool, now: datetime) -> None:
    """An offered place is the person's, or held until it is; the caller stores it."""
    booking.state = State.CONFIRMED if is_certain else State.REQUESTED
    booking.confirmed_at = now if is_certain else None


def seat_at_once(booking: Booking, session: Session, *, now: datetime) -> None:
    """Whoever waits, or holds a place that is not certain, has it from now on; it is not stored."""
    if booking.state == State.WAITING:
        session.waiting_count -= 1
        seat(booking, session, State.CONFIRMED, now=now)
    else:
        keep_offered(booking, is_certain=True, now=now)


def take_all_back(bookings: Sequence[Booking], session: Session, *, now: datetime) -> None:
    """End every live booking of a session that will not take place."""
    for booking in bookings:
        booking.calendar_sequence += 1
        booking.state, booking.ended_at = State.CANCELLED, now
    Booking.objects.bulk_update(
        bookings, ["state", "ended_at", "calendar_sequence"], batch_size=500
    )
    session.places_taken = session.waiting_count = 0


def fill(ruled: RuledSession, *, now: datetime) -> int:
    """Give up to `FILL_AT_ONCE` free places to those next in line, and tell them.

    The caller holds the session's lock. Does nothing once the session has started, or if it is not
    published. Returns how many were given or offered a place.
    """
    session = ruled.session
    is_ahead = session.state == Session.State.PUBLISHED and session.starts_at > now
    free = min(session.capacity - session.places_taken, FILL_AT_ONCE)
    if not is_ahead or free <= 0 or not session.waiting_count:
        return 0
    line = next_in_line(read_seating(session, now=now), ruled.rules, free, now=now)
    people = [booking.person_id for booking in line.chosen]
    if not people:
        return 0
    who = read_practitioners(people, ruled.rules, lock=True)
    # Only now can nobody book something else at that time. Whoever just did keeps their turn, and
    # the place goes to the next person in the worker's next round: people are locked once a
    # transaction, in order of their keys, so that two sessions never wait for each other.
    busy = clashes(session.pk, people)
    chosen = [booking for booking in line.chosen if booking.person_id not in busy]
    if not chosen:
        return 0
    sittings = sittings_of(session)
    drafts: list[Draft] = []
    for booking in chosen:
        booking.session = session
        session.waiting_count -= 1
        to_confirm = must_be_confirmed(who[booking.person_id], ruled, now=now)
        state = holding.state_when_chosen(booking, ruled, to_confirm=to_confirm, now=now)
        seat(booking, session, state, now=now)
        if booking.state == State.OFFERED:
            booking.offered_until = holding.offered_until(
                session, must_accept_by=booking.must_accept_by, now=now
            )
            drafts.append(announcements.offered(booking))
            continue
        if to_confirm:
            booking.agency_until = holding.confirmed_by(session, now=now)
        if not asking.is_agreed(booking, ruled.rules):
            drafts.extend(asking.hold(booking, who[booking.person_id], now=now))
        drafts.extend(announcements.begun(booking, sittings, ruled.rules, promoted=True))
    given_fields = ["state", "confirmed_at", "offered_until", "agency", "agency_until"]
    Booking.objects.bulk_update(chosen, given_fields)
    offers = [booking for booking in chosen if booking.state == State.OFFERED]
    given = [booking for booking in chosen if booking.state != State.OFFERED]
    history.record(offers, What.OFFERED, by=None, now=now, why="A place came free.")
    history.record(given, What.PROMOTED, by=None, now=now, why="A place came free.")
    history.record_passed_over(line.passed_over(), now=now)
    outbox.post(drafts, now=now)
    return len(chosen)


def make_certain(booking: Booking, ruled: RuledSession, *, because: str, now: datetime) -> None:
    """A place that was held is theirs; they are told so, and `because` of what."""
    booking.state, booking.confirmed_at = State.CONFIRMED, now
    booking.save(update_fields=["state", "confirmed_at"])
    drafts = announcements.begun(
        booking, sittings_of(ruled.session), ruled.rules, promoted=True, because=because
    )
    outbox.post(drafts, now=now)


def _lapse(ruled: RuledSession, *, now: datetime) -> None:
    """Take back what was held too long.

    Offers, first turns, and requests which no manager answered, or whose agency nobody confirmed.
    """
    session = ruled.session
    here = Booking.objects.for_session(session).select_related("person__agency", "approval")
    requests = list(here.requests_run_out(now=now))
    asked = {booking.pk for booking in requests}
    unproved = [each for each in here.agency_run_out(now=now) if each.pk not in asked]
    others = [*here.offers_run_out(now=now), *here.first_refusals_run_out(now=now)]
    for booking in (*others, *requests, *unproved):
        end(booking, session, State.LAPSED, now=now)
    history.record(others, What.LAPSED, by=None, now=now)
    why = "The line manager must agree."
    history.record(requests, What.NOT_ANSWERED, by=None, now=now, rule=MANAGER, why=why)
    asking.lapse(requests, now=now)
    history.record(unproved, What.AGENCY_UNPROVED, by=None, now=now, rule=AGENCY)
    asking.close(unproved, ruled.rules, now=now)
    outbox.post(
        [
            *(announcements.offer_ended(booking) for booking in others),
            *(announcements.not_answered(booking.approval) for booking in requests),
            *(holding.agency_not_confirmed(booking) for booking in unproved),
        ],
        now=now,
    )
