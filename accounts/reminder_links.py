"""The links in reminders under which a person turns them off, or on again, without signing in.

A link is signed, says whom it is for, serves nothing else and runs out. It is made from the
moment that the message was decided, so that composing a message again gives the same link.
"""

from datetime import UTC, datetime, timedelta

from django.core.signing import BadSignature, Signer
from django.urls import reverse

from accounts.models import User

LINK_LIFE = timedelta(days=180)

_SALT = "accounts.reminder_links"


class LinkRanOut(Exception):
    """The link was good once."""


def reminders_path(person: User, *, since: datetime) -> str:
    """The path of the page on which this person's reminders are turned off, good for `LINK_LIFE`
    after `since`."""
    until = int((since + LINK_LIFE).timestamp())
    token = Signer(salt=_SALT).sign_object({"person": person.pk, "until": until})
    return reverse("reminders_link", args=[token])


def person_of_link(token: str, *, now: datetime) -> User:
    """Whom a link is for. Raises `User.DoesNotExist` if it is none of ours, or `LinkRanOut`."""
    try:
        content = Signer(salt=_SALT).unsign_object(token)
    except BadSignature as forged:
        raise User.DoesNotExist from forged
    if datetime.fromtimestamp(content["until"], UTC) <= now:
        raise LinkRanOut
    return User.objects.get(pk=content["person"], is_active=True)
