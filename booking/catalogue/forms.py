"""The form in which the programme is searched and filtered."""

from typing import Any

from django import forms

DATE_FORMATS = ["%Y-%m-%d", "%d/%m/%Y", "%d/%m/%y", "%d %B %Y", "%d %b %Y"]


class DateInput(forms.DateInput):
    """A date that browsers ask for with their own calendar."""

    input_type = "date"

    def __init__(self) -> None:
        super().__init__(format="%Y-%m-%d")


class ProgrammeForm(forms.Form):
    """Checks that the filters fit each other. A value that is refused is left out, not the rest."""

    def clean(self) -> dict[str, Any]:
        """Leave out a last date that lies before the first."""
        values: dict[str, Any] = super().clean() or self.cleaned_data
        first, last = values.get("from_date"), values.get("to_date")
        if first and last and last < first:
            self.add_error(
                "to_date", "The last date is before the first date. We left the last date out."
            )
        return self.cleaned_data
