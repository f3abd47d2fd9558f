"""What coordinators are asked about a venue."""

from django import forms
from django.http import QueryDict

from booking.catalogue.courses import VenuePlan
from booking.catalogue.models import Venue

_ADDRESS_LENGTH = 400
_TEXT_LENGTH = 4000


class VenueForm(forms.Form):
    """A whole venue."""

    name = forms.CharField(
        max_length=200,
        error_messages={
            "required": "Enter the name of the venue.",
            "max_length": "Use 200 characters or fewer for the name.",
        },
    )
    address = forms.CharField(
        max_length=_ADDRESS_LENGTH,
        help_text="On one line, with the postcode: it goes into calendars and maps.",
        error_messages={
            "required": "Enter the address.",
            "max_length": f"Use {_ADDRESS_LENGTH} characters or fewer for the address.",
        },
    )
    getting_there = forms.CharField(
        label="Getting there (optional)",
        required=False,
        max_length=_TEXT_LENGTH,
        help_text="Parking, buses, entrance and access. Mail sent from now on says it; nobody is"
        " told of a change.",
        widget=forms.Textarea(attrs={"rows": 6}),
        error_messages={"max_length": f"Use {_TEXT_LENGTH:,} characters or fewer."},
    )

    def __init__(self, data: QueryDict | None, *, venue: Venue | None = None) -> None:
        fields = ("name", "address", "getting_there")
        initial = {name: getattr(venue, name) for name in fields} if venue else {}
        super().__init__(data, initial=initial)

    @property
    def plan(self) -> VenuePlan:
        """What was typed, once valid."""
        return VenuePlan(**self.cleaned_data)
