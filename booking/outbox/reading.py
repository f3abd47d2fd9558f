"""A message as it was sent, for people to read, but for links that only its recipient may use."""

from dataclasses import dataclass
from email import message_from_bytes, policy
from email.message import EmailMessage

from booking.outbox.models import Message
from booking.site.logs import blank_secrets
from booking.site.signed_links import SignedLink

_SHOWN_HEADERS = ("From", "Reply-To", "To", "Subject", "Date", "Message-ID")


@dataclass(frozen=True)
class SentLetter:
    """The headers that people know, the plain text, and what else travels with it, in words."""

    headers: tuple[tuple[str, str], ...]
    text: str
    has_calendar_entry: bool


def letter_of(message: Message, *, on_paper: bool = False) -> SentLetter | None:
    """What a message says, or nothing: not composed yet, forgotten, or only for its recipient.

    Whoever gets it `on_paper` has no other way to their join link.
    """
    if message.is_secret or message.mime is None:
        return None
    mail = message_from_bytes(bytes(message.mime), policy=policy.default)
    assert isinstance(mail, EmailMessage)  # noqa: S101 - policy.default says so
    body = mail.get_body(("plain",))
    text = body.get_content() if body is not None else ""
    return SentLetter(
        headers=tuple((name, str(mail[name])) for name in _SHOWN_HEADERS if mail[name]),
        text=blank_secrets(
            text.replace("\r\n", "\n").strip(), but=SignedLink.JOIN if on_paper else None
        ),
        has_calendar_entry=any(part.get_content_type() == "text/calendar" for part in mail.walk()),
    )


def file_of(message: Message) -> bytes | None:
    """A message as a file for a mail program; nothing where `letter_of` gives nothing.

    Byte for byte as it was sent, unless a part holds a link that only its recipient may use: then
    that part is written anew without it.
    """
    if letter_of(message) is None:
        return None
    mail = message_from_bytes(bytes(message.mime or b""), policy=policy.SMTP)
    assert isinstance(mail, EmailMessage)  # noqa: S101 - policy.SMTP says so
    is_as_sent = True
    for part in mail.walk():
        if part.get_content_maintype() == "text":
            content = part.get_content()
            blanked = blank_secrets(content)
            if blanked != content:
                part.set_content(blanked, subtype=part.get_content_subtype())
                is_as_sent = False
    return bytes(message.mime or b"") if is_as_sent else mail.as_bytes()
