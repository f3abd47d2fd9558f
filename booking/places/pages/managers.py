"""Where a line manager answers without an account, and where somebody names another one."""

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.cache import never_cache

from accounts.views import signed_in
from booking.catalogue.sittings import SittingTimes
from booking.places import actions, terms
from booking.places.managers import asking
from booking.places.managers.asking import QuestionState, state_of_question
from booking.places.managers.models import Approval
from booking.places.pages.forms import ManagerAnswerForm, ManagerForm
from booking.places.pages.loaders import approval_by_link, booking_to_ask_about
from booking.places.refusals import AlreadyAnswered, ManagerNeeded
from booking.site.limits import at_most, opened_by_link

_GONE = (QuestionState.RUN_OUT, QuestionState.NOT_NEEDED)


@opened_by_link
def approval(request: HttpRequest, token: str) -> HttpResponse:
    """Show what is asked, and take the one answer. Looking answers nothing: mail scanners look."""
    now = timezone.now()
    asked = approval_by_link(token, now=now)
    form = ManagerAnswerForm(request.POST if request.method == "POST" else None)
    if (
        asked is None
        or state_of_question(asked, now=now) != QuestionState.OPEN
        or not form.is_valid()
    ):
        return _page(request, asked, form)
    act = actions.approve if form.agrees else actions.refuse_approval
    try:
        act(approval=asked, now=now, reason=form.cleaned_data["reason"])
    except AlreadyAnswered:
        # Somebody was faster: the same manager in another window, or the clock.
        return _page(request, approval_by_link(token, now=now), form)
    return redirect(request.path)


def _page(request: HttpRequest, asked: Approval | None, form: ManagerAnswerForm) -> HttpResponse:
    """How the question stands, and the form while it is open."""
    if asked is None:
        return render(
            request,
            "places/managers/approval.html",
            {"stands": QuestionState.NOT_NEEDED},
            status=410,
        )
    stands = state_of_question(asked, now=timezone.now())
    booking = asked.booking
    sittings = list(booking.session.sittings.all())
    context = {
        "approval": asked,
        "stands": stands,
        "form": form if stands == QuestionState.OPEN else None,
        "person": booking.person,
        "session": booking.session,
        "sittings": sittings,
        "has_a_place": booking.state in booking.HOLDING,
        "cost": terms.charges_if_not_used(booking, [SittingTimes.of(each) for each in sittings]),
    }
    is_late = request.method == "POST" and stands != QuestionState.OPEN
    status = 410 if stands in _GONE else 409 if is_late else 422 if form.errors else 200
    return render(request, "places/managers/approval.html", context, status=status)


@never_cache
@at_most(20)
@login_required
def change(request: HttpRequest, booking_id: int) -> HttpResponse:
    """Ask another manager, as long as nobody has answered."""
    person, now = signed_in(request), timezone.now()
    booking = booking_to_ask_about(person, booking_id)
    asked = {"manager_email": booking.approval.manager_email}
    form = ManagerForm(request.POST if request.method == "POST" else None, initial=asked)
    is_open = asking.state_of_question(booking.approval, now=now) == asking.QuestionState.OPEN
    if is_open and form.is_valid():
        try:
            asking.change_manager(
                booking=booking,
                manager_email=form.cleaned_data["manager_email"],
                by=person,
                now=now,
            )
        except ManagerNeeded as refused:
            form.add_error("manager_email", refused.with_instead)
        except AlreadyAnswered:
            is_open = False
        else:
            messages.success(request, "Your manager’s address is saved.")
            return redirect(booking)
    context = {"booking": booking, "session": booking.session, "form": form, "is_open": is_open}
    is_late = request.method == "POST" and not is_open
    status = 409 if is_late else 422 if form.errors else 200
    return render(request, "places/managers/manager.html", context, status=status)
