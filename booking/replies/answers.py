"""The answer of a calendar program: iTIP REPLY (RFC 5546, section 3.2.3).

Only what an answer is made of is read: UID, ATTENDEE, SEQUENCE and DTSTAMP of each entry. What
else a calendar holds, well made or not, cannot make its answer unreadable.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.message import Message
from itertools import islice
from urllib.parse import unquote

from accounts.addresses import as_stored
from booking.replies.incoming import Incoming, NotForUs, as_text, octets, plain

_MOST_OCTETS = 256 * 1024
_MOST_CALENDARS = 5
_MOST_EVENTS = 20
_MOST_ATTENDEES = 200
_LONGEST_LINE = 4000
_FIRST_YEAR = 2000
_CALENDAR_TYPES = frozenset({"text/calendar", "application/ics"})
_LARGEST_SEQUENCE = 2**31 - 1
# Stands for one in quotes.
_COLON = "\x1a"
_READ = frozenset({"BEGIN", "END", "METHOD", "UID", "ATTENDEE", "SEQUENCE", "DTSTAMP"})


@dataclass
class Answer:
    """What is said of one calendar entry: by address, in lower case, its PARTSTAT in capitals, as
    it came. `stamped_at` is when it was said; nothing if it does not say so."""

    uid: str = ""
    attendees: list[tuple[str, str]] = field(default_factory=list)
    sequence: int = 0
    stamped_at: datetime | None = None

    @property
    def order(self) -> tuple[int, datetime]:
        """The newest of several has the greatest (RFC 5546, section 2.1.5)."""
        return self.sequence, self.stamped_at or datetime.min.replace(tzinfo=UTC)


def answers_in(incoming: Incoming) -> list[Answer]:
    """The answers that a mail brings; none if it is not the answer of a calendar.

    Programs send the same answer as a part and again as an attachment: the first one counts.
    Raises `NotForUs`.
    """
    left = _MOST_OCTETS
    for part in islice(_calendars(incoming), _MOST_CALENDARS):
        content = octets(part)
        left -= len(content)
        if left < 0:
            raise NotForUs("It brings a calendar that is far too large to be an answer.")
        if b"BEGIN" in content.upper():
            text = as_text(content, part.get_content_charset("utf-8"))
            found = _answers(text, method=str(part.get_param("method", "")).upper())
            if found:
                return found
    return []


def brings_a_calendar(incoming: Incoming) -> bool:
    """Whether there is a calendar in it, such as another time that somebody proposes."""
    return any(True for _ in _calendars(incoming))


def _calendars(incoming: Incoming) -> "Iterator[Message[str, str]]":
    for text in incoming.texts:
        name = text.part.get_filename("") or ""
        if text.kind in _CALENDAR_TYPES or name.lower().endswith(".ics"):
            yield text.part


def _answers(text: str, *, method: str) -> list[Answer]:
    """The newest answer to each entry. `method` is what the part says of itself."""
    methods: set[str] = set()
    found: list[Answer] = []
    within: list[str] = []
    attendees = 0
    for name, line in _lines(text):
        value = line.rpartition(":")[2].strip()
        if name == "BEGIN":
            within.append(value.upper())
            if within[-1] == "VEVENT":
                if len(found) == _MOST_EVENTS:
                    break
                found.append(Answer())
        elif name == "END":
            del within[-1:]
        elif name == "METHOD":
            methods.add(value.upper())
        elif found and within[-1:] == ["VEVENT"]:
            attendees += name == "ATTENDEE"
            if name != "ATTENDEE" or attendees <= _MOST_ATTENDEES:
                _add(found[-1], name, line)
    if "REPLY" not in (methods or {method}) or "COUNTER" in methods:
        return []
    return list(
        {answer.uid: answer for answer in sorted(found, key=lambda each: each.order)}.values()
    )


def _lines(text: str) -> Iterator[tuple[str, str]]:
    """The lines that are read, unfolded, each with its name."""
    unfolded: list[list[str]] = []
    for line in text.replace("\0", "").replace("\r", "\n").split("\n"):
        if line[:1] in (" ", "\t") and unfolded:
            unfolded[-1].append(line[1:])
        elif line.strip():
            unfolded.append([line])
    for pieces in unfolded:
        line = "".join(pieces)[:_LONGEST_LINE]
        name = line[:20].partition(":")[0].partition(";")[0].strip().upper()
        if name in _READ:
            yield name, line


def _add(answer: Answer, name: str, line: str) -> None:
    if name == "ATTENDEE":
        answer.attendees += _attendee(line)
        return
    value = line.rpartition(":")[2].strip() if name != "UID" else line.partition(":")[2].strip()
    if name == "UID":
        answer.uid = plain(value, 255)
    elif name == "DTSTAMP":
        answer.stamped_at = _moment(value)
    elif name == "SEQUENCE":
        if value and not (value.isascii() and value.isdigit()):
            raise NotForUs("Its calendar entry cannot be read.")
        answer.sequence = min(int(value[:18] or "0"), _LARGEST_SEQUENCE)


def _attendee(line: str) -> list[tuple[str, str]]:
    """An attendee's addresses, each with the answer; Apple names the address in a parameter.

    Some programs write a name with a colon or a semicolon in it and no quotes around it: the
    address is what follows the last `mailto:` outside quotes.
    """
    quoted = line.split('"')
    if len(quoted) % 2:
        quoted[1::2] = [each.replace(";", ",").replace(":", _COLON) for each in quoted[1::2]]
    shown = '"'.join(quoted)
    at = max(shown.rfind(each) for each in ("mailto:", "MAILTO:", "Mailto:"))
    at = at if at >= 0 else shown.rfind(":") + 1
    parameters = {}
    for piece in shown[:at].split(";"):
        name, _, value = piece.partition("=")
        parameters[name.strip().upper()] = value.replace(_COLON, ":").strip(' ":')
    partstat = plain(parameters.get("PARTSTAT", ""), 30).upper()
    named = [unquote(line[at:].strip()), parameters.get("EMAIL", "")]
    addresses = [each[7:] if each[:7].lower() == "mailto:" else each for each in named]
    return [
        (as_stored(plain(each, 254).strip("<> ")), partstat) for each in addresses if "@" in each
    ]


def _moment(value: str) -> datetime | None:
    """A DTSTAMP, which is in UTC (RFC 5545, 3.8.7.2); nothing if it is none, or before any mail."""
    try:
        found = datetime.strptime(value.rstrip("Zz"), "%Y%m%dT%H%M%S").replace(tzinfo=UTC)
    except ValueError:
        return None
    return found if found.year >= _FIRST_YEAR else None
