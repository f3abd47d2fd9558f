"""`manage.py import_programme DIR`: loads the programme from CSV files."""

from argparse import ArgumentTypeError
from datetime import date
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from booking.catalogue.importing import dates
from booking.catalogue.importing.dates import BadCell
from booking.catalogue.importing.programme import FILES, ImportRefused, import_programme
from booking.site.wording import counted


def _day(written: str) -> date:
    try:
        return dates.calendar_day(written)
    except BadCell as refusal:
        raise ArgumentTypeError(str(refusal)) from refusal


class Command(BaseCommand):
    """Prints what was created, changed and the same, or every fault; then the exit code is 1."""

    help = (
        f"Load {', '.join(FILES)} (those that are there) from a folder: all rows, or none if any"
        " row is bad. Running it again changes nothing."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        """The folder, and a day to move the programme to."""
        parser.add_argument("folder", metavar="DIR", type=Path)
        parser.add_argument(
            "--starting-from",
            metavar="YYYY-MM-DD",
            type=_day,
            help=(
                "Move all sessions by whole weeks, so that the earliest is on this day or in the"
                " week after it. Give the same day each time."
            ),
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """Run the import and report."""
        try:
            report = import_programme(
                folder=options["folder"],
                now=timezone.now(),
                starting_from=options["starting_from"],
            )
        except ImportRefused as refusal:
            count = counted(len(refusal.problems), "problem")
            raise CommandError(f"Nothing was imported: {count}.\n{refusal}") from refusal
        for note in report.notes:
            self.stderr.write(f"Note: {note}")
        if report.weeks_moved:
            way = "later" if report.weeks_moved > 0 else "earlier"
            self.stdout.write(f"All sessions are {counted(abs(report.weeks_moved), 'week')} {way}.")
        for table, tally in report.tallies.items():
            self.stdout.write(f"{table}: {tally}")
