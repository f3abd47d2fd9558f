"""Searching the programme, and reading it in as few statements as possible."""

from typing import Any

from django.contrib.postgres.search import SearchQuery, SearchRank, TrigramWordSimilarity
from django.db import connection
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


# Written out: asked for every session page that an anonymous visitor opens.
_PLACES_OF_COURSE = """
SELECT dates.id, dates.state, dates.capacity, dates.places_taken, dates.waiting_count,
    dates.revision, dates.changed_at
FROM booking_session dates
WHERE dates.course_id = (SELECT course_id FROM booking_session WHERE id = %s)
AND (dates.ends_at > now() OR dates.id = %s)
ORDER BY dates.id
"""


def places_of_course(session_id: int) -> list[tuple[Any, ...]]:
    """How full a session and the other dates of its course are, with one indexed statement."""
    with connection.cursor() as cursor:
        cursor.execute(_PLACES_OF_COURSE, [session_id, session_id])
        return list(cursor.fetchall())
