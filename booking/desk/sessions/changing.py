"""Changing and calling off a session: shown first, then done, and people are told."""

from collections.abc import Callable
from datetime import datetime

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone

from accounts.access import desk, looked_at
from accounts.views import signed_in
from booking.catalogue.models import Session
from booking.desk import preview, queries
from booking.desk.audience import (
    Audience,
    people_to_tell,
    trainers_to_tell,
    who_hears_of,
    who_hears_of_the_end,
)
from booking.desk.queries import managed_session
from booking.desk.questions import point_out_meetings_typed
from booking.desk.sessions.arrangements import ChangeForm, as_held
from booking.desk.sessions.forms import CancelSessionForm, CapacityForm
from booking.desk.sessions.places import given_words
from booking.places.holding import offered_until
from booking.places.lock import read_session
from booking.places.refusals import PlaceRefused
from booking.places.rules.decision import check_ahead
from booking.scheduling import cancelling, changing
from booking.scheduling.cancelling import Lines, NextDates
from booking.scheduling.capacity import change_capacity, check_capacity, who_would_get_a_place
from booking.site.web import page, posted
from booking.site.wording import counted

_NAMES_SHOWN = 30
_REASONS = {"few": "Too few people have booked."}


def _why_not(check: Callable[..., None], session: Session, *, now: datetime) -> PlaceRefused | None:
    """Why nothing about this session can be changed any more, if the check says so."""
    try:
        check(session, now=now)
    except PlaceRefused as refused:
        return refused
    return None


@desk(post=60)
def change(request: HttpRequest, session_id: int) -> HttpResponse:
    """Other dates, times, venue or link: shown first, then done."""
    session, now = managed_session(session_id), timezone.now()
    if session.state == Session.State.DRAFT:
        return redirect("manage_session_edit", session.pk)
    form = ChangeForm(posted(request), session=session, now=now)
    refusal = _why_not(changing.check_date_ahead, session, now=now)
    if form.is_valid() and not refusal and request.POST.get("step") != "edit":
        try:
            return _changed(request, session, form)
        except PlaceRefused as refused:
            form.add_error(refused.field or None, refused.sentence)
    context = {
        "session": session,
        "sittings": session.sittings.all(),
        "form": form,
        "refusal": refusal,
        "people": people_to_tell(session),
        "trainers": session.trainers.all(),
    }
    return page(request, "desk/sessions/change.html", context)


def _changed(request: HttpRequest, session: Session, form: ChangeForm) -> HttpResponse:
    """Show what would change and who would hear of it, or do it. Raises `PlaceRefused`.

    Of another address of the meeting alone nobody hears, so it is done at once.
    """
    told, held = _told(session, form), form.arrangements
    is_told = bool(changing.changes_to_come(session, held))
    is_another_meeting = changing.is_another_meeting(session, held)
    must_be_shown = is_told or not is_another_meeting
    if must_be_shown and request.POST.get("step") != "do":
        return _change_preview(request, session, form, told)
    changes = changing.rearrange(
        session=session,
        arrangements=held,
        by=signed_in(request),
        now=form.now,
        expected=session,
        note=form.cleaned_data["note"],
    )
    if changes:
        words = f"The session is changed. {preview.done_words(told)}"
        messages.success(request, words.strip())
    elif is_another_meeting:
        messages.success(request, "Everybody’s join link leads to the new meeting.")
    return redirect("manage_session", session.pk)


def _told(session: Session, form: ChangeForm) -> Audience:
    """Who hears of it if the session is held as typed."""
    held = form.arrangements
    changes = changing.changes_to_come(session, held)
    entries = changing.entries_to_come(session, held, changes, now=form.now)
    trainers = len(trainers_to_tell(session, held.trainers, changes))
    return who_hears_of(session, changes, entries, trainers=trainers, now=form.now)


def _change_preview(
    request: HttpRequest, session: Session, form: ChangeForm, told: Audience
) -> HttpResponse:
    held = form.arrangements
    changes = changing.changes_to_come(session, held)
    if not changes:
        raise changing.NothingChanges
    return preview.preview(
        request,
        form=form,
        heading=session.reference,
        back=reverse("manage_session", args=[session.pk]),
        changes=changes,
        told=told,
        session=session,
        following=changing.following_changes(session, held, now=form.now),
        trainers=trainers_to_tell(session, held.trainers, changes),
        clashes=queries.people_who_would_clash(session, held.sittings),
        warnings=queries.warnings_of([as_held(held, session)])[0],
    )


@desk(post=60)
def capacity(request: HttpRequest, session_id: int) -> HttpResponse:
    """More or fewer places: who would get new ones is shown first."""
    session = managed_session(session_id)
    form = CapacityForm(posted(request), initial={"capacity": session.capacity})
    step = request.POST.get("step", "")
    if form.is_valid() and step != "edit":
        try:
            if step == "do":
                return _capacity_changed(request, session, form)
            return _capacity_preview(request, session, form)
        except PlaceRefused as refused:
            form.add_error("capacity", refused.sentence)
    return page(request, "desk/sessions/capacity.html", {"session": session, "form": form})


def _capacity_preview(request: HttpRequest, session: Session, form: CapacityForm) -> HttpResponse:
    """Who would be given or offered a place. Raises `PlaceRefused`."""
    now, places = timezone.now(), form.cleaned_data["capacity"]
    read = read_session(session.pk)
    check_capacity(read.session, places, now=now)
    chosen = who_would_get_a_place(read, places, now=now)
    by = signed_in(request)
    looked_at(session, by=by, what="waiting list", rows=min(len(chosen), _NAMES_SHOWN))
    context = {
        "session": session,
        "form": form,
        "places": places,
        "people": len(chosen),
        "chosen": chosen[:_NAMES_SHOWN],
        "more": max(len(chosen) - _NAMES_SHOWN, 0),
    }
    return page(request, "desk/sessions/capacity_preview.html", context)


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


@desk(post=60)
def cancel(request: HttpRequest, session_id: int) -> HttpResponse:
    """Call off a session: asked, shown, then done."""
    session, now = managed_session(session_id), timezone.now()
    if session.state == Session.State.DRAFT:
        return redirect("manage_session_discard", session.pk)
    initial = {"why": _REASONS.get(request.GET.get("reason", ""), "")}
    form = CancelSessionForm(posted(request), session=session, now=now, initial=initial)
    refusal = _why_not(check_ahead, session, now=now)
    step = request.POST.get("step", "")
    if form.is_valid() and not refusal and step == "do":
        try:
            return _cancelled(request, session, form)
        except cancelling.NextDateGone as gone:
            form.add_error("next_dates", gone.sentence)
        except PlaceRefused as refused:
            refusal = refused
    is_shown = form.is_valid() and not refusal and step != "edit"
    if is_shown:
        point_out_meetings_typed(request, form)
    chosen = form.instead if form.is_valid() else None
    lines = _lines(session, chosen, now=now)
    told = _told_of_the_end(session, lines)
    context = {
        "session": session,
        "form": form,
        "refusal": refusal,
        "people": told.people,
        "managers": told.managers,
        "told": told,
        "trainers": session.trainers.all(),
        "instead": chosen,
        "lines": [
            (date, len(people), offered_until(date, must_accept_by=chosen.until, now=now))
            for date, people in lines
            if chosen
        ],
    }
    return page(request, f"desk/sessions/cancel{'_preview' if is_shown else ''}.html", context)


def _lines(session: Session, instead: NextDates | None, *, now: datetime) -> Lines:
    """Who would be put in line for which other date."""
    return cancelling.spread(read_session(session.pk), instead.sessions, now=now) if instead else []


def _told_of_the_end(session: Session, lines: Lines) -> Audience:
    return who_hears_of_the_end(session, [person for _, people in lines for person in people])


def _cancelled(request: HttpRequest, session: Session, form: CancelSessionForm) -> HttpResponse:
    """Do it. Raises `PlaceRefused`."""
    told = _told_of_the_end(session, _lines(session, form.instead, now=form.now))
    cancelling.cancel_session(
        session=session,
        by=signed_in(request),
        now=form.now,
        why=form.cleaned_data["why"],
        instead=form.instead,
    )
    words = f"The session is cancelled. {preview.done_words(told)}"
    messages.success(request, words.strip())
    return redirect("manage_session", session.pk)
