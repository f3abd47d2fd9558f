"""Somebody whose account was closed is told so, and nobody else learns of it."""

import pytest
from allauth.account.models import EmailAddress
from django.test import Client
from django.urls import reverse

from accounts.models import User
from booking.outbox.models import Message
from booking.partnership import kept as partnership
from tests.accounts.signing_in import ask_for_code, code_for, sign_in
from tests.factories import make_coordinator, make_person
from tests.people import signed_in

pytestmark = pytest.mark.django_db

ADDRESS = "known@agency.example"
WORDS = "This account has been closed"


def close(person: User) -> None:
    User.objects.filter(pk=person.pk).update(is_active=False)


def text_of_mail_to(address: str) -> str:
    return bytes(Message.objects.filter(to_email=address).latest("id").mime or b"").decode()


def test_the_mail_says_it_and_the_page_does_not() -> None:
    close(make_person(ADDRESS))
    partnership.change(values={"help_email": "help@partnership.example"}, by=None)
    pages = []
    for address in (ADDRESS, "never@agency.example"):
        browser = Client()
        ask_for_code(browser, address)
        page = browser.get(reverse("account_confirm_login_code")).content.decode()
        pages.append(page.replace(address, "").split("</head>")[1].split("csrfmiddlewaretoken")[0])
        wrong = browser.post(reverse("account_confirm_login_code"), {"code": "BBBBBB"})
        assert (wrong.status_code, WORDS in wrong.content.decode()) == (200, False)
    assert pages[0] == pages[1]
    mail = text_of_mail_to(ADDRESS)
    assert "has been closed" in mail
    assert "help@partnership.example" in mail
    assert "has been closed" not in text_of_mail_to("never@agency.example")


def test_a_new_password_is_answered_in_the_same_way() -> None:
    close(make_person(ADDRESS))
    Client().post(reverse("account_reset_password"), {"email": ADDRESS})
    assert "has been closed" in text_of_mail_to(ADDRESS)


def test_the_right_code_or_password_proves_who_may_be_told() -> None:
    person, browser = make_person(ADDRESS), Client()
    ask_for_code(browser, ADDRESS)
    code = code_for(ADDRESS)
    person.set_password("correct horse battery")
    person.save()
    close(person)
    answer = browser.post(reverse("account_confirm_login_code"), {"code": code}, follow=True)
    assert WORDS in answer.content.decode()
    assert "_auth_user_id" not in browser.session
    right = {"login": ADDRESS, "password": "correct horse battery"}
    answer = Client().post(reverse("account_login_password"), right, follow=True)
    assert WORDS in answer.content.decode()
    wrong = {**right, "password": "battery horse correct"}
    answer = Client().post(reverse("account_login_password"), wrong, follow=True)
    assert WORDS not in answer.content.decode()


def test_an_open_session_is_told_once_and_over() -> None:
    person = make_person(ADDRESS)
    browser = signed_in(person)
    close(person)
    answer = browser.get(reverse("my_bookings"))
    assert (answer.status_code, WORDS in answer.content.decode()) == (403, True)
    assert browser.get(reverse("my_bookings")).status_code == 302
    assert browser.get("/").status_code == 200


def test_a_closed_account_that_is_opened_again_revives_no_session() -> None:
    person = make_person(ADDRESS)
    browser, coordinator = Client(), signed_in(make_coordinator(is_staff=True))
    sign_in(browser, ADDRESS)
    sent = {
        "first_name": person.first_name,
        "last_name": person.last_name,
        "job_title": person.job_title,
        "agency": str(person.agency_id),
    }
    page = reverse("admin:accounts_user_change", args=[person.pk])
    assert coordinator.post(page, sent).status_code == 302
    assert not User.objects.get(pk=person.pk).is_active
    assert coordinator.post(page, {**sent, "is_active": "on"}).status_code == 302
    assert browser.get(reverse("my_bookings")).status_code == 302
    assert EmailAddress.objects.filter(user=person, verified=True).exists()
