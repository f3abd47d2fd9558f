"""The way into an online session: by a link of one's own, while the place is one's own.

What stands is asked of the database at the moment of the press. Nobody else learns the address.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from django.http import Http404
from django.shortcuts import get_object_or_404

from accounts.models import User
from booking.attendance.models import Arrival
from booking.catalogue.models import Session, Sitting
from booking.partnership.kept import the_partnership
from booking.places.holding import may_join_meeting
from booking.places.links import JoinLink
from booking.places.models import Booking
from booking.scheduling.models import SessionGuest
from booking.site.refusals import Refused

# Enough for anybody who changes browsers; nobody fills the database by pressing on.
MOST_BROWSERS = 100


class Door(StrEnum):
    """How the way into a session stands for somebody."""

    OPEN = "open"
    EARLY = "early"
    OVER = "over"
    NO_ADDRESS = "no address"
    IN_PERSON = "in person"
    CALLED_OFF = "called off"
    NOT_CERTAIN = "not certain"
    MOVED = "moved"
    GIVEN = "given"
    LOST = "lost"
    NOT_EXPECTED = "not expected"


# Behind these there is nothing for this link any more.
GONE = frozenset({Door.OVER, Door.CALLED_OFF, Door.MOVED, Door.GIVEN, Door.LOST, Door.NOT_EXPECTED})


class DoorClosed(Refused):
    """Somebody may not join, or not now; the page says why."""

    sentence = "You cannot join by this link now."


@dataclass(frozen=True, kw_only=True)
class Entrance:
    """Whose link it is, into what, and how it stands."""

    session: Session
    # First name and initial: who opens a forwarded link sees whose it is.
    name: str
    door: Door
    # The sitting whose meeting is open, or else the next one, if there is one.
    sitting: Sitting | None
    booking: Booking | None = None
    # What the place became, if it was moved or given away.
    became: Booking | None = None

    @property
    def is_open(self) -> bool:
        """Whether they can join."""
        return self.door is Door.OPEN

    @property
    def opens_at(self) -> datetime | None:
        """When the sitting can be joined."""
        return self.sitting.starts_at - _opens() if self.sitting else None


def entrance(link: JoinLink, *, now: datetime) -> Entrance:
    """How the way in stands for whose link this is. Raises `Http404` for what is not there."""
    if link.booking_key:
        return _of_booking(link.booking_key, now=now)
    if link.trainer:
        sessions = Session.objects.public().select_related("course")
        session = get_object_or_404(sessions, pk=link.led_session)
        person = get_object_or_404(User, pk=link.trainer)
        is_expected = person.is_active and person.is_trainer
        is_expected = is_expected and session.trainers.filter(pk=person.pk).exists()
        return _of_other(session, person.first_name, person.last_name, is_expected, now=now)
    guests = SessionGuest.objects.select_related("session__course")
    guest = get_object_or_404(guests, pk=link.guest)
    first, _, last = guest.name.partition(" ")
    return _of_other(guest.session, first, last, guest.ended_at is None, now=now)


def join(link: JoinLink, *, device: str, now: datetime) -> tuple[Entrance, str]:
    """Let somebody in: the address of the meeting. That a person with a place came is noted.

    `device` names the browser. Raises `DoorClosed` or `Http404`.
    """
    found = entrance(link, now=now)
    if not found.is_open or found.sitting is None:
        raise DoorClosed
    if found.booking is not None:
        note_arrival(found.booking, found.sitting, device=device, at=now)
    return found, found.session.meeting.opened()


def note_arrival(booking: Booking, sitting: Sitting, *, device: str, at: datetime) -> None:
    """Note that somebody came, once for each browser and for so many of them at the most."""
    if Arrival.objects.filter(booking=booking, sitting=sitting).count() < MOST_BROWSERS:
        came = Arrival(booking=booking, sitting=sitting, at=at, device=device)
        Arrival.objects.bulk_create([came], ignore_conflicts=True)


def _of_booking(key: str, *, now: datetime) -> Entrance:
    bookings = Booking.objects.select_related("person", "session__course", "approval")
    booking = get_object_or_404(bookings, join_key=key)
    session, became = booking.session, None
    if not booking.is_live:
        became = booking.replaced_by.select_related("session").first()
    door, sitting = _of_session(session, now=now)
    is_theirs = booking.person.is_active and may_join_meeting(booking, now=now)
    if session.state != Session.State.CANCELLED and not is_theirs:
        door = _without_a_place(booking, became)
    name = short_name(booking.person.first_name, booking.person.last_name)
    return Entrance(
        session=session, name=name, door=door, sitting=sitting, booking=booking, became=became
    )


def _of_other(
    session: Session, first: str, last: str, is_expected: bool, *, now: datetime
) -> Entrance:
    door, sitting = _of_session(session, now=now)
    if not is_expected:
        door = Door.NOT_EXPECTED
    return Entrance(session=session, name=short_name(first, last), door=door, sitting=sitting)


def short_name(first: str, last: str) -> str:
    """ "Ann S." """
    return " ".join(filter(None, (first, f"{last[:1]}." if last else ""))) or "one person"


def _without_a_place(booking: Booking, became: Booking | None) -> Door:
    if booking.is_live:
        return Door.NOT_CERTAIN if booking.person.is_active else Door.NOT_EXPECTED
    if became is None:
        return Door.LOST
    return Door.MOVED if became.person_id == booking.person_id else Door.GIVEN


def _of_session(session: Session, *, now: datetime) -> tuple[Door, Sitting | None]:
    """How it stands for whoever is expected there."""
    if session.state == Session.State.CANCELLED:
        return Door.CALLED_OFF, None
    if session.state == Session.State.DRAFT:
        raise Http404
    if not session.is_online:
        return Door.IN_PERSON, None
    sittings = list(session.sittings.all())
    if (sitting := open_sitting(sittings, now=now)) is not None:
        return Door.OPEN if session.meeting.opened() else Door.NO_ADDRESS, sitting
    ahead = [each for each in sittings if each.starts_at > now]
    return (Door.EARLY, ahead[0]) if ahead else (Door.OVER, None)


def open_sitting(sittings: Sequence[Sitting], *, now: datetime) -> Sitting | None:
    """The sitting that can be joined: the first that is not over, or else the last that just was.

    They are in order of time.
    """
    closes = timedelta(minutes=the_partnership().join_closes_minutes)
    coming = (each for each in sittings if each.starts_at - _opens() <= now < each.ends_at)
    over = (each for each in reversed(sittings) if each.ends_at <= now < each.ends_at + closes)
    return next(coming, None) or next(over, None)


def opens_next(sittings: Sequence[Sitting], *, now: datetime) -> datetime | None:
    """When the next sitting to come can be joined, if one is to come. They are in order of time."""
    return next((each.starts_at - _opens() for each in sittings if each.starts_at > now), None)


def _opens() -> timedelta:
    return timedelta(minutes=the_partnership().join_opens_minutes)
