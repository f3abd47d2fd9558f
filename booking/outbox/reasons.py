"""What a mail server says when it refuses mail: which code it names, and whose fault it is.

Status codes are those of RFC 3463, reply codes those of RFC 5321. What the words do not say is not
guessed: whoever is not clearly at fault is not marked.
"""

import re

_STATUS = re.compile(r"(?<![\d.])[245]\.[0-7]\.(\d{1,3})(?!\d|\.\d)")
# Details are few (RFC 3463, and the registry of RFC 5248), and Exchange's have three digits. Two
# digits may be the year of a date, if no mail server's word stands before them.
_MOST_DETAIL, _OF_EXCHANGE = 10, 100
_BEFORE_STATUS = re.compile(
    r"(?i)(?:[245]\d\d[ -]|#|\b(?:smtp|dsn|status|code|error|reply|said|enhanced)[\s:;=#]{1,3})$"
)
_BEFORE_VERSION = re.compile(
    r"(?i)\b(?:v|ver|version|release|exim|postfix|sendmail|build|linux|php|on|from|until|since)"
    r"[ /]?$"
)
# A bare number is no code: it stands at the beginning of a line, or after what a mail server says
# before one, and what follows is no telephone number.
_REPLY_CODE = re.compile(
    r"(?im)(?:^[\s>|*-]*|[:;,(\[<>\"'#][ \t]*"
    r"|\b(?:smtp|error|code|reply|response|status|said|with|returned)\b[\s:#=]{1,3})"
    r"([45][0-5]\d)(?=[\s:,;.)\]\"'-]|$)(?![ -]\d{4,}|[ -]\d{3} ?\d)"
)
_LONGEST_LINE = 2000

# The address of the sender is at fault there, not the recipient's.
_OF_THE_SENDER = frozenset({"5.1.7", "5.1.8"})
_SAYS_LITTLE = re.compile(r"5\.[0235]\.0|5[0-5]\d")
_UNKNOWN = re.compile(
    r"(?i)\b(?:(?:user|recipient|mailbox|account|address|addressee)s?"
    r"(?: name| address| account)?(?: is| was| has been)? ?"
    r"(?:unknown|not (?:found|known|listed|exist\w*)|does(?: not|n't) exist|invalid|disabled"
    r"|inactive|deactivated|suspended|closed|unavailable permanently)"
    r"|(?:unknown|invalid|no such|disabled|inactive|non-?existent|nonexistent)"
    r" (?:local )?(?:user|recipient|mailbox|account|address|person|addressee|local[- ]?part)"
    r"|no mailbox here|does(?: not|n't) (?:exist|have an? \w+ account)|not a (?:valid|known) "
    r"(?:user|recipient|mailbox)|recipnotfound|unrouteable address|recipient not found"
    r"|no longer (?:exists|works|active|in use|available|employed)|not listed in)"
)
_FULL = re.compile(r"(?i)\b(?:mailbox|account|quota) (?:is |has been )?(?:full|exceeded)\b")
_NOT_THE_ADDRESS = re.compile(
    r"(?i)\b(?:full|over ?quota|quota|exceed\w*|storage|spam|block(?:ed|list\w*)|black-?list\w*"
    r"|polic(?:y|ies)|authenticat\w*|spf|dkim|dmarc|reputation|content|virus|malware|too large"
    r"|relay(?:ing)?|banned|grey-?list\w*|rate limit\w*|suspicious)\b"
)


def code_in(words: str) -> str:
    """The first status code in some words, else the first reply code; empty if there is none."""
    words = _short_lines(words)
    statuses = _statuses(words)
    if statuses:
        return statuses[0]
    plain_code = _REPLY_CODE.search(words)
    return plain_code.group(1) if plain_code else ""


def refusal_in(words: str) -> str:
    """Where a mail server says without a code that there is no such mailbox, or that it is full;
    empty if it does not."""
    words = _short_lines(words)
    found = _UNKNOWN.search(words) or _FULL.search(words)
    return found.group() if found else ""


def reason_around(words: str, code: str, longest: int) -> str:
    """What is said around a code, from the beginning of a word on."""
    at = max(words.find(code), 0)
    start = max(at - 60, 0)
    before = words[start:at]
    if start and not words[start - 1].isspace():
        before = before.partition(" ")[2] if " " in before else ""
    return before + words[at : at + longest]


def is_fault_of_the_address(reason: str) -> bool:
    """Whether a refusal says that the address is wrong, unknown or disabled, and nothing else.

    `reason` begins with the status of a report; the code of the server that refused comes after
    it, says more and counts. Full, blocked, refused by a policy, for its content or its sender: the
    address is right.
    """
    codes = _statuses(reason)
    code = codes[1] if len(codes) > 1 else codes[0] if codes else code_in(reason)
    is_unknown = bool(_UNKNOWN.search(reason))
    is_otherwise = bool(_NOT_THE_ADDRESS.search(reason))
    # Given up after some days: it might have worked.
    was_tried_for_days = bool(codes) and not codes[0].startswith("5")
    if was_tried_for_days or code in _OF_THE_SENDER or not code.startswith("5"):
        return False
    if code.startswith("5.1.") or code == "5.2.1":
        return is_unknown or not is_otherwise
    return bool(_SAYS_LITTLE.fullmatch(code)) and is_unknown and not is_otherwise


def _statuses(words: str) -> list[str]:
    """The status codes in some words; no dates, and no versions of programs."""
    return [each.group() for each in _STATUS.finditer(words) if _is_status(each)]


def _is_status(found: re.Match[str]) -> bool:
    before = found.string[max(found.start() - 20, 0) : found.start()]
    if not found.start() or _BEFORE_STATUS.search(before):
        return True
    is_date = _MOST_DETAIL < int(found.group(1)) < _OF_EXCHANGE
    return not is_date and not _BEFORE_VERSION.search(before)


def _short_lines(words: str) -> str:
    """Lines of a length that a mail server writes."""
    return "\n".join(line[:_LONGEST_LINE] for line in words.split("\n"))
