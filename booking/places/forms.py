"""What people are asked when they book or give up a place."""

from typing import Any

from django import forms

NEEDS_LENGTH = 500


def manager_field(*, required: bool) -> forms.EmailField:
    """Who must agree; not required where the page shows the field only if it is needed."""
    return forms.EmailField(
        label="Your line manager’s work email address",
        help_text=(
            "This course needs your line manager’s agreement. We email them a link by which they"
            " answer. They need no account."
        ),
        max_length=254,
        required=required,
        widget=forms.EmailInput(
            attrs={"autocomplete": "off", "spellcheck": "false", "autocapitalize": "none"}
        ),
        error_messages={
            "required": "Give your line manager’s work email address.",
            "invalid": "Enter an email address in the right form, like name@agency.org.",
            "max_length": "Use 254 characters or fewer for the address.",
        },
    )


class BookForm(forms.Form):
    """One optional question, and the manager's address where the course asks for agreement.

    Pressing the button is the booking. The manager's field is shown where it is needed only; to
    somebody new it is one of the questions about themselves.
    """

    manager_email = manager_field(required=False)
    needs = forms.CharField(
        label="Access or dietary needs (optional)",
        help_text="Only the trainers and coordinators of this session see this.",
        max_length=NEEDS_LENGTH,
        required=False,
        widget=forms.Textarea(attrs={"rows": 2}),
        error_messages={"max_length": f"Use {NEEDS_LENGTH} characters or fewer."},
    )

    def __init__(self, *args: Any, with_manager: bool, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if not with_manager:
            del self.fields["manager_email"]

    def clean_manager_email(self) -> str:
        """Whoever empties the field must name somebody, or their usual manager would be asked."""
        address = str(self.cleaned_data["manager_email"]).strip()
        if not address and "manager_email" in self.data:
            raise forms.ValidationError("Give your line manager’s work email address.")
        return address


class ManagerForm(forms.Form):
    """Another manager to ask."""

    manager_email = manager_field(required=True)


class CancelForm(forms.Form):
    """An optional reason."""

    why = forms.CharField(
        label="Why are you cancelling? (optional)",
        max_length=300,
        required=False,
        error_messages={"max_length": "Use 300 characters or fewer."},
    )
