"""What is asked about a course that somebody did elsewhere."""

from datetime import date
from typing import Any

from django import forms

from booking.catalogue.filters import DATE_FORMATS, DateInput
from booking.catalogue.models import Course

_NOTE_LENGTH = 500


class DeclareForm(forms.Form):
    """Which course, when, and who gave it."""

    course = forms.ModelChoiceField(
        label="Which course?",
        queryset=Course.objects.none(),
        to_field_name="code",
        empty_label="Choose a course",
        help_text="The course of ours that it matches best.",
        error_messages={
            "required": "Choose the course.",
            "invalid_choice": "Choose a course from the list.",
        },
    )
    completed_on = forms.DateField(
        label="When did you complete it?",
        input_formats=DATE_FORMATS,
        widget=DateInput,
        help_text="For example 9 2 2026. If you are not sure of the day, choose one near it.",
        error_messages={
            "required": "Enter the date on which you completed it.",
            "invalid": "Enter a real date, such as 9/2/2026.",
        },
    )
    provider = forms.CharField(
        label="Who gave it?",
        max_length=200,
        help_text="For example your own agency, or another safeguarding partnership.",
        error_messages={
            "required": "Say who gave the training.",
            "max_length": "Use 200 characters or fewer.",
        },
    )

    def __init__(self, *args: Any, today: date, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.today = today
        courses = Course.objects.defer("search").order_by("title")
        self.fields["course"].queryset = courses  # type: ignore[attr-defined]

    def clean_completed_on(self) -> date:
        """A day that has come, in a working life."""
        on: date = self.cleaned_data["completed_on"]
        if on > self.today:
            raise forms.ValidationError("The date must not lie in the future.")
        if on.year < self.today.year - 60:
            raise forms.ValidationError("Enter a date within the last 60 years.")
        return on


class CheckForm(forms.Form):
    """A note, which a rejection needs."""

    note = forms.CharField(
        label="Note",
        max_length=_NOTE_LENGTH,
        required=False,
        help_text="The person reads it. To reject, say why.",
        widget=forms.Textarea(attrs={"rows": 3}),
        error_messages={"max_length": f"Use {_NOTE_LENGTH} characters or fewer."},
    )

    def clean(self) -> dict[str, Any]:
        """Nobody is rejected without a reason."""
        cleaned: dict[str, Any] = super().clean() or {}
        cleaned["rejects"] = "reject" in self.data
        if cleaned["rejects"] and not cleaned.get("note") and "note" not in self.errors:
            self.add_error("note", "Say why you reject it. The person reads this.")
        return cleaned
