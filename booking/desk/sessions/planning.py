"""Coordinators' pages about many sessions: plan dates of a course, copy sessions, publish drafts.

Rows are added and removed without JavaScript: the page comes back with what was typed so far.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime, time, timedelta
from typing import Any
from urllib.parse import urlencode

from django import forms
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils import timezone

from accounts.access import desk
from accounts.views import signed_in
from booking.catalogue.courses import EditRefused
from booking.catalogue.models import Course, Session, SessionQuerySet, Venue
from booking.desk.queries import PlannedSession, warnings_of
from booking.desk.questions import (
    day_field,
    places_field,
    point_out_meetings,
    small_boxes,
    small_number,
)
from booking.desk.sessions.arrangements import (
    SITTINGS,
    SittingsForm,
    as_held,
    digest,
    who_could_lead,
)
from booking.desk.sessions.forms import OpeningForm
from booking.partnership.kept import the_partnership
from booking.partnership.school_year import holiday, school_terms_of
from booking.places.refusals import PlaceRefused
from booking.scheduling import demand, drafting, planning
from booking.scheduling.changing import Arrangements, BadTimes, PlannedSitting, check_times
from booking.site.form_kit import Form, TrainersField, whole_number_field
from booking.site.readable import key_in
from booking.site.web import done, page, posted
from booking.site.wording import LONDON, counted, listed

MOST_ROWS = 20
_MOST_COPIED = 200
_MOST_WEEKS = 160
_ONLINE = "online"
# How far back sessions are offered to be copied where no term says it.
_USUAL_TERM = timedelta(weeks=20)


class PlanForm(SittingsForm):
    """Several sessions of one course, a row each: dates, place and trainers."""

    capacity = places_field("Places of each")

    def __init__(
        self, data: QueryDict | None, *, course: Course, rows: int, now: datetime, **kwargs: Any
    ) -> None:
        self.course, self.rows, self.now = course, rows, now
        self.latest = course.sessions.order_by("-starts_at", "-pk").first()
        held = list(self.latest.sittings.all()) if self.latest else []
        self.dates = range(1, min(max(course.usual_sittings, len(held), 1), SITTINGS) + 1)
        if data is None and "initial" not in kwargs:
            kwargs["initial"] = self._as_lately(held)
        super().__init__(data, **kwargs)
        self.initial.setdefault("capacity", course.usual_capacity)
        self.venues = {str(venue.pk): venue for venue in Venue.objects.all()}
        self.trainers = who_could_lead()
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

    def _called(self, number: int, at: int) -> str:
        return f"Row {number}, date {at}" if len(self.dates) > 1 else f"Row {number}"

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
            error_messages={"invalid_choice": f"Row {number}, where: choose from the list."},
        )
        self.fields[f"trainers_{number}"] = TrainersField(
            label="Trainers", queryset=self.trainers, required=False, widget=small_boxes()
        )

    def names(self, number: int) -> list[str]:
        """The names of the fields of one row, without its trainers."""
        dates = [f"{name}_{number}_{at}" for at in self.dates for name in ("date", "start", "end")]
        return [*dates, f"where_{number}"]

    def row_name(self, number: int) -> str:
        """What a row is called."""
        return f"Session {number}"

    def planned_rows(self) -> list[tuple[int, list[forms.BoundField], forms.BoundField, int]]:
        """For the page: number, fields, the question for trainers and how many are chosen."""
        return [
            (
                number,
                fields,
                self[f"trainers_{number}"],
                len(self[f"trainers_{number}"].value() or ()),
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
            self.add_error(f"date_{number}_1", f"Row {number}: {refused.sentence}")
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
        held = [as_held(each) for _, each in self.planned]
        found = zip(self.planned, warnings_of(held), strict=True)
        return {number: warnings for (number, _), warnings in found if warnings}

    @classmethod
    def typed_so_far(
        cls, typed: QueryDict, *, course: Course, rows: int, add: bool, without: int, now: datetime
    ) -> "PlanForm":
        """The form with what was typed, not checked yet, with one row more or without one."""
        shape = cls(typed, course=course, rows=rows, now=now)
        parts = [*((name, at) for at in shape.dates for name in ("date", "start", "end"))]
        parts += [("where", 0), ("trainers", 0)]
        kept = [
            {part: shape[_name(part, number)].value() for part in parts}
            for number in shape.numbers
            if number != without
        ]
        if add and kept:
            kept.append(_next_row(kept, shape.dates))
        kept = kept[:MOST_ROWS] or [{}]
        initial: dict[str, Any] = {"capacity": typed.get("capacity", "")}
        for number, row in enumerate(kept, start=1):
            initial |= {_name(part, number): value for part, value in row.items()}
        return cls(None, course=course, rows=len(kept), now=now, initial=initial)


def _name(part: tuple[str, int], number: int) -> str:
    """The name of a field of a row: "date_2_1", or "where_2" of what the row has once."""
    name, at = part
    return f"{name}_{number}_{at}" if at else f"{name}_{number}"


def _next_row(rows: Sequence[dict[tuple[str, int], Any]], dates: Iterable[int]) -> dict[Any, Any]:
    """As the last row, later by what lies between the last two, or a week; on no holiday."""
    last = rows[-1]
    days = {at: _day(last["date", at]) for at in dates}
    first, before = days[1], _day(rows[-2]["date", 1]) if len(rows) > 1 else None
    step = first - before if first and before and first > before else timedelta(weeks=1)
    terms = school_terms_of(the_partnership().school_terms)
    for _ in range(planning.MOST_SKIPPED):
        if not any(on and holiday(on + step, terms) for on in days.values()):
            break
        step += timedelta(weeks=1)
    return last | {("date", at): on + step if on else "" for at, on in days.items()}


def _day(typed: Any) -> date | None:
    try:
        day: date | None = day_field("Date", called="Date").clean(typed)
    except forms.ValidationError:
        return None
    return day


@desk(post=120)
def plan(request: HttpRequest) -> HttpResponse:
    """Type several dates of a course, see what is in their way, then keep them as drafts."""
    chosen = key_in(request.GET.get("course", ""))
    if chosen is None:
        context = {"courses": Course.objects.all(), "plans": True}
        return page(request, "desk/sessions/choose_course.html", context)
    course, now = get_object_or_404(Course, pk=chosen), timezone.now()
    form = _plan_form(request, course, now=now)
    context = {"form": form, "course": course, "most_rows": MOST_ROWS}
    if form.is_valid():
        found = form.warnings()
        shown = digest(each for number in sorted(found) for each in found[number])
        if request.POST.get("warned", "") != shown:
            context |= {"found": found, "warned": shown}
            return page(request, "desk/sessions/plan.html", context)
        try:
            made = planning.schedule_dates(
                course=course,
                held=[held for _, held in form.planned],
                capacity=form.cleaned_data["capacity"],
                by=signed_in(request),
                now=now,
            )
            return _to_drafts(request, made)
        except (EditRefused, PlaceRefused) as refused:
            form.add_error(None, refused.sentence)
    return page(request, "desk/sessions/plan.html", context)


def _plan_form(request: HttpRequest, course: Course, *, now: datetime) -> PlanForm:
    typed = posted(request)
    if typed is None:
        return PlanForm(None, course=course, rows=1, now=now)
    rows, gone = min(small_number(typed, "rows", 1), MOST_ROWS), small_number(typed, "remove", 0)
    if "add" in typed or gone:
        return PlanForm.typed_so_far(
            typed, course=course, rows=rows, add="add" in typed, without=gone, now=now
        )
    return PlanForm(typed, course=course, rows=max(rows, 1), now=now)


def _to_drafts(request: HttpRequest, made: Sequence[Session]) -> HttpResponse:
    chosen = urlencode([("chosen", session.pk) for session in made])
    words = f"{counted(len(made), 'draft')} saved. Nobody sees them before they are published."
    return done(request, words, f"{reverse('manage_session_drafts')}?{chosen}")


class CopyForm(Form):
    """Which sessions are copied, and by how many weeks they are later."""

    chosen = forms.ModelMultipleChoiceField(
        label="Sessions",
        queryset=Session.objects.none(),
        error_messages={"required": "Choose at least one session."},
    )
    weeks = whole_number_field(
        "Weeks later",
        1,
        _MOST_WEEKS,
        help_text="52 is the same time next year. Weeks with bank or school holidays are skipped.",
    )

    def __init__(self, *args: Any, sessions: SessionQuerySet, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["chosen"].queryset = sessions  # type: ignore[attr-defined]


class PeriodForm(Form):
    """From which day to which the sessions to copy are."""

    begins = day_field("From", called="From")
    ends = day_field("To", called="To")


@desk(post=60)
def copy(request: HttpRequest) -> HttpResponse:
    """Choose sessions of a term, or one, and the shift; see their copies; keep them as drafts."""
    now, one = timezone.now(), key_in(request.GET.get("session", ""))
    period = PeriodForm(request.GET if "begins" in request.GET else None, initial=_last_term(now))
    sessions = Session.objects.exclude(state=Session.State.CANCELLED).for_pages()
    if one is not None:
        sessions = sessions.filter(pk=one)
    else:
        days = period.cleaned_data if period.is_valid() else period.initial
        sessions = sessions.filter(starts_at__range=_moments(days)).exclude(
            state=Session.State.DRAFT
        )
    every = list(sessions.order_by("starts_at", "pk").values_list("pk", flat=True))
    keys = every[:_MOST_COPIED]
    shown = Session.objects.filter(pk__in=keys).for_pages().order_by("starts_at", "pk")
    shown = shown.prefetch_related("trainers")
    form = CopyForm(posted(request), sessions=shown, initial={"chosen": keys})
    context: dict[str, Any] = {"form": form, "period": period, "sessions": shown, "one": one}
    context |= {"every": len(every), "most": len(keys)}
    if form.is_valid() and request.POST.get("step") != "edit":
        chosen, weeks = list(form.cleaned_data["chosen"]), form.cleaned_data["weeks"]
        try:
            if request.POST.get("step") == "do":
                by = signed_in(request)
                made = planning.copy_sessions(sessions=chosen, weeks=weeks, by=by, now=now)
                point_out_meetings(request, *(each.joining_instructions for each in made))
                return _to_drafts(request, made)
            copies = planning.copies_of(chosen, weeks=weeks, now=now)
            warnings = warnings_of([as_held(each.held()) for each in copies])
            context["copies"] = list(zip(copies, warnings, strict=True))
            return page(request, "desk/sessions/copy_preview.html", context)
        except EditRefused as refused:
            form.add_error("weeks", refused.sentence)
    return page(request, "desk/sessions/copy.html", context)


def _last_term(now: datetime) -> dict[str, date]:
    """The last school term that is over, or as long as a term is."""
    today = now.astimezone(LONDON).date()
    terms = school_terms_of(the_partnership().school_terms)
    over = [term for term in terms if term.last < today]
    if over:
        return {"begins": over[-1].first, "ends": over[-1].last}
    return {"begins": today - _USUAL_TERM, "ends": today}


def _moments(days: Mapping[str, Any]) -> tuple[datetime, datetime]:
    begins, ends = days.get("begins") or date(2000, 1, 1), days.get("ends") or date(2100, 1, 1)
    return (
        datetime.combine(begins, time.min, LONDON),
        datetime.combine(ends, time.max, LONDON),
    )


class DraftsForm(OpeningForm):
    """Which drafts are published, and for how long those who asked come first."""

    chosen = forms.ModelMultipleChoiceField(
        label="Drafts",
        queryset=Session.objects.none(),
        error_messages={"required": "Choose at least one draft."},
    )

    def __init__(self, *args: Any, drafts: SessionQuerySet, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["chosen"].queryset = drafts  # type: ignore[attr-defined]

    def clean(self) -> dict[str, Any]:
        """Those who asked are offered a place on one date of a course, not on each."""
        cleaned: dict[str, Any] = super().clean() or {}
        courses = [each.course for each in cleaned.get("chosen") or ()]
        twice = {each.title for each in courses if courses.count(each) > 1}
        if twice and cleaned.get("first_days"):
            self.add_error(
                "first_days",
                f"{listed(sorted(twice))}: choose one date of a course if those who asked come"
                " first.",
            )
        return cleaned


@desk(post=60)
def drafts(request: HttpRequest) -> HttpResponse:
    """Every draft with what is in its way; those that are chosen are published together."""
    now = timezone.now()
    found = Session.objects.filter(state=Session.State.DRAFT).for_pages()
    found = found.prefetch_related("trainers").order_by("starts_at", "pk")
    rows = list(found[:_MOST_COPIED])
    warnings = warnings_of([PlannedSession.of(each) for each in rows])
    keys = [key for each in request.GET.getlist("chosen") if (key := key_in(each)) is not None]
    asked = sum(demand.number_of(each, now=now) for each in {row.course for row in rows})
    form = DraftsForm(posted(request), asked=asked, drafts=found, initial={"chosen": keys})
    shown = digest(each for some in warnings for each in some)
    if form.is_valid() and request.POST.get("warned", "") != shown:
        form.add_error(None, "What is in the way has changed. Look at it again, then publish.")
    if form.is_valid():
        chosen = list(form.cleaned_data["chosen"])
        try:
            drafting.publish_drafts(
                sessions=chosen,
                first_days=form.cleaned_data["first_days"],
                by=signed_in(request),
                now=now,
            )
            words = f"{counted(len(chosen), 'session')} published: people can find and book them."
            return done(request, words, "manage_sessions")
        except EditRefused as refused:
            form.add_error(None, refused.sentence)
    context = {"form": form, "rows": list(zip(rows, warnings, strict=True)), "warned": shown}
    return page(request, "desk/sessions/drafts.html", context)
