"""Reports of mail servers that a message did not arrive.

Most are delivery status notifications (RFC 3464). Some servers write plain text and return the
message or its headers: then our Message-ID in what is returned says which one it was, and the
status code in the text (RFC 3463, or RFC 5321's reply code) says how bad it is. Words alone count
only from a daemon that speaks of SMTP, and only for whom they name.
"""

import json
import re
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from itertools import pairwise

from accounts.addresses import as_stored
from booking.outbox.reasons import action_in, code_in, is_of_smtp, reason_around, refusal_in
from booking.replies.answers import answers_in
from booking.replies.incoming import MAILS, Incoming, Text, header, message_ids, named_in, plain
from booking.replies.origin import (
    MDN,
    has_no_return_path,
    is_an_answer,
    is_by_a_program,
    is_for_somebody_away,
    is_from_a_mail_server,
    is_refused_by_a_filter,
)

_COMMENT = re.compile(r"\([^()]*\)")
_ADDRESS = re.compile(r"[\w.+'&/=-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63}){1,8}")
_XTEXT = re.compile(r"(?i)\+(2b|3d|40)")
# A header line of what is returned, and one that no explanation above it has.
_HEADER_LINE = re.compile(r"[A-Za-z][A-Za-z0-9-]*:")
_RETURNED_LINE = re.compile(
    r"(?im)^(?:received|return-path|dkim-signature|mime-version|(?:x-original-)?message-id):"
)
_RECIPIENT = frozenset({"final-recipient", "original-recipient"})
_OF_A_RECIPIENT = _RECIPIENT | {"action", "status", "diagnostic-code"}
_ARRIVED = frozenset({"delivered", "relayed", "expanded"})
# The worst first. Nothing is what a report does not say clearly.
_ACTIONS = ("failed", "", "delayed", "delivered")
# What an action that RFC 3464 does not know must mean, by the class of the status. That it arrived
# is not guessed.
_BY_STATUS = {"4": "delayed", "5": "failed"}
_STATUS_TYPES = frozenset({"message/delivery-status", "message/global-delivery-status"})
# Whom a mail server tells us to ask, who did not get our mail either.
_TO_ASK = re.compile(
    r"(?i)(?:abuse|admin\w*|contact|delist\w*|help\w*|host-?master|it|noc|post-?master"
    r"|security|service\w*|support|unblock\w*|mailer-daemon)@"
)
# It was passed on from the address that we wrote to, which may be all right.
_PASSED_ON = re.compile(r"(?i)\b(?:forward\w*|redirect\w*|generated from|alias\w*)\b")
_MOST_CANDIDATES = 100
_MOST_RECIPIENTS = 20
_MOST_BLOCKS = 200
_LONGEST_FIELD = 2000

type Fields = dict[str, str]


@dataclass(frozen=True)
class Outcome:
    """What became of a mail for one recipient.

    `action` is "failed", "delayed", "delivered" or, if that is not clear, nothing. `final` is whom
    it did not reach in the end, `original` whom the sender wrote to, in lower case and as far as
    the report says so.
    """

    action: str
    reason: str = ""
    final: frozenset[str] = frozenset()
    original: frozenset[str] = frozenset()


@dataclass(frozen=True)
class DeliveryReport:
    """What a mail server says of one message, recipient by recipient.

    `message_ids` are those that the report names; at most one is ours. `of_returned` are those of
    the mail that came back, as far as it says so: another is only one that it answers. `is_weak`
    if it is not known that a mail server wrote it: it was forwarded, or somebody pasted it.
    """

    message_ids: tuple[str, ...]
    outcomes: tuple[Outcome, ...]
    is_weak: bool = False
    of_returned: frozenset[str] = frozenset()

    def is_surely_of(self, message_id: str) -> bool:
        """Whether a mail server says so of this very message."""
        is_returned = not self.of_returned or message_id in self.of_returned
        return is_returned and not self.is_weak

    @property
    def worst(self) -> Outcome:
        """The worst that it says of anybody."""
        return _worst(self.outcomes)

    @property
    def named(self) -> frozenset[str]:
        """All whom it may not have reached."""
        failed = [each for each in self.outcomes if each.action == "failed"]
        return frozenset().union(*(each.final | each.original for each in failed or self.outcomes))

    def about(self, email: str) -> Outcome | None:
        """What it says of one recipient; nothing if it speaks of others alone.

        Where some of those got it to whom an address passes mail on, the address has not failed.
        """
        theirs = [each for each in self.outcomes if email in each.final | each.original]
        if any(each.action == "delivered" for each in theirs):
            theirs = [each for each in theirs if email in each.final]
        elif not theirs:
            theirs = [each for each in self.outcomes if not each.final | each.original]
        return _worst(theirs) if theirs else None


def _worst(outcomes: Iterable[Outcome]) -> Outcome:
    return min(outcomes, key=lambda each: _ACTIONS.index(each.action))


def report_in(incoming: Incoming) -> DeliveryReport | None:
    """The report that a mail is; nothing if it is none."""
    by_server = is_from_a_mail_server(incoming) and not is_an_answer(incoming)
    is_report = incoming.mail.get_content_type() == "multipart/report"
    status_types = _STATUS_TYPES | ({MDN} if is_refused_by_a_filter(incoming) else set())
    # Its own report first, then one that it brings.
    for text in sorted(incoming.texts, key=lambda each: not each.is_own):
        is_status = text.kind in status_types
        read = [text]
        if is_status and text.is_own:
            read = [each for each in incoming.texts if each.is_own and each.kind in status_types]
        blocks = [each for part in read for each in _status_of_recipients(part, is_status)]
        is_sure = text.is_own and (by_server or (is_report and is_status))
        if not blocks:
            blocks = _fields_of_event(text)
            is_sure = text.is_own and incoming.from_address.startswith("no-reply@sns.amazonaws.")
        if blocks and text.kind == MDN:
            told = {"action": "failed", "diagnostic-code": f"sieve; {_explanation(incoming)[0]}"}
            blocks = [told | each for each in blocks]
        outcomes = tuple(map(_outcome, blocks[:_MOST_BLOCKS]))
        failed = _x_failed(incoming)
        says_more = len(blocks) > _MOST_BLOCKS or any(each.is_cut for each in read)
        if outcomes and _worst(outcomes).action == "delivered" and (failed or says_more):
            outcomes += (Outcome("", final=failed),)
        # That something arrived is put away, so it must be sure.
        if outcomes and (is_sure or _worst(outcomes).action != "delivered"):
            candidates, returned = _candidates(incoming), _of_returned(incoming)
            return DeliveryReport(candidates, outcomes, not is_sure, returned)
    if not is_report and not _x_failed(incoming) and answers_in(incoming):
        return None
    return _from_words(incoming)


def _status_of_recipients(text: Text, is_status: bool) -> list[Fields]:
    """The groups of fields of a delivery status that name a recipient, under whatever name the
    status comes."""
    if text.kind in MAILS or (text.kind == MDN and not is_status):
        return []
    groups = list(_groups(text.words))
    if is_status:
        return [each for each in groups if not each.keys().isdisjoint(_OF_A_RECIPIENT)]
    groups = [each for each in groups if each.get("action") or each.get("status")]
    return [each for each in groups if not each.keys().isdisjoint(_RECIPIENT)]


def _groups(text: str) -> Iterator[Fields]:
    """The fields between empty lines, by name in lower case, unfolded. Where a recipient stands
    again, an empty line is missing."""
    fields: Fields = {}
    name = ""
    for line in [*text.replace("\r\n", "\n").split("\n"), ""]:
        if not line.strip():
            if fields:
                yield fields
            fields, name = {}, ""
        elif line[0] in " \t" and name:
            fields[name] = f"{fields[name]} {line.strip()}"[:_LONGEST_FIELD]
        else:
            name, colon, value = line[:_LONGEST_FIELD].partition(":")
            name = name.strip().lower() if colon else ""
            if name in _RECIPIENT and name in fields:
                yield fields
                fields = {}
            if name:
                fields.setdefault(name, value.strip())


def _fields_of_event(text: Text) -> list[Fields]:
    """Whom a bounce of Amazon SES names, as fields of a delivery status; none if it is no such.

    SNS mails its events as JSON, alone or within one of its own, and writes below it how to stop.
    """
    words = text.words.lstrip() if text.kind == "text/plain" else ""
    if not words.startswith("{") or "bouncedRecipients" not in words:
        return []
    try:
        event, _ = json.JSONDecoder().raw_decode(words)
        if isinstance(event.get("Message"), str):
            event = json.loads(event["Message"])
    except (ValueError, RecursionError):
        return []
    match event:
        case {"bounce": {"bouncedRecipients": [*failed]}}:
            named = {"final-recipient": "emailAddress", "action": "action", "status": "status"}
            named["diagnostic-code"] = "diagnosticCode"
            return [
                {"action": "failed"}
                | {name: plain(str(each[key]), 400) for name, key in named.items() if key in each}
                for each in failed[:_MOST_RECIPIENTS]
                if isinstance(each, dict)
            ]
    return []


def _outcome(fields: Fields) -> Outcome:
    diagnostic = fields.get("diagnostic-code", "")
    codes = list(filter(None, map(code_in, (fields.get("status", ""), diagnostic))))
    status = codes[0] if codes else ""
    action = _COMMENT.sub(" ", fields.get("action", "")).strip().lower()
    if action in _ARRIVED:
        action = "delivered" if all(each.startswith("2") for each in codes) else ""
    elif action not in ("failed", "delayed"):
        action = _BY_STATUS.get(status[:1], "")
    return Outcome(
        action=action,
        reason=plain(f"{status} {diagnostic.partition(';')[2] or diagnostic}", 300),
        final=_address(fields.get("final-recipient", "")),
        original=_address(fields.get("original-recipient", "")),
    )


def _address(field: str) -> frozenset[str]:
    """The address in a field such as `rfc822; someone@agency.example`, if there is one.

    An Original-Recipient may be written as xtext (RFC 3461, section 4).
    """
    value = _COMMENT.sub(" ", field).rpartition(";")[2].strip().strip('<>"')
    value = _XTEXT.sub(lambda code: chr(int(code[1], 16)), value)
    return frozenset([as_stored(plain(value, 254))] if "@" in value else [])


def _x_failed(incoming: Incoming) -> frozenset[str]:
    """Whom Exim names in a header."""
    values = [str(each) for each in incoming.mail.get_all("X-Failed-Recipients", [])]
    found = [each for value in values[:_MOST_RECIPIENTS] for _, each in named_in(value)]
    found = [as_stored(plain(each, 254)) for each in found[:_MOST_RECIPIENTS] if "@" in each]
    return frozenset(found)


def _from_words(incoming: Incoming) -> DeliveryReport | None:
    """A report without fields for programs; nothing unless a mail server may have written it."""
    failed = _x_failed(incoming)
    by_server = is_from_a_mail_server(incoming) and not is_for_somebody_away(incoming)
    if not failed and not by_server:
        return None
    candidates = _candidates(incoming)
    words, returns_mail = _explanation(incoming)
    # After its colon stands our own subject.
    told = f"{incoming.subject.partition(':')[0]}\n{words}"
    outcomes: list[Outcome] = []
    if failed or returns_mail or is_of_smtp(told):
        named_ids = [*_in_headers(incoming), *_in_fields(words)]
        nobody = {each.strip("<>").lower() for each in named_ids}
        for name in ("From", "To"):
            nobody.update(each.lower() for _, each in named_in(header(incoming.mail, name)))
        for named, theirs in _by_recipient(words, nobody):
            code = code_in(theirs)
            at = code or refusal_in(theirs)
            if at:
                # Somebody else stands beside them: nobody knows which of them it is about.
                is_clear = len(named) < 2 or named <= failed
                action = action_in(told, code) if is_clear else ""
                reason = plain(reason_around(theirs, at, 400), 300)
                outcomes.append(Outcome(action, reason, named or failed))
        if not outcomes and (failed or candidates):
            at = min(failed, default="")
            reason = plain(reason_around(words, at, 400), 300)
            outcomes.append(Outcome(action_in(told, "" if failed else "4"), reason, failed))
    if not outcomes and not candidates:
        return None
    # A person who looks after mail is called postmaster too.
    is_by_itself = failed or returns_mail or has_no_return_path(incoming)
    is_sure = by_server and bool(is_by_itself or is_by_a_program(incoming))
    is_sure = is_sure and not is_an_answer(incoming)
    told_of = tuple(outcomes) or (Outcome(""),)
    return DeliveryReport(candidates, told_of, not is_sure, _of_returned(incoming))


def named_in_it(incoming: Incoming) -> tuple[tuple[str, ...], frozenset[str]]:
    """The Message-IDs and the addresses that a mail names in its text, but for whose it is."""
    senders = [header(incoming.mail, name) for name in ("From", "Reply-To", "Sender")]
    nobody = {each.lower() for value in senders for _, each in named_in(value)}
    said = (incoming.subject, *(text.said for text in incoming.texts))
    found = {each.lower() for words in said for each in _ADDRESS.findall(words)}
    return _candidates(incoming), frozenset(found - nobody)


def _by_recipient(words: str, nobody: Collection[str]) -> list[tuple[frozenset[str], str]]:
    """What is said of each recipient: from where they are named on, to where another is."""
    found: list[tuple[frozenset[str], list[str]]] = [(frozenset(), [])]
    ours = frozenset(nobody)
    for line in words.split("\n"):
        named = (each.lower() for each in _ADDRESS.findall(line) if not _TO_ASK.match(each))
        here = frozenset(named) - ours
        if not here <= found[-1][0]:
            found.append((here, []))
        found[-1][1].append(line)
    if _PASSED_ON.search(words):
        return [(frozenset().union(*(each for each, _ in found)), words)]
    return [(named, "\n".join(lines)) for named, lines in found[: 2 * _MOST_RECIPIENTS]]


def _explanation(incoming: Incoming) -> tuple[str, bool]:
    """What the server says in words, above what it returns; and whether it returns anything."""
    told, marked_up = [], []
    returns_mail = False
    for text in incoming.texts:
        if text.kind in MAILS:
            returns_mail = True
            break
        if text.kind == "text/plain":
            told.append(text.words)
        elif text.kind == "text/html":
            marked_up.append(text.said)
    words = "\n".join(told if "".join(told).strip() else marked_up).replace("\r\n", "\n")
    returned = _RETURNED_LINE.search(words)
    if returned is None:
        return words, returns_mail
    lines = words[: returned.start()].split("\n")[:-1]
    while lines and _HEADER_LINE.match(lines[-1]):
        lines.pop()
    return "\n".join(lines), True


def _candidates(incoming: Incoming) -> tuple[str, ...]:
    """Message-IDs that may be of the message that came back, the surest first."""
    own = message_ids(header(incoming.mail, "Message-ID"))
    returned = [each for each in incoming.texts if each.kind in MAILS | _STATUS_TYPES]
    named = [each for text in returned for each in _in_fields(text.words)]
    for text in incoming.texts:
        named += [*_in_fields(text.said), *message_ids(text.said)]
    named += _in_headers(incoming)
    return tuple(each for each in dict.fromkeys(named) if each not in own)[:_MOST_CANDIDATES]


def _of_returned(incoming: Incoming) -> frozenset[str]:
    """The Message-IDs of the mail that is returned, by its own headers and what the report says;
    nothing if those headers name none."""
    heads: list[str] = []
    named: list[str] = []
    for text in incoming.texts:
        words = text.words.replace("\r\n", "\n")
        if text.kind in MAILS:
            heads.append(words.lstrip())
        elif text.kind in _STATUS_TYPES:
            named += _in_fields(words)
        elif text.kind == "text/plain" and (returned := _RETURNED_LINE.search(words)):
            heads.append(words[returned.start() :])
    found = [each for head in heads for each in _in_fields(head.partition("\n\n")[0])]
    for name in ("Original-Message-ID", "X-Original-Message-ID"):
        named += message_ids(header(incoming.mail, name))
    return frozenset([*found, *named] if found else [])


def _in_headers(incoming: Incoming) -> Iterator[str]:
    for name in ("Original-Message-ID", "X-Original-Message-ID", "In-Reply-To", "References"):
        yield from message_ids(header(incoming.mail, name))


def _in_fields(text: str) -> Iterator[str]:
    """Those in fields of that name, quoted or not, and without their brackets."""
    lines = text.splitlines()
    for line, after in pairwise([*lines, ""]):
        name, colon, value = line.lstrip(" \t>|").partition(":")
        if colon and name[-10:].lower() == "message-id":
            words = (value.split() or after.split())[:1]
            yield from message_ids(f"<{''.join(words).strip('<>')}>")
