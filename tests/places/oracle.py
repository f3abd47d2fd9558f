"""What must be so of places at any moment, worked out anew and plainly from the rows.

Written for its own sake and not with the site's functions, so that a fault in those shows.
"""

from collections import Counter
from datetime import datetime
from itertools import combinations, pairwise

from accounts.models import Agency, User
from booking.catalogue.models import Allocation, Session
from booking.learning.models import PriorLearning
from booking.places.events import BookingEvent
from booking.places.models import Booking

State = Booking.State
What = BookingEvent.What

LIVE = {"requested", "waiting", "offered", "confirmed"}
HOLDING = {"requested", "offered", "confirmed"}

# The events after which a booking may be in a state.
LEADS_TO = {
    "requested": {What.REQUESTED, What.PROMOTED, What.ACCEPTED, What.TOOK_OVER},
    "waiting": {What.JOINED, What.INVITED, What.TAKEN_BACK},
    "offered": {What.OFFERED},
    "confirmed": {
        What.BOOKED,
        What.PROMOTED,
        What.ACCEPTED,
        What.APPROVED,
        What.AGENCY_CONFIRMED,
        What.TOOK_OVER,
        What.MOVED_HERE,
        What.TAKEN_BACK,
    },
    "declined": {What.DECLINED, What.REFUSED, What.AGENCY_REFUSED},
    "lapsed": {What.LAPSED, What.NOT_ANSWERED, What.AGENCY_UNPROVED},
    "withdrawn": {What.WITHDREW},
    "cancelled": {What.CANCELLED, What.HANDED_OVER, What.MOVED_AWAY, What.SESSION_CANCELLED},
}
# What leaves the state as it was.
REMARKS = {
    What.OVERRIDDEN,
    What.APOLOGISED,
    What.PASSED_OVER,
    What.MOVED_UP,
    What.MOVED_BACK,
    What.MANAGER_ASKED,
    What.SESSION_CHANGED,
}
FOLLOW_UPS = {"booking.further_date", "booking.further_date_cancelled"}
TO_MANAGER = {"approval.asked", "approval.reminder"}


def read_all() -> list[Session]:
    """Every session, with all that is looked at here."""
    return list(
        Session.objects.select_related("course").prefetch_related(
            "course__prerequisites",
            "allocations",
            "sittings",
            "bookings__person__agency",
            "bookings__agency",
            "bookings__approval",
            "bookings__events",
            "bookings__messages",
        )
    )


def proved(person: User) -> Agency | None:
    """The agency that somebody works for for certain."""
    return person.agency if person.agency_confirmed_at else None


def _in_states(session: Session, states: set[str]) -> list[Booking]:
    return [booking for booking in session.bookings.all() if booking.state in states]


def check_counts(session: Session) -> None:
    """The counts are those of the rows, and no place is sold twice."""
    assert session.places_taken == len(_in_states(session, HOLDING)) <= session.capacity
    assert session.waiting_count == len(_in_states(session, {"waiting"}))
    live = [booking.person_id for booking in _in_states(session, LIVE)]
    assert len(live) == len(set(live))


def reserved(session: Session, *, now: datetime) -> list[Allocation]:
    """The reservations that are not released."""
    return [each for each in session.allocations.all() if each.release_at > now]


def fits(holders: list[User], session: Session, allocations: list[Allocation]) -> bool:
    """Whether these holders and every reserved place still to come fit into the session.

    By trying every set of reserved places that the holders could fill between them.
    """
    units = [each for each in allocations for _ in range(each.places)]
    return len(holders) + len(units) - _filled(holders, units) <= session.capacity


def _filled(holders: list[User], units: list[Allocation]) -> int:
    """The most reserved places that the holders fill: augmenting paths, one holder at a time."""
    owner: dict[int, int] = {}

    def place(holder: int, tried: set[int]) -> bool:
        for number, unit in enumerate(units):
            if number in tried or not _belongs(holders[holder], unit):
                continue
            tried.add(number)
            if number not in owner or place(owner[number], tried):
                owner[number] = holder
                return True
        return False

    return sum(place(holder, set()) for holder in range(len(holders)))


def _belongs(person: User, unit: Allocation) -> bool:
    if person.agency is None:
        return False
    if unit.agency_id is not None:
        return person.agency_id == unit.agency_id
    return person.agency.sector == unit.sector


def holders_of(session: Session) -> list[User]:
    """Who holds places, each with the agency that the place counts for."""
    held = _in_states(session, HOLDING)
    return [User(pk=booking.person_id, agency=booking.agency) for booking in held]


def check_limits(session: Session, *, now: datetime) -> None:
    """No agency has more than its share, and what is reserved is there for those it is for."""
    holders = holders_of(session)
    # Who held a certain place before it was known whose it is keeps it, whatever the limit.
    sure = {
        booking.person_id
        for booking in session.bookings.all()
        for event in booking.events.all()
        if event.what == What.AGENCY_CONFIRMED and not event.rule
    }
    sure |= {each.person_id for each in session.bookings.all() if "agency limit" in each.overridden}
    counted = [person for person in holders if person.agency_id and person.pk not in sure]
    by_agency = Counter(person.agency_id for person in counted)
    if session.agency_limit is not None:
        assert all(number <= session.agency_limit for number in by_agency.values())
    assert fits(holders, session, reserved(session, now=now))


def check_proof(session: Session) -> None:
    """Where it matters whom people work for, nobody has a place for certain without an agency."""
    matters = session.agency_limit is not None or session.course.sectors
    for booking in _in_states(session, {"requested"}):
        waits_for_agency = booking.agency_until is not None
        assert waits_for_agency or hasattr(booking, "approval"), booking.pk
        assert not waits_for_agency or booking.agency is None, booking.pk
    for booking in _in_states(session, {"confirmed"}):
        assert booking.agency_until is None, booking.pk
        if matters and booking.agency is None:
            limit_came_later = session.events.filter(what__startswith="At most").exists()
            was_exchanged = any(each.what == What.MOVED_HERE for each in booking.events.all())
            assert limit_came_later or was_exchanged, booking.pk


def check_nobody_waits_in_vain(
    session: Session, everything: list[Session], *, now: datetime
) -> None:
    """No place is free that somebody who waits could have."""
    if session.state != Session.State.PUBLISHED or session.starts_at <= now:
        return
    if session.places_taken == session.capacity:
        return
    for booking in _in_states(session, {"waiting"}):
        could = could_have_it(booking, session, everything, now=now)
        assert not could, f"{booking} waits beside a free place"


def could_have_it(
    booking: Booking, session: Session, everything: list[Session], *, now: datetime
) -> bool:
    """Whether no rule speaks against giving this waiting person a free place."""
    person, course = booking.person, session.course
    said = person.agency.sector if person.agency else ""
    past = set(booking.overridden)
    if course.sectors and said and said not in course.sectors and "sector" not in past:
        return False
    if course.least_level and (person.level or 0) < course.least_level:
        return False
    begins = session.starts_at
    lacks = any(not _has_done(person, each.pk, begins) for each in course.prerequisites.all())
    if lacks and "prerequisites" not in past:
        return False
    asks = course.needs_manager_approval and "manager's approval" not in past
    asks_at_once = asks and not booking.must_accept_by
    nobody_named = not hasattr(booking, "approval") and person.manager_email in ("", person.email)
    if asks_at_once and nobody_named:
        return False
    if _is_busy(person, session, everything):
        return False
    holders = holders_of(session)
    person = User(pk=person.pk, agency=proved(person))
    mine = [each for each in holders if person.agency_id and each.agency_id == person.agency_id]
    is_full = session.agency_limit is not None and len(mine) >= session.agency_limit
    if is_full and "agency limit" not in past:
        return False
    return fits([*holders, person], session, reserved(session, now=now))


def _has_done(person: User, course_id: int, begins: datetime) -> bool:
    here = Booking.objects.filter(
        person=person, session__course=course_id, state="confirmed", session__ends_at__lte=begins
    ).exclude(session__state="cancelled")
    elsewhere = PriorLearning.objects.filter(person=person, course=course_id)
    return here.exists() or elsewhere.exclude(state="rejected").exists()


def _times(session: Session) -> list[tuple[datetime, datetime]]:
    return [(each.starts_at, each.ends_at) for each in session.sittings.all()]


def _overlap(some: Session, other: Session) -> bool:
    return any(a < d and c < b for a, b in _times(some) for c, d in _times(other))


def _holds(person: User, session: Session) -> bool:
    return person.pk in {booking.person_id for booking in _in_states(session, HOLDING)}


def _is_busy(person: User, session: Session, everything: list[Session]) -> bool:
    return any(
        other.pk != session.pk and _holds(person, other) and _overlap(session, other)
        for other in everything
    )


def check_history(booking: Booking) -> None:
    """The state is the one that the history ends in, by an event that leads there."""
    events = sorted(booking.events.all(), key=lambda event: event.pk)
    moves = [event for event in events if event.what not in REMARKS]
    # The manager's agreement changes nothing for somebody who still waits.
    moves = [
        event
        for before, event in pairwise([None, *moves])
        if not (
            event is not None
            and event.what in {What.APPROVED, What.AGENCY_CONFIRMED}
            and before is not None
            and before.state_after == event.state_after
        )
        and event is not None
    ]
    assert moves, f"{booking} has no history"
    assert moves[-1].state_after == booking.state
    for event in moves:
        assert What(event.what) in LEADS_TO[event.state_after], (event.what, event.state_after)


def check_messages(booking: Booking) -> None:
    """Each event that the person must hear of has exactly one message, and no message has none."""
    expected: Counter[str] = Counter()
    state = ""
    for event in sorted(booking.events.all(), key=lambda event: event.pk):
        topic = _topic(event, state)
        if topic:
            expected[topic] += 1
        state = event.state_after
    topics = [message.topic for message in booking.messages.all()]
    told = Counter(topic for topic in topics if topic not in FOLLOW_UPS | TO_MANAGER)
    # Who is offered a place as soon as they are put in line hears of the offer only.
    if told["booking.offered"] or told["booking.withdrawn"] or booking.state != "waiting":
        told.pop("booking.invited", None)
        expected.pop("booking.invited", None)
    assert told == expected, (booking.pk, dict(told), dict(expected))


def _topic(event: BookingEvent, before: str) -> str:
    what, after = What(event.what), event.state_after
    given = "booking.requested" if after == "requested" else "booking.promoted"
    certain = "booking.promoted" if after == "confirmed" else ""
    return {
        What.BOOKED: "booking.confirmed",
        What.REQUESTED: "booking.requested",
        What.JOINED: "booking.waiting",
        What.TAKEN_BACK: "booking.waiting" if after == "waiting" else "booking.confirmed",
        What.INVITED: "booking.invited",
        What.PROMOTED: given,
        What.OFFERED: "booking.offered",
        What.ACCEPTED: given,
        What.APPROVED: certain if before == "requested" else "",
        What.AGENCY_CONFIRMED: certain if before == "requested" else "",
        What.AGENCY_REFUSED: "booking.agency_not_confirmed",
        What.AGENCY_UNPROVED: "booking.agency_not_confirmed",
        What.DECLINED: "booking.offer_ended",
        What.LAPSED: "booking.offer_ended",
        What.NOT_ANSWERED: "booking.not_answered",
        What.REFUSED: "booking.not_agreed",
        What.WITHDREW: "" if event.why in TOLD_OTHERWISE else "booking.withdrawn",
        What.CANCELLED: "booking.cancelled" if before == "confirmed" else "booking.withdrawn",
        What.HANDED_OVER: "booking.cancelled",
        What.TOOK_OVER: "booking.requested" if after == "requested" else "booking.confirmed",
        What.MOVED_AWAY: "booking.cancelled",
        What.MOVED_HERE: "booking.confirmed",
        What.SESSION_CHANGED: "session.changed",
        What.SESSION_CANCELLED: "session.cancelled",
    }.get(what, "")


# A turn on the list that ended because the person got a place by another way: that is told.
TOLD_OTHERWISE = {"Given a colleague's place instead.", "Moved from another date."}


def check_nobody_is_twice_at_once(everything: list[Session]) -> None:
    """Nobody holds places on two sessions at the same time."""
    for some, other in combinations(everything, 2):
        if _overlap(some, other):
            both = [each.person for each in _in_states(some, HOLDING) if _holds(each.person, other)]
            assert not both, (some, other, both)


def check_ends(session: Session) -> None:
    """Nobody may answer, or stay in line, for longer than until the session starts."""
    for booking in _in_states(session, LIVE):
        ends = [booking.must_accept_by if booking.state == "waiting" else None]
        ends.append(booking.offered_until if booking.state == "offered" else None)
        if booking.state == "requested":
            approval = getattr(booking, "approval", None)
            ends += [booking.agency_until, approval.expires_at if approval else None]
        assert all(end is None or end <= session.starts_at for end in ends), (booking.pk, ends)


def check_tickets(session: Session) -> None:
    """Places on the list are in order of their tickets, each handed out once."""
    tickets = [each.ticket for each in session.bookings.all() if each.ticket is not None]
    assert len(tickets) == len(set(tickets))
    assert all(ticket <= session.last_ticket for ticket in tickets)


def check_everything(everything: list[Session], *, now: datetime) -> None:
    """All that must be so of each session, once the worker has made its round."""
    for session in everything:
        check_counts(session)
        check_limits(session, now=now)
        check_tickets(session)
        check_ends(session)
        check_proof(session)
        check_nobody_waits_in_vain(session, everything, now=now)
        for booking in session.bookings.all():
            check_history(booking)
            check_messages(booking)
