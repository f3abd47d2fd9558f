"""Reports of mail servers that a message did not arrive.

Most are delivery status notifications (RFC 3464). Some servers write plain text and return the
message or its headers: then our Message-ID in what is returned says which one it was, and the
status code in the text (RFC 3463, or RFC 5321's reply code) says how bad it is.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from email import message_from_string
from email.message import Message

from booking.replies.incoming import Incoming, header, message_ids, plain, text

_STATUS = re.compile(r"(?<![\d.])([245])\.(\d{1,3})\.(\d{1,3})(?![\d.])")
_REPLY_CODE = re.compile(r"(?<![\d.#-])([45])\d\d(?=[ -])")
_MESSAGE_ID_LINE = re.compile(r"(?im)^(?:x-original-)?message-id:\s*(<[^>]+>)")
_STATUS_TYPES = frozenset({"message/delivery-status", "message/global-delivery-status"})
_RETURNED = frozenset({"message/rfc822", "message/global"})
_RETURNED_HEADERS = frozenset({"text/rfc822-headers", "message/global-headers"})
_MOST_CANDIDATES = 20
_MOST_TEXT = 64 * 1024


@dataclass(frozen=True)
class DeliveryReport:
    """What a mail server says of one message.

    `message_ids` are those that the report names; at most one is ours. `is_final`: it was given
    up. `is_permanent`: trying again cannot help (5.x.x). Neither: it is late, or it has arrived.
    `is_clear` is false for a report that does not say how bad it is.
    """

    message_ids: tuple[str, ...]
    is_final: bool
    is_permanent: bool
    reason: str
    is_clear: bool = True
    has_arrived: bool = False


def report_in(incoming: Incoming) -> DeliveryReport | None:
    """The report that a mail is; nothing if it is none."""
    for part in incoming.parts():
        if part.get_content_type() in _STATUS_TYPES:
            return _from_notification(incoming, part)
    if incoming.is_from_a_mail_server:
        return _from_words(incoming)
    return None


def _from_notification(incoming: Incoming, part: "Message[str, str]") -> DeliveryReport:
    blocks = [block for block in _blocks(part) if block.get("Action") or block.get("Status")]
    actions = {header(block, "Action").strip().lower(): block for block in reversed(blocks)}
    block = actions.get("failed") or (blocks[0] if blocks else None)
    candidates = tuple(_candidates(incoming))
    if block is None:
        return DeliveryReport(candidates, False, False, "", is_clear=False)
    action = header(block, "Action").strip().lower()
    diagnostic = header(block, "Diagnostic-Code")
    status = _status(header(block, "Status")) or _status(diagnostic)
    is_final = action == "failed" or (not action and status[:1] == "5")
    return DeliveryReport(
        message_ids=candidates,
        is_final=is_final,
        is_permanent=is_final and status[:1] == "5",
        reason=plain(f"{status} {diagnostic.partition(';')[2] or diagnostic}", 300),
        is_clear=bool(action or status),
        has_arrived=action in ("delivered", "relayed", "expanded"),
    )


def _from_words(incoming: Incoming) -> DeliveryReport | None:
    """A report without a machine-readable part; nothing unless it returns what we sent."""
    candidates = tuple(_candidates(incoming))
    if not candidates:
        return None
    words = " ".join(
        text(part)[:_MOST_TEXT]
        for part in incoming.parts()
        if part.get_content_type() == "text/plain"
    )
    status = _status(words)
    start = max(words.find(status) - 60, 0)
    return DeliveryReport(
        message_ids=candidates,
        is_final=status[:1] == "5",
        is_permanent=status[:1] == "5",
        reason=plain(words[start : start + 400], 300) if status else "",
        is_clear=status[:1] in ("4", "5"),
    )


def _blocks(part: "Message[str, str]") -> list["Message[str, str]"]:
    """The groups of fields of a delivery status, one for the message and one a recipient."""
    payload = part.get_payload()
    if isinstance(payload, list):
        return [block for block in payload if isinstance(block, Message)]
    # Encoded in base64, which RFC 3464 does not allow and some servers do.
    return [
        message_from_string(group) for group in re.split(r"\r?\n\r?\n", text(part)[:_MOST_TEXT])
    ]


def _candidates(incoming: Incoming) -> list[str]:
    """Message-IDs that may be of the message that came back, the surest first."""
    own = message_ids(header(incoming.mail, "Message-ID"))
    named = dict.fromkeys(each for part in incoming.parts() for each in _named_in(part))
    return [each for each in named if each not in own][:_MOST_CANDIDATES]


def _named_in(part: "Message[str, str]") -> Iterator[str]:
    kind = part.get_content_type()
    payload = part.get_payload()
    if kind in _RETURNED and isinstance(payload, list):
        for returned in payload:
            if isinstance(returned, Message):
                yield from message_ids(header(returned, "Message-ID"))
    elif kind in _RETURNED or kind in _RETURNED_HEADERS:
        returned = message_from_string(text(part)[:_MOST_TEXT])
        yield from message_ids(header(returned, "Message-ID"))
    elif kind in _STATUS_TYPES:
        for block in _blocks(part):
            # Exchange names it there.
            yield from message_ids(header(block, "X-Original-Message-ID"))
    elif kind == "text/plain":
        for line in _MESSAGE_ID_LINE.findall(text(part)[:_MOST_TEXT]):
            yield from message_ids(line)


def _status(words: str) -> str:
    """The first status code in some words: RFC 3463's, else the reply code of RFC 5321."""
    enhanced = _STATUS.search(words)
    if enhanced:
        return enhanced.group()
    plain_code = _REPLY_CODE.search(words)
    return words[plain_code.start() : plain_code.start() + 3] if plain_code else ""
