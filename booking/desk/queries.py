"""What coordinators’ pages read, in a constant number of statements, or 404."""

from collections.abc import Iterable, Sequence
from datetime import datetime

from django.db.models import Count, F, Q, QuerySet
from django.http import Http404

from accounts.models import Sector, User
from booking.catalogue.models import Session, Sitting, Venue
from booking.catalogue.sittings import overlapping
from booking.outbox.models import Message
from booking.places.models import Booking, BookingEvent
from booking.scheduling import capacity
from booking.scheduling.changing import PlannedSitting
from booking.site.human_order import HumanOrder
from booking.site.web import searched
from booking.site.wording import short_day

SHOWN = {
    "upcoming": "Upcoming",
    "at-risk": "At risk",
    "drafts": "Drafts",
    "past": "Past",
    "cancelled": "Cancelled",
}
_EVENTS_SHOWN = 20
_LINE = (
    BookingEvent.What.JOINED,
    BookingEvent.What.INVITED,
    BookingEvent.What.PASSED_OVER,
    BookingEvent.What.MOVED_UP,
    BookingEvent.What.MOVED_BACK,
    BookingEvent.What.OFFERED,
    BookingEvent.What.PROMOTED,
    BookingEvent.What.LAPSED,
    BookingEvent.What.WITHDREW,
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


def recent_events(session: Session, *, of_line: bool = False) -> QuerySet[BookingEvent]:
    """The last things that happened to its bookings, or moved its waiting list, newest first."""
    events = BookingEvent.objects.filter(booking__session=session)
    events = events.filter(what__in=_LINE) if of_line else events
    return events.select_related("booking__person", "by").order_by("-at", "-id")[:_EVENTS_SHOWN]


def bookings_of_somebody(session: Session, *, search: str) -> QuerySet[Booking]:
    """Bookings of this session whose person's name or address holds every word, live ones first."""
    bookings = Booking.objects.for_session(session).select_related("person__agency")
    named = ("person__first_name", "person__last_name", "person__email")
    bookings = searched(bookings, search, *named)
    return bookings.order_by(F("ended_at").desc(nulls_first=True), "person__sort_name", "pk")


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
