"""Giving and taking back the secret address of a person's calendar feed."""

import hashlib
import secrets
from datetime import datetime

from django.db import transaction

from accounts.models import User
from booking.calendars.models import CalendarFeed

_TOKEN_BYTES = 24  # 192 random bits; OWASP ASVS 5 asks for at least 128


def token_hash(token: str) -> str:
    """What is stored of a token."""
    return hashlib.sha256(token.encode()).hexdigest()


def new_feed(*, person: User, now: datetime) -> str:
    """A new secret token for this person's feed; any earlier one stops working.

    Returns the token, which is not stored and cannot be shown again.
    """
    token = secrets.token_urlsafe(_TOKEN_BYTES)
    with transaction.atomic():
        User.objects.select_for_update(no_key=True).get(pk=person.pk)
        revoke_feed(person=person, now=now)
        CalendarFeed.objects.create(person=person, token_hash=token_hash(token), created_at=now)
    return token


def revoke_feed(*, person: User, now: datetime) -> None:
    """Stop this person's feed address from working."""
    CalendarFeed.objects.filter(person=person, revoked_at=None).update(revoked_at=now)
