"""Booking a place, seeing it, giving it up."""

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST

from accounts.actions import save_profile
from accounts.forms import ProfileForm
from accounts.models import User
from accounts.views import profile_form, signed_in
from booking.catalogue.models import Session
from booking.places import actions
from booking.places.links import offer_path
from booking.places.managers.copies import would_be_copied_to
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
from booking.site.limits import at_most


@never_cache
@at_most(60)
@login_required
def book(request: HttpRequest, session_id: int) -> HttpResponse:
    """Confirm and book; somebody new says who they are on the same page."""
    person = signed_in(request)
    profile = None if person.is_complete else _about_person(request, person, session_id)
    usual = {"manager_email": person.manager_email}
    typed = request.POST if request.method == "POST" else None
    form = BookForm(typed, initial=usual, with_manager=profile is None)
    refusal: PlaceRefused | None = None
    if request.method == "POST" and form.is_valid() and (profile is None or profile.is_valid()):
        if profile is not None:
            save_profile(person=person, **profile.cleaned_data)
            profile = None
        try:
            booking = actions.book(
                session=unread_session(session_id),
                person=person,
                by=person,
                now=timezone.now(),
                needs=form.cleaned_data["needs"],
                manager_email=form.cleaned_data.get("manager_email", ""),
            )
        except Session.DoesNotExist as missing:
            raise Http404 from missing
        except AlreadyBooked as refused:
            return redirect(refused.booking)
        except ManagerNeeded as refused:
            form.add_error("manager_email", refused.with_instead)
        except PlaceRefused as refused:
            refusal = refused
        else:
            return redirect(booking)
    return _book_page(request, session_id, form=form, profile=profile, refusal=refusal)


def _about_person(request: HttpRequest, person: User, session_id: int) -> ProfileForm:
    """Who somebody new is; asked for their level and their manager only if the course needs it."""
    course = public_session(session_id).course
    form = profile_form(request, person, with_level=course.least_level is not None)
    if course.needs_manager_approval:
        form.require_manager()
    return form


def _book_page(
    request: HttpRequest,
    session_id: int,
    *,
    form: BookForm,
    profile: ProfileForm | None,
    refusal: PlaceRefused | None,
) -> HttpResponse:
    """The page before and after a try; what booking comes to is known of somebody we know."""
    session, person, now = public_session(session_id), signed_in(request), timezone.now()
    told = None
    if refusal is not None:
        told = as_told(refusal, now=now)
    elif profile is None:
        told = expected(session=session, person=person, now=now)
    context = {
        "session": session,
        "form": form,
        "profile": profile,
        "expected": told,
        "refusal": refusal,
        "copied_to": would_be_copied_to(person, session.course),
        "terms": terms_offered(session, person.agency).sentence(now=now),
        "now": now,
    }
    has_errors = form.errors or (profile is not None and profile.errors)
    status = 409 if refusal else 422 if has_errors else 200
    return render(request, "places/book.html", context, status=status)


@never_cache
@at_most(60)
@login_required
def cancel(request: HttpRequest, booking_id: int) -> HttpResponse:
    """Ask, then give up the place, the offer or the turn on the waiting list."""
    person, now = signed_in(request), timezone.now()
    booking = arranged_booking(person, booking_id, now=now)
    back = page_address(booking, person)
    refusal: PlaceRefused | None = None
    form = CancelForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        try:
            actions.cancel(booking=booking, by=person, now=now, why=form.cleaned_data["why"])
        except PlaceRefused as refused:
            refusal = refused
        else:
            return redirect(back)
    context = {
        "booking": booking,
        "session": booking.session,
        "form": form,
        "refusal": refusal,
        "cost": terms_of(booking).cost_now(now=now),
        "now": now,
        "back": back,
    }
    status = 409 if refusal else 422 if form.errors else 200
    return render(request, "places/cancel.html", context, status=status)


@require_POST
@never_cache
@at_most(60)
@login_required
def answer_offer(request: HttpRequest, booking_id: int) -> HttpResponse:
    """Accept or decline an offered place."""
    person = signed_in(request)
    booking = booking_for(person, booking_id)
    form = OfferAnswerForm(request.POST)
    if not form.is_valid():
        messages.error(request, str(form.errors["answer"][0]))
        return redirect(booking)
    answer = actions.accept_offer if form.accepts else actions.decline_offer
    try:
        answer(booking=booking, by=person, now=timezone.now())
    except ManagerNeeded as refusal:
        messages.info(request, refusal.sentence)
        return redirect(offer_path(booking.pk, booking.offered_until or timezone.now()))
    except PlaceRefused as refusal:
        context = {"booking": booking, "session": booking.session, "refusal": refusal}
        return render(request, "places/refused.html", context, status=409)
    return redirect(booking)
