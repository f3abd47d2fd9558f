"""What people see of the rules of a place, on a phone's screen and on a desk's."""

from collections.abc import Callable

import pytest
from django.utils import timezone
from playwright.sync_api import Browser, ViewportSize, expect

from accounts.models import Sector, User
from booking.catalogue import interest
from booking.catalogue.models import Session
from booking.learning.models import PriorLearning
from booking.places.models import Booking
from booking.scheduling import capacity
from booking.scheduling.capacity import Reservation
from tests.browser.journeys import SCREENS, Accessible, as_person, show_heading
from tests.factories import (
    make_agency,
    make_coordinator,
    make_course,
    make_person,
    make_policy,
    session_ahead,
)
from tests.people import book_now

pytestmark = pytest.mark.django_db(transaction=True)


def for_others(person: User) -> tuple[Session, str]:
    course = make_course(sectors=[Sector.HEALTH])
    return session_ahead(course=course), "only for people who work in: Health"


def for_a_level(person: User) -> tuple[Session, str]:
    return session_ahead(course=make_course(least_level=3)), "Change your details"


def with_something_missing(person: User) -> tuple[Session, str]:
    course, first = make_course(title="Advanced"), make_course(title="Introduction")
    course.prerequisites.add(first)
    session_ahead(course=first)
    return session_ahead(course=course), "I have done this elsewhere"


def with_a_clash(person: User) -> tuple[Session, str]:
    booked = session_ahead(course=make_course(title="Domestic abuse"))
    book_now(booked, person)
    return session_ahead(starts_at=booked.starts_at), "See your booking of Domestic abuse"


def full(person: User) -> tuple[Session, str]:
    session = session_ahead(capacity=1)
    book_now(session)
    return session, "You would be number 1"


def full_for_the_agency(person: User) -> tuple[Session, str]:
    session = session_ahead(agency_limit=1)
    book_now(session, make_person(agency=person.agency))
    return session, "Your agency has its 1 place"


def reserved_for_others(person: User) -> tuple[Session, str]:
    session = session_ahead(capacity=1)
    capacity.change_limits(
        session=session,
        agency_limit=None,
        reservations=[Reservation(places=1, sector=Sector.HEALTH)],
        by=make_coordinator(),
        now=timezone.now(),
    )
    return session, "reserved for Health until 5pm"


def held_for_the_manager(person: User) -> tuple[Session, str]:
    course = make_course(needs_manager_approval=True)
    return session_ahead(course=course), "ask your line manager to agree"


@SCREENS
@pytest.mark.parametrize(
    "state",
    [
        for_others,
        for_a_level,
        with_something_missing,
        with_a_clash,
        full,
        full_for_the_agency,
        reserved_for_others,
        held_for_the_manager,
    ],
)
def test_what_booking_would_come_to_is_told_before(
    browser: Browser,
    running_site: str,
    accessible: Accessible,
    screen: ViewportSize,
    state: Callable[[User], tuple[Session, str]],
) -> None:
    person = make_person()
    session, words = state(person)
    page = as_person(browser, person, running_site, screen)
    for address in (session.get_absolute_url(), f"/sessions/{session.pk}/book/"):
        page.goto(address)
        expect(page.get_by_text(words).first).to_be_visible()
        accessible(page)
    page.context.close()


@SCREENS
def test_waiting_shows_the_number_and_the_rule_that_holds(
    browser: Browser, running_site: str, accessible: Accessible, screen: ViewportSize
) -> None:
    agency = make_agency()
    session = session_ahead(capacity=5, agency_limit=1)
    for _ in range(2):
        book_now(session, make_person(agency=agency))
    booking = book_now(session, make_person(agency=agency))
    page = as_person(browser, booking.person, running_site, screen)
    page.goto(booking.get_absolute_url())
    show_heading(page, "You are number 2 on the waiting list")
    expect(page.get_by_text("1 person is before you. Your agency has its 1 place")).to_be_visible()
    accessible(page)
    page.goto("/bookings/")
    expect(page.get_by_text("1 person is before you. Your agency has its 1 place")).to_be_visible()
    accessible(page)
    page.context.close()


@SCREENS
def test_cancelling_inside_the_notice_tells_the_cost_before_the_button(
    browser: Browser, running_site: str, accessible: Accessible, screen: ViewportSize
) -> None:
    policy = make_policy(notice_days=20, late=3500, absent=3500)
    booking = book_now(session_ahead(policy=policy))
    page = as_person(browser, booking.person, running_site, screen)
    page.goto(f"{booking.get_absolute_url()}cancel/")
    expect(page.get_by_text("Cancelling now costs £35 for late cancellation")).to_be_visible()
    accessible(page)
    page.get_by_role("button", name="Cancel this booking").click()
    show_heading(page, "Your booking is cancelled")
    expect(page.get_by_text("Late cancellation: £35 is charged.").first).to_be_visible()
    accessible(page)
    page.context.close()


@SCREENS
def test_learning_is_declared_from_the_refusal_and_checked(
    browser: Browser, running_site: str, accessible: Accessible, screen: ViewportSize
) -> None:
    person = make_person()
    session, link = with_something_missing(person)
    page = as_person(browser, person, running_site, screen)
    page.goto(f"/sessions/{session.pk}/book/")
    page.get_by_role("link", name=link).click()
    accessible(page)
    page.get_by_role("button", name="Save and go on").click()
    expect(page.get_by_role("heading", name="There is a problem")).to_be_visible()
    accessible(page)
    page.get_by_label("When did you complete it?").fill("2026-02-09")
    page.get_by_label("Who gave it?").fill("NHS Leeds")
    page.get_by_role("button", name="Save and go on").click()
    expect(page.get_by_role("button", name="Book this place")).to_be_visible()
    page.goto("/accounts/learning/")
    accessible(page)
    page.context.close()
    desk = as_person(browser, make_coordinator(), running_site, screen)
    desk.goto("/manage/learning/")
    accessible(desk)
    desk.goto(f"/manage/learning/{PriorLearning.objects.get().pk}/")
    accessible(desk)
    desk.get_by_label("Note").fill("No certificate")
    desk.get_by_role("button", name="Reject").click()
    show_heading(desk, "Training done elsewhere")
    desk.context.close()


@SCREENS
def test_demand_is_asked_for_seen_and_answered(
    browser: Browser, running_site: str, accessible: Accessible, screen: ViewportSize
) -> None:
    course = make_course(title="Neglect")
    person = make_person()
    for _ in range(3):
        interest.tell_me(course=course, person=make_person(), now=timezone.now())
    page = as_person(browser, person, running_site, screen)
    page.goto(course.get_absolute_url())
    page.get_by_role("button", name="Tell me about new dates").click()
    expect(page.get_by_role("button", name="Stop telling me")).to_be_visible()
    accessible(page)
    page.context.close()
    desk = as_person(browser, make_coordinator(), running_site, screen)
    desk.goto("/manage/demand/")
    accessible(desk)
    desk.get_by_role("link", name="Neglect", exact=True).click()
    expect(desk.get_by_text("4 people, of whom 0 wait")).to_be_visible()
    accessible(desk)
    draft = session_ahead(course=course, state=Session.State.DRAFT, capacity=2)
    desk.goto(f"/manage/sessions/{draft.pk}/")
    accessible(desk)
    desk.get_by_label("Working days in which they come first").fill("3")
    desk.get_by_role("button", name="Publish").click()
    expect(desk.get_by_text("is published")).to_be_visible()
    offered = Booking.objects.filter(session=draft, state=Booking.State.OFFERED)
    assert offered.count() == 2
    desk.context.close()


@SCREENS
def test_the_rules_of_a_course_are_kept_on_one_page(
    browser: Browser, running_site: str, accessible: Accessible, screen: ViewportSize
) -> None:
    course = make_course(title="Neglect")
    desk = as_person(browser, make_coordinator(), running_site, screen)
    for address in ("/manage/courses/", "/manage/groups/", "/manage/"):
        desk.goto(address)
        accessible(desk)
    desk.goto(f"/manage/courses/{course.pk}/")
    accessible(desk)
    desk.get_by_label("Usual number of places").fill("0")
    desk.get_by_role("button", name="Save").click()
    expect(desk.get_by_role("heading", name="There is a problem")).to_be_visible()
    accessible(desk)
    desk.get_by_label("Usual number of places").fill("12")
    desk.get_by_label("Police", exact=True).check()
    desk.get_by_role("button", name="Save").click()
    expect(desk.get_by_text("Neglect is saved.")).to_be_visible()
    course.refresh_from_db()
    assert (course.usual_capacity, course.sectors) == (12, ["police"])
    desk.context.close()
