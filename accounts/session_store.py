"""Where sessions of people who are signed in are stored: Django's table, read with the person."""

from typing import Any

from django.contrib.sessions.backends import db
from django.contrib.sessions.models import Session
from django.db.models import DateTimeField, QuerySet, Subquery, TextField
from django.utils import timezone

from accounts.models import User
from booking.site.ready_queries import Later, Ready


def _signed_in() -> "QuerySet[Any]":
    key, now = Later("key", TextField()), Later("now", DateTimeField())
    stored = Session.objects.filter(session_key=key, expire_date__gt=now)
    people = User.objects.select_related("agency").filter(usersession__session_key=key)
    return people.annotate(stored=Subquery(stored.values("session_data")))


_SIGNED_IN: Ready[Any] = Ready(_signed_in)


class SessionStore(db.SessionStore):
    """As Django's; named like it, or what it has signed could not be read.

    `person` is who signed in with it, once it is loaded, to be believed of nobody unproved.
    """

    person: User | None = None

    def load(self) -> dict[str, Any]:
        """What is stored, in one statement with the person."""
        for person in _SIGNED_IN(key=self.session_key, now=timezone.now()):
            stored = vars(person).pop("stored")
            if stored is not None:
                self.person = person
                return self.decode(stored)
        return super().load()
