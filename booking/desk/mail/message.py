"""One message: where it is, what it says, and what is done about it."""

from datetime import datetime
from typing import Any

from django.contrib import messages
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone

from accounts.access import desk, looked_at
from accounts.actions import AddressTaken, CorrectionRefused
from accounts.addresses import as_stored
from accounts.fields import email_field
from accounts.models import AccessRecord, User
from accounts.views import signed_in
from booking.bulletins.sending import bulletin_of
from booking.calendars.actions import revoke_all_feeds
from booking.desk.mail.messages import sessions_about
from booking.desk.person.finding import account_of_address
from booking.desk.questions import WhyForm
from booking.mail.again import has_arrived_bulletin, send_again
from booking.outbox import remedies
from booking.outbox.models import Message
from booking.outbox.reading import file_of, letter_of
from booking.outbox.refusals import MessageRefused
from booking.outbox.remedies import Corrected
from booking.outbox.topics import topic_of
from booking.site.web import done, page, posted
from booking.site.wording import counted

State = Message.State


def _message(
    request: HttpRequest, message_id: int, form: AccessRecord.Form = AccessRecord.Form.PAGE
) -> Message:
    """Any message, for a coordinator whose look goes on record. Raises `Http404`."""
    found = Message.objects.with_doubts().select_related("recipient", "booking__session__course")
    message = get_object_or_404(found, pk=message_id)
    looked_at(whose_mail(message) or message, by=signed_in(request), what="mail", form=form)
    return message


def whose_mail(message: Message) -> User | None:
    """The person it is for; mail about an account names only its address."""
    return message.recipient or User.objects.filter(email=as_stored(message.to_email)).first()


@desk()
def message_page(request: HttpRequest, message_id: int) -> HttpResponse:
    """One message: where it is, what it says, what was done about it."""
    message = _message(request, message_id)
    can_wait = message.state in (State.WAITING, State.PARKED)
    stuck, lost = can_wait or message.came_back, message.is_forgotten
    context = {
        "message_row": message,
        "topic": topic_of(message.topic).words,
        "session": sessions_about([message]).get(message.pk),
        "bulletin": bulletin_of(message),
        "letter": letter_of(message),
        "person": whose_mail(message),
        "events": message.events.select_related("by"),
        "can_retry": can_wait,
        "can_go_again": message.is_settled
        and not message.holds_a_code
        and (message.booking is not None or not lost)
        and not has_arrived_bulletin(message),
        "can_correct": stuck and not (message.is_secret or lost or message.may_have_arrived),
        "can_drop": can_wait,
        "alike": len(remedies.parked_alike(message)) if message.state == State.PARKED else 0,
    }
    return render(request, "desk/mail/message.html", context)


@desk()
def mail_file(request: HttpRequest, message_id: int) -> HttpResponse:
    """The mail as a file that a mail program opens."""
    message = _message(request, message_id, AccessRecord.Form.FILE)
    content = file_of(message)
    if content is None:
        raise Http404
    return HttpResponse(
        content,
        content_type="message/rfc822",
        headers={"Content-Disposition": f'attachment; filename="message-{message.pk}.eml"'},
    )


@desk(post=120, only_post=True)
def retry(request: HttpRequest, message_id: int) -> HttpResponse:
    """Send a message again, to the same address."""
    message = _message(request, message_id)
    try:
        remedies.retry(message=message, by=signed_in(request), now=timezone.now())
        messages.success(request, f"The message to {message.to_email} will be sent again.")
    except MessageRefused as refused:
        messages.info(request, refused.sentence)
    return redirect("manage_message", message.pk)


@desk(post=60, only_post=True)
def again(request: HttpRequest, message_id: int) -> HttpResponse:
    """Write a notice anew, of what is true now, and send it to its person."""
    message = _message(request, message_id)
    back = message.booking if request.POST.get("back") == "booking" else None
    try:
        sent = send_again(message=message, by=signed_in(request), now=timezone.now())
    except MessageRefused as refused:
        messages.info(request, refused.sentence)
        return redirect(back or "manage_message", *([] if back else [message.pk]))
    of_dates = f", in {counted(len(sent), 'message')}" if len(sent) > 1 else ""
    words = f"{topic_of(message.topic).words}: sent again to {sent[0].to_email}{of_dates}."
    return done(
        request,
        words,
        back.get_absolute_url() if back else "manage_message",
        *([] if back else [sent[0].pk]),
    )


@desk(post=120)
def retry_alike(request: HttpRequest, message_id: int) -> HttpResponse:
    """Send again all messages that are parked for the same reason, after a page that says how
    many."""
    message = _message(request, message_id)
    if request.method == "POST":
        try:
            sent = remedies.retry_alike(message=message, by=signed_in(request), now=timezone.now())
            messages.success(request, f"{counted(sent, 'message')} will be sent again.")
        except MessageRefused as refused:
            messages.info(request, refused.sentence)
        return redirect("manage_messages")
    alike = remedies.parked_alike(message) if message.state == State.PARKED else []
    context = {
        "message_row": message,
        "topic": topic_of(message.topic).words,
        "number": len(alike),
        "oldest": alike[0] if alike else None,
        "addresses": len({each.to_email for each in alike}),
    }
    return render(request, "desk/mail/retry_alike.html", context)


@desk(post=120, proof=True)
def correct_address(request: HttpRequest, message_id: int) -> HttpResponse:
    """Send a message that did not arrive to another address."""
    message = _message(request, message_id)
    form = AddressForm(posted(request))
    context: dict[str, Any] = {"form": form}
    if form.is_valid():
        try:
            corrected = correct_everywhere(
                message=message, by=signed_in(request), now=timezone.now(), **form.cleaned_data
            )
            return done(request, corrected_words(corrected), "manage_message", message.pk)
        except (MessageRefused, CorrectionRefused) as refused:
            if isinstance(refused, AddressTaken) and message.recipient is not None:
                email = form.cleaned_data["to_email"]
                context |= account_of_address(request, email, not_of=message.recipient)
            form.add_error("to_email", refused.sentence)
    context |= {
        "message_row": message,
        "topic": topic_of(message.topic).words,
        "with_account": remedies.is_to_account(message),
    }
    return page(request, "desk/mail/address.html", context)


@desk(post=120)
def drop(request: HttpRequest, message_id: int) -> HttpResponse:
    """Give up a message, for a reason that stays on record."""
    message = _message(request, message_id)
    form = WhyForm(posted(request))
    if form.is_valid():
        try:
            by, now = signed_in(request), timezone.now()
            remedies.drop(message=message, by=by, now=now, **form.cleaned_data)
            messages.success(request, f"The message to {message.to_email} is dropped.")
        except MessageRefused as refused:
            messages.info(request, refused.sentence)
        return redirect("manage_message", message.pk)
    context = {
        "message_row": message,
        "topic": topic_of(message.topic).words,
        "session": sessions_about([message]).get(message.pk),
        "form": form,
        "droppable": message.state in (State.PARKED, State.WAITING),
    }
    return page(request, "desk/mail/drop.html", context)


class AddressForm(WhyForm):
    """Another address for one message."""

    to_email = email_field("Send it to", error_messages={"required": "Enter an email address."})
    field_order = ("to_email", "why")


def corrected_words(corrected: Corrected) -> str:
    """What correcting an address did, with what is left for the coordinator to do."""
    email = corrected.sent[0].to_email
    told = [f"{counted(len(corrected.sent), 'message')} will be sent to {email}."]
    if corrected.with_account:
        told.append("Their account has this address now: they sign in with a code sent to it.")
    links = [topic_of(each.topic).words for each in corrected.dropped if not each.holds_a_code]
    if links:
        told.append(
            f"Not sent, because it holds a link only they may use: {', '.join(links)}. Tell them to"
            " sign in and answer on the page of their booking."
        )
    return " ".join(told)


def correct_everywhere(
    *, message: Message, to_email: str, by: User, why: str, now: datetime
) -> Corrected:
    """Send a message to another address, as `booking.outbox.remedies.correct_address` does.

    With the account's address its private calendar addresses end as well: somebody at the wrong
    address may have taken one. Raises what that raises.
    """
    with transaction.atomic():
        corrected = remedies.correct_address(
            message=message, to_email=to_email, by=by, why=why, now=now
        )
        if corrected.with_account and message.recipient is not None:
            revoke_all_feeds(person=message.recipient, now=now)
    return corrected
