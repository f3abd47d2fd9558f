"""What coordinators change about a published session, so that everybody concerned is told.

Each change is one transaction under the session's lock. People with a place get a calendar
REQUEST with a raised SEQUENCE that says what changed; people who wait get a plain message.
"""

import itertools
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from accounts.models import User
from booking.catalogue.models import Session, SessionEvent, Sitting, Venue
from booking.catalogue.sittings import SittingTimes, overlap
from booking.outbox import posting as outbox
from booking.outbox.posting import Draft
from booking.places import announcements, history, session_news
from booking.places.changes import (
    Change,
    Matter,
    concerning,
    for_managers,
    gives_time_to_react,
    in_history,
    states_concerned,
)
from booking.places.drafts import EntryChanges, entry_changes
from booking.places.holding import offered_until
from booking.places.lock import RuledSession, locked_session, sittings_of
from booking.places.managers import asking
from booking.places.managers.copies import with_copies
from booking.places.models import Booking, BookingEvent
from booking.places.refusals import PlaceRefused, SessionStarted
from booking.places.rules.decision import check_changeable
from booking.scheduling import trainers
from booking.site.wording import listed, sitting_times
from booking.site.working_days import after_working_time, end_of_working_day_before, free_until

# Working time: two days in which anybody may cancel free of charge after a change.
TIME_TO_REACT = timedelta(hours=16)
_SOONER = "The session has moved, so there is less time to answer."
_HELD = ("delivery", "venue", "join_url", "starts_at", "ends_at")


class ChangedMeanwhile(PlaceRefused):
    """Somebody else changed the session after this change was prepared."""

    sentence = (
        "Somebody else has changed this session meanwhile. Check how it is held now, then make"
        " your change again."
    )


class NothingChanges(PlaceRefused):
    """A session is to be held as it is held already."""

    sentence = "This is how the session is held already. Change something first."


class BadTimes(PlaceRefused):
    """The sittings proposed cannot be held."""

    def __init__(self, sentence: str) -> None:
        self.sentence = sentence


@dataclass(frozen=True)
class PlannedSitting:
    """A sitting as it is to be: `key` names the stored one it moves, none makes a new one."""

    starts_at: datetime
    ends_at: datetime
    key: int | None = None


@dataclass(frozen=True)
class Arrangements:
    """When, how and by whom a session is held; without `trainers`, by those who lead it now."""

    sittings: tuple[PlannedSitting, ...]
    delivery: str
    venue: Venue | None
    join_url: str
    trainers: tuple[User, ...] | None = None


def check_times(
    sittings: Sequence[PlannedSitting], *, now: datetime, begun: Collection[int] = ()
) -> list[PlannedSitting]:
    """The sittings in order of time; only those whose keys are `begun` may lie in the past.

    Raises `BadTimes`.
    """
    if not sittings:
        raise BadTimes("A session needs at least one date.")
    ordered = sorted(sittings, key=lambda sitting: sitting.starts_at)
    for sitting in ordered:
        if sitting.ends_at <= sitting.starts_at:
            raise BadTimes("Each date must end after it starts.")
    for earlier, later in itertools.pairwise(ordered):
        if overlap(earlier, later):
            raise BadTimes("Two dates overlap.")
    if any(sitting.starts_at <= now for sitting in ordered if sitting.key not in begun):
        raise BadTimes("New dates must lie ahead." if begun else "The first date must lie ahead.")
    if ordered[-1].starts_at <= now:
        raise BadTimes("One date at least must lie ahead.")
    return ordered


def changes_to_come(session: Session, arrangements: Arrangements) -> list[Change]:
    """What people would be told if the session were held this way: nothing if nothing differs."""
    changes: list[Change] = []
    before = [sitting_times(each.starts_at, each.ends_at) for each in session.sittings.all()]
    ordered = sorted(arrangements.sittings, key=lambda sitting: sitting.starts_at)
    after = [sitting_times(each.starts_at, each.ends_at) for each in ordered]
    if before != after:
        changes.append(Change("Date and time", "; ".join(before), "; ".join(after), Matter.TIMES))
    where_before, where_after = session.where, _where(arrangements)
    if where_before != where_after:
        changes.append(Change("Place", where_before, where_after))
    is_online = arrangements.delivery == Session.Delivery.ONLINE
    if is_online and arrangements.join_url != session.join_url:
        before_link, after_link = session.join_url or "none", arrangements.join_url or "to follow"
        changes.append(Change("Join link", before_link, after_link, Matter.JOIN_LINK))
    if arrangements.trainers is not None:
        changes.extend(_other_trainers(list(session.trainers.all()), arrangements.trainers))
    return changes


def entries_to_come(
    session: Session, arrangements: Arrangements, changes: Sequence[Change], *, now: datetime
) -> EntryChanges:
    """The calendar entries that would change if the session were held this way."""
    after = [
        SittingTimes(each.key or -number, each.starts_at, each.ends_at)
        for number, each in enumerate(arrangements.sittings, start=1)
    ]
    return entry_changes(sittings_of(session), after, changes, now=now)


def _other_trainers(before: Sequence[User], after: Sequence[User]) -> list[Change]:
    if {person.pk for person in before} == {person.pk for person in after}:
        return []
    what = "Trainer" if max(len(before), len(after)) == 1 else "Trainers"
    names = [listed([str(person) for person in people]) for people in (before, after)]
    return [Change(what, names[0] or "none named", names[1] or "to be named", Matter.TRAINERS)]


def _where(arrangements: Arrangements) -> str:
    if arrangements.delivery == Session.Delivery.ONLINE:
        return "Online"
    return arrangements.venue.name if arrangements.venue else "To be announced"


def rearrange(
    *,
    session: Session,
    arrangements: Arrangements,
    by: User,
    now: datetime,
    expected_revision: int | None = None,
) -> list[Change]:
    """Hold a session at other times, in another place or by others, and tell everybody concerned.

    A sitting that keeps its key keeps its calendar entry; one that has begun cannot change.
    `expected_revision` is the session's when the change was prepared. Returns what changed.
    Raises `BadTimes`, `SessionNotOpen`, `SessionStarted` or `ChangedMeanwhile`.
    """
    with locked_session(session) as ruled:
        locked = ruled.session
        check_date_ahead(locked, now=now)
        if expected_revision is not None and locked.revision != expected_revision:
            raise ChangedMeanwhile
        begun = _begun(locked, arrangements, now=now)
        ordered = check_times(arrangements.sittings, now=now, begun=begun)
        changes = changes_to_come(locked, arrangements)
        if not changes:
            return []
        led_before, began = list(locked.trainers.all()), locked.starts_at
        before = sittings_of(locked)
        kept = _store_sittings(locked, ordered)
        locked.delivery = arrangements.delivery
        locked.venue = arrangements.venue
        locked.join_url = arrangements.join_url
        locked.starts_at, locked.ends_at = ordered[0].starts_at, ordered[-1].ends_at
        if arrangements.trainers is not None:
            locked.trainers.set(arrangements.trainers)
        move_releases(locked, now=now)
        revise(
            ruled,
            changes,
            columns=_HELD,
            before=before,
            sittings=kept,
            moved_from=None if locked.starts_at == began else began,
            led_before=led_before,
            by=by,
            now=now,
        )
    return changes


def check_date_ahead(session: Session, *, now: datetime) -> None:
    """Refuse to rearrange a session none of whose dates lies ahead.

    Raises `SessionNotOpen` or `SessionStarted`.
    """
    check_changeable(session)
    if all(sitting.starts_at <= now for sitting in session.sittings.all()):
        raise SessionStarted(session)


def _begun(session: Session, arrangements: Arrangements, *, now: datetime) -> frozenset[int]:
    """The keys of the sittings that have begun, each of which must stay as it is."""
    begun = {each.pk: each for each in session.sittings.all() if each.starts_at <= now}
    planned = {sitting.key: sitting for sitting in arrangements.sittings}
    for key, held in begun.items():
        plan = planned.get(key)
        if plan is None or (plan.starts_at, plan.ends_at) != (held.starts_at, held.ends_at):
            raise BadTimes("A date that has begun cannot change.")
    return frozenset(begun)


def move_releases(session: Session, *, now: datetime) -> None:
    """Reserved places are released before the new start; what was released stays so."""
    for allocation in session.allocations.filter(release_at__gt=now):
        allocation.release_at = end_of_working_day_before(
            session.starts_at, allocation.release_days
        )
        allocation.save(update_fields=["release_at"])


def _store_sittings(session: Session, planned: Sequence[PlannedSitting]) -> list[SittingTimes]:
    """Move, add and drop sittings. Returns those kept or new."""
    stored = {sitting.pk: sitting for sitting in session.sittings.all()}
    wanted = {sitting.key for sitting in planned if sitting.key in stored}
    session.sittings.exclude(pk__in=wanted).delete()
    kept: list[SittingTimes] = []
    for plan in planned:
        sitting = stored.get(plan.key or 0) or Sitting(session=session)
        sitting.starts_at, sitting.ends_at = plan.starts_at, plan.ends_at
        sitting.save()
        kept.append(SittingTimes.of(sitting))
    return kept


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
    by: User,
    now: datetime,
) -> None:
    """Raise the revision, store these columns, and tell all whom the changes concern.

    In the transaction of the caller, who holds the session's lock and has written everything else.
    Where it was held otherwise before: `before` are the sittings it had and `sittings` those it has
    now, `moved_from` is when it began, if its start is another now, `led_before` who led it.
    `note` is added to what people are told.
    """
    session = ruled.session
    session.revision += 1
    session.changed_at = now
    session.save(update_fields=[*columns, "revision", "changed_at"])
    SessionEvent.objects.create(session=session, at=now, by=by, what=in_history(changes)[:200])
    if session.state == Session.State.PUBLISHED:
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
        in_words = [change.as_payload() for change in changes]
        trainers.tell_of_change(session, in_words, led_before=leading, now=now)


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
    if booking.offered_until is not None and booking.state == Booking.State.OFFERED:
        allowed = offered_until(booking, session, now=now)
        booking.offered_until = min(booking.offered_until, allowed)
    if booking.must_accept_by is not None:
        booking.must_accept_by = min(booking.must_accept_by, session.starts_at)


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
