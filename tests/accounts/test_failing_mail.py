"""An address that mail does not reach is known to its owner, until something proves it works."""

import pytest
from allauth.account.models import EmailAddress
from django.test import Client
from django.urls import reverse

from accounts.failing import mark_failing
from accounts.models import User
from tests.accounts.signing_in import code_for, sign_in
from tests.factories import NOW, make_person
from tests.people import signed_in
from tests.replies.receiving import people_whose_mail_fails

pytestmark = pytest.mark.django_db

WHY = "5.1.1 No such person"


def failing(email: str = "zoe@agency.example") -> User:
    person = make_person(email)
    mark_failing(email=email.upper(), why=WHY, now=NOW)
    person.refresh_from_db()
    assert person.mail_failing_since == NOW
    return person


def still_fails(person: User) -> bool:
    return people_whose_mail_fails().filter(pk=person.pk).exists()


def test_the_owner_reads_it_on_their_own_page_and_nobody_else_does() -> None:
    person, other = failing(), make_person()
    for reader, seen in ((person, True), (other, False)):
        client = signed_in(reader)
        page = " ".join(client.get(reverse("account_profile")).content.decode().split())
        assert ("does not arrive." in page) == seen
        assert (WHY in page) == seen


def test_signing_in_with_a_code_sent_there_proves_that_it_works() -> None:
    person, other = failing(), failing("other@agency.example")
    sign_in(Client(), person.email)
    assert not still_fails(person)
    assert still_fails(other)
    person.refresh_from_db()
    assert person.mail_failure == ""


def test_signing_in_with_a_password_proves_nothing() -> None:
    person = failing()
    person.set_password("correct horse battery")
    person.save()
    typed = {"login": person.email, "password": "correct horse battery"}
    assert Client().post(reverse("account_login_password"), typed).status_code == 302
    assert still_fails(person)


def test_a_new_address_that_was_confirmed_is_not_the_one_that_failed() -> None:
    person = failing()
    client = signed_in(person)
    client.post(reverse("account_email"), {"email": "new@agency.example", "action_add": ""})
    assert still_fails(person)
    code = code_for("new@agency.example")
    client.post(reverse("account_email_verification_sent"), {"code": code})
    person.refresh_from_db()
    assert person.email == "new@agency.example"
    assert EmailAddress.objects.get(user=person, verified=True).email == person.email
    assert not still_fails(person)


def test_the_address_of_nobody_is_not_kept() -> None:
    mark_failing(email="nobody@agency.example", why=WHY, now=NOW)
    assert not people_whose_mail_fails().exists()
