"""A trainer sees who is coming, in a real browser."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from playwright.sync_api import Page, expect

from tests.browser.journeys import let_in, show_heading
from tests.factories import make_course, make_person, make_session, make_trainer, morning
from tests.people import book_now

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.mark.parametrize("width", [375, 1280])
def test_trainer_sees_prints_and_downloads_the_list(
    page: Page, accessible: Callable[[Page], None], width: int
) -> None:
    trainer = make_trainer("trainer@agency.example")
    session = make_session(
        course=make_course(title="Neglect"),
        capacity=2,
        trainers=[trainer],
        starts_at=morning(20),
    )
    for name in ("Ngọc", "Zoë", "Ayşe"):
        person = make_person(first_name=name, last_name="Ahmed")
        book_now(session, person)
    page.set_viewport_size({"width": width, "height": 800})
    let_in(page.context, trainer)
    page.goto("/trainer/")
    show_heading(page, "My sessions")
    expect(page.get_by_text("2 of 2 places taken, 1 waiting")).to_be_visible()
    accessible(page)
    page.get_by_role("link", name="who is coming").click()
    show_heading(page, "Neglect")
    expect(page.get_by_role("rowheader", name="Ngọc Ahmed")).to_be_visible()
    expect(page.get_by_role("heading", name="Waiting list")).to_be_visible()
    accessible(page)
    with page.expect_download() as download:
        page.get_by_role("button", name="Download as CSV").click()
    assert "Ayşe" in download.value.path().read_text(encoding="utf-8-sig")
    page.get_by_role("button", name="Sheet to sign").click()
    expect(page.get_by_role("columnheader", name="Signature")).to_be_visible()
    accessible(page)


def test_somebody_elses_list_is_not_found(page: Page, accessible: Callable[[Page], None]) -> None:
    session = make_session(starts_at=morning(20))
    let_in(page.context, make_person("curious@agency.example"))
    page.goto(f"/sessions/{session.pk}/attendees/")
    expect(page.get_by_role("heading", level=1)).to_contain_text("Page not found")
    accessible(page)


@pytest.mark.parametrize("name", ["Mary-Ann Okonkwo-Smith", "M" * 100])
def test_no_name_makes_a_list_or_the_sheet_to_sign_too_wide(page: Page, name: str) -> None:
    trainer, begins = make_trainer(), morning(20)
    dates = [(each, each + timedelta(hours=3)) for each in (begins, begins + timedelta(days=7))]
    session = make_session(trainers=[trainer], sittings=dates)
    person = make_person(first_name=name, last_name="Ahmed", agency=None, unlisted_agency=2 * name)
    book_now(session, person, needs=3 * name)
    let_in(page.context, trainer)
    wider = "each => each.scrollWidth - each.clientWidth"
    for view in ("", "print/", "needs/"):
        for width in (1280, 375, 688):
            page.set_viewport_size({"width": width, "height": 800})
            page.emulate_media(media="print" if width == 688 else "screen")
            page.goto(f"/sessions/{session.pk}/attendees/{view}")
            for box in ("html", ".app-table-scroll"):
                for found in page.locator(box).all():
                    assert found.evaluate(wider) <= 0, (view, width, box)
