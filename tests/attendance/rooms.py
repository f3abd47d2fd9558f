"""A session that is being held, and its register."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from django.utils import timezone

from accounts.models import User
from booking.attendance import closing, marking
from booking.attendance.marking import Press
from booking.attendance.models import Mark
from booking.attendance.roster import roster_of
from booking.catalogue.models import Session, Sitting
from booking.places.models import Booking
from tests.factories import make_person, make_session, make_trainer
from tests.people import book

What = Mark.What


def held_session(*, people: int = 3, sittings: int = 1, **fields: Any) -> Session:
    """A session whose first sitting began an hour ago, whose people booked a month before.

    Its later sittings follow day by day before that one: the last is the one that is held.
    """
    begun = timezone.now() - timedelta(hours=1)
    starts = [begun - timedelta(days=day) for day in reversed(range(sittings))]
    times = [(each, each + timedelta(hours=3)) for each in starts]
    fields.setdefault("trainers", [make_trainer()])
    session = make_session(sittings=times, **fields)
    for number in range(people):
        book(session, make_person(last_name=f"Ahmed{number}"), now=begun - timedelta(days=60))
    session.refresh_from_db()
    return session


def bookings_of(session: Session) -> list[Booking]:
    """In the order in which they were made."""
    return list(Booking.objects.for_session(session).select_related("person").order_by("pk"))


def trainer_of(session: Session) -> User:
    """Who leads it."""
    return session.trainers.get()


def press(
    session: Session,
    booking: Booking,
    what: Mark.What,
    *,
    sitting: int = 0,
    now: datetime | None = None,
    **more: Any,
) -> list[Mark]:
    """The trainer presses."""
    key = session.sittings.all()[sitting].pk
    pressed = Press(booking=booking.pk, sitting=key, what=what, **more)
    by, now = trainer_of(session), now or timezone.now()
    return marking.mark(session=session, presses=[pressed], by=by, now=now)


def close_now(session: Session, *came: Booking, others: Mark.What | None = None) -> None:
    """Those came to every sitting, the others not, or `others`; then the register is closed."""
    sittings = range(session.sittings.count())
    for booking in bookings_of(session):
        what = What.ATTENDED if booking in came else others
        for at in sittings if what else ():
            press(session, booking, what or What.NOTHING, sitting=at)
    close_as_it_is(session)


def end_now(session: Session) -> None:
    """It is over at this moment."""
    last, now = session.sittings.all().last(), timezone.now()
    assert last is not None
    Sitting.objects.filter(pk=last.pk, ends_at__gt=now).update(ends_at=now)
    Session.objects.filter(pk=session.pk, ends_at__gt=now).update(ends_at=now)
    session.refresh_from_db()


def close_as_it_is(session: Session) -> None:
    """The trainer closes what was marked, once it is over."""
    end_now(session)
    seen = closing.fingerprint(roster_of(session))
    closing.close_register(session=session, seen=seen, by=trainer_of(session), now=timezone.now())


def outcomes(session: Session) -> Sequence[str]:
    """What came of each place, in the order in which they were booked."""
    return [each.outcome for each in bookings_of(session)]
