"""The links in reminders under which a person turns them off, or on again, without signing in."""

from datetime import datetime

from django.urls import reverse

from accounts.models import User
from booking.site.signed_links import SignedLink


def reminders_path(person: User, *, since: datetime) -> str:
    """The path of the page on which this person's reminders are turned off.

    `since` is when the message was decided, so that composing it again gives the same link.
    """
    return reverse("reminders_link", args=[SignedLink.REMINDERS.token(str(person.pk), since=since)])


def person_of_link(token: str, *, now: datetime) -> User:
    """Whom a link is for. Raises `LinkRefused`, or `User.DoesNotExist` for a closed account."""
    return User.objects.get(pk=SignedLink.REMINDERS.content(token, now=now), is_active=True)
