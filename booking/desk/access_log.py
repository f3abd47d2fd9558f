"""Who looked at whose data: what is on record, for coordinators."""

from collections.abc import Sequence
from typing import Any

from django.db.models import Q, QuerySet, Value
from django.http import HttpRequest, HttpResponse

from accounts.access import desk
from accounts.finding import words_of
from accounts.models import AccessRecord, User
from booking.catalogue.models import Session
from booking.desk.lists import page_of_people
from booking.site.characters import fold
from booking.site.web import search_text

# Of years of looks the newest are shown; others are searched for.
_MOST = 1000
# Of so many people who share a word their keys are asked for.
_FEW = 4000
_LAST = 10


def last_looks_at(session: Session) -> QuerySet[AccessRecord]:
    """Who looked lately at lists of the people of a session, the newest first."""
    looks = AccessRecord.objects.filter(about_id=session.pk, about=str(session)[:200])
    return looks.select_related("by").order_by("-at", "-pk")[:_LAST]


@desk()
def looks(request: HttpRequest) -> HttpResponse:
    """Every look at other people's data, the newest first; by who looked, at whom or at what."""
    search = search_text(request)
    words = [each for each in dict.fromkeys(search.split()) if fold(each)]
    keys = _newest_found_by(words) if words else None
    newest = AccessRecord.objects.select_related("by", "whom").order_by("-at", "-pk")
    template, some = "desk/people/looks.html", newest if words else newest[: _MOST + 1]
    context: dict[str, Any] = {"search": search, "most": _MOST, "keys": keys}
    return page_of_people(request, template, some, what="who looked at whom", **context)


def _newest_found_by(words: Sequence[str]) -> list[int]:
    """The keys of the newest `_MOST` looks that have every word, and of one more if there is.

    A word is of who looked, of whom they looked at or of what was seen. One that few people have
    is looked up, each way by an index of its own; where each is a word of many, the looks are read
    from the newest on until enough are found. Costs two statements.
    """
    asked = [
        User.objects.found_by(word).order_by().values_list("pk", Value(word))[: _FEW + 1]
        for word in words
    ]
    people: dict[str, list[int]] = {word: [] for word in words}
    for key, word in _together(asked):
        people[word].append(key)
    rarest = min(words, key=lambda word: len(people[word]))
    few = people[rarest]
    is_few = len(few) <= _FEW
    rows = AccessRecord.objects.order_by("-at", "-pk").values_list("at", "pk")
    for word in words:
        if word != rarest or not is_few:
            rows = rows.filter(_of("by__words", word) | _of("whom__words", word) | _told(word))
    ways = [Q(by__in=few), Q(whom__in=few), _told(rarest)] if is_few else [Q()]
    found = [rows.filter(way)[: _MOST + 1] for way in ways]
    return [key for _, key in sorted(_together(found), reverse=True)[: _MOST + 1]]


def _together[Rows: QuerySet[Any, Any]](parts: Sequence[Rows]) -> Rows:
    """The rows of all of these, in one statement; parts that have a limit keep it."""
    first, *others = parts
    return first.union(*others).order_by() if others else first


def _of(column: str, word: str) -> Q:
    return Q(*((f"{column}__contains", each) for each in words_of(word)))


def _told(word: str) -> Q:
    return Q(words__contains=fold(word))
