"""Loading feeds, or answering 404."""

from datetime import date
from typing import NamedTuple

from django.db import connection
from django.http import Http404

from accounts.models import User
from booking.calendars.actions import token_hash
from booking.calendars.models import CalendarFeed

Kind = CalendarFeed.Kind

# Written out, as what is asked next: calendar programs look again and again.
_LIVE_FEED = """
SELECT feed.id, feed.person_id, feed.kind, feed.last_read_on
FROM booking_calendarfeed feed JOIN accounts_user person ON person.id = feed.person_id
WHERE feed.token_hash = %(token_hash)s AND feed.revoked_at IS NULL AND person.is_active
AND (feed.kind <> %(led)s OR person.is_trainer)
"""


class LiveFeed(NamedTuple):
    """What a secret address gives."""

    key: int
    person_id: int
    kind: str
    last_read_on: date | None


def live_feed(token: str) -> LiveFeed:
    """The feed of this token. Raises `Http404` if it gives nothing any more.

    Not of somebody who has left, nor the sessions of somebody who leads none any more.
    """
    with connection.cursor() as cursor:
        cursor.execute(_LIVE_FEED, {"token_hash": token_hash(token), "led": str(Kind.LED)})
        found = cursor.fetchone()
    if found is None:
        raise Http404
    return LiveFeed(*found)


def kind_open_to(person: User, kind: str) -> CalendarFeed.Kind:
    """The kind of feed of this name, if this person may have one. Raises `Http404`."""
    if kind in kinds_open_to(person):
        return Kind(kind)
    raise Http404


def kinds_open_to(person: User) -> list[CalendarFeed.Kind]:
    """The kinds of feed that this person may have: the sessions they lead only for a trainer."""
    return [Kind.BOOKINGS, Kind.LED] if person.is_trainer else [Kind.BOOKINGS]
