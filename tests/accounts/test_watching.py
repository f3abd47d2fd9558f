"""What a browser keeps of a signed-in person's pages, and what the log says of them."""

import pytest
import structlog
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal.auth import TOTP
from django.test import Client
from django.urls import reverse

from tests.accounts.signing_in import (
    SECRET,
    ask_for_code,
    code_for,
    in_newest_mail,
    set_up_app,
    sign_in,
)
from tests.factories import (
    make_agency,
    make_coordinator,
    make_lead,
    make_person,
    make_session,
    make_trainer,
    morning,
)
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
    TOTP.activate(person, SECRET)
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


@pytest.mark.django_db(transaction=True)
def test_every_way_in_that_changes_is_in_the_log() -> None:
    person, browser, new = make_person(ADDRESS), Client(), "sam@new.example"
    person.set_password("correct horse battery")
    person.save()
    sign_in(browser, ADDRESS)
    typed = {"password1": "battery horse correct", "password2": "battery horse correct"}
    with structlog.testing.capture_logs() as lines:
        change = reverse("account_change_password")
        browser.post(change, {"oldpassword": "correct horse battery", **typed})
        browser.post(reverse("account_email"), {"email": new, "action_add": ""})
        confirm = reverse("account_email_verification_sent")
        browser.post(confirm, {"code": "BBBBBB"})
        browser.post(confirm, {"code": code_for(new)})
        set_up_app(browser)
        browser.post(reverse("mfa_generate_recovery_codes"))
        browser.post(reverse("mfa_deactivate_totp"))
        stranger = Client()
        stranger.post(reverse("account_reset_password"), {"email": new})
        link = in_newest_mail(new, r"/accounts/password/reset/key/\S+")
        stranger.post(stranger.get(link).headers["Location"], typed)
    changed = {line["what"] for line in lines if line["event"] == "way_in_changed"}
    assert changed == {
        "password changed",
        "address changed",
        "second step added",
        "second step made anew",
        "second step removed",
        "password reset",
    }
    [wrong] = [line for line in lines if line["event"] == "sign_in_failed"]
    assert (wrong["person"], wrong["method"]) == (person.pk, "code")
    ended = [line["person"] for line in lines if line["event"] == "other_sessions_ended"]
    assert set(ended) == {person.pk}


def test_what_the_back_office_refuses_is_in_the_log() -> None:
    by, person = make_coordinator(is_staff=True), make_trainer()
    page = reverse("admin:accounts_user_change", args=[person.pk])
    with structlog.testing.capture_logs() as lines:
        assert signed_in(by).post(page, {"job_title": "Nobody"}).status_code == 403
    assert {"event": "refused", "person": by.pk, "status": 403, "path": page}.items() <= lines[
        -1
    ].items()


def test_a_role_that_somebody_gives_up_is_in_the_log() -> None:
    lead, other = make_lead(), make_agency()
    details = {"first_name": "Priya", "last_name": "Shah", "job_title": "Officer"}
    with structlog.testing.capture_logs() as lines:
        signed_in(lead).post(reverse("account_profile"), {**details, "agency": other.pk})
    [line] = [line for line in lines if line["event"] == "roles_changed"]
    assert (line["by"], line["person"], line["is_agency_lead"]) == (lead.pk, lead.pk, False)


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
