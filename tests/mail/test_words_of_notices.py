"""What each notice says to the person who reads it."""

import re
from dataclasses import replace
from datetime import timedelta

import icalendar
import pytest

from booking.catalogue.models import Session
from booking.outbox.models import Message
from booking.places import announcements, links
from booking.places.changes import Matter
from booking.places.models import Booking
from booking.places.news import sessions as session_news
from booking.places.news.drafts import EntryChanges, entries_of
from tests.factories import NOW, make_coordinator, make_person, make_policy, make_session
from tests.mail.letters import (
    CHANGES,
    LATER,
    composed_at,
    every_notice,
    make_booking,
    part,
    post,
    read,
    times,
    written,
)
from tests.people import join_url

pytestmark = pytest.mark.django_db


BOOKING_LINK = re.compile(r"http://testserver/bookings/\d+/")


def one_notice(booking: Booking, topic: str) -> tuple[str, str, str]:
    """The subject, text and HTML of the first notice on a topic."""
    drafts = [draft for draft in every_notice(booking) if draft.topic == topic]
    mail = read(written(post(drafts[:1])[0]))
    return str(mail["Subject"]), part(mail, "text/plain"), part(mail, "text/html")


# --- what the notices say ---


def test_a_booking_names_every_date_and_where_and_how_to_cancel(booking: Booking) -> None:
    subject, text, html = one_notice(booking, "booking.confirmed")
    assert subject == "Booked: Domestic abuse: a coordinated response, Tue 2 Feb 2027"
    for body in (text, html):
        for words in (
            "Tuesday 2 February 2027, 9am to 12pm",
            "Tuesday 9 February 2027, 9am to 12pm",
            "Tuesday 16 February 2027, 9am to 12pm",
            "Carriageworks, 263 Chapeltown Road",
            "Bus 12 stops outside.",
            "Bring a laptop.",
            "Ada Obi",
            "its own calendar invitation",
            "by 5pm on Tuesday 26 January 2027",
            "does not cancel your place",
            "training@leedsscp.example",
        ):
            assert words in body
        assert BOOKING_LINK.search(body)


@pytest.mark.parametrize("promoted", [False, True])
def test_with_a_place_come_the_joining_instructions(booking: Booking, promoted: bool) -> None:
    online = make_session(
        delivery=Session.Delivery.ONLINE,
        meeting="https://meet.example/abc",
        joining_instructions="Have your camera ready.",
    )
    needed = {
        booking: ("Carriageworks", "Bus 12 stops outside.", "Bring a laptop."),
        make_booking(online): ("Join online", "Have your camera ready."),
    }
    for each, instructions in needed.items():
        drafts = announcements.given_a_place(each, times(each), promoted=promoted)
        mail = read(written(post(drafts)[0]))
        for body in (part(mail, "text/plain"), part(mail, "text/html")):
            for words in instructions:
                assert words in body


def test_an_online_session_gives_its_join_link_everywhere() -> None:
    session = make_session(delivery=Session.Delivery.ONLINE, meeting="https://meet.example/abc")
    booking = make_booking(session)
    link = join_url(booking)
    [message] = post(announcements.given_a_place(booking, times(booking)))
    mail = read(written(message))
    assert link in part(mail, "text/plain")
    assert link in part(mail, "text/html")
    assert "meet.example" not in str(mail)
    [entry] = icalendar.Calendar.from_ical(part(mail, "text/calendar")).walk("VEVENT")
    assert entry["LOCATION"] == link
    description = str(entry["DESCRIPTION"])
    assert f"Join: {link}" in description
    assert "does not cancel your place" in description
    assert BOOKING_LINK.search(description)


def test_only_a_certain_place_brings_the_way_in() -> None:
    session = make_session(
        delivery=Session.Delivery.ONLINE,
        meeting="https://meet.example/abc",
        joining_instructions="The code word is pumpkin.",
    )
    booking = make_booking(session)
    drafts = list(every_notice(booking))
    # By whatever word the link is called, and of whatever it is said to be a matter.
    linked = [
        {"before": "none", "after": session.meeting.opened(), **label}
        for label in (
            {"what": "Join link", "matter": Matter.JOIN_LINK.value},
            {"what": "Reworded", "matter": Matter.JOIN_LINK.value},
            {"what": "Reworded", "matter": "unknown"},
            {"what": "Reworded"},
        )
    ]
    for number, changes in enumerate(
        each for link in linked for each in ([link], [*CHANGES, link])
    ):
        [draft] = session_news.session_changed(
            booking,
            entries=EntryChanges(tuple(entries_of(times(booking)))),
            changes=changes,
            session_revision=2,
        )
        drafts.append(replace(draft, revision=f"changes {number}"))
    for state in Booking.State:
        Booking.objects.update(state=state, ticket=1, offered_until=booking.offered_until)
        if state == Booking.State.CONFIRMED:
            continue
        for message in post(drafts):
            told = composed_at(NOW, message)
            if isinstance(told, bytes):
                words = read(told).as_string()
                for hidden in ("meet.example", "pumpkin", "still booked"):
                    assert hidden not in words, (state, message.topic, message.revision)
        Message.objects.all().delete()


def test_an_entry_posted_without_its_number_is_still_written(booking: Booking) -> None:
    message = post(announcements.given_a_place(booking, times(booking)))[0]
    for name in ("number", "of"):
        del message.payload[name]
    [entry] = icalendar.Calendar.from_ical(part(read(written(message)), "text/calendar")).walk(
        "VEVENT"
    )
    assert str(entry["SUMMARY"]).endswith("(date 1 of 3)")


def test_the_calendar_entry_says_where(booking: Booking) -> None:
    message = post(announcements.given_a_place(booking, times(booking)))[1]
    calendar = icalendar.Calendar.from_ical(part(read(written(message)), "text/calendar"))
    [entry] = calendar.walk("VEVENT")
    assert entry["LOCATION"] == "Carriageworks, 263 Chapeltown Road, Leeds, LS7 3EX"
    assert entry["SUMMARY"] == "Domestic abuse: a coordinated response (date 2 of 3)"
    assert entry.decoded("DTSTART") == LATER + timedelta(days=7)


def test_a_further_date_is_short_and_says_which(booking: Booking) -> None:
    subject, text, _ = one_notice(booking, "booking.further_date")
    assert subject.startswith("Second date of Domestic abuse")
    assert "second of your 3 dates" in text
    assert "Tuesday 9 February 2027, 9am to 12pm" in text
    assert "16 February" not in text


@pytest.mark.parametrize(
    ("promotion", "words"),
    [("automatic", "you get it at once"), ("offer", "for up to 3 working days")],
)
def test_the_waiting_list_says_the_position_and_what_comes_next(promotion: str, words: str) -> None:
    booking = make_booking(make_session(promotion=promotion))
    _, text, html = one_notice(booking, "booking.waiting")
    for body in (text, html):
        assert "number 3 in line" in body
        assert words in body


def test_an_offer_says_until_when_and_where_to_answer(booking: Booking) -> None:
    subject, text, html = one_notice(booking, "booking.offered")
    assert "until 9am on Sunday 31 January 2027" in subject
    for body in (text, html):
        assert "until 9am on Sunday 31 January 2027" in body
        assert links.offer_path(booking.pk, booking.offered_until or NOW) in body
        assert "do not need to sign in" in body


@pytest.mark.parametrize(
    ("state", "words"), [("declined", "You declined"), ("lapsed", "has run out")]
)
def test_the_end_of_an_offer_says_why(booking: Booking, state: str, words: str) -> None:
    booking.ticket, booking.state = 1, state
    mail = read(written(post([announcements.offer_ended(booking)])[0]))
    assert words in part(mail, "text/plain")
    assert words in part(mail, "text/html")


def test_a_turn_or_an_offer_that_somebody_else_ends_brings_their_reason(booking: Booking) -> None:
    by, why = make_coordinator(), "It was booked twice"
    booking.ticket, booking.state = 1, "declined"
    ended = [
        announcements.left(booking, by=by, why=why),
        announcements.offer_ended(booking, by=by, why=why),
    ]
    for message in post(ended):
        mail = read(written(message))
        for kind in ("text/plain", "text/html"):
            assert "Reason given: It was booked twice" in part(mail, kind)


@pytest.mark.parametrize(
    ("who", "words"),
    [
        ("coordinator", "The partnership has cancelled your place"),
        ("lead", "Priya Shah of your agency has cancelled your place"),
        ("person", "You have cancelled your place"),
    ],
)
def test_a_cancellation_says_by_whom_and_why(booking: Booking, who: str, words: str) -> None:
    lead = make_person(first_name="Priya", last_name="Shah", is_agency_lead=True)
    by = {"coordinator": make_coordinator(), "lead": lead, "person": booking.person}[who]
    booking.charge_pence = 3500
    drafts = announcements.cancelled(booking, times(booking), by=by, why="Ill <today>")
    mail = read(written(post(drafts)[0]))
    for body in (part(mail, "text/plain"), part(mail, "text/html")):
        assert words in body
        assert "£35 is charged" in body
    assert "Ill <today>" in part(mail, "text/plain")
    assert "Ill &lt;today&gt;" in part(mail, "text/html")


@pytest.mark.parametrize(
    ("ending", "words", "subject"),
    [
        ({"handed_to": "Zoë <b>"}, "to Zoë", "Your place is given to a colleague"),
        ({"moved_to": "Tue 9 Feb 2027"}, "to Tue 9 Feb 2027", "moved to Tue 9 Feb 2027"),
    ],
)
def test_a_place_given_away_or_exchanged_is_not_called_cancelled(
    booking: Booking, ending: dict[str, str], words: str, subject: str
) -> None:
    drafts = announcements.cancelled(booking, times(booking), by=booking.person, **ending)
    mail = read(written(post(drafts)[0]))
    assert subject in mail["Subject"]
    assert str(mail["Subject"]).count(" 2027") == 1
    for body in (part(mail, "text/plain"), part(mail, "text/html")):
        assert words in body
        assert "cancelled your place" not in body
    assert "<b>" not in part(mail, "text/html")


def test_a_change_says_what_it_was_and_is(booking: Booking) -> None:
    _, text, html = one_notice(booking, "session.changed")
    for body in (text, html):
        assert "Before: Town Hall" in body
        assert "Now: Carriageworks" in body
        assert "Your place is still booked" in body


def test_a_change_tells_those_who_wait_that_they_still_do() -> None:
    booking = make_booking(state="waiting", ticket=1, confirmed_at=None)
    drafts = session_news.session_changed(
        booking, entries=EntryChanges(), changes=CHANGES, session_revision=1
    )
    mail = read(written(post(drafts)[0]))
    assert "still on the waiting list" in part(mail, "text/plain")
    assert "Your place is still booked" not in part(mail, "text/plain")


def test_when_the_notice_is_too_short_it_asks_for_an_early_cancellation() -> None:
    booking = make_booking(make_session(starts_at=NOW + timedelta(days=2), policy=make_policy()))
    _, text, html = one_notice(booking, "booking.confirmed")
    for body in (text, html):
        assert "as soon as you can" in body
        assert "working days before" not in body
