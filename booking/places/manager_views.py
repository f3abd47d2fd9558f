"""Where somebody who waits for their manager's agreement names another manager."""

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.cache import never_cache

from accounts.views import signed_in
from booking.places import approvals
from booking.places.forms import ManagerForm
from booking.places.loaders import booking_to_ask_about
from booking.places.refusals import AlreadyAnswered, ManagerNeeded
from booking.site.limits import at_most


@never_cache
@at_most(20)
@login_required
def change(request: HttpRequest, booking_id: int) -> HttpResponse:
    """Ask another manager, as long as nobody has answered."""
    person, now = signed_in(request), timezone.now()
    booking = booking_to_ask_about(person, booking_id)
    asked = {"manager_email": booking.approval.manager_email}
    form = ManagerForm(request.POST if request.method == "POST" else None, initial=asked)
    is_open = approvals.standing(booking.approval, now=now) == approvals.Standing.OPEN
    if is_open and form.is_valid():
        try:
            approvals.change_manager(
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
    return render(request, "places/manager.html", context, status=status)
