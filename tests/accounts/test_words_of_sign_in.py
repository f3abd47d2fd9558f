"""The pages of signing in and of the account are in our own words."""

from pathlib import Path

import pytest
from allauth.account.forms import default_token_generator
from allauth.account.utils import user_pk_to_url_str
from django.conf import settings
from django.test import Client
from django.urls import reverse

from tests.access_site import Site
from tests.access_table import SIGN_IN
from tests.factories import make_person
from tests.people import signed_in

pytestmark = pytest.mark.django_db
_OURS = Path(settings.BASE_DIR) / "templates"
_OF_A_LINK = "account_reset_password_from_key"


def shown(browser: Client, address: str) -> list[str]:
    """Where the template of the page stands, if a page is shown."""
    answer = browser.get(address, follow=True)
    return [str(each.origin.name) for each in answer.templates[:1]]


def test_no_page_is_written_by_a_library(site: Site) -> None:
    names = [name for name in SIGN_IN if "webauthn" not in name and name != _OF_A_LINK]
    addresses = [reverse(name) for name in names]
    addresses.append(reverse(_OF_A_LINK, kwargs={"uidb36": "1", "key": "set-password"}))
    pages = [
        page
        for address in addresses
        for browser in (site.browsers["owner"], Client())
        for page in shown(browser, address)
    ]
    assert len(pages) > 20
    assert [page for page in pages if not Path(page).is_relative_to(_OURS)] == []


def test_a_forgotten_password_is_chosen_anew() -> None:
    person = make_person("a@agency.example")
    person.set_password("Correct horse battery 9")
    person.save()
    browser = Client()
    asked = browser.post(reverse("account_reset_password"), {"email": ""})
    assert "Enter your work email address." in asked.text
    told = browser.post(reverse("account_reset_password"), {"email": person.email}, follow=True)
    assert "If there is an account with that address" in told.text
    key = default_token_generator.make_token(person)
    address = reverse(_OF_A_LINK, kwargs={"uidb36": user_pk_to_url_str(person), "key": key})
    page = browser.get(address, follow=True)
    assert "Keep this password" in page.text
    new = {"password1": "Another horse 77 stable", "password2": "Another horse 77 stable"}
    done = browser.post(page.redirect_chain[-1][0], new, follow=True)
    assert "Your password is changed" in done.text
    assert "This link does not work any more" in Client().get(address, follow=True).text


def test_an_address_that_waits_for_its_code_is_shown() -> None:
    person = make_person("a@agency.example")
    browser = signed_in(person)
    page = browser.post(
        reverse("account_email"), {"action_add": "", "email": "b@agency.example"}, follow=True
    )
    assert "Enter the code we sent you" in page.text
    waiting = browser.get(reverse("account_email")).text
    assert "b@agency.example" in waiting
    assert reverse("account_email_verification_sent") in waiting
