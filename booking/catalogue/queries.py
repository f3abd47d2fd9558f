"""Searching the programme, and reading it in as few statements as possible."""

from django.contrib.postgres.search import SearchQuery, SearchRank, TrigramWordSimilarity
from django.db.models import F, Q

from booking.catalogue.models import SessionQuerySet

# How like a title (0 to 1, pg_trgm's word_similarity) a mistyped word must be. By trial on the
# sample programme: "saefguarding" 0.54, "sucide" 0.50, "fabricatd ilness" 0.47, while words that
# mean something else stay under 0.43. Short words have few trigrams and are like too much.
_LIKE_ENOUGH = 0.45
_LIKE_ENOUGH_IF_SHORT = 0.7
_SHORT = 4


def matching(sessions: SessionQuerySet, words: str) -> SessionQuerySet:
    """Those whose course, topic or venue has these words, or nearly these; the best first.

    Words are understood as in a web search ("exact phrase", -without, or). A title that is
    spelt differently by a letter or two still matches, after those that match exactly.
    """
    query = SearchQuery(words, config="english", search_type="websearch")
    like_enough = _LIKE_ENOUGH_IF_SHORT if len(words) <= _SHORT else _LIKE_ENOUGH
    at_venue = Q(venue__name__icontains=words) | Q(venue__address__icontains=words)
    return (
        sessions.annotate(
            title_likeness=TrigramWordSimilarity(words, "course__title"),
            rank=SearchRank(F("course__search"), query) * 2 + F("title_likeness"),
        )
        .filter(
            Q(course__search=query)
            | Q(title_likeness__gte=like_enough)
            | Q(course__code__iexact=words)
            | at_venue
        )
        .order_by("-rank", "starts_at", "id")
    )


def for_rows(sessions: SessionQuerySet) -> SessionQuerySet:
    """What a row of a list shows, without the long texts it does not."""
    return sessions.for_pages().defer(
        "joining_instructions",
        "course__search",
        "course__summary",
        "venue__getting_there",
    )
