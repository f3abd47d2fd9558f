"""Handing a place to a colleague, and moving it to another date."""

from datetime import datetime
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils import timezone

from accounts.access import signed_in_page
from accounts.models import User
from accounts.views import signed_in
from booking.places import exchanges
from booking.places.agency import colleagues
from booking.places.models import Booking
from booking.places.pages.forms import MoveForm, SubstituteForm
from booking.places.pages.loaders import arranged_booking, page_address, unread_session
from booking.places.pages.outlook import cost_of_leaving, of_substitute, other_dates
from booking.site.form_kit import Form
from booking.site.web import done, page, posted, refusals_shown


@signed_in_page(post=60)
def substitute(request: HttpRequest, booking_id: int) -> HttpResponse:
    """Name a colleague, see what happens, then give them the place."""
    person, now = signed_in(request), timezone.now()
    booking = arranged_booking(person, booking_id, now=now)
    form = SubstituteForm(
        posted(request),
        agency=booking.agency,
        may_choose=_may_see_colleagues(person, booking),
        asks_manager=booking.session.course.needs_manager_approval,
    )
    context = _about(booking, person, form, now=now)
    if form.is_valid():
        entry, manager = form.entry, form.manager_named
        with refusals_shown(context):
            if request.POST.get("step") == "give":
                taken = colleagues.hand_over(
                    booking=booking, entry=entry, by=person, now=now, manager_email=manager
                )
                return done(request, _handed_over(taken), context["back"])
            context["outlook"] = of_substitute(
                booking, entry, manager_email=manager, by=person, now=now
            )
    return page(request, "places/substitute.html", context)


def _may_see_colleagues(person: User, booking: Booking) -> bool:
    """Whether they may see who works for the agency whose place it is: a lead only their own's."""
    if person.is_coordinator:
        return True
    return person.is_agency_lead and person.agency_id == booking.agency_id


def _handed_over(taken: Booking) -> str:
    if taken.state == Booking.State.CONFIRMED:
        return f"{taken.person} has the place now. We are emailing both of you."
    return f"The place is held for {taken.person} until their manager agrees."


@signed_in_page(post=60)
def move(request: HttpRequest, booking_id: int) -> HttpResponse:
    """See the other dates of the course, then exchange the place for one on another date."""
    person, now = signed_in(request), timezone.now()
    booking = arranged_booking(person, booking_id, now=now)
    dates = other_dates(booking, now=now)
    form = MoveForm(posted(request), dates=dates, initial={"to": request.GET.get("to")})
    context = _about(booking, person, form, now=now) | {"dates": dates}
    context["has_refused"] = any(date.refusal for date in dates)
    if form.is_valid():
        to = unread_session(int(form.cleaned_data["to"]))
        with refusals_shown(context):
            taken = exchanges.transfer(booking=booking, to=to, by=person, now=now)
            return redirect(page_address(taken, person))
    return page(request, "places/move.html", context)


def _about(booking: Booking, person: User, form: Form, *, now: datetime) -> dict[str, Any]:
    return {
        "booking": booking,
        "session": booking.session,
        "form": form,
        "back": page_address(booking, person),
        "is_own": booking.person_id == person.pk,
        "can_change": booking.state == Booking.State.CONFIRMED and booking.session.starts_at > now,
        "charge": cost_of_leaving(booking, by=person, now=now),
    }
