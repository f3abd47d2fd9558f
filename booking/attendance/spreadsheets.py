"""Attendee lists as CSV."""

import csv
import io

from booking.attendance.queries import AttendeeList
from booking.places.models import Booking
from booking.site.wording import short_day

# A spreadsheet takes a cell that begins with one of these for a formula (OWASP, CSV injection).
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")


def safe_cell(text: str) -> str:
    """The text as a cell that no spreadsheet calculates: an apostrophe goes before a formula."""
    text = text.replace("\0", "")
    return f"'{text}" if text.startswith(_FORMULA_STARTS) else text


def _row(booking: Booking, place: str) -> list[str]:
    person = booking.person
    return [
        person.last_name,
        person.first_name,
        person.job_title,
        person.agency_name,
        booking.needs.replace("\r\n", "\n"),
        short_day(booking.booked_at),
        place,
    ]


def as_csv(people: AttendeeList) -> bytes:
    """The list as CSV with a byte-order mark, so that Excel reads accents rightly."""
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow(
        ["Last name", "First name", "Job title", "Agency", "Needs", "Booked on", "Place"]
    )
    for booking in people.booked:
        writer.writerow(safe_cell(cell) for cell in _row(booking, booking.get_state_display()))
    for position, booking in enumerate(people.waiting, start=1):
        writer.writerow(safe_cell(cell) for cell in _row(booking, f"Waiting, number {position}"))
    return text.getvalue().encode("utf-8-sig")
