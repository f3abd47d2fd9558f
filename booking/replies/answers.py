"""The answer of a calendar program: iTIP REPLY (RFC 5546, section 3.2.3)."""

from collections.abc import Iterator
from dataclasses import dataclass
from email.message import Message
from urllib.parse import unquote

from icalendar import Calendar, Event

from accounts.addresses import as_stored
from booking.replies.incoming import Incoming, NotForUs, octets, plain

_MOST_OCTETS = 256 * 1024
_MOST_EVENTS = 20
_CALENDAR_TYPES = frozenset({"text/calendar", "application/ics"})
_LARGEST_SEQUENCE = 2**31 - 1


@dataclass(frozen=True)
class Answer:
    """What one attendee says of one calendar entry. `partstat` is in capitals, as it came."""

    uid: str
    attendee: str
    partstat: str
    sequence: int


def answers_in(incoming: Incoming) -> list[Answer]:
    """The answers that a mail brings; none if it is not the answer of a calendar.

    Programs send the same answer as a part and again as an attachment: the first one counts.
    Raises `NotForUs`.
    """
    for part in _calendars(incoming):
        content = octets(part)
        if len(content) > _MOST_OCTETS:
            raise NotForUs("It brings a calendar that is far too large to be an answer.")
        if b"REPLY" in content.upper():
            found = _answers(content)
            if found:
                return found
    return []


def brings_a_calendar(incoming: Incoming) -> bool:
    """Whether there is a calendar in it, such as another time that somebody proposes."""
    return any(True for _ in _calendars(incoming))


def _calendars(incoming: Incoming) -> "Iterator[Message[str, str]]":
    for part in incoming.parts():
        name = part.get_filename("") or ""
        if part.get_content_type() in _CALENDAR_TYPES or name.lower().endswith(".ics"):
            yield part


def _answers(content: bytes) -> list[Answer]:
    try:
        calendar = Calendar.from_ical(content)
        if str(calendar.get("METHOD", "")).upper() != "REPLY":
            return []
        events = [each for each in calendar.walk("VEVENT") if isinstance(each, Event)]
        return list({answer.uid: answer for answer in map(_answer, events[:_MOST_EVENTS])}.values())
    except NotForUs:
        raise
    except Exception as trouble:
        # The parser meets a stranger's text here, and what it raises is not all documented.
        raise NotForUs("Its calendar entry cannot be read.") from trouble


def _answer(event: Event) -> Answer:
    attendees = event.get("ATTENDEE", [])
    attendees = attendees if isinstance(attendees, list) else [attendees]
    if len(attendees) != 1:
        raise NotForUs("It does not say for whom it answers.")
    address = unquote(str(attendees[0]).strip())
    if address[:7].lower() == "mailto:":
        address = address[7:]
    sequence = int(event.get("SEQUENCE", 0))
    return Answer(
        uid=plain(str(event.get("UID", "")), 255),
        attendee=as_stored(plain(address, 254)),
        partstat=plain(str(attendees[0].params.get("PARTSTAT", "")), 30).upper(),
        sequence=min(max(sequence, 0), _LARGEST_SEQUENCE),
    )
