"""Finding a session, in a real browser with and without scripts."""

from datetime import timedelta
from zoneinfo import ZoneInfo

import pytest
from playwright.sync_api import Browser, Page, expect

from booking.catalogue.models import Course, DiaryDate, Session
from tests.browser.journeys import Accessible, show_heading
from tests.factories import make_course, make_session, morning

pytestmark = pytest.mark.django_db(transaction=True)

LONDON = ZoneInfo("Europe/London")


@pytest.fixture
def programme() -> list[Session]:
    """Three sessions that differ in what the filters ask."""
    soon = morning(3)
    abuse = make_course("DA", title="Domestic Abuse and its Impact on Children", level=2)
    loans = make_course("LOAN", title="Illegal Money Lending", kind=Course.Kind.BRIEFING)
    neglect = make_course("NEG", title="Recognising Neglect", level=2)
    DiaryDate.objects.create(
        title="Safer Internet Day", starts=soon.date(), ends=soon.date() + timedelta(days=1)
    )
    return [
        make_session(course=abuse, starts_at=soon),
        make_session(
            course=loans,
            delivery="online",
            meeting="https://meet.example/x",
            starts_at=soon + timedelta(days=1),
        ),
        make_session(
            course=neglect, capacity=1, places_taken=1, starts_at=soon + timedelta(days=2)
        ),
    ]


def titles(page: Page) -> list[str]:
    """The sessions listed, without the date that is read out after each."""
    found = page.locator(".app-session__title a").all_inner_texts()
    return [title.split(",")[0].strip() for title in found]


@pytest.mark.parametrize("width", [375, 1280])
def test_search_forgives_and_filters_update_in_place(
    page: Page, programme: list[Session], accessible: Accessible, width: int
) -> None:
    page.set_viewport_size({"width": width, "height": 900})
    page.goto("/programme/")
    assert len(titles(page)) == 3
    accessible(page)
    page.get_by_label("Search by subject").fill("domestc abuse")
    expect(page.get_by_role("status")).to_contain_text("1 session")
    assert titles(page) == ["Domestic Abuse and its Impact on Children"]
    accessible(page)
    page.get_by_label("Search by subject").fill("")
    expect(page.get_by_role("status")).to_contain_text("3 sessions")
    if width == 375:
        page.get_by_text("Filters", exact=True).click()
    page.get_by_label("Type").select_option("briefing")
    expect(page.get_by_role("status")).to_contain_text("1 session")
    assert titles(page) == ["Illegal Money Lending"]
    assert "kind=briefing" in page.url
    accessible(page)
    page.get_by_label("Type").select_option("")
    page.get_by_label("Only with places left").check()
    expect(page.get_by_role("status")).to_contain_text("2 sessions")
    page.goto("/programme/?q=zzzzzz")
    expect(page.get_by_role("status")).to_contain_text("0 sessions")
    accessible(page)


def test_filters_work_without_javascript(
    browser: Browser, running_site: str, programme: list[Session]
) -> None:
    context = browser.new_context(java_script_enabled=False, base_url=running_site)
    page = context.new_page()
    page.goto("/programme/")
    page.get_by_label("Where").select_option("online")
    page.get_by_role("button", name="Apply filters").click()
    assert titles(page) == ["Illegal Money Lending"]
    page.get_by_role("link", name="Clear filters").click()
    assert len(titles(page)) == 3


@pytest.mark.parametrize("width", [375, 1280])
def test_start_month_course_and_session_pages(
    page: Page, programme: list[Session], accessible: Accessible, width: int
) -> None:
    page.set_viewport_size({"width": width, "height": 900})
    page.goto("/")
    show_heading(page, "Safeguarding training, for every agency")
    expect(page.get_by_text("Safer Internet Day")).to_be_visible()
    accessible(page)
    page.goto("/programme/?view=month")
    expect(page.get_by_role("link", name="Domestic Abuse").first).to_be_visible()
    accessible(page)
    page.goto("/courses/DA/")
    show_heading(page, "Domestic Abuse and its Impact on Children")
    accessible(page)
    page.goto(programme[2].get_absolute_url())
    expect(page.get_by_role("button", name="Join the waiting list")).to_be_visible()
    accessible(page)
    for path in ("/accessibility/", "/privacy/", "/nowhere/"):
        page.goto(path)
        accessible(page)


def test_what_stands_around_the_filters_agrees_with_them(
    page: Page, programme: list[Session]
) -> None:
    page.goto("/programme/")
    page.get_by_label("Type").select_option("briefing")
    expect(page.get_by_role("status")).to_contain_text("1 session")
    views = page.get_by_role("list", name="Ways to see the programme")
    expect(views.get_by_role("link", name="Month")).to_have_attribute(
        "href", "?kind=briefing&view=month"
    )
    expect(page.locator(".app-filters__summary")).to_have_text("Filters (1)")
    page.get_by_label("Where").select_option("online")
    expect(page.locator(".app-filters__summary")).to_have_text("Filters (2)")
    page.go_back()
    expect(page.locator(".app-filters__summary")).to_have_text("Filters (1)")
    expect(page.get_by_label("Where")).to_have_value("")
    expect(page.get_by_label("Type")).to_have_value("briefing")
    page.get_by_role("link", name="Illegal Money Lending").click()
    page.go_back()
    expect(page.get_by_label("Type")).to_have_value("briefing")
    page.get_by_label("Only with places left").check()
    expect(page.locator(".app-filters__summary")).to_have_text("Filters (2)")
    assert "kind=briefing" in page.url
    assert "places=on" in page.url


def test_apply_leads_to_the_list_on_a_phone(page: Page, programme: list[Session]) -> None:
    page.set_viewport_size({"width": 375, "height": 700})
    page.goto("/programme/")
    page.get_by_text("Filters", exact=True).click()
    page.get_by_label("Type").select_option("briefing")
    page.get_by_role("button", name="Apply filters").click()
    expect(page.get_by_role("button", name="Apply filters")).to_be_hidden()
    expect(page.get_by_text("Filters (1)")).to_be_attached()
    expect(page.get_by_role("link", name="Illegal Money Lending")).to_be_in_viewport()


def test_a_request_that_fails_is_said_and_undone(page: Page, programme: list[Session]) -> None:
    page.goto("/programme/")
    page.route("**/programme/?*", lambda route: route.abort())
    page.get_by_label("Type").select_option("briefing")
    expect(page.get_by_role("alert")).to_contain_text("nothing has changed")
    expect(page.get_by_label("Type")).to_have_value("")
    assert len(titles(page)) == 3
    page.unroute("**/programme/?*")
    page.get_by_label("Type").select_option("briefing")
    expect(page.get_by_role("status")).to_contain_text("1 session")
    expect(page.get_by_role("alert")).to_be_hidden()
