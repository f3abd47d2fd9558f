"""When reminders of a sitting are due.

A course says how many working days before a session people are reminded, at 9am in London, and
whether they are once more an hour before each sitting that is online. The reminder nearest to the
session, usually that of the last working day, goes before every sitting; the earlier ones go
before the first only, since they say that something is coming up. Of several sittings on one day,
the first stands for the day.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta

from booking.catalogue.models import Session, Sitting
from booking.site.wording import LONDON
from booking.site.working_days import working_days_before

# The topics of reminders, each a folder of templates/mail/.
DAYS, HOUR = "reminder.days", "reminder.hour"

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
