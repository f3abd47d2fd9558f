"""The reply mailbox, over IMAP (RFC 9051).

A mail that was understood is moved to another folder. One that somebody must read stays and is
marked as flagged (a star in most programs); flagged mail is not looked at again. Nothing is ever
deleted.
"""

import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Self

from imapclient import DELETED, FLAGGED, IMAPClient
from imapclient.exceptions import IMAPClientError

from booking.site.environment import ImapServer

# Our own mails are below 60 KB, so a report that returns one whole is far smaller than this.
LARGEST_MAIL = 1_000_000
_LARGEST_HEADER = 64 * 1024
_SECONDS = 20
_HEADER, _WHOLE = b"BODY[HEADER]<0>", b"BODY[]"


class MailboxTrouble(Exception):
    """The mailbox cannot be read at this moment; the message says why, without the password."""


@dataclass(frozen=True)
class Fetched:
    """What was fetched of one mail: all of it, or the headers if it is too large."""

    raw: bytes
    is_whole: bool


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
                    server.host, port=server.port, ssl=server.use_ssl, timeout=_SECONDS
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
