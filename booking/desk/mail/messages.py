"""The delivery desk: mail that has left, has not, or came back, and what to do about it."""

from datetime import datetime

from django import forms
from django.contrib import messages
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone

from accounts.access import desk
from accounts.actions import CorrectionRefused
from accounts.models import User
from accounts.views import signed_in
from booking.calendars.actions import revoke_all_feeds
from booking.desk.mail.queries import DESK_FILTERS, mail_counts, messages_on_desk, sessions_about
from booking.desk.sessions.forms import REASON_LENGTH
from booking.outbox import remedies
from booking.outbox.models import Message
from booking.outbox.reading import file_of, letter_of
from booking.outbox.remedies import Corrected, MessageRefused
from booking.outbox.topics import topic_words
from booking.outbox.watch import backlog
from booking.site.form_kit import Form, email_field
from booking.site.web import page, paged, posted, search_text
from booking.site.wording import counted

_PER_PAGE = 50
State = Message.State


def _message(message_id: int) -> Message:
    """Any message, without its text. Raises `Http404`."""
    found = Message.objects.defer("mime").select_related("recipient", "booking__session__course")
    return get_object_or_404(found, pk=message_id)


@desk()
def messages_page(request: HttpRequest) -> HttpResponse:
    """Messages by where they are, by person and by session."""
    show = request.GET.get("show", "")
    show = show if show in DESK_FILTERS else "all"
    search, session = search_text(request), search_text(request, "session")
    rows = messages_on_desk(show=show, search=search, session=session)
    page = paged(request, rows, per_page=_PER_PAGE)
    sessions = sessions_about(page)
    context = {
        "page_obj": page,
        "rows": [(row, topic_words(row.topic), sessions.get(row.pk)) for row in page],
        "show": show,
        "filters": DESK_FILTERS,
        "search": search,
        "session_reference": session,
        "backlog": backlog(now=timezone.now()),
        **mail_counts(),
    }
    return render(request, "desk/mail/messages.html", context)


@desk()
def message_page(request: HttpRequest, message_id: int) -> HttpResponse:
    """One message: where it is, what it says, what was done about it."""
    message = get_object_or_404(
        Message.objects.select_related("recipient", "booking__session__course"), pk=message_id
    )
    can_wait = message.state in (State.WAITING, State.PARKED)
    stuck = can_wait or message.came_back
    context = {
        "message_row": message,
        "topic": topic_words(message.topic),
        "session": sessions_about([message]).get(message.pk),
        "letter": letter_of(message),
        "events": message.events.select_related("by"),
        "can_retry": can_wait or (message.came_back and not message.holds_a_code),
        "can_correct": stuck and not message.is_secret and not message.may_have_arrived,
        "can_drop": can_wait,
        "alike": len(remedies.parked_alike(message)) if message.state == State.PARKED else 0,
    }
    return render(request, "desk/mail/message.html", context)


@desk()
def mail_file(request: HttpRequest, message_id: int) -> HttpResponse:
    """The mail as a file that a mail program opens."""
    message = get_object_or_404(Message, pk=message_id)
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
    message = _message(message_id)
    try:
        remedies.retry(message=message, by=signed_in(request), now=timezone.now())
    except MessageRefused as refused:
        messages.info(request, refused.sentence)
    else:
        messages.success(request, f"The message to {message.to_email} will be sent again.")
    return redirect("manage_message", message.pk)


@desk(post=120)
def retry_alike(request: HttpRequest, message_id: int) -> HttpResponse:
    """Send again all messages that are parked for the same reason, after a page that says how
    many."""
    message = _message(message_id)
    if request.method == "POST":
        try:
            sent = remedies.retry_alike(message=message, by=signed_in(request), now=timezone.now())
        except MessageRefused as refused:
            messages.info(request, refused.sentence)
        else:
            messages.success(request, f"{counted(sent, 'message')} will be sent again.")
        return redirect("manage_messages")
    alike = remedies.parked_alike(message) if message.state == State.PARKED else []
    context = {
        "message_row": message,
        "topic": topic_words(message.topic),
        "number": len(alike),
        "oldest": alike[0] if alike else None,
        "addresses": len({each.to_email for each in alike}),
    }
    return render(request, "desk/mail/retry_alike.html", context)


@desk(post=120)
def correct_address(request: HttpRequest, message_id: int) -> HttpResponse:
    """Send a message that did not arrive to another address."""
    message = _message(message_id)
    form = AddressForm(posted(request))
    if form.is_valid():
        try:
            done = correct_everywhere(
                message=message, by=signed_in(request), now=timezone.now(), **form.cleaned_data
            )
        except (MessageRefused, CorrectionRefused) as refused:
            form.add_error("to_email", refused.sentence)
        else:
            messages.success(request, corrected_words(done))
            return redirect("manage_message", message.pk)
    context = {
        "message_row": message,
        "topic": topic_words(message.topic),
        "form": form,
        "with_account": remedies.is_to_account(message),
    }
    return page(request, "desk/mail/address.html", context)


@desk(post=120)
def drop(request: HttpRequest, message_id: int) -> HttpResponse:
    """Give up a message, for a reason that stays on record."""
    message = _message(message_id)
    form = WhyForm(posted(request))
    if form.is_valid():
        try:
            remedies.drop(
                message=message,
                by=signed_in(request),
                why=form.cleaned_data["why"],
                now=timezone.now(),
            )
        except MessageRefused as refused:
            messages.info(request, refused.sentence)
        else:
            messages.success(request, f"The message to {message.to_email} is dropped.")
        return redirect("manage_message", message.pk)
    context = {
        "message_row": message,
        "topic": topic_words(message.topic),
        "session": sessions_about([message]).get(message.pk),
        "form": form,
        "droppable": message.state in (State.PARKED, State.WAITING),
    }
    return page(request, "desk/mail/drop.html", context)


class WhyForm(Form):
    """A reason that stays on record."""

    why = forms.CharField(
        label="Reason",
        help_text="Coordinators can read it on the page of this message.",
        max_length=REASON_LENGTH,
        widget=forms.Textarea(attrs={"rows": 3}),
    )


class AddressForm(WhyForm):
    """Another address for one message."""

    to_email = email_field("Send it to", error_messages={"required": "Enter an email address."})
    field_order = ("to_email", "why")


def corrected_words(done: Corrected) -> str:
    """What correcting an address did, with what is left for the coordinator to do."""
    email = done.sent[0].to_email
    told = [f"{counted(len(done.sent), 'message')} will be sent to {email}."]
    if done.with_account:
        told.append("Their account has this address now: they sign in with a code sent to it.")
    links = [topic_words(each.topic) for each in done.dropped if not each.holds_a_code]
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
        done = remedies.correct_address(message=message, to_email=to_email, by=by, why=why, now=now)
        if done.with_account and message.recipient is not None:
            revoke_all_feeds(person=message.recipient, now=now)
    return done
