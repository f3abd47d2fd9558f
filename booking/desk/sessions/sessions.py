"""Coordinators' pages: the programme as a table, one session, scheduling and editing it."""

from datetime import datetime

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_POST

from accounts.access import coordinators_only
from accounts.agencies import people_without_agency
from accounts.views import signed_in
from booking.catalogue.courses import EditRefused
from booking.catalogue.models import Course, Session
from booking.desk import preview, queries
from booking.desk.mail import mail_counts
from booking.desk.queries import managed_session
from booking.desk.sessions.forms import DetailsForm, OpeningForm, SessionForm
from booking.outbox.watch import backlog
from booking.places.managers.models import Approval
from booking.places.refusals import PlaceRefused, ReservedPlaces
from booking.scheduling import capacity, corrections, demand, drafting
from booking.site.limits import at_most
from booking.site.web import search_text

_PER_PAGE = 30
_BOOKINGS_SHOWN = 30
_SHORTEST_SEARCH = 2
_HISTORY_SHOWN = 30


@never_cache
@coordinators_only
@require_GET
def sessions(request: HttpRequest) -> HttpResponse:
    """The programme as a working table."""
    now = timezone.now()
    show = request.GET.get("show", "")
    show = show if show in queries.SHOWN else "upcoming"
    search = search_text(request)
    table = queries.programme_table(show=show, search=search, now=now)
    context = {
        "page_obj": Paginator(table, _PER_PAGE).get_page(request.GET.get("page")),
        "show": show,
        "shown": queries.SHOWN,
        "at_risk": capacity.at_risk(Session.objects.all(), now=now).count(),
        "search": search,
        "unlisted": people_without_agency().count(),
        "managers": Approval.objects.to_confirm(now=now).count(),
        **mail_counts(),
        "backlog": backlog(now=now),
        "now": now,
    }
    return render(request, "desk/sessions/sessions.html", context)


@never_cache
@coordinators_only
@require_GET
def overview(request: HttpRequest, session_id: int) -> HttpResponse:
    """One session: numbers, dates, trainers, mail, and what happened lately."""
    session = managed_session(session_id)
    now = timezone.now()
    is_ahead, is_draft = session.ends_at > now, session.state == Session.State.DRAFT
    context = {
        "session": session,
        "sittings": session.sittings.all(),
        "trainers": session.trainers.all(),
        "reservations": session.allocations.select_related("agency"),
        "too_few": capacity.too_few(session, now=now) if session.minimum else None,
        "history": session.events.select_related("by").order_by("-at", "-id")[:_HISTORY_SHOWN],
        "free": session.capacity - session.places_taken,
        "opening": _opening_form(session.course, None, now=now) if is_draft else None,
        "mail": queries.message_counts(session),
        "events": queries.recent_events(session),
        "warnings": queries.used_twice_by(session) if is_ahead else [],
        "now": now,
    }
    return render(request, "desk/sessions/session.html", context)


@never_cache
@at_most(60)
@coordinators_only
def new(request: HttpRequest) -> HttpResponse:
    """Schedule a session: first its course, then everything else."""
    chosen = request.GET.get("course", "")
    if not chosen.isdecimal() or len(chosen) > 15:
        courses = Course.objects.order_by("title")
        return render(request, "desk/sessions/choose_course.html", {"courses": courses})
    course = get_object_or_404(Course, pk=int(chosen))
    now = timezone.now()
    typed = request.POST if request.method == "POST" else None
    form = SessionForm(typed, course=course, now=now)
    opening_form = _opening_form(course, typed, now=now)
    if form.is_valid() and opening_form.is_valid():
        publish = "publish" in request.POST
        try:
            session = drafting.schedule(
                course=course,
                plan=form.plan,
                publish=publish,
                first_days=opening_form.cleaned_data["first_days"],
                by=signed_in(request),
                now=now,
            )
        except EditRefused as refused:
            form.add_error("reference", refused.sentence)
        else:
            _say_saved(request, session, published=publish)
            return redirect("manage_session", session.pk)
    context = {"form": form, "course": course, "opening": opening_form}
    status = 422 if form.errors or opening_form.errors else 200
    return render(request, "desk/sessions/schedule.html", context, status=status)


def _opening_form(course: Course, typed: QueryDict | None, *, now: datetime) -> OpeningForm:
    return OpeningForm(typed, asked=demand.number_of(course, now=now))


@never_cache
@at_most(60)
@coordinators_only
def edit(request: HttpRequest, session_id: int) -> HttpResponse:
    """Edit a draft, or the details of a published session: of instructions people are told."""
    session = managed_session(session_id)
    if session.state == Session.State.DRAFT:
        return _edit_draft(request, session)
    typed = request.POST if request.method == "POST" else None
    form = DetailsForm(typed, session=session, now=timezone.now())
    can_be_edited = session.state == Session.State.PUBLISHED
    refusal: EditRefused | None = None if can_be_edited else drafting.NotEditable()
    if form.is_valid() and not refusal and request.POST.get("step") != "edit":
        try:
            return _details_changed(request, session, form)
        except EditRefused as refused:
            refusal = refused
    context = {"form": form, "session": session, "refusal": refusal}
    status = 409 if refusal and typed else 422 if form.errors else 200
    return render(request, "desk/sessions/details.html", context, status=status)


def _details_changed(request: HttpRequest, session: Session, form: DetailsForm) -> HttpResponse:
    """Show who would hear of other instructions, or do it. Raises `EditRefused`."""
    changes = corrections.of_instructions(session, form.details.joining_instructions)
    alone = Session.objects.with_a_date_ahead(now=form.now).filter(pk=session.pk)
    told = queries.who_hears(alone, changes, now=form.now)
    if preview.must_be_shown(request, changes, told):
        return preview.preview(
            request,
            form=form,
            heading=f"{session.course.title}, {session.reference}",
            back=reverse("manage_session_edit", args=[session.pk]),
            changes=changes,
            told=told,
        )
    drafting.change_details(
        session=session, details=form.details, by=signed_in(request), now=form.now
    )
    words = preview.done_words(told)
    messages.success(request, f"The changes are saved. {words}".strip())
    return redirect("manage_session", session.pk)


def _edit_draft(request: HttpRequest, session: Session) -> HttpResponse:
    now = timezone.now()
    typed = request.POST if request.method == "POST" else None
    form = SessionForm(typed, course=session.course, session=session, now=now)
    opening_form = _opening_form(session.course, typed, now=now)
    if form.is_valid() and opening_form.is_valid():
        publish = "publish" in request.POST
        try:
            drafting.change_draft(
                session=session,
                plan=form.plan,
                publish=publish,
                first_days=opening_form.cleaned_data["first_days"],
                by=signed_in(request),
                now=now,
            )
        except (EditRefused, ReservedPlaces) as refused:
            form.add_error(None, refused.sentence)
        else:
            _say_saved(request, session, published=publish)
            return redirect("manage_session", session.pk)
    context = {
        "form": form,
        "course": session.course,
        "session": session,
        "opening": opening_form,
    }
    status = 422 if form.errors or opening_form.errors else 200
    return render(request, "desk/sessions/schedule.html", context, status=status)


def _say_saved(request: HttpRequest, session: Session, *, published: bool) -> None:
    done = "is published: people can find it" if published else "is saved as a draft"
    messages.success(request, f"{session.course.title} {done}.")


@never_cache
@at_most(60)
@coordinators_only
@require_POST
def publish(request: HttpRequest, session_id: int) -> HttpResponse:
    """Publish a draft as it stands."""
    session, now = managed_session(session_id), timezone.now()
    form = _opening_form(session.course, request.POST, now=now)
    if not form.is_valid():
        messages.error(request, str(form.errors["first_days"][0]))
        return redirect("manage_session", session.pk)
    first_days = form.cleaned_data["first_days"]
    try:
        drafting.publish_draft(
            session=session, first_days=first_days, by=signed_in(request), now=now
        )
    except EditRefused as refused:
        messages.error(request, refused.sentence)
    else:
        _say_saved(request, session, published=True)
    return redirect("manage_session", session.pk)


@never_cache
@at_most(60)
@coordinators_only
@require_POST
def go_ahead(request: HttpRequest, session_id: int) -> HttpResponse:
    """Say that a session with few people is held."""
    session = managed_session(session_id)
    try:
        capacity.goes_ahead(session=session, by=signed_in(request), now=timezone.now())
    except PlaceRefused as refused:
        messages.error(request, refused.sentence)
    else:
        messages.success(request, "The session goes ahead.")
    return redirect("manage_session", session.pk)


@never_cache
@at_most(60)
@coordinators_only
def discard(request: HttpRequest, session_id: int) -> HttpResponse:
    """Ask, then remove a draft."""
    session = managed_session(session_id)
    is_draft = session.state == Session.State.DRAFT
    refusal: EditRefused | None = None if is_draft else drafting.NotADraft()
    if request.method == "POST":
        try:
            drafting.discard_draft(session=session)
        except EditRefused as refused:
            refusal = refused
        else:
            messages.success(request, f"The draft {session.reference} is removed.")
            return redirect("manage_sessions")
    status = 409 if refusal and request.method == "POST" else 200
    context = {"session": session, "refusal": refusal}
    return render(request, "desk/sessions/discard.html", context, status=status)


@never_cache
@coordinators_only
@require_GET
def bookings(request: HttpRequest, session_id: int) -> HttpResponse:
    """Find one person's booking of a session.

    It is a search and not a list: whole lists are on the attendees page, which records who
    looked at them.
    """
    session = managed_session(session_id)
    search = search_text(request)
    found = []
    if len(search) >= _SHORTEST_SEARCH:
        matches = queries.bookings_of_somebody(session, search=search)
        found = list(matches[:_BOOKINGS_SHOWN])
    context = {
        "session": session,
        "search": search,
        "too_short": 0 < len(search) < _SHORTEST_SEARCH,
        "found": found,
        "most": _BOOKINGS_SHOWN,
        "can_cancel": session.starts_at > timezone.now(),
    }
    return render(request, "desk/sessions/bookings.html", context)
