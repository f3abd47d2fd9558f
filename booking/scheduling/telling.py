"""Telling everybody concerned that something about a published session has changed."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from accounts.models import User
from booking.catalogue.models import Session
from booking.catalogue.sittings import SittingTimes
from booking.outbox import posting as outbox
from booking.places import announcements, giving, history
from booking.places.changes import (
    Change,
    concerning,
    for_managers,
    gives_time_to_react,
    in_history,
    states_concerned,
)
from booking.places.managers import asking
from booking.places.managers.copies import with_copies
from booking.places.models import Booking, BookingEvent
from booking.site.working_days import after_working_time, free_until

# Working time: two days in which anybody may cancel free of charge after a change.
TIME_TO_REACT = timedelta(hours=16)
_SOONER = "The session has moved, so there is less time to answer."


def tell(
    session: Session,
    changes: Sequence[Change],
    *,
    sittings: Sequence[SittingTimes],
    dropped: Sequence[SittingTimes] = (),
    moved_from: datetime | None = None,
    by: User,
    now: datetime,
) -> None:
    """Tell each person of what concerns them, and correct their calendars.

    In the transaction of the caller, who holds the session's lock and has raised its revision.
    `sittings` are all that the session has, `dropped` those it has no more, `moved_from` when it
    began before, if its start is another now.
    """
    told = Booking.objects.for_session(session).filter(state__in=states_concerned(changes))
    bookings = list(told.select_related("person", "approval"))
    promised = {booking.pk: booking.offered_until for booking in bookings}
    for booking in bookings:
        booking.calendar_sequence += 1
        booking.session = session
        if gives_time_to_react(changes):
            booking.free_until = _free_until_now(booking, session, now=now)
            if moved_from is not None and session.starts_at < moved_from:
                giving.bring_forward(booking, session, now=now)
    if moved_from is not None:
        asking.session_moved(bookings, session)
    Booking.objects.bulk_update(
        bookings,
        ["calendar_sequence", "free_until", "offered_until", "must_accept_by"],
        batch_size=500,
    )
    _record(bookings, changes, by=by, now=now)
    drafts = [
        draft
        for booking in bookings
        for draft in announcements.session_changed(
            booking,
            sittings=sittings,
            dropped=dropped,
            changes=[each.as_payload() for each in concerning(changes, booking.state)],
            session_revision=session.revision,
            answer_by=giving.answer_by(booking),
            now=now,
        )
    ]
    # The link in the first mail is that of an offer which ends when it said.
    sooner = [each for each in bookings if each.offered_until != promised[each.pk]]
    drafts.extend(announcements.offered(booking, why=_SOONER) for booking in sooner)
    history.record(sooner, BookingEvent.What.OFFERED, by=by, now=now, why=_SOONER)
    if of_question := [each.as_payload() for each in for_managers(changes)]:
        drafts.extend(asking.ask_again(bookings, of_question, now=now))
    outbox.post(with_copies(drafts, session=session, bookings=bookings), now=now)


def _record(
    bookings: Sequence[Booking], changes: Sequence[Change], *, by: User, now: datetime
) -> None:
    """Each history says what its owner was told, one statement for all who were told the same."""
    alike: dict[str, list[Booking]] = {}
    for booking in bookings:
        alike.setdefault(in_history(concerning(changes, booking.state)), []).append(booking)
    for why, those in alike.items():
        history.record(those, BookingEvent.What.SESSION_CHANGED, by=by, now=now, why=why)


def _free_until_now(booking: Booking, session: Session, *, now: datetime) -> datetime:
    """The promised notice before the new start, and time to react to the change in any case."""
    to_react = after_working_time(now, TIME_TO_REACT)
    return max(free_until(session.starts_at, booking.notice_days), min(to_react, session.starts_at))
