"""What coordinators’ pages read, in a constant number of statements, or 404."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any

from django.db.models import Count, DateTimeField, Max, Q, QuerySet
from django.http import Http404

from accounts.models import Sector, User
from booking.catalogue.models import Session, SessionQuerySet, Sitting, Venue
from booking.catalogue.sittings import Span, overlap, overlapping
from booking.outbox.models import Message
from booking.partnership.school_year import warnings_of_days
from booking.places.events import BookingEvent
from booking.places.models import Booking
from booking.scheduling import capacity
from booking.site.counting import count_of
from booking.site.human_order import HumanOrder
from booking.site.ready_queries import Later, Ready, ReadyPages, row_count
from booking.site.web import searched
from booking.site.wording import LONDON, counted, short_day

SHOWN = {
    "upcoming": "Upcoming",
    "at-risk": "At risk",
    "drafts": "Drafts",
    "no-meeting": "Without a meeting",
    "past": "Past",
    "cancelled": "Cancelled",
}
_OF_A_ROW = (
    *("pk", "reference", "course__title", "starts_at", "ends_at", "dates", "delivery"),
    *("venue__name", "places_taken", "capacity", "waiting_count", "state"),
)
What = BookingEvent.What
_HAPPENINGS_SHOWN = 20
_LINE = (
    What.JOINED,
    What.INVITED,
    What.PASSED_OVER,
    What.MOVED_UP,
    What.MOVED_BACK,
    What.OFFERED,
    What.PROMOTED,
    What.LAPSED,
    What.WITHDREW,
)


@dataclass(frozen=True)
class TableRow:
    """A session in the desk's table of the programme; a model takes longer to make."""

    key: int
    reference: str
    title: str
    starts_at: datetime
    ends_at: datetime
    dates: int
    delivery: str
    venue: str | None
    taken: int
    capacity: int
    waiting: int
    state: str


def programme_table(
    *, show: str, search: str, now: datetime
) -> QuerySet[Session, tuple[Any, ...]] | ReadyPages[tuple[Any, ...]]:
    """The sessions of one filter, by course or reference; what runs today is still upcoming.

    To be paged, each the values of a `TableRow`: a ready query where nothing is searched.
    """
    if not search and show in _READY:
        return ReadyPages(*_READY[show], {"now": now})
    found = searched(_programme(show, now), search, "reference", "course__title", "course__code")
    return _rows(found)


def _rows(sessions: SessionQuerySet) -> QuerySet[Session, tuple[Any, ...]]:
    return sessions.annotate(dates=count_of(Sitting.objects.all(), "session")).values_list(
        *_OF_A_ROW
    )


def _programme(show: str, now: Any) -> SessionQuerySet:
    sessions = Session.objects.all()
    State = Session.State
    if show == "at-risk":
        return capacity.at_risk(sessions, now=now)
    if show == "no-meeting":
        return sessions.without_a_meeting(now=now).order_by("starts_at", "id")
    chosen = {
        "upcoming": Q(state=State.PUBLISHED, ends_at__gt=now),
        "drafts": Q(state=State.DRAFT),
        "past": Q(state=State.COMPLETED) | Q(state=State.PUBLISHED, ends_at__lte=now),
        "cancelled": Q(state=State.CANCELLED),
    }
    newest_first = show in ("past", "cancelled")
    order = ("-starts_at", "-id") if newest_first else ("starts_at", "id")
    return sessions.filter(chosen[show]).order_by(*order)


def _ready_programme(show: str) -> tuple[Ready[tuple[Any, ...]], Ready[tuple[int]]]:
    build = partial(_programme, show, Later("now", DateTimeField()))
    return Ready(lambda: _rows(build())), row_count(build)


_READY = {show: _ready_programme(show) for show in ("upcoming", "drafts", "past", "cancelled")}


def people_who_would_clash(session: Session, sittings: Sequence[Span]) -> int:
    """How many with a place here hold another one that overlaps, if it were held at these times."""
    then = _sittings_during(sittings).exclude(session=session)
    elsewhere = Booking.objects.holding_a_place().filter(session__in=then.values("session"))
    here = Booking.objects.for_session(session).holding_a_place()
    return here.filter(person__in=elsewhere.values("person")).count()


def _sittings_during(times: Sequence[Span]) -> QuerySet[Sitting]:
    during = Q(pk__in=[])
    for each in times:
        during |= overlapping(each.starts_at, each.ends_at)
    return Sitting.objects.filter(during)


def message_counts(session: Session) -> dict[str, int]:
    """How the mail about this session's bookings is getting on."""
    State = Message.State
    returned = Q(bounced_at__isnull=False)
    counted = {
        "sent": Q(state=State.SENT) & ~returned,
        "returned": Q(state=State.SENT) & returned,
        "on_the_way": Q(state__in=[State.WAITING, State.SENDING]),
        "parked": Q(state=State.PARKED),
    }
    numbers = {name: Count("pk", filter=chosen) for name, chosen in counted.items()}
    return Message.objects.filter(booking__session=session).aggregate(**numbers)


@dataclass(frozen=True)
class Happening:
    """What happened to bookings of a session in one moment, by one hand and for one reason."""

    events: list[BookingEvent]

    @property
    def first(self) -> BookingEvent:
        """What they have in common stands in each."""
        return self.events[0]

    @property
    def words(self) -> str:
        """ "Booked"; of several people also how many, and of a session's change that they know."""
        what = self.first.get_what_display()
        if len(self.events) == 1:
            return what
        told = self.first.what in (What.SESSION_CHANGED, What.SESSION_CANCELLED)
        people = counted(len(self.events), "person", "people")
        return f"{what}: {people} {'were told' if told else ''}".strip()


def happenings(session: Session, *, of_line: bool = False) -> list[Happening]:
    """The last things that happened to its bookings, or moved its waiting list, newest first.

    Costs one statement, however many people one of them concerned.
    """
    events = BookingEvent.objects.filter(booking__session=session)
    events = events.filter(what__in=_LINE) if of_line else events
    alike = events.order_by().values("at", "by", "what", "why").annotate(last=Max("pk"))
    times = alike.order_by("-at", "-last").values_list("at", flat=True)[:_HAPPENINGS_SHOWN]
    shown = events.filter(at__in=times).select_related("booking__person", "by")
    groups: dict[tuple[datetime, int | None, str, str], list[BookingEvent]] = {}
    for event in shown.order_by("-at", "-id"):
        groups.setdefault((event.at, event.by_id, event.what, event.why), []).append(event)
    found = [
        Happening(sorted(group, key=lambda event: event.booking.person.sort_name))
        for group in groups.values()
    ]
    return found[:_HAPPENINGS_SHOWN]


@dataclass(frozen=True, kw_only=True)
class PlannedSession:
    """A session as it is held or would be: `key` is that of a stored one, `name` what it is called.

    A session that is held online has no venue.
    """

    name: str
    sittings: Sequence[Span]
    venue: Venue | None
    trainers: Iterable[User]
    key: int | None = None
    lacks_meeting: bool = False

    @classmethod
    def of(cls, session: Session) -> "PlannedSession":
        """As it is stored."""
        return cls(
            name=session.reference,
            sittings=list(session.sittings.all()),
            venue=None if session.is_online else session.venue,
            trainers=list(session.trainers.all()),
            key=session.pk,
            lacks_meeting=session.is_online and not session.meeting,
        )


def warnings_of(planned: Sequence[PlannedSession], *, of_days: bool = True) -> list[list[str]]:
    """For each, as sentences: days on which few can come, and what another has at its times.

    Others are stored ones, and those of `planned` that are not stored yet. Costs two statements.
    """
    during = _sittings_during([each for held in planned for each in held.sittings])
    states = [Session.State.DRAFT, Session.State.PUBLISHED]
    stored = during.filter(session__state__in=states).select_related("session__course")
    sittings = list(stored.prefetch_related("session__trainers").order_by("starts_at", "pk"))
    found = []
    for held in planned:
        days = [each.starts_at.astimezone(LONDON).date() for each in held.sittings]
        found.append(warnings_of_days(days) if of_days else [])
        if held.lacks_meeting:
            found[-1].append("It is online, and the meeting has no address yet.")
        others: list[tuple[str, int | None, Iterable[User]]] = [
            (_other(sitting), _venue_of(sitting.session), sitting.session.trainers.all())
            for sitting in sittings
            if sitting.session_id != held.key and any(overlap(sitting, at) for at in held.sittings)
        ]
        others += [
            (other.name, other.venue.pk if other.venue else None, other.trainers)
            for other in planned
            if other is not held and other.key is None and _meet(other, held)
        ]
        found[-1] += _used_twice(held, others)
    return found


def _venue_of(session: Session) -> int | None:
    return None if session.is_online else session.venue_id


def _meet(one: PlannedSession, other: PlannedSession) -> bool:
    return any(overlap(here, there) for here in one.sittings for there in other.sittings)


def _used_twice(
    held: PlannedSession, others: Sequence[tuple[str, int | None, Iterable[User]]]
) -> Iterator[str]:
    """That others, with their venue and trainers, have what this one has."""
    for name, venue, _ in others:
        if held.venue is not None and venue == held.venue.pk:
            yield f"{held.venue.name} is also used by {name} at the same time."
    for name, _, trainers in others:
        keys = {trainer.pk for trainer in trainers}
        for trainer in held.trainers:
            if trainer.pk in keys:
                yield f"{trainer} also leads {name} at the same time."


def _other(sitting: Sitting) -> str:
    session = sitting.session
    draft = ", a draft" if session.state == Session.State.DRAFT else ""
    return f"{session.course.title} ({session.reference}{draft}) on {short_day(sitting.starts_at)}"


def places_by_agency(session: Session) -> list[tuple[str, str, int]]:
    """Who has how many of a session's places, most first: agency, sector and number.

    People whose agency is not listed are one row.
    """
    holding = Booking.objects.for_session(session).holding_a_place().order_by()
    rows = holding.values_list("agency__name", "agency__sector").annotate(number=Count("pk"))
    return [
        (name or "Agency not listed", Sector(sector).label if sector else "", number)
        for name, sector, number in rows.order_by("-number", HumanOrder("agency__name"))
    ]


def managed_session(session_id: int) -> Session:
    """Any session, drafts too, with its course and sittings. Raises `Http404`."""
    session = Session.objects.for_pages().filter(pk=session_id).first()
    if session is None:
        raise Http404
    return session
