"""A mail that came in, taken apart without trusting anything in it.

Read with the standard library's older policy: it leaves headers as they stand, where the newer
one parses them and can fail. What is malformed yields empty text, not an exception. Everything
that costs time is capped before it is parsed: how long a header is, and how many headers, lines
and parts there are.
"""

import codecs
import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from email import message_from_bytes
from email.errors import HeaderParseError
from email.header import decode_header
from email.message import Message
from email.parser import BytesHeaderParser
from email.policy import Compat32, Policy
from email.utils import parseaddr

from booking.site.plain_text import one_line

_MESSAGE_ID = re.compile(r"<[!-;=?-~]{1,200}@[!-;=?-~]{1,200}>")
# Decoding these takes a time that grows with the square of the text, or makes no text.
_NO_CHARSETS = frozenset({"idna", "punycode", "undefined", "unicode_escape", "raw_unicode_escape"})
MOST_TEXT = 64 * 1024

# No mail of ours, returned, and no answer of a calendar comes near any of these.
_MOST_OCTETS = 1_000_000
_MOST_LINES = 20_000
_MOST_BOUNDARIES = 30
_MOST_PARTS = 100
_MOST_HEADERS = 2_000
# A long chain of References is below half of it.
_LONGEST_HEADER = 8 * 1024
_LINES_OF_AN_ODD_MAIL = 500


class NotForUs(Exception):
    """The mail cannot be acted on: the message says why, for the person who must read it."""


class _TooOdd(Exception):
    """It has more parts or headers than a mail has."""


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
    """One mail, parsed. `raw` is what there is of it, perhaps the headers only.

    `is_whole` is false if it is built so oddly that only its first headers were parsed.
    """

    raw: bytes
    mail: "Message[str, str]"
    is_whole: bool = True

    @classmethod
    def parse(cls, raw: bytes) -> "Incoming":
        """Parse a mail; only the headers of one that is absurdly large, deep or scattered.

        Or of one whose boundary is in a character set that nobody knows.
        """
        if not _is_absurd(raw):
            try:
                return cls(raw=raw, mail=message_from_bytes(raw, policy=_capped()))
            except (_TooOdd, RecursionError, UnicodeError):
                pass
        lines = raw[:MOST_TEXT].splitlines(keepends=True)[:_LINES_OF_AN_ODD_MAIL]
        headers = BytesHeaderParser(policy=_capped()).parsebytes(b"".join(lines))
        return cls(raw=raw, mail=headers, is_whole=False)

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
        return plain(parseaddr(header(self.mail, "From")[:1000])[1], 254)

    @property
    def subject(self) -> str:
        """The subject, decoded."""
        return plain(decoded(header(self.mail, "Subject")), 200)

    def parts(self) -> Iterator["Message[str, str]"]:
        """Its parts, those of parts included."""
        yield from self.mail.walk()


def _is_absurd(raw: bytes) -> bool:
    """Whether parsing it would cost more than a mail is worth: the parser looks at each line once
    for every boundary around it."""
    lines = raw.count(b"\n") + raw.count(b"\r") - raw.count(b"\r\n")
    return (
        len(raw) > _MOST_OCTETS
        or lines > _MOST_LINES
        or raw.lower().count(b"boundary") > _MOST_BOUNDARIES
    )


class _Capped(Compat32):
    """Cuts headers as they are read, and gives up on a mail with absurdly many of them."""

    left = _MOST_HEADERS

    def header_source_parse(self, sourcelines: list[str]) -> tuple[str, str]:
        """As the older policy, of the first octets of the header."""
        object.__setattr__(self, "left", self.left - 1)
        if self.left < 0:
            raise _TooOdd
        length, kept = 0, []
        for line in sourcelines:
            kept.append(line[: _LONGEST_HEADER - length])
            length += len(kept[-1])
            if length >= _LONGEST_HEADER:
                break
        return super().header_source_parse(kept) if ":" in kept[0] else ("X-Too-Long", "")


def _capped() -> _Capped:
    """A policy for one mail."""
    made = 0

    def part(policy: "Policy[Message[str, str]]") -> "Message[str, str]":
        nonlocal made
        made += 1
        if made > _MOST_PARTS:
            raise _TooOdd
        return Message(policy=policy)

    return _Capped(message_factory=part)


def header(part: "Message[str, str]", name: str) -> str:
    """One header as it stands, unfolded; empty if there is none."""
    found = part.get(name)
    return "" if found is None else str(found).replace("\r", "").replace("\n", " ")


def octets(part: "Message[str, str]") -> bytes:
    """The content of a part, decoded from base64 or quoted-printable; empty for a multipart."""
    content = part.get_payload(decode=True)
    return content if isinstance(content, bytes) else b""


def decoded_text(part: "Message[str, str]") -> str:
    """The beginning of a part's content as text, whatever its charset says."""
    return as_text(octets(part)[:MOST_TEXT], part.get_content_charset("utf-8"))


def as_text(content: bytes, charset: str) -> str:
    """Octets as text; as UTF-8 if the charset is unheard of or costly."""
    try:
        is_safe = codecs.lookup(charset).name.replace("-", "_") not in _NO_CHARSETS
        return content.decode(charset if is_safe else "utf-8", "replace")
    except (LookupError, ValueError):
        return content.decode("utf-8", "replace")


def decoded(value: str) -> str:
    """The beginning of a header with encoded words (RFC 2047) as people read it."""
    value = value[:2000]
    try:
        return "".join(
            piece if isinstance(piece, str) else as_text(piece, charset or "ascii")
            for piece, charset in decode_header(value)
        )
    except (HeaderParseError, LookupError, ValueError):
        return value
