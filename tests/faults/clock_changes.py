"""Reminders on the days when the clocks go forward and back, in 2027."""

from collections import Counter, defaultdict
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from accounts.models import User
from booking.catalogue.models import Session
from booking.mail.reminders import post_due_reminders
from booking.outbox.models import Message
from booking.places import actions
from booking.places.models import Booking
from tests.factories import make_course, make_session
from tests.faults.accounts_of_mail import begin_anew, people_of
from tests.faults.report import Row
from tests.faults.scale import Scale
from tests.faults.site import Site

_LONDON = ZoneInfo("Europe/London")
CHANGES = (date(2027, 3, 28), date(2027, 10, 31))
# Days without work besides weekends: Easter 2027 is on the very day of the change.
_HOLIDAYS = (date(2027, 3, 26), date(2027, 3, 29))
_TOPICS = ("reminder.days", "reminder.hour")
# A booking, and how many working days before its session; 0 is the hour before.
_Key = tuple[int, int]


def reminders(site: Site, scale: Scale) -> list[Row]:
    """The clock runs over both changes in steps of a quarter of an hour, or of an hour."""
    step = timedelta(minutes=scale.minutes_between_reminders)
    return [_over(site, change, step) for change in CHANGES]


def _over(site: Site, change: date, step: timedelta) -> Row:
    """Online on every day from five days before to nine days after, at 9:30 in London."""
    days = [change + timedelta(days=ahead) for ahead in range(-5, 10)]
    row = Row(f"clocks change on {change:%d %B %Y}", f"{len(days)} days of sessions, every {step}")
    begin_anew(site, people=len(days))
    course = make_course("CLOCK")
    early = datetime.combine(change - timedelta(days=40), datetime.min.time(), UTC)
    expected: dict[_Key, datetime] = {}
    for person, day in zip(people_of(len(days)), days, strict=True):
        starts = datetime(day.year, day.month, day.day, 9, 30, tzinfo=_LONDON).astimezone(UTC)
        online = Session.Delivery.ONLINE
        session = make_session(course=course, starts_at=starts, delivery=online)
        booking = _book(session, person, at=early)
        for number in (5, 1):
            expected[booking.pk, number] = _nine(_working_days_before(day, number))
        expected[booking.pk, 0] = starts - timedelta(hours=1)
    now = _nine(days[0]) - timedelta(days=9)
    while now <= _nine(days[-1]):
        post_due_reminders(now=now)
        now += step
    _compare(row, expected, step)
    return row


def _book(session: Session, person: User, *, at: datetime) -> Booking:
    return actions.book(session=session, person=person, by=person, now=at)


def _nine(day: date) -> datetime:
    """9am by the clocks of London on that day."""
    return datetime(day.year, day.month, day.day, 9, tzinfo=_LONDON).astimezone(UTC)


def _working_days_before(day: date, number: int) -> date:
    while number:
        day -= timedelta(days=1)
        number -= day.weekday() < 5 and day not in _HOLIDAYS
    return day


def _compare(row: Row, expected: dict[_Key, datetime], step: timedelta) -> None:
    posted: defaultdict[_Key, list[datetime]] = defaultdict(list)
    for booking_id, payload, at in Message.objects.filter(topic__in=_TOPICS).values_list(
        "booking_id", "payload", "created_at"
    ):
        posted[booking_id or 0, payload["days"]].append(at)
    row.lost = len(expected.keys() - posted.keys())
    row.duplicated = sum(len(times) - 1 for times in posted.values())
    row.expect_equal("reminders missing", row.lost, 0)
    row.expect_equal("reminders that came twice", row.duplicated, 0)
    row.expect_equal("reminders that nobody expected", len(posted.keys() - expected.keys()), 0)
    late = Counter(
        f"{(times[0] - expected[key]) / timedelta(hours=1):+.1f} h"
        for key, times in posted.items()
        if key in expected and not timedelta(0) <= times[0] - expected[key] < step
    )
    row.expect_equal("reminders at the wrong time of day", dict(late), {})
    row.notes.append(f"{len(expected)} reminders, at 9am in London or an hour before.")
