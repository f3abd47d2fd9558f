"""Coordinators' page "Who gets the places": the limit for one agency, and what is reserved."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.cache import never_cache

from accounts.access import coordinators_only
from accounts.views import signed_in
from booking.catalogue.models import Session
from booking.managing import queries
from booking.managing.limits_forms import MOST_ROWS, LimitsForm
from booking.managing.loaders import managed_session
from booking.places.refusals import LimitTooLow, PlaceRefused
from booking.scheduling import capacity
from booking.site.limits import at_most
from booking.site.wording import counted


@never_cache
@at_most(60)
@coordinators_only
def who_gets_places(request: HttpRequest, session_id: int) -> HttpResponse:
    """Show, add and remove rows, then store all of them at once."""
    session = managed_session(session_id)
    form = _form(request, session)
    if form.is_valid():
        try:
            given = capacity.change_limits(
                session=session,
                agency_limit=form.cleaned_data["agency_limit"],
                reservations=form.reservations,
                by=signed_in(request),
                now=timezone.now(),
            )
        except PlaceRefused as refused:
            field = "agency_limit" if isinstance(refused, LimitTooLow) else None
            form.add_error(field, refused.sentence)
        else:
            more = f" {given_words(session, given)}" if given else ""
            messages.success(request, f"Saved.{more}")
            return redirect("manage_session_limits", session.pk)
    context = {
        "session": session,
        "form": form,
        "most_rows": MOST_ROWS,
        "holders": queries.places_by_agency(session),
        "now": timezone.now(),
    }
    return render(request, "manage/limits.html", context, status=422 if form.errors else 200)


def _form(request: HttpRequest, session: Session) -> LimitsForm:
    if request.method != "POST":
        return LimitsForm.stored(session)
    typed = request.POST
    rows = typed.get("rows", "")
    number = min(int(rows), MOST_ROWS) if rows.isdecimal() and len(rows) < 4 else 1
    gone = typed.get("remove", "")
    if "add" in typed or gone.isdecimal():
        return LimitsForm.typed_so_far(
            typed,
            session=session,
            rows=number,
            add="add" in typed,
            without=int(gone) if gone.isdecimal() and len(gone) < 4 else 0,
        )
    return LimitsForm(typed, session=session, rows=number)


def given_words(session: Session, given: int) -> str:
    """What became of so many people who waited: "2 people were given a place."."""
    verb = "offered" if session.promotion == Session.Promotion.OFFER else "given"
    return f"{counted(given, 'person was', 'people were')} {verb} a place."
