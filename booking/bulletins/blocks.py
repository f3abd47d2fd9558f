"""The blocks of a bulletin: spaces available, new briefings, dates for the diary.

A block is read once for whoever looks: an embedded page, JSON, Atom, a newsletter to copy, and the
bulletin. It holds nothing personal. Places are those that somebody whom nobody knows could have:
what is reserved is not counted.
"""

# django-filter has no types.
# mypy: disallow-untyped-calls=False, disallow-subclassing-any=False
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import connection, models
from django.db.models import Q
from django.http import QueryDict
from django.urls import reverse
from django_filters import filters

from accounts.models import Agency
from booking.catalogue.availability import Tone, availability
from booking.catalogue.diary import with_courses
from booking.catalogue.filters import DATE_FORMATS, DateInput, ProgrammeFilters
from booking.catalogue.models import Course, DiaryDate, Session, SessionQuerySet
from booking.places.pages.readers import as_read_by, bookable
from booking.site.plain_text import one_line
from booking.site.wording import LONDON, counted, day, sitting_times, times_of_day

MOST_WEEKS = 104
MOST_ROWS = 50
USUAL_ROWS = 12
# How far back "new" reaches, and how far ahead the diary, where nothing else is asked for.
USUAL_NEW = timedelta(days=31)
USUAL_DIARY_WEEKS = 13


class BlockKind(models.TextChoices):
    """What a block tells, and its heading."""

    SPACES = "spaces", "Spaces currently available"
    BRIEFINGS = "briefings", "New briefings"
    DIARY = "diary", "Dates for your diary"


EMPTY = {
    BlockKind.SPACES: "No session has a place at the moment. You can join a waiting list.",
    BlockKind.BRIEFINGS: "No new briefings at the moment.",
    BlockKind.DIARY: "Nothing in the next weeks.",
}


@dataclass(frozen=True)
class BlockRow:
    """One line of a block. `url` is absolute; `places` is empty for a date of the diary."""

    key: str
    title: str
    url: str
    starts: date
    ends: date
    when: str
    # Beside a tile with the date, which they do not repeat.
    times: str
    where: str
    kind: str
    kind_name: str
    places: str
    tone: Tone
    left: int
    changed_at: datetime
    # What else to read: titles and addresses of courses.
    courses: tuple[tuple[str, str], ...] = ()

    @property
    def summary(self) -> str:
        """When, where and how many places, in a line."""
        return ", ".join(filter(None, (self.when, self.where, self.places)))


@dataclass(frozen=True)
class Block:
    """What one block says at one moment. `all_url` is where the rest can be seen."""

    kind: BlockKind
    heading: str
    rows: Sequence[BlockRow]
    left_out: int
    all_url: str
    as_at: datetime

    @property
    def empty(self) -> str:
        """What it says instead of rows."""
        return EMPTY[self.kind]

    @property
    def more(self) -> str:
        """The words of the link to the rest."""
        if self.kind == BlockKind.DIARY:
            return "See the diary in the calendar"
        rest = f"{counted(self.left_out, 'more session')} and the" if self.left_out else "See the"
        return f"{rest} whole programme"


class BlockFilters(ProgrammeFilters):
    """What a block can be narrowed by: the programme's filters, and these."""

    weeks = filters.NumberFilter(
        method="within_weeks",
        label="Only the next weeks",
        min_value=1,
        max_value=MOST_WEEKS,
        decimal_places=0,
        error_messages=dict.fromkeys(
            ("invalid", "min_value", "max_value", "max_decimal_places", "max_digits"),
            f"Enter a whole number of weeks from 1 to {MOST_WEEKS}. We left it out.",
        ),
    )
    agency = filters.ModelChoiceFilter(
        method="open_to",
        label="Open to an agency",
        empty_label="Any agency",
        queryset=Agency.objects.order_by("name"),
        error_messages={"invalid_choice": "Choose an agency from the list. We left it out."},
    )
    since = filters.DateFilter(
        method="published_since",
        label="New since",
        widget=DateInput,
        input_formats=DATE_FORMATS,
        error_messages={"invalid": "Enter the date like 9/2/2027. We left it out."},
    )
    rows = filters.NumberFilter(
        method="all_of_them",
        label="Most rows",
        min_value=1,
        max_value=MOST_ROWS,
        decimal_places=0,
        error_messages=dict.fromkeys(
            ("invalid", "min_value", "max_value", "max_decimal_places", "max_digits"),
            f"Enter a whole number of rows from 1 to {MOST_ROWS}. We left it out.",
        ),
    )

    def within_weeks(self, sessions: SessionQuerySet, name: str, weeks: Any) -> SessionQuerySet:
        """Starting within so many weeks from now."""
        return sessions.filter(starts_at__lt=self.now + timedelta(weeks=int(weeks)))

    def open_to(self, sessions: SessionQuerySet, name: str, agency: Agency) -> SessionQuerySet:
        """Of courses meant for the agency's sector or for all, and kept for no group."""
        return self.for_sector(sessions, name, agency.sector).filter(course__groups=None)

    def published_since(self, sessions: SessionQuerySet, name: str, on: date) -> SessionQuerySet:
        """First shown on the programme on this day or later."""
        first = datetime.combine(on, datetime.min.time(), tzinfo=LONDON)
        return sessions.filter(published_at__gte=first)

    def all_of_them(self, sessions: SessionQuerySet, name: str, rows: Any) -> SessionQuerySet:
        """The number of rows is no filter: what is over is counted."""
        return sessions

    def said(self, name: str) -> Any:
        """What one filter is set to, or nothing."""
        self.form.is_valid()
        return self.form.cleaned_data.get(name)


def filters_of(query: QueryDict, *, now: datetime) -> BlockFilters:
    """The filters of a block as an address says them. What makes no sense is left out."""
    return BlockFilters(query, queryset=Session.objects.upcoming(now=now), now=now)


def read_block(
    kind: BlockKind, query: QueryDict, *, now: datetime, topics: Sequence[str] = ()
) -> Block:
    """A block at this moment, in a constant number of statements.

    With `topics`, only sessions of courses that have one of these, by their slugs.
    """
    found = filters_of(query, now=now)
    most = int(found.said("rows") or USUAL_ROWS)
    if kind == BlockKind.DIARY:
        return _diary(found, most, now=now)
    sessions = _of_topics(found.qs, topics)
    if kind == BlockKind.SPACES:
        sessions = _open(bookable(sessions, None, now=now), now=now)
    else:
        sessions = sessions.filter(course__kind=Course.Kind.BRIEFING)
        if not found.said("since"):
            sessions = sessions.filter(published_at__gte=now - USUAL_NEW)
    sessions = sessions.order_by("starts_at", "id")
    shown = as_read_by(sessions.for_rows()[:most], None, now=now)
    left_out = max(0, sessions.count() - most) if len(shown) == most else 0
    rows = [_session_row(session, now=now) for session in shown]
    return Block(kind, kind.label, rows, left_out, _absolute(reverse("programme")), now)


def _of_topics(sessions: SessionQuerySet, topics: Sequence[str]) -> SessionQuerySet:
    if not topics:
        return sessions
    of_these = Course.objects.filter(topics__slug__in=topics)
    return sessions.filter(course__in=of_these.values("pk"))


def _open(sessions: SessionQuerySet, *, now: datetime) -> SessionQuerySet:
    """Those that take bookings at this moment."""
    opened = Q(booking_opens_at=None) | Q(booking_opens_at__lte=now)
    return sessions.filter(opened, Q(booking_closes_at=None) | Q(booking_closes_at__gt=now))


def _session_row(session: Session, *, now: datetime) -> BlockRow:
    places, course = availability(session, now), session.course
    sittings = list(session.sittings.all())
    first = sittings[0]
    when = sitting_times(first.starts_at, first.ends_at)
    if len(sittings) > 1:
        when += f", and {counted(len(sittings) - 1, 'more date')}"
    return BlockRow(
        key=f"session-{session.pk}",
        title=one_line(course.title),
        url=_absolute(session.get_absolute_url()),
        starts=first.starts_at.astimezone(LONDON),
        ends=sittings[-1].ends_at.astimezone(LONDON),
        when=when,
        times=times_of_day([(each.starts_at, each.ends_at) for each in sittings]),
        where=one_line(session.where),
        kind=course.kind,
        kind_name=f"{course.level_name} {course.get_kind_display().lower()}",
        places=places.text,
        tone=places.tone,
        left=places.left,
        changed_at=session.changed_at,
    )


def _diary(found: BlockFilters, most: int, *, now: datetime) -> Block:
    today = now.astimezone(LONDON).date()
    until = today + timedelta(weeks=int(found.said("weeks") or USUAL_DIARY_WEEKS))
    dates = DiaryDate.objects.filter(ends__gte=today, starts__lt=until)
    if topic := found.said("topic"):
        of_topic = DiaryDate.objects.filter(courses__topics__slug=topic)
        dates = dates.filter(pk__in=of_topic.values("pk"))
    shown = list(with_courses(dates)[: most + 1])
    months = f"{reverse('programme')}?view=month"
    rows = [diary_row(each) for each in shown[:most]]
    left_out = len(shown) - len(rows)
    return Block(BlockKind.DIARY, BlockKind.DIARY.label, rows, left_out, _absolute(months), now)


def diary_row(each: DiaryDate) -> BlockRow:
    """A date of the diary as a line. It leads to its own page, or to its month."""
    month = f"{reverse('programme')}?view=month&month={each.starts:%Y-%m}"
    when = day(each.starts)
    if each.ends != each.starts:
        when += f" to {day(each.ends)}"
    return BlockRow(
        key=f"diary-{each.pk}",
        title=one_line(each.title),
        url=each.page or _absolute(month),
        starts=each.starts,
        ends=each.ends,
        when=when,
        times="",
        where="",
        kind="diary",
        kind_name="",
        places="",
        tone="open",
        left=0,
        changed_at=each.changed_at,
        courses=tuple(
            (one_line(course.title), _absolute(course.get_absolute_url()))
            for course in each.courses.all()
        ),
    )


def _absolute(path: str) -> str:
    return f"{settings.SITE_URL}{path}"


# What a kept block has to agree with: every count and change of what is ahead.
_AHEAD = """
SELECT (
    SELECT md5(string_agg(concat_ws(',', id, capacity, places_taken, waiting_count, revision,
        changed_at), ';' ORDER BY id))
    FROM booking_session WHERE state = 'published' AND starts_at > now()
), (
    SELECT md5(string_agg(concat_ws(',', id, changed_at), ';' ORDER BY id))
    FROM booking_diarydate WHERE ends >= current_date - 1
)
"""


def what_is_ahead(**of_address: object) -> tuple[Any, ...]:
    """The same for as long as no place is given or taken and nothing ahead changes."""
    with connection.cursor() as cursor:
        cursor.execute(_AHEAD)
        return tuple(cursor.fetchone() or ())
