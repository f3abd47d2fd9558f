"""A mail that came in, taken apart without trusting anything in it.

Read with the standard library's older policy: it leaves headers as they stand, where the newer
one parses them and can fail. What is malformed yields empty text, not an exception: nothing but
this file asks the library for a header, a parameter, an address or a part's text. Everything that
costs time is capped before it is parsed: how long a header is, how many headers, lines and parts
there are, and how much text.
"""

import base64
import codecs
import hashlib
import html
import quopri
import re
from collections.abc import Iterator
from dataclasses import dataclass
from email import message_from_bytes
from email.errors import HeaderParseError
from email.header import decode_header
from email.message import Message
from email.parser import BytesHeaderParser
from email.policy import Compat32, Policy
from email.utils import getaddresses
from functools import cached_property
from typing import Any

from booking.site.plain_text import one_line

# The part before the sign holds no other, or looking for it takes the square of the time.
_MESSAGE_ID = re.compile(r"<[!-;=?A-~]{1,200}@[!-;=?-~]{1,200}>")
_TAG = re.compile(r"<(?![^<>\s]*@)[^<>]{0,2000}>")
_NO_CHARACTER = re.compile(r"&#\d{8,}")
# Decoding these takes a time that grows with the square of the text, or makes no text.
_NO_CHARSETS = frozenset({"idna", "punycode", "undefined", "unicode_escape", "raw_unicode_escape"})
# Of one part, and of all of them.
MOST_TEXT = 64 * 1024
_MOST_TEXTS = 2 * MOST_TEXT

# No mail of ours, returned, and no answer of a calendar comes near any of these.
_MOST_OCTETS = 1_000_000
_MOST_LINES = 20_000
_MOST_BOUNDARIES = 30
_MOST_PARTS = 100
_MOST_HEADERS = 2_000
# A long chain of References is below half of it.
_LONGEST_HEADER = 8 * 1024
# Of one whose parameters are looked up again and again.
_LONGEST_OF_A_PART = 512
_LINES_OF_AN_ODD_MAIL = 500
# What stays as it was written, whichever way a mail takes.
_WRITTEN = (
    "Message-ID", "From", "Subject", "Date", "Content-Type", "Auto-Submitted", "In-Reply-To",
    "X-Failed-Recipients",
)  # fmt: skip
_LONGEST_ID = 200


# Of which type another mail is that stands in this one, whole or its headers.
MAILS = frozenset(
    {
        "message/rfc822", "message/global", "message/rfc822-headers", "message/global-headers",
        "text/rfc822-headers", "text/rfc822",
    }
)  # fmt: skip


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
class Text:
    """A part of a mail that says something, and what it says.

    `is_own` is false for what stands in another mail that it forwards or returns, and for that
    mail. `is_cut` if it says more.
    """

    part: "Message[str, str]"
    kind: str
    words: str
    is_own: bool
    is_cut: bool

    @cached_property
    def said(self) -> str:
        """The words without markup, and characters in place of references to them; of a number too
        large for a character nothing is left."""
        if self.kind != "text/html":
            return self.words
        return html.unescape(_NO_CHARACTER.sub("", _TAG.sub("\n", self.words)))


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
        """Parse a mail; only the headers of one that is absurdly large, deep or scattered."""
        if not _is_absurd(raw):
            try:
                return cls(raw=raw, mail=message_from_bytes(raw, policy=_capped()))
            except (_TooOdd, RecursionError, LookupError, ValueError):
                pass
        lines = raw[:MOST_TEXT].splitlines(keepends=True)[:_LINES_OF_AN_ODD_MAIL]
        headers = BytesHeaderParser(policy=_capped()).parsebytes(b"".join(lines))
        return cls(raw=raw, mail=headers, is_whole=False)

    @property
    def key(self) -> str:
        """What tells this mail from any other: its Message-ID, which anybody may use again, and a
        digest of what it says. The same mail delivered twice differs in what servers write above
        it, and has one key."""
        said = [" ".join(header(self.mail, name).split()) for name in _WRITTEN]
        head, has_body, body = self.raw.replace(b"\r\n", b"\n").partition(b"\n\n")
        written = "\0".join(said).encode("utf-8", "replace")
        digest = hashlib.sha256(written + b"\0" + (body if has_body else head).rstrip())
        found = [each for each in message_ids(said[0])[:1] if len(each) <= _LONGEST_ID]
        return " ".join([*found, digest.hexdigest()[:32]])

    @property
    def from_address(self) -> str:
        """The address it says it is from."""
        found = named_in(header(self.mail, "From"))
        return plain(found[0][1], 254) if found else ""

    @property
    def subject(self) -> str:
        """The subject, decoded."""
        return plain(decoded(header(self.mail, "Subject")), 200)

    @property
    def report_type(self) -> str:
        """What the mail itself reports (RFC 6522), in lower case; empty if it is no report."""
        is_report = self.mail.get_content_type() == "multipart/report"
        return str(self.mail.get_param("report-type", "?")).lower() if is_report else ""

    @cached_property
    def texts(self) -> tuple[Text, ...]:
        """Its parts that say something, those of parts included, decoded once."""
        left, found = _MOST_TEXTS, []
        for part, is_own in _parts_of(self.mail, is_own=True):
            words = _content(part)
            most = min(left, MOST_TEXT)
            left -= len(words[:most])
            kind = part.get_content_type()
            found.append(Text(part, kind, words[:most], is_own, is_cut=len(words) > most))
        return tuple(found)


def _parts_of(
    part: "Message[str, str]", *, is_own: bool
) -> Iterator[tuple["Message[str, str]", bool]]:
    """The parts that are no multipart, each with whether it is the mail's own."""
    is_mail = part.get_content_type() in MAILS
    if not part.is_multipart() or part.get_content_maintype() == "message":
        yield part, is_own and not is_mail
    if part.is_multipart() and (is_mail or part.get_content_maintype() != "message"):
        for each in _within(part):
            yield from _parts_of(each, is_own=is_own and not is_mail)


def _within(part: "Message[str, str]") -> list["Message[str, str]"]:
    payload: Any = part.get_payload()
    return payload if isinstance(payload, list) else []


def _is_absurd(raw: bytes) -> bool:
    """Whether parsing it would cost more than a mail is worth: the parser looks at each line once
    for every boundary around it."""
    lines = raw.count(b"\n") + raw.count(b"\r") - raw.count(b"\r\n")
    return (
        len(raw) > _MOST_OCTETS
        or lines > _MOST_LINES
        or raw.lower().count(b"boundary") > _MOST_BOUNDARIES
    )


class _Part(Message):
    """A part whose parameters are text, whatever character set they claim, and read once; its
    boundary, the name of its file and its character set are read from them."""

    def __init__(self, policy: Any) -> None:
        super().__init__(policy)
        self._parameters: dict[str, dict[str, Any]] = {}

    def get_param(
        self, param: str, failobj: Any = None, header: str = "content-type", unquote: bool = True
    ) -> Any:
        """A parameter as the library finds it, decoded; `failobj` where that fails."""
        if header not in self._parameters:
            try:
                read = self.get_params([], header)
            except (LookupError, TypeError, ValueError):
                read = []
            self._parameters[header] = {name.lower(): each for name, each in reversed(read)}
        found = self._parameters[header].get(param.lower(), failobj)
        if isinstance(found, tuple):
            return as_text(found[2].encode("latin-1", "replace"), found[0] or "utf-8")
        return found


class _Capped(Compat32):
    """Cuts headers as they are read, and gives up on a mail with absurdly many of them."""

    left = _MOST_HEADERS

    def header_source_parse(self, sourcelines: list[str]) -> tuple[str, str]:
        """As the older policy, of the first octets of the header."""
        object.__setattr__(self, "left", self.left - 1)
        if self.left < 0:
            raise _TooOdd
        start = sourcelines[0].lower()
        is_of_a_part = start.startswith("content-") and "multipart" not in start
        longest = _LONGEST_OF_A_PART if is_of_a_part else _LONGEST_HEADER
        length, kept = 0, []
        for line in sourcelines:
            kept.append(line[: longest - length])
            length += len(kept[-1])
            if length >= longest:
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
        return _Part(policy=policy)

    return _Capped(message_factory=part)


def header(part: "Message[str, str]", name: str) -> str:
    """One header as it stands, unfolded; empty if there is none."""
    found = part.get(name)
    return "" if found is None else str(found).replace("\r", "").replace("\n", " ")


def named_in(value: str) -> list[tuple[str, str]]:
    """The names and addresses in the beginning of a header, as far as the library can tell."""
    try:
        return getaddresses([value[:1000]])
    except (LookupError, RecursionError, TypeError, ValueError):
        return []


def octets(part: "Message[str, str]") -> bytes:
    """The content of a part, decoded from base64 or quoted-printable; empty for a multipart."""
    content = part.get_payload(decode=True)
    return content if isinstance(content, bytes) else b""


def _content(part: "Message[str, str]") -> str:
    """What a part says, a little more than is read of it.

    The headers and text of what is within one of type message. Some servers encode that, which
    RFC 2046 does not allow, and the parser does not expect.
    """
    if not part.is_multipart():
        content = octets(part)[: MOST_TEXT * 4]
        return as_text(content, part.get_content_charset("utf-8"))[: MOST_TEXT + 1]
    pieces = []
    for each in _within(part):
        headers = [f"{name}: {value}" for name, value in each.items()]
        pieces.append("\n".join([*headers, "", as_text(octets(each)[:MOST_TEXT], "utf-8")]))
    text = "\n\n".join(pieces)[: MOST_TEXT + 1]
    encoding = header(part, "Content-Transfer-Encoding").strip().lower()
    try:
        if encoding == "base64":
            return as_text(base64.b64decode(text.encode()), "utf-8")
        if encoding == "quoted-printable":
            return as_text(quopri.decodestring(text.encode()), "utf-8")
    except ValueError:
        pass
    return text


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
