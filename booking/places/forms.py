"""What people are asked when they book or give up a place."""

from django import forms

NEEDS_LENGTH = 500


class BookForm(forms.Form):
    """One optional question; pressing the button is the booking."""

    needs = forms.CharField(
        label="Access or dietary needs (optional)",
        help_text="Only the trainers and coordinators of this session see this.",
        max_length=NEEDS_LENGTH,
        required=False,
        widget=forms.Textarea(attrs={"rows": 2}),
        error_messages={"max_length": f"Use {NEEDS_LENGTH} characters or fewer."},
    )


class CancelForm(forms.Form):
    """An optional reason."""

    why = forms.CharField(
        label="Why are you cancelling? (optional)",
        max_length=300,
        required=False,
        error_messages={"max_length": "Use 300 characters or fewer."},
    )
