"""Where an offered place is accepted or declined by the link in the offer's email."""

from datetime import datetime
from enum import StrEnum
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils import timezone

from booking.places import terms
from booking.places.announcements import held_to
from booking.places.changing import answering
from booking.places.lock import sittings_of
from booking.places.models import Booking
from booking.places.pages.forms import OfferAnswerForm
from booking.places.pages.loaders import booking_by_offer_link
from booking.places.rules.line import clashes
from booking.site.limits import opened_by_link
from booking.site.web import page, posted, refusals_shown

State = Booking.State


class OfferState(StrEnum):
    """How an offer stands at a moment."""

    OPEN = "open"
    ACCEPTED = "accepted"
    HELD = "held"
    DECLINED = "declined"
    RUN_OUT = "run out"
    ENDED = "ended"


_ANSWERED = {
    State.CONFIRMED: OfferState.ACCEPTED,
    State.REQUESTED: OfferState.HELD,
    State.DECLINED: OfferState.DECLINED,
    State.LAPSED: OfferState.RUN_OUT,
}


def state_of_offer(booking: Booking, *, is_current: bool, now: datetime) -> OfferState:
    """How the offer stands that a link was made for; `is_current` unless another came after it."""
    state = State(booking.state)
    if not is_current:
        return OfferState.ENDED
    if state == State.OFFERED and booking.session.starts_at > now:
        is_over = booking.offered_until is not None and booking.offered_until <= now
        return OfferState.RUN_OUT if is_over else OfferState.OPEN
    return _ANSWERED.get(state, OfferState.ENDED)


@opened_by_link()
def offer(request: HttpRequest, token: str) -> HttpResponse:
    """Show the offer, and take the answer. Looking answers nothing: mail scanners look."""
    now = timezone.now()
    booking, is_current = booking_by_offer_link(token, now=now)
    usual = {"manager_email": booking.person.manager_email}
    form = OfferAnswerForm(posted(request), initial=usual)
    context: dict[str, Any] = {"form": form}
    is_open = state_of_offer(booking, is_current=is_current, now=now) == OfferState.OPEN
    if is_open and form.is_valid():
        person, manager = booking.person, form.cleaned_data["manager_email"]
        with refusals_shown(context, beside=form):
            if form.accepts:
                answering.accept_offer(booking=booking, by=person, now=now, manager_email=manager)
            else:
                answering.decline_offer(booking=booking, by=person, now=now)
            return redirect(request.path)
    return _page(request, token, context)


def _page(request: HttpRequest, token: str, context: dict[str, Any]) -> HttpResponse:
    """How the offer stands, and the buttons while it is open."""
    now = timezone.now()
    booking, is_current = booking_by_offer_link(token, now=now)
    stands, session = state_of_offer(booking, is_current=is_current, now=now), booking.session
    is_open = stands == OfferState.OPEN
    context |= {
        "booking": booking,
        "session": session,
        "stands": stands,
        "form": context["form"] if is_open else None,
        "asks_manager": session.course.needs_manager_approval and not hasattr(booking, "approval"),
        "clash": clashes(session.pk, [booking.person_id]).get(booking.person_id),
        "held_until": held_to(booking),
        "is_own": True,
        "cost": terms.charges_if_accepted(booking, sittings_of(session), now=now),
    }
    is_gone = stands in (OfferState.RUN_OUT, OfferState.ENDED)
    return page(request, "places/offer.html", context, is_open=is_open, is_gone=is_gone)
