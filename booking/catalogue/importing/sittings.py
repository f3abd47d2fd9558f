"""Rows of sessions.csv as far as others wait for them, and sittings as moments in London."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache

from django.core.exceptions import ValidationError

from booking.catalogue.importing import cells, dates
from booking.catalogue.importing.dates import BadCell
from booking.catalogue.importing.sheets import Row, Sheet
from booking.catalogue.models import Sitting
from booking.catalogue.sittings import overlap
from booking.site.form_kit import london_moment
from booking.site.wording import counted

_LONGEST_SITTING = timedelta(hours=24)

Wall = tuple[datetime, datetime]


@dataclass(frozen=True)
class SessionLine:
    """A row of sessions.csv whose own cells have been read."""

    row: Row
    reference: str
    sittings: list[Wall]
    trainers: list[str]


def read_session_rows(sheet: Sheet) -> list[SessionLine]:
    """The cells that other plans need first: times on the clock, and trainers' addresses."""
    # A few people lead them all, and reading an address takes longer than all else in a row.
    trainer_email = cells.each_once(cache(cells.personal_email))
    return [
        SessionLine(
            row,
            row.required("reference", cells.text(30), reference),
            row.required("sittings", cells.each(dates.sitting), []),
            row.listed("trainer_email", trainer_email),
        )
        for row, reference in sheet.keyed_rows(
            "reference", lambda row: " ".join(row.cells["reference"].split())
        )
    ]


def spans(sittings: Iterable[Sitting]) -> list[tuple[datetime, datetime]]:
    """When each begins and ends."""
    return [(sitting.starts_at, sitting.ends_at) for sitting in sittings]


def sittings_cell(sittings: Iterable[Sitting]) -> str:
    """Sittings as their cell has them."""
    return cells.in_one_cell(
        f"{cells.written(each.starts_at)}/{cells.written(each.ends_at)}" for each in sittings
    )


def moved_moment(wall: datetime, weeks: int) -> datetime:
    """The moment, in UTC, at which clocks in London show this, moved by so many weeks."""
    try:
        moved = wall + timedelta(weeks=weeks)
        return london_moment(moved).astimezone(UTC)
    except OverflowError:
        raise BadCell("would be moved beyond the calendar") from None
    except ValidationError as refusal:
        skipped = "does not exist: the clocks go forward over it"
        why = skipped if refusal.code == "skipped" else "comes twice: the clocks go back over it"
        raise BadCell(f"has {moved:%Y-%m-%dT%H:%M}, which {why}") from None


def moments(walls: list[Wall], *, weeks: int) -> list[Sitting]:
    """The sittings, moved by whole weeks on the calendar, in order and not stored yet.

    Raises `BadCell` with every fault: a time that does not exist or comes twice, an end that is
    not after the start, a length over 24 hours, and sittings that overlap.
    """
    found: list[Sitting] = []
    reasons: list[str] = []
    for wall in sorted(walls):
        try:
            start, end = (moved_moment(time, weeks) for time in wall)
        except BadCell as refusal:
            reasons.extend(refusal.reasons)
            continue
        told = "/".join(f"{time:%Y-%m-%dT%H:%M}" for time in wall)
        if end <= start:
            reasons.append(f"has {told}, which ends before it has started")
        elif end - start > _LONGEST_SITTING:
            reasons.append(f"has {told}, which lasts more than 24 hours; is a semicolon missing?")
        else:
            sitting_there = Sitting(starts_at=start, ends_at=end)
            if found and overlap(found[-1], sitting_there):
                reasons.append(f"has {told}, which overlaps with the sitting before it")
            found.append(sitting_there)
    if reasons:
        weeks_told = f" (dates moved by {counted(weeks, 'week')})" if weeks else ""
        raise BadCell(*(reason + weeks_told for reason in reasons))
    return found
