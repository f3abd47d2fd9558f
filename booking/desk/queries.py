"""What coordinators’ pages read, in a constant number of statements, or 404."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Count, F, Max, Q, QuerySet
from django.http import Http404

from accounts.models import Sector, User
from booking.catalogue.models import Session, SessionQuerySet, Sitting, Venue
from booking.catalogue.sittings import overlapping
from booking.outbox.models import Message
from booking.places.changes import Change, for_managers, states_concerned
from booking.places.managers.copies import copied_of_change
from booking.places.managers.models import Approval
from booking.places.models import Booking, BookingEvent, BookingQuerySet
from booking.scheduling import capacity
from booking.scheduling.changing import PlannedSitting
from booking.site.human_order import HumanOrder
from booking.site.web import searched
from booking.site.wording import counted, short_day

SHOWN = {
    "upcoming": "Upcoming",
    "at-risk": "At risk",
    "drafts": "Drafts",
    "past": "Past",
    "cancelled": "Cancelled",
}
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


def programme_table(*, show: str, search: str, now: datetime) -> QuerySet[Session]:
    """The sessions of one filter, by course or reference; what runs today is still upcoming."""
    sessions = Session.objects.for_pages()
    State = Session.State
    if show == "at-risk":
        sessions = capacity.at_risk(sessions, now=now)
    else:
        chosen = {
            "upcoming": Q(state=State.PUBLISHED, ends_at__gt=now),
            "drafts": Q(state=State.DRAFT),
            "past": Q(state=State.COMPLETED) | Q(state=State.PUBLISHED, ends_at__lte=now),
            "cancelled": Q(state=State.CANCELLED),
        }
        newest_first = show in ("past", "cancelled")
        order = ("-starts_at", "-id") if newest_first else ("starts_at", "id")
        sessions = sessions.filter(chosen[show]).order_by(*order)
    return searched(sessions, search, "reference", "course__title", "course__code")


@dataclass(frozen=True)
class Told:
    """How many people have a live booking, by what they are told when something changes.

    Somebody with several bookings is one person, in every group that they are in.
    """

    everybody: int
    confirmed: int
    held: int
    waiting: int
    bookings: int
    sessions: int


@dataclass(frozen=True)
class Managers:
    """How many line managers hear of a change, each counted once."""

    # Asked again, about this many bookings, since they have not answered.
    asked: int
    questions: int
    # Sent a copy of what people with a place are told.
    copied: int


@dataclass(frozen=True)
class Audience:
    """Who hears of the same change to some sessions; trainers also where nobody has booked."""

    people: Told
    managers: Managers
    trainers: int
    # One email for each session that a trainer leads.
    trainer_emails: int

    @property
    def is_anybody(self) -> bool:
        """Whether anybody is told at all."""
        return bool(self.people.everybody or self.trainers)


def people_to_tell(session: Session, changes: Sequence[Change] | None = None) -> Told:
    """Who would hear of these changes to this session; without any, who has a live booking."""
    concerned = Booking.LIVE if changes is None else states_concerned(changes)
    bookings = Booking.objects.for_session(session).filter(state__in=concerned)
    return _counted(bookings)


def who_hears(sessions: SessionQuerySet, changes: Sequence[Change], *, now: datetime) -> Audience:
    """Who would hear of these changes to all these sessions."""
    keys = sessions.order_by().values("pk")
    leading = Session.trainers.through.objects.filter(session__in=keys)
    found = leading.aggregate(trainers=Count("user", distinct=True), trainer_emails=Count("pk"))
    return audience(Booking.objects.filter(session__in=keys), changes, now=now, **found)


def audience(
    bookings: BookingQuerySet,
    changes: Sequence[Change],
    *,
    trainers: int,
    trainer_emails: int,
    now: datetime,
) -> Audience:
    """Whom these changes concern of the people of these bookings, besides so many trainers."""
    asked = {"asked": 0, "questions": 0}
    if for_managers(changes):
        again = Approval.objects.to_ask_again(now=now).filter(booking__in=bookings.values("pk"))
        asked = again.aggregate(asked=Count("manager_email", distinct=True), questions=Count("pk"))
    return Audience(
        people=_counted(bookings.filter(state__in=states_concerned(changes))),
        managers=Managers(copied=len(copied_of_change(bookings, changes)), **asked),
        trainers=trainers,
        trainer_emails=trainer_emails,
    )


def _counted(bookings: QuerySet[Booking]) -> Told:
    State = Booking.State
    counts = bookings.aggregate(
        everybody=_persons(),
        confirmed=_persons(State.CONFIRMED),
        held=_persons(State.OFFERED, State.REQUESTED),
        waiting=_persons(State.WAITING),
        bookings=Count("pk"),
        sessions=Count("session", distinct=True),
    )
    return Told(**counts)


def _persons(*states: str) -> Count:
    return Count("person", filter=Q(state__in=states) if states else None, distinct=True)


def trainers_to_tell(session: Session, to_lead: Sequence[User] | None) -> list[User]:
    """Who leads the session now, then who would lead it besides."""
    leading = list(session.trainers.all())
    return leading + [person for person in to_lead or () if person not in leading]


def people_who_would_clash(session: Session, sittings: Sequence[PlannedSitting]) -> int:
    """How many with a place here hold another one that overlaps, if it were held at these times."""
    then = _sittings_during(sittings).exclude(session=session)
    elsewhere = Booking.objects.holding_a_place().filter(session__in=then.values("session"))
    here = Booking.objects.for_session(session).holding_a_place()
    return here.filter(person__in=elsewhere.values("person")).count()


def _sittings_during(times: Sequence[PlannedSitting]) -> QuerySet[Sitting]:
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


def used_twice(
    session: Session,
    *,
    sittings: Sequence[PlannedSitting],
    venue: Venue | None,
    trainers: Iterable[User],
) -> list[str]:
    """Warnings, as sentences, for a venue or trainers that another session has at these times."""
    others = _sittings_during(sittings).exclude(session=session)
    others = others.filter(session__state__in=[Session.State.DRAFT, Session.State.PUBLISHED])
    others = others.select_related("session__course")
    warnings = []
    if venue is not None:
        there = others.filter(session__venue=venue, session__delivery=Session.Delivery.IN_PERSON)
        used = f"{venue.name} is also used by"
        warnings += [f"{used} {_other(sitting)} at the same time." for sitting in there]
    if names := {trainer.pk: str(trainer) for trainer in trainers}:
        busy = others.filter(session__trainers__in=names).annotate(trainer=F("session__trainers"))
        warnings += [
            f"{names[sitting.trainer]} also leads {_other(sitting)} at the same time."
            for sitting in busy
        ]
    return warnings


def used_twice_by(session: Session) -> list[str]:
    """Warnings about a session as it is stored."""
    return used_twice(
        session,
        sittings=[PlannedSitting(each.starts_at, each.ends_at) for each in session.sittings.all()],
        venue=None if session.is_online else session.venue,
        trainers=session.trainers.all(),
    )


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
