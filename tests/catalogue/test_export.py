"""The files of an export: imported again, they change nothing."""

import csv
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from io import StringIO
from typing import Any

import pytest
from allauth.account.models import EmailAddress
from django.apps import apps

from accounts.addresses import no_address
from accounts.models import Agency, PractitionerGroup, User
from booking.catalogue import policies
from booking.catalogue.importing.export import programme_file
from booking.catalogue.importing.programme import FILES, Given, ImportPlan
from booking.catalogue.models import Course, DiaryDate, Session, Topic, UsualAllocation, Venue
from booking.catalogue.policies import PolicyTerms
from booking.local.sample_programme import load_sample
from booking.scheduling.capacity import Reservation, reserve
from booking.site.spreadsheets import as_typed, safe_cell
from tests.catalogue.small_programme import NOW
from tests.factories import (
    make_agency,
    make_course,
    make_person,
    make_session,
    make_trainer,
    make_venue,
)

pytestmark = pytest.mark.django_db


def exported() -> dict[str, Given]:
    return {kind: Given(kind, programme_file(kind)[0]) for kind in FILES}


def rows_of(kind: str) -> list[dict[str, str]]:
    return list(csv.DictReader(StringIO(programme_file(kind)[0].decode("utf-8-sig"))))


def everything() -> dict[str, list[str]]:
    """Every row of every table."""
    return {
        model._meta.label: sorted(map(repr, model._default_manager.values_list()))
        for model in apps.get_models()
    }


def imported_again() -> ImportPlan:
    """The export as it is imported; nothing is written by it, not even a moment of change."""
    before = everything()
    plan = ImportPlan(exported(), now=NOW)
    assert [str(problem) for problem in plan.problems] == []
    for table, tally in plan.write().tallies.items():
        assert (tally.created, tally.changed) == (0, 0), table
    assert not any(
        row.outcome.is_new or row.outcome.changes
        for sheet in plan.sheets.values()
        for row in sheet.rows
    )
    assert everything() == before
    return plan


@pytest.mark.slow
def test_the_sample_out_and_in_again_changes_nothing() -> None:
    load_sample(now=NOW)
    plan = imported_again()
    assert len(plan.sheets["sessions.csv"].rows) == Session.objects.count()


def test_everything_that_can_be_set_comes_back_in_an_empty_site() -> None:
    group = PractitionerGroup.objects.create(name="Leads")
    terms = PolicyTerms(
        notice_days=5,
        free_for_trainers_in_kind=True,
        free_for_charities_under_pence=None,
        bands=[],
    )
    policy = policies.create(name="Five days", terms=terms, now=NOW)
    agency = make_agency(annual_turnover_pence=1_250_050, is_listed=False)
    course = make_course(
        hours=Decimal("1.5"),
        sectors=["police", "health"],
        least_level=2,
        may_be_repeated=True,
        copies_manager=True,
        remind_hour_before=False,
        reminder_days=[7],
        usual_policy=policy,
        summary="=1+1\r\n- first\r\n- second",
    )
    course.groups.add(group)
    UsualAllocation.objects.create(course=course, agency=agency, places=3)
    UsualAllocation.objects.create(course=course, sector="police", places=2, release_days=1)
    course.topics.add(Topic.objects.create(name="Neglect", slug="neglect"))
    person: Any = make_person(agency=agency, phone="0113 496 0000", level=3)
    starts = NOW + timedelta(days=60)
    session = make_session(
        course=course,
        starts_at=starts,
        state=Session.State.DRAFT,
        policy=policy,
        minimum=4,
        decide_on=date(2027, 1, 4),
        booking_opens_at=datetime(2026, 12, 1, 9, tzinfo=UTC),
        booking_closes_at=datetime(2027, 1, 8, 17, tzinfo=UTC),
        promotion=Session.Promotion.OFFER,
        offer_hours=8,
        joining_instructions="Bring:\r\n+ a pen",
    )
    group.members.add(person)
    both = [Reservation(places=4, agency=agency), Reservation(places=1, sector="health")]
    reserve(session, both)
    make_venue("The Hut", getting_there="Bus 7.\nRing the bell.")
    DiaryDate.objects.create(title="'=A day", starts=date(2027, 2, 9), ends=date(2027, 2, 9))
    imported_again()
    files = exported()
    UsualAllocation.objects.all().delete()
    for rows in (Session, Course, Venue, Topic, DiaryDate, EmailAddress, User, Agency):
        rows._default_manager.all().delete()
    ImportPlan(files, now=NOW).write()
    assert {kind: given.content for kind, given in exported().items()} == {
        kind: given.content for kind, given in files.items()
    }
    assert Session.objects.get().state == session.state
    stored: Any = User.objects.get(email=person.email)
    assert stored.phone == "0113 496 0000"
    assert list(stored.practitioner_groups.all()) == [group]
    reserved = Session.objects.get().allocations
    assert list(reserved.values_list("sector", "places")) == [("", 4), ("health", 1)]
    assert Session.objects.get().has_allocations


def test_people_who_are_not_confirmed_stay_so() -> None:
    person = make_person(agency=make_agency(), agency_confirmed_at=None)
    EmailAddress.objects.filter(user=person).update(verified=False)
    imported_again()
    person.refresh_from_db()
    assert not person.agency_is_confirmed


def test_odd_things_that_are_stored_change_nothing() -> None:
    make_course(hours=Decimal(0), summary=" Two  spaces\u00ad and a soft hyphen ")
    make_person("office@school.example", job_title="")
    make_person(agency=None, unlisted_agency="A club")
    make_agency(name="Two  spaces")
    make_session(delivery="online", venue=make_venue(), meeting="")
    make_session(delivery="in person", venue=None, meeting="https://meet.example/x")
    make_session(state=Session.State.CANCELLED)
    imported_again()


def test_names_of_every_kind_change_nothing() -> None:
    """With semicolons and quotes, without a plain letter, the same but for capitals."""
    odd = ["Drugs; alcohol", '"Quoted" ; it', "\u200b", "\u200b\u200b", "!!", "=1+1", "A", "a"]
    group = PractitionerGroup.objects.create(name="Leads; deputies")
    for number, name in enumerate(odd):
        agency = make_agency(name=name)
        course = make_course(usual_capacity=9)
        course.topics.create(name=name, slug=f"topic-{number}")
        course.groups.add(group)
        UsualAllocation.objects.create(course=course, agency=agency, places=2, release_days=1)
        group.members.add(make_person(agency=agency))
        session = make_session(course=course, venue=make_venue(name))
        both = [Reservation(places=3, agency=agency), Reservation(places=1, sector="health")]
        reserve(session, both)
    DiaryDate.objects.create(title="\u200b", starts=date(2027, 2, 9), ends=date(2027, 2, 9))
    imported_again()


def test_accounts_without_an_address_of_their_own_stay_so() -> None:
    person = make_person(agency=make_agency())
    EmailAddress.objects.filter(user=person).delete()
    make_session(trainers=[make_trainer()])
    EmailAddress.objects.all().delete()
    imported_again()
    assert not EmailAddress.objects.exists()


def test_roles_and_people_without_an_address_or_an_account_are_not_in_the_files() -> None:
    make_person(no_address())
    make_person("ended@a.example", is_active=False)
    make_person("lead@a.example", is_agency_lead=True)
    assert [each["email"] for each in rows_of("practitioners.csv")] == ["lead@a.example"]
    for columns in FILES.values():
        assert not [each for each in columns.known if each.startswith("is_") or "role" in each]


@pytest.mark.parametrize(
    "text", ["=1+1", "'=1+1", "''=1+1", "'tis", "'", "''", "0113 496", "+44", "1/2", "-", "plain"]
)
def test_what_keeps_a_cell_from_being_calculated_is_taken_away_again(text: str) -> None:
    assert as_typed(safe_cell(text)) == text
    assert safe_cell(text).startswith("'") or text in ("plain",)
