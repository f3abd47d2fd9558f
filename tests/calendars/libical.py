"""libical, the C parser of Evolution, KDE and many servers, through its shared library."""

import ctypes
import ctypes.util
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import cache
from typing import Literal
from zoneinfo import ZoneInfo


class LibicalMissing(Exception):
    """The shared library is not installed; the message says how to install it."""


class _IcalTime(ctypes.Structure):
    """`struct icaltimetype` of libical 3."""

    _fields_ = [
        *((name, ctypes.c_int) for name in ("year", "month", "day", "hour", "minute", "second")),
        ("is_date", ctypes.c_int),
        ("is_daylight", ctypes.c_int),
        ("zone", ctypes.c_void_p),
    ]


@dataclass(frozen=True)
class LibicalEvent:
    """A VEVENT as libical reads it."""

    uid: str
    sequence: int
    summary: str
    starts: datetime | date
    ends: datetime | date
    status: str
    location: str
    people: int


@dataclass(frozen=True)
class LibicalCalendar:
    """A VCALENDAR as libical reads it; `is_allowed` says whether the rules of RFC 5546 are kept."""

    method: str | None
    events: tuple[LibicalEvent, ...]
    errors: int
    is_allowed: bool


@cache
def _library() -> ctypes.CDLL:
    """Raises `LibicalMissing`."""
    name = ctypes.util.find_library("ical")
    if name is None:
        raise LibicalMissing(
            "libical is not installed, so nothing reads calendars in C: on Debian, apt-get"
            " install libical3."
        )
    library = ctypes.CDLL(name)
    pointer, text, number = ctypes.c_void_p, ctypes.c_char_p, ctypes.c_int
    for function, answer, takes in (
        ("icalparser_parse_string", pointer, [text]),
        ("icalcomponent_free", None, [pointer]),
        ("icalcomponent_string_to_kind", number, [text]),
        ("icalcomponent_count_errors", number, [pointer]),
        ("icalcomponent_get_first_component", pointer, [pointer, number]),
        ("icalcomponent_get_next_component", pointer, [pointer, number]),
        ("icalcomponent_get_uid", text, [pointer]),
        ("icalcomponent_get_summary", text, [pointer]),
        ("icalcomponent_get_location", text, [pointer]),
        ("icalcomponent_get_sequence", number, [pointer]),
        ("icalcomponent_get_dtstart", _IcalTime, [pointer]),
        ("icalcomponent_get_dtend", _IcalTime, [pointer]),
        ("icalcomponent_count_properties", number, [pointer, number]),
        ("icalcomponent_get_first_property", pointer, [pointer, number]),
        ("icalproperty_string_to_kind", number, [text]),
        ("icalproperty_get_value_as_string", text, [pointer]),
        ("icaltime_as_timet_with_zone", ctypes.c_long, [_IcalTime, pointer]),
        ("icaltimezone_get_tzid", text, [pointer]),
        ("icalrestriction_check", number, [pointer]),
    ):
        called = getattr(library, function)
        called.restype, called.argtypes = answer, takes
    return library


def read(sent: bytes, *, zones: Literal["sent", "system"] = "sent") -> LibicalCalendar:
    """What libical sees in a calendar, by the time zone it is sent or, faster, by the system's.

    Raises `LibicalMissing`, or `ValueError` if it sees no calendar.
    """
    library = _library()
    root = library.icalparser_parse_string(sent)
    if not root:
        raise ValueError("libical could not parse this.")
    try:
        return LibicalCalendar(
            method=_value(root, b"METHOD") or None,
            events=tuple(_event(each, zones) for each in _events(root)),
            is_allowed=bool(library.icalrestriction_check(root)),
            errors=library.icalcomponent_count_errors(root),
        )
    finally:
        library.icalcomponent_free(root)


def _events(root: int) -> Iterator[int]:
    library = _library()
    kind = library.icalcomponent_string_to_kind(b"VEVENT")
    event = library.icalcomponent_get_first_component(root, kind)
    while event:
        yield event
        event = library.icalcomponent_get_next_component(root, kind)


def _event(event: int, zones: Literal["sent", "system"]) -> LibicalEvent:
    library = _library()
    moment = _moment if zones == "sent" else _moment_by_the_system
    attendee = library.icalproperty_string_to_kind(b"ATTENDEE")
    return LibicalEvent(
        uid=_text(library.icalcomponent_get_uid(event)),
        sequence=library.icalcomponent_get_sequence(event),
        summary=_text(library.icalcomponent_get_summary(event)),
        starts=moment(library.icalcomponent_get_dtstart(event)),
        ends=moment(library.icalcomponent_get_dtend(event)),
        status=_value(event, b"STATUS"),
        location=_text(library.icalcomponent_get_location(event)),
        people=library.icalcomponent_count_properties(event, attendee),
    )


def _value(component: int, name: bytes) -> str:
    """The first property of this name, as written; empty if there is none."""
    library = _library()
    kind = library.icalproperty_string_to_kind(name)
    found = library.icalcomponent_get_first_property(component, kind)
    return _text(library.icalproperty_get_value_as_string(found)) if found else ""


def _moment(time: _IcalTime) -> datetime | date:
    if time.is_date:
        return date(time.year, time.month, time.day)
    seconds = _library().icaltime_as_timet_with_zone(time, time.zone)
    return datetime.fromtimestamp(seconds, UTC)


def _moment_by_the_system(time: _IcalTime) -> datetime:
    zone = _text(_library().icaltimezone_get_tzid(time.zone))
    wall = (time.year, time.month, time.day, time.hour, time.minute, time.second)
    return datetime(*wall, tzinfo=ZoneInfo(zone)).astimezone(UTC)


def _text(found: bytes | None) -> str:
    return (found or b"").decode()
