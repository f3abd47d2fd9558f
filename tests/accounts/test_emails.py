"""Emails from us: reminders may be turned off, in the account or by the link in one of them."""

import re
from datetime import timedelta

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts.actions import reminders_path
from accounts.models import User
from booking.site.signed_links import SignedLink
from tests.factories import make_person
from tests.people import signed_in

pytestmark = pytest.mark.django_db

LINK_LIFE = timedelta(days=180)


def wants_reminders(person: User) -> bool:
    return User.objects.get(pk=person.pk).wants_reminders


# --- in the account ---


def test_the_page_says_what_is_always_sent_and_asks_about_reminders() -> None:
    person = make_person()
    page = signed_in(person).get("/accounts/emails/").content.decode()
    for words in ("confirmations", "offers of a place", "changes", "cancellations"):
        assert words in page.partition('<h2 class="govuk-heading-m">Reminders')[0]
    assert "You cannot turn these off" in page
    assert re.search(r"<input[^>]*value=\"yes\"[^>]* checked", page)
    assert person.email in page


def test_reminders_are_turned_off_and_on_again() -> None:
    person = make_person()
    client = signed_in(person)
    for answer, words in (("no", "Reminders are off."), ("yes", "Reminders are on.")):
        response = client.post("/accounts/emails/", {"wants_reminders": answer}, follow=True)
        assert words in response.content.decode()
        assert wants_reminders(person) is (answer == "yes")


@pytest.mark.parametrize("answer", ["", "maybe", "NO\x00"])
def test_no_answer_is_an_error_in_words_and_changes_nothing(answer: str) -> None:
    person = make_person()
    response = signed_in(person).post("/accounts/emails/", {"wants_reminders": answer})
    assert response.status_code == 422
    assert "Choose whether you want reminders." in response.content.decode()
    assert wants_reminders(person)


def test_the_page_is_for_who_is_signed_in() -> None:
    response = Client().get("/accounts/emails/")
    assert response.headers["Location"] == "/accounts/login/?next=/accounts/emails/"


def test_every_page_of_the_account_leads_there() -> None:
    assert 'href="/accounts/emails/"' in signed_in(make_person()).get("/accounts/profile/").text


# --- by the link in a reminder ---


def link_for(person: User, *, age: timedelta = timedelta()) -> str:
    return reminders_path(person, since=timezone.now() - age)


def test_a_mail_scanner_that_follows_the_link_changes_nothing() -> None:
    person = make_person()
    client = Client()
    for method in (client.get, client.head):
        assert method(link_for(person)).status_code == 200
    assert wants_reminders(person)


def test_the_link_turns_reminders_off_and_on_without_signing_in() -> None:
    person, other = make_person(), make_person()
    client, link = Client(enforce_csrf_checks=True), link_for(person)
    page = client.get(link)
    for answer in ("no", "yes"):
        form = {"wants_reminders": answer, "csrfmiddlewaretoken": client.cookies["csrf"].value}
        page = client.post(link, form, follow=True)
        assert page.status_code == 200
        assert ("Reminders are off" in page.text) is (answer == "no")
        assert wants_reminders(person) is (answer == "yes")
    assert wants_reminders(other)
    assert "_auth_user_id" not in client.session


def test_the_page_behind_the_link_tells_nobody_whose_it_is() -> None:
    person = make_person(first_name="Xanthippe")
    response = Client().get(link_for(person))
    assert person.email not in response.text
    assert "Xanthippe" not in response.text
    assert response.headers["X-Robots-Tag"] == "noindex, nofollow"
    assert "no-store" in response.headers["Cache-Control"]


def test_an_answer_that_is_none_changes_nothing() -> None:
    person = make_person()
    response = Client().post(link_for(person), {"wants_reminders": "perhaps"})
    assert response.status_code == 422
    assert "Choose whether you want reminders." in response.text
    assert wants_reminders(person)


def test_a_link_runs_out() -> None:
    person = make_person()
    assert Client().get(link_for(person, age=LINK_LIFE - timedelta(minutes=1))).status_code == 200
    for method in ("get", "post"):
        old = getattr(Client(), method)(link_for(person, age=LINK_LIFE), {"wants_reminders": "no"})
        assert old.status_code == 410
        assert "in your account" in old.text
    assert wants_reminders(person)


def test_a_changed_link_or_one_signed_for_something_else_is_not_found() -> None:
    person, other = make_person(), make_person()
    token = link_for(person).split("/")[-2]
    content, _, signature = token.partition(".")
    others_content = link_for(other).split("/")[-2].partition(".")[0]
    for_something_else = SignedLink.OFFER.token(content)
    for bad in (
        "x",
        token[:-1],
        f"{others_content}.{signature}",
        f"{content}.",
        for_something_else,
        "é.é",
        "%00",
    ):
        response = Client().post(reverse("reminders_link", args=[bad]), {"wants_reminders": "no"})
        assert response.status_code == 404, bad
    assert wants_reminders(person)
    assert wants_reminders(other)


def test_a_closed_account_has_no_link() -> None:
    person = make_person()
    link = link_for(person)
    User.objects.filter(pk=person.pk).update(is_active=False)
    assert Client().get(link).status_code == 404
