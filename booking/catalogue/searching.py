"""How the programme is searched: what the words mean, and the nearest words to a mistyped one."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from django.contrib.postgres.aggregates import BoolOr
from django.contrib.postgres.search import SearchQuery, SearchRank, TrigramWordSimilarity
from django.db import connection
from django.db.models import F, Func, IntegerField, Max, Q

from booking.catalogue.models import Course, SearchDocument, Session, SessionQuerySet
from booking.partnership.kept import the_partnership
from booking.partnership.levels import all_levels
from booking.site.characters import fold
from booking.site.human_order import HumanOrder
from booking.site.wording import MONTHS

_PIECE = re.compile(r'(?P<without>(?<!\S)-(?=[\w"]))?(?:"(?P<exact>[^"]*)"|(?P<word>[^\s"]+))')
_MONTHS = {name.lower()[:length]: name.lower() for name in MONTHS for length in (3, 4, 20)}
_DAY = re.compile(r"(\d{1,2})(?:st|nd|rd|th)?")
_MOST_WORDS = 12
# What stands for how a session is held, and not for its subject: a summary that has the word too
# says nothing about it.
_OF_FORM = frozenset(
    {"online", "person", "webinar", "briefing", "training", "conference", "level"}
    | {name.lower() for name in MONTHS}
)
# How like a word (0 to 1, pg_trgm's similarity) what was typed must be: "sucide" is 0.5 like
# "suicide", "mony" 0.38 like "money", "elephant" 0.2 like "relevant".
_LIKE_ENOUGH = 0.37
# Words that are nearly as near as the nearest are looked for too.
_AS_NEAR = 0.03
_NEAREST = """
WITH words AS MATERIALIZED (
    SELECT DISTINCT unnest(document.keywords) AS word
    FROM booking_searchdocument document JOIN booking_session session
        ON session.id = document.session_id
    WHERE session.state = 'published' AND session.ends_at > now()
)
SELECT typed, word, GREATEST(similarity(typed, word), CASE
    WHEN length(typed) > 2 AND starts_with(word, typed) THEN 0.95 ELSE 0 END) AS likeness
FROM unnest(%(typed)s::text[]) typed CROSS JOIN words
WHERE similarity(typed, word) >= %(least)s OR (length(typed) > 2 AND starts_with(word, typed))
UNION ALL
SELECT typed, word, 0.98 FROM unnest(%(of)s::text[], %(swapped)s::text[]) pair (typed, swapped)
JOIN words ON word = swapped
UNION ALL
SELECT typed, front.word || ' ' || rear.word, 0.99
FROM unnest(%(typed)s::text[]) typed
JOIN words front ON starts_with(typed, front.word) AND length(front.word) > 1
JOIN words rear ON rear.word = substr(typed, length(front.word) + 1)
ORDER BY 1, 3 DESC, 2
"""


@dataclass(frozen=True)
class Term:
    """One thing looked for: any of some phrases, or none of them if it is `without`."""

    typed: str
    phrases: tuple[str, ...]
    without: bool = False

    @property
    def query(self) -> SearchQuery:
        """As PostgreSQL looks for it."""
        found = _phrase(self.phrases[0])
        for phrase in self.phrases[1:]:
            found = found | _phrase(phrase)
        return ~found if self.without else found


def _phrase(phrase: str) -> SearchQuery:
    if phrase.split()[0].removesuffix("s") in _OF_FORM:
        # Without a weight it would be found in summaries too.
        lexemes = " <-> ".join(f"'{word}':AB" for word in phrase.split())
        return SearchQuery(lexemes, config="english", search_type="raw")
    return SearchQuery(phrase, config="english", search_type="phrase")


def asked_by(words: str) -> list[Term]:
    """What these words ask for: every term is to be found.

    "A phrase" stands together, -without is left out, an acronym stands for its words and they for
    it, and a month's year, a level's number and the like belong to the word before.
    """
    acronyms = acronyms_of(the_partnership().acronyms)
    words, terms = _without_levels(words)
    loose: list[str] = []
    for piece in list(_PIECE.finditer(words))[:_MOST_WORDS]:
        text = fold(piece["exact"] if piece["exact"] is not None else piece["word"])
        if not text:
            continue
        if piece["without"] or piece["exact"] is not None:
            terms.append(Term(text, (text,), without=bool(piece["without"])))
        else:
            loose += text.split()
    return [*_joined(loose[:_MOST_WORDS], acronyms), *terms]


def _without_levels(words: str) -> tuple[str, list[Term]]:
    """The words but for the levels that they name, and what finds these, the longest names first.

    Names are compared with their signs: "Level 3+" is not "Level 3", nor need that be the third.
    """
    words, terms = " ".join(words.split()), list[Term]()
    for level in sorted(all_levels(), key=lambda each: len(each.name), reverse=True):
        named = re.compile(rf"(?<!\S){re.escape(level.name)}(?!\S)", re.IGNORECASE)
        words, found = named.subn(" ", words)
        if found:
            typed, number = fold(level.name), f"level {level.number}"
            # Titles may have the name; what they call a level by its number is another's, perhaps.
            phrases = (number,) if not typed or typed.startswith("level ") else (typed, number)
            terms.append(Term(typed or number, phrases))
    return words, terms


def _joined(words: Sequence[str], acronyms: Sequence[tuple[str, str]]) -> Iterator[Term]:
    at = 0
    while at < len(words):
        word, rest = words[at], words[at:]
        after = rest[1] if len(rest) > 1 else ""
        spoken = [each for each in acronyms if rest[: len(each[1].split())] == each[1].split()]
        found = max(spoken, key=lambda each: len(each[1]), default=None)
        if found is not None:
            at += len(found[1].split())
            yield Term(found[1], (found[1], found[0]))
            continue
        month, day = _MONTHS.get(word), _DAY.fullmatch(word)
        belongs = (month and re.fullmatch(r"20\d\d", after)) or (
            word == "level" and re.fullmatch(r"\d", after)
        )
        if day and after in _MONTHS:
            date = f"{int(day[1])} {_MONTHS[after]}"
        elif month and (day := _DAY.fullmatch(after)):
            date = f"{int(day[1])} {month}"
        else:
            date = ""
        if number := re.fullmatch(r"l([1-9])", word):
            yield Term(word, (word, f"level {number[1]}"))
        elif date:
            yield Term(f"{word} {after}", (date,))
        elif belongs:
            yield Term(f"{word} {after}", (f"{month or word} {after}",))
        else:
            meant = [long for short, long in acronyms if short == word]
            # A trainer may be called Jan or May.
            named = (month, word) if month and month != word else (word,)
            yield Term(word, (*named, *meant))
        at += 2 if belongs or date else 1


def acronyms_of(text: str) -> list[tuple[str, str]]:
    """Each acronym with each of the phrases that it stands for, from lines like "DA = a, b"."""
    pairs = []
    for line in text.splitlines():
        short, _, phrases = line.partition("=")
        pairs += [(fold(short), fold(phrase)) for phrase in phrases.split(",")]
    return [(short, long) for short, long in pairs if short and long]


@dataclass(frozen=True)
class Found:
    """The sessions that were found, and the words put in the place of those nothing has."""

    sessions: SessionQuerySet
    instead: dict[str, str]


def search(sessions: SessionQuerySet, words: str) -> Found:
    """Those of these sessions that the words find, the best first.

    Where nothing at all has a word, the nearest words that the programme has stand for it. Costs
    one statement, and two more if a word is mistyped.
    """
    terms, instead = asked_by(words), dict[str, str]()
    if not any(not term.without for term in terms):
        return Found(sessions.none() if not terms else _matching(sessions, terms), instead)
    if not _matching(Session.objects.filter(state=Session.State.PUBLISHED), terms).exists():
        terms, instead = _corrected(terms)
    if not terms:
        return Found(sessions.none(), instead)
    return Found(_matching(sessions, terms), instead)


def _matching(sessions: SessionQuerySet, terms: Sequence[Term]) -> SessionQuerySet:
    every = terms[0].query
    for term in terms[1:]:
        every = every & term.query
    spoken = " ".join(term.phrases[0] for term in terms if not term.without)
    found: SessionQuerySet = (
        sessions.filter(document__words=every)
        .annotate(
            rank=SearchRank(F("document__words"), every)
            + TrigramWordSimilarity(spoken, "course__title")
        )
        .order_by("-rank", "starts_at", "id")
    )
    return found


def _corrected(terms: Sequence[Term]) -> tuple[list[Term], dict[str, str]]:
    """The terms with the nearest words for those that nothing has; none if one has none near.

    Two words that nothing has, or one of which nothing has, may be one that was torn apart.
    """
    ahead = SearchDocument.objects.filter(session__state=Session.State.PUBLISHED)
    asked = {f"has{number}": BoolOr(Q(words=term.query)) for number, term in enumerate(terms)}
    # A word such as "for" asks for nothing: its query is empty.
    parts = {
        f"parts{number}": Max(Func(term.query, function="numnode", output_field=IntegerField()))
        for number, term in enumerate(terms)
    }
    said = ahead.aggregate(**asked, **parts)
    has = {
        number
        for number, term in enumerate(terms)
        if term.without or said[f"has{number}"] or said[f"parts{number}"] == 0
    }
    lost = [number for number in range(len(terms)) if number not in has]
    typed = [terms[number].typed for number in lost]
    pairs = {
        number: terms[number].typed + terms[number + 1].typed
        for number in range(len(terms) - 1)
        if (number in lost or number + 1 in lost) and not terms[number + 1].without
    }
    near = nearest([*typed, *pairs.values()])
    corrected: list[Term] = []
    instead: dict[str, str] = {}
    number = 0
    while number < len(terms):
        term, pair = terms[number], pairs.get(number, "")
        if pair and any(word == pair for word in near.get(pair, ())):
            instead[f"{term.typed} {terms[number + 1].typed}"] = pair
            corrected.append(Term(pair, (pair,)))
            number += 2
            continue
        if number in lost:
            if not (words := near.get(term.typed)):
                return [], {}
            instead[term.typed] = words[0]
            term = replace(term, phrases=tuple(words))
        corrected.append(term)
        number += 1
    empty = {terms[number].typed for number in has if said[f"parts{number}"] == 0}
    return [term for term in corrected if term.typed not in empty], instead


def nearest(typed: Sequence[str], *, least: float = _LIKE_ENOUGH) -> dict[str, list[str]]:
    """For each of these the words of the programme that are nearest to it, if any are near.

    Alike in letters, with two letters in the other order, or the beginning of a word.

    Costs one statement.
    """
    found: dict[str, list[tuple[str, float]]] = {}
    if typed:
        swaps = [
            (each, each[:at] + each[at + 1] + each[at] + each[at + 2 :])
            for each in typed
            for at in range(len(each) - 1)
        ]
        asked: dict[str, Any] = {
            "typed": list(typed),
            "least": least,
            "of": [each for each, _ in swaps],
            "swapped": [other for _, other in swaps],
        }
        with connection.cursor() as cursor:
            cursor.execute(_NEAREST, asked)
            for each, word, likeness in cursor.fetchall():
                found.setdefault(each, []).append((word, likeness))
    return {
        each: [word for word, likeness in words if likeness >= words[0][1] - _AS_NEAR]
        for each, words in found.items()
    }


def did_you_mean(words: str, *, ahead: SessionQuerySet) -> str:
    """The words with the nearest that the programme has for each it lacks; or nothing.

    Only what finds some of the sessions `ahead`.
    """
    terms = [term for term in asked_by(words) if not term.without]
    near = nearest([term.typed for term in terms], least=_LIKE_ENOUGH * 0.7)
    suggested = " ".join(near.get(term.typed, [""])[0] for term in terms).split()
    meant = " ".join(suggested)
    if not meant or meant == fold(words) or not _matching(ahead, asked_by(meant)).exists():
        return ""
    return meant


def courses_without_dates(words: str, *, ahead: SessionQuerySet, most: int = 5) -> list[Course]:
    """Courses whose title or summary has the words, and of which no session is ahead."""
    terms = asked_by(words)
    query = Q(*(Q(search=term.query) for term in terms)) if terms else Q(pk=None)
    alike = TrigramWordSimilarity(words, "title")
    courses = Course.objects.defer("search").annotate(likeness=alike)
    found = courses.filter(query | Q(likeness__gte=0.6) | Q(code__iexact=words))
    without = found.exclude(pk__in=ahead.order_by().values("course"))
    return list(without.order_by("-likeness", HumanOrder("title"), "pk")[:most])
