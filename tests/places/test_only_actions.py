"""No code but `booking.places.actions` gives or takes a place: the source is read for it."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
ACTIONS = Path("booking/places/actions.py")
# What a place is: the counts of a session and the state and ticket of a booking.
COUNTS = {"places_taken", "waiting_count", "last_ticket"}
# Order on the list is changed in one more place, which gives nobody a place.
MAY_SET_TICKETS = Path("booking/places/changing/exchanges.py")
# Copies of sessions for a page, which nothing writes, show the places as they are now.
MAY_SET_COUNTS = Path("booking/places/pages/readers.py")
# Made-up bookings for trying the site out are made by the actions themselves.
ROOMS = ("booking", "accounts", "worker")
# The rows of other things that have a state of their own.
OTHER_STATES = {"session", "locked", "draft", "approval", "message", "fresh", "stored", "off"}


def sources() -> Iterator[tuple[Path, ast.Module]]:
    """Every file of the site but migrations and the one that may."""
    for room in ROOMS:
        for path in sorted((ROOT / room).rglob("*.py")):
            name = path.relative_to(ROOT)
            if "migrations" not in name.parts and name != ACTIONS:
                yield name, ast.parse(path.read_text())


def targets(tree: ast.AST) -> Iterator[ast.Attribute]:
    """Every attribute that is assigned to."""
    for node in ast.walk(tree):
        some: list[ast.expr] = []
        if isinstance(node, ast.Assign):
            some = list(node.targets)
        elif isinstance(node, ast.AugAssign | ast.AnnAssign):
            some = [node.target]
        for target in some:
            for each in target.elts if isinstance(target, ast.Tuple) else [target]:
                if isinstance(each, ast.Attribute):
                    yield each


def faults(name: Path, tree: ast.Module) -> Iterator[str]:
    """What gives or takes a place in this file."""
    in_room = name.parts[:2] == ("booking", "places")
    for target in targets(tree):
        owner = target.value.id if isinstance(target.value, ast.Name) else ""
        sets_counts = target.attr in COUNTS and name != MAY_SET_COUNTS
        if sets_counts or (target.attr == "ticket" and name != MAY_SET_TICKETS):
            yield f"{name}:{target.lineno} sets {target.attr}"
        if in_room and target.attr == "state" and owner not in OTHER_STATES:
            yield f"{name}:{target.lineno} sets {owner}.state"
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            names = {keyword.arg for keyword in node.keywords}
            written = ast.unparse(node.func.value)
            is_booking = "Booking.objects" in written or ".bookings" in written
            if node.func.attr in ("update", "create") and is_booking and "state" in names:
                yield f"{name}:{node.lineno} writes the state of bookings"
            if node.func.attr == "update" and names & COUNTS:
                yield f"{name}:{node.lineno} writes counts"


def test_nobody_else_gives_or_takes_a_place() -> None:
    found = [fault for name, tree in sources() for fault in faults(name, tree)]
    assert found == []


@pytest.mark.parametrize(
    "line",
    [
        "session.places_taken += 1",
        "booking.state = State.CONFIRMED",
        "booking.state, booking.ended_at = State.CANCELLED, now",
        "Booking.objects.filter(pk=1).update(state='confirmed')",
        "Session.objects.update(waiting_count=0)",
    ],
)
def test_the_reading_would_see_it(line: str) -> None:
    assert list(faults(Path("booking/places/other.py"), ast.parse(line)))


def test_no_file_of_the_room_is_long() -> None:
    lengths = {
        path.name: len(path.read_text().splitlines())
        for path in (ROOT / "booking/places").glob("*.py")
    }
    assert {name: length for name, length in lengths.items() if length > 400} == {}
