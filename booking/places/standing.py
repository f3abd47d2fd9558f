"""Where somebody stands on a waiting list, and the rule that holds them there now.

Nothing is locked: it is what would be decided if a place came free at this moment.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from booking.catalogue.models import CourseRules, Session, Sitting
from booking.places import rules
from booking.places.facts import Practitioner, Room, read_practitioners, read_rooms
from booking.places.models import Booking
from booking.places.rules import Reason
from booking.places.statements import read_sessions
from booking.places.waiting_list import no_manager
from booking.site.wording import counted


@dataclass(frozen=True, kw_only=True)
class Standing:
    """A number on the waiting list, where 1 is next, and what speaks against a place now."""

    position: int
    reason: Reason

    @property
    def before(self) -> str:
        """How many people are before them, in words."""
        if self.position == 1:
            return "Nobody is before you."
        people = counted(self.position - 1, "person is", "people are")
        return f"{people} before you."


TURN = Reason("waiting list", "A place is free and is being given out now.")


def standing(booking: Booking, *, now: datetime) -> Standing:
    """Where a booking that waits stands now."""
    return standings([booking], now=now)[booking.pk]


def standings(bookings: Iterable[Booking], *, now: datetime) -> dict[int, Standing]:
    """Where each of one person's bookings that wait stands, by key.

    The bookings come `with_position`, or it costs a statement for each that does not. The number
    of statements is the same however many they are.
    """
    waiting = list(bookings)
    if not waiting:
        return {}
    person_id = waiting[0].person_id
    sessions = read_sessions({booking.session_id for booking in waiting})
    rooms = read_rooms(sessions.values(), now=now)
    everything_asked = _united(session.course_rules for session in sessions.values())
    person = read_practitioners([person_id], everything_asked, now=now)[person_id]
    busy = _clashes(person_id, list(sessions))
    found: dict[int, Standing] = {}
    for booking in waiting:
        room, other = rooms[booking.session_id], busy.get(booking.session_id)
        reason = _against(booking, person, room, other)
        position = getattr(booking, "position", None) or booking.waiting_position
        found[booking.pk] = Standing(position=position, reason=reason)
    return found


def _against(booking: Booking, person: Practitioner, room: Room, other: Booking | None) -> Reason:
    course_rules = room.session.course_rules
    return (
        rules.turned_away(person, course_rules)
        or no_manager(booking, person, room.session)
        or (rules.clash(other) if other else None)
        or rules.held_back(person, room)
        or (rules.FULL if room.free <= 0 else TURN)
    )


def _united(asked: Iterable[CourseRules]) -> CourseRules:
    """All groups and courses that any of these ask for, to read about them at once."""
    each = list(asked)
    return CourseRules(
        groups=frozenset().union(*(one.groups for one in each)),
        prerequisites=frozenset().union(*(one.prerequisites for one in each)),
    )


def _clashes(person_id: int, session_ids: Sequence[int]) -> Mapping[int, Booking]:
    """For each of these sessions: a booking of the person's that holds a place at that time."""
    held = list(
        Booking.objects.holding_a_place()
        .filter(person_id=person_id, session__state=Session.State.PUBLISHED)
        .select_related("session__course")
        .prefetch_related("session__sittings")
    )
    found: dict[int, Booking] = {}
    for sitting in Sitting.objects.filter(session__in=session_ids):
        for booking in held:
            if booking.session_id != sitting.session_id and any(
                other.starts_at < sitting.ends_at and other.ends_at > sitting.starts_at
                for other in booking.session.sittings.all()
            ):
                found.setdefault(sitting.session_id, booking)
    return found
