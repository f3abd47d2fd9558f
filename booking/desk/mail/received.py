"""The delivery desk's other half: mail that came back to us and that somebody must read."""

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_POST

from accounts.access import coordinators_only
from accounts.failing_mail import people_whose_mail_fails
from accounts.views import signed_in
from booking.desk.mail.messages import WhyForm
from booking.desk.mail.queries import mail_counts
from booking.replies import actions
from booking.replies.models import MailboxState, ReceivedMail, mail_to_read
from booking.replies.reading import is_read_here
from booking.site.limits import at_most

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
        **mail_counts(),
    }
    return render(request, "desk/mail/received.html", context)


@never_cache
@coordinators_only
@require_GET
def manage_addresses(request: HttpRequest) -> HttpResponse:
    """People whose address mail does not reach."""
    people = Paginator(people_whose_mail_fails(), _PER_PAGE)
    context = {"page_obj": people.get_page(request.GET.get("page")), **mail_counts()}
    return render(request, "desk/mail/addresses.html", context)


@never_cache
@at_most(120)
@coordinators_only
def manage_address_works(request: HttpRequest, person_id: int) -> HttpResponse:
    """Say that mail reaches somebody after all, and how that is known."""
    person = get_object_or_404(people_whose_mail_fails(), pk=person_id)
    form = WhyForm(request.POST if request.method == "POST" else None)
    if form.is_valid():
        actions.say_address_works(
            person=person, by=signed_in(request), now=timezone.now(), why=form.cleaned_data["why"]
        )
        messages.success(request, f"Mail to {person.email} counts as arriving again.")
        return redirect("manage_addresses")
    context = {"person": person, "form": form}
    return render(
        request, "desk/mail/address_works.html", context, status=422 if form.errors else 200
    )


@never_cache
@at_most(120)
@coordinators_only
@require_POST
def settle(request: HttpRequest, received_id: int) -> HttpResponse:
    """Take a mail off the list."""
    received = get_object_or_404(ReceivedMail, pk=received_id)
    actions.mark_dealt_with(received=received, by=signed_in(request), now=timezone.now())
    messages.success(request, "It is off the list. The mail itself stays in the mailbox.")
    return redirect("manage_received")
