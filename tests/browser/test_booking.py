"""A practitioner's journeys, in a real browser on a phone's screen and on a desk's."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import icalendar
import pytest
import vobject
from django.utils import timezone
from playwright.sync_api import Browser, Page, expect

from accounts.models import User
from booking.catalogue.models import Session
from booking.local.smtp_sink import StoredMail
from booking.places import actions
from booking.places.models import Booking
from tests.browser.journeys import (
    DESK,
    PHONE,
    SCREENS,
    Accessible,
    Mail,
    as_person,
    let_in,
    read_code,
    show_heading,
    sign_in,
)
from tests.factories import make_agency, make_course, make_person, make_session, morning
from tests.people import book_now

pytestmark = pytest.mark.django_db(transaction=True)

LONDON = ZoneInfo("Europe/London")


def calendar_part(stored: StoredMail) -> tuple[str, bytes]:
    """The METHOD that the mail declares, and its calendar as sent."""
    parts = [part for part in stored.message.walk() if part.get_content_type() == "text/calendar"]
    assert len(parts) == 1
    method = parts[0].get_param("method")
    content = parts[0].get_payload(decode=True)
    assert isinstance(method, str)
    assert isinstance(content, bytes)
    return method, content


def instants(content: bytes) -> set[tuple[datetime, datetime]]:
    """Start and end by two parsers that know nothing of each other; they must agree."""
    first = next(iter(icalendar.Calendar.from_ical(content).walk("VEVENT")))
    assert isinstance(first, icalendar.Event)
    second = vobject.readOne(content.decode()).vevent
    assert isinstance(first.start, datetime)
    assert isinstance(first.end, datetime)
    by_first = (first.start.astimezone(UTC), first.end.astimezone(UTC))
    by_second = (
        second.dtstart.value.astimezone(UTC),
        second.dtend.value.astimezone(UTC),
    )
    return {by_first, by_second}


def next_on(month: int, day: int) -> datetime:
    """9:30 in London on the next such day that lies at least two days ahead."""
    now = timezone.now().astimezone(LONDON)
    year = now.year
    while (moment := datetime(year, month, day, 9, 30, tzinfo=LONDON)) < now + timedelta(days=2):
        year += 1
    return moment


@SCREENS
@pytest.mark.parametrize(("month", "day"), [(1, 20), (7, 7)], ids=["winter", "summer"])
def test_new_person_signs_up_by_code_and_books(
    page: Page,
    running_site: str,
    mail: Mail,
    accessible: Accessible,
    screen: dict[str, int],
    month: int,
    day: int,
) -> None:
    make_agency("West Yorkshire Police", domains=["westyorkspolice.example"])
    starts = next_on(month, day)
    course = make_course(title="Working Together")
    session = make_session(course=course, starts_at=starts)
    page.set_viewport_size(screen)  # type: ignore[arg-type]
    address = "zoe.nguyen@westyorkspolice.example"

    page.goto(f"/sessions/{session.pk}/")
    accessible(page)
    screens = 0
    page.get_by_role("button", name="Book a place").click()
    screens += 1
    expect(page.get_by_text("You are booking: Working Together")).to_be_visible()
    accessible(page)
    page.get_by_label("Your work email address").fill(address)
    page.get_by_role("button", name="Email me a code").click()
    screens += 1
    code_field = page.get_by_label("Code", exact=True)
    expect(code_field).to_be_visible()
    accessible(page)
    code_field.fill(read_code(mail(address, "code")).lower())
    page.get_by_role("button", name="Continue").click()
    screens += 1
    expect(page.get_by_text("You work for West Yorkshire Police")).to_be_visible()
    accessible(page)
    page.get_by_role("button", name="Book this place").click()
    expect(page.get_by_role("heading", name="There is a problem")).to_be_visible()
    accessible(page)
    page.get_by_label("First name").fill("Zoë")
    page.get_by_label("Last name").fill("Nguyễn")
    page.get_by_label("Job title").fill("Police constable")
    page.get_by_role("button", name="Book this place").click()
    screens += 1
    show_heading(page, "You're booked")
    assert screens == 4
    accessible(page)

    person = User.objects.get(email=address)
    assert person.agency is not None
    assert person.agency.name == "West Yorkshire Police"
    confirmation = mail(address, "Working Together")
    method, content = calendar_part(confirmation)
    assert method == "REQUEST"
    assert instants(content) == {
        (starts.astimezone(UTC), (starts + timedelta(hours=3)).astimezone(UTC))
    }


def test_waiting_list_passes_a_cancelled_place_on(
    browser: Browser, running_site: str, mail: Mail, accessible: Accessible
) -> None:
    session = make_session(
        course=make_course(title="Neglect"),
        capacity=1,
        starts_at=morning(20),
    )
    first, second = make_person("first@agency.example"), make_person("second@agency.example")
    book_now(session, first)
    invitation = mail(first.email, "Neglect")

    waiter = browser.new_page(base_url=running_site, viewport=PHONE)
    waiter.goto(f"/sessions/{session.pk}/")
    accessible(waiter)
    waiter.get_by_role("button", name="Join the waiting list").click()
    sign_in(waiter, second.email, mail)
    expect(waiter.get_by_text("This session is full")).to_be_visible()
    accessible(waiter)
    waiter.get_by_role("button", name="Join the waiting list").click()
    show_heading(waiter, "You are number 1 on the waiting list")
    accessible(waiter)
    assert mail(second.email, "waiting list")

    holder = browser.new_page(base_url=running_site, viewport=DESK)
    let_in(holder.context, first)
    holder.goto("/bookings/")
    show_heading(holder, "My bookings")
    accessible(holder)
    holder.get_by_role("link", name="Neglect").click()
    accessible(holder)
    holder.get_by_role("link", name="Cancel this booking").click()
    show_heading(holder, "Cancel this booking?")
    accessible(holder)
    holder.get_by_role("button", name="Cancel this booking").click()
    show_heading(holder, "Your booking is cancelled")
    accessible(holder)

    waiter.reload()
    show_heading(waiter, "You're booked")
    promoted = mail(second.email, "place")
    assert calendar_part(promoted)[0] == "REQUEST"
    called_off = mail(first.email, "ancelled")
    method, content = calendar_part(called_off)
    assert method == "CANCEL"
    before = next(iter(icalendar.Calendar.from_ical(calendar_part(invitation)[1]).walk("VEVENT")))
    after = next(iter(icalendar.Calendar.from_ical(content).walk("VEVENT")))
    assert after["UID"] == before["UID"]
    assert int(str(after["SEQUENCE"])) > int(str(before["SEQUENCE"]))


def test_an_offer_is_accepted_on_the_booking_page(page: Page, accessible: Accessible) -> None:
    session = make_session(
        capacity=1,
        promotion=Session.Promotion.OFFER,
        starts_at=morning(20),
    )
    holder, waiting = make_person(), make_person("waiting@agency.example")
    held = book_now(session, holder)
    booking = book_now(session, waiting)
    actions.cancel(booking=held, by=holder, now=timezone.now())
    let_in(page.context, waiting)
    page.goto(booking.get_absolute_url())
    show_heading(page, "A place is yours if you accept it")
    accessible(page)
    page.get_by_role("button", name="Accept the place").click()
    show_heading(page, "You're booked")
    booking.refresh_from_db()
    assert booking.state == Booking.State.CONFIRMED


def test_a_clash_is_refused_where_the_person_stands(page: Page, accessible: Accessible) -> None:
    starts = morning(20)
    held = make_session(course=make_course(title="Domestic abuse"), starts_at=starts)
    wanted = make_session(course=make_course(title="Online safety"), starts_at=starts)
    person = make_person("busy@agency.example")
    let_in(page.context, person)
    page.goto(f"/sessions/{wanted.pk}/book/")
    page.get_by_label("Access or dietary needs").fill("A hearing loop")
    # Meanwhile they book the other one on their phone.
    book_now(held, person)
    page.get_by_role("button", name="Book this place").click()
    expect(page.get_by_text("overlaps with one you have booked: Domestic abuse")).to_be_visible()
    # There is no form now; what they wrote in it still stands there, to be copied.
    expect(page.get_by_text("You wrote for the trainers: A hearing loop")).to_be_visible()
    accessible(page)


def test_back_and_reload_show_a_refused_form_as_it_was_typed(
    browser: Browser, running_site: str
) -> None:
    person = make_person()
    booking = book_now(make_session(starts_at=morning(20)), person)
    page = as_person(browser, person, running_site, PHONE)
    page.goto(f"{booking.get_absolute_url()}substitute/")
    name = page.get_by_label("First name")
    for leave in (lambda: page.get_by_role("link", name="Keep the place").click(), None):
        name.fill("Zoë")
        page.get_by_role("button", name="Continue").click()
        expect(page.get_by_role("heading", name="There is a problem")).to_be_visible()
        if leave:
            leave()
            show_heading(page, "You're booked")
            page.go_back()
        else:
            page.reload()
        expect(page.get_by_text("What you typed is here again.").first).to_be_visible()
        expect(name).to_have_value("Zoë")
        name.fill("")


def test_booking_works_without_javascript(browser: Browser, running_site: str, mail: Mail) -> None:
    session = make_session(starts_at=morning(20))
    person = make_person("plain@agency.example")
    context = browser.new_context(java_script_enabled=False, base_url=running_site)
    page = context.new_page()
    page.goto(f"/sessions/{session.pk}/")
    page.get_by_role("button", name="Book a place").click()
    sign_in(page, person.email, mail)
    page.get_by_role("button", name="Book this place").click()
    show_heading(page, "You're booked")


@pytest.mark.parametrize("scripts", [True, False])
def test_enter_in_the_question_of_the_agency_finds_it_and_books_nothing(
    browser: Browser, running_site: str, scripts: bool
) -> None:
    make_agency("Leeds Police")
    new = make_person(agency=None, first_name="", last_name="", job_title="")
    page = as_person(browser, new, running_site, PHONE, scripts=scripts)
    page.goto(f"/sessions/{make_session(starts_at=morning(20)).pk}/book/")
    for label, words in (("First name", "Sam"), ("Last name", "Khan"), ("Job title", "Nurse")):
        page.get_by_label(label).fill(words)
    page.get_by_label("Who do you work for?").fill("Zwxyq")
    page.get_by_label("Who do you work for?").press("Enter")
    expect(
        page.get_by_role("group", name="No name on our list is like “Zwxyq”")
    ).to_be_in_viewport()
    assert not Booking.objects.exists()
    page.get_by_label("My agency is not listed.").check()
    page.get_by_label("First name").press("Enter")
    show_heading(page, "You're booked")
