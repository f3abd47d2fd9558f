"""Coordinators at the delivery desk, in a real browser."""

import os
import re
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from django.utils import timezone
from playwright.sync_api import Page, expect

from accounts import failing
from booking.outbox.models import Message
from booking.replies.incoming import Fetched
from booking.replies.intake import take_in
from booking.site.wording import clock, short_day
from tests.browser.journeys import DESK, Mail, let_in, show_heading
from tests.factories import make_coordinator, make_course, make_person, make_session, morning
from tests.people import book_now
from tests.replies import letters

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.mark.parametrize("width", [375, 1280])
def test_a_coordinator_finds_out_what_happened_to_a_mail_and_sends_it_elsewhere(
    page: Page, mail: Mail, accessible: Callable[[Page], None], width: int
) -> None:
    coordinator = make_coordinator("cora.lane@agency.example", first_name="Cora", last_name="Lane")
    session = make_session(
        course=make_course(title="Neglect"),
        reference="NEG-1",
        starts_at=morning(20),
    )
    person = make_person("wrong@agency.example", first_name="Zoë", last_name="Ahmed")
    booking = book_now(session, person)
    mail(person.email, "Neglect")
    report = letters.notification(
        Message.objects.get(booking=booking).message_id, recipient=person.email
    )
    _until_sent(page, booking.pk)
    assert take_in(Fetched(raw=report, is_whole=True), now=timezone.now())
    take_in(Fetched(raw=letters.question(), is_whole=True), now=timezone.now())

    page.set_viewport_size({"width": width, "height": 800})
    let_in(page.context, coordinator)
    page.goto(f"/manage/sessions/{session.pk}/")
    page.get_by_role("link", name="1 came back").click()
    show_heading(page, "Mail")
    expect(page.get_by_text("5.1.1 550 5.1.1 No such person")).to_be_visible()
    accessible(page)
    _picture(page, f"desk-{width}")
    page.get_by_role("link", name="Confirmation to wrong@agency.example").click()
    show_heading(page, "Confirmation")
    expect(page.get_by_text("It brings a calendar entry.")).to_be_visible()
    accessible(page)
    _picture(page, f"message-{width}")
    page.get_by_role("button", name="Correct the address").click()
    show_heading(page, "Correct the address")
    page.get_by_label("Send it to").fill("nonsense")
    page.get_by_role("button", name="Correct it everywhere").click()
    expect(page.get_by_role("alert")).to_contain_text("Enter the reason.")
    accessible(page)
    _picture(page, f"address-{width}")
    page.get_by_label("Send it to").fill("right@agency.example")
    page.get_by_label("Reason").fill("The person told us on the phone.")
    page.get_by_role("button", name="Correct it everywhere").click()
    expect(page.get_by_text("1 message will be sent to right@agency.example.")).to_be_visible()
    _picture(page, f"corrected-{width}")
    expect(page.get_by_text("Address corrected by Cora Lane")).to_be_visible()
    invitation = mail("right@agency.example", "Neglect").message
    kinds = [part.get_content_type() for part in invitation.walk()]
    assert kinds[-1] == "text/calendar"

    failing.mark_failing(email="right@agency.example", why="5.2.2 Full", now=timezone.now())
    page.goto("/manage/addresses/")
    show_heading(page, "Addresses that fail")
    accessible(page)
    _picture(page, f"addresses-{width}")
    page.get_by_role("link", name="It works").click()
    show_heading(page, "This address works")
    accessible(page)
    page.goto("/manage/received/")
    show_heading(page, "Mail that needs reading")
    expect(page.get_by_text("Café nearby?", exact=True)).to_be_visible()
    accessible(page)
    _picture(page, f"received-{width}")
    page.get_by_role("button", name="Done with").click()
    expect(page.get_by_text("Nothing needs reading.")).to_be_visible()
    accessible(page)
    # Not due, or the worker would send it before the page is read.
    Message.objects.filter(booking=booking).update(
        state=Message.State.WAITING,
        created_at=timezone.now() - timedelta(hours=3),
        due_at=timezone.now() + timedelta(hours=1),
    )
    page.goto("/manage/")
    expect(page.get_by_text("Mail is not leaving.")).to_be_visible()
    accessible(page)
    _picture(page, f"home-{width}")
    page.goto(f"/bookings/{booking.pk}/")
    expect(page.get_by_role("heading", name="Mail about this booking")).to_be_visible()
    accessible(page)
    _picture(page, f"booking-{width}")
    page.goto(f"/manage/messages/{Message.objects.get(booking=booking).pk}/retry-alike/")
    show_heading(page, "Send all again")
    accessible(page)
    _picture(page, f"retry-alike-{width}")
    page.goto(f"/manage/messages/{Message.objects.get(booking=booking).pk}/drop/")
    show_heading(page, "Drop a message")
    accessible(page)
    _picture(page, f"drop-{width}")


@pytest.mark.parametrize("width", [375, 1280])
def test_did_it_go_out_takes_two_presses_and_sending_again_one_more(
    page: Page, mail: Mail, accessible: Callable[[Page], None], width: int
) -> None:
    coordinator = make_coordinator("cora.lane@agency.example", first_name="Cora", last_name="Lane")
    session = make_session(course=make_course(title="Neglect"), starts_at=morning(20))
    person = make_person("lucja@agency.example", first_name="Łucja", last_name="Zielińska")
    booking = book_now(session, person)
    first = mail(person.email, "Neglect").message
    _until_sent(page, booking.pk)
    page.set_viewport_size({"width": width, "height": 800})
    let_in(page.context, coordinator)
    page.goto("/manage/")
    presses = 1
    if width < DESK["width"]:  # the menu is folded
        presses += 1
        page.get_by_text("Pages of the desk").click()
    page.get_by_role("navigation", name="Manage").get_by_role("link", name="Mail").click()
    page.get_by_role("searchbox", name="Did it go out?").fill("lucja zielinska")
    presses += 1
    page.keyboard.press("Enter")
    message = Message.objects.get(booking=booking)
    assert message.sent_at is not None
    expect(page.get_by_role("row").filter(has_text="Łucja Zielińska")).to_contain_text(
        f"Sent {clock(message.sent_at)}, {short_day(message.sent_at)}"
    )
    assert presses == (2 if width == DESK["width"] else 3)
    accessible(page)
    _picture(page, f"did-it-go-out-{width}")
    page.goto(f"/bookings/{booking.pk}/")
    page.get_by_role("button", name=re.compile("^Send again.*Confirmation")).click()
    expect(page.get_by_text("Confirmation: sent again to lucja@agency.example.")).to_be_visible()
    accessible(page)
    _picture(page, f"sent-again-{width}")
    _until_sent(page, booking.pk, number=2)
    again = mail(person.email, "Neglect").message
    assert again["Message-ID"] != first["Message-ID"]
    assert again["Subject"] == first["Subject"]


def test_a_person_reads_that_mail_does_not_reach_them(
    page: Page, accessible: Callable[[Page], None]
) -> None:
    person = make_person("full@agency.example")
    let_in(page.context, person)
    page.goto("/accounts/profile/")
    show_heading(page, "Your details")
    failing.mark_failing(email=person.email, why="5.2.2 Mailbox full", now=timezone.now())
    for width in (375, 1280):
        page.set_viewport_size({"width": width, "height": 800})
        page.reload()
        expect(page.get_by_text("does not arrive.")).to_be_visible()
        accessible(page)
        _picture(page, f"profile-{width}")


def _until_sent(page: Page, booking_id: int, *, number: int = 1) -> None:
    """The worker settles a message a moment after the mail server has it."""
    sent = Message.objects.filter(booking_id=booking_id, state=Message.State.SENT)
    for _ in range(100):
        if sent.count() == number:
            return
        page.wait_for_timeout(50)
    raise AssertionError("The confirmation is not marked as sent.")


def _picture(page: Page, name: str) -> None:
    folder = os.environ.get("PICTURES")
    if folder:
        page.screenshot(path=Path(folder) / f"{name}.png", full_page=True)
