"""Coordinators' pages about many sessions: plan dates of a course, copy sessions, publish drafts.

Rows are added and removed without JavaScript: the page comes back with what was typed so far.
"""

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Any
from urllib.parse import urlencode

from django import forms
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils import timezone

from accounts.access import desk
from accounts.views import signed_in
from booking.catalogue.courses import EditRefused
from booking.catalogue.models import Course, Session, SessionQuerySet
from booking.desk.queries import PlannedSession, warnings_of
from booking.desk.questions import PeriodForm, digest, point_out_meetings
from booking.desk.sessions.arrangements import as_held
from booking.desk.sessions.forms import OpeningForm
from booking.desk.sessions.plan_form import PlanForm
from booking.partnership.kept import the_partnership
from booking.partnership.school_year import holidays_known, school_terms_of
from booking.places.refusals import PlaceRefused
from booking.scheduling import demand, drafting, planning
from booking.site.form_kit import Form, whole_number_field
from booking.site.readable import key_in
from booking.site.web import done, page, posted
from booking.site.wording import LONDON, counted, listed

_MOST_COPIED = 200
_MOST_WEEKS = 160
# How far back sessions are offered to be copied where no term says it.
_USUAL_TERM = timedelta(weeks=20)


@desk(post=120)
def plan(request: HttpRequest) -> HttpResponse:
    """Type several dates of a course, see what is in their way, then keep them as drafts."""
    chosen = key_in(request.GET.get("course", ""))
    if chosen is None:
        context = {"courses": Course.objects.all(), "plans": True}
        return page(request, "desk/sessions/choose_course.html", context)
    course, now = get_object_or_404(Course, pk=chosen), timezone.now()
    form = PlanForm.of_request(request, course=course, now=now)
    context = {"form": form, "course": course, "holidays_known": holidays_known()}
    if form.is_valid():
        held = [each for _, each in form.planned]
        # Before what they clash with is looked at: that would be themselves.
        if there := planning.planned_already([(course, each) for each in held]):
            return _to_drafts(request, there, planning.PlannedAlready.sentence)
        found = form.warnings()
        shown = digest(each for number in sorted(found) for each in found[number])
        if request.POST.get("warned", "") != shown:
            context |= {"found": found, "warned": shown}
            return page(request, "desk/sessions/plan.html", context)
        try:
            made = planning.schedule_dates(
                course=course,
                held=held,
                capacity=form.cleaned_data["capacity"],
                by=signed_in(request),
                now=now,
            )
            return _to_drafts(request, made)
        except planning.PlannedAlready as refused:
            return _to_drafts(request, refused.sessions, refused.sentence)
        except (EditRefused, PlaceRefused) as refused:
            form.add_error(None, refused.sentence)
    return page(request, "desk/sessions/plan.html", context)


def _to_drafts(request: HttpRequest, made: Sequence[Session], words: str = "") -> HttpResponse:
    chosen = urlencode([("chosen", session.pk) for session in made])
    saved = f"{counted(len(made), 'draft')} saved. Nobody sees them before they are published."
    return done(request, words or saved, f"{reverse('manage_session_drafts')}?{chosen}")


class CopyForm(Form):
    """Which sessions are copied, and by how many weeks they are later."""

    chosen = forms.ModelMultipleChoiceField(
        label="Sessions",
        queryset=Session.objects.none(),
        error_messages={"required": "Choose at least one session."},
    )
    weeks = whole_number_field("Weeks later", 1, _MOST_WEEKS)

    def __init__(self, *args: Any, sessions: SessionQuerySet, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["chosen"].queryset = sessions  # type: ignore[attr-defined]
        self.fields[
            "weeks"
        ].help_text = (
            f"52 is the same time next year. Weeks with holidays are skipped: {holidays_known()}."
        )


@desk(post=60)
def copy(request: HttpRequest) -> HttpResponse:
    """Choose sessions of a term, or one, and the shift; see their copies; keep them as drafts."""
    now, one = timezone.now(), key_in(request.GET.get("session", ""))
    period = PeriodForm.of_request(request, usual=_last_term(now))
    sessions = Session.objects.for_pages()
    if one is not None:
        sessions = sessions.filter(pk=one)
    else:
        sessions = sessions.filter(starts_at__range=period.moments).exclude(
            state__in=(Session.State.DRAFT, Session.State.CANCELLED)
        )
        if period.errors:
            sessions = sessions.none()
    every = list(sessions.order_by("starts_at", "pk").values_list("pk", flat=True))
    keys = every[:_MOST_COPIED]
    shown = Session.objects.filter(pk__in=keys).for_pages().order_by("starts_at", "pk")
    shown = shown.prefetch_related("trainers")
    chosen_first = [] if "none" in request.GET else keys
    form = CopyForm(posted(request), sessions=shown, initial={"chosen": chosen_first})
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
            named = [(each, f"the copy of {each.session.reference}") for each in copies]
            warnings = warnings_of([as_held(each.held(), name=name) for each, name in named])
            context["copies"] = list(zip(copies, warnings, strict=True))
            context["beyond_terms"] = planning.days_beyond_terms(copies)
            return page(request, "desk/sessions/copy_preview.html", context)
        except planning.PlannedAlready as refused:
            return _to_drafts(request, refused.sessions, refused.sentence)
        except (EditRefused, PlaceRefused) as refused:
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


class DraftsForm(OpeningForm):
    """Which drafts are published, and for how long those who asked come first."""

    asked_for = "a date of a course on this list"
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
    if "all" in request.GET:
        keys = [row.pk for row in rows]
    asked = demand.number_of({row.course_id for row in rows}, now=now)
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
