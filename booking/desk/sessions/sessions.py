"""Coordinators' pages: the programme as a table, one session, scheduling and editing it."""

from datetime import datetime
from functools import partial

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import get_object_or_404, redirect
from django.utils import timezone

from accounts.access import desk, looked_at
from accounts.views import signed_in
from booking.catalogue.courses import EditRefused
from booking.catalogue.models import Course, Session, where_held
from booking.desk import audience, preview, queries, questions
from booking.desk.queries import managed_session
from booking.desk.sessions.arrangements import as_held
from booking.desk.sessions.forms import DetailsForm, OpeningForm, SessionForm
from booking.places.models import Booking
from booking.places.refusals import PlaceRefused, ReservedPlaces
from booking.scheduling import capacity, corrections, demand, drafting
from booking.site.readable import key_in
from booking.site.two_parts import once
from booking.site.web import done, page, paged, posted, refusals_shown, search_text

_PER_PAGE = 30
_HISTORY_SHOWN = 30


@desk()
def sessions(request: HttpRequest) -> HttpResponse:
    """The programme as a working table."""
    now = timezone.now()
    show = request.GET.get("show", "")
    show = show if show in queries.SHOWN else "upcoming"
    search = search_text(request)
    table = queries.programme_table(show=show, search=search, now=now)
    on_page = paged(request, table, per_page=_PER_PAGE)
    context = {
        "page_obj": on_page,
        "rows": [_row(queries.TableRow(*each), now=now) for each in on_page],
        "show": show,
        "shown": queries.SHOWN,
        "search": search,
    }
    return page(request, "desk/sessions/sessions.html", context)


def _row(row: queries.TableRow, *, now: datetime) -> str:
    """One session in the table."""
    return once(
        "desk/sessions/_row.html",
        key=row.key,
        title=row.title,
        reference=row.reference,
        starts_at=row.starts_at,
        dates=row.dates,
        where=where_held(row.delivery, row.venue),
        taken=row.taken,
        capacity=row.capacity,
        waiting=row.waiting,
        state=row.state,
        is_full=row.taken >= row.capacity,
        is_over=row.ends_at <= now,
    )


@desk()
def overview(request: HttpRequest, session_id: int) -> HttpResponse:
    """One session: numbers, dates, trainers, mail, and what happened lately."""
    session = managed_session(session_id)
    now = timezone.now()
    lately = queries.happenings(session)
    people = len({event.booking.person_id for each in lately for event in each.events})
    looked_at(session, by=signed_in(request), what="last bookings", rows=people)
    is_cancelled = session.state == Session.State.CANCELLED
    is_ahead, is_draft = session.ends_at > now, session.state == Session.State.DRAFT
    context = {
        "session": session,
        "meeting": session.meeting.opened(),
        "sittings": session.sittings.all(),
        "trainers": session.trainers.all(),
        "reservations": session.allocations.select_related("agency"),
        "too_few": capacity.too_few(session, now=now) if session.minimum else None,
        "history": session.events.select_related("by").order_by("-at", "-id")[:_HISTORY_SHOWN],
        "free": session.capacity - session.places_taken,
        "not_certain": session.bookings.holding_a_place()
        .exclude(state=Booking.State.CONFIRMED)
        .count(),
        "opening": _opening_form(session.course, None, now=now) if is_draft else None,
        "mail": queries.message_counts(session),
        "lately": lately,
        "is_over": not is_ahead,
        "warnings": _warnings(session) if is_ahead and not is_cancelled else [],
        "now": now,
    }
    return page(request, "desk/sessions/session.html", context)


def _warnings(session: Session) -> list[str]:
    is_draft = session.state == Session.State.DRAFT
    [found] = queries.warnings_of([queries.PlannedSession.of(session)], of_days=is_draft)
    return found


@desk(post=60)
def new(request: HttpRequest) -> HttpResponse:
    """Schedule a session: first its course, then everything else."""
    chosen = key_in(request.GET.get("course", ""))
    if chosen is None:
        courses = Course.objects.all()
        return page(request, "desk/sessions/choose_course.html", {"courses": courses})
    return _scheduled(request, get_object_or_404(Course, pk=chosen), None)


def _scheduled(request: HttpRequest, course: Course, draft: Session | None) -> HttpResponse:
    """The form of a whole session, new or a draft: it is kept as a draft, or published."""
    now, publish = timezone.now(), "publish" in request.POST
    form = SessionForm(posted(request), course=course, session=draft, now=now)
    opening = _opening_form(course, posted(request), now=now)
    context = {"form": form, "course": course, "session": draft, "opening": opening}
    if form.is_valid() and opening.is_valid():
        [found] = queries.warnings_of([as_held(form.arrangements, draft)])
        # What leaves the question out has not come from the page.
        if request.POST.get("warned", questions.digest(found)) != questions.digest(found):
            context |= {"warnings": found, "warned": questions.digest(found)}
            return page(request, "desk/sessions/schedule.html", context)
        keep = (
            partial(drafting.change_draft, session=draft)
            if draft
            else partial(drafting.schedule, course=course)
        )
        first_days = opening.cleaned_data["first_days"]
        by = signed_in(request)
        try:
            session = keep(plan=form.plan, publish=publish, first_days=first_days, by=by, now=now)
            return _kept(request, session, is_published=publish)
        except (EditRefused, ReservedPlaces) as refused:
            form.add_error(None if draft else "reference", refused.sentence)
    return page(request, "desk/sessions/schedule.html", context)


def _opening_form(course: Course, typed: QueryDict | None, *, now: datetime) -> OpeningForm:
    return OpeningForm(typed, asked=demand.number_of([course.pk], now=now))


@desk(post=60)
def edit(request: HttpRequest, session_id: int) -> HttpResponse:
    """Edit a draft, or the details of a published session: of instructions people are told."""
    session = managed_session(session_id)
    if session.state == Session.State.DRAFT:
        return _scheduled(request, session.course, session)
    form = DetailsForm(posted(request), session=session, now=timezone.now())
    can_be_edited = session.state == Session.State.PUBLISHED
    refusal = None if can_be_edited else drafting.NotEditable()
    context = {"form": form, "session": session, "refusal": refusal}
    if form.is_valid() and not refusal and request.POST.get("step") != "edit":
        with refusals_shown(context):
            return _details_changed(request, session, form)
    return page(request, "desk/sessions/details.html", context)


def _details_changed(request: HttpRequest, session: Session, form: DetailsForm) -> HttpResponse:
    """Show who would hear of other instructions, or do it. Raises `EditRefused`."""
    changes = corrections.of_instructions(session, form.details.joining_instructions)
    alone = Session.objects.with_a_date_ahead(now=form.now).filter(pk=session.pk)
    told = audience.who_hears(alone, changes, now=form.now)
    if preview.must_be_shown(request, changes, told):
        return preview.preview(
            request,
            form=form,
            heading=f"{session.course.title}, {session.reference}",
            back=request.path,
            changes=changes,
            told=told,
        )
    drafting.change_details(
        session=session, details=form.details, by=signed_in(request), now=form.now
    )
    questions.point_out_meetings(request, form.details.joining_instructions)
    words = f"The changes are saved. {preview.done_words(told)}".strip()
    return done(request, words, "manage_session", session.pk)


def _kept(request: HttpRequest, session: Session, *, is_published: bool) -> HttpResponse:
    questions.point_out_meetings(request, session.joining_instructions)
    state = "is published: people can find it" if is_published else "is saved as a draft"
    return done(request, f"{session.course.title} {state}.", "manage_session", session.pk)


@desk(post=60, only_post=True)
def publish(request: HttpRequest, session_id: int) -> HttpResponse:
    """Publish a draft as it stands."""
    session, now = managed_session(session_id), timezone.now()
    form = _opening_form(session.course, request.POST, now=now)
    if form.is_valid():
        try:
            by = signed_in(request)
            drafting.publish_draft(session=session, by=by, now=now, **form.cleaned_data)
            return _kept(request, session, is_published=True)
        except EditRefused as refused:
            form.add_error("first_days", refused.sentence)
    messages.error(request, str(form.errors["first_days"][0]))
    return redirect("manage_session", session.pk)


@desk(post=60, only_post=True)
def go_ahead(request: HttpRequest, session_id: int) -> HttpResponse:
    """Say that a session with few people is held."""
    session = managed_session(session_id)
    try:
        capacity.goes_ahead(session=session, by=signed_in(request), now=timezone.now())
        messages.success(request, "The session goes ahead.")
    except PlaceRefused as refused:
        messages.error(request, refused.sentence)
    return redirect("manage_session", session.pk)


@desk(post=60)
def discard(request: HttpRequest, session_id: int) -> HttpResponse:
    """Ask, then remove a draft."""
    session = managed_session(session_id)
    is_draft = session.state == Session.State.DRAFT
    context = {"session": session, "refusal": None if is_draft else drafting.NotADraft()}
    if request.method == "POST":
        with refusals_shown(context):
            drafting.discard_draft(session=session)
            return done(request, f"The draft {session.reference} is removed.", "manage_sessions")
    return page(request, "desk/sessions/discard.html", context)
