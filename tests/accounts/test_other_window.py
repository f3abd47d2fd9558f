"""A form that is sent after its session is gone, or after signing in or out in another window."""

from typing import Any

import pytest
from django.conf import settings
from django.test import Client
from django.urls import reverse

from accounts.models import PractitionerGroup, User
from booking.places.models import Booking
from booking.site.form_kit import NOT_SENT
from tests.accounts.signing_in import sign_in
from tests.factories import make_person, make_session
from tests.pages import said

pytestmark = pytest.mark.django_db

NEEDS = "A hearing loop, and <no nuts>"
SHOWN = "A hearing loop, and &lt;no nuts&gt;"
OURS = {"Origin": "http://testserver"}


def browser_of(person: User, **how: Any) -> Client:
    client = Client(**how)
    sign_in(client, person.email)
    return client


def booking_page() -> str:
    return reverse("book", args=[make_session().pk])


def sign_out_elsewhere(client: Client) -> None:
    """As a browser does that is told to forget all cookies."""
    client.get("/")
    token = client.get(reverse("account_logout")).context["csrf_token"]
    led = client.post(reverse("account_logout"), {"csrfmiddlewaretoken": str(token)})
    client.cookies.clear()
    client.get(led.headers["Location"])


def test_needs_typed_before_the_session_was_lost_are_there_after_signing_in() -> None:
    person, book = make_person(), booking_page()
    client = browser_of(person)
    del client.cookies[settings.SESSION_COOKIE_NAME]
    led = client.post(book, {"needs": NEEDS}).headers["Location"]
    assert led == f"{reverse('account_login')}?next={book}"
    assert "You were signed out" in client.get(led).text
    assert "hearing" not in str(dict(client.session.items())), "sealed"
    assert sign_in(client, person.email, book) == book
    page = client.get(book).text
    assert SHOWN in page
    assert NOT_SENT in page
    assert not Booking.objects.exists()


def test_nobody_else_sees_them() -> None:
    person, other, book = make_person(), make_person(), booking_page()
    client = browser_of(person)
    del client.cookies[settings.SESSION_COOKIE_NAME]
    client.post(book, {"needs": NEEDS})
    sign_in(client, other.email, book)
    assert "hearing" not in client.get(book).text
    assert "typed_before" not in client.session


def test_a_browser_in_which_nobody_signed_in_keeps_nothing() -> None:
    client, book = Client(), booking_page()
    client.post(book, {"needs": NEEDS})
    assert "typed_before" not in client.session


@pytest.mark.parametrize("is_in_again", [False, True])
def test_signing_out_in_another_window_loses_nothing(is_in_again: bool) -> None:
    person, book = make_person(), booking_page()
    client = Client(enforce_csrf_checks=False)
    sign_in(client, person.email)
    sign_out_elsewhere(client)
    if is_in_again:
        sign_in(client, person.email)
    client.handler.enforce_csrf_checks = True
    answer = client.post(book, {"needs": NEEDS}, headers=OURS)
    assert answer.status_code == 302
    client.handler.enforce_csrf_checks = False
    if is_in_again:
        assert answer.headers["Location"] == book
        assert "in another window" in said(answer)
    else:
        assert sign_in(client, person.email, book) == book
    page = client.get(book).text
    assert SHOWN in page
    assert NOT_SENT in page
    assert not Booking.objects.exists()


@pytest.mark.parametrize("origin", [{}, {"Origin": "https://evil.example"}])
def test_what_may_come_from_another_site_is_refused_with_the_reason(
    origin: dict[str, str],
) -> None:
    client = browser_of(make_person())
    client.handler.enforce_csrf_checks = True
    answer = client.post(booking_page(), {"needs": NEEDS}, headers=origin)
    assert answer.status_code == 403
    assert "You may have signed in or signed out in another window" in answer.text
    assert "too long" not in answer.text
    assert "reload the page" not in answer.text
    assert "typed_before" not in client.session


def test_a_button_of_another_time_leads_back_to_its_page() -> None:
    client = browser_of(make_person())
    client.handler.enforce_csrf_checks = True
    press = reverse("answer_offer", args=[1])
    there = reverse("my_bookings")
    headers = OURS | {"Referer": f"http://testserver{there}"}
    answer = client.post(press, {"answer": "accept"}, headers=headers)
    assert answer.headers["Location"] == there
    assert "Press it again" in said(answer)


def test_signing_out_is_said() -> None:
    client = browser_of(make_person())
    sign_out_elsewhere(client)
    assert "You are signed out." in client.get("/").text
    assert "You are signed out." not in client.get("/").text
    assert "You are signed out." not in Client().get("/").text


def test_a_stranger_who_presses_a_button_is_led_back_to_it_and_was_not_signed_out() -> None:
    group = PractitionerGroup.objects.create(name="Leads")
    there, person, client = reverse("group", args=[group.pk]), make_person(), Client()
    headers = {"Referer": f"http://testserver{there}"}
    pressed = client.post(reverse("group_join_or_leave", args=[group.pk]), headers=headers)
    page = client.get(pressed.headers["Location"]).text
    assert "Press it again." in page
    assert "You were signed out" not in page
    assert sign_in(client, person.email, there) == there
