"""An agency lead's pages, and places that change hands or dates, in a real browser."""

import re
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from accounts.models import User
from booking.catalogue.models import Session
from booking.places.models import Booking
from tests.browser.journeys import Accessible, Mail, let_in, show_heading
from tests.factories import make_agency, make_course, make_lead, make_person, make_session, morning
from tests.people import book_now

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def lead() -> User:
    """The lead of an agency with two colleagues."""
    agency = make_agency("West Yorkshire Police", domains=["police.example"])
    for first, last in (("Zoë", "Robinson"), ("Amy", "Brown")):
        make_person(
            f"{first[:2].lower()}@police.example".replace("ë", "e"),
            first_name=first,
            last_name=last,
            agency=agency,
        )
    return make_lead("priya@police.example", first_name="Priya", last_name="Shah", agency=agency)


def session_of(title: str, *, days: int = 21, **fields: object) -> Session:
    """A session of a new course."""
    fields.setdefault("course", make_course(title=title))
    return make_session(starts_at=morning(days), **fields)  # type: ignore[arg-type]


def booked(session: Session, email: str) -> Booking:
    """Somebody of the agency has booked."""
    return book_now(session, User.objects.get(email=email))


@pytest.mark.parametrize("width", [375, 1280])
def test_a_lead_sees_the_list_and_books_many_with_mixed_outcomes(
    page: Page, mail: Mail, accessible: Accessible, lead: User, width: int, tmp_path: Path
) -> None:
    session = session_of("Neglect", capacity=2, agency_limit=2)
    booked(session, "am@police.example")
    make_person("nurse@hospital.example")
    page.set_viewport_size({"width": width, "height": 900})
    let_in(page.context, lead)
    page.goto("/agency/")
    show_heading(page, "West Yorkshire Police")
    amy = page.get_by_role("link", name=re.compile("^Amy Brown"))
    expect(amy).to_be_visible()
    expect(page.get_by_role("link", name="My agency", include_hidden=True)).to_have_attribute(
        "aria-current", "page"
    )
    accessible(page)
    amy.click()
    show_heading(page, "Amy Brown")
    accessible(page)

    page.goto(session.get_absolute_url())
    page.get_by_role("link", name="Book for a colleague").click()
    show_heading(page, "Book a colleague")
    accessible(page)
    page.get_by_label("Your colleague’s work email address").fill("nurse@hospital.example")
    page.get_by_role("button", name="Book for this colleague").click()
    expect(page.get_by_role("alert")).to_contain_text("not known as one of West Yorkshire Police")
    expect(page.get_by_label("Your colleague’s work email address")).to_have_value(
        "nurse@hospital.example"
    )
    accessible(page)

    page.get_by_role("link", name="Book many at once instead").click()
    show_heading(page, "Book many colleagues")
    accessible(page)
    page.get_by_role("button", name="Check the list").click()
    expect(page.get_by_role("alert")).to_contain_text("at least one colleague")
    accessible(page)
    page.get_by_label("Your colleagues’ work email addresses").fill(
        "Robinson, Zoë <zo@police.example>\nam@police.example\n"
        "Ngọc Ahmed <new@police.example>; nurse@hospital.example\nnonsense"
    )
    page.get_by_role("button", name="Check the list").click()
    show_heading(page, "Check before you book")
    for words in (
        "Will get a place",
        "They already have a place on this session.",
        "Will wait as number 1",
        "Your agency has its 2 places",
        "New: an account is made",
        "not known as one of West Yorkshire Police",
        "Enter an email address in the right form",
    ):
        expect(page.get_by_text(words).first).to_be_visible()
    assert Booking.objects.count() == 1
    accessible(page)
    page.get_by_role("button", name="Change the list").click()
    expect(page.get_by_label("Your colleagues’ work email addresses")).to_have_value(
        "Robinson, Zoë <zo@police.example>\nam@police.example\n"
        "Ngọc Ahmed <new@police.example>; nurse@hospital.example\nnonsense"
    )
    page.get_by_role("button", name="Check the list").click()
    page.get_by_role("button", name="Book these 2 people").click()
    show_heading(page, "What was booked")
    expect(page.get_by_role("link", name="Zoë Robinson")).to_be_visible()
    expect(page.get_by_text("Has a place", exact=True)).to_be_visible()
    expect(page.get_by_text("Waits as number 1")).to_be_visible()
    accessible(page)
    mail("zo@police.example", "Booked: Neglect")
    mail("new@police.example", "A place was asked for you: Neglect")

    file = tmp_path / "list.csv"
    file.write_bytes("E-mail;First name\r\nlate@police.example;Ayşe\r\n".encode("utf-8-sig"))
    page.goto(f"/agency/sessions/{session.pk}/book-many/")
    page.get_by_label("Or a CSV file").set_input_files(file)
    page.get_by_role("button", name="Check the list").click()
    expect(page.get_by_text("Ayşe")).to_be_visible()


@pytest.mark.parametrize("width", [375, 1280])
def test_a_place_is_given_to_a_colleague_after_a_refusal(
    page: Page, mail: Mail, accessible: Accessible, lead: User, width: int
) -> None:
    booking = booked(session_of("Neglect"), "zo@police.example")
    booked(session_of("Briefing"), "am@police.example")
    page.set_viewport_size({"width": width, "height": 900})
    let_in(page.context, booking.person)
    page.goto(booking.get_absolute_url())
    page.get_by_role("link", name="Give the place to a colleague").click()
    show_heading(page, "Give your place to a colleague")
    accessible(page)
    page.get_by_role("button", name="Continue").click()
    expect(page.get_by_role("alert")).to_contain_text("Enter your colleague’s address.")
    page.get_by_label("Your colleague’s work email address").fill("am@police.example")
    page.get_by_role("button", name="Continue").click()
    show_heading(page, "Give your place to am@police.example?")
    page.get_by_role("button", name="Give the place to am@police.example").click()
    expect(page.get_by_role("alert")).to_contain_text("am@police.example cannot take this place.")
    accessible(page)
    page.get_by_label("Your colleague’s work email address").fill(lead.email)
    page.get_by_role("button", name="Continue").click()
    show_heading(page, f"Give your place to {lead.email}?")
    expect(page.get_by_text("Nothing is charged.")).to_be_visible()
    accessible(page)
    page.get_by_role("button", name=f"Give the place to {lead.email}").click()
    show_heading(page, f"This place was given to {lead.email}")
    accessible(page)
    mail("zo@police.example", "Your place is given to a colleague")
    mail(lead.email, "Booked: Neglect")


@pytest.mark.parametrize("width", [375, 1280])
def test_a_place_is_moved_to_another_date(
    page: Page, mail: Mail, accessible: Accessible, lead: User, width: int
) -> None:
    first = session_of("Neglect")
    booking = booked(first, "zo@police.example")
    full = session_of("Neglect", days=30, course=first.course, capacity=1)
    booked(full, "am@police.example")
    last = session_of("Neglect", days=40, course=first.course, capacity=1)
    session_of("Neglect", days=50, course=first.course)
    page.set_viewport_size({"width": width, "height": 900})
    let_in(page.context, booking.person)
    page.goto(booking.get_absolute_url())
    page.get_by_role("link", name="Move to another date").click()
    show_heading(page, "Move your place to another date")
    expect(page.get_by_text("All places are taken.")).to_be_visible()
    accessible(page)
    page.get_by_role("button", name="Move to the chosen date").click()
    expect(page.get_by_role("alert")).to_contain_text("Choose a date.")
    page.get_by_role("radio").first.check()
    # Somebody else is quicker.
    booked(last, lead.email)
    page.get_by_role("button", name="Move to the chosen date").click()
    expect(page.get_by_role("alert")).to_contain_text("You still have your place on")
    accessible(page)
    page.get_by_role("radio").first.check()
    page.get_by_role("button", name="Move to the chosen date").click()
    show_heading(page, "You're booked")
    mail("zo@police.example", "Your place is moved to")


def test_colleagues_are_booked_without_javascript(
    browser: Browser, running_site: str, lead: User
) -> None:
    session = session_of("Neglect")
    context = browser.new_context(java_script_enabled=False, base_url=running_site)
    page = context.new_page()
    let_in(page.context, lead)
    page.goto(f"/agency/sessions/{session.pk}/book-many/")
    page.get_by_label("Your colleagues’ work email addresses").fill("zo@police.example")
    page.get_by_role("button", name="Check the list").click()
    page.get_by_role("button", name="Book this person").click()
    show_heading(page, "What was booked")
