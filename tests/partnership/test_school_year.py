"""Terms as coordinators write them down, and the days on which few people can come."""

from datetime import date
from time import perf_counter

import pytest

from booking.partnership.school_year import school_term_of, school_terms_of, why_few_come

TERMS = """Autumn, second half = 2 November 2026 to 18 December 2026
Autumn, first half = 1/9/2026 to 23 Oct 2026
Spring = 2027-01-04 to 12 February 2027"""


@pytest.mark.parametrize(
    ("on", "why"),
    [
        (date(2026, 9, 1), ""),
        (date(2026, 8, 31), "Late Summer Bank Holiday"),
        (date(2026, 8, 28), ""),
        (date(2026, 10, 24), "school holidays"),
        (date(2026, 10, 26), "school holidays"),
        (date(2026, 12, 25), "Christmas Day"),
        (date(2026, 12, 29), "school holidays"),
        (date(2027, 2, 12), ""),
        (date(2027, 2, 13), "the weekend"),
        (date(2027, 2, 15), ""),
    ],
)
def test_days_on_which_few_come_are_told_apart(on: date, why: str) -> None:
    assert why_few_come(on, school_terms_of(TERMS)) == why


@pytest.mark.parametrize(
    "line",
    [
        "Autumn",
        "Autumn = 1 September 2026",
        "= 1 September 2026 to 2 September 2026",
        "Autumn = 31 September 2026 to 2 October 2026",
        "Autumn = 2 October 2026 to 1 October 2026",
    ],
)
def test_what_is_no_term_is_none(line: str) -> None:
    assert school_term_of(line) is None


def test_a_long_line_is_read_at_once() -> None:
    begins = perf_counter()
    assert school_term_of(f"Autumn = 1{' ' * 2000}to x") is None
    assert perf_counter() - begins < 1
