"""My agency: what an agency lead sees and does for their colleagues."""

from datetime import datetime
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone

from accounts.access import agency_of_lead, lead_page, looked_at
from accounts.agencies import ClaimSettled, OwnAgency
from accounts.models import User
from accounts.views import signed_in
from booking.catalogue.availability import Availability, availability
from booking.catalogue.models import Session
from booking.places.agency import many
from booking.places.agency.colleagues import book_colleague
from booking.places.agency.rows import is_unsure, rows_of, text_of
from booking.places.changing import confirming
from booking.places.history import repeated_absences
from booking.places.models import Booking
from booking.places.pages.forms import ColleagueForm, ManyForm
from booking.places.pages.loaders import colleagues_booking, public_session, unread_session
from booking.places.pages.outlook import cost_of_leaving
from booking.places.pages.readers import as_read_by
from booking.places.refusals import AlreadyBooked
from booking.site.web import done, page, posted, refusals_shown


@lead_page(post=60, only_post=True)
def confirm_colleague(request: HttpRequest, person_id: int) -> HttpResponse:
    """Somebody who says that they work for the lead's agency does."""
    return _settled(request, _who_says(request, person_id), confirms=True)


@lead_page(post=60)
def not_ours(request: HttpRequest, person_id: int) -> HttpResponse:
    """Somebody who says so does not work for the lead's agency: ask, then clear it."""
    person = _who_says(request, person_id)
    if posted(request) is not None:
        return _settled(request, person, confirms=False)
    return page(request, "places/agency/not_ours.html", {"person": person})


def _who_says(request: HttpRequest, person_id: int) -> User:
    people = User.objects.filter(agency=agency_of_lead(request), is_active=True)
    person = get_object_or_404(people.select_related("agency"), pk=person_id)
    looked_at(person, by=signed_in(request), what="agency to confirm")
    return person


def _settled(request: HttpRequest, person: User, *, confirms: bool) -> HttpResponse:
    by, now = signed_in(request), timezone.now()
    return done(request, answered(person, confirms=confirms, by=by, now=now), "agency")


def answered(person: User, *, confirms: bool, by: User, now: datetime) -> str:
    """Confirm the agency that a person chose, or clear it; what is so now, in words."""
    agency = person.agency
    assert agency is not None  # noqa: S101
    try:
        if confirms:
            confirming.confirm_agency(person=person, agency=agency, by=by, now=now)
            return f"It is confirmed that {person} works for {agency.name}."
        confirming.not_ours(person=person, agency=agency, by=by, now=now)
        return f"No agency is noted for {person} now. We are asking them again."
    except (ClaimSettled, OwnAgency) as refused:
        return refused.sentence


@lead_page()
def agency_booking(request: HttpRequest, booking_id: int) -> HttpResponse:
    """One colleague's booking, without what they told the trainers."""
    person, now = signed_in(request), timezone.now()
    booking = colleagues_booking(person, booking_id, now=now)
    if booking.person_id == person.pk:
        return redirect(booking)
    is_waiting = booking.state == Booking.State.WAITING
    context = {
        "booking": booking,
        "session": booking.session,
        "position": booking.waiting_position if is_waiting else None,
        "charge": cost_of_leaving(booking, by=person, now=now),
        "repeated": repeated_absences([booking.person_id], now=now).get(booking.person_id, ""),
        "now": now,
    }
    return render(request, "places/agency/agency_booking.html", context)


@lead_page(post=60)
def agency_book(request: HttpRequest, session_id: int) -> HttpResponse:
    """Book one colleague."""
    own, session = agency_of_lead(request), public_session(session_id, signed_in(request))
    form = ColleagueForm(posted(request))
    by, now = signed_in(request), timezone.now()
    context = {"agency": own, "session": session, "form": form}
    context["availability"] = _as_lead_reads(session, by, now=now)
    if form.is_valid():
        to_book = unread_session(session_id)
        with refusals_shown(context):
            try:
                booking = book_colleague(
                    session=to_book, entry=form.entry, agency=own, by=by, now=now
                )
            except AlreadyBooked as refused:
                booking = refused.booking
            return redirect("agency_booking", booking.pk)
    return page(request, "places/agency/agency_book.html", context)


@lead_page(post=30)
def agency_book_many(request: HttpRequest, session_id: int) -> HttpResponse:
    """Paste or upload a list, see what would become of each row, then book them all.

    The list travels in the page, so that nothing is kept here and nothing typed is lost.
    """
    session, typed = public_session(session_id, signed_in(request)), posted(request)
    if typed is None or typed.get("step") == "change":
        form = ManyForm(initial={"people": typed.get("people", "") if typed else ""})
    else:
        form = ManyForm(typed, request.FILES)
    context: dict[str, Any] = {"session": session, "agency": agency_of_lead(request), "form": form}
    context["availability"] = _as_lead_reads(session, signed_in(request), now=timezone.now())
    if form.is_valid():
        with refusals_shown(context):
            context |= _outcomes(request, session_id, form)
            return page(request, "places/agency/agency_outcomes.html", context)
    return page(request, "places/agency/agency_book_many.html", context)


def _as_lead_reads(session: Session, lead: User, *, now: datetime) -> Availability:
    """What there is for the people of the lead's agency."""
    as_read_by([session], lead, now=now)
    return availability(session, now)


def _outcomes(request: HttpRequest, session_id: int, form: ManyForm) -> dict[str, Any]:
    """The rows with what became, or would become, of each."""
    own, by, now = agency_of_lead(request), signed_in(request), timezone.now()
    file = form.cleaned_data["file"]
    text = text_of(file) if file else form.cleaned_data["people"]
    entries = rows_of(text)
    # Nobody is booked while it is not clear who is meant.
    is_booking = request.POST.get("step") == "book" and not any(map(is_unsure, entries))
    act = many.book_all if is_booking else many.foresee
    outcomes = act(entries, session=unread_session(session_id), agency=own, by=by, now=now)
    looked_at(own, by=by, what="colleagues to book", rows=len(outcomes))
    tally = many.tally(outcomes)
    return {"outcomes": outcomes, "people": text, "is_done": is_booking, "tally": tally}
