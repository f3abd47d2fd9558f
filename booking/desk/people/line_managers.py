"""Coordinators' desk: managers' addresses that are at no domain of the practitioner's agency."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone

from accounts.access import desk
from accounts.views import signed_in
from booking.places import actions
from booking.places.managers import asking
from booking.places.managers.models import Approval, ApprovalQuerySet
from booking.places.pages.forms import RefuseAddressForm
from booking.places.refusals import AlreadyAnswered
from booking.site.web import page, paged, posted

_PER_PAGE = 30
_SETTLED = "This address has been settled, or the request has ended."


def _with_booking() -> ApprovalQuerySet:
    return Approval.objects.select_related("booking__person__agency", "booking__session__course")


@desk()
def to_confirm(request: HttpRequest) -> HttpResponse:
    """Addresses that somebody must look at before the manager is asked."""
    waiting = _with_booking().to_confirm(now=timezone.now())
    context = {"page_obj": paged(request, waiting, per_page=_PER_PAGE)}
    return render(request, "desk/people/managers.html", context)


@desk(post=60, only_post=True)
def confirm(request: HttpRequest, approval_id: int) -> HttpResponse:
    """The address is the manager's: ask them."""
    approval = get_object_or_404(_with_booking(), pk=approval_id)
    try:
        asking.confirm_address(approval=approval, by=signed_in(request), now=timezone.now())
    except AlreadyAnswered:
        messages.info(request, _SETTLED)
    else:
        messages.success(request, f"{approval.manager_email} is asked now.")
    return redirect("manage_managers")


@desk(post=60)
def decline(request: HttpRequest, approval_id: int) -> HttpResponse:
    """The address is nobody's manager's: end the request, for a reason the person is told."""
    approval = get_object_or_404(_with_booking(), pk=approval_id)
    is_open = approval.state == Approval.State.UNCONFIRMED and approval.booking.is_live
    form = RefuseAddressForm(posted(request))
    if is_open and form.is_valid():
        reason, by = form.cleaned_data["reason"], signed_in(request)
        try:
            actions.refuse_approval(approval=approval, now=timezone.now(), reason=reason, by=by)
        except AlreadyAnswered:
            is_open = False
        else:
            messages.success(request, f"The request of {approval.booking.person} has ended.")
            return redirect("manage_managers")
    if not is_open:
        messages.info(request, _SETTLED)
        return redirect("manage_managers")
    context = {"approval": approval, "booking": approval.booking, "form": form}
    return page(request, "desk/people/manager_decline.html", context)
