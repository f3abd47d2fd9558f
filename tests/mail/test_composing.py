"""Every notice: complete, readable by mail and calendar programs, and not to be tricked."""

import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from email.message import EmailMessage
from html.parser import HTMLParser
from typing import Any

import icalendar
import pytest
import vobject
from django.conf import settings
from django.db import connection
from django.template.loader import render_to_string
from django.test.utils import CaptureQueriesContext
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from accounts.models import User
from booking.catalogue.models import Session
from booking.local.servers import REPOSITORY
from booking.mail.composing import TOPICS, compose
from booking.mail.letters import Letter, one_line, write
from booking.outbox.delivery import Pointless, Unsendable
from booking.outbox.models import Message
from booking.partnership.models import Partnership
from booking.places import announcements, links
from booking.places.changes import Matter
from booking.places.managers.copies import TO_MANAGERS
from booking.places.models import Booking
from booking.scheduling import trainers
from booking.scheduling.drafting import NEW_DATE
from booking.site.wording import LONDON
from tests.factories import (
    NOW,
    make_coordinator,
    make_course,
    make_person,
    make_policy,
    make_session,
    make_trainer,
    make_venue,
)
from tests.mail.letters import (
    CHANGES,
    LATER,
    THREE_DATES,
    composed_at,
    every_notice,
    make_booking,
    part,
    post,
    read,
    reminders_before,
    times,
    written,
)

pytestmark = pytest.mark.django_db

MANAGER = "manager@agency.example"
BOOKING_LINK = re.compile(r"http://testserver/bookings/\d+/")


@pytest.fixture
def booking() -> Booking:
    """A place on three dates in person, with everything that a notice can mention."""
    session = make_session(
        course=make_course(title="Domestic abuse: a coordinated response"),
        sittings=THREE_DATES,
        venue=make_venue(name="Carriageworks", getting_there="Bus 12 stops outside."),
        joining_instructions="Bring a laptop.\n\nRead https://guide.example/first",
        trainers=[make_trainer(first_name="Ada", last_name="Obi")],
        policy=make_policy(),
    )
    return make_booking(session, person=make_person(first_name="Priya", last_name="Shah"))


def now() -> datetime:
    """The clock by which these tests compose."""
    return NOW


def calendar_part(mail: EmailMessage) -> Any:
    [found] = [each for each in mail.walk() if each.get_content_type() == "text/calendar"]
    return found


def notices(booking: Booking) -> Iterator[tuple[Message, bytes]]:
    for message in post(every_notice(booking)):
        yield message, written(message)


def one_notice(booking: Booking, topic: str) -> tuple[str, str, str]:
    """The subject, text and HTML of the first notice on a topic."""
    drafts = [draft for draft in every_notice(booking) if draft.topic == topic]
    mail = read(written(post(drafts[:1])[0]))
    return str(mail["Subject"]), part(mail, "text/plain"), part(mail, "text/html")


# --- the shape of a notice ---


def test_every_topic_is_announced_and_has_its_templates(booking: Booking) -> None:
    online = make_booking(make_session(delivery=Session.Delivery.ONLINE))
    drafts = [*every_notice(booking), *every_notice(online)]
    assert {draft.topic for draft in drafts} == set(TOPICS) - set(TO_MANAGERS)
    folders = {path.name for path in (REPOSITORY / "templates/mail").iterdir() if path.is_dir()}
    assert folders == {*TOPICS, *trainers.TOPICS, NEW_DATE}


def test_every_notice_has_its_frozen_headers(booking: Booking) -> None:
    for message, mime in notices(booking):
        mail = read(mime)
        assert mail["Message-ID"] == message.message_id
        assert mail["Date"].datetime == NOW
        assert mail["From"].addresses[0].display_name == "Safeguarding Children Partnership"
        assert mail["From"].addresses[0].addr_spec == "training@briefed.example"
        assert str(mail["Reply-To"]) == settings.MAIL_REPLY_TO
        [to] = mail["To"].addresses
        is_to_manager = message.topic.startswith("approval.")
        expected = ("", MANAGER) if is_to_manager else ("Priya Shah", booking.person.email)
        assert (to.display_name, to.addr_spec) == expected
        assert mail["Auto-Submitted"] == "auto-generated"
        assert "Domestic abuse" in mail["Subject"]
        assert sorted(mail.keys()) == sorted(set(mail.keys()))


def test_every_notice_is_ascii_with_crlf_and_lines_of_a_legal_length(booking: Booking) -> None:
    for _, mime in notices(booking):
        assert mime.isascii()
        for line in mime.split(b"\r\n"):
            assert len(line) <= 998
            assert b"\r" not in line
            assert b"\n" not in line


def test_the_forms_come_in_order_and_the_calendar_is_no_attachment(booking: Booking) -> None:
    for message, mime in notices(booking):
        mail = read(mime)
        forms = [each.get_content_type() for each in mail.iter_parts()]
        expected = ["text/plain", "text/html"]
        if "event" in message.payload:
            expected.append("text/calendar")
        assert mail.get_content_type() == "multipart/alternative"
        assert forms == expected
        assert b"Content-Disposition" not in mime


def test_the_method_parameter_equals_the_method(booking: Booking) -> None:
    methods = set()
    for message, mime in notices(booking):
        if "event" not in message.payload:
            continue
        event = message.payload["event"]
        found = calendar_part(read(mime))
        sent = found.get_payload(decode=True)
        calendar = icalendar.Calendar.from_ical(sent)
        assert found.get_param("charset") == "utf-8"
        assert found.get_param("method") == str(calendar["METHOD"]) == event["method"]
        [entry] = calendar.walk("VEVENT")
        assert str(entry["UID"]) == event["uid"]
        assert str(entry["SEQUENCE"]) == str(event["sequence"])
        assert entry.decoded("DTSTAMP") == NOW
        assert str(entry["ATTENDEE"]) == f"mailto:{booking.person.email}"
        assert str(entry["ORGANIZER"]) == "mailto:training@leedsscp.example"
        assert len(list(vobject.readComponents(sent.decode()))) == 1
        methods.add(event["method"])
    assert methods == {"REQUEST", "CANCEL"}


def test_composing_twice_gives_the_same_bytes(booking: Booking) -> None:
    messages = post(every_notice(booking))
    assert compose(messages, clock=now) == compose(messages, clock=now)


def test_composing_more_messages_costs_no_more_statements(booking: Booking) -> None:
    one = post(announcements.given_a_place(booking, times(booking)))[:1]
    with CaptureQueriesContext(connection) as for_one:
        compose(one, clock=now)
    many = []
    for _ in range(10):
        other = make_booking(booking.session)
        many += post(announcements.given_a_place(other, times(other)))
    with CaptureQueriesContext(connection) as for_many:
        compose(many, clock=now)
    assert len(for_one) == len(for_many) <= 4


def test_no_notice_shows_a_gap_or_an_unfilled_place(booking: Booking) -> None:
    for message, mime in notices(booking):
        text = part(read(mime), "text/plain")
        assert "\n\n\n" not in text, message.topic
        assert "None" not in text, message.topic
        assert ", ," not in text, message.topic
        greeting = "Hello," if message.topic.startswith("approval.") else "Hello Priya,"
        assert text.startswith(f"{greeting}\n\n")


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
        join_url="https://meet.example/abc",
        joining_instructions="Have your camera ready.",
    )
    needed = {
        booking: ("Carriageworks", "Bus 12 stops outside.", "Bring a laptop."),
        make_booking(online): ("https://meet.example/abc", "Have your camera ready."),
    }
    for each, instructions in needed.items():
        drafts = announcements.given_a_place(each, times(each), promoted=promoted)
        mail = read(written(post(drafts)[0]))
        for body in (part(mail, "text/plain"), part(mail, "text/html")):
            for words in instructions:
                assert words in body


def test_an_online_session_gives_its_join_link_everywhere() -> None:
    link = "https://meet.example/abc?x=1&y=2"
    session = make_session(delivery=Session.Delivery.ONLINE, join_url=link)
    booking = make_booking(session)
    [message] = post(announcements.given_a_place(booking, times(booking)))
    mail = read(written(message))
    assert link in part(mail, "text/plain")
    assert link.replace("&", "&amp;") in part(mail, "text/html")
    [entry] = icalendar.Calendar.from_ical(part(mail, "text/calendar")).walk("VEVENT")
    assert entry["LOCATION"] == link
    description = str(entry["DESCRIPTION"])
    assert f"Join: {link}" in description
    assert "does not cancel your place" in description
    assert BOOKING_LINK.search(description)


@pytest.mark.parametrize(
    "label",
    [
        {"what": "Join link", "matter": Matter.JOIN_LINK.value},
        {"what": "Reworded", "matter": Matter.JOIN_LINK.value},
        {"what": "Reworded", "matter": "unknown"},
        {"what": "Reworded"},
    ],
)
def test_only_a_certain_place_brings_the_way_in(label: dict[str, str]) -> None:
    session = make_session(
        delivery=Session.Delivery.ONLINE,
        join_url="https://meet.example/abc",
        joining_instructions="The code word is pumpkin.",
    )
    booking = make_booking(session)
    drafts = list(every_notice(booking))
    linked = [{**label, "before": "none", "after": session.join_url}]
    for changes in (linked, [*CHANGES, *linked]):
        [draft] = announcements.session_changed(
            booking,
            sittings=times(booking),
            dropped=[],
            changes=changes,
            session_revision=2,
            now=NOW,
        )
        drafts.append(replace(draft, revision=f"{len(changes)} changes"))
    for state in Booking.State:
        Booking.objects.update(state=state, ticket=1, offered_until=booking.offered_until)
        if state == Booking.State.CONFIRMED:
            continue
        for message in post(drafts):
            told = composed_at(NOW, message)
            if isinstance(told, bytes):
                words = read(told).as_string()
                assert "meet.example" not in words, (state, message.topic)
                assert "pumpkin" not in words, (state, message.topic)
                assert "still booked" not in words, (state, message.topic)
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
        ({"moved_to": "Tue 9 Feb 2027"}, "for one on Tue 9 Feb 2027", "moved to Tue 9 Feb 2027"),
    ],
)
def test_a_place_given_away_or_exchanged_is_not_called_cancelled(
    booking: Booking, ending: dict[str, str], words: str, subject: str
) -> None:
    drafts = announcements.cancelled(booking, times(booking), by=booking.person, **ending)
    mail = read(written(post(drafts)[0]))
    assert subject in mail["Subject"]
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
    drafts = announcements.session_changed(
        booking, sittings=times(booking), dropped=[], changes=CHANGES, session_revision=1, now=NOW
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


def test_a_join_link_that_is_not_known_yet_is_promised() -> None:
    booking = make_booking(make_session(delivery=Session.Delivery.ONLINE))
    _, text, _ = one_notice(booking, "booking.confirmed")
    assert "We will send you the join link" in text


# --- what cannot or need not be sent ---


def test_one_message_that_cannot_be_composed_stops_no_other(booking: Booking) -> None:
    messages = post(every_notice(booking))
    broken, foreign = messages[0], messages[1]
    broken.payload = {"event": {"method": "REQUEST"}}
    foreign.topic = "no.such_topic"
    composed = compose(messages, clock=now)
    assert isinstance(composed[broken.pk], Unsendable)
    assert isinstance(composed[foreign.pk], Unsendable)
    assert all(isinstance(composed[message.pk], bytes) for message in messages[2:])


def test_a_reminder_of_a_place_given_up_meanwhile_is_pointless(booking: Booking) -> None:
    for message in post(reminders_before(booking)):
        assert isinstance(composed_at(NOW, message), bytes)
        Booking.objects.update(state="cancelled")
        assert isinstance(composed_at(NOW, message), Pointless)
        Booking.objects.update(state="confirmed")


def test_a_reminder_of_a_date_that_moved_meanwhile_is_pointless(booking: Booking) -> None:
    first, *_ = times(booking)
    messages = post(reminders_before(booking))
    booking.session.sittings.filter(pk=first.key).update(
        starts_at=first.starts_at + timedelta(1 / 24)
    )
    assert all(isinstance(composed_at(NOW, message), Pointless) for message in messages)


def test_a_reminder_to_somebody_who_has_turned_them_off_is_pointless(booking: Booking) -> None:
    messages = post(reminders_before(booking))
    User.objects.update(wants_reminders=False)
    assert all(isinstance(composed_at(NOW, message), Pointless) for message in messages)


def test_a_reminder_is_pointless_once_the_next_is_due_or_the_sitting_has_begun() -> None:
    starts = datetime(2027, 2, 9, 9, 30, tzinfo=LONDON)
    online = make_session(starts_at=starts, delivery=Session.Delivery.ONLINE)
    booking = make_booking(online)
    days, day, hour = post(reminders_before(booking))
    useful_until = {
        days: datetime(2027, 2, 8, 9, tzinfo=LONDON),
        day: datetime(2027, 2, 9, 8, 30, tzinfo=LONDON),
        hour: starts,
    }
    for message, moment in useful_until.items():
        assert isinstance(composed_at(moment - timedelta(seconds=1), message), bytes)
        assert isinstance(composed_at(moment, message), Pointless)


# --- text that wants to be more than text ---

PIECES = [
    "\r\n",
    "\n",
    "\r",
    "\x0b",
    "\x0c",
    "\x1c",
    "\x85",
    "\u2028",
    "\u2029",
    "\u202e",
    "\nBcc: x@evil.example\r\n",
    "\r\n\r\n<script>alert(1)</script>",
    "<b>&amp;",
    '"',
    "'",
    "\\",
    ",",
    ";",
    "<x@evil.example>",
    "=?utf-8?q?x=0D=0ABcc:_x?=",
    "{{ notice.title }}",
    "{% include 'x' %}",
    "\U0001f469\u200d\U0001f52c",
    "\u05e9\u05dc\u05d5\u05dd",
    "é" * 60,
    "長" * 60,
    "a" * 200,
    ".",
    " ",
]
hostile = st.lists(
    st.one_of(
        st.sampled_from(PIECES),
        st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=12),
    ),
    max_size=10,
).map("".join)


class Tags(HTMLParser):
    """The names of the elements of a page."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.names: set[str] = set()
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """The method's name is html.parser's."""
        self.names.add(tag)


@hypothesis_settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(title=hostile, first=hostile, last=hostile, why=hostile, place=hostile)
def test_no_text_adds_a_header_a_part_or_an_element(
    booking: Booking, title: str, first: str, last: str, why: str, place: str
) -> None:
    booking.session.course.title = title[:200]
    booking.session.course.save(update_fields=["title"])
    type(booking.person).objects.update(first_name=first[:100], last_name=last[:100])
    booking.session.venue.name = place[:200] if booking.session.venue else ""  # type: ignore[union-attr]
    booking.session.venue.save(update_fields=["name"])  # type: ignore[union-attr]
    Message.objects.all().delete()
    [message, *_] = post(
        announcements.cancelled(booking, times(booking), by=booking.booked_by, why=why)
    )
    mime = written(message)
    mail = read(mime)
    assert list(mail.keys()) == [
        "From",
        "Reply-To",
        "To",
        "Subject",
        "Date",
        "Message-ID",
        "Auto-Submitted",
        "X-Auto-Response-Suppress",
        "MIME-Version",
        "Content-Type",
    ]
    [to] = mail["To"].addresses
    assert to.addr_spec == booking.person.email
    assert len(list(mail.iter_parts())) == 3
    assert "script" not in Tags(part(mail, "text/html")).names
    assert "b" not in Tags(part(mail, "text/html")).names
    sent = calendar_part(mail).get_payload(decode=True)
    assert len(icalendar.Calendar.from_ical(sent).walk("VEVENT")) == 1


def letter(**changes: Any) -> Letter:
    fields: dict[str, Any] = {
        "sender": "Briefed <training@briefed.example>",
        "reply_to": "training@leedsscp.example",
        "to_name": "Sam",
        "to_email": "sam@agency.example",
        "subject": "Booked",
        "text": "Hello",
        "html": "<p>Hello</p>",
        "message_id": "<abc@briefed.example>",
        "written_at": NOW,
    }
    return Letter(**(fields | changes))


@hypothesis_settings(max_examples=200, deadline=None)
@given(name=hostile, subject=hostile)
def test_headers_say_what_they_were_given(name: str, subject: str) -> None:
    mail = read(write(letter(to_name=name, subject=subject)))
    [to] = mail["To"].addresses
    assert to.addr_spec == "sam@agency.example"
    # Python's parser keeps the space between two encoded words of a name (RFC 2047, 6.2 drops it).
    assert to.display_name.replace(" ", "") == one_line(name)[:120].replace(" ", "")
    assert str(mail["Subject"]) == one_line(subject)[:200].rstrip()


@hypothesis_settings(max_examples=100, deadline=None)
@given(text=hostile)
def test_bodies_say_what_they_were_given(text: str) -> None:
    expected = re.sub("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]", "", text)
    expected = expected.replace("\r\n", "\n").replace("\r", "\n")
    mail = read(write(letter(text=f"A{text}.", html=f"A{text}.")))
    for content_type in ("text/plain", "text/html"):
        assert part(mail, content_type) == f"A{expected}."


@pytest.mark.parametrize(
    "address", ["", "sam", "sam@", "@agency.example", "sam@a b.example", "sám@agency.example",
                "sam@agency.example\r\nBcc: x@evil.example", "a,b@agency.example"],
)  # fmt: skip
def test_an_impossible_address_is_refused(address: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        write(letter(to_email=address))


def test_an_address_in_another_script_is_written_as_the_mail_server_wants_it() -> None:
    mail = read(write(letter(to_email="sam@bücher.example")))
    assert mail["To"].addresses[0].addr_spec == "sam@xn--bcher-kva.example"


# --- the sign-in code ---


def test_the_sign_in_code_has_its_mail_in_the_same_layout() -> None:
    html = render_to_string(
        "account/email/login_code_message.html",
        {"code": "BCDFGH", "partnership": Partnership(name="Leeds & Co")},
    )
    assert "BCD-FGH" in html
    assert "expires in 10 minutes" in html
    assert "ignore this email" in html
    assert "Leeds &amp; Co" in html
    assert 'class="code" style="' in html
    assert "mailto:" not in html
