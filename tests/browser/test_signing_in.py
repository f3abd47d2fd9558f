"""Signing in to book, on a phone, with the mistakes that people make."""

from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserType, Page, expect

from accounts.models import User
from booking.catalogue.models import Session
from booking.places.models import Booking
from tests.browser.journeys import PHONE, Accessible, Mail, read_code, show_heading, sign_in
from tests.factories import make_agency, make_course, make_person, make_session, morning

pytestmark = pytest.mark.django_db(transaction=True)

ADDRESS = "priya.shah@school.example"
WRONG = "prija.shah@school.example"
# Presses of a person; what a script does is not trusted. Typing is not counted.
_COUNT_PRESSES = """
  const count = () => sessionStorage.setItem("presses", 1 + +sessionStorage.getItem("presses"));
  addEventListener("click", (event) => event.isTrusted && event.detail && count(), true);
  addEventListener("keydown", (event) => event.isTrusted && event.key === "Enter" && count(), true);
"""
_PRESSES = "+sessionStorage.getItem('presses')"
# What has to be filled in: fields that are seen, empty, and not optional.
_TO_FILL = """() => [...document.querySelectorAll("main form :is(input, select, textarea)")].filter(
  (field) => field.checkVisibility() && field.value === "" && field.labels.length
    && !field.labels[0].textContent.includes("(optional)")).length"""


@pytest.fixture
def phone(browser: Browser, running_site: str) -> Iterator[Page]:
    """A phone whose presses are counted."""
    context = browser.new_context(base_url=running_site, viewport=PHONE)
    context.add_init_script(_COUNT_PRESSES)
    yield context.new_page()
    context.close()


def course(title: str, days: int) -> Session:
    return make_session(course=make_course(title=title), starts_at=morning(days))


def press(page: Page, name: str) -> None:
    page.get_by_role("button", name=name).click()


def ask_for_code(page: Page, session: Session, address: str) -> None:
    """From the session's page to that of the code."""
    page.goto(session.get_absolute_url())
    press(page, "Book a place")
    page.get_by_label("Your work email address").fill(address)
    press(page, "Email me a code")
    show_heading(page, "Enter the code we sent you")


def enter(page: Page, code: str) -> None:
    page.get_by_label("Code", exact=True).fill(code)
    press(page, "Continue")


def test_a_wrong_address_is_corrected_with_a_press(
    phone: Page, mail: Mail, accessible: Accessible
) -> None:
    make_person(ADDRESS)
    session = course("Working Together", 20)
    ask_for_code(phone, session, WRONG)
    expect(phone.get_by_text("You are booking: Working Together")).to_be_visible()
    accessible(phone)
    press(phone, "Correct the address")
    field = phone.get_by_label("Your work email address")
    expect(field).to_have_value(WRONG)
    expect(phone.get_by_text("You are booking: Working Together")).to_be_visible()
    accessible(phone)
    field.fill(ADDRESS)
    press(phone, "Email me a code")
    enter(phone, f"Your code: {read_code(mail(ADDRESS, 'code'))}")
    press(phone, "Book this place")
    show_heading(phone, "You're booked")


def test_another_session_while_a_code_is_awaited(
    phone: Page, mail: Mail, accessible: Accessible
) -> None:
    make_person(ADDRESS)
    first, second = course("Neglect", 20), course("Online safety", 25)
    ask_for_code(phone, first, ADDRESS)
    phone.goto(second.get_absolute_url())
    press(phone, "Book a place")
    expect(phone.get_by_text("You are booking: Online safety")).to_be_visible()
    expect(phone.get_by_label("Your work email address")).to_be_visible()
    accessible(phone)
    phone.goto("/accounts/login/")
    expect(phone.get_by_text("You are booking: Online safety")).to_be_visible()
    press(phone, "Enter that code")
    expect(phone.get_by_text("You are booking: Online safety")).to_be_visible()
    enter(phone, read_code(mail(ADDRESS, "code")))
    show_heading(phone, "Online safety")
    press(phone, "Book this place")
    show_heading(phone, "You're booked")


def test_the_booking_goes_on_after_five_wrong_codes(
    phone: Page, mail: Mail, accessible: Accessible
) -> None:
    make_person(ADDRESS)
    ask_for_code(phone, course("Neglect", 20), ADDRESS)
    first = mail(ADDRESS, "code")
    enter(phone, "")
    expect(phone.get_by_text("An empty answer does not count").last).to_be_visible()
    accessible(phone)
    for _ in range(5):
        show_heading(phone, "Enter the code we sent you")
        enter(phone, "BBB-BBB")
    show_heading(phone, "Sign in or create your account")
    expect(phone.get_by_text("Ask for a new code now")).to_be_visible()
    expect(phone.get_by_text("You are booking: Neglect")).to_be_visible()
    expect(phone.get_by_label("Your work email address")).to_have_value(ADDRESS)
    press(phone, "Email me a code")
    show_heading(phone, "Enter the code we sent you")
    newest = next(
        code for _ in range(200) if (code := read_code(mail(ADDRESS, "code"))) != read_code(first)
    )
    enter(phone, newest)
    show_heading(phone, "Neglect")


def test_an_agency_is_searched_and_chosen_without_javascript(
    browser: Browser, running_site: str, mail: Mail
) -> None:
    for number in range(300):
        make_agency(f"School number {number}")
    chosen = make_agency("St George's Primary School")
    make_agency("St George's High School")
    session = course("Neglect", 20)
    context = browser.new_context(java_script_enabled=False, base_url=running_site, viewport=PHONE)
    page = context.new_page()
    page.goto(session.get_absolute_url())
    press(page, "Book a place")
    sign_in(page, ADDRESS, mail)
    page.get_by_label("First name").fill("Priya")
    page.get_by_label("Who do you work for?").fill("st georges")
    press(page, "Find your agency")
    expect(page.get_by_role("heading", name="There is a problem")).to_have_count(0)
    expect(page.get_by_label("First name")).to_have_value("Priya")
    expect(page.get_by_label("My agency is not listed")).to_be_visible()
    page.get_by_label("St George's Primary School").check()
    page.get_by_label("Last name").fill("Shah")
    page.get_by_label("Job title").fill("Teacher")
    # Enter books; it does not look for the agency again.
    page.get_by_label("Job title").press("Enter")
    show_heading(page, "You're booked")
    assert User.objects.get(email=ADDRESS).agency == chosen
    context.close()


def test_how_many_screens_fields_and_presses_a_booking_takes(phone: Page, mail: Mail) -> None:
    make_agency("St George's Primary School")
    first, second = course("Neglect", 20), course("Online safety", 25)
    phone.goto(first.get_absolute_url())
    screens: list[str] = []
    phone.on("domcontentloaded", lambda shown: screens.append(shown.url))
    press(phone, "Book a place")
    sign_in(phone, ADDRESS, mail)
    show_heading(phone, "Neglect")
    fields = phone.evaluate(_TO_FILL)
    for label, typed in (
        ("First name", "Priya"),
        ("Last name", "Shah"),
        ("Job title", "Teacher"),
        ("Who do you work for?", "St. Georges primary school"),
    ):
        phone.get_by_label(label).fill(typed)
    press(phone, "Book this place")
    show_heading(phone, "You're booked")
    phone.goto(second.get_absolute_url())
    before = phone.evaluate(_PRESSES)
    screens_of_first = len(screens) - 1
    press(phone, "Book a place")
    press(phone, "Book this place")
    show_heading(phone, "You're booked")
    presses = phone.evaluate(_PRESSES) - before
    told = f"First booking: {screens_of_first} screens, {fields} fields. Second: {presses} presses."
    print(told)  # noqa: T201
    assert screens_of_first == 4
    assert fields <= 4
    assert presses == 2


@pytest.mark.parametrize("remembers", [True, False], ids=["bfcache", "no bfcache"])
@pytest.mark.parametrize("scripts", [True, False], ids=["scripts", "no scripts"])
@pytest.mark.parametrize("signs_in", [True, False], ids=["signs in", "is signed in"])
def test_back_after_booking_shows_the_session_as_it_is_now(
    browser_type: BrowserType,
    browser_type_launch_args: dict[str, Any],
    running_site: str,
    mail: Mail,
    remembers: bool,
    scripts: bool,
    signs_in: bool,
) -> None:
    make_person(ADDRESS)
    session = course("Neglect", 20)
    kept = ["--disable-back-forward-cache"] if remembers else []
    browser = browser_type.launch(**browser_type_launch_args, ignore_default_args=kept)
    page = browser.new_page(base_url=running_site, viewport=PHONE, java_script_enabled=scripts)
    if not signs_in:
        page.goto("/accounts/login/")
        sign_in(page, ADDRESS, mail)
        show_heading(page, "My bookings")
    page.goto(session.get_absolute_url())
    press(page, "Book a place")
    if signs_in:
        sign_in(page, ADDRESS, mail)
    press(page, "Book this place")
    show_heading(page, "You're booked")
    assert Booking.objects.live().count() == 1
    # At once, as from the list of a long press on Back: pages of forms may ask to be sent again.
    page.evaluate(f"history.go({-4 if signs_in else -2})")
    expect(page).to_have_url(f"{running_site}{session.get_absolute_url()}")
    expect(page.get_by_role("button", name="Book a place")).to_have_count(0)
    expect(page.get_by_text("You have a place").first).to_be_visible()
    browser.close()
