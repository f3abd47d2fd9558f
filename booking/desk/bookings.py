"""One person's booking on the desk: given up on the telephone, or had again by mistake."""

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils import timezone

from accounts.access import desk
from accounts.views import signed_in
from booking.places import actions
from booking.places.changing import undoing
from booking.places.models import Booking
from booking.places.pages.forms import CancelForm
from booking.places.pages.loaders import booking_for
from booking.places.pages.outlook import cost_of_leaving
from booking.places.refusals import NotLive, PlaceRefused
from booking.places.terms import may_waive, terms_of
from booking.site.web import done, page, posted, refusals_shown


@desk(post=60)
def cancel_booking(request: HttpRequest, booking_id: int) -> HttpResponse:
    """Give up one person's booking; what it costs is a choice, which follows the policy at first.

    Once the session has begun nothing is given up any more: the apology is noted.
    """
    by, now = signed_in(request), timezone.now()
    booking = booking_for(by, booking_id)
    has_begun = booking.session.starts_at <= now
    is_choice = may_waive(booking, by) and not has_begun
    pence = cost_of_leaving(booking, by=by, now=now) if is_choice else 0
    form = CancelForm(posted(request), for_another=booking.person_id != by.pk, pence=pence)
    context: dict[str, Any] = {
        "booking": booking,
        "session": booking.session,
        "form": form,
        "has_begun": has_begun,
        "can_apologise": has_begun and booking.state == Booking.State.CONFIRMED,
        "cost": terms_of(booking, reader=by).cost_now(now=now),
        "refusal": None if booking.is_live else NotLive(booking),
    }
    if form.is_valid():
        why, there = form.cleaned_data["why"], booking.get_absolute_url()
        with refusals_shown(context):
            if has_begun:
                undoing.note_apology(booking=booking, by=by, now=now, why=why)
                return done(request, f"The apology of {booking.person} is noted.", there)
            actions.cancel(booking=booking, by=by, now=now, why=why, waived=form.waived)
            return done(request, f"The booking of {booking.person} is cancelled.", there)
    return page(request, "desk/sessions/cancel_booking.html", context)


@desk(post=60, only_post=True)
def undo_cancelling(request: HttpRequest, booking_id: int) -> HttpResponse:
    """Have a booking again that was cancelled by mistake, while its place is free."""
    by = signed_in(request)
    booking = booking_for(by, booking_id)
    try:
        undoing.take_back_cancelling(booking=booking, by=by, now=timezone.now())
        person = booking.person
        messages.success(request, f"{person} has the booking again, and is told {person.told_by}.")
    except PlaceRefused as refused:
        messages.error(request, f"{refused.about_another} {refused.instead}".strip())
    return redirect(booking)
