"""Calendar feeds: built whole, and answered with "you have this already"."""

import time
from collections.abc import Callable, Sequence
from datetime import timedelta

import icalendar
from django.http import HttpRequest
from django.test import RequestFactory
from django.urls import reverse
from django.utils import timezone

from accounts.models import User
from booking.calendars import feeds, ics, views
from booking.calendars.actions import new_feed
from booking.calendars.entries import booking_events
from booking.catalogue.models import Session
from tests.load import crowd
from tests.load.counting import Counting
from tests.load.report import Line, at_least, percentile
from tests.load.statements import pairs

# As most people's feeds are, and as none is: somebody's who books all day. Beside each, what a
# feed through the view must reach of icalendar's rate: its statements weigh more in a short feed,
# and icalendar asks no database.
SIZES = {10: 0.3, 1_000: 1.0}


def measure(seconds: float) -> list[Line]:
    """Feeds through their view, beside icalendar building the same events."""
    return [
        line
        for size, share in SIZES.items()
        for line in _measured(size, share=share, seconds=seconds)
    ]


def _measured(size: int, *, share: float, seconds: float) -> list[Line]:
    person = _booked(size)
    token = new_feed(person=person, now=timezone.now())
    address = reverse("private_feed", args=[token])
    requests = RequestFactory()

    def full() -> str:
        answer = views.private_feed(requests.get(address), token)
        assert answer.status_code == 200
        assert answer.content.count(b"BEGIN:VEVENT") == size
        return answer.headers["ETag"]

    etag = full()
    known: HttpRequest = requests.get(address, headers={"If-None-Match": etag})

    def unchanged() -> None:
        assert views.private_feed(known, token).status_code == 304

    events = list(booking_events(feeds.bookings_of(person.pk, now=timezone.now())))
    assert len(events) == size
    with Counting() as building:
        full()
    with Counting() as answering:
        unchanged()
    library = _repeat(lambda: _by_icalendar(events), seconds)
    lines = []
    for name, work, sql in (
        ("built through the view", full, building.words),
        ("304 through the view", unchanged, answering.words),
        ("ics.feed alone", lambda: ics.feed(name="Mine", events=events), "0"),
    ):
        took = _repeat(work, seconds)
        rate = len(took) / sum(took)
        reference_rate = len(library) / sum(library)
        lines.append(
            Line(
                name=f"feed of {size:,} events, {name}",
                rate=rate,
                p50=percentile(took, 0.5),
                p99=percentile(took, 0.99),
                sql=sql,
                reference="icalendar, no database",
                reference_rate=reference_rate,
                target=at_least(share, rate, reference_rate),
            )
        )
    return lines


def _booked(sittings: int) -> User:
    """Somebody with confirmed bookings on sessions of so many sittings in all."""
    person = User.objects.create_user(
        f"booked{sittings}@agency.example", first_name="Thea", last_name="Ahmed"
    )
    recent = timezone.now() - timedelta(days=300)
    sessions = Session.objects.filter(ends_at__gt=recent).exclude(reference__startswith="X")
    chosen: list[int] = []
    missing = sittings
    for session in sessions.order_by("-starts_at", "pk").prefetch_related("sittings"):
        count = len(session.sittings.all())
        if count <= missing:
            chosen.append(session.pk)
            missing -= count
    assert missing == 0, f"{missing} sittings too few"
    crowd.add_bookings(pairs([person.pk], chosen))
    return person


def _by_icalendar(events: Sequence[ics.Event]) -> bytes:
    """The same calendar by the library's own means."""
    calendar = icalendar.Calendar()
    calendar.add("prodid", ics.PRODID)
    calendar.add("version", "2.0")
    for event in events:
        entry = icalendar.Event()
        entry.add("uid", event.uid)
        entry.add("sequence", event.sequence)
        entry.add("dtstamp", event.stamp)
        entry.add("dtstart", event.starts)
        entry.add("dtend", event.ends)
        entry.add("summary", event.summary)
        entry.add("location", event.location)
        entry.add("description", event.description)
        entry.add("url", event.url)
        entry.add("status", "CONFIRMED")
        entry.add("transp", "OPAQUE")
        entry.add("class", "PUBLIC")
        calendar.add_component(entry)
    whole: bytes = calendar.to_ical()
    return whole


def _repeat(work: Callable[[], object], seconds: float) -> list[float]:
    """The seconds of each run, over and over until the time is up; at least three."""
    took: list[float] = []
    while sum(took) < seconds or len(took) < 3:
        began = time.perf_counter()
        work()
        took.append(time.perf_counter() - began)
    return took
