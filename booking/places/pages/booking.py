"""Booking a place, giving it up, and answering an offer of one."""

from datetime import datetime
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.loader import render_to_string
from django.utils import timezone
from django.utils.html import escape

from accounts.access import signed_in_page
from accounts.forms import ProfileForm
from accounts.models import User
from accounts.views import is_kept, profile_form, signed_in
from booking.catalogue.availability import availability
from booking.catalogue.models import Session
from booking.catalogue.reading import Reading
from booking.partnership.kept import the_partnership
from booking.places import actions
from booking.places.changing import answering
from booking.places.links import offer_path
from booking.places.lock import RuledSession, read_session
from booking.places.managers.copies import would_be_copied_to
from booking.places.models import Booking
from booking.places.pages.forms import BookForm, CancelForm, OfferAnswerForm
from booking.places.pages.loaders import (
    arranged_booking,
    booking_for,
    page_address,
    public_session,
    unread_session,
)
from booking.places.pages.outlook import asked_of_everybody, expected
from booking.places.pages.readers import as_read_by, bookable
from booking.places.refusals import AlreadyBooked, ManagerNeeded, OnAnotherDate, PlaceRefused
from booking.places.rules.decision import Verdict, as_told
from booking.places.terms import terms_of, terms_offered
from booking.site.two_parts import Filler, Part, filled, found, keep_part, made
from booking.site.web import page, posted, refusals_shown

_OTHER_DATES = 5


@signed_in_page(post=60)
def book(request: HttpRequest, session_id: int) -> HttpResponse:
    """Confirm and book; somebody new says who they are on the same page.

    The session is read for the page, not for the action, which reads it under its lock.
    """
    person = signed_in(request)
    profile = None if person.is_complete else _about_person(request, person, session_id)
    context: dict[str, Any] = {"profile": profile}
    if posted(request) is None:
        return _book_page(request, session_id, context)
    form = context["form"] = _form(request, profile)
    if form.is_valid() and (profile is None or is_kept(profile, person)):
        context["profile"] = None
        with refusals_shown(context, beside=form):
            booking = _booked(session_id, person, form)
            if form.cleaned_data["saw_place"] and booking.state == Booking.State.WAITING:
                number = booking.waiting_position
                where = f"You are number {number} on the waiting list."
                messages.warning(request, f"The last place went a moment ago. {where}")
            return redirect(booking)
    return _book_page(request, session_id, context)


def _form(request: HttpRequest, profile: ProfileForm | None) -> BookForm:
    initial = {"manager_email": signed_in(request).manager_email}
    return BookForm(posted(request), initial=initial, with_manager=profile is None)


def _booked(session_id: int, person: User, form: BookForm) -> Booking:
    """The new booking, or the one there is already. Raises `Http404` if there is no session."""
    session, now = unread_session(session_id), timezone.now()
    asked = {name: value for name, value in form.cleaned_data.items() if name != "saw_place"}
    try:
        return actions.book(session=session, person=person, by=person, now=now, **asked)
    except AlreadyBooked as refused:
        return refused.booking
    except Session.DoesNotExist as missing:
        raise Http404 from missing


def _about_person(request: HttpRequest, person: User, session_id: int) -> ProfileForm:
    """Who somebody new is; asked for their level and their manager only if the course needs it."""
    course = public_session(session_id, person).course
    form = profile_form(request, person, with_level=course.least_level is not None)
    if course.needs_manager_approval:
        form.require_manager()
    return form


def _book_page(request: HttpRequest, session_id: int, context: dict[str, Any]) -> HttpResponse:
    """The page before and after a try: what booking comes to, and the form unless it is in vain."""
    person, now = signed_in(request), timezone.now()
    profile, refusal = context["profile"], context.get("refusal")
    known = profile.known_agency if profile else None
    try:
        read = read_session(session_id)
    except Session.DoesNotExist as missing:
        raise Http404 from missing
    if refusal is None or isinstance(refusal, OnAnotherDate):
        context |= expected(read=read, person=person, now=now, known=known)
    else:
        context["expected"] = as_told(refusal, session=read.session, person_id=person.pk, now=now)
    if posted(request) is None and profile is None and _is_plain(read, context):
        return _plain_form(request, read, person, now=now)
    if "form" not in context:
        context["form"] = _form(request, profile)
    session = public_session(session_id, person)
    if session.is_online:
        context["form"].ask_of_online()
    against = context["expected"].refusal
    if refusal is None and isinstance(against, AlreadyBooked):
        return redirect(against.booking)
    if profile is not None and against is not None and against.field in profile.fields:
        # What they say of themselves in the form decides it.
        context["expected"] = against = None
    told = context["expected"]
    if profile is not None and against is None:
        context["asked"] = asked_of_everybody(read, now=now, told=told)
    waits = told.waits if told is not None else not session.places_left
    context |= {
        "session": session,
        "is_open": against is None,
        "has_no_other_date": against is not None and not _has_other_date(session, now=now),
        "waits": waits,
        "now": now,
        "dates_with_places": _dates_with_places(session, person, now=now) if waits else (),
        "copied_to": would_be_copied_to(person, session.course),
        "terms": terms_offered(session, person, known=known).sentence(now=now),
    }
    return page(request, "places/book.html", context)


def _is_plain(read: RuledSession, context: dict[str, Any]) -> bool:
    """Whether a place is theirs for the asking, and the form asks everybody the same.

    Where somebody waits whom a rule holds back, the page says so.
    """
    has_manager = read.rules.needs_manager_approval or read.rules.copies_manager
    differs = has_manager or read.session.has_own_places or "other_date" in context
    is_first = context["expected"].outcome == Verdict.PLACE and not read.session.waiting_count
    return is_first and not differs


def _plain_form(
    request: HttpRequest, read: RuledSession, person: User, *, now: datetime
) -> HttpResponse:
    """The page of whoever gets a place for the asking: a part that is kept, and three lines."""
    revisions = read.revision, the_partnership().revision
    key = "places/book.html", request.get_host(), read.session.pk, *revisions
    part: Part | None = found(key)
    if part is None:
        session = public_session(read.session.pk, person)
        session.reading = Reading(left=read.session.places_left)
        form = BookForm(with_manager=False)
        if session.is_online:
            form.ask_of_online()
        context = {"session": session, "form": form, "is_open": True, "now": now}
        context["partnership"] = the_partnership()
        part = made(request, "places/book.html", context, session)
        keep_part(key, part, seconds=60)
    session = part.about
    fillers: dict[str, Filler] = {
        "places": lambda key: escape(availability(read.session, now).text),
        "terms": lambda key: escape(terms_offered(session, person).sentence(now=now)),
        "agency": lambda key: _unconfirmed(person),
    }
    return HttpResponse(filled(part, request, {}, fillers))


def _unconfirmed(person: User) -> str:
    if not person.agency_is_only_said:
        return ""
    return render_to_string("account/_agency_unconfirmed.html", {"user": person})


def _dates_with_places(session: Session, person: User, *, now: datetime) -> list[Session]:
    """Other dates of the course that can be booked at once, for somebody who would wait."""
    others = Session.objects.upcoming(now=now).filter(course=session.course_id)
    dates = bookable(others.exclude(pk=session.pk), person, now=now).for_rows()
    return as_read_by(dates[:_OTHER_DATES], person, now=now)


def _has_other_date(session: Session, *, now: datetime) -> bool:
    dates = Session.objects.upcoming(now=now).filter(course=session.course_id)
    return dates.exclude(pk=session.pk).exists()


@signed_in_page(post=60)
def cancel(request: HttpRequest, booking_id: int) -> HttpResponse:
    """Ask, then give up the place, the offer or the turn on the waiting list."""
    person, now = signed_in(request), timezone.now()
    booking = arranged_booking(person, booking_id, now=now)
    if person.is_coordinator and booking.person_id != person.pk:
        return redirect("manage_booking_cancel", booking.pk)
    back = page_address(booking, person)
    form = CancelForm(posted(request))
    context = {
        "form": form,
        "booking": booking,
        "session": booking.session,
        "back": back,
        "against": actions.against_giving_up(booking, booking.session, now=now),
        "is_own": booking.person_id == person.pk,
        "is_ahead": booking.session.starts_at > now,
    }
    if form.is_valid():
        with refusals_shown(context):
            actions.cancel(booking=booking, by=person, now=now, why=form.cleaned_data["why"])
            return redirect(back)
    context["cost"] = terms_of(booking, reader=person).cost_now(now=now)
    return page(request, "places/cancel.html", context)


@signed_in_page(post=60, only_post=True)
def answer_offer(request: HttpRequest, booking_id: int) -> HttpResponse:
    """Accept or decline an offered place."""
    person = signed_in(request)
    booking = booking_for(person, booking_id)
    form = OfferAnswerForm(request.POST)
    if not form.is_valid():
        messages.error(request, str(next(iter(form.errors.values()))[0]))
        return redirect(booking)
    answer = answering.accept_offer if form.accepts else answering.decline_offer
    try:
        answer(booking=booking, by=person, now=timezone.now())
    except ManagerNeeded as refusal:
        messages.info(request, refusal.sentence)
        return redirect(offer_path(booking.pk, booking.offered_until or timezone.now()))
    except PlaceRefused as refusal:
        context = {"booking": booking, "session": booking.session, "refusal": refusal}
        return page(request, "places/refused.html", context)
    return redirect(booking)
