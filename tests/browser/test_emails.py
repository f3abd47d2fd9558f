"""Mails in a real browser: how a bulletin looks, and somebody who wants no reminders."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.utils import timezone
from playwright.sync_api import Browser, Page, expect

from accounts.actions import reminders_path
from accounts.models import User
from booking.bulletins.sending import send_test
from booking.catalogue.models import DiaryDate
from booking.local.sample_bulletin import add_july_newsletter
from tests.browser.journeys import Mail, let_in, show_heading
from tests.factories import make_coordinator, make_person, make_session

pytestmark = pytest.mark.django_db(transaction=True)


def test_the_mail_of_a_bulletin_can_be_read_in_light_and_dark(
    browser: Browser, accessible: Callable[[Page], None], mail: Mail
) -> None:
    now, reader = timezone.now(), make_coordinator("reader@agency.example")
    for days in (20, 30):
        make_session(starts_at=now + timedelta(days=days))
    day = now.date() + timedelta(days=9)
    DiaryDate.objects.create(title="Safer Internet Day", starts=day, ends=day)
    bulletin = add_july_newsletter(now=now)
    send_test(bulletin=bulletin, to_email=reader.email, recipient_id=reader.pk, now=now)
    html = mail(reader.email, bulletin.title).message.get_body(("html",))
    assert html is not None
    for width in (375, 600):
        for scheme, ground in (("light", "rgb(255, 255, 255)"), ("dark", "rgb(26, 38, 42)")):
            page = browser.new_page(
                viewport={"width": width, "height": 800},
                color_scheme=scheme,  # type: ignore[arg-type]
            )
            page.set_content(html.get_content())
            expect(page.locator(".sheet")).to_have_css("background-color", ground)
            assert page.locator(".cell").count() > 2
            accessible(page)


@pytest.mark.parametrize("width", [375, 1280])
def test_reminders_are_turned_off_in_the_account(
    page: Page, accessible: Callable[[Page], None], width: int
) -> None:
    person = make_person(f"quiet{width}@agency.example")
    page.set_viewport_size({"width": width, "height": 800})
    let_in(page.context, person)
    page.goto("/accounts/profile/")
    if width == 375:
        page.get_by_text("Pages of your account").click()
    page.get_by_role("link", name="Emails from us").click()
    show_heading(page, "Emails from us")
    accessible(page)
    page.get_by_label("No, do not remind me").check()
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("alert")).to_contain_text("Reminders are off.")
    expect(page.get_by_label("No, do not remind me")).to_be_checked()
    accessible(page)
    assert not User.objects.get(pk=person.pk).wants_reminders


@pytest.mark.parametrize("width", [375, 1280])
def test_reminders_are_turned_off_by_the_link_in_one(
    page: Page, accessible: Callable[[Page], None], width: int
) -> None:
    person = make_person()
    page.set_viewport_size({"width": width, "height": 800})
    page.goto(reminders_path(person, since=timezone.now()))
    show_heading(page, "Turn off reminders")
    accessible(page)
    page.get_by_role("button", name="Turn off reminders").click()
    show_heading(page, "Reminders are off")
    accessible(page)
    page.get_by_role("button", name="Turn them on again").click()
    show_heading(page, "Turn off reminders")
    page.goto(reminders_path(person, since=timezone.now() - timedelta(days=180)))
    show_heading(page, "This link has run out")
    accessible(page)
