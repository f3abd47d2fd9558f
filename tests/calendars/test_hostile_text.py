"""Whatever people type stays text: on pages, in mail, in calendars and in spreadsheets."""

import csv
import io
import os
import random
from collections.abc import Iterator
from email import message_from_bytes, policy

import icalendar
import pytest
from django.db.models import Value
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts.models import User
from booking.calendars.actions import new_feed
from booking.catalogue.models import Session, Venue
from booking.mail.composing import compose
from booking.outbox.models import Message
from tests.calendars.calendar_client import calendar_part_of
from tests.calendars.events import check_lines
from tests.factories import (
    make_coordinator,
    make_course,
    make_person,
    make_session,
    make_venue,
    morning,
)
from tests.people import book_now

pytestmark = pytest.mark.django_db

# Texts typed in one test: seven for each person, and those of the session.
PEOPLE = 8
TEXTS = 7 * PEOPLE + 5
# Some hundreds each time; `make test-deep` asks for ten thousand.
ALL_TEXTS = 10_000 if os.environ.get("DEEP") == "1" else 300

HEADERS = [
    *("From", "Reply-To", "To", "Subject", "Date", "Message-ID"),
    *("Auto-Submitted", "X-Auto-Response-Suppress", "MIME-Version", "Content-Type"),
]
FORMULAS = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
PIECES = (
    *("\r\n", "\n", "\r", "\x00", "\x0b", "\x1b", "\x7f", "\x85", "\u2028", "\u2029", "\ufeff"),
    *("\r\nBcc: eve@evil.example\r\n", "\r\n\r\n<script>alert(1)</script>", "%0d%0aBcc:x"),
    *("=cmd|' /C calc'!A0", "+1+1", "-2+3", "@SUM(A1)", "\t=1", "\r=1", '=HYPERLINK("x")'),
    *("\u202eevil\u202c", "\u2066\u05e9\u05dc\u05d5\u05dd\u2069", "\u0645\u0631\u062d\u0628\u0627"),
    *("\U0001f469\u200d\U0001f52c", "\U0001f1ec\U0001f1e7", "e\u0301" * 30, "長" * 40, "a" * 90),
    *("END:VEVENT\r\nBEGIN:VEVENT\r\n", ";CN=x:mailto:y", "\\n", "\\,", ";", ",", ":", '"', "'"),
    *("=?utf-8?q?x=0D=0ABcc:_x?=", "<b>&amp;", "{{ x }}", "{% x %}", "../..", "S:\\N", "'; --"),
)


class Typist:
    """Somebody who types hostile things, the same for the same seed."""

    def __init__(self, seed: int) -> None:
        self.chance = random.Random(seed)

    def text(self, longest: int) -> str:
        """Some pieces in a row, now and then with letters from anywhere in Unicode."""
        parts = self.chance.choices(PIECES, k=self.chance.randint(1, 5))
        if self.chance.random() < 0.5:
            parts.append(chr(self.chance.choice([0x41, 0xE9, 0x1F600, 0x10FFFF, 0xFFFE, 0x2060])))
        self.chance.shuffle(parts)
        return "".join(parts)[:longest]

    def stored(self, longest: int) -> str:
        """A text as the database can hold it, never blank."""
        return f"x{self.text(longest)}".replace("\x00", "")[self.chance.randint(0, 1) :][:longest]


class Browser(Client):
    """A browser that fails at an answer which is no page, redirect or refusal, or runs a script."""

    def __init__(self, person: User | None = None) -> None:
        super().__init__()
        if person is not None:
            self.force_login(person)

    def typed(self, name: str, *args: object, **fields: str) -> int:
        """Post a form. A server error would be raised here."""
        status = self.post(reverse(name, args=args), fields).status_code
        assert status in (200, 302, 400, 409, 422), (name, status, fields)
        return status

    def opened(self, name: str, *args: object, **query: str) -> bytes:
        """Open a page or file."""
        answer = self.get(reverse(name, args=args), query)
        assert answer.status_code in (200, 400), (name, query)
        assert "\n" not in str(answer.headers)
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        if answer.headers["Content-Type"].startswith("text/html"):
            assert b"<script>alert" not in answer.content, name
        return answer.content


@pytest.mark.deep
@pytest.mark.parametrize("seed", range(-(-ALL_TEXTS // TEXTS)))
def test_no_text_breaks_a_page_a_mail_a_calendar_or_a_spreadsheet(seed: int) -> None:
    typist = Typist(seed)
    session = _session(typist)
    people = [_joins(typist, session) for _ in range(PEOPLE)]
    for message in Message.objects.order_by("pk"):
        _check_mail(message)
    _check_calendars(session, people[0])
    _check_spreadsheet(session)
    _check_pages(typist, session, people[0])


def _session(typist: Typist) -> Session:
    venue = make_venue()
    Venue.objects.filter(pk=venue.pk).update(name=typist.stored(200), address=typist.stored(400))
    return make_session(
        course=make_course(title=typist.stored(200), summary=typist.stored(400)),
        venue=venue,
        starts_at=morning(20),
        joining_instructions=typist.stored(400),
    )


def _joins(typist: Typist, session: Session) -> User:
    """Somebody types an address, who they are and what they need; then they are booked anyway."""
    Browser().typed("account_login", email=typist.text(60))
    Browser().typed("account_login", email=f"{typist.text(20)}@agency.example")
    person = make_person()
    browser = Browser(person)
    browser.typed(
        "account_profile",
        first_name=typist.text(100),
        last_name=typist.text(100),
        job_title=typist.text(150),
        agency="not-listed",
        agency_name=typist.text(200),
        manager_email=typist.text(60),
        phone=typist.text(30),
    )
    # As values of the database, which are stored unread: older rows may hold anything.
    User.objects.filter(pk=person.pk).update(
        first_name=Value(typist.stored(100)),
        last_name=Value(typist.stored(100)),
        job_title=Value(typist.stored(150)),
        unlisted_agency=Value(typist.stored(200)),
        agency=None,
        agency_confirmed_at=None,
    )
    person.refresh_from_db()
    needs = typist.text(500)
    if browser.typed("book", session.pk, needs=needs) != 302:
        book_now(session, person, needs=needs.replace("\x00", ""))
    return person


def _check_mail(message: Message) -> None:
    composed = message.mime or compose([message])[message.pk]
    assert isinstance(composed, (bytes, memoryview)), composed
    mime = bytes(composed)
    assert mime.isascii()
    for line in mime.split(b"\r\n"):
        assert len(line) <= 998
        assert b"\r" not in line
        assert b"\n" not in line
    mail = message_from_bytes(mime, policy=policy.default)
    assert set(mail.keys()) <= set(HEADERS)
    assert len(mail.keys()) == len(set(mail.keys()))
    [to] = mail["To"].addresses
    assert to.addr_spec == message.to_email
    if message.booking_id is not None:
        assert mail.keys() == HEADERS
        found = calendar_part_of(mime)
        assert found is not None
        _check_calendar(found[0], events=1)


def _check_calendar(sent: bytes, *, events: int) -> None:
    check_lines(sent)
    calendar = icalendar.Calendar.from_ical(sent)
    found = calendar.walk("VEVENT")
    assert len(found) == events
    assert not any(each.errors for each in (calendar, *found))
    names = {name for each in found for name, _ in each.property_items(recursive=False)}
    assert names <= {
        *("BEGIN", "END", "UID", "SEQUENCE", "DTSTAMP", "DTSTART", "DTEND", "SUMMARY", "LOCATION"),
        *("DESCRIPTION", "URL", "ORGANIZER", "ATTENDEE", "STATUS", "TRANSP", "CLASS"),
    }


def _check_calendars(session: Session, person: User) -> None:
    token = new_feed(person=person, now=timezone.now())
    browser = Browser(person)
    booking = session.bookings.get(person=person)
    for name, key in (
        ("private_feed", token),
        ("session_ics", session.pk),
        ("booking_ics", booking.pk),
    ):
        _check_calendar(browser.opened(name, key), events=1)
    _check_calendar(browser.opened("programme_ics"), events=1)


def _check_spreadsheet(session: Session) -> None:
    sheet = Browser(make_coordinator()).opened("attendees_csv", session.pk).decode("utf-8-sig")
    assert "\x00" not in sheet
    head, *rows = csv.reader(io.StringIO(sheet, newline=""))
    assert len(rows) == PEOPLE
    for row in rows:
        assert len(row) == len(head)
        assert not [cell for cell in row if cell.startswith(FORMULAS)]


def _check_pages(typist: Typist, session: Session, person: User) -> None:
    for browser, pages in (
        (Browser(), _public_pages(typist, session)),
        (Browser(person), iter([("my_bookings", (), {}), ("account_profile", (), {})])),
        (
            Browser(make_coordinator()),
            iter([("attendees", (session.pk,), {}), ("attendees_print", (session.pk,), {})]),
        ),
    ):
        for name, args, query in pages:
            browser.opened(name, *args, **query)


def _public_pages(
    typist: Typist, session: Session
) -> Iterator[tuple[str, tuple[int, ...], dict[str, str]]]:
    yield "session", (session.pk,), {}
    for name in ("programme", "subscribe", "programme_ics"):
        yield name, (), {}
        yield name, (), {"q": typist.text(200)}
        yield name, (), {"topic": typist.text(60), "from_date": typist.text(20)}
