"""Coordinators call off a session: asked, shown who is told what, then done."""

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.cache import never_cache

from accounts.access import coordinators_only
from accounts.views import signed_in
from booking.catalogue.models import Session
from booking.managing import queries
from booking.managing.changes import told_words
from booking.managing.forms import CancelSessionForm
from booking.managing.loaders import managed_session
from booking.places.refusals import PlaceRefused, SessionStarted
from booking.places.rules.decision import check_changeable
from booking.scheduling import cancelling
from booking.site.limits import at_most

_REASONS = {"few": "Too few people have booked."}


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
    page = "manage/cancel_preview.html" if previewing else "manage/cancel.html"
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
