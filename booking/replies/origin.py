"""Who wrote a mail: a mail server, a program in somebody's absence, or a program that says that a
mail was read.

Everything here can be forged, and much of it is missing where one expects it. So what is not known
for certain to be harmless is left to people.
"""

import re

from booking.outbox.reasons import code_in, may_say_undelivered
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
    r"x-(?:[a-z0-9]+-)*(?:auto-?(?:reply|respond(?:er)?|response)|vacation)"
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
_ANSWERS = re.compile(r"(?i)\W*(?:re|aw|antw|sv|vs|odp|rif|res)\s*(?:\[\d+\])?:")
# What programs say of a mail that its reader has thrown away.
_UNREAD = re.compile(
    r"(?i)\b(?:without being read|not read|ohne gelesen zu werden|nicht gelesen|ungelesen"
    r"|sans (?:avoir [\xe9e]t[\xe9e]|[\xeae]tre) lue?|non lue?)\b"
)
MDN = "message/disposition-notification"
_COMMENT = re.compile(r"\([^()]*\)")
_DISPOSED = frozenset({"displayed", "deleted", "processed", "denied", "dispatched"})


def is_from_a_mail_server(incoming: Incoming) -> bool:
    """Whether a daemon's name stands where the sender's does."""
    found = named_in(decoded(header(incoming.mail, "From")))
    name, address = found[0] if found else ("", "")
    if not address.strip("<>@"):
        return has_no_return_path(incoming)
    return bool(_DAEMON.match(address) or _DAEMON_NAME.search(name))


def is_an_answer(incoming: Incoming) -> bool:
    """Whether its subject says that somebody answers, as no mail server does."""
    return bool(_ANSWERS.match(incoming.subject))


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
    told = told or _auto_submitted(incoming) not in ("", "no")
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
    """Whether a program answered for somebody we write to, or in so many words for somebody who is
    away: harmless, unless it may be a report."""
    is_known = is_automatic_reply if is_of_a_recipient else is_for_somebody_away
    return bool(incoming.from_address) and is_known(incoming)


def may_be_a_report(incoming: Incoming) -> bool:
    """Whether it may say that mail did not arrive, however badly it says so."""
    if incoming.report_type or is_from_a_mail_server(incoming):
        return True
    return _shows(incoming, _SIGNS) or _says_undelivered(incoming)


def is_receipt(incoming: Incoming) -> bool:
    """Whether it says that a mail of ours was read, or deleted unread (RFC 8098), and nothing of
    mail that did not arrive. A receipt that somebody forwards is their mail, and none."""
    says = _dispositions(incoming)
    if not says or not says <= _DISPOSED or is_from_a_mail_server(incoming):
        return False
    if "deleted" in says and not _is_unread(incoming):
        return False
    return not _shows(incoming, _SIGNS_OF_FAILURE) and not _says_undelivered(incoming)


def is_refused_by_a_filter(incoming: Incoming) -> bool:
    """Whether a filter of the recipient's refused it, as Sieve does (RFC 5429, section 2.2.1): a
    notification that it was deleted, in words of a refusal."""
    is_deleted = _dispositions(incoming) == {"deleted"} and not _is_unread(incoming)
    return is_deleted and _says_undelivered(incoming)


def _is_unread(incoming: Incoming) -> bool:
    words = " ".join(text.said for text in incoming.texts if text.is_own)
    return bool(_UNREAD.search(" ".join([incoming.subject, *words.split()])))


def _says_undelivered(incoming: Incoming) -> bool:
    said = [incoming.subject, *(text.said for text in incoming.texts)]
    return any(code_in(words) or may_say_undelivered(words) for words in said)


def _shows(incoming: Incoming, signs: tuple[str, ...]) -> bool:
    """Whether one of these stands anywhere in it, encoded or not, or in what was not read."""
    if any(text.is_cut for text in incoming.texts):
        return True
    said = [incoming.raw.decode("latin-1"), *(text.words for text in incoming.texts)]
    return any(sign in words for words in map(str.lower, said) for sign in signs)


def _dispositions(incoming: Incoming) -> set[str]:
    """What it says of itself that became of a mail; nothing unless it is a notification."""
    if incoming.report_type != "disposition-notification":
        return set()
    return {_disposition(text) for text in incoming.texts if text.kind == MDN and text.is_own}


def _disposition(text: Text) -> str:
    """What became of the mail. A modifier such as `error` stays with it: nobody knows then."""
    found = (line.partition(":") for line in text.words.splitlines())
    value = next((value for name, _, value in found if name.strip().lower() == "disposition"), "")
    return _COMMENT.sub(" ", value).rpartition(";")[2].strip().lower()


def _auto_submitted(incoming: Incoming) -> str:
    """Its word, without parameters and comments."""
    return re.split(r"[;(]", header(incoming.mail, "Auto-Submitted"))[0].strip().lower()
