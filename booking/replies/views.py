"""The delivery desk's other half: mail that came back to us and that somebody must read."""

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_POST

from accounts.permissions import coordinators_only
from accounts.views import signed_in
from booking.rate_limits import at_most
from booking.replies import actions
from booking.replies.models import MailboxState, ReceivedMail, mail_to_read
from booking.replies.reading import is_read_here

_PER_PAGE = 50


@never_cache
@coordinators_only
@require_GET
def manage_received(request: HttpRequest) -> HttpResponse:
    """Mail of the reply mailbox that no program could deal with."""
    context = {
        "page_obj": Paginator(mail_to_read(), _PER_PAGE).get_page(request.GET.get("page")),
        "mailbox": MailboxState.current(),
        "is_read_here": is_read_here(),
    }
    return render(request, "manage/received.html", context)


@never_cache
@at_most(120)
@coordinators_only
@require_POST
def settle(request: HttpRequest, received_id: int) -> HttpResponse:
    """Take a mail off the list."""
    received = get_object_or_404(ReceivedMail, pk=received_id)
    actions.settle(received=received, by=signed_in(request), now=timezone.now())
    messages.success(request, "It is off the list. The mail itself stays in the mailbox.")
    return redirect("manage_received")
