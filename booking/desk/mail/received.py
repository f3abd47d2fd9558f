"""The delivery desk's other half: mail that came back to us and that somebody must read."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone

from accounts.access import desk
from accounts.failing_mail import people_whose_mail_fails
from accounts.views import signed_in
from booking.desk.mail.messages import WhyForm
from booking.desk.mail.queries import mail_counts
from booking.replies import actions
from booking.replies.models import MailboxState, ReceivedMail, mail_to_read
from booking.replies.reading import is_read_here
from booking.site.web import page, paged, posted

_PER_PAGE = 50


@desk()
def manage_received(request: HttpRequest) -> HttpResponse:
    """Mail of the reply mailbox that no program could deal with."""
    context = {
        "page_obj": paged(request, mail_to_read(), per_page=_PER_PAGE),
        "mailbox": MailboxState.current(),
        "is_read_here": is_read_here(),
        **mail_counts(),
    }
    return render(request, "desk/mail/received.html", context)


@desk()
def manage_addresses(request: HttpRequest) -> HttpResponse:
    """People whose address mail does not reach."""
    people = paged(request, people_whose_mail_fails(), per_page=_PER_PAGE)
    context = {"page_obj": people, **mail_counts()}
    return render(request, "desk/mail/addresses.html", context)


@desk(post=120)
def manage_address_works(request: HttpRequest, person_id: int) -> HttpResponse:
    """Say that mail reaches somebody after all, and how that is known."""
    person = get_object_or_404(people_whose_mail_fails(), pk=person_id)
    form = WhyForm(posted(request))
    if form.is_valid():
        actions.say_address_works(
            person=person, by=signed_in(request), now=timezone.now(), why=form.cleaned_data["why"]
        )
        messages.success(request, f"Mail to {person.email} counts as arriving again.")
        return redirect("manage_addresses")
    context = {"person": person, "form": form}
    return page(request, "desk/mail/address_works.html", context)


@desk(post=120, only_post=True)
def settle(request: HttpRequest, received_id: int) -> HttpResponse:
    """Take a mail off the list."""
    received = get_object_or_404(ReceivedMail, pk=received_id)
    actions.mark_dealt_with(received=received, by=signed_in(request), now=timezone.now())
    messages.success(request, "It is off the list. The mail itself stays in the mailbox.")
    return redirect("manage_received")
