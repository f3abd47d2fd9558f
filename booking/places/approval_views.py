"""Where a line manager, who needs no account, sees what is asked of them and answers."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone

from booking.catalogue.sittings import SittingTimes
from booking.places import actions, charges
from booking.places.answer_forms import ManagerAnswerForm
from booking.places.approvals import Standing, standing
from booking.places.loaders import approval_by_link
from booking.places.refusals import AlreadyAnswered
from booking.places.rule_models import Approval
from booking.site.limits import opened_by_link

_GONE = (Standing.RUN_OUT, Standing.NOT_NEEDED)


@opened_by_link
def approval(request: HttpRequest, token: str) -> HttpResponse:
    """Show what is asked, and take the one answer. Looking answers nothing: mail scanners look."""
    now = timezone.now()
    asked = approval_by_link(token, now=now)
    form = ManagerAnswerForm(request.POST if request.method == "POST" else None)
    if asked is None or standing(asked, now=now) != Standing.OPEN or not form.is_valid():
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
        return render(request, "places/approval.html", {"stands": Standing.NOT_NEEDED}, status=410)
    stands = standing(asked, now=timezone.now())
    booking = asked.booking
    sittings = list(booking.session.sittings.all())
    context = {
        "approval": asked,
        "stands": stands,
        "form": form if stands == Standing.OPEN else None,
        "person": booking.person,
        "session": booking.session,
        "sittings": sittings,
        "has_a_place": booking.state in booking.HOLDING,
        "cost": charges.if_not_used(booking, [SittingTimes.of(each) for each in sittings]),
    }
    is_late = request.method == "POST" and stands != Standing.OPEN
    status = 410 if stands in _GONE else 409 if is_late else 422 if form.errors else 200
    return render(request, "places/approval.html", context, status=status)
