"""A whole running site for a real browser: web server, Celery worker, beat, mail server."""

import os
import shutil
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.db import connection
from playwright.sync_api import Browser, BrowserContext, Page, expect

from booking.local.processes import GuardedProcess, free_port
from booking.local.servers import REPOSITORY
from booking.local.smtp_sink import SmtpSink, StoredMail
from tests.servers import collect_static, sink
from tests.worker.celery_programs import environment, worker_and_beat

# A page of a machine that has much else to do may take longer than the five seconds of Playwright.
expect.set_options(timeout=20_000)

_CHROMIUM_NAMES = ("chromium", "chromium-browser", "google-chrome")
_AXE_RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Browser tests share a running site, so two processes run them all, each with its own.

    First, because xdist reads the groups when its own turn comes.
    """
    here = Path(__file__).parent
    ours = [item for item in items if here in item.path.parents]
    files = list(dict.fromkeys(item.path for item in ours))
    for item in ours:
        item.add_marker(pytest.mark.browser)
        item.add_marker(pytest.mark.xdist_group(f"browser-{files.index(item.path) % 2}"))


@pytest.fixture(scope="session")
def browser_type_launch_args() -> dict[str, Any]:
    """The system's Chromium; none is ever downloaded."""
    found = next(filter(None, map(shutil.which, _CHROMIUM_NAMES)), None)
    if found is None:
        if os.environ.get("REQUIRE_BROWSER"):
            pytest.fail("Chromium is not installed, and the browser tests must run.")
        pytest.skip("Chromium is not installed.")
    return {
        "executable_path": found,
        "args": [
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-quic",
            "--no-first-run",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
        ],
    }


@pytest.fixture(scope="session")
def base_url() -> str:
    """Where the browser's relative addresses begin."""
    return f"http://localhost:{free_port()}"


@pytest.fixture(scope="package", autouse=True)
def running_site(
    base_url: str,
    django_db_setup: None,
    django_db_blocker: Any,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[str]:
    """The address of a site served by real processes on the test's own database.

    It ends with the browser's tests: a worker that went on would send what later tests post.
    """
    folder = tmp_path_factory.mktemp("site")
    port = base_url.rpartition(":")[2]
    changes = {
        "SITE_URL": base_url,
        "TWO_STEP_REQUIRED": "false",
        "STATIC_ROOT": str(folder / "static"),
        "FILES_ROOT": str(folder / "files"),
    }
    before = dict(os.environ)
    os.environ.update(changes)
    with django_db_blocker.unblock():
        variables = environment()
    collect_static(variables)
    with django_db_blocker.unblock(), worker_and_beat(folder):
        web = GuardedProcess(
            [
                *(sys.executable, "-m", "granian", "--interface", "wsgi", "--workers", "2"),
                *("--blocking-threads", "1", "--no-ws", "--host", "127.0.0.1", "--port", port),
                "booking.site.wsgi:application",
            ],
            log=folder / "web.log",
            environment=variables,
            directory=REPOSITORY,
        )
        _wait_until_ready(base_url, web)
        yield base_url
        web.stop(seconds=10)
    os.environ.clear()
    os.environ.update(before)


@pytest.fixture(autouse=True)
def _the_worker_gives_way(transactional_db: None) -> None:
    """The worker goes on while a test's tables are emptied: in a deadlock it is the one that ends.

    Who waits for less time finds the deadlock and gives up; the worker does so after one second,
    and tries again in its next round.
    """
    with connection.cursor() as cursor:
        cursor.execute("SET deadlock_timeout = '20s'")


@pytest.fixture(autouse=True)
def _no_script_fails(browser: Browser, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Whatever a test opens, no script of a page ends in an error that nobody took."""
    failed: list[str] = []
    opened = browser.new_context

    def new_context(**options: Any) -> BrowserContext:
        context = opened(**options)
        context.on("weberror", lambda failure: failed.append(str(failure.error)))
        return context

    monkeypatch.setattr(browser, "new_context", new_context)
    yield
    assert not failed, "\n".join(failed)


@pytest.fixture(autouse=True)
def _nothing_stays_open(browser: Browser) -> Iterator[None]:
    """Close what a test has opened, which would go on working beside the tests that follow."""
    yield
    for context in browser.contexts:
        context.close()


def _wait_until_ready(address: str, web: GuardedProcess) -> None:
    deadline = time.monotonic() + 120
    while True:
        try:
            with urllib.request.urlopen(f"{address}/readyz", timeout=5):
                return
        except OSError:
            assert web.exit_code is None, "\n".join(web.last_lines(30))
            assert time.monotonic() < deadline, "\n".join(web.last_lines(30))
            time.sleep(0.1)


@pytest.fixture
def mail(smtp_sink: SmtpSink) -> Callable[..., StoredMail]:
    """Waits for a mail to an address whose subject holds some words, and returns it."""

    def wait_for(address: str, words: str = "", *, seconds: float = 20) -> StoredMail:
        deadline = time.monotonic() + seconds
        while True:
            for stored in reversed(sink.messages()):
                if address in stored.recipients and words in str(stored.message["Subject"]):
                    return stored
            assert time.monotonic() < deadline, (
                f"No mail to {address} about {words!r}; there are "
                f"{[(each.recipients, str(each.message['Subject'])) for each in sink.messages()]}"
            )
            time.sleep(0.1)

    return wait_for


@pytest.fixture
def accessible() -> Callable[[Page], None]:
    """Checks the page now shown: axe finds nothing, and it does not scroll sideways."""
    axe = Axe()

    def check(page: Page) -> None:
        results = axe.run(page, options={"runOnly": {"type": "tag", "values": _AXE_RULES}})
        assert results.violations_count == 0, f"{page.url}\n{results.generate_report()}"
        overflow = page.evaluate(
            "document.documentElement.scrollWidth - document.documentElement.clientWidth"
        )
        assert overflow <= 0, f"{page.url} is {overflow} pixels too wide"

    return check
