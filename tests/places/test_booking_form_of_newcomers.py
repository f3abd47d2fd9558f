"""The form in which somebody new books and says who they are: its errors, what Enter presses."""

import re
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from accounts.models import User
from booking.places.models import Booking
from booking.site.form_kit import NOT_DONE
from tests.factories import make_agency, make_person, make_session, morning
from tests.people import signed_in

pytestmark = pytest.mark.django_db

ABOUT = {"first_name": "Sam", "last_name": "Khan", "job_title": "Teacher"}


@pytest.fixture
def person() -> User:
    return make_person("sam@mail.example", agency=None, first_name="", last_name="", job_title="")


@pytest.fixture
def page() -> str:
    make_agency("St George's Primary School")
    return reverse("book", args=[make_session(starts_at=morning(20)).pk])


def summary(text: str) -> str:
    return text.partition("govuk-error-summary__list")[2].partition("</ul>")[0]


def test_the_summary_holds_the_errors_of_both_parts(person: User, page: str) -> None:
    client = signed_in(person)
    typed = dict.fromkeys(ABOUT, "x" * 300) | {"agency_name": "x" * 300, "needs": "x" * 600}
    answer = client.post(page, typed)
    assert answer.status_code == 422
    errors = summary(answer.text)
    assert "Use 500 characters or fewer for the access or dietary needs" in errors
    assert 'href="#id_needs"' in errors
    assert errors.count("<li>") == 5
    title = re.search(r"<title>(.*?)</title>", answer.text, re.DOTALL)
    assert title is not None
    assert title[1].count("Error:") == 1
    again = client.get(page).text
    assert summary(again).count(NOT_DONE) == 1


@pytest.mark.parametrize(
    ("wrong", "sound"), [({"needs": "x" * 600}, {}), ({"first_name": ""}, {"needs": "A loop"})]
)
def test_errors_of_one_part_are_said_too(
    person: User, page: str, wrong: dict[str, str], sound: dict[str, str]
) -> None:
    typed = {**ABOUT, "agency_name": "Zwxyq", **sound, **wrong}
    answer = signed_in(person).post(page, typed).text
    assert summary(answer).count("<li>") == 1
    assert answer.partition("</title>")[0].count("Error:") == 1


def first_button(text: str) -> dict[str, Any]:
    """What the browser sends of the button that Enter presses."""
    button = re.search(r"<button[^>]*>", text.partition('<form method="post" novalidate>')[2])
    assert button is not None
    name, value = (re.search(f'{each}="([^"]*)"', button[0]) for each in ("name", "value"))
    return {name[1]: value[1]} if name and value else {}


def press_enter(client: Client, page: str, **typed: Any) -> Any:
    return client.post(page, {**ABOUT, **typed, **first_button(client.get(page).text)})


@pytest.mark.parametrize("name", ["Zwxyq", "st georges", "St George's Primary School"])
def test_enter_looks_for_an_agency_before_anything_is_booked(
    person: User, page: str, name: str
) -> None:
    client = signed_in(person)
    found = press_enter(client, page, agency_name=name)
    assert found.status_code == 200
    assert (
        f"My agency is not listed. It is called “{name.replace(chr(39), '&#x27;')}”" in found.text
    )
    assert 'id="agency" tabindex="-1" autofocus' in found.text
    assert not Booking.objects.exists()


def test_enter_goes_on_once_the_page_has_said_what_is_like_the_name(
    person: User, page: str
) -> None:
    client = signed_in(person)
    shown = {"agency_name": "Zwxyq", "looked_for": "Zwxyq", "agency": "not-listed"}
    assert press_enter(client, page, **shown).status_code == 302
    assert Booking.objects.filter(person=person).exists()


def test_enter_without_an_agency_asks_for_it(person: User, page: str) -> None:
    answer = press_enter(signed_in(person), page, agency_name="")
    assert answer.status_code == 422
    assert "Enter the name of your agency." in summary(answer.text)
    assert "autofocus" not in answer.text


def test_enter_saves_details_whose_agency_is_as_before() -> None:
    person = make_person()
    client, details = signed_in(person), reverse("account_profile")
    assert press_enter(client, details, agency_name=person.agency_name).status_code == 302
