"""Every calendar that the site gives out reads the same in four parsers, and is true.

Mails are read from the bytes that the mail server was handed, feeds and files from the answers
over HTTP.
"""

import json
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

import pytest
import time_machine
from django.test import Client
from django.urls import reverse

from booking.calendars.actions import new_feed
from booking.calendars.models import CalendarFeed
from booking.catalogue.models import DiaryDate, Session
from booking.local.smtp_sink import SmtpSink
from booking.places import actions
from booking.scheduling import cancelling, changing
from booking.scheduling.changing import Arrangements, PlannedSitting
from tests.calendars.calendar_client import calendar_part_of, deliver_everything
from tests.calendars.parsers import (
    EVERY_READER,
    SeenCalendar,
    read_all_with_ical_js,
    told_by_chromium,
    told_by_node,
)
from tests.factories import (
    NOW,
    make_coordinator,
    make_course,
    make_person,
    make_session,
    make_trainer,
    make_venue,
)
from tests.people import book

pytestmark = pytest.mark.django_db

LONDON = ZoneInfo("Europe/London")
TITLE = 'Café; "Neglect", a\\b and 長い: 100% =cmd 👩‍🔬'


def london(month: int, day: int, hour: int, *, fold: int = 0) -> datetime:
    """Half past an hour on the London clock in 2027."""
    return datetime(2027, month, day, hour, 30, tzinfo=LONDON, fold=fold)


# Winter, the night in which summer time begins, summer, and both halves of the repeated hour.
DATES = tuple(
    (starts, starts.astimezone(UTC) + timedelta(minutes=20))
    for starts in (
        london(2, 9, 9),
        london(3, 28, 0),
        london(3, 28, 9),
        london(7, 6, 9),
        london(10, 31, 1, fold=0),
        london(10, 31, 1, fold=1),
        london(11, 1, 9),
    )
)


class Given(NamedTuple):
    """A calendar that the site gave out: where, its bytes, and how many events it must have."""

    where: str
    content: bytes
    events: int


@pytest.fixture
def given_out(smtp_sink: SmtpSink) -> list[Given]:
    """One of every kind."""
    with time_machine.travel(NOW, tick=False):
        return [*_files_and_feeds(), *_mails(smtp_sink)]


def _files_and_feeds() -> Iterator[Given]:
    trainer, person = make_trainer(), make_person(first_name='Zoë "Z"', last_name="O’Neill, MBE")
    venue = make_venue(name="Council House; Room 4", address="1, Main Street\nLeeds")
    course = make_course(title=TITLE, summary="One\r\ntwo, three; \\four\n\nfive")
    long = make_session(
        course=course,
        sittings=DATES,
        venue=venue,
        trainers=[trainer],
        joining_instructions="Bring: a pen; paper, S:\\Notes",
    )
    short = make_session(sittings=[(london(5, 4, 9), london(5, 4, 11))], trainers=[trainer])
    full = make_session(
        sittings=[(london(6, 1, 9), london(6, 1, 11))],
        capacity=1,
        promotion=Session.Promotion.OFFER,
        delivery="online",
        meeting="https://meet.example/a?b=c&d=é,1",
    )
    holder = make_person()
    held = book(full, holder)
    booked = book(long, person)
    book(full, person)
    actions.cancel(booking=held, by=holder, now=NOW)
    given_up = book(short, person)
    actions.cancel(booking=given_up, by=person, now=NOW)
    called_off = make_session(sittings=[(london(8, 3, 9), london(8, 3, 11))])
    cancelling.cancel_session(session=called_off, by=make_coordinator(), now=NOW, why="Snow")
    DiaryDate.objects.create(title=TITLE, starts=date(2027, 3, 28), ends=date(2027, 4, 3))
    DiaryDate.objects.create(title="One day", starts=date(2027, 2, 9), ends=date(2027, 2, 9))

    own = reverse("private_feed", args=[new_feed(person=person, now=NOW)])
    led = new_feed(person=trainer, kind=CalendarFeed.Kind.LED, now=NOW)
    in_all = len(DATES) + 3
    for path, events in (
        (own, len(DATES) + 2),
        (reverse("private_feed", args=[led]), len(DATES) + 1),
        (reverse("programme_ics"), in_all),
        (f"{reverse('programme_ics')}?where=online", 1),
        (reverse("diary_ics"), 2),
        (reverse("session_ics", args=[long.pk]), len(DATES)),
        (reverse("session_ics", args=[short.pk]), 1),
        (reverse("booking_ics", args=[booked.pk]), len(DATES)),
    ):
        client = Client()
        if "bookings" in path:
            client.force_login(person)
        answer = client.get(path)
        assert answer.status_code == 200, path
        yield Given(path, answer.content, events)


def _mails(sink: SmtpSink) -> Iterator[Given]:
    """What the bookings above sent, then a change and the end of a session."""
    session = Session.objects.get(course__title=TITLE)
    first, *others = (
        PlannedSitting(each.starts_at, each.ends_at, each.pk) for each in session.sittings.all()
    )
    arrangements = Arrangements(tuple(others), "online", None, "https://meet.example/x")
    changing.rearrange(session=session, arrangements=arrangements, by=make_coordinator(), now=NOW)
    cancelling.cancel_session(session=session, by=make_coordinator(), now=NOW, why="Snow")
    assert first.key is not None
    sink.clear()
    deliver_everything(now=NOW)
    for stored in sink.messages():
        if found := calendar_part_of(stored.path.read_bytes()):
            yield Given(f"mail: {stored.message['Subject']}", found[0], 1)


def test_every_calendar_reads_the_same_in_every_parser(given_out: list[Given]) -> None:
    in_javascript = read_all_with_ical_js([each.content for each in given_out])
    methods = set()
    for each, seen_in_javascript in zip(given_out, in_javascript, strict=True):
        seen = [read(each.content) for read in EVERY_READER[:3]] + [seen_in_javascript]
        assert len(seen[0].events) == each.events, each.where
        for other in seen[1:]:
            assert other == seen[0], each.where
        methods.add(seen[0].method)
    assert methods == {None, "REQUEST", "CANCEL"}


def test_every_calendar_has_the_instants_of_the_database(given_out: list[Given]) -> None:
    def starts(seen: SeenCalendar) -> list[datetime | date]:
        return [event.starts for event in seen.events]

    expected = [starts.astimezone(UTC) for starts, _ in DATES]
    read = EVERY_READER[0]
    for each in given_out:
        seen = read(each.content)
        assert len({event.uid for event in seen.events}) == len(seen.events), each.where
        if len(seen.events) == len(DATES):
            assert starts(seen) == expected, each.where
            assert all(TITLE in event.summary for event in seen.events)
    mails = [read(each.content) for each in given_out if each.where.startswith("mail")]
    told = {starts(seen)[0] for seen in mails if TITLE in seen.events[0].summary}
    assert told == set(expected)


def test_ical_js_sees_the_same_in_chromium_as_in_node(given_out: list[Given]) -> None:
    texts = json.dumps([each.content.decode() for each in given_out])
    in_node, in_chromium = told_by_node(texts), told_by_chromium(texts)
    if in_node is None or in_chromium is None:
        pytest.skip("Only one of Node and Chromium is installed, so there is nothing to compare.")
    assert json.loads(in_chromium) == json.loads(in_node)
