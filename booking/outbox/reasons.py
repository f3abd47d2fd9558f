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
# A bare number is no code. It is one after what a mail server says before a code, or where a line,
# an address or a bracket ends and a refusal follows; never at the beginning of a telephone number.
_NUMBER = re.compile(r"(?<![\w.@+#/-])[45][0-57]\d(?![\w@])")
_TELEPHONE = re.compile(r"[)\s./-]{1,3}\d{3}")
_SAYS_CODE = re.compile(
    r"(?i)(?:\b(?:smtp|error|code|repl(?:y|ied)|response|status|said|reason|diagnostic"
    r"|(?:rejected|refused|failed|bounced|replied|responded) with)(?: (?:code|was))?"
    r"|<<<)[\s:;#=(<\"']{0,4}$"
)
_BEGINS = re.compile(r"(?:^|[:;,(\[<>\"'|*#-])[ \t]*$")
_REFUSES = re.compile(
    r"(?i)\b(?:unknown|invalid|no such|not (?:found|allowed|exist|accept|permit|taken|known|valid"
    r"|available|a (?:valid|known))|isn't in|doesn't|does not|reject\w*|denied|block\w*|refus\w*"
    r"|unavailable|fail\w*|errors?|full|quota|exceeded|disabled|prohibit\w*|user|recipient|mailbox"
    r"|relay\w*|spam|undeliver\w*|cannot|temporar\w*|grey-?listed|service)\b"
)
# What only a mail server talks about.
_OF_SMTP = re.compile(
    r"(?i)\b(?:e?smtp|rcpt to|remote (?:host|server|mail)|mail (?:server|system|program|delivery)"
    r"|mail software|undeliver\w*|deliver\w* (?:error|fail\w*|status|has failed)"
    r"|(?:not|unable to|cannot|could not|n['\u2019]t)(?: yet)?(?: be| been)?(?: able to)?"
    r" (?:deliver|reach)\w*|following (?:\w+ )?(?:address|recipient)\w*"
    r"|failed (?:address|recipient)|permanent\w* (?:\w+ )?(?:error|failure)"
    r"|[45]\d\d[ -]#?[45]\.\d\.\d)|<<<|\(#[45]\.\d\.\d"
)
_GAVE_UP = re.compile(
    r"(?i)\b(?:given up|gave up|giving up|retry time(?:out)? (?:was )?exceeded"
    r"|retry time not reached for any host|in the queue too long|not going to try again"
    r"|(?:permanent|fatal|unrecoverable) (?:\w+ )?(?:error|failure)s?)\b"
)
_STILL_TRIES = re.compile(
    r"(?i)\b(?:delayed|delay reason|(?:not|n['\u2019]t) yet been|still (?:being|trying|tried)"
    r"|will (?:be |keep |continue )?(?:to )?(?:re-?tr\w+|try\w*|tried)|attempts will continue"
    r"|warning (?:message )?only|no action is required)\b"
)
# What our own words never say, such as the title of a course.
_IN_QUEUE = re.compile(
    r"(?i)(?:\bnot|n['\u2019]t) yet been delivered|\bdelay reason\b|\battempts will continue\b"
)
# As our mail server answers.
_FIRST_CODE = re.compile(r"[45]\d\d\b")
_LONGEST_LINE = 2000

# No such mailbox, no such system, no address, moved, takes no mail. Others are about the sender, or
# about more than the address.
_OF_THE_ADDRESS = frozenset({"5.1.1", "5.1.2", "5.1.3", "5.1.6", "5.1.10"})
_SAYS_LITTLE = re.compile(r"5\.[0-35]\.0|5\.2\.1|5[0-5]\d")
_UNKNOWN = re.compile(
    r"(?i)\b(?:(?:user|recipient|mailbox|account|address|addressee|domain|host)s?"
    r"(?: name| address| account)?(?: is| was| has been)? ?"
    r"(?:unknown|not (?:found|known|listed|exist\w*)|does(?: not|n't) exist|invalid|disabled"
    r"|inactive|deactivated|suspended|closed|unavailable permanently)"
    r"|account that you tried to reach (?:is|has been) (?:disabled|inactive|suspended)"
    r"|(?:unknown|invalid|no such|disabled|inactive|non-?existent|nonexistent)"
    r" (?:local )?(?:user|recipient|mailbox|account|address|person|addressee|domain|local[- ]?part)"
    r"|no mailbox here|does(?: not|n't) (?:exist|have an? [\w.]+ account)|not a (?:valid|known) "
    r"(?:user|recipient|mailbox)|recip(?:ient)?notfound|unrouteable address|recipient not found"
    r"|no longer (?:exists|works|valid|active|in use|available|employed)|has left|not listed in"
    r"|(?:permanently |5\.2\.1 )(?:disabled|deactivated|inactive)|unbekannt|existiert nicht"
    r"|nicht mehr (?:aktiv|g[\xfcu]ltig)|n['\u2019](?:existe|est plus)|inconnue?s?|introuvable"
    r"|no existe|desconocid[ao]|inesistente|sconosciut[ao]|bestaat niet|onbekend|nie istnieje)\b"
)
_FULL = re.compile(
    r"(?i)\b(?:(?:mail ?box|inbox|account|quota)(?: \w+){0,5} (?:full|exceeded)"
    r"|(?:over|out of) ?quota|exceed\w* (?:\w+ ){0,2}quota|insufficient (?:\w+ )?storage|ist voll"
    r"|est (?:pleine|satur[\xe9e]e)|is vol|est[\xe1a] llen[ao]|[\xe8e] pien[ao])\b|\b[45]\.2\.2\b"
)
# An address that is at fault is so for everybody and for good.
_NOT_THE_ADDRESS = re.compile(
    r"(?i)\b(?:full|over ?quota|quota|exceed\w*|storage|spam\w*|block(?:ed|list\w*)|black-?list\w*"
    r"|polic(?:y|ies)|authenti\w*|authori[sz]\w*|spf|dkim|dmarc|reputation|content|virus|malware"
    r"|too (?:large|many|much|fast)|relay(?:ing)?|banned|grey-?list\w*|throttl\w*|suspicious"
    r"|rate|rate-?limit\w*|limits?|unsolicited|bulk|junk|abus\w*|denied|prohibit\w*|restrict\w*"
    r"|not (?:allowed|permitted)|dns\w*|rbl|ptr|tls|listed (?:at|by|on)|client host|external"
    r"|filter\w*|temporar\w*|later|for your|your (?:ip|host|server|network|account|domain)|ip"
    r"|helo|ehlo|sen(?:der|ding)\w*|from address|(?<!recipient )(?<!address )verif\w*)\b"
)
# What people in their absence do not say: it did not arrive, or waits for something.
_NOT_DELIVERED = re.compile(
    r"\b(?:undeliver|permanent(?:ly)? (?:fatal |delivery )?(?:error|failure)"
    r"|deliver\w* (?:status|failure|has failed|failed)|address(?:es|\(es\))? failed"
    r"|(?:not|unable to)(?: yet)?(?: been| be)? deliver|\w+n['\u2019]t (?:be )?deliver"
    r"|(?:not|never|\w+n['\u2019]t)(?: been| be)? received(?! an?\b)|reject|refused|quarant"
    r"|blocked(?! out)|(?:is|was|be|been|being) returned|returned (?:e?-?mail|message|to sender)"
    r"|(?:e?-?mail|message)s? (?:[^\s.!?]+ ){0,6}held|held (?:back|pending|for (?:a )?(?:mod|rev))"
    r"|on hold"
    r"|challenge[- ]response|white-?list|(?:allowed|approved) sender|sender verif"
    r"|(?:confirm|verify|prove) (?:that )?(?:you|your (?:e-?mail|message|address|identity))\b"
    r"|unzustellbar|zugestellt|zustellung|abgelehnt|abgewiesen|verweigert|gesperrt|blockiert"
    r"|ung[\xfcu]ltig|zur[\xfcu]ck(?:ge(?:wiesen|sand|schick|halt|sende|leit))"
    r"|nicht (?:angenommen|erhalten|empfangen|weitergeleitet|erreicht)"
    r"|rejet[e\xe9]|refus[e\xe9]|bloqu[e\xe9]|retourn[e\xe9]|renvoy[e\xe9]|invalide"
    r"|non[ -](?:remis|distribu|d[\xe9e]livr|consegnat|recapitat)|n['\u2019]a pas (?:pu|[e\xe9]t)"
    r"|no (?:se )?(?:pudo|ha (?:podido|sido))|rechazad|bloquead|devuelt|respint|rifiutat|bloccat"
    r"|bezorgd|geweigerd|geblokkeerd|afgewezen|dostarcz|odrzucon)"
)
# Of a text in lower case, which is several times as fast.
_MAY_SAY_UNDELIVERED = re.compile(
    "|".join(each.pattern.removeprefix("(?i)") for each in (_NOT_DELIVERED, _UNKNOWN, _FULL))
)
_WORD = re.compile(r"[^\W\d_]{3}")


def code_in(words: str) -> str:
    """The first status code in some words, else the first reply code; empty if there is none."""
    words = _short_lines(words)
    statuses = _statuses(words)
    if statuses:
        return statuses[0]
    return next((each.group() for each in _NUMBER.finditer(words) if _is_reply_code(each)), "")


def _is_reply_code(found: re.Match[str]) -> bool:
    before = found.string[max(found.start() - 60, 0) : found.start()].rpartition("\n")[2]
    after = found.string[found.end() : found.end() + 100].partition("\n")[0]
    # The status of a report and what the server said may be the same.
    if _TELEPHONE.match(after) and after.split()[0][:3] != found.group():
        return False
    if _SAYS_CODE.search(before):
        return True
    return bool(_BEGINS.search(before) and _REFUSES.search(after))


def refusal_in(words: str) -> str:
    """Where a mail server says without a code that there is no such mailbox, or that it is full;
    empty if it does not."""
    words = _short_lines(words)
    found = _UNKNOWN.search(words) or _FULL.search(words)
    return found.group() if found else ""


def may_say_undelivered(words: str) -> bool:
    """Whether some words, however they are wrapped, may say that mail did not arrive or is held."""
    return bool(_MAY_SAY_UNDELIVERED.search(" ".join(words.lower().split())))


def is_of_smtp(words: str) -> bool:
    """Whether some words speak of what a mail server does, as no person's do."""
    return bool(_OF_SMTP.search(words))


def action_in(words: str, code: str) -> str:
    """What a mail server says in words that it did, as RFC 3464 calls it; empty if that is not
    clear. It goes on for days after a reply of 4xx, and says when it has given up. After one of 5xx
    only a queue's own words say that it goes on."""
    gave_up, still_tries = _GAVE_UP.search(words), _STILL_TRIES.search(words)
    if still_tries and code.startswith("5") and not gave_up and not _IN_QUEUE.search(words):
        return ""
    if bool(gave_up) != bool(still_tries):
        return "failed" if gave_up else "delayed"
    return "" if gave_up or code.startswith("4") else "failed"


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
    # Given up after some days: it might have worked.
    was_tried_for_days = bool(codes) and not codes[0].startswith("5")
    if was_tried_for_days or not code.startswith("5"):
        return False
    # An address is no word of the mail server's, nor is where to read more.
    words = " ".join(each for each in reason.split() if "@" not in each and "://" not in each)
    if _NOT_THE_ADDRESS.search(words):
        return False
    if code in _OF_THE_ADDRESS and not _WORD.search(words):
        return True
    says_so = code in _OF_THE_ADDRESS or _SAYS_LITTLE.fullmatch(code)
    return bool(says_so and _UNKNOWN.search(words))


def is_refusal_of_mail(reason: str) -> bool:
    """Whether a refusal is for what we send, or for us, and not for the mailbox: then a domain
    that says it of many addresses refuses us."""
    return not is_fault_of_the_address(reason) and not _FULL.search(reason)


def in_plain_words(reason: str) -> str:
    """What a refusal means, as a sentence; empty if that is not clear."""
    first = _FIRST_CODE.match(reason)
    code = code_in(reason) or (first.group() if first else "")
    if is_fault_of_the_address(reason):
        return "There is no such address, or nobody uses it any more."
    if _FULL.search(reason):
        return "The mailbox is full."
    if code.startswith("4"):
        return "The mail server put it off."
    return "The mail server refuses it; the address may be right." if code else ""


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
    return "\n".join(line[:_LONGEST_LINE] for line in words.split("\n") if line.strip())
