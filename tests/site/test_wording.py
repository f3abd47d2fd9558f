"""Dates, times and counts in words."""

from datetime import UTC, date, datetime, timedelta
from types import SimpleNamespace

import pytest
from django.utils.html import urlize

from booking.site import wording
from booking.templatetags import briefed


def london(year: int, month: int, day: int, hour: int, minute: int = 0) -> datetime:
    return datetime(year, month, day, hour, minute, tzinfo=wording.LONDON)


def test_day_is_told_in_london_time_not_utc() -> None:
    half_past_eleven_in_the_evening = datetime(2027, 6, 30, 23, 30, tzinfo=UTC)
    assert wording.day(half_past_eleven_in_the_evening) == "Thursday 1 July 2027"


def test_a_plain_date_is_told_as_it_is() -> None:
    assert wording.day(date(2027, 2, 9)) == "Tuesday 9 February 2027"
    assert wording.short_day(date(2027, 2, 9)) == "Tue 9 Feb 2027"


@pytest.mark.parametrize(
    ("hour", "minute", "words"),
    [(9, 30, "9:30am"), (9, 0, "9am"), (12, 0, "12pm"), (12, 5, "12:05pm"), (14, 0, "2pm"),
     (23, 59, "11:59pm"), (0, 0, "midnight"), (0, 30, "12:30am")],
)  # fmt: skip
def test_clock(hour: int, minute: int, words: str) -> None:
    assert wording.clock(london(2027, 2, 9, hour, minute)) == words


def test_a_moment_without_a_time_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="time zone"):
        wording.clock(datetime(2027, 2, 9, 9, 30))  # noqa: DTZ001


def test_sitting_times_name_the_day_once() -> None:
    words = wording.sitting_times(london(2027, 2, 9, 9, 30), london(2027, 2, 9, 12, 30))
    assert words == "Tuesday 9 February 2027, 9:30am to 12:30pm"


def test_sitting_past_midnight_names_both_days() -> None:
    words = wording.sitting_times(london(2027, 2, 9, 22), london(2027, 2, 10, 1))
    assert words == "Tuesday 9 February 2027, 10pm to Wednesday 10 February 2027, 1am"


def test_deadline_says_the_time_first() -> None:
    words = wording.deadline(london(2027, 2, 9, 9, 30))
    assert words == "9:30am on Tuesday 9 February 2027"


def test_duration_counts_the_hour_that_the_clocks_skip() -> None:
    night = SimpleNamespace(starts_at=london(2027, 3, 28, 0), ends_at=london(2027, 3, 28, 3))
    assert briefed.duration(night) == "2 hours"


def test_duration_in_hours_and_minutes() -> None:
    assert wording.duration(timedelta(minutes=90)) == "1 hour 30 minutes"
    assert wording.duration(timedelta(minutes=45)) == "45 minutes"
    assert wording.duration(timedelta()) == "0 minutes"


def test_counted_knows_one_from_many() -> None:
    assert briefed.counted(1, "place") == "1 place"
    assert briefed.counted(0, "place") == "0 places"
    assert briefed.counted(1200, "person,people") == "1,200 people"


def test_filters_of_nothing_are_empty() -> None:
    assert briefed.day(None) == briefed.clock(None) == briefed.sitting_times(None) == ""
    assert briefed.short_day(None) == briefed.deadline(None) == briefed.duration(None) == ""


def test_markdown_shows_raw_html_as_text() -> None:
    html = briefed.markdown("**Bold** <script>alert(1)</script>")
    assert "<strong>Bold</strong>" in html
    assert "<script" not in html
    assert "&lt;script&gt;" in html


def test_markdown_drops_links_that_run_scripts() -> None:
    assert "<a" not in briefed.markdown("[press](javascript:alert(1))")


def test_markdown_headings_begin_below_those_of_the_page() -> None:
    assert briefed.markdown("# Aims") == "<h3>Aims</h3>\n"
    assert briefed.markdown("###### Small") == "<h6>Small</h6>\n"


def test_an_address_typed_without_a_scheme_links_to_https() -> None:
    assert 'href="https://www.example.org"' in urlize("See www.example.org")


def spans(*starts: datetime, hours: int = 3) -> list[tuple[datetime, datetime]]:
    return [(each, each + timedelta(hours=hours)) for each in starts]


@pytest.mark.parametrize(
    ("sittings", "words"),
    [
        (spans(london(2027, 1, 11, 9, 30)), "9:30am to 12:30pm"),
        (spans(london(2027, 1, 11, 9), london(2027, 1, 18, 9)), "9am to 12pm and Mon 18 Jan"),
        (
            spans(london(2027, 1, 11, 9), london(2027, 1, 18, 13)),
            "9am to 12pm and Mon 18 Jan, 1pm to 4pm",
        ),
        (spans(london(2026, 12, 29, 9), london(2027, 1, 5, 9)), "9am to 12pm and Tue 5 Jan 2027"),
        (
            spans(*(london(2027, 1, day, 9) for day in (4, 11, 18, 25))),
            "9am to 12pm, and 3 more dates until Mon 25 Jan",
        ),
        (spans(london(2027, 1, 11, 22), hours=8), "10pm to 6am on Tue 12 Jan"),
    ],
)
def test_the_times_beside_a_date(sittings: list[tuple[datetime, datetime]], words: str) -> None:
    assert wording.times_of_day(sittings) == words


@pytest.mark.parametrize(
    ("days", "words"),
    [(0, "today"), (1, "tomorrow"), (3, "in 3 days"), (20, "in 20 days"), (21, "in 3 weeks"),
     (64, "in 9 weeks"), (-1, "yesterday"), (-3, "3 days ago")],
)  # fmt: skip
def test_how_long_until_a_day(days: int, words: str) -> None:
    late_in_the_evening = london(2027, 3, 26, 23, 30)
    assert (
        wording.away(london(2027, 3, 26, 9, 30) + timedelta(days=days), now=late_in_the_evening)
        == words
    )


def test_tomorrow_is_the_next_day_however_few_hours_away() -> None:
    assert wording.away(london(2027, 3, 27, 0, 30), now=london(2027, 3, 26, 23, 30)) == "tomorrow"
