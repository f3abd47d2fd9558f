"""The plan of the house: every room has its layer, and a name means one thing in it."""

import ast
import tomllib
from collections import defaultdict
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
# Indexes of the rooms, and what Django asks for: they hold no rules.
INDEXES = {"booking.admin", "booking.apps", "booking.migrations", "booking.models", "booking.urls"}
# Past this many lines a test file holds a second subject.
MOST_LINES = 400
# Programs that are started by hand.
PROGRAMS = {"main"}


def sources() -> list[Path]:
    """Every file of the site but migrations and commands, whose names Django gives."""
    files = [
        file for top in ("accounts", "booking", "worker") for file in (ROOT / top).rglob("*.py")
    ]
    return [file for file in files if not {"migrations", "management"} & set(file.parts)]


def room_of(file: Path) -> str:
    """The room that a file lies in: "booking.places", "accounts"."""
    first, second, *_ = file.relative_to(ROOT).with_suffix("").parts
    return f"{first}.{second}" if first == "booking" else first


def is_view(node: ast.ClassDef | ast.FunctionDef) -> bool:
    """A view is named after its page, which may be named after the action it calls."""
    arguments = node.args.args if isinstance(node, ast.FunctionDef) else []
    return bool(arguments) and arguments[0].arg == "request"


def is_task_or_filter(node: ast.ClassDef | ast.FunctionDef) -> bool:
    """A Celery task or a filter is named after the function that it calls."""
    decorators = " ".join(ast.unparse(each) for each in node.decorator_list)
    return any(word in decorators for word in ("app.task", "register."))


def names(files: list[Path]) -> dict[str, set[str]]:
    """Each public class and function of a file's top level, with the rooms that have one."""
    found: defaultdict[str, set[str]] = defaultdict(set)
    for file in files:
        for node in ast.parse(file.read_text()).body:
            if not isinstance(node, ast.ClassDef | ast.FunctionDef):
                continue
            if node.name.startswith("_") or node.name in PROGRAMS:
                continue
            if not (is_view(node) or is_task_or_filter(node)):
                found[node.name].add(room_of(file))
    return found


def test_one_name_means_one_thing_in_the_whole_house() -> None:
    twice = {name: sorted(rooms) for name, rooms in names(sources()).items() if len(rooms) > 1}
    assert not twice


def test_the_reading_would_see_a_name_that_stands_twice(tmp_path: Path) -> None:
    outbox, places = ROOT / "booking/outbox/posting.py", ROOT / "booking/places/actions.py"
    both = names([outbox, places])
    assert both["post"] == {"booking.outbox"}
    assert both["fill_places"] == {"booking.places"}
    assert "book" in both


def test_every_room_has_its_layer() -> None:
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]
    layers = {
        name.strip()
        for layer in contracts["contracts"][0]["layers"]
        for name in layer.replace("|", ":").split(":")
    }
    rooms = {room_of(file) for file in sources() if room_of(file) not in INDEXES}
    rooms -= {"booking.__init__"}
    assert rooms <= layers
    assert layers - {"booking.management"} <= rooms


def test_places_stays_small_beside_its_sub_rooms() -> None:
    assert len(list((ROOT / "booking/places").glob("*.py"))) <= 16


def test_a_test_file_is_one_subject() -> None:
    lengths = {
        str(file.relative_to(ROOT)): len(file.read_text().splitlines())
        for file in (ROOT / "tests").rglob("*.py")
    }
    assert not {name: lines for name, lines in lengths.items() if lines > MOST_LINES}


TAGS = sorted((ROOT / "booking/templatetags").glob("*.py"))
# What begins or makes a statement; `all` is not here, since it reads what a view has prefetched.
ASKS = {"objects", "filter", "exclude", "get_queryset", "count", "exists", "first", "last"}


def questions(source: str) -> list[str]:
    """Whatever in this module asks the database: views and context processors do, tags do not."""
    found = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.ImportFrom):
            names = [node.module or "", *(each.name for each in node.names)]
            found += [name for name in names if name.endswith("queries")]
        elif isinstance(node, ast.Import):
            found += [each.name for each in node.names if each.name.endswith("queries")]
        elif isinstance(node, ast.Attribute) and node.attr in ASKS:
            found.append(ast.unparse(node))
    return [each for each in found if each != "register.filter"]


@pytest.mark.parametrize("module", TAGS, ids=lambda path: path.stem)
def test_a_template_tag_asks_the_database_nothing(module: Path) -> None:
    assert questions(module.read_text()) == []
