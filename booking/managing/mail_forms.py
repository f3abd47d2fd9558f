"""What coordinators are asked about a message."""

from django import forms

from booking.managing.forms import REASON_LENGTH


class WhyForm(forms.Form):
    """A reason that stays on record."""

    why = forms.CharField(
        label="Reason",
        help_text="Coordinators can read it on the page of this message.",
        max_length=REASON_LENGTH,
        widget=forms.Textarea(attrs={"rows": 3}),
        error_messages={
            "required": "Enter a reason.",
            "max_length": f"Use {REASON_LENGTH} characters or fewer.",
        },
    )


class AddressForm(WhyForm):
    """Another address for one message."""

    to_email = forms.EmailField(
        label="Send it to",
        max_length=254,
        widget=forms.EmailInput(
            attrs={"autocomplete": "off", "spellcheck": "false", "autocapitalize": "none"}
        ),
        error_messages={
            "required": "Enter an email address.",
            "invalid": "Enter an email address in the correct format, like name@agency.org.uk.",
            "max_length": "Use 254 characters or fewer for the address.",
        },
    )
    field_order = ("to_email", "why")
