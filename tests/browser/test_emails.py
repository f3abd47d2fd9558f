"""Somebody who wants no reminders, in a real browser."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.utils import timezone
from playwright.sync_api import Page, expect

from accounts.actions import reminders_path
from accounts.models import User
from tests.browser.journeys import let_in, show_heading
from tests.factories import make_person

pytestmark = pytest.mark.django_db(transaction=True)


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
