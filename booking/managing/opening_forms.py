"""What coordinators are asked when they publish a date that people have asked for."""

from typing import Any

from django import forms

from booking.scheduling.opening import LONGEST
from booking.site.form_kit import whole_number_field
from booking.site.wording import counted


class OpeningForm(forms.Form):
    """For how many working days those who asked come first; left empty, it is open to all."""

    first_days = whole_number_field(
        "Working days in which they come first (optional)", 1, LONGEST, required=False
    )

    def __init__(self, *args: Any, asked: int, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.asked = asked
        people = counted(asked, "person has", "people have")
        self.fields["first_days"].help_text = (
            f"{people} asked for a date of this course. They are offered the places in the order in"
            " which they asked; others join the line behind them. Left empty, booking is open to"
            " everybody at once, and those who want to hear of new dates are told by email."
        )
