"""The manager's answer and the answer to an offer, by link, in a browser where nobody signed in."""

import re
from datetime import timedelta

import pytest
from django.utils import timezone
from playwright.sync_api import Browser, Page, expect

from accounts.models import User
from booking.catalogue.models import Session
from booking.local.smtp_sink import StoredMail
from booking.places import links
from booking.places.managers import asking
from booking.places.managers.models import Approval
from booking.places.models import Booking
from booking.places.sweep import sweep
from tests.browser.journeys import SCREENS, Accessible, Mail, let_in, show_heading, sign_in
from tests.factories import (
    make_agency,
    make_coordinator,
    make_course,
    make_person,
    make_policy,
    make_session,
    morning,
)
from tests.people import book_now, give_up

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def nurse() -> User:
    """Somebody whose agency's domain is known."""
    agency = make_agency("Leeds Community Healthcare NHS Trust", domains=["lch.example"])
    return make_person(
        "amira.khan@lch.example",
        agency=agency,
        first_name="Amira",
        last_name="Khan",
        job_title="Health visitor",
    )


def asking_session(**fields: object) -> Session:
    """A session that needs the manager's agreement and is charged for if it is not used."""
    policy = make_policy(late=3500, absent=5000)
    course = make_course(
        title="Working Together to Safeguard Children and Young People",
        needs_manager_approval=True,
    )
    starts = morning(40)
    return make_session(course=course, policy=policy, starts_at=starts, **fields)  # type: ignore[arg-type]


def visitor(browser: Browser, site: str, screen: dict[str, int], *, scripts: bool = True) -> Page:
    """A browser of somebody who has never been here."""
    context = browser.new_context(
        base_url=site,
        viewport=screen,  # type: ignore[arg-type]
        java_script_enabled=scripts,
    )
    return context.new_page()


def link_in(stored: StoredMail, kind: str) -> str:
    """The link of this kind in the text of a mail."""
    text = stored.message.get_body(("plain",))
    assert text is not None
    found = re.search(rf"https?://\S+/{kind}/\S+", text.get_content())
    assert found is not None
    return found.group()


@SCREENS
def test_a_place_is_asked_for_and_the_manager_agrees(
    page: Page,
    browser: Browser,
    running_site: str,
    mail: Mail,
    accessible: Accessible,
    nurse: User,
    screen: dict[str, int],
) -> None:
    page.set_viewport_size(screen)  # type: ignore[arg-type]
    session = asking_session()
    page.goto(f"/sessions/{session.pk}/book/")
    sign_in(page, nurse.email, mail)
    page.get_by_label("Your line manager’s work email address").fill(nurse.email)
    page.get_by_role("button", name="Ask for this place").click()
    expect(page.get_by_role("heading", name="There is a problem")).to_be_visible()
    accessible(page)
    page.get_by_label("Your line manager’s work email address").fill("first.boss@lch.example")
    page.get_by_role("button", name="Ask for this place").click()
    show_heading(page, "A place is held for you")
    accessible(page)
    first = link_in(mail("first.boss@lch.example", "agreement"), "approvals")

    page.get_by_role("link", name="Change the manager’s address").click()
    accessible(page)
    page.get_by_label("Your line manager’s work email address").fill("boss@lch.example")
    page.get_by_role("button", name="Ask this manager").click()
    show_heading(page, "A place is held for you")
    expect(page.get_by_text("We asked boss@lch.example")).to_be_visible()

    manager = visitor(browser, running_site, screen)
    manager.goto(first)
    show_heading(manager, "Your answer is not needed any more")
    accessible(manager)
    manager.goto(link_in(mail("boss@lch.example", "agreement"), "approvals"))
    show_heading(manager, "Do you agree that Amira Khan attends")
    accessible(manager)
    manager.get_by_role("button", name="I do not agree").click()
    expect(manager.get_by_role("heading", name="There is a problem")).to_be_visible()
    accessible(manager)
    manager.get_by_label("Your reason").fill("Well worth it.")
    manager.get_by_role("button", name="I agree").click()
    show_heading(manager, "You have agreed")
    accessible(manager)

    assert "boss@lch.example agreed. Well worth it." in str(
        mail(nurse.email, "You have a place").message.get_body(("plain",)).get_content()  # type: ignore[union-attr]
    )
    page.reload()
    show_heading(page, "You're booked")
    accessible(page)


@SCREENS
def test_a_manager_declines_without_javascript(
    browser: Browser, running_site: str, mail: Mail, nurse: User, screen: dict[str, int]
) -> None:
    booking = book_now(asking_session(), nurse, manager_email="boss@lch.example")
    manager = visitor(browser, running_site, screen, scripts=False)
    manager.goto(link_in(mail("boss@lch.example", "agreement"), "approvals"))
    manager.get_by_label("Your reason").fill("Three of the team are away that week.")
    manager.get_by_role("button", name="I do not agree").click()
    show_heading(manager, "You have not agreed")
    booking.refresh_from_db()
    assert booking.state == Booking.State.DECLINED
    told = mail(nurse.email, "You have no place").message.get_body(("plain",))
    assert told is not None
    assert "Three of the team are away that week." in told.get_content()


@SCREENS
def test_the_manager_is_told_when_the_time_is_over(
    browser: Browser,
    running_site: str,
    accessible: Accessible,
    nurse: User,
    screen: dict[str, int],
) -> None:
    booking = book_now(asking_session(), nurse, manager_email="boss@lch.example")
    Approval.objects.update(expires_at=timezone.now() - timedelta(minutes=1))
    approval = Approval.objects.get(booking=booking)
    sweep(now=timezone.now())
    manager = visitor(browser, running_site, screen)
    manager.goto(links.approval_path(approval.key))
    show_heading(manager, "The time to answer is over")
    accessible(manager)


@SCREENS
def test_a_coordinator_confirms_an_address(
    page: Page, mail: Mail, accessible: Accessible, nurse: User, screen: dict[str, int]
) -> None:
    booking = book_now(asking_session(), nurse, manager_email="boss@elsewhere.example")
    coordinator = make_coordinator()
    page.set_viewport_size(screen)  # type: ignore[arg-type]
    let_in(page.context, coordinator)
    page.goto("/manage/")
    accessible(page)
    page.get_by_role("link", name="Managers’ addresses to confirm").click()
    accessible(page)
    page.get_by_role("link", name="Do not confirm").click()
    accessible(page)
    page.get_by_role("link", name="Go back").click()
    page.get_by_role("button", name="Confirm").click()
    expect(page.get_by_text("boss@elsewhere.example is asked now.")).to_be_visible()
    assert mail("boss@elsewhere.example", "agreement")
    approval = Approval.objects.select_related("booking__session").get(booking=booking)
    assert asking.state_of_question(approval, now=timezone.now()) == asking.QuestionState.OPEN


@SCREENS
def test_an_offer_is_accepted_by_the_link_in_its_mail(
    browser: Browser,
    running_site: str,
    mail: Mail,
    accessible: Accessible,
    nurse: User,
    screen: dict[str, int],
) -> None:
    booking = offered(nurse)
    person = visitor(browser, running_site, screen)
    person.goto(link_in(mail(nurse.email, "is held for you until"), "offers"))
    show_heading(person, "A place is held for you")
    accessible(person)
    person.get_by_role("button", name="Accept the place").click()
    show_heading(person, "The place is yours")
    accessible(person)
    booking.refresh_from_db()
    assert booking.state == Booking.State.CONFIRMED


@SCREENS
def test_an_offer_that_ran_out_says_so(
    browser: Browser,
    running_site: str,
    accessible: Accessible,
    nurse: User,
    screen: dict[str, int],
) -> None:
    booking = offered(nurse)
    over = timezone.now() - timedelta(minutes=1)
    Booking.objects.filter(pk=booking.pk).update(offered_until=over)
    person = visitor(browser, running_site, screen)
    person.goto(links.offer_path(booking.pk, over))
    show_heading(person, "This offer has run out")
    accessible(person)


def offered(person: User) -> Booking:
    """A place on offer, inside the notice period."""
    session = make_session(
        course=make_course(title="Neglect"),
        capacity=1,
        promotion=Session.Promotion.OFFER,
        policy=make_policy(late=3500),
        starts_at=timezone.now() + timedelta(days=3),
    )
    held, booking = book_now(session), book_now(session, person)
    give_up(held, now=timezone.now())
    booking.refresh_from_db()
    assert booking.state == Booking.State.OFFERED
    return booking
