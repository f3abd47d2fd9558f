"""The order in which people look names up: accents, case, spaces and apostrophes do not decide.

A key that the database works out, and not an ICU collation: nondeterministic ones refuse LIKE
before PostgreSQL 18 and make “Muller” and “Müller” one name wherever a column is unique, and
deterministic ones let the accent of a last name decide before the first name.
"""

from typing import Any

from django.db.models import Func, TextField

from booking.site.characters import fold


class HumanOrder(Func):
    """The words of a column as they are ordered; compared by code point, as Python does."""

    # The function is that of the search: `booking/migrations/0005_search_documents.py`.
    template = "replace(booking_fold(%(expressions)s), ' ', '') COLLATE \"C\""
    arity = 1

    def __init__(self, *expressions: Any, **extra: Any) -> None:
        super().__init__(*expressions, **{"output_field": TextField(), **extra})


def human_order(text: str) -> str:
    """As `HumanOrder`, for what is ordered in Python."""
    return fold(text).replace(" ", "")
