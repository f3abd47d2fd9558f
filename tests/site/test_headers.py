"""What every answer tells browsers, whoever asks for whatever."""

import json
from logging import WARNING, getLogger

import pytest
from django.test import Client
from pytest_django import Settings

from booking.site.logs import JsonFormatter
from tests.factories import make_coordinator, make_person, make_session
from tests.people import signed_in

pytestmark = pytest.mark.django_db

_OPEN = ["/", "/programme/", "/privacy/", "/nowhere/", "/accounts/login/", "/healthz"]
_FEEDS = ["/programme.ics", "/diary.ics", "/.well-known/security.txt"]
each_address = pytest.mark.parametrize("address", [*_OPEN, *_FEEDS])


@each_address
def test_nothing_is_loaded_run_or_framed_but_what_is_ours(address: str) -> None:
    headers = Client().get(address).headers
    policy = dict(
        directive.strip().split(" ", 1)
        for directive in headers["Content-Security-Policy"].split(";")
        if " " in directive.strip()
    )
    for directive in ("default-src", "object-src", "base-uri", "frame-ancestors"):
        assert policy[directive] == "'none'", directive
    for directive in ("script-src", "style-src", "form-action", "connect-src", "font-src"):
        assert policy[directive] == "'self'", directive
    assert "unsafe" not in headers["Content-Security-Policy"]


@each_address
def test_no_answer_is_guessed_at_told_of_elsewhere_or_shared(address: str) -> None:
    headers = Client().get(address).headers
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "same-origin"
    assert headers["Cross-Origin-Opener-Policy"] == "same-origin"
    assert headers["X-Frame-Options"] == "DENY"
    assert "Access-Control-Allow-Origin" not in headers
    assert headers["Content-Type"].split(";")[0] in {"text/html", "text/plain", "text/calendar"}


@each_address
def test_text_says_how_its_letters_are_written(address: str) -> None:
    assert "charset=utf-8" in Client().get(address).headers["Content-Type"].lower()


def test_plain_http_leads_to_https_but_for_probes(settings: Settings) -> None:
    settings.SECURE_SSL_REDIRECT = True
    for address in ("/programme/?q=a", "/programme.ics", "/accounts/login/"):
        answer = Client().get(address)
        assert (answer.status_code, answer.headers["Location"]) == (
            301,
            f"https://testserver{address}",
        )
    for address in ("/healthz", "/readyz"):
        assert Client().get(address).status_code == 200


def test_browsers_insist_on_https_for_a_year_and_for_subdomains(settings: Settings) -> None:
    settings.SECURE_HSTS_SECONDS = 31_536_000
    settings.SECURE_HSTS_INCLUDE_SUBDOMAINS = True
    header = Client().get("/", secure=True).headers["Strict-Transport-Security"]
    assert header.startswith("max-age=31536000; includeSubDomains")


def test_cookies_are_kept_from_scripts_and_other_sites() -> None:
    browser = Client()
    browser.get("/accounts/login/")
    browser.post("/accounts/login/", {"email": "somebody@agency.example"})
    signed = signed_in(make_person())
    saved = signed.post("/accounts/emails/", {"wants_reminders": "no"}).cookies
    found = {**browser.cookies, **saved}
    assert {"session", "csrf", "messages"} <= set(found)
    for name, cookie in found.items():
        assert cookie["httponly"], name
        assert cookie["samesite"] in {"Lax", "Strict"}, name
        assert not cookie["domain"], name
        assert cookie["path"] == "/", name


def test_trace_is_answered_by_no_page() -> None:
    browser = signed_in(make_coordinator())
    session = make_session()
    for address in ("/bookings/", "/manage/", f"/sessions/{session.pk}/attendees/"):
        assert browser.trace(address).status_code in {302, 404, 405}, address


def test_a_download_is_a_file_of_our_own_name() -> None:
    session = make_session()
    answer = signed_in(make_coordinator()).get(f"/sessions/{session.pk}/attendees.csv")
    assert answer.headers["Content-Disposition"].startswith('attachment; filename="')


@pytest.mark.parametrize(
    "address", ["/static/", "/static/briefed/", "/.git/config", "/../README.md"]
)
def test_folders_and_hidden_files_are_not_listed(address: str) -> None:
    assert Client().get(address).status_code == 404


def test_nobody_writes_a_line_of_the_log() -> None:
    record = getLogger("django.request").makeRecord(
        "django.request", WARNING, __file__, 1, "Not found: %s", ('/a\n{"event": "b"}',), None
    )
    line = JsonFormatter().format(record)
    assert "\n" not in line
    assert json.loads(line)["event"] == 'Not found: /a\n{"event": "b"}'
