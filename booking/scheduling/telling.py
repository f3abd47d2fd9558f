"""Telling everybody concerned what has changed about a session, and correcting their calendars.

People with a place get a calendar REQUEST with a raised SEQUENCE that says what changed; people who
wait, trainers and guests get a plain message.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

from accounts.models import User
from booking.catalogue.models import Session, SessionEvent
from booking.catalogue.sittings import SittingTimes
from booking.outbox import posting as outbox
from booking.outbox.posting import Draft
from booking.places import announcements, history
from booking.places.changes import (
    Change,
    concerning,
    for_managers,
    gives_time_to_react,
    in_history,
    states_concerned,
)
from booking.places.events import BookingEvent
from booking.places.holding import offered_until
from booking.places.lock import RuledSession, sittings_of
from booking.places.managers import asking
from booking.places.managers.copies import with_copies
from booking.places.models import Booking
from booking.places.news import sessions as session_news
from booking.places.news.drafts import EntryChanges, entry_changes
from booking.scheduling import guests, trainers
from booking.site.working_days import after_working_time, free_until

# Working time: two days in which anybody may cancel free of charge after a change.
TIME_TO_REACT = timedelta(hours=16)
_SOONER = "The session has moved, so there is less time to answer."


def revise(
    ruled: RuledSession,
    changes: Sequence[Change],
    *,
    columns: Sequence[str] = (),
    before: Sequence[SittingTimes] | None = None,
    sittings: Sequence[SittingTimes] | None = None,
    moved_from: datetime | None = None,
    led_before: Sequence[User] | None = None,
    note: str = "",
    tells_people: bool = True,
    by: User,
    now: datetime,
) -> None:
    """Raise the revision, store these columns, and tell all whom the changes concern.

    In the transaction of the caller, who holds the session's lock and has written everything else.
    Where it was held otherwise before: `before` are the sittings it had and `sittings` those it has
    now, `moved_from` is when it began, if its start is another now, `led_before` who led it.
    `note` is added to what is told. Without `tells_people` only trainers and guests hear of it.
    """
    session = ruled.session
    session.revision += 1
    session.changed_at = now
    session.save(update_fields=[*columns, "revision", "changed_at"])
    SessionEvent.objects.create(session=session, at=now, by=by, what=in_history(changes)[:200])
    if session.state != Session.State.PUBLISHED:
        return
    if tells_people:
        now_held = sittings_of(session) if sittings is None else sittings
        was_held = now_held if before is None else before
        _tell(
            ruled,
            changes,
            entries=entry_changes(was_held, now_held, changes, now=now),
            moved_from=moved_from,
            note=note,
            by=by,
            now=now,
        )
    leading = list(session.trainers.all()) if led_before is None else led_before
    trainers.tell_of_change(session, changes, led_before=leading, note=note, now=now)
    guests.tell_of_change(session, changes, note=note, now=now)


def _tell(
    ruled: RuledSession,
    changes: Sequence[Change],
    *,
    entries: EntryChanges,
    moved_from: datetime | None,
    note: str,
    by: User,
    now: datetime,
) -> None:
    """Tell each person of what concerns them, and correct their calendars."""
    session = ruled.session
    concerned = Booking.objects.for_session(session).filter(state__in=states_concerned(changes))
    bookings = list(concerned.select_related("person", "approval"))
    promised = {booking.pk: booking.offered_until for booking in bookings}
    for booking in bookings:
        booking.calendar_sequence += 1
        booking.session = session
        if gives_time_to_react(changes):
            booking.free_until = _free_until_now(booking, session, now=now)
            if moved_from is not None and session.starts_at < moved_from:
                _bring_forward(booking, session, now=now)
    if moved_from is not None:
        asking.session_moved(bookings, session)
    Booking.objects.bulk_update(
        bookings,
        ["calendar_sequence", "free_until", "offered_until", "must_accept_by"],
        batch_size=500,
    )
    _record_changes(bookings, changes, by=by, now=now)
    # The link in an earlier offer is that of one which ends when it said.
    sooner = {each.pk for each in bookings if each.offered_until != promised[each.pk]}
    drafts: list[Draft] = []
    for booking in bookings:
        told = [each.as_payload() for each in concerning(changes, booking.state)]
        if booking.pk in sooner:
            drafts.append(announcements.offered(booking, why=_SOONER, changes=told, note=note))
            continue
        drafts += session_news.session_changed(
            booking,
            entries=entries,
            changes=told,
            session_revision=session.revision,
            note=note,
        )
    brought_forward = [each for each in bookings if each.pk in sooner]
    history.record(brought_forward, BookingEvent.What.OFFERED, by=by, now=now, why=_SOONER)
    if of_question := [each.as_payload() for each in for_managers(changes)]:
        drafts.extend(asking.ask_again(bookings, of_question, now=now))
    outbox.post(with_copies(drafts, ruled.rules, bookings), now=now)


def _bring_forward(booking: Booking, session: Session, *, now: datetime) -> None:
    """After the session has moved to begin earlier: nobody may answer longer than that allows.

    An offer lasts no longer than one that is made now.
    """
    if booking.must_accept_by is not None:
        booking.must_accept_by = min(booking.must_accept_by, session.starts_at)
    if booking.offered_until is not None and booking.state == Booking.State.OFFERED:
        allowed = offered_until(session, must_accept_by=booking.must_accept_by, now=now)
        booking.offered_until = min(booking.offered_until, allowed)


def _record_changes(
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
