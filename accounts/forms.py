"""Signing in, and saying who you are."""

from typing import Any

from allauth.account.adapter import get_adapter
from allauth.account.forms import (
    AddEmailForm,
    ConfirmEmailVerificationCodeForm,
    ConfirmLoginCodeForm,
    LoginForm,
    RequestLoginCodeForm,
    ResetPasswordForm,
)
from allauth.core import context
from django import forms
from django.forms.models import model_to_dict
from django.http import HttpRequest, QueryDict

from accounts.addresses import SHARED_MAILBOX_REFUSED, is_shared_mailbox, same_mailbox
from accounts.agency_question import EmployerForm
from accounts.attempts import check_may_try, may_judge, may_try
from accounts.codes import read_code
from accounts.fields import AddressQuestion, NameQuestion, email_field
from accounts.models import Agency, User
from booking.partnership.levels import works_of_levels
from booking.site.form_kit import BAD_ADDRESS, Form

_NO_CODE = (
    "A code has six letters, none of them a vowel, like BCD-FGH. Copy it from the newest email we"
    " sent you."
)
_USED_UP = "That code does not count any more. Ask for a new one."


def own_address(label: str = "Your work email address") -> AddressQuestion:
    """The address of the person who types it."""
    attrs = {"autocomplete": "email", "spellcheck": "false"}
    return AddressQuestion(
        label=label,
        widget=forms.EmailInput(attrs=attrs),
        error_messages={"required": "Enter your work email address.", "invalid": BAD_ADDRESS},
    )


class WorkEmailForm(RequestLoginCodeForm):
    """The one question of the sign-in page."""

    email = own_address()  # type: ignore[assignment]

    def clean_email(self) -> str:
        """Refuses a mailbox that several people read."""
        if is_shared_mailbox(self.cleaned_data["email"]):
            raise forms.ValidationError(SHARED_MAILBOX_REFUSED)
        check_may_try(context.request, "code", self.cleaned_data["email"])
        return str(super().clean_email())


class SignInCodeForm(ConfirmLoginCodeForm):
    """The code from the email."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = self.fields["code"]
        field.label = "Code"
        field.help_text = "Six letters, for example BCD-FGH. Capitals do not matter."
        field.error_messages["required"] = (
            "Enter the code from the email. An empty answer does not count as a try."
        )
        field.widget.attrs.pop("placeholder", None)
        field.widget.attrs.update(
            autocomplete="one-time-code",
            autocapitalize="characters",
            spellcheck="false",
            **{"class": "govuk-input--width-10"},
        )

    @property
    def is_no_try(self) -> bool:
        """Whether what was sent holds no code: it is not compared, and is not counted."""
        return any(self.has_error("code", why) for why in ("required", "no_code"))

    def clean_code(self) -> str:
        """The letters of the code; counted before they are compared.

        Where none is awaited (a closed account, a code that ran out), nothing is right.
        """
        code = read_code(str(self.cleaned_data["code"]))
        if not code:
            raise forms.ValidationError(_NO_CODE, code="no_code")
        if not self.expected_code:
            raise get_adapter().validation_error("incorrect_code")
        if not may_judge(context.request, self.expected_code):
            raise forms.ValidationError(_USED_UP, code="used_up")
        self.cleaned_data["code"] = code
        return str(super().clean_code())


class NewAddressCodeForm(SignInCodeForm, ConfirmEmailVerificationCodeForm):
    """The code that proves an address somebody changes to."""


class PasswordSignInForm(LoginForm):
    """For those who have set a password of their own."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["login"] = own_address()
        self.fields["password"].widget.attrs.pop("placeholder", None)
        self.fields["password"].help_text = ""


class NewAddressForm(AddEmailForm):
    """Another address to sign in with."""

    email = own_address("Your new work email address")  # type: ignore[assignment]


class ForgottenPasswordForm(ResetPasswordForm):
    """Whose password is forgotten."""

    email = own_address()  # type: ignore[assignment]

    def save(self, request: HttpRequest, **how: Any) -> str:
        """Write to the address, whoever's it is; nothing once too often, which no page says."""
        email = str(self.cleaned_data["email"])
        return str(super().save(request, **how)) if may_try(request, "reset", email) else email


class ProfileForm(EmployerForm):
    """Who the person is and whom they work for."""

    field_order = ("first_name", "last_name", "job_title", "agency_name", "agency")

    first_name = NameQuestion(
        max_length=100,
        error_messages={"required": "Enter your first name."},
        widget=forms.TextInput(attrs={"autocomplete": "given-name", "spellcheck": "false"}),
    )
    last_name = NameQuestion(
        max_length=100,
        error_messages={"required": "Enter your last name."},
        widget=forms.TextInput(attrs={"autocomplete": "family-name", "spellcheck": "false"}),
    )
    job_title = NameQuestion(
        max_length=150,
        error_messages={"required": "Enter your job title."},
        widget=forms.TextInput(attrs={"autocomplete": "organization-title"}),
    )
    manager_email = email_field(
        "Your line manager's email address (optional)",
        required=False,
        help_text="Some courses ask them to agree, or send them a copy. We write to them for"
        " nothing else.",
    )
    level = forms.TypedChoiceField(
        label="Your work with children and families (optional)",
        choices=lambda: [("", "I do not know"), *works_of_levels()],
        coerce=int,
        empty_value=None,
        required=False,
        help_text="Some courses are only for people whose work is close to children and families.",
    )
    phone = NameQuestion(
        label="Phone number (optional)",
        max_length=30,
        required=False,
        help_text="Only used if a session is cancelled at short notice.",
        widget=forms.TextInput(attrs={"type": "tel", "autocomplete": "tel"}),
    )

    def __init__(
        self, data: QueryDict | None, *, person: User, known_agency: Agency | None, with_level: bool
    ) -> None:
        stored = model_to_dict(person, self.base_fields)
        super().__init__(data, person=person, known_agency=known_agency, initial=stored)
        if not with_level:
            del self.fields["level"]

    def require_manager(self) -> None:
        """Ask for the manager's address as needed, for a course that they must agree to."""
        field = self.fields["manager_email"]
        field.required = True
        field.label = "Your line manager’s work email address"
        field.help_text = (
            "This course needs your line manager’s agreement. We email them a link by which they"
            " answer. They need no account."
        )
        field.error_messages["required"] = "Give your line manager’s work email address."

    def clean_manager_email(self) -> str:
        """The manager is somebody else."""
        address = str(self.cleaned_data["manager_email"])
        if address and same_mailbox(address, self.person.email):
            raise forms.ValidationError("Enter your manager's address, not your own.")
        return address

    def clean(self) -> dict[str, Any]:
        """What is not asked stays as it was."""
        cleaned = super().clean()
        if "level" not in self.fields:
            cleaned["level"] = self.person.level
        return cleaned


class RemindersForm(Form):
    """Whether the person wants reminders."""

    wants_reminders = forms.TypedChoiceField(
        label="Do you want reminders before a session?",
        choices=[("yes", "Yes, remind me"), ("no", "No, do not remind me")],
        coerce=lambda answer: answer == "yes",
        widget=forms.RadioSelect,
        error_messages=dict.fromkeys(
            ("required", "invalid_choice"), "Choose whether you want reminders."
        ),
    )
