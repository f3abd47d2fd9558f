"""Mail that came to the reply mailbox, and addresses that mail does not reach."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.db.models import Count
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.utils import timezone

from accounts.access import desk, looked_at
from accounts.addresses import as_stored
from accounts.failing import people_whose_mail_may_fail
from accounts.models import User
from accounts.views import signed_in
from booking.bulletins.subscribing import unreachable
from booking.desk.lists import page_of_people
from booking.desk.questions import WhyForm
from booking.outbox.topics import topic_of
from booking.replies import actions as replies
from booking.replies.models import (
    CalendarReply,
    MailboxState,
    ReceivedMail,
    mail_put_away,
    mail_to_read,
)
from booking.site.web import done, page, paged, posted

Kind = ReceivedMail.Kind
_PER_PAGE = 50
_READERS_SHOWN = 200

# What was read, by the name in its address. All but the first was put away.
RECEIVED = {
    "listed": "Needs reading",
    Kind.REPORT.value: "Reports of mail servers",
    Kind.ANSWER.value: "Answers from calendars",
    Kind.RECEIPT.value: "Read receipts",
    Kind.NOTICE.value: "Automatic replies",
}
# What the list says of each, besides who sent it.
_ABOUT = {
    "listed": "Why it is here",
    Kind.REPORT.value: "What it reports",
    Kind.ANSWER.value: "What it answers",
}


@dataclass(frozen=True)
class CameIn:
    """A mail as the list shows it: who sent it, if we know them; whose message it speaks of, and
    what that is; and what it answers to entries in a calendar."""

    mail: ReceivedMail
    sender: User | None
    topic: str
    person: User | None
    answers: list[CalendarReply]


def as_rows(mails: Iterable[ReceivedMail]) -> list[CameIn]:
    """Costs two statements for all of them."""
    shown = list(mails)
    addresses = {each.from_address for each in shown}
    addresses |= {each.message.to_email for each in shown if each.message}
    people = {each.email: each for each in User.objects.filter(email__in=map(as_stored, addresses))}
    answers: dict[str, list[CalendarReply]] = defaultdict(list)
    given = CalendarReply.objects.filter(message_id__in=[each.key for each in shown])
    for answer in given.select_related("booking__person", "booking__session__course", "sitting"):
        answers[answer.message_id].append(answer)
    return [
        CameIn(
            mail=each,
            sender=people.get(as_stored(each.from_address)),
            topic=topic_of(each.message.topic).words if each.message else "",
            person=(each.message.recipient or people.get(as_stored(each.message.to_email)))
            if each.message
            else None,
            answers=answers[each.key],
        )
        for each in shown
    ]


@desk()
def manage_received(request: HttpRequest) -> HttpResponse:
    """Mail of the reply mailbox that no program could deal with, and what was put away."""
    show = request.GET.get("show", "")
    show = show if show in RECEIVED else "listed"
    put_away = mail_put_away(now=timezone.now())
    counts = dict(put_away.order_by().values_list("kind").annotate(Count("pk")))
    counts["listed"] = mail_to_read().count()
    rows = mail_to_read() if show == "listed" else put_away.filter(kind=show)
    received = paged(request, rows.with_messages(), per_page=_PER_PAGE)
    looked_at(None, by=signed_in(request), what="mail received", rows=len(received))
    context = {
        "page_obj": received,
        "rows": as_rows(received),
        "show": show,
        "shown_words": RECEIVED[show],
        "filters": [(name, words, counts.get(name, 0)) for name, words in RECEIVED.items()],
        "about_words": _ABOUT.get(show, ""),
        "kept_days": ReceivedMail.KEPT_DAYS,
        "mailbox": MailboxState.current(),
        "is_read_here": MailboxState.is_read_here(),
    }
    return page(request, "desk/mail/received.html", context)


@desk()
def manage_addresses(request: HttpRequest) -> HttpResponse:
    """People whose address mail does not reach, or may not; and readers of bulletins who get none
    any more because of that."""
    readers = list(unreachable()[: _READERS_SHOWN + 1])
    context: dict[str, Any] = {
        "readers": readers[:_READERS_SHOWN],
        "number_of_readers": len(readers),
    }
    if len(readers) > _READERS_SHOWN:
        context["number_of_readers"] = unreachable().count()
    template, what = "desk/mail/addresses.html", "addresses that fail"
    return page_of_people(request, template, people_whose_mail_may_fail(), what=what, **context)


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


@desk(post=120)
def bring_back_received(request: HttpRequest, received_id: int) -> HttpResponse:
    """Put a mail that was put away on the list of what needs reading, after a page that says what
    follows from it."""
    received = get_object_or_404(ReceivedMail.objects.with_messages(), pk=received_id)
    [row] = as_rows([received])
    looked_at(row.person or row.sender, by=signed_in(request), what="mail received")
    if request.method == "POST":
        replies.bring_back(received=received, by=signed_in(request), now=timezone.now())
        words = (
            "It is on the list of mail that needs reading. The mail itself is where it was put"
            " away."
        )
        return done(request, words, "manage_received")
    is_away = received.state == ReceivedMail.State.DONE
    return page(request, "desk/mail/bring_back.html", {"row": row, "is_away": is_away})


@desk(post=120, only_post=True)
def put_away_received(request: HttpRequest, received_id: int) -> HttpResponse:
    """Put away again what was brought back."""
    received = get_object_or_404(ReceivedMail, pk=received_id)
    replies.put_away_again(received=received, by=signed_in(request), now=timezone.now())
    return done(request, "It is put away again, as it was.", "manage_received")
