"""Agencies as coordinators keep them, and two of them made one."""

import re

import pytest
from django.test import Client
from django.urls import reverse

from accounts.agencies import AgencyPlan, store_agency
from accounts.agency_proof import AgencyGone
from accounts.models import AccessRecord, Agency, User
from booking.catalogue.models import Allocation
from booking.places.agency import merging
from booking.scheduling.capacity import Reservation, change_limits
from tests.desk.coordinators import ahead
from tests.factories import (
    NOW,
    make_agency,
    make_claimant,
    make_coordinator,
    make_lead,
    make_person,
    make_session,
)
from tests.people import book_now

pytestmark = pytest.mark.django_db


def test_an_agency_is_added_and_changed_with_its_domains(coordinator: Client) -> None:
    typed = {
        "name": "  Leeds  Police ",
        "sector": "police",
        "email_domains": "@Police.example\nleeds.police.example",
        "annual_turnover_pence": "180,000",
        "is_listed": "on",
    }
    assert coordinator.post(reverse("manage_listed_new"), typed).status_code == 302
    agency = Agency.objects.get(name="Leeds Police")
    assert (agency.name, agency.email_domains) == (
        "Leeds Police",
        ["police.example", "leeds.police.example"],
    )
    assert agency.annual_turnover_pence == 18_000_000
    address = reverse("manage_listed_agency", args=[agency.pk])
    assert "leeds.police.example" in coordinator.get(address).text
    del typed["is_listed"]
    assert coordinator.post(address, typed).status_code == 302
    agency.refresh_from_db()
    assert not agency.is_listed
    assert "Not on the list" in coordinator.get(reverse("manage_listed")).text


@pytest.mark.parametrize(
    ("field", "value", "sentence"),
    [
        ("name", "", "Enter the name of the agency."),
        ("name", "TAKEN", "There is already an agency of this name. You can merge them."),
        ("name", "West\u200bern Police", "There is an invisible character"),
        ("name", "police.example", "Leave out addresses of web pages."),
        ("sector", "", "Choose the sector."),
        ("email_domains", "gmail.com", "“gmail.com”: Anybody can have an address at gmail.com."),
        ("email_domains", "a!.uk", "“a!.uk”: Enter a domain such as agency.org.uk."),
    ],
)
def test_what_is_no_agency_is_refused_in_a_sentence(
    coordinator: Client, field: str, value: str, sentence: str
) -> None:
    make_agency("Taken")
    typed = {"name": "Leeds Police", "sector": "police", "email_domains": "", field: value}
    answer = coordinator.post(reverse("manage_listed_new"), typed)
    assert answer.status_code == 422
    assert sentence in answer.text


def test_leads_and_confirmed_people_are_shown_and_the_look_recorded(coordinator: Client) -> None:
    agency = make_agency()
    lead, member = make_lead(agency=agency), make_person(agency=agency)
    says_so = make_claimant(agency=agency)
    page = coordinator.get(reverse("manage_listed_agency", args=[agency.pk])).text
    assert page.index(lead.full_name) < page.index(member.full_name)
    assert says_so.full_name not in page
    assert AccessRecord.objects.filter(what="people of an agency", rows=2).exists()


def test_active_people_are_counted_for_each_agency_that_a_search_finds(coordinator: Client) -> None:
    police, _ = make_agency("Leeds Police"), make_agency("Leeds Police College")
    make_lead(agency=police)
    make_person(agency=police)
    make_claimant(agency=police)
    for gone in (make_lead(agency=police), make_claimant(agency=police)):
        User.objects.filter(pk=gone.pk).update(is_active=False)
    User.objects.filter(pk=make_claimant(agency=police).pk).update(is_agency_lead=True)
    page = coordinator.get(reverse("manage_listed"), {"q": "police"}).context["page_obj"]
    assert [(row.name, row.leads, row.confirmed, row.unconfirmed) for row in page] == [
        ("Leeds Police", 1, 2, 2),
        ("Leeds Police College", 0, 0, 0),
    ]


def shown_form(browser: Client, agency: Agency) -> dict[str, str]:
    """What the page of an agency would send if nothing was typed."""
    form = browser.get(reverse("manage_listed_agency", args=[agency.pk])).context["form"]
    return {name: form[name].value() for name in ("name", "sector", "was", "email_domains")}


def test_a_page_left_open_puts_no_domain_back(coordinator: Client) -> None:
    agency = make_agency("Leeds Police", domains=["police.example", "thief.example"])
    left_open = shown_form(coordinator, agency)
    Agency.objects.filter(pk=agency.pk).update(email_domains=["police.example"])
    address = reverse("manage_listed_agency", args=[agency.pk])
    refused = coordinator.post(address, left_open)
    assert refused.status_code == 422
    assert "Somebody else has changed this meanwhile" in refused.text
    agency.refresh_from_db()
    assert agency.email_domains == ["police.example"]
    assert coordinator.post(address, shown_form(coordinator, agency)).status_code == 302


def test_an_agency_that_was_merged_away_meanwhile_does_not_come_back() -> None:
    stays, other, by = make_agency(), make_agency("Leeds Police"), make_coordinator()
    plan = AgencyPlan(
        name="Leeds Police",
        sector="police",
        email_domains=["thief.example"],
        trainers_in_kind=False,
        annual_turnover_pence=None,
        is_listed=True,
    )
    open_page = Agency.objects.get(pk=other.pk)
    merging.merge_agencies(keep=stays, other=other, by=by)
    with pytest.raises(AgencyGone):
        store_agency(agency=open_page, plan=plan, by=by)
    assert list(Agency.objects.filter(name="Leeds Police")) == []


def test_two_agencies_are_compared_and_made_one(coordinator: Client) -> None:
    keep = make_agency("Leeds Police", domains=["police.example"])
    other = make_agency("Leeds police force", domains=["force.example"], trainers_in_kind=True)
    Agency.objects.filter(pk=other.pk).update(annual_turnover_pence=123_000_00)
    Agency.objects.filter(pk=keep.pk).update(is_listed=False)
    by, mine = make_coordinator(), make_lead(agency=keep)
    theirs, claims = make_lead(agency=other), make_claimant(agency=other)
    both, alone = (make_session(starts_at=ahead(days), capacity=20) for days in (30, 40))
    rows = [Reservation(places=2, agency=keep), Reservation(places=3, agency=other)]
    for session, reservations in ((both, rows), (alone, rows[1:])):
        change_limits(session=session, agency_limit=None, reservations=reservations, by=by, now=NOW)
    booking = book_now(both, theirs)
    address = f"{reverse('manage_listed_merge', args=[keep.pk])}?other={other.pk}"
    page = coordinator.get(address).text
    assert "force.example" in page
    assert "turnover not known, not on the list" in page
    assert "Lends trainers, turnover £123,000" in page
    answer = coordinator.post(address)
    assert answer.headers["Location"] == reverse("manage_listed_agency", args=[keep.pk])
    for person in (mine, theirs, claims):
        person.refresh_from_db()
        assert person.agency == keep
    booking.refresh_from_db()
    keep.refresh_from_db()
    assert booking.agency == keep
    assert theirs.leads_agency
    assert not claims.agency_is_confirmed
    assert keep.email_domains == ["police.example", "force.example"]
    assert (keep.trainers_in_kind, keep.is_listed) == (True, True)
    reserved = Allocation.objects.order_by("session").values_list("session", "agency", "places")
    assert list(reserved) == [(both.pk, keep.pk, 5), (alone.pk, keep.pk, 3)]
    assert not Agency.objects.filter(pk=other.pk).exists()
    assert coordinator.get(address).status_code == 404
    with pytest.raises(merging.NotTwoAgencies):
        merging.merge_agencies(keep=keep, other=other, by=by)


def test_no_column_that_points_to_an_agency_is_forgotten() -> None:
    names = {f"{model._meta.label}.{column}" for model, column in merging.columns_of_agencies()}
    assert names == {
        "accounts.User.agency",
        "booking.Booking.agency",
        "booking.Allocation.agency",
        "booking.UsualAllocation.agency",
    }


def test_no_agency_is_chosen_before_somebody_chooses_one(coordinator: Client) -> None:
    keep = make_agency("Leeds Police")
    make_agency("Leeds police force")
    address = reverse("manage_listed_merge", args=[keep.pk])
    shown = re.search(r"<select .*?<option value=\"([^\"]*)\"", coordinator.get(address).text, re.S)
    assert shown
    assert shown[1] == ""
    assert "There is a problem" not in coordinator.get(address).text
    assert "Choose the other agency." in coordinator.get(address, {"other": ""}).text
