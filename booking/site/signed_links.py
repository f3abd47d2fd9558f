"""The links in mails by which people answer without signing in: their purposes and their signature.

Whoever holds a link may give that one answer. So each is signed for one purpose: nobody can make
one from what the database holds, neither from a backup nor from a log of statements, and the
token of one purpose opens nothing else.

The purposes stand here and not in the rooms that use them, because what keeps their paths out of
logs, and what lets them through, must know all of them whatever was imported.
"""

from datetime import UTC, datetime, timedelta
from enum import Enum, unique

from django.core.signing import BadSignature, Signer

from booking.site.refusals import Refused

# A point and not the usual colon, at which mail programs end an address in plain text.
_SEPARATOR = "."


class LinkRefused(Refused):
    """The link was not made here, or not for this purpose, or not whole."""

    sentence = "This link does not work."


class LinkRanOut(LinkRefused):
    """The link was good once."""

    sentence = "This link does not work any more."


@unique
class SignedLink(Enum):
    """What a link is for: the path under which its token stands, and how long it is good.

    Without a lifetime, a link is good for as long as the database has its question.
    """

    APPROVAL = ("/approvals/", None)
    OFFER = ("/offers/", None)
    NEW_DATES = ("/new-dates/", None)
    JOIN = ("/join/", None)
    ROOM = ("/here/", timedelta(minutes=20))
    ABSENCE = ("/absences/", None)
    SUBSCRIBE = ("/bulletins/confirm/", timedelta(days=7))
    UNSUBSCRIBE = ("/bulletins/stop/", None)
    REMINDERS = ("/accounts/reminders/", timedelta(days=180))

    def __init__(self, prefix: str, lifetime: timedelta | None) -> None:
        self.prefix = prefix
        self.lifetime = lifetime

    def token(self, content: str, *, since: datetime | None = None) -> str:
        """What brings `content`, which anybody can read, back from a mail.

        `since` is when the lifetime begins, for a purpose that has one. The same content since
        the same moment gives the same token, so a mail can be composed again.
        """
        if self.lifetime is not None:
            if since is None:
                raise ValueError(f"{self} has a lifetime: say since when.")
            content = f"{content}-{int((since + self.lifetime).timestamp())}"
        return self._signer.sign(content)

    def content(self, token: str, *, now: datetime) -> str:
        """What a token brings back. Raises `LinkRefused`, which `LinkRanOut` is too."""
        try:
            content = self._signer.unsign(token)
        except BadSignature as error:
            raise LinkRefused from error
        if self.lifetime is not None:
            content, _, until = content.rpartition("-")
            if datetime.fromtimestamp(int(until), UTC) <= now:
                raise LinkRanOut
        return content

    @property
    def _signer(self) -> Signer:
        return Signer(sep=_SEPARATOR, salt=f"booking.site.signed_links:{self.prefix}")
