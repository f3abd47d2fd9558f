"""My agency: what an agency lead sees and does for their colleagues."""

from datetime import datetime
from typing import Any

from django.core.paginator import Paginator
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.cache import never_cache

from accounts.access import agency_leads_only, agency_of_lead
from accounts.models import Agency
from accounts.views import signed_in
from booking.catalogue.models import Session
from booking.places.agency import many
from booking.places.agency.colleagues import book_colleague
from booking.places.agency.rows import rows_of, text_of
from booking.places.models import Booking
from booking.places.pages.forms import ColleagueForm, ManyForm
from booking.places.pages.loaders import colleagues_booking, public_session, unread_session
from booking.places.pages.outlook import cost_of_leaving
from booking.places.refusals import AlreadyBooked, PlaceRefused
from booking.site.limits import at_most
from booking.site.web import search_text

_PER_PAGE = 50


@never_cache
@agency_leads_only
def agency(request: HttpRequest) -> HttpResponse:
    """The upcoming bookings of colleagues, by session."""
    own, search, now = agency_of_lead(request), search_text(request), timezone.now()
    bookings = bookings_of_colleagues(own, search=search, now=now)
    page = Paginator(bookings, _PER_PAGE).get_page(request.GET.get("page"))
    context = {"agency": own, "search": search, "page_obj": page, "now": now}
    return render(request, "places/agency/agency.html", context)


@never_cache
@agency_leads_only
def agency_booking(request: HttpRequest, booking_id: int) -> HttpResponse:
    """One colleague's booking, without what they told the trainers."""
    person, now = signed_in(request), timezone.now()
    booking = colleagues_booking(agency_of_lead(request), booking_id, now=now)
    if booking.person_id == person.pk:
        return redirect(booking)
    is_waiting = booking.state == Booking.State.WAITING
    context = {
        "booking": booking,
        "session": booking.session,
        "position": booking.waiting_position if is_waiting else None,
        "charge": cost_of_leaving(booking, by=person, now=now),
        "now": now,
    }
    return render(request, "places/agency/agency_booking.html", context)


@never_cache
@at_most(60)
@agency_leads_only
def agency_book(request: HttpRequest, session_id: int) -> HttpResponse:
    """Book one colleague."""
    own, now = agency_of_lead(request), timezone.now()
    session = public_session(session_id)
    form = ColleagueForm(request.POST if request.method == "POST" else None)
    refusal: PlaceRefused | None = None
    if request.method == "POST" and form.is_valid():
        try:
            booking = book_colleague(
                session=unread_session(session_id),
                entry=form.entry,
                agency=own,
                by=signed_in(request),
                now=now,
            )
        except AlreadyBooked as refused:
            return redirect("agency_booking", refused.booking.pk)
        except PlaceRefused as refused:
            refusal = refused
        else:
            return redirect("agency_booking", booking.pk)
    context = {"agency": own, "session": session, "form": form, "refusal": refusal, "now": now}
    status = 409 if refusal else 422 if form.errors else 200
    return render(request, "places/agency/agency_book.html", context, status=status)


@never_cache
@at_most(30)
@agency_leads_only
def agency_book_many(request: HttpRequest, session_id: int) -> HttpResponse:
    """Paste or upload a list, see what would become of each row, then book them all.

    The list travels in the page, so that nothing is kept here and nothing typed is lost.
    """
    session = public_session(session_id)
    context: dict[str, Any] = {"session": session, "agency": agency_of_lead(request)}
    step = request.POST.get("step", "")
    if request.method != "POST" or step == "change":
        form = ManyForm(initial={"people": request.POST.get("people", "")})
        return render(request, "places/agency/agency_book_many.html", {**context, "form": form})
    form = ManyForm(request.POST, request.FILES)
    if form.is_valid():
        try:
            context |= _outcomes(request, session, form, is_booking=step == "book")
            return render(request, "places/agency/agency_outcomes.html", context)
        except PlaceRefused as refused:
            context["refusal"] = refused
    status = 409 if "refusal" in context else 422
    return render(
        request, "places/agency/agency_book_many.html", {**context, "form": form}, status=status
    )


def _outcomes(
    request: HttpRequest, session: Session, form: ManyForm, *, is_booking: bool
) -> dict[str, Any]:
    """The rows with what became, or would become, of each."""
    by, own, now = signed_in(request), agency_of_lead(request), timezone.now()
    file = form.cleaned_data["file"]
    text = text_of(file) if file else form.cleaned_data["people"]
    entries = rows_of(text)
    if is_booking:
        unread = unread_session(session.pk)
        outcomes = many.book_all(entries, session=unread, agency=own, by=by, now=now)
    else:
        outcomes = many.foresee(entries, session_id=session.pk, agency=own, by=by, now=now)
    return {
        "outcomes": outcomes,
        "people": text,
        "is_done": is_booking,
        "tally": many.tally(outcomes),
        "now": now,
    }


def bookings_of_colleagues(agency: Agency, *, search: str, now: datetime) -> QuerySet[Booking]:
    """The live bookings of an agency's people for sessions that are not over, by session.

    Every word of the search is in the colleague's name or address or in the course's title.
    """
    bookings = Booking.objects.of_agency(agency.pk, now=now).live().with_session()
    for word in search.split():
        bookings = bookings.filter(
            Q(person__first_name__icontains=word)
            | Q(person__last_name__icontains=word)
            | Q(person__email__icontains=word)
            | Q(session__course__title__icontains=word)
        )
    return bookings.with_position().order_by(
        "session__starts_at", "session_id", "person__last_name", "person__first_name", "pk"
    )
