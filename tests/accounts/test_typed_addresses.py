"""Addresses and names as people type them into pages: refused beside the field, or one person's."""

from collections.abc import Iterator

import pytest
from django.test import Client
from django.urls import reverse

from accounts.addresses import is_shared_mailbox
from accounts.models import User
from booking.partnership import kept
from booking.partnership.models import USUAL_LEVELS
from tests.accounts.signing_in import ask_for_code, sign_in
from tests.factories import make_coordinator, make_person
from tests.people import signed_in

pytestmark = pytest.mark.django_db

ABOUT = {
    "first_name": "Lee",
    "last_name": "Chan",
    "job_title": "Nurse",
    "agency": "not-listed",
    "agency_name": "Leeds Nursery",
    "manager_email": "",
    "phone": "",
    "level": "",
}


@pytest.fixture(autouse=True)
def _fresh_settings() -> Iterator[None]:
    kept.forget()
    yield
    kept.forget()


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        (f"{'a' * 300}@lch.example", "is too long"),
        ("boss@l\u00adch.example", "invisible character inside"),
        ("bo\x00ss@lch.example", "invisible character inside"),
        ("zoë@lch.example", "letters without accents"),
        ('"boss"@lch.example', "leave out quotation marks"),
        ("boss@lch", "the name of a domain"),
        ("boss", "in the right form"),
    ],
)
def test_every_page_refuses_it_beside_the_field_and_keeps_it(typed: str, words: str) -> None:
    person = signed_in(make_person("zoe@lch.example"))
    shown = typed.replace('"', "&quot;").replace("\x00", "\ufffd")
    for browser, page, data in (
        (Client(), "account_login", {"email": typed}),
        (Client(), "account_login_password", {"login": typed, "password": "x"}),
        (Client(), "account_reset_password", {"email": typed}),
        (person, "account_email", {"email": typed, "action_add": ""}),
        (person, "account_profile", ABOUT | {"manager_email": typed}),
    ):
        answer = browser.post(reverse(page), data)
        assert answer.status_code in (200, 422), page
        text = answer.content.decode()
        assert words in text, page
        assert shown in text or typed in text or "\x00" in typed, page
    assert User.objects.count() == 1


def test_an_invisible_character_makes_no_second_account() -> None:
    sign_in(Client(), "zoe@lch.example")
    for again in ("zoe@lch.example\u200b", "\ufeffZOE@lch.example", " zoe@LCH.example\u2060"):
        ask_for_code(Client(), again)
    assert [person.email for person in User.objects.all()] == ["zoe@lch.example"]


def test_a_domain_in_other_letters_is_one_however_it_is_typed() -> None:
    for typed in ("zoe@münchen.example", "Zoe@MÜNCHEN.example", "zoe@xn--mnchen-3ya.example"):
        ask_for_code(Client(), typed)
    assert [person.email for person in User.objects.all()] == ["zoe@xn--mnchen-3ya.example"]


@pytest.mark.parametrize(
    "own",
    ["Lee@lch.example", "lee@lch.example\u200b", "lee+boss@lch.example", "lee@l\u00adch.example"],
)
def test_nobody_is_their_own_manager_in_whatever_spelling(own: str) -> None:
    person = make_person("lee@lch.example", manager_email="")
    answer = signed_in(person).post(reverse("account_profile"), ABOUT | {"manager_email": own})
    assert answer.status_code == 422
    person.refresh_from_db()
    assert person.manager_email == ""


@pytest.mark.parametrize("field", ["first_name", "last_name", "job_title", "agency_name"])
@pytest.mark.parametrize(
    ("typed", "words"),
    [("Pay now at evil.com", "addresses of web pages"), ("Zo\u200be", "an invisible character")],
)
def test_a_name_that_says_more_is_refused_in_its_place(field: str, typed: str, words: str) -> None:
    person = make_person("lee@lch.example")
    before = getattr(person, field)
    answer = signed_in(person).post(reverse("account_profile"), ABOUT | {field: typed})
    assert answer.status_code == 422
    assert words in answer.text
    assert typed in answer.text
    person.refresh_from_db()
    assert getattr(person, field) == before


@pytest.mark.parametrize(
    "name",
    [
        "office", "theoffice", "the.office", "admin.office", "safeguarding.team", "office2",
        "Safeguarding-Team_3", "ad.min", "enquiries+sam", "no-reply", "noreply", "headteacher",
        "mash", "head.office.reception",
    ],
)  # fmt: skip
def test_a_mailbox_named_by_words_of_the_list_is_shared(name: str) -> None:
    assert is_shared_mailbox(f"{name}@lch.example")


@pytest.mark.parametrize(
    "name",
    [
        "j.mash", "infante.office-smith", "reception.jones", "sam", "officer", "adminton", "123",
        "theo", "s.head", "teamer", "office.x",
    ],
)  # fmt: skip
def test_a_person_called_after_a_desk_is_not_one(name: str) -> None:
    assert not is_shared_mailbox(f"{name}@lch.example")


def typed_settings(**changed: str) -> dict[str, str]:
    return {
        "revision": "0",
        "name": "Leeds",
        "usual_capacity": "20",
        "levels": USUAL_LEVELS,
        "join_opens_minutes": "15",
        "repeated_absences": "2",
        "repeated_months": "12",
        "join_closes_minutes": "30",
        "list_days": "14",
        "shared_words": "office\nteam",
        "excused_addresses": "",
        **changed,
    }


def test_coordinators_keep_the_list_and_excuse_an_address() -> None:
    coordinator, page = signed_in(make_coordinator()), reverse("manage_settings")
    shown = coordinator.get(page).text
    assert "safeguarding" in shown
    said = {"shared_words": "Office, squad\nteam", "excused_addresses": "Team@lch.example"}
    assert coordinator.post(page, typed_settings(**said)).status_code == 302
    assert is_shared_mailbox("squad.office@lch.example")
    assert not is_shared_mailbox("reception@lch.example")
    assert not is_shared_mailbox("team+sam@lch.example")
    assert is_shared_mailbox("team@other.example")
    for field, wrong in (
        ("shared_words", "team 2"),
        ("excused_addresses", "team@l\u00adch.example"),
    ):
        answer = coordinator.post(page, typed_settings(revision="1", **{field: wrong}))
        assert answer.status_code == 422
        assert wrong.split()[-1] in answer.text


def test_accounts_that_share_a_mailbox_are_listed_for_coordinators() -> None:
    for email in ("a+1@lch.example", "a+2@lch.example", "b@lch.example", "b+x@lch.example"):
        make_person(email)
    make_person("c+only@lch.example")
    make_person("a@other.example")
    answer = signed_in(make_coordinator()).get(reverse("manage_mailboxes"))
    assert [person.email for person in answer.context["page_obj"]] == [
        "a+1@lch.example",
        "a+2@lch.example",
        "b+x@lch.example",
        "b@lch.example",
    ]
    assert "4 accounts" in answer.text
