"""Showing anew who one is before what protects an account, or carries people's data away."""

from datetime import timedelta

import pytest
import time_machine
from allauth.account.internal.flows.reauthentication import STATE_SESSION_KEY
from allauth.mfa.models import Authenticator
from django.conf import settings
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from booking.calendars.models import CalendarFeed
from booking.outbox.models import Message
from tests.accounts.signing_in import code_for, sign_in
from tests.factories import make_coordinator, make_person, make_session, make_trainer, morning
from tests.people import book_now, signed_in

pytestmark = pytest.mark.django_db
BY_CODE = reverse("reauthenticate_by_code")
QUARTER = timedelta(minutes=16)


def prove(client: Client, asked: str, address: str) -> str:
    """Have a code sent and enter it; the page that follows, or where that leads."""
    then = asked.partition("next=")[2].replace("%2F", "/")
    sent = client.post(asked, {"action": "send", "next": then})
    assert sent.status_code == 302
    went_on = client.post(asked, {"code": code_for(address), "next": then})
    return str(went_on.headers.get("Location", "")) or went_on.text


def test_a_feed_is_made_after_a_proof_and_nothing_is_pressed_twice() -> None:
    person = make_person()
    client = signed_in(person)
    make = reverse("make_feed", args=["bookings"])
    with time_machine.travel(timezone.now() + QUARTER):
        asked = client.post(make)
        assert asked.headers["Location"].startswith(BY_CODE)
        assert not CalendarFeed.objects.exists()
        assert "/calendar/" in prove(client, asked.headers["Location"], person.email)
        assert CalendarFeed.objects.live().of(person).count() == 1
        assert client.post(make).status_code == 200, "not asked again"


def test_nobody_is_asked_twice_within_fifteen_minutes() -> None:
    client, now = signed_in(make_person()), timezone.now()
    page = reverse("mfa_activate_totp")
    with time_machine.travel(now + timedelta(minutes=14, seconds=30)):
        assert client.get(page).status_code == 200
    with time_machine.travel(now + timedelta(minutes=15, seconds=30)):
        assert client.get(page).headers["Location"].startswith(BY_CODE)


def test_another_address_needs_a_proof_also_without_a_password() -> None:
    person = make_person("sam@old.example")
    client = signed_in(person)
    change = {"email": "sam@new.example", "action_add": ""}
    assert client.get(reverse("account_email")).status_code == 200
    with time_machine.travel(timezone.now() + QUARTER):
        asked = client.post(reverse("account_email"), change)
        assert asked.headers["Location"].startswith(BY_CODE)
        assert not Message.objects.filter(to_email="sam@new.example").exists()
        landed = prove(client, asked.headers["Location"], person.email)
        assert landed == reverse("account_email_verification_sent")
        assert code_for("sam@new.example")


@pytest.mark.parametrize(
    "name",
    [
        "mfa_activate_totp",
        "mfa_add_webauthn",
        "mfa_generate_recovery_codes",
        "mfa_view_recovery_codes",
        "mfa_download_recovery_codes",
        "mfa_deactivate_totp",
        "mfa_remove_webauthn",
        "mfa_edit_webauthn",
    ],
)
def test_factors_need_a_proof(name: str) -> None:
    client = signed_in(make_person())
    page = reverse(name, args=[1] if name in ("mfa_remove_webauthn", "mfa_edit_webauthn") else [])
    with time_machine.travel(timezone.now() + QUARTER):
        assert client.get(page).headers["Location"].startswith(BY_CODE)


@pytest.mark.parametrize("name", ["account_set_password", "account_change_password"])
def test_passwords_need_a_proof_before_they_are_typed_and_are_not_kept(name: str) -> None:
    person = make_person()
    if name == "account_change_password":
        person.set_password("the long password of before")
        person.save()
    client, new = signed_in(person), "another long password"
    assert client.get(reverse(name)).status_code == 200
    with time_machine.travel(timezone.now() + QUARTER):
        assert client.get(reverse(name)).headers["Location"].startswith(BY_CODE)
        asked = client.post(reverse(name), {"password1": new, "password2": new})
        assert asked.headers["Location"].startswith(BY_CODE)
        assert "another" not in str(dict(client.session))
        assert prove(client, asked.headers["Location"], person.email) == reverse(name)
        assert client.get(reverse(name)).status_code == 200


def test_a_second_step_is_changed_only_once_it_is_passed() -> None:
    person = make_person()
    client = signed_in(person)
    app = Authenticator.objects.create(user=person, type=Authenticator.Type.TOTP, data={})
    for name in ("mfa_deactivate_totp", "mfa_add_webauthn", "account_email"):
        asked = client.post(reverse(name))
        assert asked.headers["Location"].startswith(reverse("mfa_reauthenticate"))
    assert Authenticator.objects.contains(app)


def test_a_list_of_people_is_downloaded_after_a_proof() -> None:
    trainer = make_trainer()
    session = make_session(starts_at=morning(9), trainers=[trainer])
    book_now(session)
    client = signed_in(trainer)
    download = reverse("attendees_csv", args=[session.pk])
    assert client.get(download).status_code == 200
    with time_machine.travel(timezone.now() + QUARTER):
        assert client.get(reverse("attendees", args=[session.pk])).status_code == 200
        asked = client.get(download)
        assert asked.headers["Location"].startswith(BY_CODE)
        assert prove(client, asked.headers["Location"], trainer.email) == download
        assert client.get(download).headers["Content-Type"].startswith("text/csv")


def test_roles_change_after_a_proof() -> None:
    superuser = make_coordinator(is_staff=True, is_superuser=True)
    person, client = make_person(), signed_in(superuser)
    page = reverse("admin:accounts_user_change", args=[person.pk])
    with time_machine.travel(timezone.now() + QUARTER):
        assert client.get(page).status_code == 200
        asked = client.post(page, {"is_trainer": "on"})
        assert asked.headers["Location"].startswith(BY_CODE)
        taking = {"action": "forget_second_step", "_selected_action": [person.pk]}
        asked = client.post(reverse("admin:accounts_user_changelist"), taking)
        assert asked.headers["Location"].startswith(BY_CODE)


def test_a_form_of_an_address_with_a_query_goes_on_after_the_proof() -> None:
    superuser = make_coordinator(is_staff=True, is_superuser=True)
    person, client = make_person(), signed_in(superuser)
    page = reverse("admin:accounts_user_change", args=[person.pk])
    typed = {"first_name": "Zadie", "last_name": "Ahmed", "is_active": "on", "agency": ""}
    with time_machine.travel(timezone.now() + QUARTER):
        asked = client.post(f"{page}?_changelist_filters=is_trainer__exact%3D0", typed)
        landed = prove(client, asked.headers["Location"], superuser.email)
    assert landed.endswith("?is_trainer__exact=0")
    person.refresh_from_db()
    assert person.first_name == "Zadie"


def test_sessions_elsewhere_end_after_a_proof() -> None:
    person, here, elsewhere = make_person(), Client(), Client()
    for client in (here, elsewhere):
        sign_in(client, person.email)
    page = reverse("usersessions_list")
    with time_machine.travel(timezone.now() + QUARTER):
        assert here.get(page).status_code == 200
        asked = here.post(page)
        assert asked.headers["Location"].startswith(BY_CODE)
        assert elsewhere.get(page).status_code == 200
        assert prove(here, asked.headers["Location"], person.email) == page
        assert elsewhere.get(page).status_code == 302


@pytest.mark.parametrize("by", ["code", "password"])
def test_a_proof_gives_the_session_another_key(by: str) -> None:
    person, client, stolen = make_person(), Client(), Client()
    person.set_password("the long password of before")
    person.save()
    sign_in(client, person.email)
    stolen.cookies[settings.SESSION_COOKIE_NAME] = client.session.session_key or ""
    page = reverse("account_emails")
    assert stolen.get(page).status_code == 200
    if by == "code":
        prove(client, f"{BY_CODE}?next={page}", person.email)
    else:
        typed = {"password": "the long password of before", "next": page}
        client.post(reverse("account_reauthenticate"), typed)
    assert client.get(page).status_code == 200
    assert stolen.get(page).status_code == 302
    shown = client.get(reverse("usersessions_list")).text
    assert shown.count("From 127.0.0.1") == shown.count("You, now") == 1


def test_a_form_that_nobody_proved_is_forgotten() -> None:
    person = make_person()
    client = signed_in(person)
    make = reverse("make_feed", args=["bookings"])
    with time_machine.travel(timezone.now() + QUARTER) as clock:
        asked = client.post(make).headers["Location"]
        assert STATE_SESSION_KEY in client.session
        clock.shift(timedelta(minutes=61))
        assert prove(client, asked, person.email) == make
        assert STATE_SESSION_KEY not in client.session
    assert not CalendarFeed.objects.exists(), "what was pressed an hour ago is pressed anew"


def test_wrong_codes_run_out_and_an_older_address_proves_nothing() -> None:
    person = make_person()
    client = signed_in(person)
    with time_machine.travel(timezone.now() + QUARTER):
        asked = client.get(reverse("mfa_activate_totp")).headers["Location"]
        client.post(asked, {"action": "send"})
        right = code_for(person.email)
        for _ in range(settings.CODE_ATTEMPTS):
            client.post(asked, {"code": "BBBBBB"})
        client.post(asked, {"code": right})
        assert client.get(reverse("mfa_activate_totp")).status_code == 302
        client.post(asked, {"action": "send"})
        session = client.session
        session["proof_by_code"] |= {"email": "other@agency.example"}
        session.save()
        client.post(asked, {"code": code_for(person.email)})
        assert client.get(reverse("mfa_activate_totp")).status_code == 302


def test_an_empty_code_is_none() -> None:
    client = signed_in(make_person())
    with time_machine.travel(timezone.now() + QUARTER):
        asked = client.get(reverse("mfa_activate_totp")).headers["Location"]
        for typed in ({}, {"code": ""}, {"code": "None"}, {"code": "--"}):
            client.post(asked, typed)
            assert client.get(reverse("mfa_activate_totp")).status_code == 302


@pytest.mark.usefixtures("real_limits")
def test_codes_for_a_proof_are_limited() -> None:
    person = make_person()
    client = signed_in(person)
    for _ in range(8):
        client.post(BY_CODE, {"action": "send"})
    assert Message.objects.filter(to_email=person.email).count() == 5
