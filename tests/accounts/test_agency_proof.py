"""What proves that somebody works for an agency: their address, a lead, or a coordinator."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import structlog
from allauth.account.models import EmailAddress
from allauth.account.signals import email_changed
from django.contrib.auth.models import AnonymousUser
from django.db import transaction
from django.test import Client, RequestFactory
from django.urls import reverse

from accounts.actions import correct_email, save_profile
from accounts.agencies import confirm_claim, refuse_claim
from accounts.agency_proof import may_confirm, roles_without_proof
from accounts.models import Agency, User
from tests.accounts.signing_in import code_for, sign_in
from tests.factories import (
    NOW,
    make_agency,
    make_claimant,
    make_coordinator,
    make_lead,
    make_person,
    make_trainer,
)
from tests.people import alone, signed_in, wait_for_somebody_to_be_held_up

pytestmark = pytest.mark.django_db


def says(person: User, agency: Agency | None, unlisted: str = "") -> User:
    """The person says whom they work for."""
    kept: dict[str, Any] = dict.fromkeys(("first_name", "last_name", "job_title", "phone"), "x")
    save_profile(
        person=person,
        agency=agency,
        unlisted_agency=unlisted,
        manager_email="",
        level=None,
        now=NOW,
        **kept,
    )
    person.refresh_from_db()
    return person


def test_a_private_address_only_says_so() -> None:
    police = make_agency("West Yorkshire Police", domains=["police.example"])
    person = says(make_person("someone@mail.example", agency=None), police)
    assert (person.agency, person.proved_agency) == (police, None)


def test_a_domain_that_an_agency_off_the_list_has_too_proves_neither() -> None:
    council = make_agency(domains=["council.example"])
    closed = make_agency(domains=["council.example"], is_listed=False)
    person = make_person("someone@council.example", agency=None)
    assert not says(person, council).agency_is_confirmed
    council.email_domains = []
    council.save()
    assert not says(person, closed).agency_is_confirmed, "it is off the list"


@pytest.mark.parametrize(
    ("domains", "verified", "proves"),
    [
        ([["police.example"]], True, True),
        ([["police.example"]], False, False),
        ([["police.example"], ["police.example"]], True, False),
        ([["gmail.com"]], True, False),
        ([["ntlworld.com"]], True, False),
    ],
)
def test_a_verified_domain_proves_an_agency_that_it_is_alone_of(
    domains: list[list[str]], verified: bool, proves: bool
) -> None:
    agency, *_ = [make_agency(domains=each) for each in domains]
    person = make_person(f"someone@{domains[0][0]}", agency=None)
    EmailAddress.objects.filter(user=person).update(verified=verified)
    assert says(person, agency).agency_is_confirmed is proves


def test_a_lead_whose_role_ends_is_in_the_log() -> None:
    agency = make_agency(domains=["police.example"])
    admin = make_coordinator(is_superuser=True)
    moved = make_lead("lead@police.example", agency=agency)
    refused = make_lead(agency=agency, agency_confirmed_at=None)
    with structlog.testing.capture_logs() as lines:
        correct_email(person=moved, email="lead@elsewhere.example", by=admin, now=NOW)
        refuse_claim(person=refused, agency=agency, by=admin)
    ended = [line for line in lines if line["event"] == "roles_changed"]
    assert [(line["by"], line["person"]) for line in ended] == [
        (admin.pk, moved.pk),
        (admin.pk, refused.pk),
    ]
    assert not any(line["is_agency_lead"] for line in ended)


def test_another_agency_than_the_confirmed_one_is_only_said() -> None:
    person = make_person()
    assert says(person, person.agency).agency_is_confirmed
    assert not says(person, make_agency()).agency_is_confirmed
    assert says(person, None, "A club").agency_confirmed_at is None


def test_an_address_that_leaves_the_agencys_domains_ends_proof_and_lead_role() -> None:
    agency = make_agency(domains=["police.example", "police2.example"])
    admin = make_coordinator(is_superuser=True)
    person = make_lead("lead@police.example", agency=agency, is_trainer=True)
    correct_email(person=person, email="lead@police2.example", by=admin, now=NOW)
    person.refresh_from_db()
    assert person.leads_agency
    correct_email(person=person, email="lead@mail.example", by=admin, now=NOW)
    person.refresh_from_db()
    assert (person.agency, person.agency_is_confirmed, person.is_agency_lead) == (
        agency,
        False,
        False,
    )
    assert person.is_trainer
    assert list(roles_without_proof()) == [person]


def test_ones_own_change_of_address_ends_proof_and_lead_role_too() -> None:
    agency, client = make_agency(domains=["police.example"]), Client()
    lead = make_lead("lead@police.example", agency=agency)
    sign_in(client, lead.email)
    elsewhere = "lead@mail.example"
    client.post(reverse("account_email"), {"email": elsewhere, "action_add": ""})
    client.post(reverse("account_email_verification_sent"), {"code": code_for(elsewhere)})
    lead.refresh_from_db()
    assert (lead.email, lead.agency) == (elsewhere, agency)
    assert (lead.agency_is_confirmed, lead.is_agency_lead) == (False, False)


def test_who_may_say_who_works_for_an_agency() -> None:
    agency = make_agency()
    may = [make_coordinator(), make_lead(agency=agency)]
    may_not = [make_lead(), make_lead(agency=agency, agency_confirmed_at=None)]
    may_not += [make_person(agency=agency), make_trainer(agency=agency)]
    assert [each for each in (*may, *may_not) if may_confirm(each, agency)] == may


def test_the_people_of_an_address_that_stays_elsewhere_are_left_alone() -> None:
    agency = make_agency(domains=["police.example"])
    person = make_trainer("someone@mail.example", agency=agency)
    admin = make_coordinator(is_superuser=True)
    correct_email(person=person, email="someone@other.example", by=admin, now=NOW)
    person.refresh_from_db()
    assert person.agency_is_confirmed


def test_what_was_confirmed_meanwhile_ends_with_what_the_person_says() -> None:
    """The page was asked for before a coordinator settled what the person had written down."""
    person = make_person(agency=None, unlisted_agency="A club")
    police = make_agency()
    settled = {"agency": police, "unlisted_agency": "", "agency_confirmed_at": NOW}
    User.objects.filter(pk=person.pk).update(**settled)
    person = says(person, None, "A club")
    assert (person.agency, person.agency_confirmed_at) == (None, None)


@pytest.mark.django_db(transaction=True)
def test_an_agency_chosen_as_the_address_changes_is_not_proved_by_it() -> None:
    police, health = make_agency(domains=["police.example"]), make_agency()
    person = make_claimant("someone@police.example", agency=police)
    proved = EmailAddress(user=person, email=person.email, verified=True)

    def change() -> None:
        request = RequestFactory().get("/")
        request.user = AnonymousUser()
        email_changed.send(
            User, request=request, user=person, from_email_address=None, to_email_address=proved
        )

    with ThreadPoolExecutor(1) as pool:
        with transaction.atomic():
            User.objects.filter(pk=person.pk).update(agency=health)
            changing = pool.submit(alone, change)
            wait_for_somebody_to_be_held_up()
        changing.result()
    person.refresh_from_db()
    assert (person.agency, person.agency_is_confirmed) == (health, False)


class TestPages:
    """A lead and coordinators confirm, each from one list."""

    def test_a_lead_confirms_from_my_agency(self) -> None:
        lead = make_lead()
        person = make_claimant(agency=lead.agency)
        elsewhere = make_claimant()
        page = signed_in(lead).get(reverse("agency")).content.decode()
        assert "1 person says they work here" in page
        assert person.email in page
        assert elsewhere.email not in page
        client = signed_in(lead)
        client.post(reverse("agency_confirm", args=[person.pk]))
        person.refresh_from_db()
        assert (person.agency_is_confirmed, person.agency_confirmed_by) == (True, lead)
        again = client.post(reverse("agency_not_ours", args=[person.pk]), follow=True)
        assert "This has been settled already" in again.content.decode()
        person.refresh_from_db()
        assert person.agency_is_confirmed
        assert client.post(reverse("agency_confirm", args=[elsewhere.pk])).status_code == 404

    def test_a_lead_says_not_ours_and_is_told_first_what_then_is_so(self) -> None:
        lead = make_lead()
        person = make_claimant(agency=lead.agency)
        address, client = reverse("agency_not_ours", args=[person.pk]), signed_in(lead)
        assert "no agency is noted for them" in client.get(address).content.decode()
        client.post(address)
        person.refresh_from_db()
        assert person.agency is None

    def test_a_coordinator_confirms_from_the_desk(self) -> None:
        person, other = make_claimant(), make_claimant(is_trainer=True)
        client: Client = signed_in(make_coordinator())
        page = client.get(reverse("manage_agencies")).content.decode()
        assert person.email in page
        assert "Trainer: their address may have left the agency" in page
        client.post(reverse("manage_agency_confirm", args=[person.pk]))
        client.post(reverse("manage_agency_not", args=[other.pk]))
        person.refresh_from_db()
        other.refresh_from_db()
        assert person.agency_is_confirmed
        assert other.agency is None
        assert "Nothing waits for anybody." in client.get(reverse("manage")).content.decode()


def test_nobody_confirms_whom_they_work_for_themselves() -> None:
    agency = make_agency()
    me = make_coordinator(agency=agency, agency_confirmed_at=None)
    browser, other = signed_in(me), signed_in(make_coordinator())
    confirm = reverse("manage_agency_confirm", args=[me.pk])
    assert "Somebody else has to confirm" in browser.post(confirm, follow=True).text
    me.refresh_from_db()
    assert not me.agency_is_confirmed
    User.objects.filter(pk=me.pk).update(agency=None, unlisted_agency="The police")
    settle = reverse("manage_agency_settle", args=[me.pk])
    assert "Somebody else has to" in browser.post(settle, {"agency": agency.pk}, follow=True).text
    me.refresh_from_db()
    assert me.proved_agency is None
    other.post(settle, {"agency": agency.pk})
    me.refresh_from_db()
    assert me.proved_agency == agency


def test_the_back_office_confirms_whom_it_makes_the_lead_of_an_agency() -> None:
    person, by = make_claimant(agency=make_agency()), make_coordinator(is_staff=True)
    form = {"is_agency_lead": "on", "agency": person.agency_id, "wants_reminders": "on"}
    form |= {name: getattr(person, name) for name in ("first_name", "last_name", "job_title")}
    address = reverse("admin:accounts_user_change", args=[person.pk])
    response = signed_in(by).post(address, {**form, "is_active": "on"})
    assert response.status_code == 302, response.content.decode()
    person.refresh_from_db()
    assert (person.leads_agency, person.agency_confirmed_by) == (True, by)


@pytest.mark.parametrize("chooses", [True, False])
def test_nobody_is_confirmed_in_the_back_office_by_their_own_hand(*, chooses: bool) -> None:
    agency = make_agency()
    said: dict[str, Any] = {} if chooses else {"agency": agency, "agency_confirmed_at": None}
    me = make_coordinator(is_staff=True, is_superuser=True, **said)
    form = {"is_agency_lead": "on", "agency": agency.pk, "is_coordinator": "on", "is_staff": "on"}
    form |= {name: getattr(me, name) for name in ("first_name", "last_name", "job_title")}
    address = reverse("admin:accounts_user_change", args=[me.pk])
    assert signed_in(me).post(address, {**form, "is_active": "on"}).status_code == 302
    me.refresh_from_db()
    assert (me.agency, me.is_agency_lead, me.leads_agency) == (agency, True, False)


def test_a_superuser_sees_whose_role_has_no_proof_any_more() -> None:
    agency = make_agency()
    person = make_trainer(agency=agency, agency_confirmed_at=None)
    browser = signed_in(make_coordinator(is_superuser=True))
    shown = {"show": "unproved"}
    assert person.email in browser.get(reverse("manage_people"), shown).content.decode()
    confirm_claim(person=person, agency=agency, by=make_coordinator(), now=NOW)
    assert person.email not in browser.get(reverse("manage_people"), shown).content.decode()
