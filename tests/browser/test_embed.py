"""The block of spaces in the page of another site, on another port."""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from playwright.sync_api import Page, expect

from booking.catalogue.models import Session
from tests.browser.journeys import SCREENS
from tests.factories import make_course, make_session, morning
from tests.people import book_now

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def newsletter(running_site: str) -> Iterator[str]:
    """The address of another site, whose page frames our block."""
    frame = f'<iframe src="{running_site}/embed/spaces/" title="Spaces" width="100%" height="600">'
    content = f"<!DOCTYPE html><title>News</title><h1>News</h1>{frame}</iframe>".encode()

    class Pages(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/html; charset=utf-8")
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *arguments: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Pages)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/"
    server.shutdown()
    server.server_close()


@pytest.fixture
def session() -> Session:
    course = make_course(title="Recognising Neglect")
    return make_session(course=course, capacity=5, starts_at=morning(9))


@SCREENS
def test_another_site_shows_the_spaces_and_they_are_right_after_a_booking(
    page: Page, newsletter: str, session: Session, screen: dict[str, int], running_site: str
) -> None:
    page.set_viewport_size({"width": screen["width"], "height": screen["height"]})
    complaints: list[str] = []
    page.on("console", lambda said: complaints.append(said.text) if said.type == "error" else None)
    page.goto(newsletter)
    block = page.frame_locator("iframe")
    expect(block.get_by_role("heading", level=1)).to_have_text("Spaces currently available")
    expect(block.get_by_text("5 places left")).to_be_visible()
    book_now(session)
    # A browser keeps the page for half a minute; one that does not ask for it anew sees it at once.
    page.context.clear_cookies()
    with page.expect_response(lambda answer: "/embed/" in answer.url):
        page.goto(f"{newsletter}?again")
    fresh = page.request.get(f"{running_site}/embed/spaces/")
    assert "4 places left" in fresh.text()
    assert page.context.cookies() == []
    assert not [each for each in complaints if "favicon" not in each]
    link = block.get_by_role("link", name="Recognising Neglect")
    with page.expect_popup() as opened:
        link.click()
    expect(opened.value.get_by_role("heading", level=1)).to_contain_text("Recognising Neglect")


def test_a_browser_reads_the_feed_and_the_data_from_another_site(
    page: Page, newsletter: str, session: Session, running_site: str
) -> None:
    page.goto(newsletter)
    title = page.evaluate(
        """async (site) => {
          const feed = await (await fetch(`${site}/embed/spaces.atom`)).text();
          const read = new DOMParser().parseFromString(feed, "application/xml");
          const data = await (await fetch(`${site}/embed/spaces.json`)).json();
          return [read.querySelector("entry > title").textContent, data.rows[0].title];
        }""",
        running_site,
    )
    assert title == ["Recognising Neglect"] * 2
