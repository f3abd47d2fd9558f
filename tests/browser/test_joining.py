"""Joining in a real browser: a press leads on to the meeting, past our own policy of forms."""

from datetime import timedelta

import pytest
from django.utils import timezone
from playwright.sync_api import Page, Route, expect

from booking.attendance.models import Arrival
from booking.places.links import join_path
from tests.browser.journeys import Accessible
from tests.factories import make_person, make_session
from tests.people import book_now

pytestmark = pytest.mark.django_db(transaction=True)


def test_a_press_leads_on_to_the_meeting(page: Page, accessible: Accessible) -> None:
    session = make_session(
        starts_at=timezone.now() + timedelta(minutes=5),
        delivery="online",
        venue=None,
        meeting="https://meet.example/neglect?pwd=1&x=2",
    )
    booking = book_now(session, make_person(first_name="Ann", last_name="Smith"))
    asked: list[str] = []

    def answer(route: Route) -> None:
        asked.append(route.request.url)
        route.fulfill(body="<h1>The meeting</h1>", content_type="text/html")

    page.route("https://meet.example/**", answer)
    page.goto(join_path(booking.join_key))
    expect(page.get_by_text("This link is for Ann S. alone")).to_be_visible()
    accessible(page)
    assert not Arrival.objects.exists()
    page.get_by_role("button", name="Join").click()
    expect(page.get_by_role("heading", name="The meeting", exact=True)).to_be_visible()
    assert asked == ["https://meet.example/neglect?pwd=1&x=2"]
    assert Arrival.objects.get().booking == booking
