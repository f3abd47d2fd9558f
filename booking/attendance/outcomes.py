"""What came of a place: the course's rule, applied to what was seen at each sitting.

Published rules of partnerships differ: nobody is let in 15 minutes late, 30 minutes missed are
absence, or there is no such rule. So the minutes stand on the course. Nothing is read here.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from booking.attendance.models import Mark
from booking.catalogue.models import Course, Sitting
from booking.places.models import Booking
from booking.site.wording import counted

What, Outcome = Mark.What, Booking.Outcome


@dataclass(frozen=True, kw_only=True)
class CountingRule:
    """Which sittings count, by number, and how many minutes missed make part or absence.

    No numbers mean all of them; no minutes mean that there is no such rule.
    """

    must_attend: Sequence[int] = ()
    part_after: int | None = None
    absent_after: int | None = None

    @classmethod
    def of(cls, course: Course) -> "CountingRule":
        """The course's."""
        return cls(
            must_attend=tuple(course.must_attend),
            part_after=course.part_after_minutes,
            absent_after=course.absent_after_minutes,
        )

    @property
    def in_words(self) -> list[str]:
        """The rule in sentences, for whoever closes a register."""
        dates = " and ".join(map(str, self.must_attend))
        said = [f"Date {dates} must be attended." if dates else "Every date must be attended."]
        if self.part_after is not None:
            missed = counted(self.part_after, "minute")
            said.append(f"Missing more than {missed} of a date counts as part of it.")
        if self.absent_after is not None:
            missed = counted(self.absent_after, "minute")
            said.append(f"Missing more than {missed} of a date counts as absence from it.")
        return said

    def numbers(self, sittings: int) -> set[int]:
        """The numbers of the sittings that count, of so many; all, if none of those named is."""
        every = set(range(1, sittings + 1))
        return every.intersection(self.must_attend) or every


@dataclass(frozen=True, kw_only=True)
class Seen:
    """What stands of somebody at a sitting: the mark, else what is filled in already.

    `filled_in` says that nobody has marked it: they joined online, or sent apologies.
    `is_with_everybody` says that everybody else was marked with the same press.
    """

    what: Mark.What = What.NOTHING
    late: int | None = None
    early: int | None = None
    there: int | None = None
    filled_in: bool = False
    is_with_everybody: bool = False
    joined_at: datetime | None = None

    @classmethod
    def of_mark(cls, mark: Mark, *, joined_at: datetime | None = None) -> "Seen":
        """What a trainer noted."""
        return cls(
            what=What(mark.what),
            late=mark.minutes_late,
            early=mark.minutes_early,
            there=mark.minutes_there,
            is_with_everybody=mark.source == Mark.Source.EVERYBODY,
            joined_at=joined_at,
        )

    @classmethod
    def of_arrival(cls, at: datetime, sitting: Sitting) -> "Seen":
        """Somebody pressed Join then."""
        late = minutes_between(sitting.starts_at, at) or None
        return cls(what=What.ATTENDED, late=late, filled_in=True, joined_at=at)

    @property
    def is_open(self) -> bool:
        """Whether nothing is known."""
        return self.what == What.NOTHING

    def missed(self, sitting: Sitting) -> int | None:
        """How many minutes of the sitting they missed; nothing if nobody counted any."""
        if self.there is not None:
            return max(0, minutes_between(sitting.starts_at, sitting.ends_at) - self.there)
        if self.late is None and self.early is None:
            return None
        return (self.late or 0) + (self.early or 0)

    @property
    def in_words(self) -> str:
        """ "Attended, 20 minutes late"; "Not marked"."""
        said = [str(self.what.label)]
        if self.late:
            said.append(f"{counted(self.late, 'minute')} late")
        if self.early:
            said.append(f"left {counted(self.early, 'minute')} early")
        if self.there is not None:
            said.append(f"{counted(self.there, 'minute')} there")
        return ", ".join(said)


def minutes_between(start: datetime, end: datetime) -> int:
    """Whole minutes, none if the end comes first."""
    return max(0, (end - start) // timedelta(minutes=1))


def counted_as(seen: Seen, sitting: Sitting, rule: CountingRule) -> Mark.What:
    """What somebody's presence at one sitting counts as; whoever is not marked was not there."""
    if seen.what == What.NOTHING:
        return What.ABSENT
    missed = seen.missed(sitting)
    if seen.what not in Mark.CAME or missed is None:
        return seen.what
    if rule.absent_after is not None and missed > rule.absent_after:
        return What.ABSENT
    if rule.part_after is not None and missed > rule.part_after:
        return What.PART
    # Without a rule about minutes, what the trainer pressed stands.
    is_part = seen.what == What.PART and rule.part_after is None
    return What.PART if is_part else What.ATTENDED


def outcome_of(
    seen: Sequence[Seen], sittings: Sequence[Sitting], rule: CountingRule
) -> Booking.Outcome:
    """What came of a place, of which this was seen at each of the session's sittings in turn.

    Attended is whoever attended every sitting that counts. Of the others, whoever was at any has
    attended in part; apologies for all that count are apologies, and the rest is absence.
    """
    every = [counted_as(*pair, rule) for pair in zip(seen, sittings, strict=True)]
    counting = [each for number, each in enumerate(every, 1) if number in rule.numbers(len(every))]
    if all(each == What.ATTENDED for each in counting):
        return Outcome.ATTENDED
    if any(each in Mark.CAME for each in every):
        return Outcome.PART
    missed = [each for each in counting if each not in Mark.CAME]
    return Outcome.APOLOGIES if all(each == What.APOLOGIES for each in missed) else Outcome.ABSENT
