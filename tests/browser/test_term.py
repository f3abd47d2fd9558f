"""A coordinator's term: planned, copied and published together; a partnership set up anew.

Presses and fields are counted, and printed with `-s`.
"""

import sys
from dataclasses import dataclass
from datetime import date, timedelta

import pytest
from django.utils import timezone
from playwright.sync_api import Browser, Locator, Page, expect

from accounts.models import Agency, User
from booking.catalogue.models import Session
from booking.partnership import kept
from booking.partnership.models import USUAL_LEVELS
from tests.browser.journeys import DESK, PHONE, Accessible, as_person, show_heading
from tests.factories import (
    make_coordinator,
    make_course,
    make_session,
    make_trainer,
    make_venue,
    morning,
)
from tests.partnership.samples import PNG

pytestmark = pytest.mark.django_db(transaction=True)


@dataclass
class Hands:
    """A page of a browser, and how often its coordinator pressed or filled in something."""

    page: Page
    count: int = 0

    def press(self, name: str, *, role: str = "button", within: Locator | None = None) -> None:
        """Press a button or follow a link of this name; some links are called buttons."""
        self.count += 1
        where = within or self.page.get_by_role("main")
        found = where.get_by_role("button", name=name)
        if role == "link":
            found = found.or_(where.get_by_role("link", name=name))
        found.first.click()

    def section(self, *names: str) -> None:
        """Follow links of the desk's navigation."""
        for name in names:
            self.count += 1
            desk = self.page.locator(".app-subnav--desk, .app-subnav--pages")
            desk.get_by_role("link", name=name, exact=True).first.click()

    def fill(self, label: str, value: str, *, within: Locator | None = None) -> None:
        """Fill in one field."""
        self.count += 1
        (within or self.page.get_by_role("main")).get_by_label(label, exact=True).fill(value)

    def choose(self, label: str, value: str, *, within: Locator | None = None) -> None:
        """Choose from one list."""
        self.count += 1
        lists = within or self.page.get_by_role("main")
        lists.get_by_label(label, exact=True).select_option(label=value)

    def tick(self, label: str, *, within: Locator | None = None) -> None:
        """Tick one box."""
        self.count += 1
        (within or self.page.get_by_role("main")).get_by_label(label).first.check()


@pytest.fixture
def coordinator() -> User:
    """Who plans."""
    return make_coordinator("coordinator@agency.example")


def a_tuesday(weeks: int = 0) -> date:
    """A Tuesday of next year's February, or so many weeks later."""
    first = date(timezone.localdate().year + 1, 2, 1)
    return first + timedelta(days=(1 - first.weekday()) % 7, weeks=weeks)


@pytest.mark.parametrize("scripts", [True, False], ids=["scripts", "plain"])
def test_five_dates_of_two_sittings_are_planned_in_25_presses_and_fields(
    browser: Browser, base_url: str, coordinator: User, accessible: Accessible, scripts: bool
) -> None:
    make_course(title="Neglect", usual_sittings=2, code="NEG")
    make_venue("Reginald Centre")
    make_trainer(first_name="Sam", last_name="Green")
    page = as_person(browser, coordinator, base_url, DESK, scripts=scripts)
    page.goto("/manage/sessions/")
    hands = Hands(page)
    hands.press("Plan several dates", role="link")
    hands.choose("Course", "Neglect (NEG)")
    hands.press("Continue")
    row = page.get_by_role("group", name="Session 1")
    hands.fill("Date 1", a_tuesday().isoformat(), within=row)
    row.get_by_label("Starts").first.fill("09:30")
    row.get_by_label("Ends").first.fill("12:30")
    hands.count += 2
    hands.fill("Date 2", a_tuesday(1).isoformat(), within=row)
    hands.choose("Where", "Reginald Centre", within=row)
    row.get_by_text("0 trainers").click()
    hands.count += 1
    hands.tick("Sam Green", within=row)
    hands.press("Another session")
    row = page.get_by_role("group", name="Session 2")
    expect(row.get_by_label("Where").locator("option:checked")).to_have_text("Reginald Centre")
    hands.fill("Date 1", a_tuesday(2).isoformat(), within=row)
    hands.fill("Date 2", a_tuesday(3).isoformat(), within=row)
    for _ in range(3):
        hands.press("Another session")
    expect(page.get_by_role("group", name="Session 5")).to_be_visible()
    if scripts:
        accessible(page)
    hands.press("Save as drafts")
    if page.get_by_text("Nothing is saved yet.").count():
        hands.press("Save as drafts")
    show_heading(page, "Publish drafts together")
    sys.stdout.write(f"\nFive dates of two sittings: {hands.count} presses and fields\n")
    assert hands.count <= 25
    drafts = list(Session.objects.order_by("starts_at"))
    days = [[each.starts_at.date() for each in draft.sittings.all()] for draft in drafts]
    assert len(drafts) == 5
    assert days[0] == [a_tuesday(), a_tuesday(1)]
    assert all(each.sittings.count() == 2 and each.trainers.count() == 1 for each in drafts)
    assert {each.where for each in drafts} == {"Reginald Centre"}


@pytest.mark.parametrize("screen", [DESK, PHONE], ids=["desk", "phone"])
def test_last_term_is_copied_in_four_presses_and_published_with_clashes_shown(
    browser: Browser,
    base_url: str,
    coordinator: User,
    accessible: Accessible,
    screen: dict[str, int],
) -> None:
    hall, course = make_venue("Town Hall"), make_course(title="Neglect")
    # Mondays to Fridays of the last weeks, each at another venue but one.
    today = timezone.localdate()
    monday = today - timedelta(days=today.weekday())
    starts = [morning((monday - today).days - 7 * week + 2) for week in range(1, 13)]
    for number, at in enumerate(starts):
        venue = hall if number == 0 else make_venue(f"Room {number}")
        make_session(course=course, starts_at=at, state="completed", venue=venue)
    other = make_course(title="Prevent")
    make_session(course=other, starts_at=starts[0] + timedelta(weeks=30), venue=hall)
    page = as_person(browser, coordinator, base_url, screen)  # type: ignore[arg-type]
    page.goto("/manage/sessions/")
    hands = Hands(page)
    hands.press("Copy a term", role="link")
    expect(page.get_by_label("Neglect")).to_have_count(12)
    accessible(page)
    page.get_by_label("Weeks later").fill("30")
    hands.press("Show the new dates")
    show_heading(page, "The new dates")
    accessible(page)
    hands.press("Save as drafts")
    show_heading(page, "Publish drafts together")
    expect(page.get_by_text("Town Hall is also used by Prevent")).to_be_visible()
    # The hall and its trainers stand one below another, on a phone too.
    assert "\n" in page.get_by_role("cell", name="No trainer yet").first.inner_text()
    accessible(page)
    hands.press("Publish the chosen")
    expect(page.get_by_text("12 sessions published")).to_be_visible()
    sys.stdout.write(
        f"\nTwelve sessions copied and published: {hands.count} presses and the shift\n"
    )
    assert hands.count == 4
    assert Session.objects.filter(course=course, state="published").count() == 12


def test_a_new_partnership_is_set_up_in_under_60_presses_and_fields(
    browser: Browser, base_url: str, coordinator: User, accessible: Accessible
) -> None:
    page = as_person(browser, coordinator, base_url, DESK)
    page.goto("/manage/")
    hands = Hands(page)
    hands.section("Settings", "Rules of cancelling")
    hands.press("Make new rules", role="link")
    hands.fill("Name", "Five working days")
    hands.press("Make these rules")
    hands.section("Partnership")
    hands.fill("Name of the partnership", "Calderdale Safeguarding Partnership")
    page.get_by_label("New logo").set_input_files(
        {"name": "logo.png", "mimeType": "image/png", "buffer": PNG}
    )
    hands.count += 1
    hands.fill("Colour (optional)", "#7a1f4b")
    hands.fill("Email address for help (optional)", "training@calderdale.example")
    hands.fill("Phone number for help (optional)", "01422 496 000")
    hands.choose("Usual rules of cancelling", "Five working days")
    hands.fill("Booking closes, working days before (optional)", "2")
    term = f"Spring = {a_tuesday(-3)} to {a_tuesday(6)}"
    hands.fill("Dates of terms (optional)", term)
    hands.fill("Levels", f"{USUAL_LEVELS}\nLevel 4 = I train others\nLevel 5 = I run a service")
    hands.press("Save")
    expect(page.get_by_text("Saved.")).to_be_visible()
    expect(page.get_by_text("On dark screens links and buttons are")).to_be_visible()
    accessible(page)
    for name, sector, domain in (
        ("Calderdale Council", "Local authority", "calderdale.example"),
        ("West Yorkshire Police", "Police", "police.example"),
    ):
        hands.section("Agencies")
        hands.press("New agency", role="link")
        hands.fill("Name", name)
        hands.choose("Sector", sector)
        hands.fill("Email domains (optional)", domain)
        hands.press("Save")
    accessible(page)
    hands.section("Courses", "Venues")
    hands.press("New venue", role="link")
    hands.fill("Name", "Town Hall")
    hands.fill("Address", "Crossley Street, Halifax, HX1 1UJ")
    hands.press("Save")
    hands.section("Courses")
    hands.press("New course", role="link")
    expect(page.get_by_label("Rules of cancelling")).to_have_value(
        page.get_by_role("option", name="Five working days").get_attribute("value") or "none"
    )
    hands.fill("Title", "Neglect: seeing it early")
    hands.fill("Code", "NEG")
    hands.tick("Training")
    hands.choose("Level of the course", "Level 4")
    hands.press("Save")
    hands.press("Neglect", role="link")
    hands.press("schedule a session", role="link")
    row = page.get_by_role("group", name="Date 1")
    hands.fill("Date", a_tuesday().isoformat(), within=row)
    hands.fill("Starts", "09:30", within=row)
    hands.fill("Ends", "12:30", within=row)
    hands.choose("Venue, if in person", "Town Hall")
    hands.press("Publish")
    expect(page.get_by_text("is published: people can find it")).to_be_visible()
    sys.stdout.write(f"\nA new partnership: {hands.count} presses and fields\n")
    assert hands.count < 60
    kept.forget()
    made = kept.the_partnership()
    assert (made.name, made.colour, made.closes_days) == (
        "Calderdale Safeguarding Partnership",
        "#7a1f4b",
        2,
    )
    session = Session.objects.get()
    assert session.policy is not None
    assert (session.policy.name, session.course.level) == ("Five working days", 4)
    assert session.booking_closes_at is not None
    names = set(Agency.objects.values_list("name", flat=True))
    assert {"Calderdale Council", "West Yorkshire Police"} <= names
    page.goto("/programme/")
    expect(page.get_by_text("Level 4 training")).to_be_visible()
