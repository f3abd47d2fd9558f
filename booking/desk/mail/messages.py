"""Mail that was sent, waits or failed: found by where it is, by person and by session."""

import re
from collections.abc import Iterable, Iterator
from functools import cache
from typing import Any

from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.template.loader import get_template
from django.utils import timezone

from accounts.access import desk, looked_at
from accounts.finding import Folded, words_of
from accounts.models import User
from accounts.views import signed_in
from booking.bulletins.models import Bulletin
from booking.bulletins.sending import subject_keys
from booking.catalogue.models import Course, Session
from booking.outbox.models import ACCOUNT_MAIL, Message
from booking.outbox.topics import registered_topics, topic_of
from booking.outbox.watch import backlog, refusing_domains
from booking.site.characters import fold
from booking.site.web import paged, search_text

State = Message.State
_PER_PAGE = 50
# More than anybody looks through.
MOST_SHOWN = 200
# Of so many sessions, or people, their keys are asked for; more are left to the database.
_FEW = 1000

# What the desk can show, by the name in its address: what it is called, and which messages.
DESK_FILTERS = {
    "any": ("Any state", Q()),
    "all": ("All unsent", Q(state__in=Message.UNSETTLED)),
    "parked": ("Parked", Q(state=State.PARKED)),
    "retrying": (
        "Being tried again",
        Q(state__in=[State.WAITING, State.SENDING]) & ~Q(last_error=""),
    ),
    "waiting": ("Waiting", Q(state__in=[State.WAITING, State.SENDING], last_error="")),
    "letters": ("By post", Q(state=State.LETTER)),
    "returned": ("Came back", Q(state=State.SENT, bounced_at__isnull=False)),
    "doubted": ("May have come back", Q(pk__in=Message.objects.doubted().values("pk"))),
    "sent": ("Sent", Q(state=State.SENT, bounced_at__isnull=True)),
    "given-up": ("Given up", Q(state__in=[State.DROPPED, State.SUPERSEDED])),
}
_NEWEST_FIRST = ("any", "returned", "doubted", "sent", "given-up")

# Mail to trainers, and of a new date, is about a session and about nobody's booking.
_ABOUT_A_SESSION = "session:"
_MARKS_OF_TEMPLATES = re.compile(r"{[{%].*?[%}]}")


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


def _ways_to_find(search: str) -> Iterator[Q]:
    """The ways by which the words find mail: by its person, address, session or what it is called.

    All words find one of these, or some say what the mail is and the others whose or about what:
    "zielinska confirmation". What it is called is what pages call it, and what its subject says.
    """
    words = list(words_of(search))
    called = [each for each in words if any(each in said for said in _subjects().values())]
    others = [each for each in words if each not in called]
    if words:
        yield from _about(words)
    if called:
        yield from (_called(called) & each for each in (_about(others) if others else [Q()]))


def _called(words: Iterable[str]) -> Q:
    topics = [name for name, said in _subjects().items() if all(each in said for each in words)]
    return Q(topic__in=topics)


def _source_of(name: str) -> str:
    template: Any = get_template(name)
    return str(template.template.source)


@cache
def _subjects() -> dict[str, str]:
    """What each topic is called, folded, with the words of its subject line."""
    found = {}
    for topic in registered_topics():
        folder = f"mail/{topic.name}/subject.txt"
        source = "" if topic.name == ACCOUNT_MAIL else _source_of(folder)
        found[topic.name] = f" {fold(f'{topic.words} {_MARKS_OF_TEMPLATES.sub(" ", source)}')} "
    return found


def _about(words: Iterable[str]) -> list[Q]:
    """Mail whose person, address, session or bulletin holds every word, each way by an index.

    Mail without a recipient belongs to whose address it is. Of sessions the last thousand are
    looked at, by their keys: the database cannot guess how many a word finds. Costs three
    statements.
    """
    people, addressed, sessions = User.objects.all(), Q(), Session.objects.all()
    courses = Course.objects.alias(said=Folded("title"))
    references = Session.objects.alias(said=Folded("reference"))
    bulletins = Bulletin.objects.alias(said=Folded("title"))
    for word in words:
        people = people.filter(words__contains=word)
        bulletins = bulletins.filter(said__contains=word)
        addressed &= Q(to_words__contains=word)
        titled, referred = (each.filter(said__contains=word) for each in (courses, references))
        sessions = sessions.filter(
            Q(course__in=titled.values("pk")) | Q(pk__in=referred.values("pk"))
        )
    keys = list(sessions.order_by("-starts_at").values_list("pk", flat=True)[:_FEW])
    known = dict(people.order_by().values_list("pk", "email")[: _FEW + 1])
    is_few = len(known) <= _FEW
    return [
        addressed,
        Q(recipient__in=list(known) if is_few else people.values("pk")),
        Q(to_email__in=list(known.values()) if is_few else people.values("email")),
        Q(booking__session__in=keys),
        Q(subject_key__in=[f"{_ABOUT_A_SESSION}{key}" for key in keys]),
        Q(subject_key__in=subject_keys(bulletins.values_list("pk", flat=True)[:_FEW])),
    ]


def _some_of(chosen: QuerySet[Message], search: str, order: str) -> list[int]:
    """The keys of the first `MOST_SHOWN` of these that a search finds, and one if there are more.

    Each way finds so many by itself, so that a word which most mail holds costs no more than a
    rare one.
    """
    rows = chosen.order_by(order).values_list("pk", flat=True)
    if not search:
        return list(rows[: MOST_SHOWN + 1])
    found: set[int] = set()
    if ways := [rows.filter(way)[: MOST_SHOWN + 1] for way in _ways_to_find(search)]:
        found.update(ways[0].union(*ways[1:]).order_by())
    return sorted(found, reverse=order.startswith("-"))[: MOST_SHOWN + 1]


def messages_on_desk(*, show: str, search: str, session: str) -> tuple[QuerySet[Message], bool]:
    """The mail of one filter that a search finds, about one session if its reference is given, and
    whether there is more than these `MOST_SHOWN`.

    What waits comes oldest first, all else newest first. Costs five statements at most, besides
    the rows.
    """
    _, wanted = DESK_FILTERS[show]
    order = "-id" if show in _NEWEST_FIRST else "id"
    chosen = Message.objects.filter(wanted)
    if session:
        keys = Session.objects.filter(reference__iexact=session).values_list("pk", flat=True)
        about_it = [f"{_ABOUT_A_SESSION}{key}" for key in keys]
        chosen = chosen.filter(
            Q(booking__session__reference__iexact=session) | Q(subject_key__in=about_it)
        )
    keys_found = _some_of(chosen, search, order)
    rows = Message.objects.filter(pk__in=keys_found[:MOST_SHOWN]).with_doubts().order_by(order)
    rows = rows.select_related("recipient", "booking__session")
    # The text of a mail can hold a sign-in code; the desk does not read it.
    return rows.defer("mime", "payload"), len(keys_found) > MOST_SHOWN


@desk()
def messages_page(request: HttpRequest) -> HttpResponse:
    """Messages by where they are, or wherever they are if somebody searches."""
    search, session = search_text(request), search_text(request, "session")
    show = request.GET.get("show", "")
    if show not in DESK_FILTERS:
        show = "any" if search or session else "all"
    rows, has_more = messages_on_desk(show=show, search=search, session=session)
    on_page = paged(request, rows, per_page=_PER_PAGE)
    looked_at(None, by=signed_in(request), what="mail", rows=len(on_page))
    sessions = sessions_about(on_page)
    context = {
        "page_obj": on_page,
        "rows": [(row, topic_of(row.topic).words, sessions.get(row.pk)) for row in on_page],
        "show": show,
        "newest_first": show in _NEWEST_FIRST,
        "most": MOST_SHOWN if has_more else 0,
        "filters": {name: label for name, (label, _) in DESK_FILTERS.items()},
        "search": search,
        "session_reference": session,
        "backlog": backlog(now=timezone.now()),
        "refusing": refusing_domains(now=timezone.now()),
    }
    return render(request, "desk/mail/messages.html", context)
