"""The question on which working days before a session people are reminded."""

import re
from typing import Any

from django import forms

# The most working days before a session, and the most reminders.
MOST_DAYS = 20
MOST_REMINDERS = 5

_WRONG = (
    f"Reminders: enter up to {MOST_REMINDERS} whole numbers from 1 to {MOST_DAYS}, for example"
    " “5, 1”, or nothing for no reminders."
)


class ReminderDaysField(forms.CharField):
    """Numbers of working days typed as "5, 1"; the value is a list, the earliest reminder first."""

    def __init__(self, **options: Any) -> None:
        options.setdefault("label", "Reminders (optional)")
        options.setdefault(
            "help_text",
            "How many working days before the session, at 9am: for example “5, 1”. The last one"
            " goes before every date, the others before the first only.",
        )
        super().__init__(
            required=False,
            max_length=50,
            error_messages={"max_length": _WRONG},
            widget=forms.TextInput(attrs={"class": "govuk-input--width-10"}),
            **options,
        )

    def prepare_value(self, value: Any) -> Any:
        """A stored list as it is typed."""
        return ", ".join(map(str, value)) if isinstance(value, list) else value

    def clean(self, value: Any) -> list[int]:
        """The numbers, the greatest first. Raises `ValidationError`."""
        text = super().clean(value)
        typed = [part for part in re.split(r"[\s,;]+", text) if part]
        if not all(part.isascii() and part.isdecimal() for part in typed):
            raise forms.ValidationError(_WRONG, code="invalid")
        days = {int(part) for part in typed}
        if len(days) > MOST_REMINDERS or not all(1 <= each <= MOST_DAYS for each in days):
            raise forms.ValidationError(_WRONG, code="invalid")
        return sorted(days, reverse=True)

    def has_changed(self, initial: Any, data: Any) -> bool:
        """Whether the days differ, however they are typed."""
        try:
            return sorted(initial or [], reverse=True) != self.clean(data)
        except forms.ValidationError:
            return True
