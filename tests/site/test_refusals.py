"""Refusals have one base, and each name is one refusal's."""

import importlib
import pkgutil
from collections import Counter
from collections.abc import Iterator
from typing import Any

import accounts
import booking
from accounts.fields import email_field
from booking.site.form_kit import Form
from booking.site.refusals import Refused
from booking.site.web import refusals_shown


def below(kind: type[Exception]) -> Iterator[type[Exception]]:
    """Every exception that is one of this kind."""
    for each in kind.__subclasses__():
        yield each
        yield from below(each)


def ours() -> set[type[Exception]]:
    """Every exception of the site, but those that Django makes inside each model."""
    for room in (accounts, booking):
        for module in pkgutil.walk_packages(room.__path__, f"{room.__name__}."):
            if ".migrations" not in module.name:
                importlib.import_module(module.name)
    return {
        each
        for each in below(Exception)
        if each.__module__.startswith(("accounts.", "booking.")) and "." not in each.__qualname__
    }


def test_whatever_has_a_sentence_for_a_person_has_the_one_base() -> None:
    speaking = {each for each in ours() if hasattr(each, "sentence") or "Refused" in each.__name__}
    # These are no answer to a person: what stops a start, and what a mail server says.
    elsewhere = {"EnvironmentRefused", "ServersRefused", "RefusedByServer"}
    assert {each.__name__ for each in speaking if not issubclass(each, Refused)} == elsewhere


def test_no_two_exceptions_have_one_name() -> None:
    names = Counter(each.__name__ for each in ours())
    assert [name for name, times in names.items() if times > 1] == []


def test_a_refusal_is_told_to_a_person_about_another_and_in_one_line() -> None:
    class NotHere(Refused):
        sentence = "You are not here."

    refused = NotHere()
    assert str(refused) == refused.about_another == refused.with_instead == "You are not here."
    refused.instead, refused.of_another = "Come back.", "They are not here."
    assert refused.with_instead == "You are not here. Come back."
    assert refused.about_another == "They are not here."


class _AddressForm(Form):
    manager_email = email_field("Manager")


def test_a_page_shows_a_refusal_beside_its_field_if_the_form_has_that_field() -> None:
    class NotTheirs(Refused):
        sentence, instead, field = "It is not theirs.", "Name another.", "manager_email"

    def act() -> None:
        raise NotTheirs

    form, context = _AddressForm({"manager_email": "a@agency.example"}), dict[str, Any]()
    with refusals_shown(context, beside=form):
        act()
    assert form.errors == {"manager_email": ["It is not theirs. Name another."]}
    assert context == {}
    for without in (None, Form({})):
        with refusals_shown(context, beside=without):
            act()
        assert isinstance(context.pop("refusal"), NotTheirs)
