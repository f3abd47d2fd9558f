"""What four calendar parsers, none of them ours, see in what we send."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import icalendar
import pytest
import vobject

from booking.calendars.ics import VTIMEZONE, cancellation, feed, invitation, is_repeated, single
from tests.calendars.events import LONDON, event, london, properties
from tests.calendars.parsers import Read, Seen, SeenCalendar, every_parser, read_with_icalendar

# --- times ---

KNOWN = [
    (london(2027, 1, 12, 9, 30), "2027-01-12T09:30Z"),
    (london(2027, 7, 6, 9, 30), "2027-07-06T08:30Z"),
    (london(2027, 3, 27, 9, 30), "2027-03-27T09:30Z"),
    (london(2027, 3, 28, 0, 30), "2027-03-28T00:30Z"),
    (london(2027, 3, 28, 2, 30), "2027-03-28T01:30Z"),
    (london(2027, 3, 28, 9, 30), "2027-03-28T08:30Z"),
    (london(2027, 3, 29, 9, 30), "2027-03-29T08:30Z"),
    (london(2027, 10, 30, 9, 30), "2027-10-30T08:30Z"),
    (london(2027, 10, 31, 0, 30), "2027-10-30T23:30Z"),
    (london(2027, 10, 31, 1, 30, fold=0), "2027-10-31T00:30Z"),
    (london(2027, 10, 31, 1, 30, fold=1), "2027-10-31T01:30Z"),
    (london(2027, 10, 31, 2, 30), "2027-10-31T02:30Z"),
    (london(2027, 10, 31, 9, 30), "2027-10-31T09:30Z"),
    (london(2027, 11, 1, 9, 30), "2027-11-01T09:30Z"),
]


@every_parser
def test_sittings_on_and_around_clock_changes_happen_at_the_right_instant(read: Read) -> None:
    sittings = [
        event(starts=starts, ends=starts.astimezone(UTC) + timedelta(minutes=20))
        for starts, _ in KNOWN
    ]
    seen = read(feed(name="Sittings", events=sittings)).events
    assert [found.starts for found in seen] == [datetime.fromisoformat(text) for _, text in KNOWN]
    assert {found.length for found in seen} == {timedelta(minutes=20)}


@every_parser
def test_a_sitting_across_a_clock_change_lasts_as_long_as_it_lasts(read: Read) -> None:
    spring = event(starts=london(2027, 3, 28, 0, 30), ends=london(2027, 3, 28, 2, 30))
    autumn = event(starts=london(2027, 10, 31, 0, 30), ends=london(2027, 10, 31, 2, 30))
    inside = event(
        starts=london(2027, 10, 31, 1, 50, fold=0), ends=london(2027, 10, 31, 1, 10, fold=1)
    )
    seen = read(feed(name="Night", events=[spring, autumn, inside])).events
    assert [found.length / timedelta(minutes=1) for found in seen] == [60, 180, 20]


@every_parser
def test_ten_years_of_sittings_happen_at_the_right_instant(read: Read) -> None:
    sittings = []
    for year in range(2026, 2036):
        mornings = [london(year, month, 12, 9, 30) for month in range(1, 13)]
        for month in (3, 10):
            change = max(
                london(year, month, d, 9, 30) for d in range(25, 32) if _sunday(year, month, d)
            )
            mornings += [change - timedelta(days=1), change, change + timedelta(days=1)]
        sittings += [event(starts=start, ends=start + timedelta(hours=3)) for start in mornings]
    seen = read(feed(name="Ten years", events=sittings)).events
    assert [(found.starts, found.ends) for found in seen] == [
        (sitting.starts.astimezone(UTC), sitting.ends.astimezone(UTC)) for sitting in sittings
    ]


def _sunday(year: int, month: int, day: int) -> bool:
    return datetime(year, month, day, tzinfo=UTC).weekday() == 6


def test_the_constant_zone_agrees_with_the_systems_zone_until_2036() -> None:
    text = "\r\n".join(["BEGIN:VCALENDAR", "VERSION:2.0", *VTIMEZONE, "END:VCALENDAR", ""])
    calendar: Any = vobject.readOne(text)
    constant = calendar.vtimezone.tzinfo
    hour = datetime(2026, 1, 1, tzinfo=UTC)
    checked = 0
    while hour.year < 2036:
        local = hour.astimezone(LONDON)
        if not is_repeated(hour):
            assert local.replace(tzinfo=constant).utcoffset() == local.utcoffset(), hour
            checked += 1
        near_a_change = hour.weekday() == 6 and hour.month in (3, 10) and hour.day > 24
        hour += timedelta(hours=1 if near_a_change else 4)
    assert checked > 20_000


def test_times_are_on_the_london_clock_whatever_zone_they_come_in() -> None:
    in_new_york = datetime(2027, 7, 6, 4, 30, tzinfo=ZoneInfo("America/New_York"))
    sent = single(event(starts=in_new_york, ends=in_new_york + timedelta(hours=3)))
    assert "DTSTART;TZID=Europe/London:20270706T093000" in properties(sent)
    assert "DTEND;TZID=Europe/London:20270706T123000" in properties(sent)


# --- the four kinds of calendar ---


@every_parser
def test_an_invitation_asks_one_person(read: Read) -> None:
    sent = invitation(event(sequence=3))
    assert read(sent) == SeenCalendar(
        method="REQUEST",
        events=(
            Seen(
                uid="9b2f6f0e-booking-1@training.example.org",
                sequence=3,
                summary="Domestic abuse: a coordinated response",
                starts=datetime(2027, 1, 12, 9, 30, tzinfo=UTC),
                ends=datetime(2027, 1, 12, 12, 30, tzinfo=UTC),
                status="CONFIRMED",
                people=1,
            ),
        ),
    )
    assert b"VALARM" not in sent


def test_an_invitation_says_who_asks_whom() -> None:
    [found] = icalendar.Calendar.from_ical(invitation(event())).walk("VEVENT")
    assert found["ORGANIZER"] == "mailto:training@example.org"
    assert found["ORGANIZER"].params["CN"] == "Anytown Safeguarding Partnership"
    assert found["ATTENDEE"] == "mailto:sam.o'neill+work@example.org"
    assert dict(found["ATTENDEE"].params) == {
        "CN": "Sam O'Neill",
        "ROLE": "REQ-PARTICIPANT",
        "PARTSTAT": "ACCEPTED",
        "RSVP": "TRUE",
    }
    assert found["URL"] == "https://training.example.org/bookings/1?from=calendar"
    assert found["LOCATION"] == "Council House, Room 4; Main Street"
    assert found["TRANSP"] == "OPAQUE"
    assert found.decoded("DTSTAMP") == datetime(2026, 11, 24, 8, 0, tzinfo=UTC)


@every_parser
def test_a_cancellation_reaches_the_event_its_invitation_made(read: Read) -> None:
    booked = event(sequence=0)
    request, cancel = invitation(booked), cancellation(replace(booked, sequence=1))
    invited, cancelled = read(request), read(cancel)
    assert (invited.method, cancelled.method) == ("REQUEST", "CANCEL")
    assert cancelled.events[0].uid == invited.events[0].uid
    assert cancelled.events[0].sequence > invited.events[0].sequence
    assert cancelled.events[0].status == "CANCELLED"
    assert cancelled.events[0].people == 1
    organizers = [
        [line for line in properties(sent) if line.startswith("ORGANIZER")]
        for sent in (request, cancel)
    ]
    assert organizers[0] == organizers[1] != []


@every_parser
def test_a_download_is_an_event_without_people_or_method(read: Read) -> None:
    sent = single(event())
    seen = read(sent)
    assert seen.method is None
    assert [found.people for found in seen.events] == [0]
    assert b"ORGANIZER" not in sent
    assert b"example.org" in sent
    assert b"neill" not in sent.lower()


@every_parser
def test_a_feed_shows_what_is_cancelled_and_what_is_not_certain(read: Read) -> None:
    sent = feed(
        name="My sessions, 2027",
        events=[event(), event(cancelled=True), event(tentative=True)],
    )
    seen = read(sent)
    assert seen.method is None
    assert [found.status for found in seen.events] == ["CONFIRMED", "CANCELLED", "TENTATIVE"]
    assert [found.people for found in seen.events] == [0, 0, 0]
    assert {
        "NAME:My sessions\\, 2027",
        "X-WR-CALNAME:My sessions\\, 2027",
        "REFRESH-INTERVAL;VALUE=DURATION:PT4H",
        "X-PUBLISHED-TTL:PT4H",
        "CALSCALE:GREGORIAN",
        "PRODID:-//Briefed//Training and briefings//EN",
    } <= set(properties(sent))
    assert [line for line in properties(sent) if line.startswith("TRANSP")] == [
        "TRANSP:OPAQUE",
        "TRANSP:TRANSPARENT",
        "TRANSP:OPAQUE",
    ]


def test_an_empty_feed_is_still_a_calendar() -> None:
    assert read_with_icalendar(feed(name="Nothing yet", events=[])).events == ()


def test_the_same_event_gives_the_same_bytes() -> None:
    assert invitation(event()) == invitation(event())
    assert feed(name="All", events=[event()]) == feed(name="All", events=[event()])


# --- refusals ---


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"ends": london(2027, 1, 12, 9, 30)}, "must end after it starts"),
        ({"ends": london(2027, 1, 12, 9, 0)}, "must end after it starts"),
        ({"starts": datetime(2027, 1, 12, 9, 30)}, "start needs a time zone"),  # noqa: DTZ001
        ({"ends": datetime(2027, 1, 12, 12, 30)}, "end needs a time zone"),  # noqa: DTZ001
        ({"stamp": datetime(2027, 1, 12, 12, 30)}, "stamp needs a time zone"),  # noqa: DTZ001
        ({"sequence": -1}, "counts up from 0"),
        ({"uid": "\r\n\x00"}, "needs a UID"),
    ],
)
def test_an_impossible_event_is_refused(changes: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        event(**changes)


def test_what_cannot_be_sent_is_refused() -> None:
    with pytest.raises(ValueError, match="send its cancellation"):
        invitation(event(cancelled=True))
    for send in (invitation, cancellation):
        with pytest.raises(ValueError, match="attendee's email"):
            send(event(attendee_email=""))
        with pytest.raises(ValueError, match="organizer's email"):
            send(event(organizer_email=""))
