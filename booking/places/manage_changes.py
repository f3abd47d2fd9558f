"""Coordinators' changes that people are told of: each is previewed, then done."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.http import urlencode
from django.views.decorators.cache import never_cache

from accounts.permissions import coordinators_only
from accounts.views import signed_in
from booking.catalogue.models import Session
from booking.places import actions, changes, manage_queries
from booking.places.loaders import booking_for
from booking.places.manage_forms import ArrangementsForm, CapacityForm, ReasonForm
from booking.places.manage_loaders import managed_session
from booking.places.refusals import NotLive, Refused, SessionNotOpen, SessionStarted
from booking.rate_limits import at_most
from booking.wording import counted


def _refusal_to_change(session: Session) -> Refused | None:
    """Why this session cannot be changed any more, if so."""
    if session.state not in (Session.State.PUBLISHED, Session.State.DRAFT):
        return SessionNotOpen(session)
    return SessionStarted(session) if session.starts_at <= timezone.now() else None


def _told(people: int) -> str:
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
        "people": manage_queries.people_to_tell(session),
    }
    status = 409 if refusal and typed else 422 if form.errors else 200
    return render(request, "manage/change.html", context, status=status)


def _change_preview(
    request: HttpRequest, session: Session, form: ArrangementsForm
) -> HttpResponse | None:
    """What would change and who would hear of it; none, and an error, if nothing differs."""
    differences = changes.preview(session, form.arrangements)
    if not differences:
        form.add_error(None, "This is how the session is held already. Change something first.")
        return None
    held = form.arrangements
    warnings = manage_queries.used_twice(
        sittings=list(held.sittings),
        venue=held.venue,
        trainers=list(session.trainers.all()),
        besides=session,
    )
    context = {
        "session": session,
        "form": form,
        "differences": differences,
        "people": manage_queries.people_to_tell(session),
        "warnings": warnings,
    }
    return render(request, "manage/change_preview.html", context)


def _rearranged(
    request: HttpRequest, session: Session, form: ArrangementsForm
) -> HttpResponse | None:
    """Do it; none, and an error on the form, if it is refused."""
    try:
        done = changes.rearrange(
            session=session,
            arrangements=form.arrangements,
            by=signed_in(request),
            now=form.now,
            expected_revision=session.revision,
        )
    except Refused as refused:
        form.add_error(None, refused.sentence)
        return None
    people = manage_queries.people_to_tell(session).everybody
    if done:
        messages.success(request, f"The session is changed. {_told(people)}")
    return redirect("manage_session", session.pk)


@never_cache
@at_most(60)
@coordinators_only
def capacity(request: HttpRequest, session_id: int) -> HttpResponse:
    """More or fewer places; new ones go to the waiting list."""
    session = managed_session(session_id)
    typed = request.POST if request.method == "POST" else None
    form = CapacityForm(typed, initial={"capacity": session.capacity})
    if form.is_valid():
        places = form.cleaned_data["capacity"]
        try:
            given = changes.change_capacity(
                session=session, capacity=places, by=signed_in(request), now=timezone.now()
            )
        except Refused as refused:
            form.add_error("capacity", refused.sentence)
        else:
            offered = session.promotion == Session.Promotion.OFFER
            verb = "offered" if offered else "given"
            people = counted(given, "person was", "people were")
            more = f" {people} {verb} a place." if given else ""
            messages.success(request, f"There are now {counted(places, 'place')}.{more}")
            return redirect("manage_session", session.pk)
    context = {"session": session, "form": form}
    return render(request, "manage/capacity.html", context, status=422 if form.errors else 200)


@never_cache
@at_most(60)
@coordinators_only
def cancel(request: HttpRequest, session_id: int) -> HttpResponse:
    """Call off a session: the reason, what will be sent to whom, then done."""
    session = managed_session(session_id)
    if session.state == Session.State.DRAFT:
        return redirect("manage_session_discard", session.pk)
    typed = request.POST if request.method == "POST" else None
    form = ReasonForm(typed)
    refusal = _refusal_to_change(session)
    step = request.POST.get("step", "")
    if form.is_valid() and not refusal and step == "do":
        why = form.cleaned_data["why"]
        try:
            people = changes.cancel_session(
                session=session, by=signed_in(request), now=timezone.now(), why=why
            )
        except Refused as refused:
            refusal = refused
        else:
            messages.success(request, f"The session is cancelled. {_told(people)}")
            return redirect("manage_session", session.pk)
    context = {
        "session": session,
        "form": form,
        "refusal": refusal,
        "people": manage_queries.people_to_tell(session),
    }
    previewing = form.is_valid() and not refusal and step != "edit"
    page = "manage/cancel_preview.html" if previewing else "manage/cancel.html"
    status = 409 if refusal and typed else 422 if form.errors else 200
    return render(request, page, context, status=status)


@never_cache
@at_most(60)
@coordinators_only
def cancel_booking(request: HttpRequest, booking_id: int) -> HttpResponse:
    """Give up one person's booking, for a reason that they are told."""
    coordinator = signed_in(request)
    booking = booking_for(coordinator, booking_id)
    typed = request.POST if request.method == "POST" else None
    form = ReasonForm(typed)
    refusal: Refused | None = None if booking.is_live else NotLive(booking)
    if form.is_valid():
        why = form.cleaned_data["why"]
        try:
            actions.cancel(booking=booking, by=coordinator, now=timezone.now(), why=why)
        except Refused as refused:
            refusal = refused
        else:
            messages.success(request, f"The booking of {booking.person} is cancelled.")
            query = urlencode({"q": booking.person.email})
            page = reverse("manage_session_bookings", args=[booking.session_id])
            return redirect(f"{page}?{query}")
    context = {"booking": booking, "session": booking.session, "form": form, "refusal": refusal}
    status = 409 if refusal and typed else 422 if form.errors else 200
    return render(request, "manage/cancel_booking.html", context, status=status)
