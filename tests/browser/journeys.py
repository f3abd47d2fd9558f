"""Steps that several journeys through the site share."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, ViewportSize, expect

from accounts.models import User
from booking.local.smtp_sink import StoredMail
from tests.people import signed_in

Mail = Callable[..., StoredMail]
Accessible = Callable[[Page], None]
PHONE: ViewportSize = {"width": 375, "height": 812}
DESK: ViewportSize = {"width": 1280, "height": 900}
SCREENS = pytest.mark.parametrize("screen", [PHONE, DESK], ids=["phone", "desk"])


def read_code(stored: StoredMail) -> str:
    """The sign-in code of a mail."""
    text = stored.message.get_body(("plain",))
    assert text is not None
    found = re.search(r"\b[B-Z]{3}-[B-Z]{3}\b", text.get_content())
    assert found is not None
    return found.group()


def sign_in(page: Page, address: str, mail: Mail) -> None:
    """From the sign-in page, by a code from the mailbox."""
    page.get_by_label("Your work email address").fill(address)
    page.get_by_role("button", name="Email me a code").click()
    expect(page.get_by_label("Code", exact=True)).to_be_visible()
    page.get_by_label("Code", exact=True).fill(read_code(mail(address, "code")))
    page.get_by_role("button", name="Continue").click()


def show_heading(page: Page, words: str) -> None:
    """The page's main heading says this."""
    expect(page.get_by_role("heading", level=1)).to_contain_text(words)


def as_person(
    browser: Browser, person: User, address: str, screen: ViewportSize, *, scripts: bool = True
) -> Page:
    """A page of a browser in which this person is signed in."""
    context = browser.new_context(base_url=address, viewport=screen, java_script_enabled=scripts)
    let_in(context, person)
    return context.new_page()


def let_in(context: BrowserContext, person: User) -> None:
    """Sign this person in without a code, in a browser that is yet to open a page."""
    context.add_cookies(
        [
            {"name": name, "value": each.value, "domain": "localhost", "path": "/"}
            for name, each in signed_in(person).cookies.items()
        ]
    )
