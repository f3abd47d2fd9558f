"""Coordinators' pages about a waiting list: who waits and why, and moving somebody up."""

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET

from accounts.access import coordinators_only
from accounts.views import signed_in
from booking.managing import queries
from booking.managing.forms import MoveUpForm
from booking.managing.loaders import managed_session
from booking.places import exchanges
from booking.places.lock import read_session
from booking.places.models import Booking
from booking.places.pages.loaders import booking_for
from booking.places.refusals import NotWaiting, PlaceRefused
from booking.places.rules.line import why_each_waits
from booking.site.limits import at_most

_PEOPLE_PER_PAGE = 50


@never_cache
@coordinators_only
@require_GET
def waiting(request: HttpRequest, session_id: int) -> HttpResponse:
    """The waiting list in order, and what holds each of them."""
    session = managed_session(session_id)
    line = Booking.objects.waiting().for_session(session)
    page = Paginator(line.select_related("person", "agency", "approval"), _PEOPLE_PER_PAGE)
    shown = page.get_page(request.GET.get("page"))
    some = list(shown.object_list)
    rows = why_each_waits(read_session(session.pk), some, now=timezone.now())
    context = {
        "session": session,
        "page_obj": shown,
        "rows": [
            (position, booking, reason)
            for position, (booking, reason) in enumerate(rows, start=shown.start_index())
        ],
        "events": queries.events_of_line(session),
    }
    return render(request, "manage/waiting.html", context)


@never_cache
@at_most(60)
@coordinators_only
def move_up(request: HttpRequest, booking_id: int) -> HttpResponse:
    """Put somebody further forward, for a reason that those passed over will read."""
    booking = booking_for(signed_in(request), booking_id)
    is_waiting = booking.state == Booking.State.WAITING
    refusal: PlaceRefused | None = None if is_waiting else NotWaiting()
    position = 0 if refusal else booking.waiting_position
    typed = request.POST if request.method == "POST" else None
    form = MoveUpForm(typed, stands_at=position)
    if form.is_valid() and not refusal:
        try:
            exchanges.move_up(
                booking=booking,
                position=form.cleaned_data["position"],
                why=form.cleaned_data["why"],
                by=signed_in(request),
                now=timezone.now(),
            )
        except PlaceRefused as refused:
            refusal = refused
        else:
            messages.success(request, f"{booking.person} is moved up the waiting list.")
            return redirect("manage_session_waiting", booking.session_id)
    context = {
        "booking": booking,
        "session": booking.session,
        "position": position,
        "form": form,
        "refusal": refusal,
        "events": booking.events.select_related("by"),
    }
    status = 409 if refusal and typed else 422 if form.errors else 200
    return render(request, "manage/move_up.html", context, status=status)
