"""The school terms as coordinators type them, none of which reaches into another."""

from itertools import pairwise
from typing import Any

from django import forms

from booking.desk.questions import LinesQuestion
from booking.partnership.school_year import SchoolTerm, school_terms_of, typed_term


class SchoolTermsQuestion(LinesQuestion):
    """All terms, one a line."""

    def __init__(self) -> None:
        super().__init__(
            "Dates of terms (optional)",
            read=_term_of,
            each="each term",
            like="Autumn 2026 = 1 September 2026 to 23 October 2026",
            more="The weekdays between are school holidays: they are pointed out when you plan"
            " sessions, and skipped when you copy some.",
            max_length=5000,
            rows=7,
        )

    def clean(self, value: Any) -> str:
        """Terms as lines, each over before the next begins."""
        lines = super().clean(value)
        for earlier, later in pairwise(school_terms_of(lines)):
            if later.first <= earlier.last:
                raise forms.ValidationError(
                    f"“{later.name}” begins before “{earlier.name}” is over. Mend one of the two."
                )
        return lines


def _term_of(line: str) -> SchoolTerm | None:
    """The term of a line. Raises `ValidationError` if it ends before it begins."""
    term = typed_term(line)
    if term and term.last < term.first:
        raise forms.ValidationError(f"“{line}” ends before it begins. Mend one of its days.")
    return term
