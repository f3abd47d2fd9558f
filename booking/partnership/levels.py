"""The levels of training, in the order that the partnership sets, and what work each is for."""

from dataclasses import dataclass
from functools import cache

from booking.partnership.kept import the_partnership

MOST_LEVELS = 9


@dataclass(frozen=True)
class Level:
    """A level of training: its place in the order, its name, and what people can say of work."""

    number: int
    name: str
    work: str


@cache
def levels_of(text: str) -> tuple[Level, ...]:
    """The levels of lines like "Level 1 = I may come across children"; others are left out."""
    lines = [line.partition("=") for line in text.splitlines()]
    said = [(name.strip(), work.strip()) for name, _, work in lines]
    whole = [(name, work) for name, work in said if name and work]
    return tuple(Level(number, *each) for number, each in enumerate(whole, start=1))


def all_levels() -> tuple[Level, ...]:
    """The partnership's levels, the lowest first."""
    return levels_of(the_partnership().levels)


def level_at(number: int) -> Level:
    """The level at this place in the order; one that nobody describes has its number alone."""
    levels = all_levels()
    return (
        levels[number - 1] if 1 <= number <= len(levels) else Level(number, f"Level {number}", "")
    )


def names_of_levels() -> list[tuple[int, str]]:
    """What a form offers as the levels of a course."""
    return [(each.number, each.name) for each in all_levels()]


def works_of_levels() -> list[tuple[int, str]]:
    """What a form offers people to say of their work."""
    return [(each.number, each.work) for each in all_levels()]
