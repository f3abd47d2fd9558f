"""The documents: what they name is there, and every variable of the environment is explained.

What stands in backticks is read as follows. A file ends in .py, .md, .html or .css, a folder in a
slash; `path.py: name` names something that the file defines. Paths begin at the root, in `booking/`
or in `templates/`; a file without a folder, as in "the room's `urls.py`", is one of that name
anywhere. Left out are globs and placeholders (with `*`, `<` or `>`), addresses of the site, which
begin with a slash, and what `.gitignore` names, which is made by running.
"""

import ast
import re
from collections.abc import Iterator
from itertools import chain
from pathlib import Path

import pytest

from booking.local.servers import REPOSITORY

DOCUMENTS = [
    REPOSITORY / "README.md",
    REPOSITORY / "CONTRIBUTING.md",
    *sorted((REPOSITORY / "docs").rglob("*.md")),
]
FOLDERS = ("accounts", "booking", "docs", "templates", "tests", "worker")
BEGINNINGS = ("", "booking", "templates")
# Recipes name the room of the first report before somebody makes it.
NOT_YET = {"booking/reporting/", "booking/reporting/queries.py", "tests/reporting/"}

_IGNORED = {line.strip("/") for line in (REPOSITORY / ".gitignore").read_text().splitlines()}
_PATH = re.compile(r"(?P<path>[\w./-]+(?:\.(?:py|md|html|css)|/))(?:: (?P<name>[\w.]+))?")

each_document = pytest.mark.parametrize(
    "document", DOCUMENTS, ids=lambda path: str(path.relative_to(REPOSITORY))
)


def _prose(document: Path) -> str:
    """The text without blocks of code between fences."""
    return re.sub(r"^```.*?^```", "", document.read_text(), flags=re.DOTALL | re.MULTILINE)


def _named(document: Path) -> Iterator[tuple[str, str]]:
    """Every path in backticks, with the name after it or nothing."""
    for quoted in re.findall(r"`([^`]+)`", _prose(document)):
        found = _PATH.fullmatch(" ".join(quoted.split()))
        if found is None or found["path"].startswith("/"):
            continue
        if found["path"].strip("/") not in _IGNORED:
            yield found["path"], found["name"] or ""


def _found(path: str) -> Path | None:
    for beginning in BEGINNINGS:
        place = REPOSITORY / beginning / path
        if place.is_dir() if path.endswith("/") else place.is_file():
            return place
    if "/" in path:
        return None
    return next(chain(*((REPOSITORY / folder).rglob(path) for folder in FOLDERS)), None)


def _defines(file: Path, name: str) -> bool:
    """Whether a module defines a name, or a class in it a member: `SmtpConnection.send`."""
    body: list[ast.stmt] = ast.parse(file.read_text()).body
    for part in name.split("."):
        named = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef
        inside = [node for node in body if isinstance(node, named) and node.name == part]
        if not inside:
            return False
        body = inside[0].body
    return True


@each_document
def test_every_path_in_a_document_is_there(document: Path) -> None:
    paths = {path for path, _ in _named(document)} - NOT_YET
    assert not {path for path in paths if _found(path) is None}


def test_what_is_not_there_yet_is_not_there() -> None:
    assert not {path for path in NOT_YET if _found(path)}


@each_document
def test_every_name_after_a_path_is_defined_there(document: Path) -> None:
    missing = set()
    for path, name in _named(document):
        file = _found(path)
        if name and (file is None or not _defines(file, name)):
            missing.add(f"{path}: {name}")
    assert not missing


@each_document
def test_every_link_leads_to_a_file_and_a_heading(document: Path) -> None:
    broken = set()
    for link in re.findall(r"\]\(([^)\s]+)\)", _prose(document)):
        if "://" in link:
            continue
        file, _, heading = link.partition("#")
        target = document.parent / file if file else document
        if not target.is_file() or (heading and heading not in _headings(target)):
            broken.add(link)
    assert not broken


def _headings(document: Path) -> set[str]:
    """The names that headings have in links: small letters, hyphens for spaces, no other signs."""
    titles = re.findall(r"^#+ (.+)$", _prose(document), flags=re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


def test_every_variable_of_the_environment_has_a_row_and_every_row_a_variable() -> None:
    site = REPOSITORY / "booking/site"
    code = (site / "settings.py").read_text() + (site / "environment.py").read_text()
    read = set(re.findall(r"\benv(?:\.\w+\(|, )\"([A-Z_]+)\"", code))
    text = (REPOSITORY / "docs/running.md").read_text()
    explained = set(re.findall(r"^\| `([A-Z_]+)` \|", text, flags=re.MULTILINE))
    assert read == explained


_ROW = re.compile(
    r"^\| (\d+\.\d+\.\d+) \| ([123]) \| ([^|]+) \| ([^|]+) \|([^|]*)\|$", re.MULTILINE
)
# Of ASVS 5.0.0.
_REQUIREMENTS = {"1": 70, "2": 183}


def test_every_requirement_has_a_row_that_is_shown_or_says_why_not() -> None:
    text = (REPOSITORY / "docs/security.md").read_text()
    rows = _ROW.findall(text)
    for level, number in _REQUIREMENTS.items():
        assert len({each[0] for each in rows if each[1] == level}) == number
    assert len({each[0] for each in rows}) == len(rows)
    unshown = [
        number
        for number, _, _, here, shown in rows
        if not here.startswith(("Does not apply", "Not met"))
        and not re.search(r"`tests/[\w/]+\.py: test_\w+`", shown)
        and not shown.strip().startswith("No test: ")
    ]
    assert not unshown
    assert all(here.strip() for _, _, _, here, _ in rows)
    asked = [here for _, level, _, here, _ in rows if level in _REQUIREMENTS]
    left_out = sum(here.startswith("Does not apply") for here in asked)
    not_met = sum(here.startswith("Not met") for here in asked)
    met = len(asked) - left_out - not_met
    told = re.search(r"Of (\d+) requirements (\d+) are met.*?(\d+)\sdo not.*?(\d+) are", text, re.S)
    assert told is not None
    assert [*map(int, told.groups())] == [len(asked), met, left_out, not_met]
