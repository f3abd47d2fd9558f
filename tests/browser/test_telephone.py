"""A coordinator on the telephone, in a real browser: every press is counted and printed.

A press is a click or Enter; typing is none. Each journey begins on the page where the coordinator
is when the telephone rings.
"""

import pytest
from django.urls import reverse
from playwright.sync_api import Page, expect

from booking.catalogue.models import Session
from booking.places.models import Booking
from tests.browser.journeys import DESK, PHONE, Accessible, let_in, show_heading
from tests.factories import make_coordinator, make_person, make_policy, session_ahead
from tests.people import book_now

pytestmark = pytest.mark.django_db(transaction=True)


class Presses:
    """Presses on a page, each counted."""

    def __init__(self, page: Page) -> None:
        self.page, self.count = page, 0

    def click(self, role: str, name: str) -> None:
        """Click the link or the button of this name."""
        self.count += 1
        self.page.get_by_role(role, name=name, exact=True).first.click()  # type: ignore[arg-type]

    def enter(self) -> None:
        """Press Enter where one has just typed."""
        self.count += 1
        self.page.keyboard.press("Enter")

    def taken(self) -> int:
        """How many since the last journey."""
        count, self.count = self.count, 0
        return count


@pytest.mark.parametrize("screen", [PHONE, DESK], ids=["phone", "desk"])
def test_a_call_takes_few_presses(
    page: Page, accessible: Accessible, screen: dict[str, int]
) -> None:
    page.set_viewport_size({"width": screen["width"], "height": screen["height"]})
    session = session_ahead(10, capacity=1, policy=make_policy(notice_days=20, late=3500))
    make_person(first_name="Zofia", last_name="Nowak", phone="0113 496 0000")
    make_person(first_name="Ada", last_name="Ruth")
    coordinator = make_coordinator("coordinator@agency.example")
    let_in(page.context, coordinator)
    page.goto(reverse("manage_session", args=[session.pk]))
    show_heading(page, session.course.title)
    press, table = Presses(page), {}

    press.click("link", "Add a person")
    accessible(page)
    page.get_by_role("searchbox").fill("nowak")
    press.enter()
    show_heading(page, "Book for Zofia Nowak")
    accessible(page)
    press.click("button", "Book")
    expect(page.get_by_text("Zofia Nowak has a place.")).to_be_visible()
    table["known caller booked"] = press.taken()

    waiting = book_now(session)
    page.goto(reverse("manage_session", args=[session.pk]))
    press.click("link", "Add a person")
    page.get_by_role("searchbox").fill("ruth")
    press.enter()
    page.get_by_label("All places are taken.").fill("A court case")
    accessible(page)
    press.click("button", "Book")
    expect(page.get_by_text("Ada Ruth has a place.")).to_be_visible()
    table["one over capacity"] = press.taken()
    waiting.refresh_from_db()
    session = Session.objects.get(pk=session.pk)
    assert (waiting.state, session.capacity) == (Booking.State.WAITING, 2)
    Booking.objects.filter(pk=waiting.pk)

    page.goto(reverse("booking", args=[waiting.pk]))
    press.click("link", "Leave the waiting list")
    press.click("button", "Take them off the list")
    expect(page.get_by_role("button", name="Undo: they keep the booking")).to_be_visible()
    page.goto(reverse("booking", args=[Booking.objects.get(person__last_name="Nowak").pk]))
    press.taken()
    press.click("link", "Cancel this booking")
    expect(page.get_by_label("£35, as the rules of cancelling say")).to_be_checked()
    accessible(page)
    press.click("button", "Cancel the booking")
    expect(page.get_by_text("The booking of Zofia Nowak is cancelled.")).to_be_visible()
    table["cancelled"] = press.taken()
    accessible(page)
    press.click("button", "Undo: they keep the booking")
    expect(page.get_by_text("has the booking again")).to_be_visible()
    table["undone"] = press.taken()

    print("\n".join(["", *(f"{what:25} {number}" for what, number in table.items())]))  # noqa: T201 - the table of presses
    assert table == {
        "known caller booked": 3,
        "one over capacity": 3,
        "cancelled": 2,
        "undone": 1,
    }


def test_somebody_new_and_the_post_are_accessible(page: Page, accessible: Accessible) -> None:
    session = session_ahead()
    coordinator = make_coordinator("coordinator@agency.example")
    let_in(page.context, coordinator)
    page.goto(f"{reverse('manage_session_add', args=[session.pk])}?new")
    accessible(page)
    page.get_by_label("First name").fill("Ada")
    page.get_by_label("Last name").fill("Ruth")
    page.get_by_label("Who do they work for?").fill("Otley Rowing Club")
    page.keyboard.press("Enter")
    show_heading(page, "Book for Ada Ruth")
    page.get_by_role("button", name="Book", exact=True).click()
    expect(page.get_by_text("Ada Ruth has a place.")).to_be_visible()
    page.goto(reverse("manage_post"))
    accessible(page)
    page.get_by_role("link", name="Confirmation for Ada Ruth").click()
    show_heading(page, "Ada Ruth")
    accessible(page)
    page.get_by_role("button", name="It has gone out").click()
    expect(page.get_by_text("No letter has to go out.")).to_be_visible()
    page.goto(reverse("manage_person_book", args=[Booking.objects.get().person_id]))
    accessible(page)
