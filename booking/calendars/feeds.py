"""What each feed shows, what it is called, and whose it is. `now` is an aware moment."""

from datetime import date, datetime, timedelta
from typing import NamedTuple

from django.db import connection
from django.db.models import Q
from django.http import Http404, QueryDict

from accounts.models import User
from booking.calendars import rows
from booking.calendars.actions import token_hash
from booking.calendars.models import CalendarFeed
from booking.calendars.rows import BookingRow, DiaryRow, Rows, SessionRow
from booking.catalogue.filters import ProgrammeFilters
from booking.catalogue.models import DiaryDate, Session, SessionQuerySet
from booking.partnership.kept import the_partnership
from booking.site.refusals import Refused
from booking.site.wording import LONDON

BOOKINGS_NAME = "My safeguarding training"
LED_NAME = "Safeguarding training I lead"
CANCELLED_SHOWN_FOR = timedelta(days=30)
PAST_SHOWN_FOR = timedelta(days=365)
Kind = CalendarFeed.Kind

# Written out, as what is asked next: calendar programs look again and again.
_LIVE_FEED = """
SELECT feed.id, feed.person_id, feed.kind, feed.last_read_on
FROM booking_calendarfeed feed JOIN accounts_user person ON person.id = feed.person_id
WHERE feed.token_hash = %(token_hash)s AND feed.revoked_at IS NULL AND person.is_active
AND (feed.kind <> %(led)s OR person.is_trainer)
"""


class FilterRefused(Refused):
    """A filter of the programme cannot be understood."""

    def __init__(self, sentence: str) -> None:
        self.sentence = sentence


def bookings_of(person_id: int, *, now: datetime) -> Rows[BookingRow]:
    """A person's certain and offered places, and for a while those that they have lost."""
    return rows.of_person(
        person_id,
        ends_after=now - PAST_SHOWN_FOR,
        cancelled_after=now - CANCELLED_SHOWN_FOR,
    )


def led_by(person_id: int, *, now: datetime) -> Rows[SessionRow]:
    """The sessions that a trainer leads, and for a while those called off."""
    sessions = Session.objects.public().filter(trainers=person_id, ends_at__gt=now - PAST_SHOWN_FOR)
    called_off = Q(state=Session.State.CANCELLED, changed_at__lte=now - CANCELLED_SHOWN_FOR)
    return rows.of_led_sessions(sessions.exclude(called_off))


def programme_entries(filters: ProgrammeFilters | None, *, now: datetime) -> Rows[SessionRow]:
    """Sessions not yet over that the filters let through, and for a while those called off.

    Raises `FilterRefused`: a calendar that silently held something else would mislead for months.
    """
    if filters is None:
        return rows.of_sessions(_not_yet_over(now=now))
    if filters.form.errors:
        errors = filters.form.errors.values()
        raise FilterRefused(" ".join(text for each in errors for text in each))
    return rows.of_sessions(filters.qs)


def programme_filters(query: QueryDict, *, now: datetime) -> ProgrammeFilters | None:
    """The programme page's own filters, over what the feed shows; none for the whole of it."""
    if not any(query.values()):
        return None
    return ProgrammeFilters(query, queryset=_not_yet_over(now=now), now=now)


def _not_yet_over(*, now: datetime) -> SessionQuerySet:
    called_off = Q(state=Session.State.CANCELLED, changed_at__gt=now - CANCELLED_SHOWN_FOR)
    return Session.objects.filter(Q(state=Session.State.PUBLISHED) | called_off, ends_at__gt=now)


def programme_name(filters: ProgrammeFilters | None) -> str:
    """What a calendar program calls the programme, or a part of it."""
    chosen = ", ".join(chip.label for chip in filters.chips()) if filters else ""
    return f"{the_partnership().name}: {chosen or 'training'}"


def diary_dates(*, now: datetime) -> Rows[DiaryRow]:
    """Awareness days and weeks ahead, and those of the last year."""
    since = (now - PAST_SHOWN_FOR).astimezone(LONDON).date()
    return rows.of_diary_dates(DiaryDate.objects.filter(ends__gte=since))


def diary_name() -> str:
    """What a calendar program calls the awareness days and weeks."""
    return f"{the_partnership().name}: dates for the diary"


class LiveFeed(NamedTuple):
    """What a secret address gives."""

    key: int
    person_id: int
    kind: str
    last_read_on: date | None


def live_feed(token: str) -> LiveFeed:
    """The feed of this token. Raises `Http404` if it gives nothing any more.

    Not of somebody who has left, nor the sessions of somebody who leads none any more.
    """
    with connection.cursor() as cursor:
        cursor.execute(_LIVE_FEED, {"token_hash": token_hash(token), "led": str(Kind.LED)})
        found = cursor.fetchone()
    if found is None:
        raise Http404
    return LiveFeed(*found)


def kind_open_to(person: User, kind: str) -> CalendarFeed.Kind:
    """The kind of feed of this name, if this person may have one. Raises `Http404`."""
    if kind in kinds_open_to(person):
        return Kind(kind)
    raise Http404


def kinds_open_to(person: User) -> list[CalendarFeed.Kind]:
    """The kinds of feed that this person may have: the sessions they lead only for a trainer."""
    return [Kind.BOOKINGS, Kind.LED] if person.is_trainer else [Kind.BOOKINGS]
