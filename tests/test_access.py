"""Who may open what: every address of the site, by everybody, to look and to act.

An address without a row here fails the first test. Each row says what a GET and an empty POST are
answered by role. Somebody else's things are not forbidden but not there: 404.
"""

import re
from logging import WARNING, getLogger
from typing import Any

import pytest
from allauth.mfa.models import Authenticator
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from pytest_django import Settings

from booking.site.logs import JsonFormatter
from booking.site.signed_links import SignedLink
from tests.access_back_office import BACK_OFFICE, names_of_back_office
from tests.access_site import Site, answer_of, every_name, tried
from tests.access_table import (
    BEFORE_SECOND_STEP,
    DEMO,
    LOGIN,
    LOGO,
    PROVED,
    PROVED_TO_LOOK,
    RECORDED,
    ROLES,
    SAME_FOR_ALL,
    SIGN_IN,
    TABLE,
)
from tests.factories import (
    make_coordinator,
)
from tests.people import signed_in

pytestmark = pytest.mark.django_db


def writes(statements: CaptureQueriesContext) -> list[str]:
    """What changed the database, besides the sign-in of the browser itself."""
    changes = re.compile(r"\s*(INSERT|UPDATE|DELETE)\b", re.IGNORECASE)
    found = [each["sql"] for each in statements.captured_queries if changes.match(each["sql"])]
    return [sql for sql in found if '"django_session"' not in sql and _ON_RECORD not in sql]


_BANNER = re.compile(r'<p class="govuk-notification-banner__heading">.*?</p>', re.DOTALL)
_ON_RECORD = 'INSERT INTO "accounts_accessrecord"'


def unrecorded(site: Site, role: str, response: Any, statements: CaptureQueriesContext) -> str:
    """Whose name or address a page shows without a record of who looked, if anybody's."""
    if any(_ON_RECORD in each["sql"] for each in statements.captured_queries):
        return ""
    if getattr(response, "streaming", False):
        return ""
    # It says whose it is, by first name and initial, so that nobody uses another's unawares.
    if response.request["PATH_INFO"].startswith(SignedLink.JOIN.prefix):
        return ""
    # What its reader has just done, and is told on the next page, is no look.
    text = _BANNER.sub("", response.content.decode())
    for person in site.shown_to_few:
        if site.people.get(role) != person and (
            person.email in text or re.search(rf"\b{person.first_name}\b", text)
        ):
            return f"shows {person.email} without a record"
    for address, owner in site.strangers.items():
        if address in text and role != owner:
            return f"shows {address} without a record"
    return ""


def test_every_address_has_a_row() -> None:
    known = {*TABLE, *SIGN_IN, *DEMO, *names_of_back_office()}
    missing = {*every_name()} - known
    assert not missing, f"Say in TABLE who may open these: {sorted(missing)}"


@pytest.mark.slow
def test_who_may_look(site: Site) -> None:
    wrong = []
    for name, (looking, _) in TABLE.items():
        for role, browser in site.browsers.items():
            connection.queries_log.clear()
            with CaptureQueriesContext(connection) as statements:
                response = browser.get(site.addresses[name])
            found = answer_of(response)
            if found != looking[role]:
                wrong.append(f"{name}, {role}: {found}, not {looking[role]}")
            if name not in RECORDED and (changed := writes(statements)):
                wrong.append(f"{name}, {role}: looking writes {changed}")
            if shown := unrecorded(site, role, response, statements):
                wrong.append(f"{name}, {role}: {shown}")
            kept = response.headers.get("Cache-Control", "")
            personal = role != "anonymous" and name not in SAME_FOR_ALL
            if personal and "no-store" not in kept:
                wrong.append(f"{name}, {role}: may be stored by a browser or proxy: {kept!r}")
    assert not wrong, "\n".join(wrong)


@pytest.mark.slow
def test_who_may_act(site: Site) -> None:
    wrong = []
    for name, (_, acting) in TABLE.items():
        for role, browser in site.browsers.items():
            connection.queries_log.clear()
            with CaptureQueriesContext(connection) as statements:
                response = tried(browser, site.addresses[name])
            found = answer_of(response)
            if found != acting[role]:
                wrong.append(f"{name}, {role}: {found}, not {acting[role]}")
            if shown := unrecorded(site, role, response, statements):
                wrong.append(f"{name}, {role}: {shown}")
    assert not wrong, "\n".join(wrong)


def strict(browser: Client) -> Client:
    """The same person in a browser whose forms are checked."""
    checked = Client(enforce_csrf_checks=True)
    checked.cookies = browser.cookies
    return checked


# What anybody may see anyway, and only sees; and what is only looked at behind a sign-in.
NOT_ACTING = {name for name, row in TABLE.items() if row[0] == row[1]} - {
    "stop_interest",
    "confirm_subscription",
    "unsubscribe",
}


@pytest.mark.slow
def test_a_form_from_another_site_does_nothing(site: Site) -> None:
    wrong = []
    for name, (_, acting) in TABLE.items():
        for role, browser in site.browsers.items():
            if acting[role] in (LOGIN, 404, 405):
                continue
            found = tried(strict(browser), site.addresses[name]).status_code
            if found != 403:
                wrong.append(f"{name}, {role}: {found}")
    assert not wrong, "\n".join(wrong)


def test_every_form_is_limited(site: Site, settings: Settings) -> None:
    settings.RATE_LIMIT_FACTOR = 0
    wrong = []
    for name, (_, acting) in TABLE.items():
        roles = [role for role in ROLES if acting[role] not in (LOGIN, 404, 405)]
        if name in NOT_ACTING or not roles:
            continue
        found = tried(site.browsers[roles[0]], site.addresses[name]).status_code
        if found != 429:
            wrong.append(f"{name}, {roles[0]}: {found}")
    assert not wrong, "\n".join(wrong)


def test_an_old_session_asks_for_a_proof_exactly_where_it_must(
    site: Site, settings: Settings
) -> None:
    settings.PROOF_SECONDS = 0
    wrong = []
    for name, row in TABLE.items():
        roles = [[role for role in ROLES if each[role] not in (LOGIN, 404, 405)] for each in row]
        for act, method, proved in zip(
            roles, ("get", "post"), (PROVED_TO_LOOK, PROVED), strict=True
        ):
            for role in act[-1:]:
                browser, address = site.browsers[role], site.addresses[name]
                response = browser.get(address) if method == "get" else tried(browser, address)
                location = response.headers.get("Location", "")
                is_asked = location.startswith(reverse("reauthenticate_by_code"))
                if is_asked != (name in proved):
                    wrong.append(f"{name}, {method}, {role}: {response.status_code} {location}")
    assert not wrong, "\n".join(wrong)


@pytest.mark.slow
def test_a_session_without_its_second_step_opens_nothing(site: Site, settings: Settings) -> None:
    settings.TWO_STEP_REQUIRED = True
    person = make_coordinator(is_staff=True)
    browser = signed_in(person)
    kind = Authenticator.Type.TOTP
    Authenticator.objects.create(user=person, type=kind, data={"secret": "x"})
    step, wrong = reverse("mfa_reauthenticate"), []
    closed = {name: site.addresses[name] for name in TABLE.keys() - BEFORE_SECOND_STEP}
    lists = [f"admin:{model}_changelist" for model in BACK_OFFICE]
    closed |= {name: reverse(name) for name in ("usersessions_list", "admin:index", *lists)}
    for name, address in closed.items():
        for response in (browser.get(address), tried(browser, address)):
            if not response.headers.get("Location", "").startswith(step):
                wrong.append(f"{name}: {response.status_code}")
    assert not wrong, "\n".join(sorted(wrong))


def test_the_pages_of_signing_in_show_the_anonymous_nothing(site: Site) -> None:
    wrong = []
    arguments: dict[str, list[Any]] = {
        "partnership_colour": ["0b5563"],
        "partnership_logo": [LOGO],
        "account_reset_password_from_key": ["1", "x-y"],
        "mfa_remove_webauthn": [1],
        "mfa_edit_webauthn": [1],
    }
    for name, is_open in SIGN_IN.items():
        response = Client().get(reverse(name, args=arguments.get(name, [])))
        found = answer_of(response)
        if (found == LOGIN) == is_open or (not is_open and found != LOGIN):
            wrong.append(f"{name}: {found}")
    assert not wrong, "\n".join(wrong)


def test_no_log_line_holds_a_link_to_act_by(site: Site) -> None:
    for name in (
        "private_feed",
        "approval",
        "offer",
        "join",
        "room_here",
        "stop_interest",
        "reminders_link",
    ):
        path = site.addresses[name]
        secret = max(path.split("/"), key=len).removesuffix(".ics")
        record = getLogger("django.request").makeRecord(
            "django.request", WARNING, __file__, 1, "Gone: %s", (path,), None
        )
        line = JsonFormatter().format(record)
        assert secret not in line, name
        assert "[secret]" in line, name


@pytest.mark.parametrize(
    "address",
    [
        f"/sessions/{'9' * 40}/",
        f"/sessions/{'9' * 20}.ics",
        f"/sessions/{'9' * 40}/book/",
        f"/bookings/{'9' * 40}/",
        f"/agency/sessions/{'9' * 40}/book/",
        f"/agency/bookings/{'9' * 40}/",
        "/courses/%00/",
        "/courses/%00/new-dates/",
        "/calendar/%00/new/",
        "/calendar/%00.ics",
        "/new-dates/%00/stop/",
        "/accounts/reminders/%00/",
        "/offers/%00/",
    ],
)
def test_what_cannot_be_is_not_found(site: Site, address: str) -> None:
    for role in ("owner", "lead"):
        for method in ("get", "post"):
            response = getattr(site.browsers[role], method)(address)
            assert response.status_code in (404, 405), (role, method)
