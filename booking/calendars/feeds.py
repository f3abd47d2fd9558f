"""What each feed shows, what it is called, and whose it is. `now` is an aware moment."""

from datetime import datetime, timedelta

from django.db.models import Q, QuerySet
from django.http import Http404, QueryDict
from django.shortcuts import get_object_or_404

from accounts.models import User
from booking.calendars.actions import token_hash
from booking.calendars.models import CalendarFeed
from booking.catalogue.filters import ProgrammeFilters
from booking.catalogue.models import DiaryDate, Session, SessionQuerySet
from booking.partnership.kept import the_partnership
from booking.places.models import Booking, BookingQuerySet
from booking.places.pages.readers import bookable
from booking.site.human_order import HumanOrder
from booking.site.refusals import Refused
from booking.site.wording import LONDON

BOOKINGS_NAME = "My safeguarding training"
LED_NAME = "Safeguarding training I lead"
CANCELLED_SHOWN_FOR = timedelta(days=30)
PAST_SHOWN_FOR = timedelta(days=365)
Kind = CalendarFeed.Kind


class FilterRefused(Refused):
    """A filter of the programme cannot be understood."""

    def __init__(self, sentence: str) -> None:
        self.sentence = sentence


def with_entries(bookings: BookingQuerySet) -> BookingQuerySet:
    """These bookings, soonest first, with what their calendar entries say."""
    together = bookings.select_related(
        "session__course", "session__venue", "policy", "agency", "person__agency"
    )
    return (
        together.defer("session__course__search")
        .prefetch_related("session__sittings", "policy__bands")
        .order_by("session__starts_at", "pk")
    )


def bookings_of(person_id: int, *, now: datetime) -> BookingQuerySet:
    """A person's certain and offered places, and for a while those that they have lost."""
    lost = Q(
        state=Booking.State.CANCELLED,
        confirmed_at__isnull=False,
        ended_at__gt=now - CANCELLED_SHOWN_FOR,
    )
    held = Q(state__in=(Booking.State.CONFIRMED, Booking.State.OFFERED))
    since = now - PAST_SHOWN_FOR
    return with_entries(
        Booking.objects.filter(held | lost, person=person_id, session__ends_at__gt=since)
    )


def led_by(person_id: int, *, now: datetime) -> SessionQuerySet:
    """The sessions that a trainer leads, and for a while those called off."""
    sessions = Session.objects.public().filter(trainers=person_id, ends_at__gt=now - PAST_SHOWN_FOR)
    called_off = Q(state=Session.State.CANCELLED, changed_at__lte=now - CANCELLED_SHOWN_FOR)
    return sessions.exclude(called_off).for_pages().order_by("starts_at", "pk")


def programme_entries(filters: ProgrammeFilters | None, *, now: datetime) -> SessionQuerySet:
    """Sessions not yet over that the filters let through, and for a while those called off.

    Raises `FilterRefused`: a calendar that silently held something else would mislead for months.
    """
    if filters and filters.form.errors:
        errors = filters.form.errors.values()
        raise FilterRefused(" ".join(text for each in errors for text in each))
    sessions: SessionQuerySet = filters.qs if filters else _not_yet_over(now=now)
    return sessions.for_pages().order_by("starts_at", "pk")


def programme_filters(query: QueryDict, *, now: datetime) -> ProgrammeFilters | None:
    """The programme page's own filters, over what the feed shows; none for the whole of it."""
    if not any(query.values()):
        return None
    return ProgrammeFilters(
        query,
        queryset=_not_yet_over(now=now),
        now=now,
        bookable=lambda sessions: bookable(sessions, None, now=now),
    )


def _not_yet_over(*, now: datetime) -> SessionQuerySet:
    called_off = Q(state=Session.State.CANCELLED, changed_at__gt=now - CANCELLED_SHOWN_FOR)
    return Session.objects.filter(Q(state=Session.State.PUBLISHED) | called_off, ends_at__gt=now)


def programme_name(filters: ProgrammeFilters | None) -> str:
    """What a calendar program calls the programme, or a part of it."""
    chosen = ", ".join(chip.label for chip in filters.chips()) if filters else ""
    return f"{the_partnership().name}: {chosen or 'training'}"


def diary_dates(*, now: datetime) -> QuerySet[DiaryDate]:
    """Awareness days and weeks ahead, and those of the last year, soonest first."""
    since = (now - PAST_SHOWN_FOR).astimezone(LONDON).date()
    return DiaryDate.objects.filter(ends__gte=since).order_by("starts", HumanOrder("title"), "pk")


def diary_name() -> str:
    """What a calendar program calls the awareness days and weeks."""
    return f"{the_partnership().name}: dates for the diary"


def live_feed(token: str) -> CalendarFeed:
    """The feed of this token. Raises `Http404` if it gives nothing any more.

    Not of somebody who has left, nor the sessions of somebody who leads none any more.
    """
    still_theirs = ~Q(kind=Kind.LED) | Q(person__is_trainer=True)
    live = CalendarFeed.objects.live().filter(still_theirs, person__is_active=True)
    return get_object_or_404(live, token_hash=token_hash(token))


def kind_open_to(person: User, kind: str) -> CalendarFeed.Kind:
    """The kind of feed of this name, if this person may have one. Raises `Http404`."""
    if kind in kinds_open_to(person):
        return Kind(kind)
    raise Http404


def kinds_open_to(person: User) -> list[CalendarFeed.Kind]:
    """The kinds of feed that this person may have: the sessions they lead only for a trainer."""
    return [Kind.BOOKINGS, Kind.LED] if person.is_trainer else [Kind.BOOKINGS]
