"""What a booking changes, in a browser: marks, the other date, a lost race, the ticket."""

import pytest
from django.utils import timezone
from playwright.sync_api import Browser, Page, ViewportSize, expect

from accounts.models import Sector, User
from booking.catalogue.models import Session
from booking.places.links import join_path
from booking.places.models import Booking
from booking.scheduling import capacity
from booking.scheduling.capacity import Reservation
from booking.site.wording import short_day
from tests.browser.journeys import DESK, PHONE, SCREENS, as_person, show_heading
from tests.factories import (
    in_days,
    make_agency,
    make_coordinator,
    make_course,
    make_person,
    make_session,
    morning,
)
from tests.people import book_now

pytestmark = pytest.mark.django_db(transaction=True)


def press(page: Page, name: str) -> None:
    page.get_by_role("button", name=name, exact=True).click()


@SCREENS
def test_what_is_booked_or_waited_for_is_marked_wherever_it_is_listed(
    browser: Browser, running_site: str, screen: ViewportSize
) -> None:
    course, person = make_course(title="Neglect"), make_person()
    mine = make_session(course=course, starts_at=morning(30))
    # On the same day, or a month might show only one of them.
    full = make_session(course=make_course(title="Trauma"), starts_at=in_days(30, 15), capacity=1)
    book_now(mine, person)
    book_now(full)
    book_now(full, person)
    page = as_person(browser, person, running_site, screen)
    for address in ("/programme/", "/programme/?view=month", f"/courses/{course.code}/"):
        page.goto(address)
        named = page.locator("li").filter(has_text="Booked")
        expect(named.last).to_be_visible()
        if "courses" not in address:
            waited = page.locator("li").filter(has_text="Trauma").filter(has_text="Waiting")
            expect(waited.last).to_be_visible()


def test_reserved_places_are_shown_to_whom_they_are_kept_for(
    browser: Browser, running_site: str, page: Page
) -> None:
    session = make_session(capacity=5, starts_at=morning(30))
    capacity.change_limits(
        session=session,
        agency_limit=None,
        reservations=[Reservation(sector=Sector.POLICE, places=5)],
        by=make_coordinator(),
        now=timezone.now(),
    )
    officer = make_person(agency=make_agency("West Yorkshire Police", sector=Sector.POLICE))
    for address in ("/programme/", session.get_absolute_url()):
        page.goto(address)
        expect(page.get_by_text("5 places left, only for police").first).to_be_visible()
        theirs = as_person(browser, officer, running_site, PHONE)
        theirs.goto(address)
        expect(theirs.get_by_text("5 places left", exact=True).first).to_be_visible()
        expect(theirs.get_by_text("only for police")).to_have_count(0)
    page.goto("/programme/?places=on")
    expect(page.locator(".app-session")).to_have_count(0)


@SCREENS
def test_one_press_moves_to_another_date(
    browser: Browser, running_site: str, screen: ViewportSize
) -> None:
    course, person = make_course(title="Neglect"), make_person()
    first, second = (make_session(course=course, starts_at=morning(days)) for days in (20, 40))
    book_now(first, person)
    page = as_person(browser, person, running_site, screen)
    page.goto(second.get_absolute_url())
    expect(page.get_by_text("You have a place on this course already")).to_be_visible()
    expect(page.get_by_role("button", name="Book this date as well")).to_be_visible()
    press(page, f"Move to {short_day(second.starts_at)}")
    show_heading(page, "You're booked")
    expect(page.get_by_text("Moved from", exact=True)).to_be_visible()
    assert [each.session for each in Booking.objects.live()] == [second]
    page.goto("/bookings/")
    expect(page.get_by_text("Cancelled")).to_have_count(0)


@pytest.mark.parametrize("scripts", [True, False], ids=["scripts", "no scripts"])
def test_whoever_loses_the_race_is_told_and_can_leave(
    browser: Browser, running_site: str, scripts: bool
) -> None:
    course = make_course(title="Neglect")
    last = make_session(course=course, starts_at=morning(20), capacity=1)
    other = make_session(course=course, starts_at=morning(40))
    page = as_person(browser, make_person(), running_site, PHONE, scripts=scripts)
    page.goto(f"{last.get_absolute_url()}book/")
    expect(page.get_by_text("1 place left")).to_be_visible()
    book_now(last)
    press(page, "Book this place")
    words = "The last place went a moment ago. You are number 1 on the waiting list."
    expect(page.get_by_text(words)).to_be_visible()
    page.get_by_role("link", name="Leave the waiting list").click()
    page.get_by_role("main").get_by_role("button").click()
    assert not Booking.objects.waiting().exists()
    page.goto(f"{last.get_absolute_url()}book/")
    expect(page.get_by_role("heading", name="Other dates with places")).to_be_visible()
    expect(page.locator(f"a[href='{other.get_absolute_url()}']")).to_be_visible()


def test_the_ticket_tells_what_is_true_and_the_way_in(browser: Browser, running_site: str) -> None:
    person = make_person()
    session = online("https://meet.example/neglect")
    booking = book_now(session, person)
    link = join_path(booking.join_key)
    page = as_person(browser, person, running_site, DESK)
    for _ in range(60):
        page.goto(booking.get_absolute_url())
        if page.get_by_text("Sent at").count():
            break
        page.wait_for_timeout(500)
    expect(page.get_by_text("Sent at").first).to_be_visible()
    expect(page.get_by_text("On its way")).to_have_count(0)
    expect(page.get_by_text("What has happened to this booking")).to_be_hidden()
    for address in (booking.get_absolute_url(), session.get_absolute_url(), "/bookings/"):
        page.goto(address)
        expect(page.locator(f"a[href='{link}']").first).to_be_visible()
    main = page.get_by_role("main").bounding_box()
    assert main is not None
    assert main["width"] >= 900
    stranger = as_person(browser, make_person(), running_site, DESK)
    stranger.goto(session.get_absolute_url())
    expect(stranger.locator(f"a[href='{link}']")).to_have_count(0)


def online(link: str) -> Session:
    return make_session(
        starts_at=morning(20), delivery=Session.Delivery.ONLINE, venue=None, meeting=link
    )


def test_another_manager_can_be_asked_from_the_profile(browser: Browser, running_site: str) -> None:
    person: User = make_person(manager_email="old.boss@school.example")
    course = make_course(title="Neglect", needs_manager_approval=True)
    book_now(make_session(course=course, starts_at=morning(20)), person)
    page = as_person(browser, person, running_site, PHONE)
    page.goto("/accounts/profile/")
    page.get_by_label("Your line manager's email address").fill("new.boss@school.example")
    press(page, "Save")
    expect(page.get_by_text("old.boss@school.example").first).to_be_visible()
    page.get_by_role("main").get_by_role("button", name="Ask").first.click()
    asked_before = page.get_by_role("heading", name="Another line manager is still asked")
    expect(asked_before).to_have_count(0)
    assert Booking.objects.get(person=person).approval.manager_email == "new.boss@school.example"
