"""How the pages look where that decides: rows, the header on a phone, the button above the fold."""

from datetime import timedelta
from typing import Literal

import pytest
from django.utils import timezone
from playwright.sync_api import Browser, Page, ViewportSize, expect

from booking.catalogue.models import Session
from tests.browser.journeys import DESK, PHONE, as_person, let_in
from tests.factories import (
    make_coordinator,
    make_course,
    make_person,
    make_session,
    make_venue,
    morning,
)
from tests.people import book_now

pytestmark = pytest.mark.django_db(transaction=True)

LONG_TITLE = "Female Genital Mutilation, Forced Marriage and So-called Honour-based Abuse"


@pytest.fixture
def session() -> Session:
    """A session with a long title, two dates and a place with a name."""
    starts = morning(40)
    return make_session(
        course=make_course("LONG", title=LONG_TITLE, level=3),
        venue=make_venue("Reginald Centre, Community Suite"),
        sittings=[
            (starts, starts + timedelta(hours=3)),
            (starts + timedelta(days=7), starts + timedelta(days=7, hours=3)),
        ],
    )


def line_under_title(page: Page) -> str:
    """How the title of the first row is underlined."""
    title = page.locator(".app-session__title a").first
    return str(title.evaluate("title => getComputedStyle(title).textDecorationLine"))


def test_a_row_says_its_date_once_and_its_month_stands_above(page: Page, session: Session) -> None:
    page.goto("/programme/")
    row = page.get_by_role("listitem").filter(has_text=LONG_TITLE)
    expect(page.get_by_role("heading", level=2, name=f"{session.starts_at:%B %Y}")).to_be_visible()
    expect(row).to_contain_text("Level 3 training")
    expect(row).to_contain_text("Reginald Centre, Community Suite")
    assert row.inner_text().count(f"{session.starts_at:%Y}") == 1  # read out after the title
    page.goto("/programme/?q=honour")
    expect(page.locator(".app-sessions__month")).to_have_count(0)


@pytest.mark.parametrize("width", [1280, 768, 375])
def test_the_kind_stands_with_the_places_and_never_in_a_line_of_its_own(
    page: Page, session: Session, width: int
) -> None:
    page.set_viewport_size({"width": width, "height": 800})
    page.goto("/programme/")
    row = page.locator(".app-session").first
    kind = row.get_by_text("Level 3 training").bounding_box()
    places = row.get_by_text("20 places left").bounding_box()
    assert kind is not None
    assert places is not None
    if width > 640:
        assert kind["x"] + kind["width"] == pytest.approx(places["x"] + places["width"], abs=1)
    else:
        assert kind["y"] == pytest.approx(places["y"], abs=4)


@pytest.mark.parametrize("width", [1280, 768, 375, 320])
def test_when_booking_opens_takes_two_lines_at_most(
    page: Page, session: Session, width: int
) -> None:
    Session.objects.update(booking_opens_at=timezone.now() + timedelta(days=20))
    page.set_viewport_size({"width": width, "height": 800})
    # A list is kept for a second: not the one that the test before has asked for.
    page.goto("/programme/?q=genital")
    words = page.get_by_text("Booking opens").first
    box = words.bounding_box()
    assert box is not None
    line = words.evaluate("words => parseFloat(getComputedStyle(words).lineHeight)")
    assert box["height"] <= 2 * line + 1


def test_the_pages_of_an_account_fold_into_one_line_on_a_phone(
    browser: Browser, running_site: str
) -> None:
    person = make_person()
    phone = as_person(browser, person, running_site, PHONE, scripts=False)
    phone.goto("/accounts/profile/")
    pages = phone.get_by_role("navigation", name="Your account")
    box = pages.bounding_box()
    assert box is not None
    assert box["height"] <= 48
    expect(pages.get_by_role("link", name="Password")).to_be_hidden()
    pages.get_by_text("Pages of your account").click()
    expect(pages.get_by_role("link", name="Your details")).to_have_attribute("aria-current", "page")
    pages.get_by_role("link", name="Where you are signed in").click()
    expect(phone.get_by_role("heading", level=1, name="Where you are signed in")).to_be_visible()
    desk = as_person(browser, person, running_site, DESK)
    desk.goto("/accounts/profile/")
    expect(desk.get_by_role("link", name="Where you are signed in")).to_be_visible()
    expect(desk.get_by_text("Pages of your account")).to_be_hidden()


def test_the_pages_of_the_desk_fold_into_one_line_on_a_phone(
    browser: Browser, running_site: str
) -> None:
    coordinator = make_coordinator()
    phone = as_person(browser, coordinator, running_site, PHONE, scripts=False)
    phone.goto("/manage/people/")
    pages = phone.get_by_role("navigation", name="Manage")
    box = pages.bounding_box()
    assert box is not None
    assert box["height"] <= 48
    expect(pages.get_by_role("link", name="Venues")).to_be_hidden()
    pages.get_by_text("Pages of the desk").click()
    expect(pages.get_by_role("link", name="Find people")).to_have_attribute("aria-current", "page")
    pages.get_by_role("link", name="Courses").click()
    expect(phone.get_by_role("heading", level=1, name="Courses")).to_be_visible()
    desk = as_person(browser, coordinator, running_site, DESK)
    desk.goto("/manage/people/")
    expect(desk.get_by_role("link", name="Find people")).to_be_visible()
    expect(desk.get_by_text("Pages of the desk")).to_be_hidden()


def test_when_booking_opens_takes_one_line_of_a_month(page: Page, session: Session) -> None:
    Session.objects.update(booking_opens_at=timezone.now() + timedelta(days=20))
    page.set_viewport_size(DESK)
    page.goto("/programme/?view=month")
    words = page.get_by_text("Opens ").first
    box = words.bounding_box()
    assert box is not None
    line = words.evaluate("words => parseFloat(getComputedStyle(words).lineHeight)")
    assert box["height"] <= line + 1


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_date_of_a_ticket_stands_on_white_paper(
    browser: Browser, running_site: str, session: Session, scheme: Literal["light", "dark"]
) -> None:
    booking = book_now(session)
    page = as_person(browser, booking.person, running_site, PHONE)
    page.emulate_media(color_scheme=scheme)
    page.goto(booking.get_absolute_url())
    ground = "tile => getComputedStyle(tile).backgroundColor"
    assert page.locator(".app-date--tile").evaluate(ground) == "rgb(255, 255, 255)"


@pytest.mark.parametrize("width", [1280, 375, 320])
def test_no_line_ends_within_the_hours_of_a_ticket(
    browser: Browser, running_site: str, session: Session, width: int
) -> None:
    booking = book_now(session)
    screen: ViewportSize = {"width": width, "height": 800}
    page = as_person(browser, booking.person, running_site, screen)
    page.goto(booking.get_absolute_url())
    ends_within = """facts => {
      const text = facts.querySelector("dd").firstChild;
      const range = document.createRange();
      range.setStart(text, text.data.lastIndexOf(", ") + 2);
      range.setEndAfter(text);
      return range.getClientRects().length;
    }"""
    assert page.locator(".app-ticket__facts").evaluate(ends_within) == 1


def test_a_title_is_underlined_when_pointed_at_or_focused(page: Page, session: Session) -> None:
    page.set_viewport_size(DESK)
    page.goto("/programme/")
    assert line_under_title(page) == "none"
    page.locator(".app-session").first.hover()
    assert line_under_title(page) == "underline"
    page.mouse.move(0, 0)
    page.locator(".app-session__title a").first.focus()
    assert line_under_title(page) == "underline"
    page.goto("/programme/")
    page.emulate_media(forced_colors="active")
    assert line_under_title(page) == "underline"
    page.emulate_media(forced_colors="none", media="print")
    assert line_under_title(page) == "underline"


def test_a_title_is_always_underlined_where_nothing_can_hover(
    browser: Browser, base_url: str, session: Session
) -> None:
    phone = browser.new_context(base_url=base_url, viewport=PHONE, has_touch=True, is_mobile=True)
    page = phone.new_page()
    page.goto("/programme/")
    assert line_under_title(page) == "underline"


@pytest.mark.parametrize("letters", ["100%", "200%"])
def test_the_menu_of_a_phone_opens_without_scripts(
    browser: Browser, base_url: str, session: Session, letters: str
) -> None:
    context = browser.new_context(
        base_url=base_url,
        viewport={"width": 320, "height": 640},
        java_script_enabled=False,
    )
    page = context.new_page()
    page.goto("/programme/")
    page.evaluate("size => { document.documentElement.style.fontSize = size }", letters)
    header = page.get_by_role("banner")
    box = header.bounding_box()
    assert box is not None
    assert box["height"] <= (64 if letters == "100%" else 128)
    link = page.get_by_role("link", name="My bookings")
    expect(link).to_be_hidden()
    page.get_by_text("Menu", exact=True).click()
    expect(link).to_be_visible()
    where = link.bounding_box()
    assert where is not None
    assert where["x"] >= 0
    assert where["x"] + where["width"] <= 320
    link.click()
    page.wait_for_url("**/accounts/login/**")


@pytest.mark.parametrize("width", [375, 320])
def test_letters_of_twice_the_size_fit_a_phone(
    browser: Browser, running_site: str, session: Session, width: int
) -> None:
    booking = book_now(session)
    screen: ViewportSize = {"width": width, "height": 640}
    page = as_person(browser, booking.person, running_site, screen)
    for address in (
        "/",
        "/programme/",
        "/programme/?view=month",
        session.course.get_absolute_url(),
        session.get_absolute_url(),
        booking.get_absolute_url(),
        f"{booking.get_absolute_url()}move/",
        "/bookings/",
        "/accounts/profile/",
    ):
        page.goto(address)
        page.evaluate("document.documentElement.style.fontSize = '200%'")
        wider = page.evaluate(
            """[document.documentElement, ...document.querySelectorAll(".app-ticket")]
              .map(box => box.scrollWidth - box.clientWidth)"""
        )
        assert max(wider) <= 0, address
        brand = page.locator(".app-header__name").bounding_box()
        menu = page.get_by_text("Menu", exact=True).bounding_box()
        assert brand is not None
        assert menu is not None
        is_beside = brand["x"] + brand["width"] <= menu["x"]
        assert is_beside or brand["y"] + brand["height"] <= menu["y"], address


def test_on_a_desk_the_menu_is_open_in_one_line(page: Page, session: Session) -> None:
    page.set_viewport_size(DESK)
    page.goto("/programme/")
    expect(page.get_by_role("link", name="My bookings")).to_be_visible()
    expect(page.get_by_text("Menu", exact=True)).to_be_hidden()
    box = page.get_by_role("banner").bounding_box()
    assert box is not None
    assert box["height"] <= 64


def test_the_button_to_book_is_above_the_fold_of_a_phone(page: Page, session: Session) -> None:
    session.course.prerequisites.add(make_course(title="Working Together to Safeguard Children"))
    session.course.needs_manager_approval = True
    session.course.save()
    Session.objects.update(agency_limit=4)
    page.set_viewport_size(PHONE)
    page.goto(session.get_absolute_url())
    expect(page.get_by_text("Before this course you need")).to_be_visible()
    box = page.get_by_role("button", name="Book a place").bounding_box()
    assert box is not None
    assert box["y"] + box["height"] <= PHONE["height"]


def test_the_search_of_the_first_page_has_room_to_type_on_a_phone(page: Page) -> None:
    page.set_viewport_size({"width": 320, "height": 640})
    page.goto("/")
    box = page.get_by_label("Search the programme").bounding_box()
    assert box is not None
    assert box["width"] >= 120


def test_a_title_of_one_long_word_makes_no_page_too_wide(page: Page) -> None:
    course = make_course(title=f"Safeguarding{'x' * 120}", summary="y" * 300)
    session = make_session(course=course, starts_at=morning(20))
    let_in(page.context, make_coordinator())
    of_session = (f"sessions/{session.pk}/", f"sessions/copy/?session={session.pk}")
    desk = [f"/manage/{each}" for each in ("courses/", "sessions/", *of_session)]
    wider = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
    for path in (course.get_absolute_url(), session.get_absolute_url(), *desk):
        for width in (1280, 768, 375):
            page.set_viewport_size({"width": width, "height": 800})
            page.goto(path)
            assert page.evaluate(wider) <= 0, (path, width)
