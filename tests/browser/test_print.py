"""Pages on paper: as many sheets as they need, ink that can be read, nothing over anything."""

import re
from datetime import timedelta

import pytest
from playwright.sync_api import Browser, Page, ViewportSize, expect

from accounts.models import User
from booking.catalogue.models import Session
from tests.browser.test_every_page import sign_in
from tests.factories import (
    make_course,
    make_person,
    make_session,
    make_trainer,
    make_venue,
    morning,
)
from tests.people import book_now, signed_in

pytestmark = pytest.mark.django_db(transaction=True)

SHEETS = pytest.mark.parametrize("landscape", [False, True], ids=["portrait", "landscape"])
# What is shown of 210 by 297 millimetres within margins of 14, at 96 pixels an inch.
PORTRAIT: ViewportSize = {"width": 688, "height": 1017}
LANDSCAPE: ViewportSize = {"width": 1017, "height": 688}
_PALE = """() => [...document.querySelectorAll("body *")].filter((element) => {
  const says = [...element.childNodes].some((node) => node.nodeType === 3 && node.data.trim());
  const isSeen = element.checkVisibility() && !element.closest(".govuk-visually-hidden");
  if (!says || !isSeen) return false;
  const [red, green, blue] = getComputedStyle(element).color.match(/[\\d.]+/g).map(Number);
  return red + green + blue > 300;
}).map((element) => element.outerHTML.slice(0, 120))"""
_OVER_EACH_OTHER = """(rows) => {
  const boxes = [...document.querySelectorAll(rows)].map((row) => row.getBoundingClientRect());
  return boxes.filter((box, index) => index && box.top < boxes[index - 1].bottom - 1).length;
}"""


def sheets(page: Page, *, landscape: bool) -> int:
    """How many sheets of A4 Chromium prints the page on."""
    printed = page.pdf(format="A4", landscape=landscape, prefer_css_page_size=False)
    return len(re.findall(rb"/Type\s*/Page\b(?!s)", printed))


def on_paper(page: Page, rows: str, *, landscape: bool) -> None:
    """The page as it is printed, of a screen that is dark: ink, and rows one below another."""
    page.set_viewport_size(LANDSCAPE if landscape else PORTRAIT)
    page.emulate_media(media="print", color_scheme="dark")
    assert page.evaluate(_PALE) == []
    assert page.locator(rows).count() > 0
    assert page.evaluate(_OVER_EACH_OTHER, rows) == 0
    broken = "rows => rows.filter(row => getComputedStyle(row).breakInside !== 'avoid').length"
    assert page.locator(rows).evaluate_all(broken) == 0
    wider = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
    assert page.evaluate(wider) <= 0
    page.emulate_media(media="null")  # else its sheets would be printed as on a screen


def look(browser: Browser, base_url: str, person: User, address: str) -> Page:
    """A page as this person opens it."""
    context = browser.new_context(base_url=base_url)
    sign_in(context, signed_in(person), base_url)
    page = context.new_page()
    page.goto(address)
    return page


@SHEETS
def test_a_programme_of_75_sessions_is_five_sheets(page: Page, landscape: bool) -> None:
    venue = make_venue("Reginald Centre, Community Suite")
    courses = [
        make_course(title="Working Together to Safeguard Children and Young People", level=3),
        make_course(title="Female Genital Mutilation, Forced Marriage and Honour-based Abuse"),
        make_course(title="Rethink Formulation", kind="briefing"),
    ]
    for number in range(75):
        starts = morning(30 + 2 * number)
        days = (0, 7) if number % 3 == 0 else (0,)
        dates = [starts + timedelta(days=each) for each in days]
        make_session(
            course=courses[number % 3],
            venue=venue,
            sittings=[(each, each + timedelta(hours=3)) for each in dates],
        )
    page.goto("/programme/")
    page.get_by_role("link", name="Show all 75 on one page, to print").click()
    expect(page.locator(".app-session")).to_have_count(75)
    on_paper(page, ".app-session", landscape=landscape)
    page.emulate_media(media="print")
    for gone in ("Apply filters", "Search", "Menu"):
        expect(page.get_by_text(gone, exact=True)).to_be_hidden()
    assert 1 < sheets(page, landscape=landscape) <= 5


def test_a_list_on_paper_says_what_it_is_filtered_by(page: Page) -> None:
    make_session(course=make_course(title="Neglect"), starts_at=morning(30))
    page.goto("/programme/?q=neglect&places=on")
    page.emulate_media(media="print")
    for chip in ("“neglect”", "With places left"):
        expect(page.locator(".app-chip").filter(has_text=chip)).to_be_visible()
    expect(page.get_by_text("×").first).to_be_hidden()
    expect(page.get_by_role("link", name="Month", exact=True)).to_be_hidden()
    assert page.evaluate(_PALE) == []


def test_a_month_on_paper_leads_to_no_other(page: Page) -> None:
    make_session(starts_at=morning(30))
    page.goto("/programme/?view=month")
    expect(page.locator("[rel=next]")).to_be_visible()
    page.emulate_media(media="print")
    expect(page.locator("[rel=next]")).to_be_hidden()
    assert page.evaluate(_PALE) == []


@SHEETS
def test_a_session_a_ticket_and_a_list_to_sign(
    browser: Browser, base_url: str, landscape: bool
) -> None:
    trainer = make_trainer()
    session: Session = make_session(trainers=[trainer], starts_at=morning(40), capacity=40)
    bookings = [
        book_now(session, make_person(first_name="Amy", last_name=f"Long-Surname {number}"))
        for number in range(30)
    ]
    page = look(browser, base_url, bookings[0].person, session.get_absolute_url())
    on_paper(page, ".govuk-summary-list__row", landscape=landscape)
    assert sheets(page, landscape=landscape) <= 2
    page.goto(bookings[0].get_absolute_url())
    on_paper(page, ".app-ticket", landscape=landscape)
    assert sheets(page, landscape=landscape) == 1
    page = look(browser, base_url, trainer, f"/sessions/{session.pk}/attendees/print/")
    on_paper(page, ".govuk-table__body .govuk-table__row", landscape=landscape)
    assert sheets(page, landscape=landscape) <= 3
