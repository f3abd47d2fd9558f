"""The people of a session: who comes, what is still asked, what they need, and as CSV."""

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Count, Func, Max, OuterRef, Q, Subquery, TextField
from django.db.models.functions import Length
from django.shortcuts import get_object_or_404
from django.utils.timezone import localdate

from accounts.models import User
from booking.attendance.models import Arrival
from booking.catalogue.models import Session, SessionQuerySet
from booking.partnership.kept import the_partnership
from booking.places.models import Booking, BookingQuerySet
from booking.site.characters import fold
from booking.site.human_order import human_order
from booking.site.spreadsheets import Cell
from booking.site.wording import deadline, short_day

State = Booking.State

# "Booked" is the day of "Booked on" as spreadsheets sort it.
HEADING = (
    "Last name",
    "First name",
    "Job title",
    "Agency",
    "Needs",
    "Booked on",
    "Booked",
    "Place",
)

# Of sessions: how many places are held that may yet be given up.
NOT_CERTAIN = Count("bookings", filter=Q(bookings__state__in=(State.REQUESTED, State.OFFERED)))

# A comma or an "and" may stand within one need, as in "Large print handouts, please".
_BETWEEN_NEEDS = re.compile(r"[\n;]")
NO_NEEDS = frozenset(["", "none", "no", "na", "n a", "nil", "nothing", "not applicable"])
# "Not applicable", with a few signs around it.
_LONGEST_OF_NONE = 20


@dataclass(frozen=True)
class AttendeeList:
    """The people of one session: those who come, those whose place is not certain, those who wait.

    A place that is held may yet be given up: the manager, the agency or the person decides.
    """

    certain: list[Booking]
    held: list[Booking]
    waiting: list[Booking]

    @property
    def everybody(self) -> list[Booking]:
        """All of them, in this order."""
        return [*self.certain, *self.held, *self.waiting]

    @property
    def with_needs(self) -> list[Booking]:
        """Those with a place who told what they need."""
        return [each for each in (*self.certain, *self.held) if is_a_need(each.needs)]

    @property
    def agencies(self) -> list[tuple[str, int]]:
        """How many are certain to come from where, most first."""
        counts = Counter(each.person.agency_and_standing or "Not given" for each in self.certain)
        return sorted(counts.items(), key=lambda item: (-item[1], human_order(item[0])))

    @property
    def needs(self) -> list[tuple[str, int]]:
        """What people with a place need, and how many of them: see `totals_of_needs`."""
        return totals_of_needs(each.needs for each in self.with_needs)


def with_standing(bookings: BookingQuerySet) -> BookingQuerySet:
    """With whom they are for, and what `waits_for` looks at."""
    return bookings.select_related("person__agency", "approval")


def attendee_list(session: Session) -> AttendeeList:
    """Everybody who holds a place, by name, and the waiting list in its order.

    Each says when they last joined online, and in how many browsers.
    """
    groups: dict[bool | None, list[Booking]] = {True: [], False: [], None: []}
    live = with_standing(Booking.objects.for_session(session).live())
    came = Arrival.objects.counting().filter(booking=OuterRef("pk")).order_by().values("booking")
    live = live.annotate(
        came_at=Subquery(came.annotate(last=Max("at")).values("last")),
        devices=Subquery(came.annotate(number=Count("device", distinct=True)).values("number")),
    )
    for booking in live.order_by("person__sort_name", "pk"):
        is_waiting = booking.state == State.WAITING
        groups[None if is_waiting else booking.state == State.CONFIRMED].append(booking)
    groups[None].sort(key=lambda each: each.ticket or 0)
    return AttendeeList(groups[True], groups[False], groups[None])


def waits_for(booking: Booking) -> str:
    """What a held place waits for, in words; nothing of a place that is certain, or of none.

    The booking is loaded as `with_standing` has it.
    """
    if booking.state == State.OFFERED and booking.offered_until is not None:
        return f"the person’s answer, until {deadline(booking.offered_until)}"
    if booking.state != State.REQUESTED:
        return ""
    approval = getattr(booking, "approval", None)
    of_manager = "the line manager" if approval is not None and approval.is_open else ""
    of_agency = "the agency to be confirmed" if booking.agency_until else ""
    return " and ".join(filter(None, (of_manager, of_agency))) or "an answer"


def place_in_words(booking: Booking, number: int = 0) -> str:
    """Where a booking stands: "Booked", "Held: waits for the line manager", "Waiting, number 2".

    Once the register is closed, what came of the place: "Attended in part".
    """
    if booking.outcome:
        return booking.get_outcome_display()
    if booking.state == State.WAITING:
        return f"Waiting, number {number}" if number else "Waiting"
    held = waits_for(booking)
    return f"Held: waits for {held}" if held else booking.get_state_display()


def is_a_need(text: str) -> bool:
    """Whether a text asks for anything; "None" does not."""
    return bool(_needs_in(text))


def _needs_in(text: str) -> list[str]:
    parts = _BETWEEN_NEEDS.split(text)
    return [" ".join(each.split()).rstrip(".") for each in parts if fold(each) not in NO_NEEDS]


def totals_of_needs(texts: Iterable[str]) -> list[tuple[str, int]]:
    """What several people need and how many wrote the same words, most first.

    Only lines and semicolons part what somebody wrote. Case, accents and spaces do not tell needs
    apart. Each is named as it was first written down.
    """
    named: dict[str, str] = {}
    counts: Counter[str] = Counter()
    for text in texts:
        folded = {fold(need): need for need in reversed(_needs_in(text))}
        counts.update(folded.keys())
        named = folded | named
    found = [(_small(named[key]), number) for key, number in counts.items()]
    return sorted(found, key=lambda each: (-each[1], human_order(each[0])))


def _small(need: str) -> str:
    """Without the capital of a sentence; acronyms keep theirs."""
    return need if need[1:2].isupper() or need.startswith("I ") else need[:1].lower() + need[1:]


def with_needs_ahead(*, now: datetime) -> BookingQuerySet:
    """Bookings that hold a place on a session ahead and say what the person needs there."""
    folded = Func("needs", function="booking_fold", output_field=TextField())
    said = Booking.objects.holding_a_place().exclude(needs="")
    bookings = said.alias(folded=folded, length=Length("needs"))
    # The length first: folding takes most of the time, and every page of the desk counts these.
    bookings = bookings.exclude(length__lte=_LONGEST_OF_NONE, folded__in=NO_NEEDS)
    return bookings.filter(session__state=Session.State.PUBLISHED, session__starts_at__gt=now)


def to_arrange(*, now: datetime) -> BookingQuerySet:
    """Those of `with_needs_ahead` about which nobody has said that it is arranged."""
    return with_needs_ahead(now=now).filter(needs_arranged_at=None)


def say_arranged(*, booking: Booking, is_arranged: bool, by: User, now: datetime) -> None:
    """Note that what a person needs is arranged, by whom and when; or that it is not after all.

    Who noted it first stays noted.
    """
    noted = Booking.objects.filter(pk=booking.pk)
    if is_arranged:
        noted.filter(needs_arranged_at=None).update(needs_arranged_at=now, needs_arranged_by=by)
    else:
        noted.update(needs_arranged_at=None, needs_arranged_by=None)


def sessions_open_to(person: User, *, now: datetime) -> SessionQuerySet:
    """Sessions whose people this person may see.

    A coordinator sees all. A trainer sees the sessions they lead, for as many days after the end as
    the partnership says: they need a list to prepare, to teach and to tidy up after, not for ever.
    Everybody else sees none.
    """
    if person.is_coordinator:
        return Session.objects.all()
    if not person.is_trainer:
        return Session.objects.none()
    recent = Q(ends_at__gt=now - timedelta(days=the_partnership().list_days))
    return Session.objects.public().led_by(person).filter(recent)


def session_with_people(person: User, session_id: int, *, now: datetime) -> Session:
    """A session whose people this person may see. Raises `Http404` for any other."""
    sessions = sessions_open_to(person, now=now).select_related("course", "venue")
    return get_object_or_404(sessions, pk=session_id)


def open_until(session: Session) -> datetime:
    """When the people of a session are shown to its trainers no more."""
    return session.ends_at + timedelta(days=the_partnership().list_days)


def row(booking: Booking, place: str) -> list[Cell]:
    """One person under `HEADING`; whoever has given no name stands there with the address."""
    person = booking.person
    return [
        person.last_name if person.full_name else str(person),
        person.first_name,
        person.job_title,
        person.agency_and_standing,
        booking.needs.replace("\r\n", "\n"),
        short_day(booking.booked_at),
        localdate(booking.booked_at),
        place,
    ]


def table_of(people: AttendeeList) -> list[list[Cell]]:
    """The list under `HEADING`: those with a place, then those who wait, in their order."""
    holding = [row(each, place_in_words(each)) for each in (*people.certain, *people.held)]
    waiting = enumerate(people.waiting, start=1)
    return holding + [row(each, place_in_words(each, number)) for number, each in waiting]
