"""Who wrote a mail: a mail server, a program in somebody's absence, or a program that says that a
mail was read.

Everything here can be forged, and much of it is missing where one expects it. So what is not known
for certain to be harmless is left to people.
"""

import re

from booking.outbox.reasons import code_in, refusal_in
from booking.replies.incoming import Incoming, Text, decoded, header, message_ids, named_in

_DAEMON = re.compile(
    r"(?:(?:e?mail(?:er)?|smtp|mta)[-_.]?daemon|post-?master|mdaemon|microsoftexchange[0-9a-f]{8,}"
    r"|e?mail[-_.]?(?:delivery|router|system|admin(?:istrator)?)|bounces?)\b",
    re.IGNORECASE,
)
_DAEMON_NAME = re.compile(
    r"\b(?:mailer[- ]?daemon|mail (?:delivery|router|system|administrator|transport)"
    r"|delivery (?:sub)?system|delivery (?:status|report|notification)|system administrator"
    r"|post-?master)\b",
    re.IGNORECASE,
)
# Headers by which programs say that they answer for somebody who is away.
_AWAY = re.compile(
    r"x-(?:[a-z0-9]+-)*(?:auto-?(?:reply|respond(?:er)?|response|generated)|vacation)"
    r"(?:-from|-id)?",
    re.IGNORECASE,
)
_AWAY_SUBJECT = re.compile(
    r"\W*(?:automatic reply|auto[- ]?(?:reply|response|responder)|out of (?:the )?office"
    r"|r[ée]ponse automatique|automatische antwort|abwesend|respuesta autom[áa]tica"
    r"|risposta automatica|automatisch antwoord|auto:)",
    re.IGNORECASE,
)
_ABSENT = re.compile(
    r"\b(?:out of (?:the )?office|on (?:annual )?leave|away from|on holiday|on vacation)\b",
    re.IGNORECASE,
)
# What only reports of mail servers hold, in whatever state they came; a receipt names its
# recipients as well.
_SIGNS_OF_FAILURE = (
    "x-failed-recipients", "diagnostic-code", "delivery-status", "reporting-mta", "remote-mta"
)  # fmt: skip
_SIGNS = (*_SIGNS_OF_FAILURE, "final-recipient:", "original-recipient:")
# What people in their absence do not say.
_NOT_DELIVERED = re.compile(
    r"(?i)\bundeliver|\bpermanent(?:ly)? (?:fatal |delivery )?(?:error|failure)"
    r"|\bdeliver\w* (?:status|failure|has failed|failed)|\baddress(?:es|\(es\))? failed"
    r"|\b(?:not|unable to) (?:been |be )?(?:yet been )?deliver|n['\u2019]t (?:be )?deliver"
    r"|unzustellbar|zugestellt|zustellung|existiert nicht|nicht mehr (?:aktiv|g[\xfcu]ltig)"
    r"|\bnon[ -](?:remis|distribu|d[\xe9e]livr|consegnat|recapitat)|n['\u2019](?:a pas pu|existe)"
    r"|bezorgd|bestaat niet|no (?:se )?(?:pudo|ha podido|existe)|inesistente|nie istnieje|dostarcz"
)
_MDN = "message/disposition-notification"
_COMMENT = re.compile(r"\([^()]*\)")
_DISPOSED = frozenset({"displayed", "deleted", "processed", "denied", "dispatched"})


def is_from_a_mail_server(incoming: Incoming) -> bool:
    """Whether a daemon's name stands where the sender's does."""
    found = named_in(decoded(header(incoming.mail, "From")))
    name, address = found[0] if found else ("", "")
    if not address.strip("<>@"):
        return has_no_return_path(incoming)
    return bool(_DAEMON.match(address) or _DAEMON_NAME.search(name))


def has_no_return_path(incoming: Incoming) -> bool:
    """As reports of mail servers, and most automatic replies (RFC 5321, 4.5.5)."""
    return header(incoming.mail, "Return-Path").strip() == "<>"


def is_for_somebody_away(incoming: Incoming) -> bool:
    """Whether a program answered for a person, by what only such programs say of themselves."""
    mail = incoming.mail
    for name in mail.keys():  # noqa: SIM118 - a mail is no mapping
        if _AWAY.fullmatch(name) and header(mail, name).strip().lower() not in ("", "no", "none"):
            return True
    if header(mail, "Precedence").strip().lower() == "auto_reply":
        return True
    if header(mail, "X-FC-MachineGenerated").strip().lower() == "true":
        return True
    if "autoresponder" in header(mail, "X-POST-MessageClass").lower():
        return True
    suppressed = bool(header(mail, "X-Auto-Response-Suppress"))
    ruled = header(mail, "X-MS-Exchange-Inbox-Rules-Loop").strip().strip("<>").lower()
    if ruled and (suppressed or ruled == incoming.from_address.lower()):
        return True
    in_bulk = header(mail, "Precedence").strip().lower() in ("bulk", "junk")
    told = suppressed or in_bulk or has_no_return_path(incoming)
    told = told or _auto_submitted(incoming) == "auto-replied"
    if told and _AWAY_SUBJECT.match(incoming.subject):
        return True
    # vacation(1) of old.
    answers = bool(message_ids(header(mail, "In-Reply-To") + header(mail, "References")))
    is_absent = bool(_ABSENT.search(incoming.subject)) or answers
    return in_bulk and has_no_return_path(incoming) and is_absent


def is_automatic_reply(incoming: Incoming) -> bool:
    """Whether a program answered with it, and no person decided anything."""
    return _auto_submitted(incoming) == "auto-replied" or is_for_somebody_away(incoming)


def is_by_a_program(incoming: Incoming) -> bool:
    """Whether a program says that it wrote it (RFC 3834, section 5; and older ways to say so)."""
    return _auto_submitted(incoming) not in ("", "no") or is_for_somebody_away(incoming)


def is_notice(incoming: Incoming, *, is_of_a_recipient: bool) -> bool:
    """Whether it is harmless: a program wrote it for somebody we write to, or in so many words for
    somebody who is away, and nothing in it looks like a report of a mail server."""
    is_known = is_by_a_program(incoming) if is_of_a_recipient else is_for_somebody_away(incoming)
    return bool(incoming.from_address) and is_known and not may_be_a_report(incoming)


def may_be_a_report(incoming: Incoming) -> bool:
    """Whether it may say that mail did not arrive, however badly it says so."""
    if incoming.report_type or is_from_a_mail_server(incoming):
        return True
    return _shows(incoming, _SIGNS) or any(
        code_in(text.words) or refusal_in(text.words) or _NOT_DELIVERED.search(text.words)
        for text in incoming.texts
    )


def is_receipt(incoming: Incoming) -> bool:
    """Whether it says that a mail of ours was read, or deleted unread (RFC 8098), and nothing of
    mail that did not arrive. A receipt that somebody forwards is their mail, and none."""
    if incoming.report_type != "disposition-notification" or is_from_a_mail_server(incoming):
        return False
    says = [_disposition(text) for text in incoming.texts if text.kind == _MDN and text.is_own]
    if not says or not _DISPOSED.issuperset(says) or _shows(incoming, _SIGNS_OF_FAILURE):
        return False
    return not any(code_in(text.words) for text in incoming.texts)


def _shows(incoming: Incoming, signs: tuple[str, ...]) -> bool:
    """Whether one of these stands anywhere in it, encoded or not, or in what was not read."""
    if any(text.is_cut for text in incoming.texts):
        return True
    said = [incoming.raw.decode("latin-1"), *(text.words for text in incoming.texts)]
    return any(sign in words for words in map(str.lower, said) for sign in signs)


def _disposition(text: Text) -> str:
    """What became of the mail. A modifier such as `error` stays with it: nobody knows then."""
    found = (line.partition(":") for line in text.words.splitlines())
    value = next((value for name, _, value in found if name.strip().lower() == "disposition"), "")
    return _COMMENT.sub(" ", value).rpartition(";")[2].strip().lower()


def _auto_submitted(incoming: Incoming) -> str:
    """Its word, without parameters and comments."""
    return re.split(r"[;(]", header(incoming.mail, "Auto-Submitted"))[0].strip().lower()
