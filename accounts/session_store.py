"""Where sessions of people who are signed in are stored: Django's table, read by a ready query."""

from django.contrib.sessions.backends import db
from django.contrib.sessions.models import Session
from django.db.models import DateTimeField, TextField
from django.utils import timezone

from booking.site.ready_queries import Later, Ready

_LIVE: Ready[Session] = Ready(
    lambda: Session.objects.filter(
        session_key=Later("key", TextField()), expire_date__gt=Later("now", DateTimeField())
    )
)


class SessionStore(db.SessionStore):
    """As Django's; named like it, or what it has signed could not be read."""

    def _get_session_from_db(self) -> Session | None:
        found = _LIVE(key=self.session_key, now=timezone.now())
        if not found:
            self._session_key = None
            return None
        return found[0]
