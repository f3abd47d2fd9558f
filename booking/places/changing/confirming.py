"""Whom people work for is confirmed, or is not: what becomes of them and of their bookings.

The person's row is written first, in a transaction of its own with the mail that tells them; then
their bookings, each session in a transaction of its own, so that nobody's row is held before a
session's. The worker's round settles whatever was booked in between, or is left after an
interruption.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime

from django.db import transaction

from accounts import agencies
from accounts.models import Agency, User
from booking.catalogue.models import Session
from booking.outbox import posting as outbox
from booking.places import actions, announcements, history
from booking.places.events import BookingEvent
from booking.places.holding import (
    agency_confirmed,
    agency_not_confirmed,
    agency_not_ours,
)
from booking.places.lock import RuledSession, locked_session, read_practitioners
from booking.places.managers import asking
from booking.places.models import Booking
from booking.places.rules.rules import AGENCY, Asks, Case, agency_limit, first_against, sector
from booking.places.rules.seating import read_seating

State = Booking.State
What = BookingEvent.What


def confirm_agency(*, person: User, agency: Agency, by: User, now: datetime) -> None:
    """The person works for the agency they chose, says `by`, who may say so.

    What they booked counts as the agency's from now on, and a place that was held for this is
    certain, if nothing else speaks against it. Raises `ClaimSettled` or `OwnAgency`.
    """
    with transaction.atomic():
        agencies.confirm_claim(person=person, agency=agency, by=by, now=now)
        outbox.post([agency_confirmed(person, agency, now=now)], now=now)
    settle_bookings([person.pk], now=now)


def not_ours(*, person: User, agency: Agency, by: User, now: datetime) -> None:
    """The person does not work for the agency they chose: they have none until they say which.

    Places that are held for it stay held until their day, for the right agency to be confirmed.
    Raises `ClaimSettled`.
    """
    with transaction.atomic():
        agencies.refuse_claim(person=person, agency=agency, by=by)
        outbox.post([agency_not_ours(person, agency, now=now)], now=now)


def settle_agency(*, people: Sequence[User], agency: Agency, by: User, now: datetime) -> int:
    """Put people who wrote down their agency into one that is listed, as a coordinator says.

    Their bookings follow, as with `confirm_agency`. Returns how many there were; who says something
    else by now is left out. Raises `ClaimSettled` if nobody is left, and `OwnAgency`.
    """
    with transaction.atomic():
        joined = agencies.settle_unlisted(people=people, agency=agency, by=by, now=now)
        if not joined:
            raise agencies.ClaimSettled
        told = [agency_confirmed(person, agency, now=now) for person in joined]
        outbox.post(told, now=now)
    settle_bookings([person.pk for person in joined], now=now)
    return len(joined)


def settle_bookings(people: Iterable[int], *, now: datetime) -> None:
    """Let live bookings of these people that count for no agency count for their confirmed one."""
    waiting = Booking.objects.to_settle(now=now).filter(person__in=list(people))
    sessions = Session.objects.filter(pk__in=waiting.order_by().values("session_id"))
    for session in list(sessions.order_by("pk")):
        settle_session(session=session, now=now)


def settle_session(*, session: Session, now: datetime) -> int:
    """As `settle_bookings`, for one session and whoever is confirmed since.

    Returns how many others were given or offered a place that came free by it.
    """
    with locked_session(session) as ruled:
        here = Booking.objects.to_settle(now=now).for_session(ruled.session)
        for booking in here.select_related("person__agency", "approval").order_by("booked_at"):
            booking.session = ruled.session
            _settle(booking, ruled, now=now)
        return actions.fill(ruled, now=now)


def _settle(booking: Booking, ruled: RuledSession, *, now: datetime) -> None:
    """Judge one booking by the agency that is confirmed now; the caller holds the lock."""
    session, key = ruled.session, booking.person_id
    was_held = booking.state == State.REQUESTED and booking.agency_until is not None
    who = read_practitioners([key], ruled.rules)[key]
    booking.agency_until = None
    if not was_held:
        booking.agency_id = who.agency_id
        booking.save(update_fields=["agency", "agency_until"])
        history.record([booking], What.AGENCY_CONFIRMED, by=None, now=now)
        return
    seating = read_seating(session, now=now)
    case = Case(
        session=session,
        course=ruled.rules,
        now=now,
        asks=Asks.TURN,
        who=who,
        seating=seating,
        overridden=frozenset(booking.overridden),
    )
    if (refused := first_against((sector,), case)) is not None:
        why = refused.sentence
        actions.end(booking, session, State.DECLINED, now=now)
        history.record([booking], What.AGENCY_REFUSED, by=None, now=now, rule=AGENCY, why=why)
        asking.close([booking], ruled.rules, now=now)
        outbox.post([agency_not_confirmed(booking, why=why)], now=now)
    elif (limited := first_against((agency_limit,), case)) is not None:
        actions.give_back_and_wait(booking, session)
        history.record(
            [booking], What.JOINED, by=None, now=now, rule=limited.rule, why=limited.sentence
        )
        position = session.waiting_count
        told = announcements.waiting(booking, position=position, why=limited.sentence)
        outbox.post([told], now=now)
    else:
        if asking.is_agreed(booking, ruled.rules):
            because = f"It is confirmed that you work for {booking.person.agency_name}."
            actions.make_certain(booking, ruled, because=because, now=now)
        history.record([booking], What.AGENCY_CONFIRMED, by=None, now=now, rule=AGENCY)
    booking.agency_id = who.agency_id
    booking.save(update_fields=["agency", "agency_until", "state", "ticket"])
