"""Import and export through pages, in a real browser, with the worker at work."""

from pathlib import Path

import pytest
from django.urls import reverse
from playwright.sync_api import Browser, Page, ViewportSize, expect

from accounts.models import Agency
from booking.catalogue.models import Session
from tests.browser.journeys import SCREENS, Accessible, as_person
from tests.catalogue.small_programme import FILES
from tests.factories import make_coordinator

pytestmark = pytest.mark.django_db(transaction=True)


def choose(page: Page, *paths: Path) -> None:
    page.get_by_label("Files to import").set_input_files([str(path) for path in paths])


@SCREENS
def test_a_programme_is_imported_and_exported_by_pages_without_scripts(
    browser: Browser, base_url: str, tmp_path: Path, accessible: Accessible, screen: ViewportSize
) -> None:
    for name, content in FILES.items():
        (tmp_path / name).write_bytes(content.encode("utf-8-sig"))
    presses = 0
    page = as_person(browser, make_coordinator(), base_url, screen, scripts=False)
    page.goto(reverse("manage_files"))
    # First with a fault in one file.
    (tmp_path / "agencies.csv").write_text(FILES["agencies.csv"].replace(",police,", ",navy,"))
    choose(page, *(tmp_path / name for name in FILES))
    page.get_by_role("button", name="Upload and look").click()
    expect(page.get_by_text("Nothing can be imported yet.")).to_be_visible()
    expect(page.get_by_role("table").last).to_contain_text('sector is "navy"')
    # Then the mended file alone: the others are kept.
    (tmp_path / "agencies.csv").write_text(FILES["agencies.csv"])
    choose(page, tmp_path / "agencies.csv")
    page.get_by_role("button", name="Upload and look").click()
    presses += 2
    page.get_by_role("button", name="Import 9 rows").click()
    presses += 1
    expect(page.get_by_role("heading", name="Everything is imported")).to_be_visible()
    assert Session.objects.count() == 2
    # Out again, and in: nothing changes.
    with page.expect_download() as download:
        page.get_by_role("link", name="sessions.csv").click()
    download.value.save_as(tmp_path / "out.csv")
    choose(page, tmp_path / "out.csv")
    page.get_by_role("button", name="Upload and look").click()
    presses += 3
    expect(page.get_by_text("There is nothing to import.")).to_be_visible()
    print(f"\nA programme in, and its sessions out and in again: {presses} presses.")  # noqa: T201 - how few
    assert presses <= 6


@SCREENS
def test_every_state_of_the_page_can_be_used_by_everybody(
    browser: Browser, base_url: str, tmp_path: Path, accessible: Accessible, screen: ViewportSize
) -> None:
    page = as_person(browser, make_coordinator(), base_url, screen)
    page.goto(reverse("manage_files"))
    page.get_by_role("button", name="Upload and look").click()
    expect(page.get_by_role("alert")).to_contain_text("Choose one file or more.")
    accessible(page)
    (tmp_path / "agencies.csv").write_text("name,sector,email_domains,trainers_in_kind\nA,navy,,\n")
    choose(page, tmp_path / "agencies.csv")
    page.get_by_role("button", name="Upload and look").click()
    expect(page.get_by_text("Nothing can be imported yet.")).to_be_visible()
    accessible(page)
    zoe = "name,sector,email_domains,trainers_in_kind\nZoë’s,police,,\nB,police,,\n"
    (tmp_path / "agencies.csv").write_bytes(zoe.encode("cp1252"))
    choose(page, tmp_path / "agencies.csv")
    page.get_by_role("button", name="Upload and look").click()
    expect(page.get_by_text("Letters to check (1)")).to_be_visible()
    page.get_by_role("link", name="New (2)").click()
    accessible(page)
    page.get_by_role("button", name="Import 2 rows").click()
    expect(page.get_by_role("heading", name="Everything is imported")).to_be_visible()
    accessible(page)
    assert Agency.objects.filter(name="Zoë’s").exists()
    page.get_by_role("button", name="Put this away").click()
    expect(page.get_by_role("heading", name="Everything is imported")).to_have_count(0)
