"""Handing a place to a colleague, and moving it to another date."""

from datetime import datetime
from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.cache import never_cache

from accounts.models import User
from accounts.views import signed_in
from booking.places import exchanges
from booking.places.agency import colleagues
from booking.places.models import Booking
from booking.places.pages.forms import MoveForm, SubstituteForm
from booking.places.pages.loaders import arranged_booking, page_address, unread_session
from booking.places.pages.outlook import cost_of_leaving, of_substitute, other_dates
from booking.places.refusals import PlaceRefused
from booking.site.limits import at_most


@never_cache
@at_most(60)
@login_required
def substitute(request: HttpRequest, booking_id: int) -> HttpResponse:
    """Name a colleague, see what happens, then give them the place."""
    person, now = signed_in(request), timezone.now()
    booking = arranged_booking(person, booking_id, now=now)
    form = _substitute_form(request, person, booking)
    context: dict[str, Any] = _about(booking, person, now=now)
    if request.method == "POST" and form.is_valid():
        manager = form.manager_named
        try:
            if request.POST.get("step") == "give":
                taken = colleagues.hand_over(
                    booking=booking, entry=form.entry, by=person, now=now, manager_email=manager
                )
                messages.success(request, _handed_over(taken))
                return redirect(context["back"])
            context["outlook"] = of_substitute(
                booking, form.entry, manager_email=manager, by=person, now=now
            )
        except PlaceRefused as refused:
            context["refusal"] = refused
    return _answer(request, "places/substitute.html", context, form)


def _substitute_form(request: HttpRequest, person: User, booking: Booking) -> SubstituteForm:
    return SubstituteForm(
        request.POST if request.method == "POST" else None,
        agency=booking.agency,
        may_choose=_may_see_colleagues(person, booking),
        asks_manager=booking.session.course.needs_manager_approval,
    )


def _may_see_colleagues(person: User, booking: Booking) -> bool:
    """Whether they may see who works for the agency whose place it is: a lead only their own's."""
    if person.is_coordinator:
        return True
    return person.is_agency_lead and person.agency_id == booking.agency_id


def _handed_over(taken: Booking) -> str:
    if taken.state == Booking.State.CONFIRMED:
        return f"{taken.person} has the place now. We are emailing both of you."
    return f"The place is held for {taken.person} until their manager agrees."


@never_cache
@at_most(60)
@login_required
def move(request: HttpRequest, booking_id: int) -> HttpResponse:
    """See the other dates of the course, then exchange the place for one on another date."""
    person, now = signed_in(request), timezone.now()
    booking = arranged_booking(person, booking_id, now=now)
    dates = other_dates(booking, now=now)
    form = MoveForm(request.POST if request.method == "POST" else None, dates=dates)
    context: dict[str, Any] = {**_about(booking, person, now=now), "dates": dates}
    context["has_refused"] = any(date.refusal for date in dates)
    if request.method == "POST" and form.is_valid():
        to = unread_session(int(form.cleaned_data["to"]))
        try:
            taken = exchanges.transfer(booking=booking, to=to, by=person, now=now)
        except PlaceRefused as refused:
            context["refusal"] = refused
        else:
            return redirect(page_address(taken, person))
    return _answer(request, "places/move.html", context, form)


def _about(booking: Booking, person: User, *, now: datetime) -> dict[str, Any]:
    return {
        "booking": booking,
        "session": booking.session,
        "back": page_address(booking, person),
        "is_own": booking.person_id == person.pk,
        "can_change": booking.state == Booking.State.CONFIRMED and booking.session.starts_at > now,
        "charge": cost_of_leaving(booking, by=person, now=now),
        "now": now,
    }


def _answer(
    request: HttpRequest, template: str, context: dict[str, Any], form: Any
) -> HttpResponse:
    status = 409 if context.get("refusal") else 422 if form.errors else 200
    return render(request, template, {**context, "form": form}, status=status)
