"""Reading the reply mailbox over IMAP (RFC 9051): one round, as often as the schedule says.

A mail that was understood is moved to another folder. One that somebody must read stays and is
marked as flagged (a star in most programs); flagged mail is not looked at again. Nothing is ever
deleted.
"""

import ssl
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Self

import structlog
from django.conf import settings
from django.utils import timezone
from imapclient import DELETED, FLAGGED, IMAPClient
from imapclient.exceptions import IMAPClientError

from booking.replies import actions
from booking.replies.incoming import Fetched
from booking.replies.intake import take_in
from booking.site.environment import ImapServer

log = structlog.get_logger(__name__)

# How long one round goes on; what is left is for the next.
_SECONDS = 60
# How long the server may take to answer.
_SECONDS_TO_ANSWER = 20
# Our own mails are below 60 KB, so a report that returns one whole is far smaller than this.
LARGEST_MAIL = 1_000_000
_LARGEST_HEADER = 64 * 1024
_HEADER, _WHOLE = b"BODY[HEADER]<0>", b"BODY[]"


class MailboxTrouble(Exception):
    """The mailbox cannot be read at this moment; the message says why, without the password."""


@dataclass(frozen=True)
class Round:
    """What one round did. `trouble` says why the mailbox could not be read, if it could not."""

    done: int = 0
    listed: int = 0
    trouble: str = ""


def read_replies() -> Round:
    """Read what waits in the mailbox of the settings, if there is one.

    Each mail is acted on first and moved or flagged afterwards: whoever stops in between finds
    it again, and that it was acted on.
    """
    if settings.REPLIES_MAILBOX is None:
        return Round()
    done = listed = 0
    trouble = ""
    try:
        with ReplyMailbox.opened(settings.REPLIES_MAILBOX) as mailbox:
            until = time.monotonic() + _SECONDS
            for uid in mailbox.waiting():
                fetched = mailbox.fetch(uid)
                if fetched is None:
                    continue
                if take_in(fetched, now=timezone.now()):
                    mailbox.put_away(uid)
                    done += 1
                else:
                    mailbox.leave_for_people(uid)
                    listed += 1
                if time.monotonic() > until:
                    break
    except MailboxTrouble as met:
        trouble = str(met)
        log.warning("reply_mailbox_trouble", trouble=trouble)
    actions.note_mailbox(trouble=trouble, now=timezone.now())
    actions.forget_what_was_put_away(now=timezone.now())
    return Round(done=done, listed=listed, trouble=trouble)


class ReplyMailbox:
    """The mailbox, as long as the connection to it is open."""

    def __init__(self, client: IMAPClient, *, done_folder: str) -> None:
        self._client = client
        self._done_folder = done_folder

    @classmethod
    @contextmanager
    def opened(cls, server: ImapServer) -> Iterator[Self]:
        """Open it while the context lasts. What the connection raises becomes `MailboxTrouble`."""
        try:
            with IMAPClient(
                server.host, port=server.port, ssl=server.use_ssl, timeout=_SECONDS_TO_ANSWER
            ) as client:
                if server.use_tls:
                    client.starttls(ssl.create_default_context())
                client.login(server.username, server.password)
                if not client.folder_exists(server.done_folder):
                    client.create_folder(server.done_folder)
                client.select_folder(server.folder)
                yield cls(client, done_folder=server.done_folder)
        except (IMAPClientError, OSError) as trouble:
            raise MailboxTrouble(f"{type(trouble).__name__}: {trouble}"[:300]) from trouble

    def waiting(self) -> list[int]:
        """The UIDs of mail that has not been dealt with, in the order in which it came."""
        return sorted(self._client.search(["UNFLAGGED", "UNDELETED"]))

    def fetch(self, uid: int) -> Fetched | None:
        """One mail, still unread for people; nothing if it has gone meanwhile."""
        size = self._client.fetch([uid], ["RFC822.SIZE"]).get(uid, {}).get(b"RFC822.SIZE")
        if size is None:
            return None
        is_whole = size <= LARGEST_MAIL
        wanted = "BODY.PEEK[]" if is_whole else f"BODY.PEEK[HEADER]<0.{_LARGEST_HEADER}>"
        found = self._client.fetch([uid], [wanted]).get(uid, {})
        raw = found.get(_WHOLE if is_whole else _HEADER)
        return None if raw is None else Fetched(raw=raw, is_whole=is_whole)

    def put_away(self, uid: int) -> None:
        """Move a mail to the folder of what is done."""
        if self._client.has_capability("MOVE"):
            self._client.move([uid], self._done_folder)
            return
        self._client.copy([uid], self._done_folder)
        self._client.add_flags([uid], [DELETED])
        # Never EXPUNGE: it would remove what people have marked as deleted, too.
        if self._client.has_capability("UIDPLUS"):
            self._client.uid_expunge([uid])

    def leave_for_people(self, uid: int) -> None:
        """Flag a mail, so that people see it and it is not looked at again."""
        self._client.add_flags([uid], [FLAGGED])
