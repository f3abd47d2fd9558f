"""The only code that gives or takes a place.

Every action is one transaction that first locks the session's row, then, where a rule looks at a
person's other bookings, the people's rows in order of their keys. Everybody who takes both locks
takes them in this order. `now` is always an aware moment, read by the caller.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import transaction

from accounts.models import User
from booking.catalogue.models import Session
from booking.inserting import insert
from booking.outbox import actions as outbox
from booking.outbox.actions import Draft
from booking.places import announcements
from booking.places.announcements import SittingTimes
from booking.places.models import Booking, BookingEvent, BookingQuerySet
from booking.places.refusals import (
    AlreadyBooked,
    BookingClosed,
    BookingNotOpenYet,
    Clash,
    NothingOffered,
    NotLive,
    OfferRanOut,
    SessionNotOpen,
    SessionStarted,
)
from booking.places.statements import (
    lock_people,
    lock_session,
    save_counts,
    sittings_and_conflict,
)

State = Booking.State
What = BookingEvent.What

# How many waiting people one transaction gives places to, so that the session's row is never
# locked for long.
FILL_AT_ONCE = 50


def check_open(session: Session, *, now: datetime) -> None:
    """Refuse unless the session takes bookings at this moment.

    Raises `SessionNotOpen`, `SessionStarted`, `BookingNotOpenYet` or `BookingClosed`.
    """
    if session.state != Session.State.PUBLISHED:
        raise SessionNotOpen(session)
    if session.starts_at <= now:
        raise SessionStarted(session)
    if session.booking_opens_at and session.booking_opens_at > now:
        raise BookingNotOpenYet(session.booking_opens_at)
    if session.booking_ends_at <= now:
        raise BookingClosed(session.booking_ends_at)


def book(*, session: Session, person: User, by: User, now: datetime, needs: str = "") -> Booking:
    """Give the person a place, or the next place on the waiting list.

    A free place goes to a newcomer only when nobody who waits can take it. Returns the booking,
    confirmed or waiting. Raises a `Refused`: not open, already booked, or a clash with another
    booking that holds a place (waiting for a place is allowed all the same).
    """
    with transaction.atomic():
        session = lock_session(session.pk)
        check_open(session, now=now)
        has_room = session.places_taken < session.capacity
        place_is_free = has_room and not _somebody_able_waits(session)
        lock_people([person.pk])
        sittings, conflict_id = sittings_and_conflict(session.pk, person.pk)
        if conflict_id is not None:
            _refuse_conflict(conflict_id, session, place_is_free=place_is_free)
        booking = Booking(session=session, person=person, booked_by=by, needs=needs, booked_at=now)
        if place_is_free:
            booking.state, booking.confirmed_at = State.CONFIRMED, now
            session.places_taken += 1
        else:
            session.last_ticket += 1
            session.waiting_count += 1
            booking.state, booking.ticket = State.WAITING, session.last_ticket
        insert([booking])
        save_counts(session)
        if place_is_free:
            _record([booking], What.BOOKED, by=by, now=now)
            outbox.post(announcements.given_a_place(booking, sittings), now=now)
        else:
            _record([booking], What.JOINED, by=by, now=now, why="The session was full.")
            position = session.waiting_count
            outbox.post([announcements.waiting(booking, position=position)], now=now)
    if has_room and not place_is_free:
        # Places came free a moment ago, for those who wait and perhaps for this person too.
        fill_places(session=session, now=now)
        booking.refresh_from_db(fields=["state", "confirmed_at", "offered_until"])
    return booking


def cancel(*, booking: Booking, by: User, now: datetime, why: str = "") -> Booking:
    """Give up a booking in whatever live state it is, and pass on the place it held.

    A confirmed place is cancelled, an offer declined, a place on the waiting list withdrawn.
    Raises `NotLive` if it has ended, `SessionStarted` once the session has begun.
    """
    with transaction.atomic():
        session, booking = _lock_booking(booking)
        if not booking.is_live:
            raise NotLive(booking)
        if session.starts_at <= now:
            raise SessionStarted(session)
        if booking.state == State.WAITING:
            session.waiting_count -= 1
            _end(booking, State.WITHDRAWN, What.WITHDREW, by=by, now=now, why=why)
            drafts: Iterable[Draft] = [announcements.left(booking)]
        elif booking.state == State.OFFERED:
            session.places_taken -= 1
            _end(booking, State.DECLINED, What.DECLINED, by=by, now=now, why=why)
            drafts = [announcements.offer_ended(booking)]
        else:
            session.places_taken -= 1
            booking.calendar_sequence += 1
            _end(booking, State.CANCELLED, What.CANCELLED, by=by, now=now, why=why)
            drafts = announcements.cancelled(
                booking, _sittings(session), by_coordinator=by.pk != booking.person_id, why=why
            )
        outbox.post(drafts, now=now)
        _fill(session, now=now)
        save_counts(session)
    return booking


def decline_offer(*, booking: Booking, by: User, now: datetime) -> Booking:
    """Say no to an offered place; it goes to the next person.

    A place that was accepted meanwhile is not touched. Raises `OfferRanOut`, `NothingOffered` or
    `SessionStarted`.
    """
    with transaction.atomic():
        _, fresh = _lock_booking(booking)
        _check_offered(fresh)
        return cancel(booking=fresh, by=by, now=now)


def accept_offer(*, booking: Booking, by: User, now: datetime) -> Booking:
    """Turn an offered place into a confirmed one.

    Raises `OfferRanOut`, `NothingOffered`, `SessionStarted`, or `Clash` if the person has since
    booked something that overlaps.
    """
    with transaction.atomic():
        session, booking = _lock_booking(booking)
        _check_offered(booking)
        if session.starts_at <= now:
            raise SessionStarted(session)
        if booking.offered_until is not None and booking.offered_until <= now:
            raise OfferRanOut(booking)
        lock_people([booking.person_id])
        others = Booking.objects.for_person(booking.person).at_the_time_of(session)
        other = others.select_related("session__course").first()
        if other is not None:
            raise Clash(other)
        booking.state, booking.confirmed_at = State.CONFIRMED, now
        booking.save(update_fields=["state", "confirmed_at"])
        _record([booking], What.ACCEPTED, by=by, now=now)
        outbox.post(
            announcements.given_a_place(booking, _sittings(session), promoted=True), now=now
        )
    return booking


def fill_places(*, session: Session, now: datetime) -> int:
    """Give free places to the people who wait, and take back offers whose time is over.

    Works in short transactions of at most `FILL_AT_ONCE` people each. Returns how many were
    given or offered a place.
    """
    filled = 0
    while True:
        with transaction.atomic():
            locked = lock_session(session.pk)
            _lapse_offers(locked, now=now)
            just_filled = _fill(locked, now=now)
            save_counts(locked)
        filled += just_filled
        if just_filled < FILL_AT_ONCE:
            return filled


@dataclass(frozen=True)
class Ended:
    """The live bookings that a cancelled session ended."""

    had_a_place: int
    were_waiting: int


def end_all(*, session: Session, by: User, now: datetime, why: str) -> Ended:
    """End every live booking of a session that will not take place, and tell everybody.

    The caller holds the session's lock and has marked it cancelled.
    """
    sittings = _sittings(session)
    bookings = list(Booking.objects.for_session(session).live().select_related("person"))
    held = [booking for booking in bookings if booking.state in Booking.HOLDING]
    confirmed = {booking.pk for booking in bookings if booking.state == State.CONFIRMED}
    for booking in bookings:
        booking.calendar_sequence += 1
        booking.state, booking.ended_at = State.CANCELLED, now
    Booking.objects.bulk_update(
        bookings, ["state", "ended_at", "calendar_sequence"], batch_size=500
    )
    _record(bookings, What.SESSION_CANCELLED, by=by, now=now, why=why)
    session.places_taken = session.waiting_count = 0
    save_counts(session)
    drafts = [
        draft
        for booking in bookings
        for draft in announcements.session_cancelled(
            booking, sittings, had_a_place=booking.pk in confirmed, why=why
        )
    ]
    outbox.post(drafts, now=now)
    return Ended(had_a_place=len(held), were_waiting=len(bookings) - len(held))


# ---------------------------------------------------------------- under the session's lock


def _check_offered(booking: Booking) -> None:
    if booking.state == State.LAPSED:
        raise OfferRanOut(booking)
    if booking.state != State.OFFERED:
        raise NothingOffered


def _lock_booking(booking: Booking) -> tuple[Session, Booking]:
    """Lock the session, then read the booking as it is now: only the lock's holder moves it."""
    session = lock_session(booking.session_id)
    fresh = Booking.objects.select_related("person").get(pk=booking.pk)
    fresh.session = session
    return session, fresh


def _sittings(session: Session) -> list[SittingTimes]:
    return [SittingTimes.of(sitting) for sitting in session.sittings.all()]


def _refuse_conflict(booking_id: int, session: Session, *, place_is_free: bool) -> None:
    conflict = _with_course(booking_id)
    if conflict.session_id == session.pk:
        raise AlreadyBooked(conflict)
    if place_is_free:
        raise Clash(conflict)


def _with_course(booking_id: int) -> Booking:
    return Booking.objects.select_related("session__course").get(pk=booking_id)


def _fill(session: Session, *, now: datetime) -> int:
    """Give up to `FILL_AT_ONCE` free places to those who wait longest and have no clash.

    The caller holds the session's lock and saves its counts. Does nothing once the session has
    started or if it is not published. Somebody who clashes keeps their turn for the next time.
    """
    if session.state != Session.State.PUBLISHED or session.starts_at <= now:
        return 0
    free = min(session.capacity - session.places_taken, FILL_AT_ONCE)
    if free <= 0 or not session.waiting_count:
        return 0
    chosen = _next_in_line(session, free)
    if not chosen:
        return 0
    sittings = _sittings(session)
    if session.promotion == Session.Promotion.OFFER:
        until = min(now + timedelta(hours=session.offer_hours), session.starts_at)
        for booking in chosen:
            booking.state, booking.offered_until = State.OFFERED, until
        _keys(chosen).update(state=State.OFFERED, offered_until=until)
        _record(chosen, What.OFFERED, by=None, now=now, why="A place came free.")
        drafts = [announcements.offered(booking) for booking in chosen]
    else:
        for booking in chosen:
            booking.state, booking.confirmed_at = State.CONFIRMED, now
        _keys(chosen).update(state=State.CONFIRMED, confirmed_at=now)
        _record(chosen, What.PROMOTED, by=None, now=now, why="A place came free.")
        drafts = [
            draft
            for booking in chosen
            for draft in announcements.given_a_place(booking, sittings, promoted=True)
        ]
    outbox.post(drafts, now=now)
    session.places_taken += len(chosen)
    session.waiting_count -= len(chosen)
    return len(chosen)


def _somebody_able_waits(session: Session) -> bool:
    """Whether a free place belongs to somebody on the waiting list."""
    if not session.waiting_count:
        return False
    return Booking.objects.waiting().for_session(session).without_clash(session).exists()


def _next_in_line(session: Session, free: int) -> list[Booking]:
    """The first `free` waiting bookings whose people are not held up by a clash.

    The clash is looked for before the people are locked and again after, since only then can
    nobody book something else in between. Whoever did just that keeps their turn, and the place
    goes to the next person in the worker's next round: people are locked once a transaction, in
    order of their keys, so that two sessions never wait for each other.
    """
    able = Booking.objects.waiting().for_session(session).without_clash(session)
    candidates = list(able.select_related("person")[:free])
    people = [booking.person_id for booking in candidates]
    lock_people(people)
    clashing = set(
        Booking.objects.at_the_time_of(session)
        .filter(person_id__in=people)
        .values_list("person_id", flat=True)
    )
    return [booking for booking in candidates if booking.person_id not in clashing]


def _keys(bookings: Iterable[Booking]) -> BookingQuerySet:
    return Booking.objects.filter(pk__in=[booking.pk for booking in bookings])


def _lapse_offers(session: Session, *, now: datetime) -> None:
    """Take back this session's offers whose time is over. The caller saves the counts."""
    run_out = list(
        Booking.objects.for_session(session).offers_run_out(now=now).select_related("person")
    )
    if not run_out:
        return
    for booking in run_out:
        booking.state, booking.ended_at = State.LAPSED, now
    _keys(run_out).update(state=State.LAPSED, ended_at=now)
    _record(run_out, What.LAPSED, by=None, now=now)
    outbox.post([announcements.offer_ended(booking) for booking in run_out], now=now)
    session.places_taken -= len(run_out)


def _end(
    booking: Booking,
    state: Booking.State,
    what: BookingEvent.What,
    *,
    by: User,
    now: datetime,
    why: str,
) -> None:
    booking.state, booking.ended_at = state, now
    booking.save(update_fields=["state", "ended_at", "calendar_sequence"])
    _record([booking], what, by=by, now=now, why=why)


def _record(
    bookings: Sequence[Booking],
    what: BookingEvent.What,
    *,
    by: User | None,
    now: datetime,
    why: str = "",
) -> None:
    """Append to the history of each booking, with one statement."""
    insert(
        [
            BookingEvent(
                booking=booking, at=now, by=by, what=what, why=why, state_after=booking.state
            )
            for booking in bookings
        ]
    )
