"""The form that plans several sessions of one course, a row each."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from itertools import pairwise
from typing import Any

from django import forms
from django.http import QueryDict

from accounts.models import User
from booking.catalogue.bounds import MOST_DATES
from booking.catalogue.models import Course, Session, Venue
from booking.desk.queries import warnings_of
from booking.desk.questions import day_field, places_field, small_boxes
from booking.desk.sessions.arrangements import SittingsForm, as_held, who_could_lead
from booking.partnership.kept import the_partnership
from booking.partnership.school_year import SchoolTerm, holiday, school_terms_of
from booking.scheduling.changing import Arrangements, BadTimes, PlannedSitting, check_times
from booking.scheduling.planning import MOST_SKIPPED
from booking.site.form_kit import with_agency
from booking.site.wording import LONDON

_ONLINE = "online"


class PlanForm(SittingsForm):
    """Several sessions of one course, a row each: dates, place and trainers."""

    least_rows = 1
    beside_row = ("trainers",)
    capacity = places_field("Places of each")

    def __init__(
        self, data: QueryDict | None, *, course: Course, rows: int, now: datetime, **kwargs: Any
    ) -> None:
        self.course, self.rows, self.now = course, rows, now
        self.latest = course.sessions.order_by("-starts_at", "-pk").first()
        held = list(self.latest.sittings.all()) if self.latest else []
        self.dates = range(1, min(max(course.usual_sittings, len(held), 1), MOST_DATES) + 1)
        if data is None and "initial" not in kwargs:
            kwargs["initial"] = self._as_lately(held)
        super().__init__(data, **kwargs)
        self.initial.setdefault("capacity", course.usual_capacity)
        self.venues = {str(venue.pk): venue for venue in Venue.objects.all()}
        self.people = {str(person.pk): person for person in who_could_lead()}
        self.in_row = [f"{name}_{at}" for at in self.dates for name in ("date", "start", "end")]
        self.in_row.append("where")
        self.planned: list[tuple[int, Arrangements]] = []
        for number in self.numbers:
            self._add_row(number)

    def _as_lately(self, held: Sequence[Any]) -> dict[str, Any]:
        """The first row as the latest session of the course was held, without its dates."""
        if self.latest is None:
            return {}
        found: dict[str, Any] = {
            "where_1": _ONLINE if self.latest.is_online else str(self.latest.venue_id or ""),
            "trainers_1": [each.pk for each in self.latest.trainers.all()],
        }
        for at, sitting in zip(self.dates, held, strict=False):
            found[f"start_1_{at}"] = sitting.starts_at.astimezone(LONDON).time()
            found[f"end_1_{at}"] = sitting.ends_at.astimezone(LONDON).time()
        return found

    def row_name(self, number: int) -> str:
        """What a row is called."""
        return f"Session {number}"

    @classmethod
    def field_name(cls, part: str, number: int) -> str:
        """ "date_2_1" for the first date of row 2, or "where_2" for what a row has once."""
        name, _, at = part.partition("_")
        return f"{name}_{number}_{at}" if at else f"{name}_{number}"

    def _called(self, number: int, at: int) -> str:
        name = self.row_name(number)
        return f"{name}, date {at}" if len(self.dates) > 1 else name

    def _add_row(self, number: int) -> None:
        for at in self.dates:
            label = f"Date {at}" if len(self.dates) > 1 else "Date"
            self.add_sitting(f"{number}_{at}", called=self._called(number, at), label=label)
        self.fields[f"where_{number}"] = forms.ChoiceField(
            label="Where",
            choices=[
                ("", "To be announced"),
                (_ONLINE, "Online"),
                *((key, venue.name) for key, venue in self.venues.items()),
            ],
            required=False,
            error_messages={
                "invalid_choice": f"{self.row_name(number)}, where: choose from the list."
            },
        )
        self.fields[f"trainers_{number}"] = forms.TypedMultipleChoiceField(
            label="Trainers",
            choices=[(key, with_agency(person)) for key, person in self.people.items()],
            coerce=self.people.__getitem__,
            required=False,
            widget=small_boxes(),
        )

    def planned_rows(
        self,
    ) -> list[tuple[int, list[forms.BoundField], forms.BoundField, list[User]]]:
        """For the page: number, fields, the question for trainers and who is chosen."""
        return [
            (
                number,
                fields,
                self[f"trainers_{number}"],
                [
                    self.people[str(key)]
                    for key in self[f"trainers_{number}"].value() or ()
                    if str(key) in self.people
                ],
            )
            for number, (_, fields) in zip(self.numbers, self.row_fields(), strict=True)
        ]

    def clean(self) -> dict[str, Any]:
        """Each row without a date is left out; the others are whole."""
        cleaned: dict[str, Any] = super().clean() or {}
        for number in self.numbers:
            dates = [cleaned.get(f"date_{number}_{at}") for at in self.dates]
            of_row = {*self.names(number), f"trainers_{number}"} & set(self.errors)
            if of_row or not any(dates):
                continue
            if held := self._held(number, cleaned):
                self.planned.append((number, held))
        if not self.planned and not self.errors:
            self.add_error("date_1_1", "Enter a date.")
        return cleaned

    def _held(self, number: int, cleaned: dict[str, Any]) -> Arrangements | None:
        sittings: list[PlannedSitting] = []
        for at in self.dates:
            if at > 1:
                self._same_times(number, at, cleaned)
            if not cleaned.get(f"date_{number}_{at}"):
                continue
            if found := self.sitting(f"{number}_{at}", called=self._called(number, at)):
                sittings.append(found)
        if set(self.names(number)) & set(self.errors):
            return None
        try:
            ordered = check_times(sittings, now=self.now)
        except BadTimes as refused:
            self.add_error(f"date_{number}_1", f"{self.row_name(number)}: {refused.sentence}")
            return None
        where = cleaned[f"where_{number}"]
        is_online = where == _ONLINE
        return Arrangements(
            sittings=tuple(ordered),
            delivery=Session.Delivery.ONLINE if is_online else Session.Delivery.IN_PERSON,
            venue=self.venues.get(where),
            meeting="",
            trainers=tuple(cleaned[f"trainers_{number}"]),
        )

    def _same_times(self, number: int, at: int, cleaned: dict[str, Any]) -> None:
        """Later dates are at the times of the first, unless they have their own."""
        for name in ("start", "end"):
            if cleaned.get(f"{name}_{number}_{at}") is None:
                cleaned[f"{name}_{number}_{at}"] = cleaned.get(f"{name}_{number}_1")

    def warnings(self) -> dict[int, list[str]]:
        """By the numbers of rows: clashes, and days on which few can come."""
        held = [as_held(each, name=self.row_name(number).lower()) for number, each in self.planned]
        found = zip(self.planned, warnings_of(held), strict=True)
        return {number: warnings for (number, _), warnings in found if warnings}

    def next_row(self, rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
        """As the last row, later by what lies between the last two, or a week; on no holiday."""
        days = [{at: _day(each[f"date_{at}"]) for at in self.dates} for each in rows]
        terms = school_terms_of(the_partnership().school_terms)
        step = _skipping(days[-1], _rhythm(days, terms), terms)
        moved = {f"date_{at}": on + step if on else "" for at, on in days[-1].items()}
        return {**rows[-1], **moved}


_Days = Mapping[int, date | None]


def _rhythm(rows: Sequence[_Days], terms: Sequence[SchoolTerm]) -> timedelta:
    """How far apart the rows are meant to be: weeks that were skipped for holidays do not count."""
    steps: list[tuple[_Days, timedelta]] = []
    for earlier, later in pairwise(rows):
        first, then = earlier[1], later[1]
        if first is None or then is None or then <= first:
            steps.clear()
        else:
            steps.append((earlier, then - first))
    if not steps:
        return timedelta(weeks=1)
    last = steps[-1][1]
    for weeks in range(1, last.days // 7 + 1):
        meant = timedelta(weeks=weeks)
        if all(_skipping(days, meant, terms) == step for days, step in steps):
            return meant
    return last


def _skipping(days: _Days, step: timedelta, terms: Sequence[SchoolTerm]) -> timedelta:
    """So much later, and by as many weeks more as holidays are in the way."""
    for _ in range(MOST_SKIPPED):
        if not any(on and holiday(on + step, terms) for on in days.values()):
            break
        step += timedelta(weeks=1)
    return step


def _day(typed: Any) -> date | None:
    try:
        day: date | None = day_field("Date", called="Date").clean(typed)
    except forms.ValidationError:
        return None
    return day
