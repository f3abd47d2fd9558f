"""Colours that can be read, and the style sheet that brings one."""

import re

import pytest

from booking.local.servers import REPOSITORY
from booking.partnership.colours import (
    DARK_GROUNDS,
    as_hex,
    contrast,
    dark_twin,
    least_contrast,
    stylesheet,
)


@pytest.mark.parametrize("typed", ["#0bbeef", "0BBEEF", " #0BBeef ", "#0bbEEf"])
def test_a_colour_is_read_however_it_is_written(typed: str) -> None:
    assert as_hex(typed) == "#0bbeef"


def test_three_figures_stand_for_six() -> None:
    assert as_hex("#a0f") == "#aa00ff"


@pytest.mark.parametrize(
    "typed", ["teal", "#12345", "#1234567", "#0bbeeg", "#0bbeef;}", "##000000"]
)
def test_what_is_no_colour_is_not_read(typed: str) -> None:
    assert as_hex(typed) is None


def test_contrast_is_that_of_the_guidelines() -> None:
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#ffffff", "#ffffff") == 1
    # The lightest grey that passes on white, and the darkest that does not.
    assert contrast("#767676", "#ffffff") == pytest.approx(4.54, abs=0.005)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.005)


def test_links_stand_on_grounds_less_pale_than_white() -> None:
    assert contrast("#757575", "#ffffff") > 4.5 > least_contrast("#757575")
    assert least_contrast("#0b5563") > 4.5


def test_a_stylesheet_sets_the_colour_and_a_darker_one() -> None:
    sheet = stylesheet("#7a1f4b")
    assert "--app-deep:#7a1f4b;" in sheet
    assert "--govuk-link-hover-colour:#49122d" in sheet


# Dark blue, black, dark red, green; the lightest that may be chosen.
@pytest.mark.parametrize("colour", ["#00008b", "#000000", "#7a1f4b", "#1b5e20", "#6b6b6b"])
def test_in_the_dark_its_twin_can_be_read(colour: str) -> None:
    twin = dark_twin(colour)
    for ground in ("#101c1f", "#0b1416", "#17282d"):
        assert contrast(twin, ground) >= 7
    assert f"--govuk-link-colour:{twin};" in stylesheet(colour).partition("dark")[2]


def test_a_colour_that_is_light_enough_is_its_own_twin() -> None:
    assert dark_twin("#ffc857") == "#ffc857"


def test_the_dark_grounds_are_those_of_the_pages() -> None:
    tokens = (REPOSITORY / "booking/static/briefed/styles/tokens.css").read_text()
    dark = tokens.partition("prefers-color-scheme: dark")[2]
    for ground in ("surface-background", "body-background", "template-background"):
        colour = re.search(rf"--govuk-{ground}-colour: (#\w+);", dark)
        assert colour is not None
        assert colour[1] in DARK_GROUNDS
