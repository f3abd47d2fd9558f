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

from accounts.addresses import as_stored
from booking.replies.incoming import Incoming, decoded_text, header, message_ids, plain

_STATUS = re.compile(r"(?<![\d.])([245])\.(\d{1,3})\.(\d{1,3})(?![\d.])")
_REPLY_CODE = re.compile(r"(?<![\d.#-])([45])\d\d(?=[ -])")
_COMMENT = re.compile(r"\([^()]*\)")
# A header line of what is returned, and one that no explanation above it has.
_HEADER_LINE = re.compile(r"[A-Za-z][A-Za-z0-9-]*:")
_RETURNED_LINE = re.compile(
    r"(?im)^(?:received|return-path|dkim-signature|mime-version|(?:x-original-)?message-id):"
)
_ARRIVED = frozenset({"delivered", "relayed", "expanded"})
_ACTIONS = _ARRIVED | {"failed", "delayed"}
# What an action that RFC 3464 does not know must mean, by the class of the status.
_BY_STATUS = {"2": "delivered", "4": "delayed", "5": "failed"}
_MESSAGE_ID_LINE = re.compile(r"(?im)^(?:x-original-)?message-id:\s*(<[^>]+>)")
_STATUS_TYPES = frozenset({"message/delivery-status", "message/global-delivery-status"})
_RETURNED = frozenset({"message/rfc822", "message/global"})
_RETURNED_HEADERS = frozenset({"text/rfc822-headers", "message/global-headers"})
_RECIPIENTS = ("Final-Recipient", "Original-Recipient")
_MOST_CANDIDATES = 20
_MOST_TEXT = 64 * 1024


@dataclass(frozen=True)
class DeliveryReport:
    """What a mail server says of one message.

    `message_ids` are those that the report names; at most one is ours. `is_final`: it was given
    up. `is_permanent`: trying again cannot help (5.x.x). Neither: it is late, or it has arrived.
    `is_clear` is false for a report that does not say how bad it is. `recipients` are those whom
    it did not reach, in lower case; none if it does not say so in a way for programs.
    """

    message_ids: tuple[str, ...]
    is_final: bool
    is_permanent: bool
    reason: str
    is_clear: bool = True
    has_arrived: bool = False
    recipients: frozenset[str] | None = None


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
    actions = [_action(block) for block in blocks]
    candidates = _candidates(incoming)
    if not blocks:
        return DeliveryReport(candidates, False, False, "", is_clear=False)
    chosen = actions.index("failed") if "failed" in actions else 0
    block, action = blocks[chosen], actions[chosen]
    diagnostic = header(block, "Diagnostic-Code")
    status = _status_of(block)
    failed = [each for each, its in zip(blocks, actions, strict=True) if its == "failed"]
    # Of a list, some got it: then the address that we wrote to has not failed.
    names = ["Final-Recipient"] if _ARRIVED & set(actions) else list(_RECIPIENTS)
    return DeliveryReport(
        message_ids=candidates,
        is_final=action == "failed",
        is_permanent=action == "failed" and status[:1] == "5",
        reason=plain(f"{status} {diagnostic.partition(';')[2] or diagnostic}", 300),
        is_clear=bool(action),
        has_arrived=action in _ARRIVED,
        recipients=frozenset(_address(each, name) for each in failed for name in names),
    )


def _action(block: "Message[str, str]") -> str:
    """What happened, as RFC 3464 calls it; nothing if the block does not say it."""
    word = _COMMENT.sub(" ", header(block, "Action")).strip().lower()
    return word if word in _ACTIONS else _BY_STATUS.get(_status_of(block)[:1], "")


def _status_of(block: "Message[str, str]") -> str:
    return _status(header(block, "Status")) or _status(header(block, "Diagnostic-Code"))


def _address(block: "Message[str, str]", name: str) -> str:
    """The address in a field such as `rfc822; someone@agency.example`; empty if there is none."""
    value = _COMMENT.sub(" ", header(block, name))
    return as_stored(value.rpartition(";")[2].strip().strip("<>"))


def _from_words(incoming: Incoming) -> DeliveryReport | None:
    """A report without a machine-readable part; nothing unless it returns what we sent."""
    candidates = _candidates(incoming)
    if not candidates:
        return None
    words = _explanation(incoming)
    status = _status(words)
    start = max(words.find(status) - 60, 0)
    return DeliveryReport(
        message_ids=candidates,
        is_final=status[:1] == "5",
        is_permanent=status[:1] == "5",
        reason=plain(words[start : start + 400], 300) if status else "",
        is_clear=status[:1] in ("4", "5"),
    )


def _explanation(incoming: Incoming) -> str:
    """What the server says in plain text, above what it returns."""
    told = []
    for part in incoming.parts():
        if part.get_content_type() in _RETURNED | _RETURNED_HEADERS:
            break
        if part.get_content_type() == "text/plain":
            told.append(decoded_text(part)[:_MOST_TEXT])
    words = "\n".join(told).replace("\r\n", "\n")
    returned = _RETURNED_LINE.search(words)
    if returned is None:
        return words
    lines = words[: returned.start()].split("\n")[:-1]
    while lines and _HEADER_LINE.match(lines[-1]):
        lines.pop()
    return "\n".join(lines)


def _blocks(part: "Message[str, str]") -> list["Message[str, str]"]:
    """The groups of fields of a delivery status, one for the message and one a recipient."""
    payload = part.get_payload()
    if isinstance(payload, list):
        return [block for block in payload if isinstance(block, Message)]
    # Encoded in base64, which RFC 3464 does not allow and some servers do.
    return [
        message_from_string(group)
        for group in re.split(r"\r?\n\r?\n", decoded_text(part)[:_MOST_TEXT])
    ]


def _candidates(incoming: Incoming) -> tuple[str, ...]:
    """Message-IDs that may be of the message that came back, the surest first."""
    own = message_ids(header(incoming.mail, "Message-ID"))
    named = dict.fromkeys(each for part in incoming.parts() for each in _named_in(part))
    return tuple(each for each in named if each not in own)[:_MOST_CANDIDATES]


def _named_in(part: "Message[str, str]") -> Iterator[str]:
    kind = part.get_content_type()
    payload = part.get_payload()
    if kind in _RETURNED and isinstance(payload, list):
        for returned in payload:
            if isinstance(returned, Message):
                yield from message_ids(header(returned, "Message-ID"))
    elif kind in _RETURNED or kind in _RETURNED_HEADERS:
        returned = message_from_string(decoded_text(part)[:_MOST_TEXT])
        yield from message_ids(header(returned, "Message-ID"))
    elif kind in _STATUS_TYPES:
        for block in _blocks(part):
            # Exchange names it there.
            yield from message_ids(header(block, "X-Original-Message-ID"))
    elif kind == "text/plain":
        for line in _MESSAGE_ID_LINE.findall(decoded_text(part)[:_MOST_TEXT]):
            yield from message_ids(line)


def _status(words: str) -> str:
    """The first status code in some words: RFC 3463's, else the reply code of RFC 5321."""
    enhanced = _STATUS.search(words)
    if enhanced:
        return enhanced.group()
    plain_code = _REPLY_CODE.search(words)
    return words[plain_code.start() : plain_code.start() + 3] if plain_code else ""
