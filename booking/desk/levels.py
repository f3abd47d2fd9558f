"""The levels of training as coordinators type them, none of which people or courses may lose."""

from typing import Any

from django import forms
from django.db.models import Q

from accounts.models import User
from booking.catalogue.models import Course
from booking.desk.questions import LinesQuestion
from booking.partnership.levels import MOST_LEVELS, all_levels, levels_of
from booking.site.wording import counted, listed

_LONGEST_NAME, _LONGEST_WORK = 60, 200


class LevelsQuestion(LinesQuestion):
    """All levels, one a line, the lowest first."""

    def __init__(self) -> None:
        super().__init__(
            "Levels",
            read=levels_of,
            each="each level",
            like="Level 1 = I may come across children in my work",
            more="The lowest comes first. The second part is what people say of their work: a"
            " course can be kept for those who can say at least as much. For groups without an"
            " order, use groups of practitioners.",
            required=True,
            max_length=3000,
            rows=5,
        )

    def clean(self, value: Any) -> str:
        """Levels as lines, none fewer than are in use and none elsewhere."""
        lines = super().clean(value)
        levels = levels_of(lines)
        if len(levels) > MOST_LEVELS:
            raise forms.ValidationError(f"There can be {MOST_LEVELS} levels at most.")
        _refuse_alike([each.name for each in levels])
        if any(len(each.name) > _LONGEST_NAME or len(each.work) > _LONGEST_WORK for each in levels):
            raise forms.ValidationError(
                f"Use {_LONGEST_NAME} characters or fewer for the name of each level, and"
                f" {_LONGEST_WORK} for what people say."
            )
        _refuse_too_few(len(levels))
        _refuse_moved([each.name for each in levels])
        return lines


def _refuse_alike(names: list[str]) -> None:
    known = [name.casefold() for name in names]
    if twice := next((name for name in names if known.count(name.casefold()) > 1), ""):
        raise forms.ValidationError(f"Two levels are called {twice}. Give each its own name.")


def _refuse_too_few(number: int) -> None:
    courses = Course.objects.filter(Q(level__gt=number) | Q(least_level__gt=number))
    people = User.objects.filter(level__gt=number)
    if used := courses.count() + people.count():
        raise forms.ValidationError(
            f"{counted(used, 'course or person has', 'courses and people have')} a level above"
            f" these {number}. Keep it, or give the courses another one first."
        )


def _refuse_moved(names: list[str]) -> None:
    """Courses and people have the place of a level: another name there is another meaning."""
    before = [each.name for each in all_levels()]
    moved = {
        number: old
        for number, (old, new) in enumerate(zip(before, names, strict=False), start=1)
        if old != new and (new in before or old in names)
    }
    courses = Course.objects.filter(Q(level__in=moved) | Q(least_level__in=moved)).count()
    people = User.objects.filter(level__in=moved).count()
    if courses or people:
        raise forms.ValidationError(
            f"{listed(list(moved.values()))} would stand elsewhere or be gone, and another"
            f" level would be that of {counted(courses, 'course')} and"
            f" {counted(people, 'person', 'people')}. Keep the order: rename a level where it"
            " is, and add new ones at the end."
        )
