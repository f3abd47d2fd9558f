"""A coordinator's week, played through pages alone in a real browser."""

import re

import pytest
from django.urls import reverse
from playwright.sync_api import Page, expect

from accounts.models import User
from booking.catalogue.models import Session
from booking.places.models import Booking
from tests.browser.journeys import DESK, Accessible, Mail, let_in, show_heading
from tests.factories import (
    make_coordinator,
    make_course,
    make_person,
    make_policy,
    make_trainer,
    session_ahead,
)
from tests.people import book_now

pytestmark = pytest.mark.django_db(transaction=True)

State = Booking.State


def search(page: Page, words: str) -> None:
    """Type into the page's field of search and press Enter."""
    page.get_by_role("searchbox").fill(words)
    page.keyboard.press("Enter")


def press(page: Page, name: str) -> None:
    """Press a button."""
    page.get_by_role("button", name=re.compile(name)).click()


def follow(page: Page, name: str) -> None:
    """Follow the first link of this name in the page's main part."""
    page.get_by_role("main").get_by_role("link", name=name).first.click()


def of_session(page: Page, session: Session, *names: str) -> None:
    """From the list of sessions to one, found by its reference, and on by these links."""
    page.get_by_role("navigation", name="Manage").get_by_role("link", name="Sessions").click()
    search(page, session.reference)
    follow(page, session.course.title)
    show_heading(page, session.course.title)
    for name in names:
        page.get_by_role("main").get_by_role("link", name=name, exact=True).first.click()


def of_person(page: Page, words: str, name: str) -> None:
    """From the list of people to one, found by a few letters."""
    page.get_by_role("navigation", name="Manage").get_by_role("link", name="People").click()
    search(page, words)
    follow(page, name)
    show_heading(page, name)


def state_of(booking: Booking) -> State:
    """The state it is in now."""
    return State(Booking.objects.get(pk=booking.pk).state)


def test_a_coordinators_week(page: Page, mail: Mail, accessible: Accessible) -> None:
    policy = make_policy(notice_days=20, late=3500)
    ill = make_trainer(first_name="Ivo", last_name="Ill")
    session = session_ahead(
        10, capacity=3, policy=policy, trainers=[ill], course=make_course(title="Neglect")
    )
    charged, kept, third = (
        book_now(session, make_person(first_name="Ann", last_name=name))
        for name in ("Charged", "Kept", "Third")
    )
    waits = book_now(session, make_person(first_name="Wim", last_name="Waits"))
    make_person("ada.ruth@trust.example", first_name="Ada", last_name="Ruth")
    twice = make_person("a.ruth@mail.example", first_name="Ada", last_name="Ruth-Old")
    later = book_now(session_ahead(30, course=make_course(title="Risk outside home")), twice)
    coordinator = make_coordinator("coordinator@agency.example")
    page.set_viewport_size(DESK)
    let_in(page.context, coordinator)
    page.goto(reverse("manage"))

    # Monday: a caller is booked over capacity, and nobody who waits is seated in between.
    of_session(page, session, "Add a person")
    search(page, "ada ruth")
    press(page, r"^Book\s+Ada Ruth$")
    page.get_by_label("All places are taken.").fill("A court case")
    press(page, "^Book$")
    expect(page.get_by_text("Ada Ruth has a place.")).to_be_visible()
    session.refresh_from_db()
    assert (session.capacity, session.places_taken, state_of(waits)) == (4, 4, State.WAITING)

    # Another cannot come, too late to cancel without a charge: whoever waits is offered the place.
    of_person(page, "charged", "Ann Charged")
    follow(page, "Neglect")
    follow(page, "Cancel this booking")
    press(page, "^Cancel the booking$")
    expect(page.get_by_text("The booking of Ann Charged is cancelled.")).to_be_visible()
    charged.refresh_from_db()
    assert (charged.state, charged.charge_pence) == (State.CANCELLED, 3500)
    mail(waits.person.email, "Neglect")
    assert state_of(waits) == State.OFFERED

    # Tuesday: one is cancelled by mistake and undone.
    of_person(page, "third", "Ann Third")
    follow(page, "Neglect")
    follow(page, "Cancel this booking")
    press(page, "^Cancel the booking$")
    press(page, "^Undo: they keep the booking$")
    expect(page.get_by_text("has the booking again")).to_be_visible()
    assert state_of(third) == State.CONFIRMED

    # A confirmation was not found in somebody's mailbox.
    of_person(page, "kept", "Ann Kept")
    follow(page, "Neglect")
    press(page, "^Send again.*Confirmation")
    expect(page.get_by_text("Confirmation: sent again to")).to_be_visible()
    assert kept.messages.filter(topic="booking.confirmed").count() == 2

    # Wednesday: a word to those who wait.
    newcomer = book_now(session, make_person(first_name="Nell", last_name="Newcomer"))
    assert newcomer.state == State.WAITING
    of_session(page, session, "Write")
    page.get_by_label(re.compile("1 person .*wait")).check()
    page.get_by_label("Subject").fill("Another date is planned")
    page.get_by_label("Message").fill("We plan another date in May.")
    press(page, "^Show who gets it$")
    accessible(page)
    press(page, "^Send to 1 person$")
    told = mail(newcomer.person.email, "Another date is planned").message
    assert "We plan another date in May." in str(told.get_body(("plain",)))

    # Thursday: a trainer is ill, and one from elsewhere stands in.
    page.get_by_role("navigation", name="Manage").get_by_role("link", name="People").click()
    press(page, "^Add a person$")
    page.get_by_label("First name").fill("Tess")
    page.get_by_label("Last name").fill("Trainer")
    page.get_by_label("Work email address").fill("tess@elsewhere.example")
    page.get_by_label("They are a trainer").check()
    press(page, "^Add and invite them$")
    mail("tess@elsewhere.example", "You have an account")
    of_session(page, session, "Change", "Replace a trainer")
    page.get_by_label("Who stands in?").select_option(label="Tess Trainer")
    page.get_by_label("Yes: they lead it from now on, and are told so").check()
    press(page, "^Continue$")
    accessible(page)
    press(page, "^Change it")
    mail("tess@elsewhere.example", "Neglect")
    mail(ill.email, "Neglect")
    assert [each.full_name for each in session.trainers.all()] == ["Tess Trainer"]

    # Friday: two accounts of one person become one, and an interpreter is arranged.
    of_person(page, "ada.ruth@", "Ada Ruth")
    follow(page, "Merge with another account")
    search(page, "ruth-old")
    follow(page, "Ada Ruth-Old")
    page.get_by_label("Reason").fill("She rang: both are hers.")
    accessible(page)
    press(page, "^Merge them$")
    show_heading(page, "Ada Ruth")
    assert Booking.objects.get(pk=later.pk).person.email == "ada.ruth@trust.example"
    assert not User.objects.get(pk=twice.pk).is_active
    of_session(page, session, "Change", "Guests")
    page.get_by_label("Name", exact=True).fill("Bo Sign")
    page.get_by_label("Email address").fill("bo@interpreters.example")
    page.get_by_label("What they come for").fill("BSL interpreter")
    press(page, "^Add and send the details$")
    expect(page.get_by_text("Bo Sign is sent the details.")).to_be_visible()
    mail("bo@interpreters.example", "Neglect")
    session.refresh_from_db()
    assert (session.capacity, session.places_taken, session.waiting_count) == (4, 4, 1)
