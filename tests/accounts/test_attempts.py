"""How often somebody may try to sign in: also without Redis, and all at once."""

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier
from urllib.parse import unquote

import pytest
import structlog
import time_machine
from allauth.account import forms as forms_of_allauth
from allauth.core.internal import cryptokit
from allauth.mfa.totp.internal.auth import TOTP
from django.core.cache import cache
from django.db import connection
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts.models import Remembered
from accounts.remembered import forget_expired, tries
from booking.local.servers import Valkey
from booking.outbox.models import Message
from tests.accounts.signing_in import SECRET, app_code, code_for, sign_in
from tests.factories import make_person

ADDRESS = "known@agency.example"
TOO_MANY = "too many attempts"


def ask(client: Client, *, network: str = "192.0.2.1", address: str = ADDRESS) -> bool:
    """Ask for a code from this network; whether one was sent."""
    response = client.post(reverse("account_login"), {"email": address}, REMOTE_ADDR=network)
    assert response.status_code == 302 or TOO_MANY in response.text
    return response.status_code == 302


def sign_out(client: Client, page: str = "/accounts/logout/") -> str:
    """Sign out in a browser that does as `Clear-Site-Data` says; where that leads in the end.

    Browsers clear the cookies that the same answer sets, too.
    """
    answer = client.post(page)
    assert answer.headers["Clear-Site-Data"] == '"cache", "cookies"'
    client.cookies.clear()
    answer = client.get(answer.headers["Location"])
    assert "sessionid" not in client.cookies
    return str(answer.headers["Location"])


def together(many: int, act: Callable[[], object]) -> None:
    """Do it so many times at one moment."""
    barrier = Barrier(many)

    def run(_: int) -> None:
        try:
            barrier.wait(timeout=20)
            act()
        finally:
            connection.close()

    with ThreadPoolExecutor(many) as pool:
        list(pool.map(run, range(many)))


@pytest.mark.django_db
@pytest.mark.usefixtures("real_limits")
def test_codes_are_limited_without_redis(embedded_valkey: Valkey) -> None:
    make_person(ADDRESS)
    embedded_valkey.stop()
    sent = [ask(Client()) for _ in range(20)]
    assert sent == [True] * 5 + [False] * 15
    assert Message.objects.filter(to_email=ADDRESS).count() == 5


@pytest.mark.django_db
@pytest.mark.usefixtures("real_limits")
def test_a_stranger_locks_nobody_out_of_their_own_address() -> None:
    make_person(ADDRESS)
    at_work = Client()
    sign_in(at_work, ADDRESS)
    sign_out(at_work)
    assert [ask(Client(), network="198.51.100.7") for _ in range(6)] == [True] * 5 + [False]
    assert ask(Client(), network="192.0.2.99"), "from another network"
    assert ask(at_work, network="198.51.100.7"), "in a known browser, behind the stranger's network"
    assert not ask(Client(), network="198.51.100.7", address=ADDRESS.upper())


@pytest.mark.django_db
@pytest.mark.parametrize("address", ["/accounts/logout/", "/admin/logout/"])
def test_a_browser_is_known_again_after_signing_out(address: str) -> None:
    make_person(ADDRESS)
    client = Client()
    sign_in(client, ADDRESS)
    known = client.cookies["device"].value
    assert sign_out(client, address) == "/"
    assert client.cookies["device"].value.split("-")[0] == known.split("-")[0]
    assert "/accounts/login/" in client.get(reverse("my_bookings")).headers["Location"]


@pytest.mark.django_db
def test_what_carries_a_known_browser_holds_for_a_minute_and_is_no_cookie() -> None:
    make_person(ADDRESS)
    client, later = Client(), Client()
    sign_in(client, ADDRESS)
    known = client.cookies["device"].value
    led = str(client.post("/accounts/logout/").headers["Location"])
    assert known not in unquote(led)
    with time_machine.travel(timezone.now() + timedelta(minutes=2)):
        later.get(led)
    later.get("/accounts/logout/?device=x")
    assert "device" not in later.cookies


@pytest.mark.django_db
@pytest.mark.usefixtures("real_limits")
def test_tries_that_are_refused_are_in_the_log_without_the_address() -> None:
    person = make_person(ADDRESS)
    with structlog.testing.capture_logs() as lines:
        for address in (ADDRESS, "stranger@agency.example"):
            for _ in range(6):
                ask(Client(), network="198.51.100.7", address=address)
    refused = [line for line in lines if line["event"] == "tries_refused"]
    assert [line["what"] for line in refused] == ["code", "code"]
    assert refused[0]["person"] == person.pk
    assert {line["network"] for line in refused} == {"198.51.100.7"}
    assert "agency.example" not in str(lines)


@pytest.mark.django_db
@pytest.mark.usefixtures("real_limits")
def test_nobody_is_flooded_with_codes_from_many_networks() -> None:
    make_person(ADDRESS)
    sent = sum(ask(Client(), network=f"203.0.113.{host}") for host in range(100))
    assert sent == 60


@pytest.mark.django_db
@pytest.mark.usefixtures("real_limits")
def test_a_cookie_that_somebody_wrote_is_no_known_browser() -> None:
    make_person(ADDRESS)
    at_work = Client()
    sign_in(at_work, ADDRESS)
    known = at_work.cookies["device"].value

    def ask_with(cookie: str) -> bool:
        stranger = Client()
        stranger.cookies["device"] = cookie
        return ask(stranger, network="198.51.100.7")

    assert [ask_with("") for _ in range(6)] == [True] * 5 + [False]
    for written in (known.replace(known[:22], "x" * 22), f"{known}x", "x-y:z:w"):
        assert not ask_with(written)
    assert ask_with(known)


@pytest.mark.django_db
@pytest.mark.usefixtures("real_limits")
def test_passwords_are_limited_without_redis(embedded_valkey: Valkey) -> None:
    person = make_person(ADDRESS)
    person.set_password("a long and secret password")
    person.save()
    embedded_valkey.stop()

    def enter(password: str, network: str) -> str:
        typed = {"login": ADDRESS, "password": password}
        page = reverse("account_login_password")
        return Client().post(page, typed, REMOTE_ADDR=network, follow=True).text

    answers = [enter("wrong", "198.51.100.7") for _ in range(10)]
    assert [TOO_MANY in each for each in answers] == [False] * 5 + [True] * 5
    assert TOO_MANY in enter("a long and secret password", "198.51.100.7")
    assert "Sign out" in enter("a long and secret password", "192.0.2.1")


@pytest.mark.django_db
@pytest.mark.usefixtures("real_limits")
@pytest.mark.parametrize("page", ["mfa_authenticate", "mfa_reauthenticate"])
def test_codes_of_an_app_are_limited_without_redis(page: str, embedded_valkey: Valkey) -> None:
    person, client = make_person(ADDRESS), Client()
    TOTP.activate(person, SECRET)
    embedded_valkey.stop()
    if page == "mfa_authenticate":
        sign_in(client, ADDRESS)
    else:
        client.force_login(person)
    with time_machine.travel(timezone.now(), tick=False):
        right = app_code()
        for number in range(5):
            client.post(reverse(page), {"code": f"{(int(right) + 1 + number) % 10**6:06}"})
        answer = client.post(reverse(page), {"code": right, "next": reverse("account_emails")})
    assert answer.status_code == 200
    assert TOO_MANY in answer.text


@pytest.mark.django_db
@pytest.mark.usefixtures("real_limits")
def test_passwords_of_a_proof_are_limited() -> None:
    person, client = make_person(ADDRESS), Client()
    person.set_password("a long and secret password")
    person.save()
    client.force_login(person)
    page = reverse("account_reauthenticate")
    answers = [client.post(page, {"password": "wrong"}).status_code for _ in range(12)]
    assert answers == [200] * 10 + [429] * 2


@pytest.mark.django_db
@pytest.mark.usefixtures("real_limits")
@pytest.mark.parametrize("is_active", [True, False, None], ids=["known", "closed", "unknown"])
def test_mail_for_another_password_is_limited_for_every_address(is_active: bool | None) -> None:
    if is_active is not None:
        make_person(ADDRESS, is_active=is_active)
    for _ in range(8):
        sent = Client().post(reverse("account_reset_password"), {"email": ADDRESS})
        assert sent.headers["Location"] == reverse("account_reset_password_done")
    assert Message.objects.filter(to_email=ADDRESS).count() == 5


@pytest.mark.django_db(transaction=True)
def test_wrong_codes_at_one_moment_are_not_all_judged(monkeypatch: pytest.MonkeyPatch) -> None:
    make_person(ADDRESS)
    client = Client()
    ask(client)
    code_for(ADDRESS)
    judged: list[str] = []
    original = cryptokit.compare_user_code

    def compare(*, actual: str, expected: str) -> bool:
        judged.append(actual)
        return original(actual=actual, expected=expected)

    monkeypatch.setattr(forms_of_allauth, "compare_user_code", compare)

    def guess() -> None:
        stranger = Client()
        stranger.cookies = client.cookies
        stranger.post(reverse("account_confirm_login_code"), {"code": "BBBBBB"})

    together(20, guess)
    assert len(judged) == 5


@pytest.mark.django_db(transaction=True)
def test_of_many_at_one_moment_each_is_counted_and_one_is_first() -> None:
    counted: list[int] = []
    first: list[bool] = []
    together(20, lambda: counted.append(tries("together", seconds=60)))
    together(20, lambda: first.append(cache.add("once", True, 60)))
    assert sorted(counted) == list(range(1, 21))
    assert first.count(True) == 1


@pytest.mark.django_db
def test_what_is_over_is_forgotten() -> None:
    assert [tries("a", seconds=60), tries("a", seconds=60)] == [1, 2]
    cache.set("b", {"list": [1.5]}, 30)
    assert cache.get("b") == {"list": [1.5]}
    Remembered.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    assert cache.get("b") is None
    assert cache.add("b", "again", 60)
    assert not cache.add("b", "and again", 60)
    assert tries("a", seconds=60) == 1
    assert forget_expired(now=timezone.now()) == 0
    assert forget_expired(now=timezone.now() + timedelta(minutes=2)) == 2
    assert json.dumps(cache.get("b")) == "null"
