"""Template tags ask the database nothing: views and context processors do. The source is read."""

import ast
from pathlib import Path

import pytest

TAGS = sorted((Path(__file__).parents[1] / "booking/templatetags").glob("*.py"))
# What begins or makes a statement; `all` is not here, since it reads what a view has prefetched.
ASKS = {"objects", "filter", "exclude", "get_queryset", "count", "exists", "first", "last"}


def questions(source: str) -> list[str]:
    """Whatever in this module asks the database, or is there to."""
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
