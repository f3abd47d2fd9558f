"""The style sheets: nothing in them that no page uses, and every colour a named one."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import get_args

from booking.catalogue.availability import Tone
from booking.catalogue.models import Course
from booking.local.servers import REPOSITORY
from booking.places.models import Booking

STYLES = sorted((REPOSITORY / "booking/static/briefed/styles").glob("*.css"))

# Classes whose ending a template takes from the code.
COMPOSED = {
    *(f"app-kind--{kind}" for kind in Course.Kind.values),  # programme/_session_row.html
    *(f"app-places--{tone}" for tone in get_args(Tone)),  # programme/_session_row.html
    *(f"app-panel--{state}" for state in Booking.State.values),  # programme/_booking_box.html
}
# Classes that scripts of others set.
SET_BY_SCRIPTS = {"htmx-request"}
# Lists that page.css dresses as it does every list of ours, and no sheet by name.
PLAIN_LISTS = {"app-month__events"}

_TAG = r"\{[%{].*?[%}]\}"


def _rules(sheet: Path) -> str:
    return re.sub(r"/\*.*?\*/", "", sheet.read_text(), flags=re.DOTALL)


def _classes_dressed() -> Iterator[tuple[str, str]]:
    """Every class that a style sheet names, with the sheet's name."""
    for sheet in STYLES:
        for selectors in re.findall(r"([^{}]+)\{", _rules(sheet)):
            for name in re.findall(r"\.([a-z][\w-]*)", selectors):
                yield name, sheet.name


def _words_used() -> set[str]:
    """Every word of templates, our Python and our scripts that may be a class.

    An ending that a template chooses, as in `tag--{% if late %}red{% else %}grey{% endif %}`,
    counts with what stands before it.
    """
    words: set[str] = set()
    folders = ("templates", "booking", "accounts")
    for path in (path for folder in folders for path in (REPOSITORY / folder).rglob("*")):
        if path.suffix not in {".html", ".py", ".js"} or "vendor" in path.parts:
            continue
        text = path.read_text()
        words.update(re.findall(r"[a-z][\w!-]*\w", text))
        for start, endings in re.findall(rf"([\w-]+--)((?:{_TAG}[\w-]*)+)", text):
            words.update(start + ending for ending in re.split(_TAG, endings))
    return words


def test_every_class_that_a_style_sheet_names_is_used() -> None:
    used = _words_used() | COMPOSED | SET_BY_SCRIPTS
    unused = {f".{name} in {sheet}" for name, sheet in _classes_dressed() if name not in used}
    assert not unused


def test_every_class_of_ours_in_a_template_is_in_a_style_sheet() -> None:
    dressed = {name for name, _ in _classes_dressed()} | PLAIN_LISTS
    undressed = {
        f"{name} in {path.relative_to(REPOSITORY)}"
        for path in (REPOSITORY / "templates").rglob("*.html")
        for name in re.findall(r"[\s\"](app-[\w-]*\w)(?=[\s\"{])", path.read_text())
        if name not in dressed
    }
    assert not undressed


def test_every_variable_is_set_and_used() -> None:
    rules = "".join(map(_rules, STYLES))
    assert set(re.findall(r"(--app-[\w-]+):", rules)) == set(
        re.findall(r"var\((--app-[\w-]+)", rules)
    )


def test_a_colour_is_written_only_where_colours_are_named() -> None:
    literal = r"#[0-9a-f]{3,8}\b|\b(?:rgb|hsl|lab|lch|oklab|oklch|color)a?\(|: (?:white|black)\b"
    written = {
        f"{colour} in {sheet.name}"
        for sheet in STYLES
        if sheet.name != "tokens.css"
        for colour in re.findall(literal, _rules(sheet))
    }
    assert not written


def test_every_style_sheet_is_linked_and_every_link_leads_to_one() -> None:
    """The pages for when something is broken look up no file names, so nothing else checks them."""
    linked = {
        name
        for path in (REPOSITORY / "templates").rglob("*.html")
        for name in re.findall(r"briefed/styles/([\w-]+\.css)", path.read_text())
    }
    assert linked == {sheet.name for sheet in STYLES}
