"""Signing in by code, for new and known people alike."""

import email
import re
from datetime import timedelta
from email.policy import default as default_policy

import pytest
from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from django.test import Client
from django.urls import reverse
from pytest_django import Settings

from accounts import actions
from accounts.models import User
from booking.outbox.models import Message
from tests.accounts.signing_in import ask_for_code, code_for, sign_in
from tests.factories import (
    make_agency,
    make_coordinator,
    make_lead,
    make_person,
    make_session,
    make_trainer,
    morning,
)
from tests.people import signed_in

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def with_two_step(settings: Settings) -> None:
    """As in production."""
    settings.TWO_STEP_REQUIRED = True


def test_new_person_books_without_losing_the_session() -> None:
    agency = make_agency("Leeds Police", domains=["police.example"])
    session = make_session(starts_at=morning(9))
    book = reverse("book", args=[session.pk])
    client = Client()
    first = client.get(book)
    assert first.headers["Location"] == f"/accounts/login/?next={book}"
    screens = [client.get(first.headers["Location"]).content.decode()]
    assert session.course.title in screens[0]
    landed = sign_in(client, "New.Person@police.example", book)
    assert landed == book
    page = client.get(book).content.decode()
    assert "Leeds Police" in page
    details = {"first_name": "Zoë", "last_name": "Nguyễn", "job_title": "Constable", "needs": ""}
    booked = client.post(book, details)
    assert booked.status_code == 302
    person = User.objects.get(email="new.person@police.example")
    assert person.agency == agency
    assert booked.headers["Location"] == person.bookings.get().get_absolute_url()
    assert EmailAddress.objects.get(user=person).verified
    assert "You&#x27;re booked" in client.get(booked.headers["Location"]).content.decode() or (
        "You're booked" in client.get(booked.headers["Location"]).content.decode()
    )


def test_new_and_known_addresses_get_the_same_answer_and_the_same_mail() -> None:
    make_person("known@agency.example")
    answers = []
    for address in ("known@agency.example", "unknown@agency.example"):
        response = Client().post(reverse("account_login"), {"email": address})
        message = Message.objects.filter(to_email=address).get()
        mail = email.message_from_bytes(bytes(message.mime or b""), policy=default_policy)
        text = mail.get_body(("plain",))
        assert text is not None
        words = text.get_content().replace(code_for(address), "CODE").replace(address, "ADDRESS")
        answers.append(
            (
                response.status_code,
                response.headers["Location"],
                mail["Subject"].replace(code_for(address), "CODE"),
                words,
            )
        )
    assert answers[0] == answers[1]


def test_the_mail_with_the_code_says_the_same_in_its_text_and_on_its_page() -> None:
    ask_for_code(Client(), "new@agency.example")
    code, message = code_for("new@agency.example"), Message.objects.get()
    assert message.mime is not None
    mail = email.message_from_bytes(bytes(message.mime), policy=default_policy)
    text, page = mail.get_body(("plain",)), mail.get_body(("html",))
    assert text is not None
    assert page is not None
    paragraphs = text.get_content().replace("\r\n", "\n").strip().split("\n\n")
    assert paragraphs[:2] == ["Your code to sign in to Briefed", code]
    assert all(paragraph in page.get_content() for paragraph in paragraphs)


def test_a_code_works_once() -> None:
    make_person("known@agency.example")
    client = Client()
    ask_for_code(client, "known@agency.example")
    code = code_for("known@agency.example")
    client.post(reverse("account_confirm_login_code"), {"code": code})
    assert "_auth_user_id" in client.session
    client.post(reverse("account_logout"))
    client.post(reverse("account_confirm_login_code"), {"code": code})
    assert "_auth_user_id" not in client.session


@pytest.mark.parametrize(
    "address",
    [
        "info@school.example",
        "office@school.example",
        "admin@x.example",
        "School.Office@x.example",
        "head-teacher@x.example",
        "office2@x.example",
        "enquiries+training@x.example",
    ],
)
def test_shared_mailboxes_are_refused_with_the_reason(address: str) -> None:
    response = Client().post(reverse("account_login"), {"email": address})
    assert response.status_code == 200
    page = response.content.decode()
    assert "mailbox that several people read" in page
    assert address in page
    assert not User.objects.exists()


def test_domain_of_two_agencies_lets_the_person_choose() -> None:
    make_agency("Council", domains=["council.example"])
    chosen = make_agency("Youth Justice", domains=["council.example"])
    client = Client()
    assert sign_in(client, "sam@council.example") == reverse("my_bookings")
    landed = client.get(reverse("my_bookings"))
    assert landed.headers["Location"].startswith(reverse("account_profile"))
    details = {"first_name": "Sam", "last_name": "Khan", "job_title": "Worker", "agency": chosen.pk}
    client.post(reverse("account_profile"), details)
    assert User.objects.get().agency == chosen


def test_not_listed_is_kept_for_a_coordinator() -> None:
    client = Client()
    sign_in(client, "sam@new.example")
    details = {
        "first_name": "Sam",
        "last_name": "Khan",
        "job_title": "Worker",
        "agency": "not-listed",
    }
    refused = client.post(reverse("account_profile"), details)
    assert refused.status_code == 422
    assert "Enter the name of your agency" in refused.content.decode()
    assert 'value="Sam"' in refused.content.decode()
    client.post(reverse("account_profile"), {**details, "agency_name": "New Charity"})
    person = User.objects.get()
    assert (person.agency, person.unlisted_agency) == (None, "New Charity")
    assert person.is_complete


def test_the_manager_is_somebody_else() -> None:
    client = Client()
    sign_in(client, "sam@new.example")
    for own in ("SAM@new.example", "sam+manager@new.example"):
        response = client.post(reverse("account_profile"), {"manager_email": own})
        assert "not your own" in response.content.decode()


@pytest.mark.parametrize("domain", ["", "other.example"])
def test_an_agency_lead_who_changes_agency_leads_neither(domain: str, settings: Settings) -> None:
    settings.TWO_STEP_REQUIRED = False
    other = make_agency("Other Agency", domains=[domain] if domain else [])
    colleague = make_person(agency=other)
    lead = make_lead("lead@other.example")
    client = signed_in(lead)
    details = {"first_name": "Priya", "last_name": "Shah", "job_title": "Officer"}
    client.post(reverse("account_profile"), {**details, "agency": lead.agency_id})
    if not domain:
        assert client.get(reverse("agency")).status_code == 200, "nothing was changed"
    client.post(reverse("account_profile"), {**details, "agency": other.pk})
    lead.refresh_from_db()
    assert lead.agency == colleague.agency
    assert not lead.is_agency_lead
    assert client.get(reverse("agency")).status_code == 404


def test_next_leads_only_to_this_site() -> None:
    make_person("known@agency.example")
    for elsewhere in ("https://evil.example/", "//evil.example", "javascript:alert(1)"):
        landed = sign_in(Client(), "known@agency.example", elsewhere)
        assert "evil" not in landed
        assert "javascript" not in landed


@pytest.mark.parametrize("make", [make_trainer, make_coordinator])
def test_people_who_see_others_need_a_second_step(make) -> None:  # type: ignore[no-untyped-def]
    person = make()
    client = signed_in(person)
    response = client.get(reverse("my_bookings"))
    assert response.headers["Location"].startswith(reverse("two_step_needed"))
    assert client.get(reverse("two_step_needed")).status_code == 200
    Authenticator.objects.create(user=person, type=Authenticator.Type.TOTP, data={"secret": "x"})
    response = client.get(reverse("my_bookings"))
    assert response.headers["Location"].startswith(reverse("mfa_reauthenticate"))


def test_practitioners_do_not() -> None:
    client = signed_in(make_person())
    assert client.get(reverse("my_bookings")).status_code == 200


def test_an_account_that_was_closed_cannot_be_signed_in_to() -> None:
    make_person("left@agency.example", is_active=False)
    client = Client()
    client.post(reverse("account_login"), {"email": "left@agency.example"})
    mails = Message.objects.filter(to_email="left@agency.example")
    assert not any(re.search(rb"[B-Z]{3}-[B-Z]{3}", bytes(mail.mime or b"")) for mail in mails)
    for typed in ("", "--", "BCDFGH"):
        page = client.post(reverse("account_confirm_login_code"), {"code": typed})
        assert page.status_code in (200, 302)
    assert "_auth_user_id" not in client.session


def test_accounts_never_confirmed_are_forgotten() -> None:
    finished = make_person()
    ask_for_code(Client(), "begun@agency.example")
    begun = User.objects.get(email="begun@agency.example")
    soon = begun.date_joined + timedelta(days=1)
    assert actions.forget_unfinished_accounts(now=soon) == 0
    actions.forget_unfinished_accounts(now=soon + timedelta(days=2))
    assert list(User.objects.all()) == [finished]


def test_nobody_changes_to_a_shared_mailbox() -> None:
    client = Client()
    sign_in(client, "sam@new.example")
    response = client.post(
        reverse("account_email"), {"email": "office@new.example", "action_add": ""}
    )
    assert "mailbox that several people read" in response.content.decode()


def test_a_coordinator_begins_at_the_desk() -> None:
    coordinator, own = make_coordinator(), reverse("bulletins")
    assert sign_in(Client(), coordinator.email) == reverse("manage")
    assert sign_in(Client(), coordinator.email, own) == own
    assert sign_in(Client(), make_trainer().email) == reverse("my_bookings")


def test_the_first_coordinator_signs_in_with_one_code() -> None:
    person = User.objects.create_superuser("first@scp.example", "not used to sign in")
    client = Client()
    assert sign_in(client, person.email) == reverse("manage")
    assert EmailAddress.objects.get(user=person).verified


def test_signing_in_says_what_it_is_for(client: Client) -> None:
    session = make_session()
    page = client.get(reverse("account_login"), {"next": reverse("book", args=[session.pk])})
    assert f"You are booking: <strong>{session.course.title}</strong>" in page.text
    for elsewhere in (reverse("session", args=[session.pk]), "/nowhere", reverse("book", args=[0])):
        page = client.get(reverse("account_login"), {"next": elsewhere})
        assert "You are booking" not in page.text
