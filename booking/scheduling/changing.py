"""What coordinators change about a published session, so that everybody concerned is told.

Each change is one transaction under the session's lock; `telling` tells of it.
"""

import itertools
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from accounts.models import User
from booking.catalogue.models import Allocation, Session, SessionEvent, Sitting, Venue
from booking.catalogue.policies import following, releases_moved
from booking.catalogue.sittings import SittingTimes, overlap
from booking.places.changes import Change, Matter, changes_every_entry
from booking.places.lock import locked_session, sittings_of
from booking.places.news.drafts import EntryChanges, entry_changes
from booking.places.refusals import PlaceRefused, SessionStarted
from booking.places.rules.decision import check_changeable
from booking.scheduling.telling import revise
from booking.site.sealing import Sealed
from booking.site.wording import counted, day, deadline, listed, sitting_times

_HELD = (
    "delivery", "venue", "sent_openly", "starts_at", "ends_at", "booking_closes_at", "decide_on"
)  # fmt: skip


# Told to people whose mails and calendars hold the address of the meeting itself.
_ONE_OF_THEIR_OWN = ("one for everybody", "one of your own, in this email")


class ChangedMeanwhile(PlaceRefused):
    """Somebody else changed the session after this change was prepared."""

    sentence = (
        "Somebody else has changed this session meanwhile. Check how it is held now, then make"
        " your change again."
    )


class NothingChanges(PlaceRefused):
    """A session is to be held as it is held already."""

    sentence = "This is how the session is held already. Change something first."


class NoteToNobody(PlaceRefused):
    """A note was typed beside a change that nobody is told of."""

    sentence = (
        "Nobody is told of another meeting alone, so nobody would get your note. Take it out here,"
        " and write it to people on the session’s page."
    )
    field = "note"


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
    # The address of the meeting as it was typed, if it is online.
    meeting: str
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
    if session.sent_openly and is_online and is_another_meeting(session, arrangements):
        changes.append(Change("Join link", *_ONE_OF_THEIR_OWN, Matter.JOIN_LINK))
    if arrangements.trainers is not None:
        changes.extend(other_trainers(list(session.trainers.all()), arrangements.trainers))
    return changes


def following_changes(
    session: Session, arrangements: Arrangements, *, now: datetime
) -> list[Change]:
    """What moves with the start if the session were held this way, of which nobody is told.

    When booking closes, the day to decide, and until when places are reserved.
    """
    starts_at = min(each.starts_at for each in arrangements.sittings)
    if starts_at == session.starts_at:
        return []
    moves = following(session, starts_at=starts_at)
    rows: list[tuple[str, str, str]] = []
    if session.booking_closes_at is not None:
        closes = min(moves.get("booking_closes_at", session.booking_closes_at), starts_at)
        rows.append(("Booking closes", deadline(session.booking_ends_at), deadline(closes)))
    if session.decide_on is not None:
        rows.append(("Day to decide", day(session.decide_on), day(moves["decide_on"])))
    reserved = list(session.allocations.select_related("agency"))
    until = {each.pk: each.release_at for each in reserved}
    for each in releases_moved(reserved, starts_at=starts_at, now=now):
        what = f"{counted(each.places, 'place')} reserved for {each.whom} until"
        rows.append((what, deadline(until[each.pk]), deadline(each.release_at)))
    return [Change(*row) for row in rows if row[1] != row[2]]


def is_another_meeting(session: Session, arrangements: Arrangements) -> bool:
    """Whether the address of the meeting would be another: everybody's join link leads to it.

    One that no key opens is another than any, and than none.
    """
    is_there = bool(session.meeting)
    return (is_there, session.meeting.opened()) != (
        bool(arrangements.meeting),
        arrangements.meeting,
    )


def entries_to_come(
    session: Session, arrangements: Arrangements, changes: Sequence[Change], *, now: datetime
) -> EntryChanges:
    """The calendar entries that would change if the session were held this way."""
    after = [
        SittingTimes(each.key or -number, each.starts_at, each.ends_at)
        for number, each in enumerate(arrangements.sittings, start=1)
    ]
    return entry_changes(sittings_of(session), after, changes, now=now)


def other_trainers(before: Sequence[User], after: Sequence[User]) -> list[Change]:
    """What people would be told if others led a session: nothing if the same do."""
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
    expected: Session | None = None,
    note: str = "",
) -> list[Change]:
    """Hold a session at other times, in another place or by others, and tell everybody concerned.

    `note` is added to what they are told.

    A sitting that keeps its key keeps its calendar entry; one that has begun cannot change. Nobody
    is told of another address of the meeting, which no mail and no calendar holds.
    `expected` is the session as it was when the change was prepared. Returns what changed.
    Raises `BadTimes`, `NoteToNobody`, `SessionNotOpen`, `SessionStarted` or `ChangedMeanwhile`.
    """
    with locked_session(session) as ruled:
        locked = ruled.session
        check_date_ahead(locked, now=now)
        if expected is not None and _version(locked) != _version(expected):
            raise ChangedMeanwhile
        begun = _begun(locked, arrangements, now=now)
        ordered = check_times(arrangements.sittings, now=now, begun=begun)
        changes = changes_to_come(locked, arrangements)
        if note and not changes:
            raise NoteToNobody
        if is_another_meeting(locked, arrangements):
            locked.meeting = Sealed.of(arrangements.meeting)
            locked.save(update_fields=["meeting"])
            what = "Meeting address changed"
            SessionEvent.objects.create(session=locked, at=now, by=by, what=what)
        if not changes:
            return []
        led_before, began = list(locked.trainers.all()), locked.starts_at
        before = sittings_of(locked)
        kept = _store_sittings(locked, ordered)
        locked.delivery = arrangements.delivery
        locked.venue = arrangements.venue
        locked.sent_openly = locked.sent_openly and not changes_every_entry(changes)
        for name, value in following(locked, starts_at=ordered[0].starts_at).items():
            setattr(locked, name, value)
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
            note=note,
            by=by,
            now=now,
        )
    return changes


def _version(session: Session) -> tuple[int, str]:
    return session.revision, session.meeting.token


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
    moved = releases_moved(session.allocations.all(), starts_at=session.starts_at, now=now)
    Allocation.objects.bulk_update(moved, ["release_at"])


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
