"""Sittings as iCalendar: the invitation, the cancellation, the download and the feed.

Pure functions. No database, no clock, no Django: UID, SEQUENCE and DTSTAMP are stored and handed
in, so composing twice gives the same bytes.

Text is normalised once, here: every kind of line break becomes one newline, and control
characters (NUL among them) and lone surrogates are dropped, as RFC 5545 section 3.1 has no place
for them.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from itertools import chain
from urllib.parse import quote

from booking.site.wording import LONDON

TZID = "Europe/London"

# RFC 5545 section 3.6.5. Two yearly rules instead of the list of single changes that icalendar
# generates: ical.js and vobject read such a list's winters an hour early, and Exchange refuses it.
# Each DTSTART is a local time under the offset *before* the change, and itself the last Sunday of
# its month, as the rule demands. Both changes happen at 01:00 UTC. The rule is right from 1996 on;
# a test compares it with the system's own zone for every hour this site will offer.
VTIMEZONE = (
    "BEGIN:VTIMEZONE",
    f"TZID:{TZID}",
    "BEGIN:DAYLIGHT",
    "DTSTART:19700329T010000",
    "RRULE:FREQ=YEARLY;BYMONTH=3;BYDAY=-1SU",
    "TZOFFSETFROM:+0000",
    "TZOFFSETTO:+0100",
    "TZNAME:BST",
    "END:DAYLIGHT",
    "BEGIN:STANDARD",
    "DTSTART:19701025T020000",
    "RRULE:FREQ=YEARLY;BYMONTH=10;BYDAY=-1SU",
    "TZOFFSETFROM:+0100",
    "TZOFFSETTO:+0000",
    "TZNAME:GMT",
    "END:STANDARD",
    "END:VTIMEZONE",
)

PRODID = "-//Briefed//Training and briefings//EN"

_REFRESH = "PT4H"  # how often a subscribed calendar is asked to look again
_LONGEST_LINE = 75  # octets without the CRLF, RFC 5545 section 3.1

_LINE_BREAK = re.compile("\r\n|[\r\x85\u2028\u2029]")
_UNPRINTABLE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]")
# RFC 5545 section 3.3.11. Not icalendar's `vText`, which takes the two characters `\N` for a line
# break, so that a path such as `S:\Notes` would lose its name.
_ESCAPES = str.maketrans({"\\": r"\\", ";": r"\;", ",": r"\,", "\n": r"\n"})
_IN_A_LINK = "%/:?#[]@!$&'()*+,;=~"  # characters of a URI that stay as they are, RFC 3986
_IN_AN_ADDRESS = "@!$'*+^`{|}~"  # the same for the address of a mailto URI, RFC 6068 section 2

# What an ATTENDEE says of the practitioner, RFC 5545 sections 3.2.12, 3.2.16 and 3.2.17.
#
# ACCEPTED, because booking *was* the acceptance. With NEEDS-ACTION, Google shows the person as
# free until a second click (github.com/thunderbird/appointment/issues/586). Outlook and Exchange
# read PARTSTAT only from PUBLISH, COUNTER and REPLY ([MS-OXCICAL] section 2.1.3.1.1.20.2.3) and
# offer their buttons either way (github.com/adamgibbons/ics/issues/255). Cal.com sends the same.
# RSVP=TRUE keeps the buttons: without it Gmail may show none
# (github.com/markuspoerschke/iCal/issues/109).
_HAS_BOOKED = ";ROLE=REQ-PARTICIPANT;PARTSTAT=ACCEPTED;RSVP=TRUE"
_HAD_BOOKED = ";ROLE=REQ-PARTICIPANT"


@dataclass(frozen=True, kw_only=True, slots=True)
class Event:
    """One sitting in one person's calendar (or in a feed, where no person is named).

    `uid` never changes while the booking lives; `sequence` rises with every change a person would
    notice, a cancellation included (RFC 5546 section 2.1.4). `stamp` is when this revision was
    decided (DTSTAMP), not when it is sent. Text is plain text; an empty one is left out.

    Raises `ValueError`, with a sentence, for a time without a zone, an end that is not after its
    start, a negative sequence or a missing UID.
    """

    uid: str
    sequence: int
    stamp: datetime
    starts: datetime
    ends: datetime
    summary: str
    location: str
    description: str
    url: str
    organizer_name: str
    organizer_email: str
    attendee_name: str = ""
    attendee_email: str = ""
    cancelled: bool = False
    tentative: bool = False

    def __post_init__(self) -> None:
        # Compared in UTC: Python compares two times of one zone by the clock on the wall, and
        # that clock goes back an hour in October.
        starts, ends = _utc(self.starts, called="start"), _utc(self.ends, called="end")
        if ends <= starts:
            raise ValueError(
                f"An event must end after it starts, and this one starts {starts.isoformat()} "
                f"and ends {ends.isoformat()}."
            )
        _utc(self.stamp, called="stamp")
        if self.sequence < 0:
            raise ValueError(f"A sequence counts up from 0, and this one is {self.sequence}.")
        if not _clean(self.uid).strip():
            raise ValueError("An event needs a UID.")


@dataclass(frozen=True, kw_only=True, slots=True)
class AllDay:
    """Whole days, the last one included, that block no time: an awareness day or week.

    Raises `ValueError`, with a sentence, if it ends before it starts.
    """

    uid: str
    stamp: datetime
    first: date
    last: date
    summary: str

    def __post_init__(self) -> None:
        _utc(self.stamp, called="stamp")
        if self.last < self.first:
            raise ValueError(
                f"The last day, {self.last.isoformat()}, lies before the first, "
                f"{self.first.isoformat()}."
            )


def invitation(event: Event) -> bytes:
    """The event as a meeting request to its one attendee (RFC 5546 section 3.2.2).

    Sending it again with a higher `sequence` changes what the person's calendar holds. There is
    no alarm: reminders are the reader's own choice.

    Raises `ValueError` if nobody is invited, if no organizer can be answered, or if the event is
    cancelled (Gmail keeps a cancelled REQUEST: send `cancellation`).
    """
    if event.cancelled:
        raise ValueError("A cancelled event cannot be an invitation; send its cancellation.")
    return _calendar(["METHOD:REQUEST"], _scheduled(event, _status(event), _HAS_BOOKED))


def cancellation(event: Event) -> bytes:
    """Takes the event out of its attendee's calendar (RFC 5546 section 3.2.5).

    The event carries the UID and organizer of the invitation and a higher `sequence`; whether it
    says `cancelled` makes no difference. Raises `ValueError` if it names no attendee or organizer.
    """
    return _calendar(["METHOD:CANCEL"], _scheduled(event, "CANCELLED", _HAD_BOOKED))


def single(event: Event) -> bytes:
    """One event to keep, for an "Add to calendar" download.

    It names no method and no people, so a calendar program simply stores it (RFC 5545 section
    3.8.4.3: no ORGANIZER where nothing is being scheduled between people).
    """
    return _calendar([], _event(event, _status(event)))


def feed(*, name: str, events: Iterable[Event | AllDay]) -> bytes:
    """A calendar to subscribe to, called `name` where it is shown.

    Like `single` it names no method and no people. The name and the refresh interval are given
    twice: as RFC 7986 sections 5.1, 5.2 and 5.7 have them, and by the older names that Outlook,
    Apple and Google read. Events keep the order they come in. Cancelled ones stay, marked so and
    no longer blocking time; tentative ones are marked so. A line break in `name` becomes a space.
    """
    title = _text(_one_line(name))
    about = [
        f"NAME:{title}",
        f"X-WR-CALNAME:{title}",
        f"X-WR-TIMEZONE:{TZID}",
        f"REFRESH-INTERVAL;VALUE=DURATION:{_REFRESH}",
        f"X-PUBLISHED-TTL:{_REFRESH}",
    ]
    entries = (
        _all_day(event) if isinstance(event, AllDay) else _event(event, _status(event))
        for event in events
    )
    return _calendar(about, chain.from_iterable(entries))


def _calendar(about: Iterable[str], lines: Iterable[str]) -> bytes:
    """The whole object (RFC 5545 section 3.4): every line folded and ended with CRLF."""
    whole = [
        "BEGIN:VCALENDAR",
        "VERSION:2.0",
        f"PRODID:{PRODID}",
        "CALSCALE:GREGORIAN",
        *about,
        *VTIMEZONE,
        *lines,
        "END:VCALENDAR",
        "",
    ]
    return b"\r\n".join(map(_folded, whole))


def _scheduled(event: Event, status: str, attendance: str) -> Iterator[str]:
    """The event between an organizer and one attendee (RFC 5545 sections 3.8.4.1 and 3.8.4.3)."""
    if "@" not in event.attendee_email:
        raise ValueError("An invitation or cancellation needs the attendee's email address.")
    if "@" not in event.organizer_email:
        raise ValueError("An invitation or cancellation needs the organizer's email address.")
    return _event(
        event,
        status,
        f"ORGANIZER{_person(event.organizer_name, event.organizer_email)}",
        f"ATTENDEE{attendance}{_person(event.attendee_name, event.attendee_email)}",
    )


def _event(event: Event, status: str, *people: str) -> Iterator[str]:
    """The lines of one VEVENT (RFC 5545 section 3.6.1), not yet folded."""
    yield "BEGIN:VEVENT"
    yield f"UID:{_text(event.uid)}"
    yield f"SEQUENCE:{event.sequence}"
    yield f"DTSTAMP:{_instant(event.stamp)}"
    yield from _times(event)
    yield f"SUMMARY:{_text(event.summary)}"
    if location := _text(event.location):
        yield f"LOCATION:{location}"
    if description := _text(event.description):
        yield f"DESCRIPTION:{description}"
    if link := _link(event.url):
        yield f"URL:{link}"
    yield from people
    yield f"STATUS:{status}"
    yield f"TRANSP:{'TRANSPARENT' if status == 'CANCELLED' else 'OPAQUE'}"
    yield "CLASS:PUBLIC"
    yield "END:VEVENT"


def _all_day(event: AllDay) -> Iterator[str]:
    """Dates without a time; DTEND is the day after (RFC 5545 section 3.6.1)."""
    yield "BEGIN:VEVENT"
    yield f"UID:{_text(event.uid)}"
    yield "SEQUENCE:0"
    yield f"DTSTAMP:{_instant(event.stamp)}"
    yield f"DTSTART;VALUE=DATE:{event.first:%Y%m%d}"
    yield f"DTEND;VALUE=DATE:{event.last + timedelta(days=1):%Y%m%d}"
    yield f"SUMMARY:{_text(event.summary)}"
    yield "STATUS:CONFIRMED"
    yield "TRANSP:TRANSPARENT"
    yield "CLASS:PUBLIC"
    yield "END:VEVENT"


def _status(event: Event) -> str:
    """RFC 5545 section 3.8.1.11."""
    if event.cancelled:
        return "CANCELLED"
    return "TENTATIVE" if event.tentative else "CONFIRMED"


def _times(event: Event) -> tuple[str, str]:
    """DTSTART and DTEND on the London clock, which is what people read and what survives a change
    of the law.

    In the hour that October repeats they are in UTC instead. A wall time there means the first of
    the two (RFC 5545 section 3.3.5), so the second could not be said at all, and programs do not
    agree even about the first.
    """
    if is_repeated(event.starts) or is_repeated(event.ends):
        return f"DTSTART:{_instant(event.starts)}", f"DTEND:{_instant(event.ends)}"
    starts, ends = event.starts.astimezone(LONDON), event.ends.astimezone(LONDON)
    return (
        f"DTSTART;TZID={TZID}:{starts:%Y%m%dT%H%M%S}",
        f"DTEND;TZID={TZID}:{ends:%Y%m%dT%H%M%S}",
    )


def _utc(moment: datetime, *, called: str) -> datetime:
    """The same instant in UTC, to the second, which is as fine as iCalendar goes.

    `called` names the value in the refusal. Raises `ValueError` if `moment` has no time zone.
    """
    if moment.utcoffset() is None:
        raise ValueError(f"The {called} needs a time zone, and {moment.isoformat()} has none.")
    return moment.astimezone(UTC).replace(microsecond=0)


def is_repeated(moment: datetime) -> bool:
    """Whether the London clock shows this moment's time twice, as between 1am and 2am on the last
    Sunday of October."""
    local = moment.astimezone(LONDON)
    return local.replace(fold=0).utcoffset() != local.replace(fold=1).utcoffset()


def _instant(moment: datetime) -> str:
    """RFC 5545 section 3.3.5, form 2."""
    return f"{_utc(moment, called='time'):%Y%m%dT%H%M%SZ}"


def _clean(text: str) -> str:
    return _UNPRINTABLE.sub("", _LINE_BREAK.sub("\n", text))


def _one_line(text: str) -> str:
    return " ".join(_clean(text).split())


def _text(text: str) -> str:
    """RFC 5545 section 3.3.11."""
    return _clean(text).translate(_ESCAPES)


def _link(url: str) -> str:
    """RFC 5545 section 3.3.13: a URI is not escaped, so whatever has no place in one goes."""
    return quote("".join(_clean(url).split()), safe=_IN_A_LINK)


def _person(name: str, email: str) -> str:
    """A CN parameter, if there is a name, and the address (RFC 5545 sections 3.2.2 and 3.3.3).

    The name becomes one line. It may not hold a double quote: RFC 6868 has a way to write one,
    but Outlook and Gmail would show it raw, so it becomes a single quote.
    """
    # No page writes a calendar: the library is loaded with the first that is asked for.
    from icalendar.parser import param_value

    shown = _one_line(name).replace('"', "'")
    common_name = f";CN={param_value(shown)}" if shown else ""
    address = quote("".join(_clean(email).split()), safe=_IN_AN_ADDRESS)
    return f"{common_name}:mailto:{address}"


def _folded(line: str) -> bytes:
    """RFC 5545 section 3.1: a long line goes on after a line end and a space, and never inside a
    character."""
    octets = line.encode()
    if len(octets) <= _LONGEST_LINE:
        return octets
    pieces, start, room = [], 0, _LONGEST_LINE
    while len(octets) - start > room:
        end = start + room
        while octets[end] & 0b1100_0000 == 0b1000_0000:  # not the first octet of a character
            end -= 1
        pieces.append(octets[start:end])
        start, room = end, _LONGEST_LINE - 1
    return b"\r\n ".join([*pieces, octets[start:]])
