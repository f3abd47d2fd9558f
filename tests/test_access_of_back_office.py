"""Who may open what in the back office, and which methods any address of the site takes."""

from typing import Any

import pytest
from django.apps import apps
from django.test import Client
from django.urls import reverse

from booking.catalogue.models import DiaryDate, Topic
from tests.access_back_office import BACK_OFFICE, BACK_OFFICE_PAGES, OF_A_LIST, OF_A_ROW
from tests.access_site import Site, answer_of, tried
from tests.access_table import SIGN_IN, TABLE
from tests.factories import make_coordinator
from tests.people import signed_in

pytestmark = [pytest.mark.django_db, pytest.mark.slow]

_NEEDED = {"changelist": "view", "history": "view", "change": "view"}
_ARGUMENTS: dict[str, list[Any]] = {"app_list": ["booking"], "view_on_site": [0, 0]}
_TAKEN = ("GET", "HEAD", "POST")
_OTHERS = ("PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PROPFIND")


@pytest.fixture
def let_in() -> dict[str, Client]:
    """Browsers of those who were let into the back office."""
    return {
        "coordinator let in": signed_in(make_coordinator(is_staff=True)),
        "superuser": signed_in(make_coordinator(is_staff=True, is_superuser=True)),
    }


def pages_of_models() -> dict[str, tuple[str, str]]:
    """The address of each page of each model, with the model and what the page is."""
    today = "2027-01-12"
    Topic.objects.create(name="Prevent", slug="prevent")
    DiaryDate.objects.create(title="Safer Internet Day", starts=today, ends=today)
    pages = {}
    for model in BACK_OFFICE:
        row = apps.get_model(model.replace("_", ".", 1))._default_manager.first()
        for page in OF_A_LIST + (OF_A_ROW if row else ()):
            arguments = [row.pk] if row and page in OF_A_ROW else []
            pages[reverse(f"admin:{model}_{page}", args=arguments)] = (model, page)
    return pages


def test_the_back_office_opens_to_those_who_were_let_in(
    site: Site,
    let_in: dict[str, Client],
) -> None:
    site.browsers["coordinator"].get(site.addresses["attendees"])
    wrong = []
    for address, (model, page) in pages_of_models().items():
        expected = 200 if _NEEDED.get(page, page) in BACK_OFFICE[model] else 403
        for role, browser in let_in.items():
            if (found := browser.get(address).status_code) != expected:
                wrong.append(f"{address}, {role}: {found}, not {expected}")
            is_closed = page in ("add", "change", "delete") and page not in BACK_OFFICE[model]
            if is_closed and (sent := tried(browser, address).status_code) != 403:
                wrong.append(f"{address}, {role}: a form is answered {sent}")
    for page, answer in BACK_OFFICE_PAGES.items():
        for role, browser in let_in.items():
            found = browser.get(reverse(f"admin:{page}", args=_ARGUMENTS.get(page, []))).status_code
            if found != answer:
                wrong.append(f"{page}, {role}: {found}, not {answer}")
    assert not wrong, "\n".join(wrong)


def test_the_back_office_is_closed_to_everybody_else(site: Site) -> None:
    site.browsers["coordinator"].get(site.addresses["attendees"])
    wrong = []
    for address in pages_of_models():
        for role, browser in site.browsers.items():
            for answer in (browser.get(address), tried(browser, address)):
                is_refused = answer.status_code == 403
                location = answer.headers.get("Location", "")
                if not is_refused and not location.startswith("/admin/login/"):
                    wrong.append(f"{address}, {role}: {answer.status_code}")
    assert not wrong, "\n".join(wrong)


def every_address(site: Site) -> dict[str, str]:
    arguments: dict[str, list[Any]] = {
        "account_reset_password_from_key": ["1", "x-y"],
        "mfa_remove_webauthn": [1],
        "mfa_edit_webauthn": [1],
    }
    return {
        **site.addresses,
        **{name: reverse(name, args=arguments.get(name, [])) for name in SIGN_IN},
        **{model: reverse(f"admin:{model}_changelist") for model in BACK_OFFICE},
        "admin:index": reverse("admin:index"),
    }


def test_no_address_takes_another_method(
    site: Site,
    let_in: dict[str, Client],
) -> None:
    wrong = []
    for name, address in every_address(site).items():
        for role, browser in {**site.browsers, **let_in}.items():
            for method in _OTHERS:
                answer = browser.generic(method, address)
                if answer.status_code != 405 or answer.headers["Allow"] != ", ".join(_TAKEN):
                    wrong.append(f"{name}, {role}: {method} is answered {answer.status_code}")
    assert not wrong, "\n".join(wrong)


def test_asking_for_the_head_is_answered_as_looking_is(site: Site) -> None:
    wrong = []
    for name, (looking, _) in TABLE.items():
        # One role of each answer: the page is the same for the others, as looking at it shows.
        for role in {answer: role for role, answer in looking.items()}.values():
            answer = site.browsers[role].head(site.addresses[name])
            if answer_of(answer) != looking[role] or b"".join(answer):
                wrong.append(f"{name}, {role}: {answer.status_code}")
    assert not wrong, "\n".join(wrong)
