"""Giving and taking back the secret addresses of a person's calendar feeds."""

import hashlib
import secrets
from datetime import date, datetime

from django.db import transaction

from accounts.models import User
from booking.calendars.models import CalendarFeed

_TOKEN_BYTES = 24  # 192 random bits; OWASP ASVS 5 asks for at least 128


def token_hash(token: str) -> str:
    """What is stored of a token."""
    return hashlib.sha256(token.encode()).hexdigest()


def new_feed(
    *, person: User, now: datetime, kind: CalendarFeed.Kind = CalendarFeed.Kind.BOOKINGS
) -> str:
    """A new secret token for this person's feed of a kind; any earlier one stops working.

    Returns the token, which is not stored and cannot be shown again.
    """
    token = secrets.token_urlsafe(_TOKEN_BYTES)
    with transaction.atomic():
        User.objects.select_for_update(no_key=True).get(pk=person.pk)
        revoke_feed(person=person, kind=kind, now=now)
        CalendarFeed.objects.create(
            person=person, kind=kind, token_hash=token_hash(token), created_at=now
        )
    return token


def revoke_feed(
    *, person: User, now: datetime, kind: CalendarFeed.Kind = CalendarFeed.Kind.BOOKINGS
) -> None:
    """Stop the address of this person's feed of a kind from working."""
    CalendarFeed.objects.live().of(person).filter(kind=kind).update(revoked_at=now)


def revoke_all_feeds(*, person: User, now: datetime) -> None:
    """Stop every address of this person's feeds from working: a stranger may know it."""
    CalendarFeed.objects.live().of(person).update(revoked_at=now)


def note_reading(*, feed: CalendarFeed, on: date) -> None:
    """Remember the day on which a feed was last read, so that its owner sees whether it is used.

    By day and not by moment: programs read all day long, and one write a day is enough.
    """
    CalendarFeed.objects.filter(pk=feed.pk).update(last_read_on=on)
