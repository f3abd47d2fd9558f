"""The delivery desk: mail that has left, has not, or came back, and what to do about it."""

from collections.abc import Iterable
from datetime import datetime

from django.contrib import messages
from django.db import transaction
from django.db.models import Count, Q, QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone

from accounts.access import desk, looked_at
from accounts.actions import CorrectionRefused
from accounts.failing import people_whose_mail_may_fail
from accounts.fields import email_field
from accounts.models import AccessRecord, User
from accounts.views import signed_in
from booking.calendars.actions import revoke_all_feeds
from booking.catalogue.models import Session
from booking.desk.questions import reason_field
from booking.outbox import remedies
from booking.outbox.models import ACCOUNT_MAIL, Message
from booking.outbox.reading import file_of, letter_of
from booking.outbox.refusals import MessageRefused
from booking.outbox.remedies import Corrected
from booking.outbox.topics import topic_of
from booking.outbox.watch import backlog, refusing_domains
from booking.replies import actions as replies
from booking.replies.models import MailboxState, ReceivedMail, mail_put_away, mail_to_read
from booking.replies.reading import is_read_here
from booking.site.form_kit import Form
from booking.site.web import done, page, paged, posted, search_text
from booking.site.wording import counted

State, Kind = Message.State, ReceivedMail.Kind
_PER_PAGE = 50

# What the desk can show, by the name in its address: what it is called, and which messages.
DESK_FILTERS = {
    "all": ("All unsent", Q(state__in=Message.UNSETTLED)),
    "parked": ("Parked", Q(state=State.PARKED)),
    "retrying": (
        "Being tried again",
        Q(state__in=[State.WAITING, State.SENDING]) & ~Q(last_error=""),
    ),
    "waiting": ("Waiting", Q(state__in=[State.WAITING, State.SENDING], last_error="")),
    "letters": ("By post", Q(state=State.LETTER)),
    "returned": ("Came back", Q(state=State.SENT, bounced_at__isnull=False)),
    "sent": ("Sent", Q(state=State.SENT, bounced_at__isnull=True)),
    "given-up": ("Given up", Q(state__in=[State.DROPPED, State.SUPERSEDED])),
}
_NEWEST_FIRST = ("returned", "sent", "given-up")

# Mail to trainers, and of a new date, is about a session and about nobody's booking.
_ABOUT_A_SESSION = "session:"


def sessions_about(messages: Iterable[Message]) -> dict[int, Session]:
    """Which session each message is about, by the message's key; nothing for mail about accounts.

    The messages come with their bookings. Costs one statement at most.
    """
    found = {each.pk: each.booking.session for each in messages if each.booking}
    others = {
        each.pk: int(each.subject_key.removeprefix(_ABOUT_A_SESSION))
        for each in messages
        if not each.booking and each.subject_key.startswith(_ABOUT_A_SESSION)
    }
    sessions = Session.objects.select_related("course").in_bulk(set(others.values()))
    return found | {key: sessions[about] for key, about in others.items() if about in sessions}


def messages_on_desk(*, show: str, search: str, session: str) -> QuerySet[Message]:
    """The mail of one filter, about one session if its reference is given.

    `search` is in the address of the mail, or finds its person; mail about an account belongs to
    whose address it is. What waits comes oldest first, what is over newest first.
    """
    _, wanted = DESK_FILTERS[show]
    chosen = Message.objects.filter(wanted).select_related("recipient", "booking__session")
    if search:
        people = User.objects.found_by(search)
        chosen = chosen.filter(
            Q(to_email__icontains=search)
            | Q(recipient__in=people.values("pk"))
            | Q(topic=ACCOUNT_MAIL, to_email__in=people.values("email"))
        )
    if session:
        keys = Session.objects.filter(reference__iexact=session).values_list("pk", flat=True)
        about_it = [f"{_ABOUT_A_SESSION}{key}" for key in keys]
        chosen = chosen.filter(
            Q(booking__session__reference__iexact=session) | Q(subject_key__in=about_it)
        )
    # The text of a mail can hold a sign-in code; the desk does not read it.
    return chosen.defer("mime", "payload").order_by("-id" if show in _NEWEST_FIRST else "id")


def _message(
    request: HttpRequest, message_id: int, form: AccessRecord.Form = AccessRecord.Form.PAGE
) -> Message:
    """Any message, for a coordinator whose look goes on record. Raises `Http404`."""
    found = Message.objects.select_related("recipient", "booking__session__course")
    message = get_object_or_404(found, pk=message_id)
    whose = message.recipient or User.objects.filter(email=message.to_email).first()
    looked_at(whose or message, by=signed_in(request), what="mail", form=form)
    return message


@desk()
def messages_page(request: HttpRequest) -> HttpResponse:
    """Messages by where they are, by person and by session."""
    show = request.GET.get("show", "")
    show = show if show in DESK_FILTERS else "all"
    search, session = search_text(request), search_text(request, "session")
    rows = messages_on_desk(show=show, search=search, session=session)
    on_page = paged(request, rows, per_page=_PER_PAGE)
    looked_at(None, by=signed_in(request), what="mail", rows=len(on_page))
    sessions = sessions_about(on_page)
    context = {
        "page_obj": on_page,
        "rows": [(row, topic_of(row.topic).words, sessions.get(row.pk)) for row in on_page],
        "show": show,
        "filters": {name: label for name, (label, _) in DESK_FILTERS.items()},
        "search": search,
        "session_reference": session,
        "backlog": backlog(now=timezone.now()),
        "refusing": refusing_domains(now=timezone.now()),
    }
    return render(request, "desk/mail/messages.html", context)


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
        "letter": letter_of(message),
        "events": message.events.select_related("by"),
        "can_retry": can_wait or (message.came_back and not (message.holds_a_code or lost)),
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
    if form.is_valid():
        try:
            corrected = correct_everywhere(
                message=message, by=signed_in(request), now=timezone.now(), **form.cleaned_data
            )
            return done(request, corrected_words(corrected), "manage_message", message.pk)
        except (MessageRefused, CorrectionRefused) as refused:
            form.add_error("to_email", refused.sentence)
    context = {
        "message_row": message,
        "topic": topic_of(message.topic).words,
        "form": form,
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


class WhyForm(Form):
    """A reason that stays on record."""

    why = reason_field(help_text="Coordinators can read it on the page of this message.")


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


# What was read, by the name in its address. All but the first was put away.
RECEIVED = {
    "listed": "Needs reading",
    Kind.REPORT.value: "Reports of mail servers",
    Kind.ANSWER.value: "Answers from calendars",
    Kind.RECEIPT.value: "Read receipts",
    Kind.NOTICE.value: "Automatic replies",
}


@desk()
def manage_received(request: HttpRequest) -> HttpResponse:
    """Mail of the reply mailbox that no program could deal with, and what was put away."""
    show = request.GET.get("show", "")
    show = show if show in RECEIVED else "listed"
    put_away = mail_put_away(now=timezone.now())
    counts = dict(put_away.order_by().values_list("kind").annotate(Count("pk")))
    counts["listed"] = mail_to_read().count()
    rows = mail_to_read() if show == "listed" else put_away.filter(kind=show)
    received = paged(request, rows, per_page=_PER_PAGE)
    looked_at(None, by=signed_in(request), what="mail received", rows=len(received))
    context = {
        "page_obj": received,
        "show": show,
        "shown_words": RECEIVED[show],
        "filters": [(name, words, counts.get(name, 0)) for name, words in RECEIVED.items()],
        "kept_days": ReceivedMail.KEPT_DAYS,
        "mailbox": MailboxState.current(),
        "is_read_here": is_read_here(),
    }
    return render(request, "desk/mail/received.html", context)


@desk()
def manage_addresses(request: HttpRequest) -> HttpResponse:
    """People whose address mail does not reach, or may not."""
    people = paged(request, people_whose_mail_may_fail(), per_page=_PER_PAGE)
    looked_at(None, by=signed_in(request), what="addresses that fail", rows=len(people))
    context = {"page_obj": people}
    return render(request, "desk/mail/addresses.html", context)


@desk(post=120)
def manage_address_works(request: HttpRequest, person_id: int) -> HttpResponse:
    """Say that mail reaches somebody after all, and how that is known."""
    person = get_object_or_404(people_whose_mail_may_fail(), pk=person_id)
    looked_at(person, by=signed_in(request), what="address that fails")
    form = WhyForm(posted(request))
    if form.is_valid():
        by, now = signed_in(request), timezone.now()
        replies.say_address_works(person=person, by=by, now=now, **form.cleaned_data)
        return done(
            request, f"Mail to {person.email} counts as arriving again.", "manage_addresses"
        )
    context = {"person": person, "form": form}
    return page(request, "desk/mail/address_works.html", context)


@desk(post=120, only_post=True)
def settle_received(request: HttpRequest, received_id: int) -> HttpResponse:
    """Take a mail off the list."""
    received = get_object_or_404(ReceivedMail, pk=received_id)
    replies.mark_dealt_with(received=received, by=signed_in(request), now=timezone.now())
    words = "It is off the list. The mail itself stays in the mailbox."
    return done(request, words, "manage_received")


@desk(post=120, only_post=True)
def bring_back_received(request: HttpRequest, received_id: int) -> HttpResponse:
    """Put a mail that was put away on the list of what needs reading."""
    received = get_object_or_404(ReceivedMail, pk=received_id)
    replies.bring_back(received=received, by=signed_in(request), now=timezone.now())
    words = (
        "It is on the list of mail that needs reading. The mail itself is where it was put away."
    )
    return done(request, words, "manage_received")
