"""Answers that are given without signing in."""

from typing import Any

from django import forms

from booking.places.forms import manager_field

REASON_LENGTH = 400


class ManagerAnswerForm(forms.Form):
    """Whether a manager agrees. Whoever does not agree says why; whoever does may say something."""

    answer = forms.ChoiceField(
        choices=[("agree", "I agree"), ("decline", "I do not agree")],
        error_messages={
            "required": "Press “I agree” or “I do not agree”.",
            "invalid_choice": "Press “I agree” or “I do not agree”.",
        },
    )
    reason = forms.CharField(
        label="Your reason",
        help_text="Needed if you do not agree. The person who asks will read it.",
        max_length=REASON_LENGTH,
        required=False,
        widget=forms.Textarea(attrs={"rows": 3}),
        error_messages={"max_length": f"Use {REASON_LENGTH} characters or fewer."},
    )

    @property
    def agrees(self) -> bool:
        """Whether the button was the one that agrees; for a form that is valid."""
        return str(self.cleaned_data["answer"]) == "agree"

    def clean(self) -> dict[str, Any]:
        """Not agreeing needs a reason."""
        cleaned: dict[str, Any] = super().clean() or {}
        is_reasonless = "reason" not in self.errors and not cleaned.get("reason")
        if cleaned.get("answer") == "decline" and is_reasonless:
            self.add_error("reason", "Say why you do not agree.")
        return cleaned


class OfferAnswerForm(forms.Form):
    """Whether an offered place is accepted, and who must agree where nobody has been asked."""

    answer = forms.ChoiceField(
        choices=[("accept", "Accept the place"), ("decline", "Decline it")],
        error_messages={
            "required": "Press “Accept the place” or “Decline it”.",
            "invalid_choice": "Press “Accept the place” or “Decline it”.",
        },
    )

    manager_email = manager_field(required=False)

    @property
    def accepts(self) -> bool:
        """Whether the button was the one that accepts; for a form that is valid."""
        return str(self.cleaned_data["answer"]) == "accept"


class RefuseAddressForm(forms.Form):
    """Why a coordinator does not ask the manager who was named."""

    reason = forms.CharField(
        label="Why do you not confirm the address?",
        help_text="The person who asks for the place reads this.",
        max_length=REASON_LENGTH,
        widget=forms.Textarea(attrs={"rows": 3}),
        error_messages={
            "required": "Say why you do not confirm the address.",
            "max_length": f"Use {REASON_LENGTH} characters or fewer.",
        },
    )
