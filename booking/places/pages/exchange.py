"""Handing a place to a colleague, and moving it to another date."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils import timezone

from accounts.access import signed_in_page
from accounts.agency_proof import may_confirm
from accounts.models import User
from accounts.views import signed_in
from booking.places.agency import colleagues
from booking.places.changing import exchanges
from booking.places.models import Booking
from booking.places.pages.forms import MoveForm, SubstituteForm
from booking.places.pages.loaders import arranged_booking, page_address, unread_session
from booking.places.pages.outlook import (
    against_exchange,
    check_substitute,
    cost_of_leaving,
    other_dates,
)
from booking.places.refusals import AlreadyBooked, CannotTakeIt, Clash, ManagerNeeded, RuledOut
from booking.places.terms import may_waive
from booking.site.form_kit import Form
from booking.site.web import done, page, posted, refusals_shown


@signed_in_page(post=60)
def substitute(request: HttpRequest, booking_id: int) -> HttpResponse:
    """Name a colleague, see what happens, then give them the place."""
    person, now = signed_in(request), timezone.now()
    booking = arranged_booking(person, booking_id, now=now)
    sees_colleagues = booking.agency is not None and may_confirm(person, booking.agency)
    form = SubstituteForm(
        posted(request),
        booking=booking,
        may_choose=sees_colleagues,
        asks_manager=booking.session.course.needs_manager_approval,
    )
    context = _about(booking, person, form, now=now)
    if form.is_valid():
        entry, manager = form.entry, form.manager_named
        with refusals_shown(context), _told_to(sees_colleagues, entry.email):
            if request.POST.get("step") == "give":
                taken = colleagues.hand_over(
                    booking=booking, entry=entry, by=person, now=now, manager_email=manager
                )
                is_own = booking.person_id == person.pk
                told = "both of you" if is_own else f"{booking.person} and {taken.person}"
                words = f"The place is given to {entry.email}. We are emailing {told}."
                there = context["back"] if is_own else page_address(taken, person)
                return done(request, words, there)
            check_substitute(
                booking,
                entry,
                manager_email=manager,
                sees_colleagues=sees_colleagues,
                by=person,
                now=now,
            )
            context |= {"to": entry.email, "manager": manager, "is_sure": sees_colleagues}
    return page(request, "places/substitute.html", context)


@contextmanager
def _told_to(sees_colleagues: bool, email: str) -> Iterator[None]:
    """Say only that a colleague cannot have a place to somebody who sees no others' bookings.

    So nobody learns who has an account here, what they have booked, or what they have done.
    """
    try:
        yield
    except RuledOut as refused:
        if sees_colleagues or isinstance(refused, ManagerNeeded):
            raise
        raise CannotTakeIt(email) from refused
    except (AlreadyBooked, Clash) as refused:
        if sees_colleagues:
            raise
        raise CannotTakeIt(email) from refused


@signed_in_page(post=60)
def move(request: HttpRequest, booking_id: int) -> HttpResponse:
    """See the other dates of the course, then exchange the place for one on another date."""
    person, now = signed_in(request), timezone.now()
    booking = arranged_booking(person, booking_id, now=now)
    asked = request.POST.get("to") or request.GET.get("to", "")
    dates = other_dates(booking, now=now, asked=asked)
    pence = cost_of_leaving(booking, by=person, now=now) if may_waive(booking, person) else 0
    form = MoveForm(
        posted(request), dates=dates, pence=pence, initial={"to": request.GET.get("to")}
    )
    context = _about(booking, person, form, now=now) | {"dates": dates}
    context["has_refused"] = any(date.refusal for date in dates)
    if form.is_valid():
        to = unread_session(int(form.cleaned_data["to"]))
        with refusals_shown(context):
            taken = exchanges.transfer(
                booking=booking, to=to, by=person, now=now, waived=form.waived
            )
            return redirect(page_address(taken, person))
    return page(request, "places/move.html", context)


def _about(booking: Booking, person: User, form: Form, *, now: datetime) -> dict[str, Any]:
    return {
        "booking": booking,
        "session": booking.session,
        "form": form,
        "back": page_address(booking, person),
        "is_own": booking.person_id == person.pk,
        "against": against_exchange(booking, now=now),
        "is_ahead": booking.session.starts_at > now,
        "charge": cost_of_leaving(booking, by=person, now=now),
    }
