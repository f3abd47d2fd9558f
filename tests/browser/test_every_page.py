"""Every page of the site on a desk and on a phone, by day and in the dark: axe finds nothing."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import axe_playwright_python
import pytest
from django.conf import settings
from django.test import Client
from django.urls import reverse
from playwright.sync_api import Browser, BrowserContext, Error, Page, ViewportSize

from tests.access_site import Site, make_site
from tests.access_table import SIGN_IN, TABLE, Answer
from tests.browser.journeys import DESK, PHONE

pytestmark = pytest.mark.django_db(transaction=True)

NARROWEST: ViewportSize = {"width": 320, "height": 640}
TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
_AXE = (Path(axe_playwright_python.__file__).parent / "axe.min.js").read_text()
# The page is the same in the dark but for its colours.
_RUN_ONLY = {
    "light": {"type": "tag", "values": TAGS},
    "dark": {"type": "rule", "values": ["color-contrast", "link-in-text-block"]},
}
# Frames hold mails, in which no script runs.
_RUN = """async (runOnly) => {
  const found = await axe.run(document, {
    runOnly,
    resultTypes: ["violations", "incomplete"],
    iframes: false,
  });
  const told = (rules) => rules.flatMap(({ id, nodes }) =>
    nodes.map(({ target, any, all, none }) => ({
      rule: id,
      target: target.join(" "),
      why: [...any, ...all, ...none].map(({ message }) => message).join("; "),
    })));
  return { wrong: told(found.violations), unsure: told(found.incomplete) };
}"""
_TOO_WIDE = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
_HAS_FORM = "!!document.querySelector('main form[method=post]:not([action])')"
# An empty form, as in the table: what is required and what must be chosen is missing.
_SEND_EMPTY = """() => {
  const form = document.querySelector("main form[method=post]:not([action])");
  for (const field of form.elements) {
    if (field.name !== "csrfmiddlewaretoken") field.disabled = true;
  }
  form.submit();
}"""
# What axe cannot decide by itself, and what we saw when we looked at it.
_OBSCURED = "Element's background color could not be determined because it's partially obscured"
LOOKED_AT = {
    f"color-contrast: {_OBSCURED} by another element": (
        "Columns at the edge of a table that scrolls in its own box: ink on the page's ground."
    ),
    "color-contrast: Element content contains only non-text characters": (
        "Arrows beside the names of months: they are not read out, and in the colour of links."
    ),
    "frame-tested: The iframe still has to be tested with axe-core": "The mail in a frame.",
    "th-has-data-cells: Table data cells are missing or empty": "A list without people.",
}
# It stands in the page of another site, which has a foot of its own.
_IN_OTHER_PAGES = "embed"
# Who is asked to look, the first who may.
_LOOKING = ("owner", "lead", "trainer", "coordinator", "superuser", "anonymous")


def looks(site: Site) -> Iterator[tuple[str, str, str]]:
    """Every page, as its role, its name and its address; open ones are looked at unknown too."""
    for name, (looking, _) in TABLE.items():
        role = next((each for each in _LOOKING if looking[each] == 200), None)
        if role:
            yield role, name, site.addresses[name]
        if role and looking["anonymous"] == 200:
            yield "anonymous", name, site.addresses[name]
    for name, is_open in SIGN_IN.items():
        if "_from_key" not in name and "webauthn" not in name:
            yield ("anonymous" if is_open else "owner"), name, reverse(name)
    yield "owner", "not found", "/nowhere/"
    yield "owner", "month", "/programme/?view=month"


def contexts(browser: Browser, site: Site, base_url: str) -> dict[str, BrowserContext]:
    """A browser signed in for each role, with axe in every page."""
    found = {}
    for role in _LOOKING:
        context = browser.new_context(base_url=base_url)
        context.add_init_script(_AXE)
        sign_in(context, site.browsers[role], base_url)
        found[role] = context
    return found


def sign_in(context: BrowserContext, client: Client, base_url: str) -> None:
    """Give the browser the session of this client, if it has one."""
    morsel = client.cookies.get(settings.SESSION_COOKIE_NAME)
    if morsel:
        context.add_cookies([{"name": morsel.key, "value": morsel.value, "url": base_url}])


def checked(page: Page, name: str) -> tuple[list[str], dict[str, str]]:
    """What is wrong with the page now shown; what axe is not sure of, each with an example."""
    wrong: list[str] = []
    unsure: dict[str, str] = {}
    for screen in (DESK, PHONE):
        page.set_viewport_size(screen)
        for scheme in ("light", "dark"):
            page.emulate_media(color_scheme=scheme)
            found: dict[str, Any] = page.evaluate(_RUN, _RUN_ONLY[scheme])
            where = f"{name}, {screen['width']}, {scheme}"
            wrong += [
                f"{where}: {each['rule']} {each['target']}: {each['why']}"
                for each in found["wrong"]
            ]
            unsure |= {
                f"{each['rule']}: {each['why']}": f"{where}: {each['target']}"
                for each in found["unsure"]
            }
    for screen in (DESK, PHONE, NARROWEST):
        page.set_viewport_size(screen)
        if (wider := page.evaluate(_TOO_WIDE)) > 0:
            wrong.append(f"{name}: {wider} pixels too wide at {screen['width']}")
    title = page.evaluate("document.querySelector('title').textContent")
    if re.search(r"^\s|\s$|\s[:,.\s]", title):
        wrong.append(f"{name}: a stray space in the title {title!r}")
    has_foot = not name.startswith(_IN_OTHER_PAGES)
    if has_foot and page.get_by_role("contentinfo").get_by_text("Help:").count() != 1:
        wrong.append(f"{name}: no way to ask for help at its foot")
    return wrong, unsure


def is_opened(page: Page, address: str) -> bool:
    """Open what is there, if it is a page of ours: neither a file nor a mail."""
    try:
        answer = page.goto(address)
    except Error as error:
        if "Download is starting" not in str(error):
            raise
        return False
    assert answer, address
    is_mail = "sandbox" in answer.headers.get("content-security-policy", "")
    return not is_mail and answer.headers.get("content-type", "").startswith("text/html")


def states(page: Page, name: str, answer: Answer) -> Iterator[str]:
    """The page as it is opened, then as an empty form is answered, where that is refused."""
    yield name
    if answer == 422 and page.evaluate(_HAS_FORM):
        with page.expect_navigation():
            page.evaluate(_SEND_EMPTY)
        yield f"{name}, sent empty"


@pytest.mark.slow
def test_axe_finds_nothing_on_any_page(browser: Browser, base_url: str) -> None:
    site = make_site()
    pages = {role: each.new_page() for role, each in contexts(browser, site, base_url).items()}
    wrong: list[str] = []
    unsure: dict[str, str] = {}
    for role, name, address in looks(site):
        page = pages[role]
        if not is_opened(page, address):
            continue
        acting = TABLE[name][1][role] if name in TABLE else 200
        for state in states(page, f"{name} ({role})", acting):
            found, not_sure = checked(page, state)
            wrong += found
            unsure |= not_sure
    assert not wrong, "\n".join(wrong)
    new = [f"{why} {where}" for why, where in unsure.items() if why not in LOOKED_AT]
    assert not new, "\n".join(new)
