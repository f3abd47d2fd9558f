"""Whom somebody works for, over hundreds of schools, also without JavaScript."""

import re
from typing import Any

import pytest
from django.urls import reverse

from accounts.models import Agency, Sector, User
from tests.factories import make_agency, make_person, make_session, morning
from tests.people import book_now, signed_in

pytestmark = pytest.mark.django_db

ABOUT = {"first_name": "Sam", "last_name": "Khan", "job_title": "Teacher"}


@pytest.fixture
def schools() -> dict[str, Agency]:
    names = [f"School number {number}" for number in range(300)]
    names += ["St George's Primary School", "St George's High School", "Café Méndez Nursery"]
    return {name: make_agency(name) for name in names}


@pytest.fixture
def person() -> User:
    return make_person("sam@mail.example", agency=None, first_name="", last_name="", job_title="")


def save(person: User, **typed: Any) -> Any:
    return signed_in(person).post(reverse("account_profile"), {**ABOUT, **typed})


def offered(response: Any) -> list[str]:
    """The names to choose from."""
    shown = re.findall(r'radios__label"[^>]*>([^<]*)<', response.text)
    return [each.replace("&#x27;", "'") for each in shown]


@pytest.mark.parametrize(
    "typed",
    ["St George's Primary School", "st georges primary school", "ST. GEORGE’S Primary  school"],
)
def test_a_name_on_the_list_needs_no_second_press(
    schools: dict[str, Agency], person: User, typed: str
) -> None:
    assert save(person, agency_name=typed).status_code == 302
    person.refresh_from_db()
    assert person.agency == schools["St George's Primary School"]
    assert not person.agency_is_confirmed


def test_a_name_that_is_like_several_is_chosen_and_nothing_typed_is_lost(
    schools: dict[str, Agency], person: User
) -> None:
    refused = save(person, agency_name="st georges")
    assert refused.status_code == 422
    high = schools["St George's High School"]
    assert offered(refused)[:2] == [high.name, "St George's Primary School"]
    assert 'value="Teacher"' in refused.text
    assert 'value="st georges"' in refused.text
    chosen = save(person, agency_name="st georges", looked_for="st georges", agency=high.pk)
    assert chosen.status_code == 302
    person.refresh_from_db()
    assert person.agency == high


def test_find_looks_and_asks_nothing_else(schools: dict[str, Agency], person: User) -> None:
    client = signed_in(person)
    typed = {"first_name": "Sam", "agency_name": "cafe mendes", "find": "1"}
    for page in (reverse("account_profile"), reverse("book", args=[make_session().pk])):
        found = client.post(page, typed)
        assert found.status_code == 200
        assert offered(found)[0] == "Café Méndez Nursery"
        assert "There is a problem" not in found.text
        assert 'value="Sam"' in found.text
    person.refresh_from_db()
    assert person.first_name == ""
    assert not person.bookings.exists()


def test_another_name_typed_since_is_looked_for_anew(
    schools: dict[str, Agency], person: User
) -> None:
    stale = schools["School number 7"]
    answer = save(person, agency_name="st georges", looked_for="number 7", agency=stale.pk)
    assert answer.status_code == 422
    assert stale.name not in offered(answer)


def test_an_agency_that_is_not_listed(schools: dict[str, Agency], person: User) -> None:
    near = save(person, agency_name="St George's Club")
    assert offered(near)[-1] == "My agency is not listed. It is called “St George's Club”"
    save(person, agency_name="St George's Club", looked_for="St George's Club", agency="not-listed")
    person.refresh_from_db()
    assert (person.agency, person.unlisted_agency) == (None, "St George's Club")
    assert save(person, agency_name="St George's Club").status_code == 302, "it is not asked again"
    assert save(person, agency_name="Zwxyq").status_code == 302, "like nothing on the list"
    person.refresh_from_db()
    assert person.unlisted_agency == "Zwxyq"


def test_no_name_is_asked_for(schools: dict[str, Agency], person: User) -> None:
    assert "Enter the name of your agency." in save(person, agency_name="").text


def test_many_names_are_cut_and_it_is_said(schools: dict[str, Agency], person: User) -> None:
    found = save(person, agency_name="school number", find="1")
    assert len(offered(found)) == 13
    assert "Type more of the name" in found.text


def test_an_agency_taken_off_the_list_stays_that_of_its_people(person: User) -> None:
    gone = make_agency("Old Agency", is_listed=False)
    User.objects.filter(pk=person.pk).update(agency=gone)
    person.refresh_from_db()
    assert save(person, agency_name="Old Agency").status_code == 302
    person.refresh_from_db()
    assert person.agency == gone
    other = make_person(agency=None)
    save(other, agency_name="Old Agency")
    other.refresh_from_db()
    assert other.agency is None


def test_what_is_only_claimed_is_said_where_it_matters() -> None:
    agency = make_agency("Leeds Police", sector=Sector.POLICE)
    proved, claims = make_person(agency=agency), make_person(agency=agency)
    User.objects.filter(pk=claims.pk).update(agency_confirmed_at=None)
    session, booked = make_session(starts_at=morning(9)), make_session(starts_at=morning(20))
    book_now(booked, proved)
    book_now(booked, claims)
    pages = (
        reverse("account_profile"),
        reverse("book", args=[session.pk]),
        reverse("my_bookings"),
    )
    for page in pages:
        assert "Not confirmed yet:" in signed_in(claims).get(page).text
        assert "Not confirmed yet:" not in signed_in(proved).get(page).text
