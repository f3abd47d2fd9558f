"""The bytes of one email: fixed headers, and its words in up to three forms.

Put together here from the standard library's encoders: `EmailMessage` takes three times as long.
"""

import base64
import binascii
import hashlib
import re
from dataclasses import dataclass
from datetime import datetime
from email.header import Header
from email.utils import format_datetime, parseaddr, quote
from functools import lru_cache

from django.utils.encoding import punycode

from booking.site.plain_text import one_line

_NOT_FOR_BODIES = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")
_LINE_END = re.compile("\r\n|\r|\n")
_MESSAGE_ID = re.compile(r"<[!-;=?-~]+@[!-;=?-~]+>")
# Unquoted local parts, as nearly all are (RFC 5322, 3.2.3).
_ATOM = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+"
_LOCAL_PART = re.compile(rf"{_ATOM}(\.{_ATOM})*")
_DOMAIN = re.compile(r"[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)*")
_STOP_URL = re.compile(r"https?://[!-;=?-~]{1,400}")
_LONGEST_SUBJECT = 200
_LONGEST_NAME = 120

_CONSTANT_HEADERS = (
    # No holiday notices in answer, please (RFC 3834, 5); Exchange wants its own word for it.
    "Auto-Submitted: auto-generated\r\n"
    "X-Auto-Response-Suppress: OOF, AutoReply\r\n"
    "MIME-Version: 1.0\r\n"
)


@dataclass(frozen=True, kw_only=True)
class Letter:
    """What one email says. `calendar` is a whole iCalendar object whose METHOD is `method`."""

    sender: str
    reply_to: str
    to_name: str
    to_email: str
    subject: str
    text: str
    html: str
    message_id: str
    written_at: datetime
    calendar: bytes | None = None
    method: str = ""
    # Where a mail program stops what comes to many, with one click (RFC 8058).
    stop_url: str = ""


def write(letter: Letter) -> bytes:
    """The email as it goes to the mail server, in ASCII with CRLF line ends.

    Writing a letter twice gives the same bytes: the boundary is made from the Message-ID. The
    calendar comes last, as the richest form, and not as an attachment, or Outlook hides the
    buttons (RFC 6047, 2.4; RFC 2046, 5.1.4). Raises `ValueError` for an impossible address.
    """
    if not _MESSAGE_ID.fullmatch(letter.message_id):
        raise ValueError(f"{letter.message_id!r} is no Message-ID.")
    # "=_" occurs neither in quoted-printable nor in base64.
    boundary = f"=_{hashlib.sha256(letter.message_id.encode()).hexdigest()[:32]}"
    headers = [
        f"From: {_our_address(letter.sender)}\r\n",
        f"Reply-To: {_our_address(letter.reply_to)}\r\n",
        f"To: {_mailbox(letter.to_name, letter.to_email)}\r\n",
        f"Subject: {_subject(one_line(letter.subject)[:_LONGEST_SUBJECT].rstrip())}\r\n",
        f"Date: {format_datetime(letter.written_at)}\r\n",
        f"Message-ID: {letter.message_id}\r\n",
        _stopping(letter.stop_url),
        _CONSTANT_HEADERS,
        f'Content-Type: multipart/alternative; boundary="{boundary}"\r\n',
    ]
    parts = [_text_part("text/plain", letter.text), _text_part("text/html", letter.html)]
    if letter.calendar is not None:
        parts.append(_calendar_part(letter.calendar, letter.method))
    opening, closing = f"\r\n--{boundary}\r\n".encode(), f"\r\n--{boundary}--\r\n".encode()
    return b"".join(
        ["".join(headers).encode("ascii"), *(opening + part for part in parts), closing]
    )


def _stopping(url: str) -> str:
    """The headers by which somebody stops (RFC 2369, 3.2; RFC 8058, 3.1); the address on a line."""
    if not url:
        return ""
    if not _STOP_URL.fullmatch(url):
        raise ValueError("This is no address for a header.")
    one_click = "List-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n"
    return f"List-Unsubscribe:\r\n <{url}>\r\n{one_click}"


def _subject(text: str) -> str:
    # A word too long for a line can be folded only when it is encoded.
    if _needs_encoding(text) or max(map(len, text.split()), default=0) > 60:
        return _encoded(text, name="Subject")
    return Header(text, "us-ascii", header_name="Subject").encode(linesep="\r\n")


@lru_cache(maxsize=64)
def _our_address(header: str) -> str:
    """Our own name and address, which are the same in every letter."""
    name, email = parseaddr(one_line(header))
    return _mailbox(name, email)


def _mailbox(name: str, email: str) -> str:
    """A name and an address (RFC 5322, 3.4). Raises `ValueError` if the address is none.

    Not left to `email.policy`: it reads an encoded word in a person's name as one, and folds long
    names of mixed scripts in ways that its own parser calls a defect.
    """
    local_part, _, domain = email.rpartition("@")
    if not (_LOCAL_PART.fullmatch(local_part) and domain):
        raise ValueError("Mail cannot be sent to this address.")
    domain = domain if domain.isascii() else punycode(domain)
    if not _DOMAIN.fullmatch(domain):
        raise ValueError("Mail cannot be sent to this address.")
    name = one_line(name)[:_LONGEST_NAME].rstrip()
    if not name:
        return f"{local_part}@{domain}"
    shown = _encoded(name, name="Reply-To") if _needs_encoding(name) else f'"{quote(name)}"'
    return f"{shown}\r\n <{local_part}@{domain}>"


def _needs_encoding(text: str) -> bool:
    return not text.isascii() or "=?" in text


def _encoded(text: str, *, name: str) -> str:
    """Encoded words, folded so that the header's name fits before them (RFC 2047, 2)."""
    return Header(text, "utf-8", header_name=name).encode(linesep="\r\n")


def _text_part(content_type: str, text: str) -> bytes:
    """A part in quoted-printable (RFC 2045, 6.7), without what no mail program can show."""
    lines = _LINE_END.sub("\r\n", _NOT_FOR_BODIES.sub("", text))
    head = (
        f"Content-Type: {content_type}; charset=utf-8\r\n"
        "Content-Transfer-Encoding: quoted-printable\r\n\r\n"
    )
    return head.encode() + binascii.b2a_qp(lines.encode())


def _calendar_part(calendar: bytes, method: str) -> bytes:
    """The iCalendar object in base64, which keeps its folded lines as they are (RFC 6047, 2.5)."""
    head = (
        f"Content-Type: text/calendar; charset=utf-8; method={method}\r\n"
        "Content-Transfer-Encoding: base64\r\n\r\n"
    )
    return head.encode() + base64.encodebytes(calendar).replace(b"\n", b"\r\n")
