"""How people are found by a few letters: one way for every page that looks for somebody.

The database keeps the words of each person beside them (see the migration that adds `words`): name,
address, telephone number and agency, folded as `booking.site.characters.fold` folds what is typed.
"""

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Self

from django.db import models

from booking.site.characters import fold

if TYPE_CHECKING:
    from accounts.models import User  # noqa: F401 - named in words below

_PHONE = re.compile(r"[\d\s()+./-]+")
_LEAST_OF_A_PHONE = 6
_SHORT = 2
# More than anybody looks through; their number says no more than that they are many.
MOST_FOUND = 1000


class Folded(models.Func):
    """A text as it is compared, between spaces: `booking_fold` folds as `fold` does."""

    template = "' ' || booking_fold(%(expressions)s) || ' '"
    output_field = models.TextField()


class PeopleQuerySet(models.QuerySet["User"]):
    """Ways to choose people."""

    def found_by(self, text: str) -> Self:
        """Those whose name, address, telephone number or agency holds every word of the text.

        Accents, case, apostrophes and the spaces of a number do not decide; a word of one or two
        letters must be a whole one. A text without words finds everybody.
        """
        found = self
        for word in words_of(text):
            found = found.filter(words__contains=word)
        return found

    def some_by_name(self) -> Self:
        """Those found, by name; where they are more than `MOST_FOUND`, that many and one of them.

        Whom so many share a word with need not be put in order: that takes seconds.
        """
        some = self.order_by().values("pk")[: MOST_FOUND + 1]
        return type(self)(self.model, using=self.db).filter(pk__in=some).order_by("sort_name", "pk")


def words_of(text: str) -> Iterator[str]:
    """What the words of a person must hold, for each word that was typed."""
    figures = re.sub(r"\D", "", text)
    # However the country is said: +44, 0044, or not at all.
    number = re.sub(r"^(00)?(44)?0?", "", figures)
    if _PHONE.fullmatch(text) and len(number) >= _LEAST_OF_A_PHONE:
        yield number
        return
    for word in fold(text.replace("\0", "")).split():
        yield word if len(word) > _SHORT else f" {word} "
