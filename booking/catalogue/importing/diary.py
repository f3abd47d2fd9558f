"""Diary dates: planned from the file, then written."""

from django.utils import timezone

from booking.catalogue.importing import cells
from booking.catalogue.importing.batches import Batch, ImportCounts, set_fields
from booking.catalogue.importing.csv_files import Columns, Row, Sheet
from booking.catalogue.models import DiaryDate

DIARY_DATES = Columns(("title", "starts", "ends"))


class DiaryImport:
    """diary_dates.csv; a diary date is known by its title and its first day.

    Awareness days are fixed by others, so they never move with the programme.
    """

    def __init__(self, sheet: Sheet) -> None:
        self.batch = Batch(DiaryDate)
        self.tally = ImportCounts()
        existing = {(found.title, found.starts): found for found in DiaryDate.objects.all()}
        for row, (title, _) in sheet.keyed_rows("title", _key):
            row.required("title", cells.text(200), "")
            starts = row.required("starts", cells.calendar_day, None)
            ends = row.required("ends", cells.calendar_day, None)
            if starts is None or ends is None:
                continue
            if ends < starts:
                row.refuse("ends", f"is {ends}, which is before the start on {starts}")
                continue
            found = existing.get((title, starts))
            changed: set[str] = set()
            if found is None:
                made = DiaryDate(title=title, starts=starts, ends=ends)
                existing[title, starts] = self.batch.add_new(made)
            else:
                changed = set_fields(found, {"ends": ends})
                if found.pk and changed:
                    # A bulk update does not set it by itself.
                    found.changed_at = timezone.now()
                    self.batch.add_changed(found, changed | {"changed_at"})
            self.tally.count(is_new=found is None, is_changed=bool(changed))

    def write(self) -> None:
        """Write them."""
        self.batch.write()


def _key(row: Row) -> tuple[str, str]:
    return " ".join(row.cells["title"].split()), row.cells["starts"]
