"""The copy of what is held about a person: all tables, no secret, nobody else."""

import json
from typing import Any

import pytest
from django.db.models import ForeignObjectRel, ManyToManyField
from django.utils import timezone

from accounts.models import AccessRecord, User
from booking.privacy.holdings import HOLDINGS, LEFT_OUT, SECRETS, copy_of
from tests.factories import make_coordinator, make_person
from tests.people import signed_in
from tests.privacy.lived import EMAIL, NAME, SECOND_EMAIL, lived_person


def _relations() -> set[str]:
    """Every column of the database that points to a person, as "app.Model.column"."""
    return {
        f"{field.related_model._meta.label}.{field.field.name}"
        for field in User._meta.get_fields(include_hidden=True)
        if isinstance(field, ForeignObjectRel)
    }


def test_every_table_that_points_to_people_is_in_the_copy_or_has_its_reason() -> None:
    told = {f"{each.model._meta.label}.{path}" for each in HOLDINGS for path in each.people}
    assert _relations() <= told | set(LEFT_OUT)
    assert set(LEFT_OUT) <= _relations() - told


def test_the_copy_names_no_secret_column() -> None:
    told = {field.name for each in HOLDINGS for field in each.fields}
    assert not told & SECRETS
    assert "data" not in told
    assert not any(isinstance(field, ManyToManyField) for each in HOLDINGS for field in each.fields)


@pytest.mark.django_db
def test_the_copy_of_a_person_with_everything_has_something_under_each_heading() -> None:
    person = lived_person(is_trainer=True)
    held: dict[str, Any] = json.loads(copy_of(person, now=timezone.now()))
    empty = {heading for heading, rows in held.items() if not rows}
    assert not empty
    account = held["Account"][0]
    assert account["work email address"] == EMAIL
    assert account["job title"] == "Falconer"
    assert {row["email address"] for row in held["Email addresses"]} == {EMAIL, SECOND_EMAIL}
    assert held["Bookings"][0]["access and dietary needs"] == "Zoltana needs a perch"
    assert any(NAME in row.get("text", "") for row in held["Mail to you"])
    assert held["What you were asked as a line manager"]


@pytest.mark.django_db
def test_the_copy_says_nothing_of_who_others_are() -> None:
    person, other = lived_person(is_trainer=True), User.objects.exclude(email=EMAIL)
    copy = copy_of(person, now=timezone.now()).decode()
    for each in other:
        assert each.email not in copy
    held = json.loads(copy)
    assert {row["booked by"] for row in held["Bookings"]} == {"you", "somebody else"}


@pytest.mark.django_db
def test_a_superuser_downloads_it_and_that_is_on_record() -> None:
    by, person = make_coordinator(is_superuser=True), make_person()
    response = signed_in(by).post(f"/manage/people/{person.pk}/copy/")
    assert response.headers["Content-Disposition"].startswith("attachment")
    assert json.loads(response.content)["Account"][0]["work email address"] == person.email
    record = AccessRecord.objects.get(by=by)
    assert (record.form, record.about_id) == (AccessRecord.Form.FILE, person.pk)
