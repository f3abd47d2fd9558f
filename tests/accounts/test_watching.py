"""What a browser keeps of a signed-in person's pages, and what the log says of them."""

import pytest
import structlog
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal.auth import TOTP
from django.test import Client
from django.urls import reverse

from tests.accounts.signing_in import ask_for_code, code_for, sign_in
from tests.factories import make_coordinator, make_person, make_session, make_trainer, morning
from tests.people import book_now, signed_in

pytestmark = pytest.mark.django_db

ADDRESS = "known@agency.example"


def test_signing_out_has_the_browser_forget_what_it_saw() -> None:
    browser = signed_in(make_person())
    answer = browser.post(reverse("account_logout"))
    assert answer.headers["Clear-Site-Data"] == '"cache", "cookies"'
    assert "Clear-Site-Data" not in browser.get("/").headers


def test_pages_of_a_signed_in_person_are_not_stored_and_others_stay_as_they_are() -> None:
    session = make_session(starts_at=morning(9))
    pages = ["/", "/programme/", session.get_absolute_url(), "/privacy/", reverse("account_email")]
    browser = signed_in(make_person())
    for page in pages:
        answer = browser.get(page)
        assert answer.status_code == 200
        assert {"no-store", "private"} <= set(answer.headers["Cache-Control"].split(", ")), page
    for page in pages[:4]:
        answer = Client().get(page)
        # Whoever books meanwhile goes back to the places left now.
        stored = "no-store" not in answer.headers.get("Cache-Control", "")
        assert stored == (page == "/privacy/"), page
        assert not answer.cookies
    assert browser.get(reverse("programme_ics")).headers["Cache-Control"] == "public, max-age=300"


def test_signing_in_and_out_is_in_the_log_by_number_and_without_a_secret() -> None:
    person, browser = make_person(ADDRESS), Client()
    with structlog.testing.capture_logs() as lines:
        ask_for_code(browser, ADDRESS)
        code = code_for(ADDRESS)
        browser.post(reverse("account_confirm_login_code"), {"code": "BBBBBB"})
        browser.post(reverse("account_confirm_login_code"), {"code": code})
        browser.post(reverse("account_logout"))
    about = {"person": person.pk, "network": "127.0.0.1"}
    assert lines == [
        {
            "event": "sign_in_failed",
            "log_level": "warning",
            **about,
            "method": "code",
            "last_attempt": False,
        },
        {"event": "sign_in_step", "log_level": "info", **about, "method": "code", "kind": ""},
        {"event": "signed_in", "log_level": "info", **about},
        {"event": "signed_out", "log_level": "info", **about},
    ]
    assert ADDRESS not in str(lines)


@pytest.mark.parametrize("known", [True, False])
def test_a_wrong_password_is_in_the_log_without_it(*, known: bool) -> None:
    person = make_person(ADDRESS if known else "")
    with structlog.testing.capture_logs() as lines:
        Client().post(
            reverse("account_login_password"), {"login": ADDRESS, "password": "open sesame"}
        )
    [line] = lines
    assert (line["event"], line["method"]) == ("sign_in_failed", "password")
    assert line["person"] == (person.pk if known else None)
    assert "sesame" not in str(line)


def test_the_second_step_is_in_the_log_right_or_wrong() -> None:
    person, browser = make_trainer(ADDRESS), Client()
    TOTP.activate(person, "JBSWY3DPEHPK3PXP")
    sign_in(browser, ADDRESS)
    with structlog.testing.capture_logs() as lines:
        browser.post(reverse("mfa_authenticate"), {"code": "000000"})
    [line] = lines
    assert (line["event"], line["method"], line["kind"]) == ("sign_in_failed", "mfa", "totp")
    assert (line["person"], "000000" in str(line)) == (person.pk, False)


def test_a_wrong_code_of_a_proof_is_in_the_log() -> None:
    person, page = make_person(ADDRESS), reverse("reauthenticate_by_code")
    browser = signed_in(person)
    browser.post(page, {"action": "send"})
    with structlog.testing.capture_logs() as lines:
        browser.post(page, {"code": "BBBBBB"})
    [line] = lines
    assert (line["event"], line["method"]) == ("sign_in_failed", "proof by code")
    assert (line["person"], "BBBBBB" in str(line)) == (person.pk, False)


def test_a_way_in_that_changes_is_in_the_log() -> None:
    person, browser = make_person(ADDRESS), Client()
    sign_in(browser, ADDRESS)
    with structlog.testing.capture_logs() as lines:
        browser.post(
            reverse("account_set_password"),
            {"password1": "correct horse battery", "password2": "correct horse battery"},
        )
    assert ("way_in_changed", "password set", person.pk) in [
        (line["event"], line.get("what"), line["person"]) for line in lines
    ]
    assert "horse" not in str(lines)
    assert not Authenticator.objects.exists()


def test_asking_for_what_is_somebody_elses_is_in_the_log() -> None:
    booking, other = book_now(make_session(starts_at=morning(9))), make_person()
    with structlog.testing.capture_logs() as lines:
        signed_in(other).get(booking.get_absolute_url())
    assert lines[-1] == {
        "event": "refused",
        "log_level": "warning",
        "person": other.pk,
        "page": "booking",
        "method": "GET",
        "path": booking.get_absolute_url(),
        "status": 404,
    }


def test_what_the_desk_does_to_accounts_is_in_the_log() -> None:
    by, person, other = make_coordinator(is_superuser=True), make_person(), make_person()
    why, browser = {"why": "She rang."}, signed_in(by)
    corrected = {"first_name": "Ada", "last_name": "Byron", "email": "ada@new.example", **why}
    with structlog.testing.capture_logs() as lines:
        for page, sent in (
            ("correct", corrected),
            ("merge", why),
            ("roles", {"roles": ["is_trainer"]}),
            ("end", why),
        ):
            query = f"?other={other.pk}" if page == "merge" else ""
            address = reverse(f"manage_person_{page}", args=[person.pk])
            assert browser.post(address + query, sent).status_code == 302, page
    said = [(line["event"], line.get("by")) for line in lines if line.get("by")]
    assert said == [
        ("address_corrected", by.pk),
        ("roles_changed", by.pk),
        ("accounts_merged", by.pk),
        ("roles_changed", by.pk),
        ("roles_changed", by.pk),
    ]
    assert {"kept": person.pk, "ended": other.pk}.items() <= next(
        line for line in lines if line["event"] == "accounts_merged"
    ).items()
    assert "new.example" not in str(lines)


def test_roles_given_and_taken_are_in_the_log() -> None:
    by, person = make_coordinator(is_staff=True, is_superuser=True), make_trainer()
    sent = {
        "first_name": person.first_name,
        "last_name": person.last_name,
        "job_title": person.job_title,
        "agency": str(person.agency_id),
        "is_coordinator": "on",
        "is_active": "on",
    }
    browser = signed_in(by)
    with structlog.testing.capture_logs() as lines:
        browser.post(reverse("admin:accounts_user_change", args=[person.pk]), sent)
    assert {
        "event": "roles_changed",
        "log_level": "info",
        "by": by.pk,
        "person": person.pk,
        "is_trainer": False,
        "is_coordinator": True,
    } in lines
