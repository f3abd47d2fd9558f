"""Whom people work for is confirmed, and unlisted agencies are settled, by coordinators."""

import pytest
import structlog
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts.models import Agency
from booking.places import actions
from booking.places.changing import exchanges
from tests.desk.coordinators import ahead
from tests.factories import make_agency, make_coordinator, make_person, make_session
from tests.people import book_now, signed_in

pytestmark = pytest.mark.django_db


def test_somebody_is_settled_in_an_agency_of_the_list(coordinator: Client) -> None:
    agency = make_agency("Leeds City Council")
    person = make_person(agency=None, unlisted_agency="the council")
    page = coordinator.get(reverse("manage_agencies")).content.decode()
    assert person.email in page
    assert "the council" in page
    address = reverse("manage_agency_settle", args=[person.pk])
    assert coordinator.post(address, {"agency": agency.pk, "name": "x" * 300}).status_code == 302
    person.refresh_from_db()
    assert (person.agency, person.unlisted_agency) == (agency, "")
    assert coordinator.get(address).status_code == 404


def test_a_place_counts_as_the_agency_s_once_its_person_is_settled(coordinator: Client) -> None:
    agency = make_agency(trainers_in_kind=True)
    person = make_person(agency=None, unlisted_agency="the council")
    session, ended = (make_session(starts_at=ahead(days=days)) for days in (30, 40))
    booking, given_up = (book_now(each, person) for each in (session, ended))
    actions.cancel(booking=given_up, by=person, now=timezone.now())
    coordinator.post(reverse("manage_agency_settle", args=[person.pk]), {"agency": agency.pk})
    booking.refresh_from_db()
    given_up.refresh_from_db()
    assert (booking.agency, given_up.agency) == (agency, None)
    taken = exchanges.substitute(
        booking=booking, to=make_person(agency=agency), by=person, now=timezone.now()
    )
    assert taken.agency_id == agency.pk


def test_who_adds_an_agency_with_its_domain_is_in_the_log() -> None:
    by, person = make_coordinator(), make_person(agency=None, unlisted_agency="Leeds Rowing Club")
    typed = {"name": "Leeds Rowing Club", "sector": "police", "domain": "rowing.example"}
    with structlog.testing.capture_logs() as lines:
        signed_in(by).post(reverse("manage_agency_settle", args=[person.pk]), typed)
    [line] = [each for each in lines if each["event"] == "agency_stored"]
    assert (line["by"], line["domains"]) == (by.pk, ["rowing.example"])


def test_each_of_the_others_who_wrote_the_same_is_asked_for(coordinator: Client) -> None:
    person = make_person("a@rowing.example", agency=None, unlisted_agency="Leeds Rowing Club")
    other, third = (make_person(agency=None, unlisted_agency="leeds rowing club") for _ in range(2))
    elsewhere = make_person(agency=None, unlisted_agency="Another club")
    address = reverse("manage_agency_settle", args=[person.pk])
    form = coordinator.get(address).context["form"]
    assert set(form.fields["others"].queryset) == {other, third}
    assert (form["name"].value(), form["domain"].value()) == ("Leeds Rowing Club", None)
    typed = {
        "agency": "",
        "name": "Leeds Rowing Club",
        "sector": "voluntary and community",
        "domain": "@Rowing.example",
        "others": [other.pk],
    }
    assert coordinator.post(address, typed).status_code == 302
    agency = Agency.objects.get(name="Leeds Rowing Club")
    assert agency.email_domains == ["rowing.example"]
    for settled in (person, other):
        settled.refresh_from_db()
        assert settled.proved_agency == agency
    assert coordinator.post(address, {**typed, "others": [elsewhere.pk]}).status_code == 404
    third.refresh_from_db()
    assert third.agency is None


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"name": "A\u200b club"}, "There is an invisible character"),
        ({"name": ""}, "Choose an agency from the list, or enter the name of a new one."),
        ({"sector": ""}, "Choose the sector of the new agency."),
        ({"domain": "not a domain"}, "Enter a domain such as agency.org.uk."),
        ({"domain": "gmail.com"}, "Anybody can have an address at gmail.com."),
        ({"name": "west yorkshire police"}, "There is already an agency of this name."),
        ({"agency": "987654"}, "Agency on the list: choose from the list."),
    ],
)
def test_a_new_agency_needs_a_name_a_sector_and_its_own_domain(
    coordinator: Client, changes: dict[str, str], sentence: str
) -> None:
    make_agency("West Yorkshire Police")
    person = make_person(agency=None, unlisted_agency="A club")
    typed = {"agency": "", "name": "A club", "sector": "police", "domain": "", **changes}
    response = coordinator.post(reverse("manage_agency_settle", args=[person.pk]), typed)
    assert response.status_code == 422
    assert sentence in response.content.decode()
    assert not Agency.objects.filter(name="A club").exists()
