"""Sessions as their reader sees them: the places they could have, and the booking they hold.

Asked of the same rules as the decision. The statements do not grow with the number of sessions.
"""

import copy
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from django.db.models import F, Q

from accounts.models import User
from booking.catalogue.models import Session, SessionQuerySet
from booking.catalogue.reading import Reading
from booking.places.lock import CourseRules, Practitioner, read_practitioners
from booking.places.models import Booking
from booking.places.rules.line import held_back
from booking.places.rules.seating import Seating, read_seatings
from booking.site.prepared import prepared
from booking.site.wording import listed

# Nobody knows an anonymous visitor's agency.
_ANYBODY = Practitioner(0, None, "", None, "", "", ())
# The reader's own booking of a session, in a word.
MARKS: dict[str, str] = {
    Booking.State.CONFIRMED: "Booked",
    Booking.State.REQUESTED: "Asked for",
    Booking.State.WAITING: "Waiting",
    Booking.State.OFFERED: "Offered to you",
}
# Asked for every page that shows sessions: all that a kept part has to agree with.
_STANDS = """
SELECT catalogue.revision, session.id, session.places_taken, session.waiting_count,
    mine.state, mine.id
FROM booking_catalogue_revision() AS catalogue (revision)
LEFT JOIN booking_session session ON session.id = ANY(%s)
LEFT JOIN booking_booking mine
    ON mine.session_id = session.id AND mine.person_id = %s AND mine.state = ANY(%s)
"""
_LIVE = list(map(str, Booking.LIVE))


@dataclass(frozen=True)
class Stand:
    """How many have a place in a session and how many wait; the reader's live booking, if any."""

    taken: int
    waiting: int
    mine: str | None
    booking_id: int | None


def stands_of(session_ids: Iterable[int], person: User | None) -> tuple[str, dict[int, Stand]]:
    """The revision of the catalogue, and how these sessions stand, by key. One statement.

    The revision is another after every change of the catalogue; places are given without.
    """
    asked = [list(session_ids), person.pk if person else None, _LIVE]
    with prepared(_STANDS, asked, only_reads=True) as cursor:
        rows = cursor.fetchall()
    return rows[0][0], {key: Stand(*stand) for _, key, *stand in rows if key is not None}


def standing_so(
    sessions: Iterable[Session], stands: Mapping[int, Stand], person: User | None, *, now: datetime
) -> list[Session]:
    """Copies of sessions read before, as they stand now and as this reader sees them.

    Costs no statement but what reserved places, or a most for one agency, make of it.
    """
    shown = [copy.copy(each) for each in sessions]
    for each in shown:
        stand = stands[each.pk]
        each.places_taken, each.waiting_count = stand.taken, stand.waiting
    readings = _readings(shown, person, now=now)
    for each in shown:
        stand = stands[each.pk]
        own = {"mine": stand.mine or "", "booking_id": stand.booking_id}
        each.reading = replace(readings[each.pk], **own)  # type: ignore[arg-type]
    return shown


def as_read_by(sessions: Iterable[Session], person: User | None, *, now: datetime) -> list[Session]:
    """The same sessions, each with its `reading`.

    Costs one statement for somebody signed in, and up to five where a session shown has reserved
    places, or a most for one agency.
    """
    shown = read_for(sessions, person, now=now)
    keys = [each.pk for each in shown]
    stands = stands_of(keys, person)[1] if person is not None and shown else {}
    for session in shown:
        stand = stands.get(session.pk)
        if stand is not None and stand.mine and session.reading is not None:
            own = {"mine": stand.mine, "booking_id": stand.booking_id}
            session.reading = replace(session.reading, **own)  # type: ignore[arg-type]
    return shown


def read_for(sessions: Iterable[Session], person: User | None, *, now: datetime) -> list[Session]:
    """As `as_read_by`, but for the reader's own bookings, and the statement for them."""
    shown = list(sessions)
    readings = _readings(shown, person, now=now)
    for session in shown:
        session.reading = readings[session.pk]
    return shown


def bookable(sessions: SessionQuerySet, person: User | None, *, now: datetime) -> SessionQuerySet:
    """Those with a place that this reader could have."""
    depends = Q(has_allocations=True)
    limited = Q(agency_limit__isnull=False)
    depends |= limited if person is not None else limited & Q(waiting_count__gt=0)
    some = sessions.order_by().filter(depends, places_taken__lt=F("capacity"))
    readings = _readings(list(some.distinct()), person, now=now)
    theirs = [key for key, reading in readings.items() if reading.left]
    return sessions.filter(Q(pk__in=theirs) | ~depends & Q(pk__in=Session.objects.with_places()))


def _readings(sessions: list[Session], person: User | None, *, now: datetime) -> dict[int, Reading]:
    """What each session is to this reader, by key, but for their own booking."""
    by_rules = [
        session
        for session in sessions
        if not session.is_full
        and (
            session.has_allocations
            or (session.agency_limit is not None and (person is not None or session.waiting_count))
        )
    ]
    found = {session.pk: Reading(left=_left_to_all(session)) for session in sessions}
    if not by_rules:
        return found
    who = _ANYBODY
    if person is not None:
        who = read_practitioners([person.pk], CourseRules())[person.pk]
    seatings = read_seatings(by_rules, now=now)
    for seating in seatings.values():
        seating.session.reading = None
    _seat_who_waits(seatings, now=now)
    for key, seating in seatings.items():
        found[key] = _reading(seating, who, now=now)
    return found


def _left_to_all(session: Session) -> int:
    return 0 if session.waiting_count else session.capacity - session.places_taken


def _reading(seating: Seating, who: Practitioner, *, now: datetime) -> Reading:
    session = seating.session
    if not seating.reserved and session.agency_limit is None and session.waiting_count:
        return Reading(left=0)
    left = could_have = seating.open_to(who)
    if session.agency_limit is not None and who.agency_id is not None:
        left = min(left, max(0, session.agency_limit - seating.holders[who.agency_id]))
    unmet = seating.unmet_each(who, seating.free)
    others = min(sum(places for _, places in unmet), seating.free - left)
    names = [
        each.agency.name if each.agency else each.get_sector_display().lower()
        for each, places in unmet
        if places
    ]
    whom = listed(names) if others else ""
    return Reading(left=left, others=others, whom=whom, is_limited=left < could_have)


def _seat_who_waits(seatings: dict[int, Seating], *, now: datetime) -> None:
    """Count the places that belong to people who wait, where some are reserved, as taken.

    In their order, as the rules of free places let them. A rule of the course may yet hold
    one of them, so that the places left are rather too few than too many.
    """
    waited_for = [key for key, each in seatings.items() if each.session.waiting_count]
    if not waited_for:
        return
    waiting: dict[int, list[int]] = defaultdict(list)
    in_line = Booking.objects.waiting().filter(session__in=waited_for)
    for key, person_id in in_line.values_list("session_id", "person_id"):
        waiting[key].append(person_id)
    ids = {person_id for each in waiting.values() for person_id in each}
    people = read_practitioners(ids, CourseRules())
    for key, person_ids in waiting.items():
        seating = seatings[key]
        for person_id in person_ids:
            if seating.free > 0 and held_back(people[person_id], seating, now=now) is None:
                seating.take(people[person_id])
