"""Reports of mail servers that a message did not arrive.

Most are delivery status notifications (RFC 3464). Some servers write plain text and return the
message or its headers: then our Message-ID in what is returned says which one it was, and the
status code in the text (RFC 3463, or RFC 5321's reply code) says how bad it is. Words alone count
only from a daemon that speaks of SMTP.
"""

import base64
import binascii
import html
import json
import quopri
import re
from collections.abc import Iterator
from dataclasses import dataclass
from email import message_from_string
from email.message import Message
from email.utils import getaddresses
from typing import Any

from accounts.addresses import as_stored
from booking.outbox.reasons import code_in, is_fault_of_the_address, reason_around, refusal_in
from booking.replies.incoming import (
    MOST_TEXT,
    Incoming,
    as_text,
    decoded_text,
    header,
    message_ids,
    plain,
)
from booking.replies.origin import is_for_somebody_away, is_from_a_mail_server

_COMMENT = re.compile(r"\([^()]*\)")
_ADDRESS = re.compile(r"[\w.+'&/=-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63}){1,8}")
_XTEXT = re.compile(r"\+([0-9A-F]{2})")
_TAG = re.compile(r"<(?![^<>\s]*@)[^<>]{0,2000}>")
# A header line of what is returned, and one that no explanation above it has.
_HEADER_LINE = re.compile(r"[A-Za-z][A-Za-z0-9-]*:")
_RETURNED_LINE = re.compile(
    r"(?im)^(?:received|return-path|dkim-signature|mime-version|(?:x-original-)?message-id):"
)
_ARRIVED = frozenset({"delivered", "relayed", "expanded"})
_ACTIONS = _ARRIVED | {"failed", "delayed"}
# What an action that RFC 3464 does not know must mean, by the class of the status.
_BY_STATUS = {"2": "delivered", "4": "delayed", "5": "failed"}
_MESSAGE_ID_LINE = re.compile(r"(?im)^[\s>|]*[\w-]{0,40}message-id:\s*<?([^<>\s]+@[^<>\s]+)>?")
_STATUS_TYPES = frozenset({"message/delivery-status", "message/global-delivery-status"})
# A delivery status by what it says, under whatever name it comes.
_STATUS_FIELDS = re.compile(r"(?im)^(?:final|original)-recipient:(?=(?s:.*?)^(?:action|status):)")
_RETURNED = frozenset(
    {
        "message/rfc822", "message/global", "message/rfc822-headers", "message/global-headers",
        "text/rfc822-headers", "text/rfc822",
    }
)  # fmt: skip
_MOST_CANDIDATES = 100
_MOST_RECIPIENTS = 20


@dataclass(frozen=True)
class DeliveryReport:
    """What a mail server says of one message.

    `message_ids` are those that the report names; at most one is ours. `is_final`: it was given
    up. `blames_address`: because the address is wrong, unknown or disabled. `is_clear` is false
    for a report that does not say how bad it is. `recipients` are those whom it did not reach, in
    lower case; none if it does not say so in a way for programs. `named` are all whom it may be
    about. `is_in_words`: nothing in it is written for programs.
    """

    message_ids: tuple[str, ...]
    is_final: bool = False
    blames_address: bool = False
    reason: str = ""
    is_clear: bool = True
    has_arrived: bool = False
    recipients: frozenset[str] | None = None
    named: frozenset[str] = frozenset()
    is_in_words: bool = False


def report_in(incoming: Incoming) -> DeliveryReport | None:
    """The report that a mail is; nothing if it is none."""
    for part in incoming.parts():
        fields = _status_fields(part)
        blocks = [each for each in _blocks(fields) if each.get("Action") or each.get("Status")]
        blocks = blocks or _blocks_of_event(part)
        if blocks:
            return _from_notification(incoming, blocks)
    return _from_words(incoming)


def _status_fields(part: "Message[str, str]") -> str:
    """The fields of a delivery status; empty if the part is none."""
    kind = part.get_content_type()
    if kind in _STATUS_TYPES:
        return _content(part)
    if part.is_multipart() or kind in _RETURNED or kind == "message/disposition-notification":
        return ""
    text = decoded_text(part)
    found = _STATUS_FIELDS.search(text)
    return text if found else ""


def _blocks_of_event(part: "Message[str, str]") -> list["Message[str, str]"]:
    """Whom a bounce of Amazon SES names, as blocks of a delivery status; none if it is no such.

    SNS mails its events as JSON, alone or within one of its own, and writes below it how to stop.
    """
    text = decoded_text(part).lstrip() if part.get_content_type() == "text/plain" else ""
    if not text.startswith("{") or "bouncedRecipients" not in text:
        return []
    try:
        event, _ = json.JSONDecoder().raw_decode(text)
        if isinstance(event.get("Message"), str):
            event = json.loads(event["Message"])
    except (ValueError, RecursionError):
        return []
    match event:
        case {"bounce": {"bouncedRecipients": [*failed]}}:
            found = [_block_of_event(each) for each in failed[:_MOST_RECIPIENTS]]
            return [each for each in found if each is not None]
    return []


def _block_of_event(failed: Any) -> "Message[str, str] | None":
    match failed:
        case {"emailAddress": str(address)}:
            block: Message[str, str] = Message()
            block["Final-Recipient"] = plain(address, 254)
            block["Action"] = plain(str(failed.get("action", "failed")), 20)
            block["Status"] = plain(str(failed.get("status", "")), 20)
            block["Diagnostic-Code"] = plain(str(failed.get("diagnosticCode", "")), 400)
            return block
    return None


def _from_notification(incoming: Incoming, blocks: list["Message[str, str]"]) -> DeliveryReport:
    actions = [_action(block) for block in blocks]
    chosen = actions.index("failed") if "failed" in actions else 0
    block, action = blocks[chosen], actions[chosen]
    diagnostic = header(block, "Diagnostic-Code")
    failed = [each for each, its in zip(blocks, actions, strict=True) if its == "failed"]
    # Of a list, some got it: then the address that we wrote to has not failed.
    names = ["Final-Recipient"] if _ARRIVED & set(actions) else _RECIPIENTS
    recipients = _recipients(failed, names)
    reason = plain(f"{_status_of(block)} {diagnostic.partition(';')[2] or diagnostic}", 300)
    return DeliveryReport(
        message_ids=_candidates(incoming),
        is_final=action == "failed",
        blames_address=action == "failed" and is_fault_of_the_address(reason),
        reason=reason,
        is_clear=bool(action),
        has_arrived=action in _ARRIVED,
        recipients=recipients or None,
        named=recipients or _recipients(blocks, _RECIPIENTS) | _x_failed(incoming),
    )


_RECIPIENTS = ("Final-Recipient", "Original-Recipient")


def _recipients(
    blocks: list["Message[str, str]"], names: tuple[str, ...] | list[str]
) -> frozenset[str]:
    found = [_address(each, name) for each in blocks for name in names]
    return frozenset(filter(None, found[: 2 * _MOST_RECIPIENTS]))


def _action(block: "Message[str, str]") -> str:
    """What happened, as RFC 3464 calls it; nothing if the block does not say it."""
    word = _COMMENT.sub(" ", header(block, "Action")).strip().lower()
    return word if word in _ACTIONS else _BY_STATUS.get(_status_of(block)[:1], "")


def _status_of(block: "Message[str, str]") -> str:
    return code_in(header(block, "Status")) or code_in(header(block, "Diagnostic-Code"))


def _address(block: "Message[str, str]", name: str) -> str:
    """The address in a field such as `rfc822; someone@agency.example`; empty if there is none.

    An Original-Recipient may be written as xtext (RFC 3461, section 4).
    """
    value = _COMMENT.sub(" ", header(block, name)).rpartition(";")[2].strip().strip('<>"')
    if _XTEXT.search(value.upper()) and "+" in value:
        value = re.sub(r"(?i)\+(2b|3d|40)", lambda code: chr(int(code[1], 16)), value)
    return as_stored(value) if "@" in value else ""


def _x_failed(incoming: Incoming) -> frozenset[str]:
    """Whom Exim names in a header."""
    values = [str(each) for each in incoming.mail.get_all("X-Failed-Recipients", [])]
    found = getaddresses(values[:_MOST_RECIPIENTS])
    return frozenset(as_stored(each) for _, each in found[:_MOST_RECIPIENTS] if "@" in each)


def _from_words(incoming: Incoming) -> DeliveryReport | None:
    """A report without a machine-readable part; nothing unless a mail server wrote it."""
    failed = _x_failed(incoming)
    if not failed and (not is_from_a_mail_server(incoming) or is_for_somebody_away(incoming)):
        return None
    words = _explanation(incoming)
    code = code_in(words)
    candidates = _candidates(incoming)
    told = code or refusal_in(words)
    if not told and not failed:
        return DeliveryReport(candidates, is_clear=False, is_in_words=True) if candidates else None
    at = words.find(told) if told else max(words.lower().find(min(failed)), 0)
    reason = plain(reason_around(words, told or words[at : at + 1], 400), 300)
    is_final = not code.startswith("4")
    return DeliveryReport(
        message_ids=candidates,
        is_final=is_final,
        blames_address=is_final and is_fault_of_the_address(reason),
        reason=reason,
        recipients=failed or None,
        named=failed
        or frozenset(each.lower() for each in _ADDRESS.findall(words)[:_MOST_RECIPIENTS]),
        is_in_words=True,
    )


def _explanation(incoming: Incoming) -> str:
    """What the server says in words, above what it returns."""
    told, marked_up = [], []
    for part in incoming.parts():
        if part.get_content_type() in _RETURNED:
            break
        if part.get_content_type() == "text/plain":
            told.append(decoded_text(part))
        elif part.get_content_type() == "text/html":
            marked_up.append(_without_markup(decoded_text(part)))
    words = "\n".join(told if "".join(told).strip() else marked_up).replace("\r\n", "\n")
    returned = _RETURNED_LINE.search(words)
    if returned is None:
        return words
    lines = words[: returned.start()].split("\n")[:-1]
    while lines and _HEADER_LINE.match(lines[-1]):
        lines.pop()
    return "\n".join(lines)


def _without_markup(page: str) -> str:
    return html.unescape(_TAG.sub("\n", page))


def _blocks(fields: str) -> list["Message[str, str]"]:
    """The groups of fields of a delivery status, one for the message and one a recipient."""
    groups = re.split(r"\r?\n[ \t]*(?:\r?\n)+", fields.lstrip(), maxsplit=200)
    return [message_from_string(group.lstrip()) for group in groups[:200] if group]


def _content(part: "Message[str, str]") -> str:
    """What a part of type message holds, as text. Some servers encode it, which RFC 2046 does not
    allow, and the parser does not expect."""
    payload = part.get_payload()
    pieces = payload if isinstance(payload, list) else [part]
    text = "\n\n".join(_flat(each, with_headers=each is not part) for each in pieces)[:MOST_TEXT]
    encoding = header(part, "Content-Transfer-Encoding").strip().lower()
    octets = text.encode("utf-8", "replace")
    try:
        if encoding == "base64":
            return as_text(base64.b64decode(octets), "utf-8")
        return (
            as_text(quopri.decodestring(octets), "utf-8")
            if encoding == "quoted-printable"
            else text
        )
    except (binascii.Error, ValueError):
        return text


def _flat(part: "Message[str, str] | str", *, with_headers: bool) -> str:
    if isinstance(part, str):
        return part
    headers = [f"{name}: {value}" for name, value in part.items()] if with_headers else []
    payload = part.get_payload()
    return "\n".join(headers) + "\n\n" + (payload if isinstance(payload, str) else "")


def _candidates(incoming: Incoming) -> tuple[str, ...]:
    """Message-IDs that may be of the message that came back, the surest first."""
    own = message_ids(header(incoming.mail, "Message-ID"))
    parts = list(incoming.parts())
    named = [each for part in parts for each in _in_returned(part)]
    named += [each for part in parts for each in _in_text(part)]
    for name in ("Original-Message-ID", "X-Original-Message-ID", "In-Reply-To", "References"):
        named += message_ids(header(incoming.mail, name))
    return tuple(each for each in dict.fromkeys(named) if each not in own)[:_MOST_CANDIDATES]


def _in_returned(part: "Message[str, str]") -> Iterator[str]:
    """Those in the headers of what is returned, and in the fields of the status."""
    kind = part.get_content_type()
    if kind in _RETURNED or kind in _STATUS_TYPES:
        text = _content(part) if kind.startswith("message/") else decoded_text(part)
        yield from _named_in_lines(text)


def _in_text(part: "Message[str, str]") -> Iterator[str]:
    kind = part.get_content_type()
    if part.is_multipart() or not kind.startswith(("text/", "message/")):
        return
    text = decoded_text(part)
    text = html.unescape(text) if kind == "text/html" else text
    yield from _named_in_lines(text)
    yield from message_ids(text)


def _named_in_lines(text: str) -> Iterator[str]:
    for found in _MESSAGE_ID_LINE.findall(text):
        yield from message_ids(f"<{found}>")
