"""A mail that came in, taken apart without trusting anything in it.

Read with the standard library's older policy: it leaves headers as they stand, where the newer
one parses them and can fail. What is malformed yields empty text, not an exception.
"""

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from email import message_from_bytes, policy
from email.errors import HeaderParseError
from email.header import decode_header
from email.message import Message
from email.parser import BytesHeaderParser
from email.utils import parseaddr

from booking.site.plain_text import one_line

_MESSAGE_ID = re.compile(r"<[!-;=?-~]{1,200}@[!-;=?-~]{1,200}>")
_DAEMONS = frozenset({"mailer-daemon", "postmaster"})
# No mail of ours, returned, and no answer of a calendar has more parts than this.
_MOST_PARTS = 100


class NotForUs(Exception):
    """The mail cannot be acted on: the message says why, for the person who must read it."""


def plain(text: str, longest: int) -> str:
    """Text of a stranger as one line that can be stored and shown."""
    return one_line(text[: longest * 4])[:longest]


def message_ids(text: str) -> list[str]:
    """The Message-IDs in a text, in their order."""
    return _MESSAGE_ID.findall(text)


@dataclass(frozen=True)
class Fetched:
    """What was fetched of one mail: all of it, or the headers if it is too large."""

    raw: bytes
    is_whole: bool


@dataclass(frozen=True)
class Incoming:
    """One mail, parsed. `raw` is what there is of it, perhaps the headers only."""

    raw: bytes
    mail: "Message[str, str]"

    @classmethod
    def parse(cls, raw: bytes) -> "Incoming":
        """Parse a mail; only the headers of one whose parts are nested absurdly deep."""
        try:
            return cls(raw=raw, mail=message_from_bytes(raw, policy=policy.compat32))
        except RecursionError:
            return cls(raw=raw, mail=BytesHeaderParser(policy=policy.compat32).parsebytes(raw))

    @property
    def key(self) -> str:
        """What tells this mail from any other: its Message-ID, or a digest of it."""
        found = message_ids(header(self.mail, "Message-ID"))
        if found and len(found[0]) <= 255:
            return found[0]
        return f"sha256:{hashlib.sha256(self.raw).hexdigest()}"

    @property
    def from_address(self) -> str:
        """The address it says it is from."""
        return plain(parseaddr(header(self.mail, "From"))[1], 254)

    @property
    def subject(self) -> str:
        """The subject, decoded."""
        return plain(_decoded(header(self.mail, "Subject")), 200)

    @property
    def is_automatic(self) -> bool:
        """Whether a program wrote it (RFC 3834, section 5; and older ways to say so).

        Google Calendar says so (`auto-generated`) of the answer that a person gave with a click.
        """
        return self._auto_submitted not in ("", "no") or self.is_automatic_reply

    @property
    def is_automatic_reply(self) -> bool:
        """Whether a program answered with it, and no person decided anything."""
        older = header(self.mail, "X-Autoreply").strip().lower() == "yes"
        bulk = header(self.mail, "Precedence").strip().lower() == "auto_reply"
        return self._auto_submitted == "auto-replied" or older or bulk

    @property
    def _auto_submitted(self) -> str:
        """Its word, without parameters and comments."""
        return re.split(r"[;(]", header(self.mail, "Auto-Submitted"))[0].strip().lower()

    @property
    def is_from_a_mail_server(self) -> bool:
        """Whether it says that a mail server wrote it: no return path (RFC 5321, 4.5.5)."""
        sender = self.from_address.partition("@")[0].lower()
        return header(self.mail, "Return-Path").strip() == "<>" or sender in _DAEMONS

    def parts(self) -> Iterator["Message[str, str]"]:
        """Its parts, those of parts included, as far as any mail of use here has them."""
        for number, part in enumerate(self.mail.walk()):
            if number >= _MOST_PARTS:
                return
            yield part


def header(part: "Message[str, str]", name: str) -> str:
    """One header as it stands, unfolded; empty if there is none."""
    found = part.get(name)
    return "" if found is None else str(found).replace("\r", "").replace("\n", " ")


def octets(part: "Message[str, str]") -> bytes:
    """The content of a part, decoded from base64 or quoted-printable; empty for a multipart."""
    content = part.get_payload(decode=True)
    return content if isinstance(content, bytes) else b""


def decoded_text(part: "Message[str, str]") -> str:
    """The content of a part as text, whatever its charset says."""
    try:
        return octets(part).decode(part.get_content_charset("utf-8"), "replace")
    except (LookupError, ValueError):
        return octets(part).decode("utf-8", "replace")


def _decoded(value: str) -> str:
    """A header with encoded words (RFC 2047) as people read it."""
    try:
        return "".join(
            piece if isinstance(piece, str) else piece.decode(charset or "ascii", "replace")
            for piece, charset in decode_header(value)
        )
    except (HeaderParseError, LookupError, ValueError):
        return value
