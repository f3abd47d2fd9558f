"""Mail that was sent, waits or failed: found by where it is, by person and by session."""

from collections.abc import Iterable

from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone

from accounts.access import desk, looked_at
from accounts.models import User
from accounts.views import signed_in
from booking.catalogue.models import Session
from booking.outbox.models import ACCOUNT_MAIL, Message
from booking.outbox.topics import topic_of
from booking.outbox.watch import backlog, refusing_domains
from booking.site.web import paged, search_text

State = Message.State
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

    Every word of `search` must occur in the address or in the name of the person; mail about an
    account belongs to whose address it is. What waits comes oldest first, what is over newest
    first.
    """
    _, wanted = DESK_FILTERS[show]
    chosen = Message.objects.filter(wanted).select_related("recipient", "booking__session")
    for word in search.split():
        named = User.objects.filter(Q(first_name__icontains=word) | Q(last_name__icontains=word))
        chosen = chosen.filter(
            Q(to_email__icontains=word)
            | Q(recipient__first_name__icontains=word)
            | Q(recipient__last_name__icontains=word)
            | Q(recipient__email__icontains=word)
            | Q(topic=ACCOUNT_MAIL, to_email__in=named.values("email"))
        )
    if session:
        keys = Session.objects.filter(reference__iexact=session).values_list("pk", flat=True)
        about_it = [f"{_ABOUT_A_SESSION}{key}" for key in keys]
        chosen = chosen.filter(
            Q(booking__session__reference__iexact=session) | Q(subject_key__in=about_it)
        )
    # The text of a mail can hold a sign-in code; the desk does not read it.
    return chosen.defer("mime", "payload").order_by("-id" if show in _NEWEST_FIRST else "id")


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
