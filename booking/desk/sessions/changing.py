"""Changing and calling off a session: shown first, then done, and people are told."""

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.http import urlencode
from django.views.decorators.cache import never_cache

from accounts.access import coordinators_only
from accounts.views import signed_in
from booking.catalogue.models import Session
from booking.desk import queries
from booking.desk.queries import managed_session
from booking.desk.sessions.arrangements import ArrangementsForm
from booking.desk.sessions.forms import CancelSessionForm, CapacityForm, ReasonForm
from booking.desk.sessions.places import given_words
from booking.places import actions
from booking.places.lock import read_session
from booking.places.pages.loaders import booking_for
from booking.places.refusals import NotLive, PlaceRefused, SessionStarted
from booking.places.rules.decision import check_changeable
from booking.scheduling import cancelling, changing
from booking.scheduling.capacity import change_capacity, check_capacity, who_would_get_a_place
from booking.site.limits import at_most
from booking.site.wording import counted

_NAMES_SHOWN = 30
_REASONS = {"few": "Too few people have booked."}


def _refusal_to_change(session: Session) -> PlaceRefused | None:
    """Why nothing about this session can be changed any more, if so."""
    try:
        changing.check_date_ahead(session, now=timezone.now())
    except PlaceRefused as refused:
        return refused
    return None


def told_words(people: int) -> str:
    """ "3 people will be told by email." """
    return f"{counted(people, 'person', 'people')} will be told by email."


@never_cache
@at_most(60)
@coordinators_only
def change(request: HttpRequest, session_id: int) -> HttpResponse:
    """Other dates, times, venue or link: shown first, then done."""
    session = managed_session(session_id)
    if session.state == Session.State.DRAFT:
        return redirect("manage_session_edit", session.pk)
    now = timezone.now()
    typed = request.POST if request.method == "POST" else None
    form = ArrangementsForm(typed, session=session, now=now)
    refusal = _refusal_to_change(session)
    step = request.POST.get("step", "")
    if form.is_valid() and not refusal and step != "edit":
        if step == "do":
            answer = _rearranged(request, session, form)
        else:
            answer = _change_preview(request, session, form)
        if answer:
            return answer
    context = {
        "session": session,
        "sittings": session.sittings.all(),
        "form": form,
        "refusal": refusal,
        "people": queries.people_to_tell(session),
        "trainers": session.trainers.all(),
    }
    status = 409 if refusal and typed else 422 if form.errors else 200
    return render(request, "desk/sessions/change.html", context, status=status)


def _change_preview(
    request: HttpRequest, session: Session, form: ArrangementsForm
) -> HttpResponse | None:
    """What would change and who would hear of it; none, and an error, if nothing differs."""
    differences = changing.changes_to_come(session, form.arrangements)
    if not differences:
        form.add_error(None, "This is how the session is held already. Change something first.")
        return None
    held = form.arrangements
    warnings = queries.used_twice(
        sittings=list(held.sittings),
        venue=held.venue,
        trainers=list(held.trainers or ()),
        besides=session,
    )
    context = {
        "session": session,
        "form": form,
        "differences": differences,
        "people": queries.people_to_tell(session, differences),
        "managers": queries.managers_to_tell(session, differences, now=form.now),
        "trainers": queries.trainers_to_tell(session, held.trainers),
        "clashes": queries.people_who_would_clash(session, held.sittings),
        "warnings": warnings,
    }
    return render(request, "desk/sessions/change_preview.html", context)


def _rearranged(
    request: HttpRequest, session: Session, form: ArrangementsForm
) -> HttpResponse | None:
    """Do it; none, and an error on the form, if it is refused."""
    try:
        done = changing.rearrange(
            session=session,
            arrangements=form.arrangements,
            by=signed_in(request),
            now=form.now,
            expected_revision=session.revision,
        )
    except PlaceRefused as refused:
        form.add_error(None, refused.sentence)
        return None
    if done:
        told = queries.people_to_tell(session, done)
        messages.success(request, f"The session is changed. {told_words(told.everybody)}")
    return redirect("manage_session", session.pk)


@never_cache
@at_most(60)
@coordinators_only
def capacity(request: HttpRequest, session_id: int) -> HttpResponse:
    """More or fewer places: who would get new ones is shown first."""
    session = managed_session(session_id)
    typed = request.POST if request.method == "POST" else None
    form = CapacityForm(typed, initial={"capacity": session.capacity})
    step = request.POST.get("step", "")
    if form.is_valid() and step != "edit":
        try:
            if step == "do":
                return _capacity_changed(request, session, form)
            return _capacity_preview(request, session, form)
        except PlaceRefused as refused:
            form.add_error("capacity", refused.sentence)
    context = {"session": session, "form": form}
    return render(
        request, "desk/sessions/capacity.html", context, status=422 if form.errors else 200
    )


def _capacity_preview(request: HttpRequest, session: Session, form: CapacityForm) -> HttpResponse:
    """Who would be given or offered a place. Raises `PlaceRefused`."""
    now, places = timezone.now(), form.cleaned_data["capacity"]
    read = read_session(session.pk)
    check_capacity(read, places, now=now)
    chosen = who_would_get_a_place(read, places, now=now)
    context = {
        "session": session,
        "form": form,
        "places": places,
        "people": len(chosen),
        "chosen": chosen[:_NAMES_SHOWN],
        "more": max(len(chosen) - _NAMES_SHOWN, 0),
    }
    return render(request, "desk/sessions/capacity_preview.html", context)


def _capacity_changed(request: HttpRequest, session: Session, form: CapacityForm) -> HttpResponse:
    """Do it. Raises `PlaceRefused`."""
    places = form.cleaned_data["capacity"]
    given = change_capacity(
        session=session,
        capacity=places,
        by=signed_in(request),
        now=timezone.now(),
        why=form.cleaned_data["why"],
    )
    more = f" {given_words(session, given)}" if given else ""
    messages.success(request, f"There are now {counted(places, 'place')}.{more}")
    return redirect("manage_session", session.pk)


@never_cache
@at_most(60)
@coordinators_only
def cancel_booking(request: HttpRequest, booking_id: int) -> HttpResponse:
    """Give up one person's booking, for a reason that they are told."""
    coordinator = signed_in(request)
    booking = booking_for(coordinator, booking_id)
    typed = request.POST if request.method == "POST" else None
    form = ReasonForm(typed)
    refusal: PlaceRefused | None = None if booking.is_live else NotLive(booking)
    if form.is_valid():
        why = form.cleaned_data["why"]
        try:
            actions.cancel(booking=booking, by=coordinator, now=timezone.now(), why=why)
        except PlaceRefused as refused:
            refusal = refused
        else:
            messages.success(request, f"The booking of {booking.person} is cancelled.")
            query = urlencode({"q": booking.person.email})
            page = reverse("manage_session_bookings", args=[booking.session_id])
            return redirect(f"{page}?{query}")
    context = {"booking": booking, "session": booking.session, "form": form, "refusal": refusal}
    status = 409 if refusal and typed else 422 if form.errors else 200
    return render(request, "desk/sessions/cancel_booking.html", context, status=status)


@never_cache
@at_most(60)
@coordinators_only
def cancel(request: HttpRequest, session_id: int) -> HttpResponse:
    """Call off a session: asked, shown, then done."""
    session = managed_session(session_id)
    if session.state == Session.State.DRAFT:
        return redirect("manage_session_discard", session.pk)
    now = timezone.now()
    typed = request.POST if request.method == "POST" else None
    initial = {"why": _REASONS.get(request.GET.get("reason", ""), "")}
    form = CancelSessionForm(typed, session=session, now=now, initial=initial)
    refusal = _refusal(session)
    step = request.POST.get("step", "")
    if form.is_valid() and not refusal and step == "do":
        try:
            people = cancelling.cancel_session(
                session=session,
                by=signed_in(request),
                now=now,
                why=form.cleaned_data["why"],
                instead=form.instead,
            )
        except cancelling.NextDateGone as gone:
            form.add_error("next_dates", gone.sentence)
        except PlaceRefused as refused:
            refusal = refused
        else:
            messages.success(request, f"The session is cancelled. {told_words(people)}")
            return redirect("manage_session", session.pk)
    previewing = form.is_valid() and not refusal and step != "edit"
    page = "desk/sessions/cancel_preview.html" if previewing else "desk/sessions/cancel.html"
    status = 409 if refusal and typed else 422 if form.errors else 200
    context = _context(session, form, refusal)
    return render(request, page, context, status=status)


def _context(
    session: Session, form: CancelSessionForm, refusal: PlaceRefused | None
) -> dict[str, Any]:
    chosen = form.instead if form.is_valid() else None
    lines = cancelling.spread(session, chosen.sessions) if chosen else []
    return {
        "session": session,
        "form": form,
        "refusal": refusal,
        "people": queries.people_to_tell(session),
        "trainers": session.trainers.all(),
        "instead": chosen,
        "lines": [(date, len(people)) for date, people in lines],
    }


def _refusal(session: Session) -> PlaceRefused | None:
    """Why this session cannot be cancelled any more, if so."""
    try:
        check_changeable(session)
    except PlaceRefused as refused:
        return refused
    return SessionStarted(session) if session.starts_at <= timezone.now() else None
