"""The people of a register with what was seen of each: read in as many statements for a thousand.

Of somebody whom nobody has marked, what is filled in already stands: an arrival by their own link,
or apologies that a coordinator noted.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property

from accounts.models import User
from booking.attendance.models import LONGEST_OPEN, Arrival, Mark, Register
from booking.attendance.outcomes import CountingRule, Seen, outcome_of
from booking.catalogue.models import Session, Sitting
from booking.places.events import BookingEvent
from booking.places.models import Booking
from booking.site.wording import clock, short_day

What = Mark.What


@dataclass(frozen=True)
class Attendee:
    """One person with a place, and what was seen of them at each sitting in turn.

    `in_place_of` is for whom they walked in, `place_taken_by` who walked in for them.
    """

    booking: Booking
    seen: Sequence[Seen]
    outcome: Booking.Outcome
    sittings: Sequence[Sitting]
    in_place_of: User | None = None
    place_taken_by: User | None = None

    @property
    def is_open(self) -> bool:
        """Whether something is not known yet."""
        return any(each.is_open for each in self.seen)

    @property
    def seen_in_words(self) -> str:
        """ "Not marked on either date"; "Tue 9 Feb 2027: attended; Tue 16 Feb 2027: not marked"."""
        words, number = [each.in_words.lower() for each in self.seen], len(self.seen)
        if number == 1:
            return words[0]
        if len(set(words)) == 1:
            every = "both dates" if number == 2 else f"all {number} dates"
            none = "either date" if number == 2 else f"any of {number} dates"
            return f"{words[0]} on {none if self.seen[0].is_open else every}"
        days = [short_day(each.starts_at) for each in self.sittings]
        if len(set(days)) < number:
            times = [clock(each.starts_at) for each in self.sittings]
            days = [", ".join(pair) for pair in zip(days, times, strict=True)]
        return "; ".join(map(": ".join, zip(days, words, strict=True)))

    @property
    def pressed(self) -> Booking.Outcome | None:
        """What the marks say without the rule about minutes, if all of them say one thing."""
        said = {each.what for each in self.seen}
        return Booking.Outcome(said.pop()) if len(said) == 1 and not self.is_open else None

    @property
    def is_decided_by_rule(self) -> bool:
        """Whether the rule makes something else of it than what was pressed."""
        return self.pressed is not None and self.pressed != self.outcome


@dataclass(frozen=True)
class Roster:
    """Everybody with a certain place on a session, in human order, with what was seen of them."""

    session: Session
    sittings: Sequence[Sitting]
    register: Register | None
    attendees: Sequence[Attendee]
    rule: CountingRule

    @property
    def is_closed(self) -> bool:
        """Whether the outcomes are decided."""
        return self.register is not None and self.register.is_closed

    @property
    def outcomes_in_words(self) -> str:
        """How many places came to what, by a closed register: "2 attended, 1 absent"."""
        found = Counter(each.booking.outcome for each in self.attendees)
        said = [f"{found[each]} {each.label.lower()}" for each in Booking.Outcome if found[each]]
        return ", ".join(said) or "Nobody had a place"

    def open_otherwise(self, sitting: Sitting) -> list[Attendee]:
        """Those of whom nothing is known at a sitting, and in whose place nobody came."""
        at = self.number_of(sitting)
        return [e for e in self.attendees if e.seen[at].is_open and not e.place_taken_by]

    @cached_property
    def still_open(self) -> list[Attendee]:
        """Those of whom something is not known yet."""
        return [each for each in self.attendees if each.is_open]

    def number_of(self, sitting: Sitting) -> int:
        """Which of the sittings it is, from 0."""
        return next(at for at, each in enumerate(self.sittings) if each.pk == sitting.pk)

    def sitting(self, key: int | None, *, now: datetime) -> Sitting:
        """The sitting of this key, else the one that is held now, comes next or was the last."""
        by_key = {each.pk: each for each in self.sittings}
        coming = (each for each in self.sittings if each.ends_at > now)
        return by_key.get(key or 0) or next(coming, self.sittings[-1])


def roster_of(session: Session, *, only: Sequence[int] | None = None) -> Roster:
    """The register's people; costs six statements. `only` are the bookings that are wanted."""
    sittings = list(session.sittings.all())
    certain = Booking.objects.for_session(session).confirmed().select_related("person__agency")
    if only is not None:
        certain = certain.filter(pk__in=only)
    bookings = list(certain.defer("person__words").order_by("person__sort_name", "pk"))
    current = Mark.objects.filter(sitting__session=session).current()
    marks = {(each.booking_id, each.sitting_id): each for each in current}
    came: dict[tuple[int, int], datetime] = {}
    arrivals = Arrival.objects.counting().filter(sitting__session=session)
    for arrival in arrivals:
        came.setdefault((arrival.booking_id, arrival.sitting_id), arrival.at)
    sorry = BookingEvent.objects.filter(
        booking__session=session, what=BookingEvent.What.APOLOGISED
    ).values_list("booking_id", flat=True)
    rule = CountingRule.of(session.course)
    apologised = set(sorry)
    by_key = {each.pk: each.person for each in bookings}
    walked_in = {each.replaces_id: each.person for each in bookings if each.is_walk_in}
    attendees = []
    for booking in bookings:
        booking.session = session
        seen = [_seen(booking, each, marks, came, apologised) for each in sittings]
        attendees.append(
            Attendee(
                booking,
                seen,
                outcome_of(seen, sittings, rule),
                sittings,
                in_place_of=by_key.get(booking.replaces_id or 0) if booking.is_walk_in else None,
                place_taken_by=walked_in.get(booking.pk),
            )
        )
    register = Register.objects.select_related("closed_by").filter(session=session).first()
    return Roster(session, sittings, register, attendees, rule)


def _seen(
    booking: Booking,
    sitting: Sitting,
    marks: Mapping[tuple[int, int], Mark],
    came: Mapping[tuple[int, int], datetime],
    apologised: set[int],
) -> Seen:
    key = (booking.pk, sitting.pk)
    mark, joined_at = marks.get(key), came.get(key)
    if mark is not None and mark.what != What.NOTHING and not _is_of_another_day(mark, sitting):
        return Seen.of_mark(mark, joined_at=joined_at)
    if joined_at is not None and joined_at < sitting.ends_at:
        return Seen.of_arrival(joined_at, sitting)
    if booking.pk in apologised:
        return Seen(what=What.APOLOGIES, filled_in=True, joined_at=joined_at)
    return Seen(joined_at=joined_at)


def _is_of_another_day(mark: Mark, sitting: Sitting) -> bool:
    """Whether it says that somebody came, from before the sitting was moved."""
    return mark.what in Mark.CAME and mark.at < sitting.starts_at - LONGEST_OPEN


def not_certain(session: Session) -> list[Booking]:
    """Those who wait or whose place is not certain: they may turn up all the same."""
    live = Booking.objects.for_session(session).filter(state__in=Booking.UNCERTAIN)
    return list(live.select_related("person__agency").order_by("person__sort_name", "pk"))


def marks_of(booking: Booking) -> list[Mark]:
    """Every mark of one booking, the last first."""
    marks = Mark.objects.filter(booking=booking).select_related("by", "sitting")
    return list(marks.order_by("-at", "-id"))


def found_on(session: Session, text: str) -> set[int]:
    """The bookings of those whom a few letters find."""
    people = User.objects.found_by(text).filter(bookings__session=session)
    return set(people.values_list("bookings__pk", flat=True))


def outcome_in_words(booking: Booking, *, now: datetime) -> str:
    """What came of a certain place once its session is over, or nothing yet.

    Without a register it counts as attended, and that is said. Costs one statement where nothing
    came of it, unless the session comes with its register.
    """
    if booking.state != Booking.State.CONFIRMED or booking.session.ends_at > now:
        return ""
    if booking.outcome:
        return str(Booking.Outcome(booking.outcome).label)
    if getattr(booking.session, "register", None) is not None:
        return "The register is not closed yet"
    return "No register kept"
