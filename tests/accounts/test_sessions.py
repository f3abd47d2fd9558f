"""Which session may go on: its second step, its time, and what ends all others."""

import re
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal.auth import format_hotp_value, hotp_value
from allauth.mfa.totp.internal.auth import yield_hotp_counters_from_time as counters
from allauth.usersessions.models import UserSession
from django.db import connection
from django.db.models import F
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone
from pytest_django import Settings

from accounts.actions import forget_second_step
from accounts.models import User
from accounts.sessions import lifetime_of
from booking.outbox.models import Message
from booking.templatetags.briefed import device
from tests.accounts.signing_in import (
    SECRET,
    app_code,
    ask_for_code,
    code_for,
    set_up_app,
    sign_in,
)
from tests.factories import make_agency, make_coordinator, make_lead, make_person, make_trainer
from tests.people import signed_in

pytestmark = pytest.mark.django_db
HOME = reverse("my_bookings")


@pytest.fixture(autouse=True)
def with_two_step(settings: Settings) -> None:
    """As in production."""
    settings.TWO_STEP_REQUIRED = True


def lands(client: Client, address: str = HOME) -> str:
    """Where a look at this page leads; nothing if it is shown."""
    response = client.get(address)
    assert response.status_code in (200, 302)
    return str(response.headers.get("Location", "")).partition("?")[0]


def enrolled(person: User) -> Authenticator:
    """The person has an authenticator app; nobody has used it."""
    kind = Authenticator.Type.TOTP
    app: Authenticator = Authenticator.objects.create(
        user=person, type=kind, data={"secret": SECRET}
    )
    return app


def pass_second_step(client: Client, asked: str) -> None:
    """Enter what the app shows on the page that asks for it."""
    with time_machine.travel(timezone.now(), tick=False):
        client.post(asked, {"code": app_code()})


@pytest.mark.parametrize("make", [make_coordinator, make_trainer, make_lead])
def test_a_session_by_mail_code_alone_opens_nothing_once_somebody_enrolled(make: Any) -> None:
    person = make()
    by_code_alone = signed_in(person)
    enrolled(person)
    assert lands(by_code_alone) == reverse("mfa_reauthenticate")
    assert lands(by_code_alone, reverse("admin:index")) == reverse("mfa_reauthenticate")
    asked = by_code_alone.get(HOME).headers["Location"]
    wrong = by_code_alone.post(asked, {"code": "000000"})
    assert wrong.status_code == 200
    pass_second_step(by_code_alone, asked)
    assert lands(by_code_alone) == ""


def test_without_the_second_step_a_code_by_mail_proves_nothing() -> None:
    person = make_coordinator()
    client = signed_in(person)
    enrolled(person)
    with time_machine.travel(timezone.now() + timedelta(minutes=16)):
        assert lands(client, reverse("mfa_deactivate_totp")) == reverse("mfa_reauthenticate")
        assert lands(client, reverse("reauthenticate_by_code")) == reverse("mfa_reauthenticate")
        client.post(reverse("reauthenticate_by_code"), {"action": "send"})
        assert not Message.objects.exists()


def test_the_second_step_costs_no_statement_once_it_is_passed(settings: Settings) -> None:
    person = make_coordinator()
    client = signed_in(person)
    enrolled(person)
    pass_second_step(client, client.get(HOME).headers["Location"])
    client.get(HOME)

    def statements() -> int:
        with CaptureQueriesContext(connection) as asked:
            assert client.get(HOME).status_code == 200
        return len(asked)

    with_it = statements()
    settings.TWO_STEP_REQUIRED = False
    assert with_it == statements()


@pytest.mark.django_db(transaction=True)
def test_setting_up_the_first_second_step() -> None:
    superuser = User.objects.create_superuser("root@scp.example")
    person = make_coordinator("sam@scp.example")
    client, elsewhere = Client(), Client()
    sign_in(client, person.email)
    sign_in(elsewhere, person.email)
    assert lands(client) == reverse("two_step_needed")
    assert lands(client, reverse("mfa_activate_totp")) == reverse("reauthenticate_by_code")
    assert set_up_app(client).status_code == 302
    assert lands(client) == ""
    assert lands(elsewhere) == reverse("account_login")
    told = Message.objects.get(to_email=superuser.email)
    assert b"sam@scp.example" in bytes(told.mime or b"")
    own = Message.objects.filter(to_email=person.email).latest("id")
    assert b"second step" in bytes(own.mime or b"")


def test_an_app_code_of_the_half_minute_before_opens_nothing() -> None:
    person = make_coordinator()
    client = signed_in(person)
    enrolled(person)
    asked = client.get(HOME).headers["Location"]
    with time_machine.travel(timezone.now(), tick=False):
        client.post(asked, {"code": format_hotp_value(hotp_value(SECRET, next(counters()) - 1))})
    assert lands(client) == reverse("mfa_reauthenticate")
    pass_second_step(client, asked)
    assert lands(client) == ""


def test_each_sign_in_has_a_key_of_its_own() -> None:
    client, person = Client(), make_person()
    ask_for_code(client, person.email)
    keys = {client.session.session_key}
    for _ in range(2):
        sign_in(client, person.email)
        keys.add(client.session.session_key)
        client.post(reverse("account_logout"))
    assert len(keys) == 3


def test_losing_the_second_step_ends_every_session() -> None:
    person = make_coordinator()
    client = signed_in(person)
    enrolled(person)
    pass_second_step(client, client.get(HOME).headers["Location"])
    assert lands(client) == ""
    forget_second_step(person=person, by=person)
    assert lands(client) == reverse("account_login")


def test_taking_the_second_step_away_asks_for_another() -> None:
    person = make_coordinator()
    here, elsewhere = signed_in(person), signed_in(person)
    enrolled(person)
    for client in (here, elsewhere):
        used = client.session
        used["account_authentication_methods"] = [
            {"method": "mfa", "at": timezone.now().timestamp(), "id": 0}
        ]
        used["account_authentication_methods_user"] = str(person.pk)
        used.save()
        assert lands(client) == ""
    assert here.post(reverse("mfa_deactivate_totp")).status_code == 302
    assert lands(here) == reverse("two_step_needed")
    assert lands(elsewhere) == reverse("account_login")


@pytest.mark.parametrize("role", User.ROLES)
def test_whoever_is_given_a_role_signs_in_anew(role: str) -> None:
    person = make_person()
    client = signed_in(person)
    assert lands(client) == ""
    User.objects.filter(pk=person.pk).update(**{role: True})
    assert lands(client) == reverse("account_login")


def test_whoever_has_another_address_signs_in_anew() -> None:
    person = make_person()
    client = signed_in(person)
    assert lands(client) == ""
    User.objects.filter(pk=person.pk).update(email="thief@elsewhere.example")
    assert lands(client) == reverse("account_login")


@pytest.mark.django_db(transaction=True)
def test_new_recovery_codes_end_other_sessions() -> None:
    person, here, elsewhere = make_person(), Client(), Client()
    for client in (here, elsewhere):
        sign_in(client, person.email)
    assert set_up_app(here).status_code == 302
    elsewhere = signed_in(User.objects.get(pk=person.pk))
    assert lands(elsewhere) == ""
    assert here.post(reverse("mfa_generate_recovery_codes")).status_code == 302
    assert lands(elsewhere) == reverse("account_login")
    assert lands(here) == ""


def test_who_gives_up_a_role_stays_signed_in(settings: Settings) -> None:
    settings.TWO_STEP_REQUIRED = False
    lead, other = make_lead(), make_agency("Other Agency")
    here, elsewhere = signed_in(lead), signed_in(lead)
    details = {"first_name": "Priya", "last_name": "Shah", "job_title": "Officer"}
    here.post(reverse("account_profile"), {**details, "agency": other.pk})
    assert lands(here) == ""
    assert lands(elsewhere) == reverse("account_login")


def test_another_address_ends_other_sessions() -> None:
    client, elsewhere = Client(), Client()
    person = make_person("sam@old.example")
    sign_in(client, "sam@old.example")
    sign_in(elsewhere, "sam@old.example")
    client.post(reverse("account_email"), {"email": "sam@new.example", "action_add": ""})
    code = code_for("sam@new.example")
    client.post(reverse("account_email_verification_sent"), {"code": code})
    person.refresh_from_db()
    assert person.email == "sam@new.example"
    assert lands(client) == ""
    assert lands(elsewhere) == reverse("account_login")


@pytest.mark.parametrize(
    ("make", "idle", "total"),
    [
        (make_coordinator, timedelta(hours=2), timedelta(hours=12)),
        (make_lead, timedelta(hours=2), timedelta(hours=12)),
        (make_trainer, timedelta(hours=4), timedelta(hours=12)),
        (make_person, timedelta(days=14), timedelta(days=14)),
    ],
)
def test_how_long_a_session_lasts(
    make: Any, idle: timedelta, total: timedelta, settings: Settings
) -> None:
    settings.TWO_STEP_REQUIRED = False
    a_bit = timedelta(minutes=5)
    began = timezone.now()
    with time_machine.travel(began, tick=False) as clock:
        unused, used = signed_in(make()), signed_in(make())
        at = began
        while at + idle - a_bit < began + total:
            at += idle - a_bit
            clock.move_to(at)
            assert lands(used) == "", at - began
        clock.move_to(began + idle + a_bit)
        assert lands(unused) == reverse("account_login")
        clock.move_to(began + total + a_bit)
        assert lands(used) == reverse("account_login")


@pytest.mark.parametrize("role", ["is_coordinator", "is_agency_lead", "is_staff", "is_superuser"])
def test_of_several_roles_the_strictest_says_how_long_a_session_lasts(role: str) -> None:
    strict = timedelta(hours=2)
    roles: dict[str, Any] = {role: True}
    assert lifetime_of(make_trainer()).idle > strict
    assert lifetime_of(make_trainer(**roles)).idle == lifetime_of(make_person(**roles)).idle
    assert lifetime_of(make_person(**roles)).idle == strict


def test_looking_at_pages_seldom_writes_the_session(settings: Settings) -> None:
    settings.TWO_STEP_REQUIRED = False
    began = timezone.now()
    with time_machine.travel(began, tick=False) as clock:
        client = signed_in(make_coordinator())
        written = 0
        for minute in range(20):
            clock.move_to(began + timedelta(minutes=minute))
            with CaptureQueriesContext(connection) as asked:
                assert lands(client) == ""
            written += any("UPDATE" in each["sql"] for each in asked.captured_queries)
    assert written <= 10


@pytest.mark.parametrize(
    ("says", "words"),
    [
        ("Mozilla/5.0 (Windows NT 10.0) Chrome/140.0 Safari/537.36 Edg/140.0", "Edge on Windows"),
        ("Mozilla/5.0 (X11; Linux x86_64) HeadlessChrome/140.0 Safari/537.36", "Chrome on Linux"),
        ("Mozilla/5.0 (iPhone; like Mac OS X) CriOS/140.0 Safari/604.1", "Chrome on iPhone"),
        ("Mozilla/5.0 (Macintosh) Version/26.0 Safari/605.1", "Safari on Mac"),
        ("Mozilla/5.0 (Android 15) Gecko/140.0 Firefox/140.0", "Firefox on Android"),
        ("curl/8.0 (Windows)", "a browser on Windows"),
        ("", "an unnamed browser"),
    ],
)
def test_a_browser_is_named_as_people_name_it(says: str, words: str) -> None:
    assert device(says) == words


def test_the_pages_of_an_account_are_headed_as_their_menu_names_them() -> None:
    client = signed_in(make_person())
    for name, words in (("account_email", "Email address"), ("mfa_index", "Two-step sign-in")):
        page = client.get(reverse(name)).text
        assert f'aria-current="page">{words}</a>' in page
        assert re.findall("<h1[^>]*>([^<]*)<", page) == [words]


def test_people_see_where_they_are_signed_in_and_sign_out_there() -> None:
    person, here, elsewhere = make_person(), Client(), Client()
    for client in (elsewhere, here):
        sign_in(client, person.email)
    page = here.get(reverse("usersessions_list")).text
    assert "an unnamed browser" in page
    assert "Where you are signed in</h1>" in page
    assert page.count("You, now") == 1
    assert page.count("From 127.0.0.1") == 2
    answer = here.post(reverse("usersessions_list"), follow=True).text
    assert "You are signed out everywhere else." in answer
    assert "You are signed in nowhere else." in answer
    assert lands(elsewhere) == reverse("account_login")
    assert lands(here) == ""


def test_who_reads_is_asked_for_in_one_statement_with_the_session() -> None:
    client = signed_in(make_person(agency=make_agency()))
    with CaptureQueriesContext(connection) as asked:
        assert lands(client, "/programme/?q=nothing") == ""
    of_tables = [each["sql"] for each in asked if "django_session" in each["sql"]]
    assert len(of_tables) == 1
    assert sum("accounts_user" in each["sql"] for each in asked) == 1


@pytest.mark.parametrize("spoilt", ["person", "gone", "hash", "inactive"])
def test_a_person_beside_a_session_is_believed_of_nobody_it_does_not_prove(spoilt: str) -> None:
    person, other = make_person(first_name="Una"), make_coordinator()
    client = signed_in(person)
    beside = UserSession.objects.filter(user=person)
    match spoilt:
        case "person":
            beside.update(user=other)
        case "gone":
            beside.delete()
        case "hash":
            User.objects.filter(pk=person.pk).update(session_epoch=F("session_epoch") + 1)
        case "inactive":
            User.objects.filter(pk=person.pk).update(is_active=False)
    answer = client.get(HOME)
    assert answer.wsgi_request.user != other
    goes_on = spoilt in ("person", "gone")
    assert (answer.wsgi_request.user == person) == goes_on
    assert answer.status_code == {"hash": 302, "inactive": 403}.get(spoilt, 200)
