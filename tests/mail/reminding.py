"""Sessions at a time of day in London, and rounds of reminders over days."""

from datetime import UTC, datetime, timedelta
from typing import Any

from booking.catalogue.models import Session
from booking.mail.reminders import post_due_reminders
from booking.outbox.models import Message
from booking.places.models import Booking
from booking.site.wording import LONDON
from tests.factories import make_course, make_session
from tests.mail.letters import composed_at, make_booking

LONG_AGO = datetime(2026, 12, 1, 12, 0, tzinfo=UTC)


def london(year: int, month: int, day: int, hour: int, minute: int = 0) -> datetime:
    return datetime(year, month, day, hour, minute, tzinfo=LONDON)


def session_at(*starts: datetime, **fields: Any) -> Session:
    return make_session(
        sittings=[(start, start + timedelta(hours=2)) for start in starts],
        changed_at=LONG_AGO,
        **fields,
    )


def online_at(*starts: datetime, **course: Any) -> Session:
    """A session online, with the join link; the fields are its course's."""
    return session_at(
        *starts,
        delivery=Session.Delivery.ONLINE,
        meeting="https://meet.example/abc",
        course=make_course(**course),
    )


def booked(session: Session, *, at: datetime = LONG_AGO) -> Booking:
    return make_booking(session, confirmed_at=at, booked_at=at)


def posted() -> list[tuple[int, datetime]]:
    """The reminders so far: how many working days before, 0 for the hour, and when posted."""
    of_reminders = Message.objects.filter(topic__startswith="reminder.").order_by("pk")
    return list(of_reminders.values_list("payload__days", "created_at"))


def run(begin: datetime, end: datetime, *, step: timedelta = timedelta(minutes=30)) -> None:
    """The worker's rounds from one moment to another."""
    now, end = begin.astimezone(UTC), end.astimezone(UTC)
    while now <= end:
        post_due_reminders(now=now)
        now += step


def composed(message: Message, *, at: datetime) -> bytes:
    mime = composed_at(at, message)
    assert isinstance(mime, bytes), mime
    return mime
