"""Reminders before a sitting: a week before the first one, and a working day before each.

There is no timetable of reminders to keep up to date. Each round looks at the sittings that lie
just ahead, works out whose moment has come, and posts what has not been posted; the outbox takes
each only once.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, time, timedelta

from django.db import connection, transaction

from booking.catalogue.models import Session, Sitting
from booking.catalogue.working_days import working_days_before
from booking.outbox import actions as outbox
from booking.outbox.models import Message
from booking.places import announcements
from booking.places.announcements import SittingTimes
from booking.places.models import Booking
from booking.wording import LONDON

WEEK, DAY = "reminder.week", "reminder.day"

# When reminders are sent, in London.
HOUR = time(9)
# No moment lies further ahead of its sitting than this: a week, and the hours until the evening.
# The longest time without a working day is shorter: five days about Christmas.
LONGEST_AHEAD = timedelta(days=9)
# How many one transaction posts.
BATCH = 200


@dataclass(frozen=True)
class DueReminder:
    """A reminder that everybody booked on a sitting should have had by now."""

    topic: str
    session_id: int
    sitting: SittingTimes
    told_before: datetime


def post_due_reminders(*, now: datetime) -> int:
    """Post each reminder whose moment has come and whose sitting has not begun.

    People who booked, or were told of a change, after that moment have just had everything that
    it says, so they get none. A moment that was missed is made up for, a week's reminder only
    until the day's is due. Returns how many were posted. Costs one statement when no sitting is
    near, two when nothing is due.
    """
    due = list(_due(now=now))
    posted = 0
    while due:
        just_posted = _post_some(due, now=now)
        posted += just_posted
        if just_posted < BATCH:
            break
    return posted


def week_before(starts_at: datetime) -> datetime:
    """9am in London on the day a week before."""
    day = starts_at.astimezone(LONDON).date() - timedelta(days=7)
    return datetime.combine(day, HOUR, LONDON)


def working_day_before(starts_at: datetime) -> datetime:
    """9am in London on the last working day before the day of the sitting."""
    day = working_days_before(starts_at.astimezone(LONDON).date(), 1)
    return datetime.combine(day, HOUR, LONDON)


def _due(*, now: datetime) -> Iterable[DueReminder]:
    near = Sitting.objects.filter(
        starts_at__gt=now,
        starts_at__lte=now + LONGEST_AHEAD,
        session__state=Session.State.PUBLISHED,
    ).select_related("session")
    for sitting in near:
        day_moment = working_day_before(sitting.starts_at)
        if day_moment <= now:
            topic, moment = DAY, day_moment
        elif sitting.starts_at == sitting.session.starts_at:
            topic, moment = WEEK, week_before(sitting.starts_at)
        else:
            continue
        if moment <= now and sitting.session.changed_at <= moment:
            yield DueReminder(topic, sitting.session_id, SittingTimes.of(sitting), moment)


# Django's query language cannot join a table with a list of values. The booking's row is held
# until the reminder is posted, so that a cancellation in the same moment comes after it; one that
# is under way holds the row itself and is passed over. The session's row is not needed.
_MISSING = """
SELECT booking.id, due.number
FROM unnest(%s::bigint[], %s::text[], %s::text[], %s::timestamptz[])
    WITH ORDINALITY AS due (session_id, topic, revision, told_before, number)
JOIN {booking} booking ON booking.session_id = due.session_id
    AND booking.state = 'confirmed' AND booking.confirmed_at <= due.told_before
WHERE NOT EXISTS (
    SELECT FROM {message} message
    WHERE message.subject_key = 'booking:' || booking.id
        AND message.topic = due.topic AND message.revision = due.revision
)
ORDER BY booking.id
LIMIT %s
FOR NO KEY UPDATE OF booking SKIP LOCKED
"""


def _post_some(due: list[DueReminder], *, now: datetime) -> int:
    """Post up to `BATCH` reminders that are due and were not posted. Returns how many."""
    with transaction.atomic():
        missing = _missing(due)
        people = Booking.objects.select_related("person").in_bulk([key for key, _ in missing])
        drafts = [
            announcements.reminder(people[key], topic=reminder.topic, sitting=reminder.sitting)
            for key, reminder in missing
        ]
        if drafts:
            outbox.post(drafts, now=now, if_new=True)
    return len(drafts)


def _missing(due: list[DueReminder]) -> list[tuple[int, DueReminder]]:
    """The keys of bookings, held, and the reminders that they lack."""
    sql = _MISSING.format(
        booking=connection.ops.quote_name(Booking._meta.db_table),
        message=connection.ops.quote_name(Message._meta.db_table),
    )
    with connection.cursor() as cursor:
        cursor.execute(
            sql,
            [
                [reminder.session_id for reminder in due],
                [reminder.topic for reminder in due],
                [announcements.reminder_revision(reminder.sitting) for reminder in due],
                [reminder.told_before for reminder in due],
                BATCH,
            ],
        )
        return [(key, due[number - 1]) for key, number in cursor.fetchall()]
