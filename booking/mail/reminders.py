"""Reminders before a sitting, with everything that is needed to join.

A course says how many working days before a session people are reminded, at 9am in London, and
whether they are once more an hour before each sitting that is online. The reminder nearest to the
session, usually that of the last working day, goes before every sitting; the earlier ones go
before the first only, since they say that something is coming up. Of several sittings on one day,
the first stands for the day.

There is no timetable of reminders to keep up to date. Each round looks at the sessions that lie
just ahead, works out which reminders are due, and posts what has not been posted; the outbox takes
each only once.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from itertools import groupby
from operator import attrgetter

from django.db import connection, transaction

from accounts.models import User
from booking.catalogue.models import Session, Sitting
from booking.outbox import posting as outbox
from booking.outbox.models import Message
from booking.outbox.posting import Draft
from booking.places.announcements import reminder
from booking.places.models import Booking
from booking.site.wording import LONDON
from booking.site.working_days import working_days_before

DAYS, HOUR = "reminder.days", "reminder.hour"

# How many one transaction posts.
BATCH = 200
# No reminder lies further ahead of its sitting. `MOST_DAYS` working days are four weeks; Christmas
# or Easter and the hours from the morning to the evening come on top.
LONGEST_AHEAD = timedelta(days=40)
# A missed reminder is made up for only this long, unless it is the last one before the sitting.
MADE_UP_FOR = timedelta(days=3)

_NINE = time(9)
_AN_HOUR = timedelta(hours=1)
# Who was told everything less than this before needs no reminder.
_JUST_TOLD = {DAYS: timedelta(hours=12), HOUR: timedelta(hours=1)}


@dataclass(frozen=True, kw_only=True)
class Reminder:
    """One reminder of one sitting. `days` is how many working days before it goes; 0 for the hour.

    `at` is when it is due, and `useful_until` when the next one is, or the sitting begins.
    """

    topic: str
    sitting: Sitting
    days: int
    at: datetime
    useful_until: datetime

    @property
    def revision(self) -> str:
        """Tells it from reminders of another sitting, another start, or another distance."""
        return f"{self.of_start}{self.days}"

    @property
    def of_start(self) -> str:
        """What the revisions of all reminders of this sitting and start begin with."""
        return f"{self.sitting.pk}.{self.sitting.starts_at.astimezone(UTC).isoformat()}."

    @property
    def told_before(self) -> datetime:
        """It is for those who learnt when and where by this moment, and not since."""
        return self.at - _JUST_TOLD[self.topic]

    def draft(self, booking: Booking) -> Draft:
        """The message that reminds the person booked; its own in the outbox for ever."""
        return reminder(
            booking, self.sitting, topic=self.topic, revision=self.revision, days=self.days
        )

    def is_due(self, *, now: datetime) -> bool:
        """Whether it should be sent, or have been sent, by now, and is of use still."""
        if not self.at <= now < self.useful_until:
            return False
        is_last = self.useful_until == self.sitting.starts_at
        return is_last or now < self.at + MADE_UP_FOR


def reminders_of(session: Session, sittings: Sequence[Sitting]) -> Iterator[Reminder]:
    """Every reminder of a session, sitting by sitting, the earliest first.

    `sittings` are all of the session's, in order of time. The course is loaded with the session.
    """
    course = session.course
    by_distance = sorted({days for days in course.reminder_days if days}, reverse=True)
    last_day = None
    for number, sitting in enumerate(sittings):
        day = sitting.starts_at.astimezone(LONDON).date()
        distances = by_distance if number == 0 else by_distance[-1:]
        due = []
        if day != last_day:
            due = [
                (DAYS, days, datetime.combine(working_days_before(day, days), _NINE, LONDON))
                for days in distances
            ]
        if session.is_online and course.remind_hour_before:
            # In UTC, or an hour is none on the night that the clocks change.
            due.append((HOUR, 0, sitting.starts_at.astimezone(UTC) - _AN_HOUR))
        due.sort(key=lambda each: each[2])
        ends = [at for _, _, at in due[1:]] + [sitting.starts_at]
        for (topic, days, at), useful_until in zip(due, ends, strict=False):
            yield Reminder(
                topic=topic, sitting=sitting, days=days, at=at, useful_until=useful_until
            )
        last_day = day


def post_due_reminders(*, now: datetime) -> int:
    """Post each reminder whose moment has come and that is still of use.

    People who booked or were told of a change shortly before that moment, or since, have just had
    everything that it says, so they get none; nor do people who have turned reminders off. Returns
    how many were posted. Costs one statement when nothing is due, two when all that is due has
    been posted.
    """
    due = list(_due(now=now))
    posted = 0
    while due:
        just_posted = _post_some(due, now=now)
        posted += just_posted
        if just_posted < BATCH:
            break
    return posted


def still_reminds(message: Message, booking: Booking, now: datetime) -> bool:
    """Whether a reminder that was posted is worth sending at this moment.

    It is not once the place was given up or its date has moved, the person has turned reminders
    off, the next reminder is due or the sitting has begun. What happened since is told in messages
    of its own. The booking comes with its person, session, course and sittings.
    """
    if booking.state != Booking.State.CONFIRMED or not booking.person.wants_reminders:
        return False
    of_session = reminders_of(booking.session, list(booking.session.sittings.all()))
    return any(
        each.topic == message.topic
        and each.revision == message.first_revision
        and now < each.useful_until
        for each in of_session
    )


def will_be_reminded(booking: Booking, *, told_at: datetime) -> bool:
    """Whether somebody who is told of their place at this moment has a reminder to expect."""
    of_session = reminders_of(booking.session, list(booking.session.sittings.all()))
    return booking.person.wants_reminders and any(
        told_at <= each.told_before for each in of_session
    )


def _due(*, now: datetime) -> Iterable[Reminder]:
    near = (
        Sitting.objects.filter(
            session__state=Session.State.PUBLISHED,
            session__ends_at__gt=now,
            session__starts_at__lte=now + LONGEST_AHEAD,
        )
        .select_related("session__course")
        .only(
            "starts_at",
            "ends_at",
            "session__delivery",
            "session__changed_at",
            "session__course__reminder_days",
            "session__course__remind_hour_before",
        )
        .order_by("session_id", "starts_at", "pk")
    )
    for _, group in groupby(near, key=attrgetter("session_id")):
        sittings = list(group)
        session = sittings[0].session
        for each in reminders_of(session, sittings):
            if each.is_due(now=now) and session.changed_at <= each.told_before:
                yield each


# Django's query language cannot join a table with a list of values. The booking's row is held
# until the reminder is posted, so that a cancellation in the same moment comes after it; one that
# is under way holds the row itself and is passed over. The session's row is not needed. Who got a
# reminder of the same start since this one was due needs no other: the course's days have changed.
_MISSING = """
SELECT booking.id, due.number
FROM unnest(
    %s::bigint[], %s::text[], %s::text[], %s::text[], %s::timestamptz[], %s::timestamptz[]
) WITH ORDINALITY AS due (session_id, topic, revision, of_start, at, told_before, number)
JOIN {booking} booking ON booking.session_id = due.session_id
    AND booking.state = 'confirmed' AND booking.confirmed_at <= due.told_before
JOIN {person} person ON person.id = booking.person_id AND person.wants_reminders
WHERE NOT EXISTS (
    SELECT FROM {message} message
    WHERE message.subject_key = 'booking:' || booking.id
        AND message.topic = due.topic AND (
            message.revision = due.revision
            OR message.revision ^@ due.of_start AND message.created_at >= due.at
                AND message.state <> 'superseded'
        )
)
ORDER BY booking.id
LIMIT %s
FOR NO KEY UPDATE OF booking SKIP LOCKED
"""


def _post_some(due: list[Reminder], *, now: datetime) -> int:
    """Post up to `BATCH` reminders that are due and were not posted. Returns how many."""
    with transaction.atomic():
        missing = _missing(due)
        people = Booking.objects.select_related("person").in_bulk([key for key, _ in missing])
        drafts = [each.draft(people[key]) for key, each in missing]
        if drafts:
            outbox.post(drafts, now=now, if_new=True)
    return len(drafts)


def _missing(due: list[Reminder]) -> list[tuple[int, Reminder]]:
    """The keys of bookings, held, and the reminders that they lack."""
    tables = {"booking": Booking, "person": User, "message": Message}
    sql = _MISSING.format(
        **{name: connection.ops.quote_name(model._meta.db_table) for name, model in tables.items()}
    )
    with connection.cursor() as cursor:
        cursor.execute(
            sql,
            [
                [each.sitting.session_id for each in due],
                [each.topic for each in due],
                [each.revision for each in due],
                [each.of_start for each in due],
                [each.at for each in due],
                [each.told_before for each in due],
                BATCH,
            ],
        )
        return [(key, due[number - 1]) for key, number in cursor.fetchall()]
