"""The second step in plain words, with its secrets sealed in the database.

An authenticator app and recovery codes need a secret that the site can read. It is sealed with
`MEETING_KEYS`, as the addresses of meetings are, so that a copy of the database shows no code.
"""

from typing import Any

from allauth.mfa.adapter import DefaultMFAAdapter
from allauth.mfa.base.forms import AuthenticateForm, ReauthenticateForm
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.forms import ActivateTOTPForm
from allauth.mfa.webauthn.forms import AddWebAuthnForm, EditWebAuthnForm
from django import forms
from django.utils.crypto import get_random_string

from booking.site.sealing import Sealed, is_sealed

# Where each kind keeps its secret in `Authenticator.data`; a passkey has none with us.
SECRETS = {Authenticator.Type.TOTP: "secret", Authenticator.Type.RECOVERY_CODES: "seed"}
# In which secrets of apps are written; any letters do for those of recovery codes.
_BASE_32 = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"


class SecondStepAdapter(DefaultMFAAdapter):
    """What django-allauth asks of us about the second step."""

    error_messages = {
        **DefaultMFAAdapter.error_messages,
        "incorrect_code": (
            "That code is not right. Enter the newest that your app shows, or a recovery code that"
            " you have not used."
        ),
        "unverified_email": "Sign in with a code sent to your address first.",
    }

    def encrypt(self, text: str) -> str:
        """Seal a secret."""
        return Sealed.of(text).token

    def decrypt(self, encrypted_text: str) -> str:
        """The secret, one from before they were sealed too; where no key opens it, a random one.

        Nobody is let in then: of an empty secret everybody could work out the codes.
        """
        if not is_sealed(encrypted_text):
            return encrypted_text
        return Sealed(encrypted_text).opened() or get_random_string(32, _BASE_32)

    def generate_authenticator_name(self, user: Any, type_: Any) -> str:
        """For a key that nobody named: Key 1, Key 2."""
        number = Authenticator.objects.filter(user=user, type=type_).count()
        return f"Key {number + 1}"


def seal_anew(authenticator: Authenticator) -> None:
    """Seal its secret with the newest key, without saving. Raises `InvalidToken`."""
    name = SECRETS[Authenticator.Type(authenticator.type)]
    secret = authenticator.data[name]
    sealed = Sealed(secret).anew() if is_sealed(secret) else Sealed.of(secret)
    authenticator.data[name] = sealed.token


class _CodeInPlainWords(forms.Form):
    """A question for a code."""

    code_label = "Code"
    code_hint = "Six figures from your app, or one of your recovery codes."

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = self.fields["code"]
        field.label, field.help_text = self.code_label, self.code_hint
        field.error_messages["required"] = "Enter the code."
        field.widget.attrs.pop("placeholder", None)
        field.widget.attrs.update(spellcheck="false", **{"class": "govuk-input--width-10"})


class SecondStepForm(_CodeInPlainWords, AuthenticateForm):
    """The second step of signing in."""


class SecondStepProofForm(_CodeInPlainWords, ReauthenticateForm):
    """The second step once more, as a proof."""


class NewAppForm(_CodeInPlainWords, ActivateTOTPForm):
    """The first code of an app."""

    code_label = "Code that the app shows"
    code_hint = "Six figures."


class NewKeyForm(AddWebAuthnForm):
    """A passkey or security key to add."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        name, alone = self.fields["name"], self.fields["passwordless"]
        name.label, name.help_text = "Name of the key (optional)", "Such as: my phone."
        alone.label = "Sign in with this key alone"
        alone.help_text = (
            "You need no code by email then. The key asks for your finger, your face or its PIN."
        )
        self.fields["credential"].error_messages.update(
            dict.fromkeys(("required", "invalid"), "The key has not answered. Press Add the key.")
        )


class KeyNameForm(EditWebAuthnForm):
    """Another name for a key."""

    name = forms.CharField(
        label="Name of the key", max_length=100, error_messages={"required": "Enter a name."}
    )
