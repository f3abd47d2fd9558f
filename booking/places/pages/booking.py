"""Booking a place, giving it up, and answering an offer of one."""

from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils import timezone

from accounts.access import signed_in_page
from accounts.actions import save_profile
from accounts.forms import ProfileForm
from accounts.models import User
from accounts.views import profile_form, signed_in
from booking.catalogue.models import Session
from booking.places import actions
from booking.places.links import offer_path
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
from booking.places.pages.outlook import expected
from booking.places.refusals import AlreadyBooked, ManagerNeeded, PlaceRefused
from booking.places.rules.decision import as_told
from booking.places.terms import terms_of, terms_offered
from booking.site.web import page, posted, refusals_shown


@signed_in_page(post=60)
def book(request: HttpRequest, session_id: int) -> HttpResponse:
    """Confirm and book; somebody new says who they are on the same page."""
    person = signed_in(request)
    profile = None if person.is_complete else _about_person(request, person, session_id)
    usual = {"manager_email": person.manager_email}
    form = BookForm(posted(request), initial=usual, with_manager=profile is None)
    context: dict[str, Any] = {"form": form, "profile": profile}
    if form.is_valid() and (profile is None or profile.is_valid()):
        if profile is not None:
            save_profile(person=person, now=timezone.now(), **profile.cleaned_data)
            context["profile"] = None
        with refusals_shown(context, beside=form):
            return redirect(_booked(session_id, person, form))
    return _book_page(request, session_id, context)


def _booked(session_id: int, person: User, form: BookForm) -> Booking:
    """The new booking, or the one there is already. Raises `Http404` if there is no session."""
    session, now = unread_session(session_id), timezone.now()
    try:
        return actions.book(session=session, person=person, by=person, now=now, **form.cleaned_data)
    except AlreadyBooked as refused:
        return refused.booking
    except Session.DoesNotExist as missing:
        raise Http404 from missing


def _about_person(request: HttpRequest, person: User, session_id: int) -> ProfileForm:
    """Who somebody new is; asked for their level and their manager only if the course needs it."""
    course = public_session(session_id).course
    form = profile_form(request, person, with_level=course.least_level is not None)
    if course.needs_manager_approval:
        form.require_manager()
    return form


def _book_page(request: HttpRequest, session_id: int, context: dict[str, Any]) -> HttpResponse:
    """The page before and after a try; what booking comes to is known of somebody we know."""
    session, person, now = public_session(session_id), signed_in(request), timezone.now()
    if "refusal" in context:
        context["expected"] = as_told(context["refusal"], now=now)
    elif context["profile"] is None:
        context["expected"] = outlook = expected(session=session, person=person, now=now)
        if isinstance(outlook.refusal, AlreadyBooked):
            return redirect(outlook.refusal.booking)
    context |= {
        "session": session,
        "copied_to": would_be_copied_to(person, session.course),
        "terms": terms_offered(session, person).sentence(now=now),
    }
    return page(request, "places/book.html", context)


@signed_in_page(post=60)
def cancel(request: HttpRequest, booking_id: int) -> HttpResponse:
    """Ask, then give up the place, the offer or the turn on the waiting list."""
    person, now = signed_in(request), timezone.now()
    booking = arranged_booking(person, booking_id, now=now)
    back = page_address(booking, person)
    form = CancelForm(posted(request))
    context = {"form": form, "booking": booking, "session": booking.session, "back": back}
    if form.is_valid():
        with refusals_shown(context):
            actions.cancel(booking=booking, by=person, now=now, why=form.cleaned_data["why"])
            return redirect(back)
    context["cost"] = terms_of(booking).cost_now(now=now)
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
    answer = actions.accept_offer if form.accepts else actions.decline_offer
    try:
        answer(booking=booking, by=person, now=timezone.now())
    except ManagerNeeded as refusal:
        messages.info(request, refusal.sentence)
        return redirect(offer_path(booking.pk, booking.offered_until or timezone.now()))
    except PlaceRefused as refusal:
        context = {"booking": booking, "session": booking.session, "refusal": refusal}
        return page(request, "places/refused.html", context)
    return redirect(booking)
