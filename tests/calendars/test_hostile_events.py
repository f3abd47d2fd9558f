"""Text in events that wants to be more than text, as four calendar parsers read it."""

from typing import Any

import icalendar
import vobject
from hypothesis import given
from hypothesis import strategies as st
from icalendar.parser import unescape_backslash

from booking.calendars.ics import cancellation, feed, invitation, single
from tests.calendars.events import check_lines, event, properties, shape
from tests.calendars.parsers import read_with_ical_js

# --- text that wants to be more than text ---

PIECES = [
    "\r\n",
    "\n",
    "\r",
    "\x00",
    "\x07",
    "\x0b",
    "\x0c",
    "\x1c",
    "\x7f",
    "\x85",
    "\u2028",
    "\u2029",
    "\t",
    " ",
    ";",
    ",",
    ":",
    "\\",
    '"',
    "'",
    "^",
    "^n",
    "\\n",
    "\\N",
    "\\,",
    "=",
    "%2C",
    "S:\\Notes",
    "\U0001f469\u200d\U0001f52c",
    "\u05e9\u05dc\u05d5\u05dd",
    "\u202eabc",
    "é" * 40,
    "長" * 30,
    "a" * 90,
    "END:VEVENT",
    "\r\nBEGIN:VEVENT\r\n",
    "\nATTENDEE:mailto:x@example.org\r\n",
    "\ud800",
]


hostile = st.lists(st.one_of(st.sampled_from(PIECES), st.text(max_size=12)), max_size=12).map(
    "".join
)


hostile_addresses = hostile.map(lambda text: f"{text}@example.org")


def as_read(text: str) -> str:
    """The normalisation that ics.py promises, said another way."""
    for line_break in ("\r\n", "\r", "\x85", "\u2028", "\u2029"):
        text = text.replace(line_break, "\n")
    return "".join(
        letter
        for letter in text
        if letter in "\t\n"
        or not (ord(letter) < 32 or 127 <= ord(letter) < 160 or 0xD800 <= ord(letter) < 0xE000)
    )


@given(
    uid=hostile.filter(lambda text: as_read(text).strip() != ""),
    summary=hostile,
    location=hostile,
    description=hostile,
    url=hostile,
    names=st.tuples(hostile, hostile),
    emails=st.tuples(hostile_addresses, hostile_addresses),
)
def test_no_text_becomes_anything_but_text(
    uid: str,
    summary: str,
    location: str,
    description: str,
    url: str,
    names: tuple[str, str],
    emails: tuple[str, str],
) -> None:
    # A letter in front keeps the text from vanishing and its property with it.
    booked = event(
        uid=uid,
        summary=summary,
        location=f"x{location}",
        description=f"x{description}",
        url=f"x{url}",
        organizer_name=names[0],
        organizer_email=emails[0],
        attendee_name=names[1],
        attendee_email=emails[1],
    )
    for send in (invitation, cancellation, single):
        sent = send(booked)
        check_lines(sent)
        assert shape(sent) == shape(send(event()))

        calendar = icalendar.Calendar.from_ical(sent)
        [found] = calendar.walk("VEVENT")
        assert calendar.errors == found.errors == []
        assert found["UID"] == as_read(uid)
        assert found["SUMMARY"] == as_read(summary)
        assert found["LOCATION"] == as_read(f"x{location}")
        assert found["DESCRIPTION"] == as_read(f"x{description}")

        component: Any = vobject.readOne(sent.decode())
        assert component.vevent.summary.value == as_read(summary)
        assert sum(map(len, component.vevent.contents.values())) == len(found.property_items()) - 2


@given(name=hostile, events=st.integers(min_value=0, max_value=3))
def test_a_feed_may_be_called_anything(name: str, events: int) -> None:
    sent = feed(name=name, events=[event()] * events)
    check_lines(sent)
    assert shape(sent) == shape(feed(name="x", events=[event()] * events))
    calendar: Any = icalendar.Calendar.from_ical(sent)
    assert calendar["NAME"] == calendar["X-WR-CALNAME"]
    assert unescape_backslash(calendar["NAME"]) == " ".join(as_read(name).split())


def test_ical_js_reads_hostile_text_as_text() -> None:
    hostile_events = [event(uid=f"{n}", summary=f"x{piece}x") for n, piece in enumerate(PIECES)]
    seen = read_with_ical_js(feed(name="".join(PIECES), events=hostile_events)).events
    assert [found.summary for found in seen] == [as_read(f"x{piece}x") for piece in PIECES]
    everything = "".join(PIECES)
    worst = event(
        summary=everything, attendee_name=everything, attendee_email=f"{everything}@example.org"
    )
    [found] = read_with_ical_js(invitation(worst)).events
    assert found.summary == as_read(everything)
    assert found.people == 1


def test_text_is_escaped_as_the_standard_has_it() -> None:
    sent = single(
        event(location="Room 4, Council House; S:\\Notes", description="One\r\ntwo\rthree")
    )
    assert r"LOCATION:Room 4\, Council House\; S:\\Notes" in properties(sent)
    assert r"DESCRIPTION:One\ntwo\nthree" in properties(sent)


def test_a_link_loses_what_has_no_place_in_one() -> None:
    sent = single(event(url="https://example.org/a b\r\nSUMMARY:x?q=é&r=%20"))
    assert "URL:https://example.org/abSUMMARY:x?q=%C3%A9&r=%20" in properties(sent)


def test_a_name_is_one_line_and_holds_no_double_quote() -> None:
    sent = invitation(event(attendee_name='Sam "Sparky"\r\nATTENDEE:mailto:eve@example.org'))
    [found] = icalendar.Calendar.from_ical(sent).walk("VEVENT")
    assert found["ATTENDEE"].params["CN"] == "Sam 'Sparky' ATTENDEE:mailto:eve@example.org"
    assert found["ATTENDEE"] == "mailto:sam.o'neill+work@example.org"
