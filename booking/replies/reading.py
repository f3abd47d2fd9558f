"""Reading the reply mailbox over IMAP (RFC 9051): one round, as often as the schedule says.

A mail that was understood is moved to another folder. One that somebody must read stays and is
marked as flagged (a star in most programs); flagged mail is not looked at again. Nothing is ever
deleted.
"""

import ssl
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
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


def is_read_here() -> bool:
    """Whether this site reads a reply mailbox at all."""
    return settings.REPLIES_MAILBOX is not None


def read_replies(
    *, server: ImapServer | None = None, clock: Callable[[], datetime] = timezone.now
) -> Round:
    """Read what waits in the mailbox of the settings, if there is one.

    Each mail is acted on first and moved or flagged afterwards: whoever stops in between finds
    it again, and that it was acted on.
    """
    server = server or settings.REPLIES_MAILBOX
    if server is None:
        return Round()
    done = listed = 0
    trouble = ""
    try:
        with ReplyMailbox(server) as mailbox:
            until = time.monotonic() + _SECONDS
            for uid in mailbox.waiting():
                fetched = mailbox.fetch(uid)
                if fetched is None:
                    continue
                if take_in(fetched, now=clock()):
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
    actions.note_mailbox(trouble=trouble, now=clock())
    return Round(done=done, listed=listed, trouble=trouble)


class ReplyMailbox:
    """One connection, open while the context lasts. Everything raises `MailboxTrouble`."""

    def __init__(self, server: ImapServer) -> None:
        self._server = server
        self._client: IMAPClient | None = None

    def __enter__(self) -> Self:
        server = self._server
        try:
            with _in_plain_words():
                self._client = client = IMAPClient(
                    server.host, port=server.port, ssl=server.use_ssl, timeout=_SECONDS_TO_ANSWER
                )
                if server.use_tls:
                    client.starttls(ssl.create_default_context())
                client.login(server.username, server.password)
                if not client.folder_exists(server.done_folder):
                    client.create_folder(server.done_folder)
                client.select_folder(server.folder)
        except MailboxTrouble:
            self._close()
            raise
        return self

    def __exit__(self, *trouble: object) -> None:
        self._close()

    def waiting(self) -> list[int]:
        """The UIDs of mail that has not been dealt with, in the order in which it came."""
        with _in_plain_words():
            return sorted(self._open.search(["UNFLAGGED", "UNDELETED"]))

    def fetch(self, uid: int) -> Fetched | None:
        """One mail, still unread for people; nothing if it has gone meanwhile."""
        with _in_plain_words():
            size = self._open.fetch([uid], ["RFC822.SIZE"]).get(uid, {}).get(b"RFC822.SIZE")
            if size is None:
                return None
            is_whole = size <= LARGEST_MAIL
            wanted = "BODY.PEEK[]" if is_whole else f"BODY.PEEK[HEADER]<0.{_LARGEST_HEADER}>"
            found = self._open.fetch([uid], [wanted]).get(uid, {})
        raw = found.get(_WHOLE if is_whole else _HEADER)
        return None if raw is None else Fetched(raw=raw, is_whole=is_whole)

    def put_away(self, uid: int) -> None:
        """Move a mail to the folder of what is done."""
        client, folder = self._open, self._server.done_folder
        with _in_plain_words():
            if client.has_capability("MOVE"):
                client.move([uid], folder)
                return
            client.copy([uid], folder)
            client.add_flags([uid], [DELETED])
            # Never EXPUNGE: it would remove what people have marked as deleted, too.
            if client.has_capability("UIDPLUS"):
                client.uid_expunge([uid])

    def leave_for_people(self, uid: int) -> None:
        """Flag a mail, so that people see it and it is not looked at again."""
        with _in_plain_words():
            self._open.add_flags([uid], [FLAGGED])

    @property
    def _open(self) -> IMAPClient:
        if self._client is None:
            raise MailboxTrouble("The connection is not open.")
        return self._client

    def _close(self) -> None:
        client, self._client = self._client, None
        if client is not None:
            client.__exit__(None, None, None)


@contextmanager
def _in_plain_words() -> Iterator[None]:
    """Turn what the connection raises into `MailboxTrouble`."""
    try:
        yield
    except (IMAPClientError, OSError) as trouble:
        raise MailboxTrouble(f"{type(trouble).__name__}: {trouble}"[:300]) from trouble
