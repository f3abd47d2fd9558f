"""Where a line manager, who needs no account, sees what is asked of them and answers."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone

from booking.places import actions, charges
from booking.places.announcements import SittingTimes
from booking.places.answer_forms import ManagerAnswerForm
from booking.places.approvals import Standing, standing
from booking.places.link_pages import opened_by_link
from booking.places.loaders import approval_by_link
from booking.places.refusals import AlreadyAnswered

_STATUS = {Standing.RUN_OUT: 410, Standing.NOT_NEEDED: 410}


@opened_by_link
def approval(request: HttpRequest, token: str) -> HttpResponse:
    """Show what is asked, and take the one answer. Looking answers nothing: mail scanners look."""
    asked = approval_by_link(token)
    now = timezone.now()
    stands = standing(asked, now=now)
    form = ManagerAnswerForm(request.POST if request.method == "POST" else None)
    status = _STATUS.get(stands, 200)
    if request.method == "POST" and stands != Standing.OPEN:
        status = 409
    elif form.is_valid():
        act = actions.approve if form.agrees else actions.refuse_approval
        try:
            act(approval=asked, now=now, reason=form.cleaned_data["reason"])
        except AlreadyAnswered:
            asked, status = approval_by_link(token), 409
            stands = standing(asked, now=now)
        else:
            return redirect(request.path)
    elif form.errors:
        status = 422
    booking = asked.booking
    sittings = list(booking.session.sittings.all())
    context = {
        "approval": asked,
        "stands": stands,
        "form": form,
        "person": booking.person,
        "session": booking.session,
        "sittings": sittings,
        "has_a_place": booking.state in booking.HOLDING,
        "cost": charges.if_not_used(booking, [SittingTimes.of(each) for each in sittings]),
    }
    return render(request, "places/approval.html", context, status=status)
