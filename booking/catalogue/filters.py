"""What the programme can be filtered by, and how it is searched."""

# django-filter has no types.
# mypy: disallow-untyped-calls=False, disallow-subclassing-any=False
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from functools import cache
from typing import Any

from django import forms
from django.db.models import Q
from django.http import QueryDict
from django.utils.http import urlencode
from django_filters import filters
from django_filters.fields import ChoiceField
from django_filters.filterset import FilterSet

from accounts.models import Sector
from booking.catalogue.models import Course, Session, SessionQuerySet, Topic
from booking.catalogue.months import first_of_month, months_later
from booking.catalogue.searching import courses_without_dates, did_you_mean, search
from booking.partnership.levels import names_of_levels
from booking.site.wording import LONDON, day

DATE_FORMATS = ["%Y-%m-%d", "%d/%m/%Y", "%d/%m/%y", "%d %B %Y", "%d %b %Y"]
_WHEN = {
    "this-month": "This month",
    "next-month": "Next month",
    "next-3-months": "Next 3 months",
}
_SELECTS = ("kind", "level", "topic", "sector", "when", "where")
_WHERE = {"in-person": "In person", "online": "Online"}


class DateInput(forms.DateInput):
    """A date that browsers ask for with their own calendar."""

    input_type = "date"

    def __init__(self) -> None:
        super().__init__(format="%Y-%m-%d")


class ProgrammeForm(forms.Form):
    """Checks that the filters fit each other. A value that is refused is left out, not the rest."""

    def clean(self) -> dict[str, Any]:
        """Leave out an “until” that lies before the “from”."""
        values: dict[str, Any] = super().clean() or self.cleaned_data
        first, last = values.get("from_date"), values.get("to_date")
        if first and last and last < first:
            self.add_error(
                "to_date", "“Until this date” is before “From this date”. We left it out."
            )
        return self.cleaned_data


def _unknown(what: str) -> dict[str, str]:
    return {"invalid_choice": f"Choose a {what} from the list. We left “%(value)s” out."}


def _topics() -> list[tuple[str, str]]:
    return list(Topic.objects.values_list("slug", "name"))


def _not_a_date(which: str) -> dict[str, str]:
    return {"invalid": f"Enter the {which} like 9/2/2027. We left it out."}


def _midnight(on: date) -> datetime:
    return datetime.combine(on, time(), tzinfo=LONDON)


@dataclass(frozen=True)
class Chip:
    """One filter that is on, and the query string that takes it off."""

    label: str
    without: str


class ProgrammeFilters(FilterSet):
    """Filters over upcoming sessions. `qs` honours every value that makes sense."""

    q = filters.CharFilter(
        method="search",
        label="Search the programme",
        max_length=200,
        error_messages={"max_length": "Search for 200 characters or fewer. We left it out."},
    )
    kind = filters.ChoiceFilter(
        field_name="course__kind",
        choices=Course.Kind.choices,
        label="Type",
        empty_label="Any type",
        error_messages=_unknown("type"),
    )
    level = filters.ChoiceFilter(
        field_name="course__level",
        choices=lambda: [(str(number), name) for number, name in names_of_levels()],
        label="Level of training",
        empty_label="Any level",
        error_messages=_unknown("level"),
    )
    topic = filters.ChoiceFilter(
        field_name="course__topics__slug",
        choices=_topics,
        label="Topic",
        empty_label="Any topic",
        error_messages=_unknown("topic"),
    )
    sector = filters.ChoiceFilter(
        method="for_sector",
        choices=Sector.choices,
        label="Who can book",
        empty_label="Every sector",
        error_messages=_unknown("sector"),
    )
    when = filters.ChoiceFilter(
        method="within",
        choices=list(_WHEN.items()),
        label="When",
        empty_label="Any time",
        error_messages=_unknown("time"),
    )
    where = filters.ChoiceFilter(
        method="attended",
        choices=list(_WHERE.items()),
        label="Where",
        empty_label="Anywhere",
        error_messages=_unknown("way to attend"),
    )
    from_date = filters.DateFilter(
        method="starting_from",
        label="From this date",
        widget=DateInput,
        input_formats=DATE_FORMATS,
        error_messages=_not_a_date("date to begin from"),
    )
    to_date = filters.DateFilter(
        method="starting_by",
        label="Until this date",
        widget=DateInput,
        input_formats=DATE_FORMATS,
        error_messages=_not_a_date("date to end at"),
    )
    places = filters.BooleanFilter(
        method="bookable", label="Only with places left", widget=forms.CheckboxInput
    )

    class Meta:
        model = Session
        form = ProgrammeForm
        fields: list[str] = []

    def __init__(
        self,
        data: QueryDict,
        *,
        queryset: SessionQuerySet,
        now: datetime,
        bookable: Callable[[SessionQuerySet], SessionQuerySet] = SessionQuerySet.with_places,
    ) -> None:
        """`bookable` picks the sessions that have a place for the person who asks."""
        super().__init__(data, queryset=queryset)
        self._bookable = bookable
        self.instead: dict[str, str] = {}
        # Asked for while checking, drawing and naming; read once.
        self.filters["topic"].extra["choices"] = cache(_topics)
        self.now = now

    # ------------------------------------------------------------ what each filter does
    def search(self, sessions: SessionQuerySet, name: str, words: str) -> SessionQuerySet:
        """See `booking.catalogue.searching`; notes which words stand for mistyped ones."""
        found = search(sessions, words)
        self.instead = found.instead
        return found.sessions

    def for_sector(self, sessions: SessionQuerySet, name: str, sector: str) -> SessionQuerySet:
        """Courses meant for this sector, or for everybody."""
        return sessions.filter(Q(course__sectors=[]) | Q(course__sectors__contains=[sector]))

    def within(self, sessions: SessionQuerySet, name: str, preset: str) -> SessionQuerySet:
        """Starting in this month, in the next, or in the three months from today."""
        today = self.now.astimezone(LONDON).date()
        this_month = first_of_month(today)
        first, end = {
            "this-month": (this_month, months_later(this_month, 1)),
            "next-month": (months_later(this_month, 1), months_later(this_month, 2)),
            "next-3-months": (today, months_later(today, 3)),
        }[preset]
        return sessions.filter(starts_at__gte=_midnight(first), starts_at__lt=_midnight(end))

    def starting_from(self, sessions: SessionQuerySet, name: str, first: date) -> SessionQuerySet:
        """Starting on this day or later."""
        return sessions.filter(starts_at__gte=_midnight(first))

    def starting_by(self, sessions: SessionQuerySet, name: str, last: date) -> SessionQuerySet:
        """Starting on this day or earlier."""
        if last == date.max:
            return sessions
        return sessions.filter(starts_at__lt=_midnight(last + timedelta(days=1)))

    def attended(self, sessions: SessionQuerySet, name: str, way: str) -> SessionQuerySet:
        """Attended online or in person."""
        online = Session.Delivery.ONLINE
        return sessions.filter(delivery=online if way == "online" else Session.Delivery.IN_PERSON)

    def bookable(self, sessions: SessionQuerySet, name: str, wanted: bool) -> SessionQuerySet:
        """With a place that the person who asks could have, if wanted."""
        return self._bookable(sessions) if wanted else sessions

    def offers(self) -> dict[str, Any]:
        """What to try where nothing was found: other words, fewer filters, courses without dates.

        Costs at most five statements.
        """
        words = self.form.cleaned_data.get("q")
        if not words:
            return {}
        meant = did_you_mean(words, ahead=self.queryset)
        found = search(self.queryset, words).sessions if len(self.chips()) > 1 else None
        return {
            "meant": meant,
            "meant_query": f"?{urlencode({'q': meant})}",
            "words_query": f"?{urlencode({'q': words})}",
            "without_filters": found.count() if found is not None else 0,
            "courses": courses_without_dates(words, ahead=self.queryset),
        }

    # ------------------------------------------------------------ what is on
    def selects(self) -> list[dict[str, Any]]:
        """The lists to choose from, each ready to be drawn."""
        drawn = []
        for name in _SELECTS:
            field = self.form.fields[name]
            drawn.append(
                {
                    "name": name,
                    "id": f"id_{name}",
                    "label": field.label,
                    "any": field.empty_label,
                    "choices": [choice for choice in field.choices if choice[0]],
                    "chosen": self.form.cleaned_data.get(name, ""),
                    "errors": self.form.errors.get(name, ()),
                }
            )
        return drawn

    def query(self) -> QueryDict:
        """The address's query without empty values and the page's number."""
        query = QueryDict(mutable=True)
        for name, values in self.data.lists():
            kept = [value for value in values if value]
            if kept and name != "page":
                query.setlist(name, kept)
        return query

    def understood(self) -> QueryDict:
        """The query of the filters that are on: nothing unknown, no page, no view."""
        query = QueryDict(mutable=True)
        self.form.is_valid()
        for name, value in self.form.cleaned_data.items():
            if value not in (None, "", False):
                query[name] = self.data[name]
        return query

    def chips(self) -> list[Chip]:
        """The filters that are on, in the order of the form."""
        query = self.query()
        chips = []
        for name, value in self.form.cleaned_data.items():
            if value in (None, "", False):
                continue
            without = query.copy()
            without.pop(name, None)
            chips.append(Chip(self._label(name, value), f"?{without.urlencode()}"))
        return chips

    def _label(self, name: str, value: Any) -> str:
        field = self.form.fields[name]
        if isinstance(field, ChoiceField):
            label = next(label for choice, label in field.choices if choice == value)
            return f"For {label}" if name == "sector" else label
        match name:
            case "from_date":
                return f"From {day(value)}"
            case "to_date":
                return f"Until {day(value)}"
            case "places":
                return "With places left"
        return f"“{value}”"
