"""What the back office refuses to coordinators: other people's roles, and hidden columns."""

from typing import Any

import pytest
from django.contrib import admin
from django.db.models import Model
from django.test import Client
from django.urls import reverse

from accounts.models import Agency, User
from accounts.roles import LastSuperuser, keep_a_superuser
from booking.outbox.models import Message
from tests.factories import (
    make_agency,
    make_coordinator,
    make_lead,
    make_person,
    make_session,
    make_trainer,
    morning,
)
from tests.people import book_now, signed_in

pytestmark = pytest.mark.django_db


@pytest.fixture
def client() -> Client:
    """A browser of a coordinator who was let into the back office."""
    return signed_in(make_coordinator(is_staff=True))


def make_superuser(**fields: Any) -> User:
    return make_coordinator(is_staff=True, is_superuser=True, **fields)


def page_of(person: User) -> str:
    return reverse("admin:accounts_user_change", args=[person.pk])


def typed(person: User, **changed: str) -> dict[str, str]:
    """The form of a person with all their roles unticked, as a thief would send it."""
    names = {"first_name": person.first_name, "last_name": person.last_name}
    return {**names, "job_title": "Nobody", "agency": str(person.agency_id), **changed}


@pytest.mark.parametrize(
    "role", ["is_trainer", "is_agency_lead", "is_coordinator", "is_staff", "is_superuser"]
)
def test_only_a_superuser_changes_somebody_with_a_role(client: Client, role: str) -> None:
    roles: dict[str, Any] = {role: True}
    person = make_person(**roles)
    assert client.get(page_of(person)).status_code == 200
    assert client.post(page_of(person), typed(person)).status_code == 403
    person.refresh_from_db()
    assert (getattr(person, role), person.is_active) == (True, True)
    assert person.sees_other_people
    answer = signed_in(make_superuser()).post(page_of(person), typed(person, is_active="on"))
    assert answer.status_code == 302
    person.refresh_from_db()
    assert person.job_title == "Nobody"
    assert getattr(person, role) == (role == "is_superuser")


def test_a_coordinator_makes_a_trainer_but_no_coordinator(client: Client) -> None:
    person = make_person()
    sent = typed(person, is_active="on", is_trainer="on", is_coordinator="on", is_staff="on")
    assert client.post(page_of(person), sent).status_code == 302
    person.refresh_from_db()
    assert (person.is_trainer, person.is_coordinator, person.is_staff) == (True, False, False)


def test_nobody_gives_an_agency_a_domain_there() -> None:
    agency = make_agency(domains=["police.example"])
    sent = {"name": agency.name, "sector": agency.sector, "email_domains": "thief.example"}
    browser = signed_in(make_superuser())
    for page, arguments in (("add", []), ("change", [agency.pk])):
        address = reverse(f"admin:accounts_agency_{page}", args=arguments)
        assert browser.post(address, sent).status_code == 403
    assert [each.email_domains for each in Agency.objects.filter(pk=agency.pk)] == [
        ["police.example"]
    ]


@pytest.mark.parametrize("taken", ["is_active", "is_staff"])
def test_the_last_superuser_stays(taken: str) -> None:
    last = make_superuser()
    make_superuser(is_active=False)
    sent = typed(last, is_active="on", is_staff="on", is_coordinator="on")
    del sent[taken]
    browser = signed_in(last)
    answer = browser.post(page_of(last), sent)
    assert answer.status_code == 200
    assert LastSuperuser.sentence in answer.content.decode()
    last.refresh_from_db()
    assert getattr(last, taken)
    make_superuser()
    assert browser.post(page_of(last), sent).status_code == 302


def test_superusers_do_not_remove_each_other_unseen() -> None:
    one, other = make_superuser(), make_superuser()
    keep_a_superuser(one)
    User.objects.filter(pk=other.pk).update(is_staff=False)
    with pytest.raises(LastSuperuser):
        keep_a_superuser(one)
    keep_a_superuser(make_trainer())


def lists() -> list[tuple[type[Model], str]]:
    return [
        (model, reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist"))
        for model in admin.site._registry
    ]


def test_no_list_answers_a_question_about_a_column_that_it_has_no_filter_for() -> None:
    """Asked how a hidden column begins, a list would tell it letter by letter."""
    person = make_person()
    book_now(make_session(starts_at=morning(9)), person)
    Message.objects.update(mime=b"Your code is BCD-FGH")
    browser = signed_in(make_superuser())
    wrong = []
    for model, address in lists():
        pages = admin.site._registry[model]
        shown = {*pages.list_filter, pages.date_hierarchy}
        for field in model._meta.get_fields():
            for ask in ("", "__startswith", "__isnull", "__pk__startswith"):
                if field.name in shown and ask in ("", "__isnull"):
                    continue
                found = browser.get(address, {f"{field.name}{ask}": "1"})
                if found.status_code != 400:
                    wrong.append(f"{address}?{field.name}{ask}: {found.status_code}")
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize(
    ("model", "asked"),
    [
        ("accounts_user", {"password__startswith": "pbkdf2"}),
        ("accounts_user", {"is_trainer__in": "1"}),
        ("booking_booking", {"person__password__startswith": "!"}),
        ("booking_booking", {"calendar_key__startswith": "a"}),
        ("booking_message", {"mime__contains": "code"}),
        ("booking_calendarfeed", {"token_hash__startswith": "0"}),
        ("booking_course", {"topics__id__exact": "1", "sessions__bookings__state": "waiting"}),
        ("accounts_user", {"_to_field": "password"}),
        ("accounts_user", {"_facets": "True", "password__startswith": "!"}),
        ("accounts_user", {"_changelist_filters": "x", "password__startswith": "!"}),
    ],
)
def test_hidden_columns_are_not_asked(model: str, asked: dict[str, str]) -> None:
    browser = signed_in(make_superuser())
    assert browser.get(reverse(f"admin:{model}_changelist"), asked).status_code == 400


def test_filters_of_the_lists_work() -> None:
    """Every address that a list offers as a filter is one that it takes."""
    make_lead()
    book_now(make_session(starts_at=morning(9)))
    browser = signed_in(make_superuser())
    for _, address in lists():
        page = browser.get(address)
        for spec in page.context["cl"].filter_specs:
            for choice in spec.choices(page.context["cl"]):
                found = browser.get(address + choice["query_string"])
                assert found.status_code == 200, (address, choice)


def test_autocomplete_offers_agencies_only_by_their_name(client: Client) -> None:
    make_person(first_name="Zelda")
    asked = {"app_label": "accounts", "model_name": "user", "field_name": "agency"}
    address = reverse("admin:autocomplete")
    assert client.get(address, {**asked, "term": "Agency"}).json()["results"]
    for refused in (
        {"app_label": "accounts", "model_name": "accessrecord", "field_name": "password"},
        {"app_label": "mfa", "model_name": "authenticator", "field_name": "data"},
        {"app_label": "sessions", "model_name": "session", "field_name": "session_data"},
    ):
        assert client.get(address, {**refused, "term": "a"}).status_code == 403
