"""The second step: what its pages say, and how its secrets are kept."""

from email import message_from_bytes, policy
from io import StringIO

import pytest
import time_machine
from allauth.mfa.models import Authenticator
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from allauth.mfa.totp.internal.auth import TOTP
from cryptography.fernet import Fernet
from django.core.management import CommandError, call_command
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from pytest_django import Settings

from accounts.models import User
from booking.outbox.models import Message
from tests.accounts.signing_in import (
    SECRET,
    app_code,
    in_newest_mail,
    set_up_app,
    sign_in,
)
from tests.factories import make_person, make_trainer
from tests.people import signed_in

pytestmark = pytest.mark.django_db

# Words of the library, none of which a page of ours says.
_OF_THE_LIBRARY = ("factor", "Authenticator App", "authenticator code", "Deactivate")


def with_app_and_codes(person: User) -> tuple[TOTP, RecoveryCodes]:
    return TOTP.activate(person, SECRET), RecoveryCodes.activate(person)


def with_key(person: User) -> Authenticator:
    data = {"name": "My phone", "credential": {"clientExtensionResults": {}}}
    key: Authenticator = Authenticator.objects.create(
        user=person, type=Authenticator.Type.WEBAUTHN, data=data
    )
    return key


@pytest.mark.django_db(transaction=True)
def test_its_pages_are_in_our_own_words() -> None:
    person, browser = make_person(), Client()
    sign_in(browser, person.email)
    pages = {"mfa_index": "Two-step sign-in", "mfa_activate_totp": "Code that the app shows"}
    pages |= {"mfa_add_webauthn": "Sign in with this key alone"}
    with_none = [browser.get(reverse(name)).text for name in pages]
    set_up_app(browser)
    key = with_key(person)
    of_a_key = {"mfa_edit_webauthn": "Name of the key", "mfa_remove_webauthn": "Remove My phone?"}
    with_codes = {
        "mfa_deactivate_totp": "Stop using the app",
        "mfa_view_recovery_codes": "10 of 10 codes are not used yet",
        "mfa_generate_recovery_codes": "Your 10 codes of now will not work any more",
        "mfa_reauthenticate": "Six figures from your app",
    }
    shown = [browser.get(reverse(name, args=[key.pk])).text for name in of_a_key]
    shown.append(browser.get(reverse("mfa_list_webauthn")).text)
    # What follows asks the key itself.
    key.delete()
    shown += [browser.get(reverse(name)).text for name in with_codes]
    stranger = Client()
    sign_in(stranger, person.email)
    entering = stranger.get(reverse("mfa_authenticate")).text
    said = {**pages, **of_a_key, "mfa_list_webauthn": "Rename", **with_codes}
    said["mfa_authenticate"] = "Do not sign in"
    texts = [*with_none, *shown, entering]
    for (name, words), text in zip(said.items(), texts, strict=True):
        assert words in text, name
        assert not [each for each in _OF_THE_LIBRARY if each in text], name


@pytest.mark.django_db(transaction=True)
def test_the_person_is_told_in_our_own_words_of_a_second_step() -> None:
    person, browser = make_person("sam@agency.example"), Client()
    sign_in(browser, person.email)
    page = set_up_app(browser)
    assert page.status_code == 302
    assert "You use an app for the second step now" in browser.get(page.headers["Location"]).text
    told = [
        message_from_bytes(bytes(each.mime or b""), policy=policy.default)
        for each in Message.objects.filter(to_email=person.email)
    ]
    subjects = [mail["Subject"] for mail in told]
    assert "Your sign-in to Briefed: you use an app now" in subjects
    in_newest_mail(person.email, "If it was not you")


def test_a_wrong_code_of_the_second_step_says_what_to_enter() -> None:
    person, browser = make_trainer(), Client()
    with_app_and_codes(person)
    sign_in(browser, person.email)
    page = reverse("mfa_authenticate")
    assert "Enter the code." in browser.post(page, {"code": ""}).text
    assert "a recovery code that you have not used" in browser.post(page, {"code": "000000"}).text


def test_the_database_shows_no_code_of_a_second_step() -> None:
    person = make_person()
    _, codes = with_app_and_codes(person)
    stored = str(list(Authenticator.objects.values_list("data", flat=True)))
    assert SECRET not in stored
    assert len(codes.generate_codes()) == 10
    for each in Authenticator.objects.all():
        assert each.data.get("secret", each.data.get("seed")).startswith("gAAAA")


def passes(person: User, code: str) -> bool:
    """Whether this code is the second step of the person's sign-in."""
    browser = Client()
    sign_in(browser, person.email)
    return browser.post(reverse("mfa_authenticate"), {"code": code}).status_code == 302


def test_secrets_open_under_any_key_until_they_are_sealed_anew(settings: Settings) -> None:
    person = make_person()
    _, codes = with_app_and_codes(person)
    bare = make_person()
    TOTP.activate(bare, SECRET)
    # As it stood before secrets were sealed.
    Authenticator.objects.filter(user=bare).update(data={"secret": SECRET})
    one, other, *_ = codes.generate_codes()
    old, new = settings.MEETING_KEYS[0], Fernet.generate_key().decode()
    settings.MEETING_KEYS = [new, old]
    assert passes(person, one)
    out = StringIO()
    call_command("reseal", stdout=out)
    assert "3" in out.getvalue()
    assert SECRET not in str(list(Authenticator.objects.values_list("data", flat=True)))
    settings.MEETING_KEYS = [new]
    assert not passes(person, one), "it was used before"
    assert passes(person, other)
    with time_machine.travel(timezone.now(), tick=False):
        assert passes(bare, app_code())


def test_without_its_key_a_second_step_lets_nobody_in(settings: Settings) -> None:
    person = make_person()
    _, codes = with_app_and_codes(person)
    code = codes.generate_codes()[0]
    settings.MEETING_KEYS = [Fernet.generate_key().decode()]
    with time_machine.travel(timezone.now(), tick=False):
        assert not passes(person, app_code())
        assert not passes(person, code)
        # What anybody could work out of an empty secret.
        empty = RecoveryCodes(Authenticator(data={"seed": "", "used_mask": 0})).generate_codes()
        assert not passes(person, empty[0])
    with pytest.raises(CommandError, match="No key opens 2"):
        call_command("reseal", verbosity=0)
    assert signed_in(person).get(reverse("mfa_index")).status_code == 200
