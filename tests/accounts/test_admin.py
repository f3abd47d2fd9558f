"""The back office: who gets in, and what can be changed there."""

import pytest
import structlog
from allauth.mfa.models import Authenticator
from django.apps import apps
from django.contrib import admin
from django.contrib.admin.models import LogEntry
from django.test import Client
from django.urls import reverse
from pytest_django import Settings

from booking.calendars.models import CalendarFeed
from booking.catalogue.models import Course, Session
from booking.outbox.models import Message
from booking.places.models import Booking
from tests.accounts.signing_in import sign_in
from tests.factories import (
    make_coordinator,
    make_lead,
    make_person,
    make_session,
    make_trainer,
    make_venue,
    morning,
)
from tests.people import book_now, signed_in

pytestmark = pytest.mark.django_db

INDEX = "/admin/"


@pytest.fixture
def client() -> Client:
    """A browser of a coordinator who was let into the back office."""
    return signed_in(make_coordinator(is_staff=True))


def every_list() -> list[str]:
    """The address of the list of each model in the back office."""
    return [
        reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist")
        for model in admin.site._registry
    ]


def test_it_is_entered_through_the_sign_in_of_the_site_only() -> None:
    response = Client().get(INDEX, follow=True)
    assert response.redirect_chain[-1][0].startswith("/accounts/login/?next=")
    response = Client().post("/admin/login/", {"username": "a@b.example", "password": "x"})
    assert response.status_code == 302
    assert response.headers["Location"].startswith("/accounts/login/")


def test_everybody_else_stays_outside() -> None:
    session = make_session(starts_at=morning(9))
    for person in (make_person(), make_trainer(), make_coordinator()):
        browser = signed_in(person)
        assert browser.get(INDEX, follow=True).status_code == 403
        for address in (*every_list(), reverse("admin:booking_session_change", args=[session.pk])):
            assert browser.get(address).status_code == 302
            assert browser.post(address).status_code == 302


def test_staff_without_the_role_see_nothing_in_it() -> None:
    browser = signed_in(make_person(is_staff=True))
    for address in every_list():
        assert browser.get(address).status_code == 403


def test_a_second_step_is_required(client: Client, settings: Settings) -> None:
    settings.TWO_STEP_REQUIRED = True
    response = client.get(INDEX)
    assert response.headers["Location"].startswith(reverse("two_step_needed"))


def test_every_page_of_it_opens(client: Client) -> None:
    person = make_person()
    session = make_session(starts_at=morning(9), trainers=[make_trainer()])
    book_now(session, person)
    CalendarFeed.objects.create(person=person, token_hash="0" * 64)
    client.get(reverse("attendees", args=[session.pk]))
    assert client.get(INDEX).status_code == 200
    for model in admin.site._registry:
        name = f"admin:{model._meta.app_label}_{model._meta.model_name}"
        assert client.get(reverse(f"{name}_changelist"), {"q": "a"}).status_code == 200
        row = model._default_manager.first()
        if row:
            assert client.get(reverse(f"{name}_change", args=[row.pk])).status_code == 200


def test_only_our_own_models_are_there() -> None:
    labels = {model._meta.app_label for model in admin.site._registry}
    assert labels == {"accounts", "booking"}
    # Second steps, sign-ins and rights of libraries stay out.
    assert not admin.site.is_registered(apps.get_model("mfa", "Authenticator"))


def test_roles_change_and_nothing_else_of_the_row_is_written(client: Client) -> None:
    person = make_person(job_title="Nurse")
    address = reverse("admin:accounts_user_change", args=[person.pk])
    page = client.get(address).content.decode()
    assert "password" not in page.lower().replace("password_change", "").replace(
        "change password", ""
    )
    typed = {
        "first_name": person.first_name,
        "last_name": person.last_name,
        "job_title": "Health visitor",
        "agency": person.agency_id,
        "is_trainer": "on",
        "is_active": "on",
        # Neither can be slipped in.
        "email": "thief@elsewhere.example",
        "is_superuser": "on",
    }
    assert client.post(address, typed).status_code == 302
    email = person.email
    person.refresh_from_db()
    assert (person.is_trainer, person.is_superuser, person.email) == (True, False, email)
    assert person.job_title == "Health visitor"


def test_whoever_has_no_agency_any_more_is_confirmed_in_none_and_leads_none() -> None:
    superuser = make_coordinator(is_staff=True, is_superuser=True)
    person = make_lead(agency_confirmed_by=superuser)
    typed = {
        "first_name": person.first_name,
        "last_name": person.last_name,
        "agency": "",
        "is_agency_lead": "on",
        "is_active": "on",
    }
    address = reverse("admin:accounts_user_change", args=[person.pk])
    with structlog.testing.capture_logs() as lines:
        assert signed_in(superuser).post(address, typed).status_code == 302
    person.refresh_from_db()
    assert (person.agency, person.agency_confirmed_at, person.agency_confirmed_by) == (None,) * 3
    assert not person.is_agency_lead
    [line] = [line for line in lines if line["event"] == "roles_changed"]
    assert (line["person"], line["is_agency_lead"]) == (person.pk, False)


def test_a_superuser_takes_away_a_second_step_that_is_lost() -> None:
    person, other = make_coordinator(), make_trainer()
    own, people = Client(), reverse("admin:accounts_user_changelist")
    sign_in(own, person.email)
    for each in (person, other):
        for kind in Authenticator.Type:
            Authenticator.objects.create(user=each, type=kind, data={})
    assert own.get(reverse("my_bookings")).status_code == 200
    asked = {"action": "forget_second_step", "_selected_action": [person.pk]}
    signed_in(make_coordinator(is_staff=True)).post(people, asked)
    assert Authenticator.objects.filter(user=person).count() == 3
    by = make_coordinator(is_staff=True, is_superuser=True)
    with structlog.testing.capture_logs() as lines:
        answer = signed_in(by).post(people, asked, follow=True).content.decode()
    assert "1 second step taken away." in answer
    assert ("second_step_taken_away", by.pk, person.pk) in [
        (line["event"], line.get("by"), line.get("person")) for line in lines
    ]
    assert not Authenticator.objects.filter(user=person).exists()
    assert Authenticator.objects.filter(user=other).count() == 3
    entry = LogEntry.objects.get()
    assert (entry.user, entry.object_id) == (by, str(person.pk))
    assert own.get(reverse("my_bookings")).status_code == 302


def test_nobody_is_added_or_deleted(client: Client) -> None:
    person = make_person()
    assert client.get(reverse("admin:accounts_user_add")).status_code == 403
    assert client.post(reverse("admin:accounts_user_delete", args=[person.pk])).status_code == 403
    agency = reverse("admin:accounts_agency_delete", args=[person.agency_id])
    assert client.post(agency, {"post": "yes"}).status_code == 403


def test_a_session_keeps_what_bookings_depend_on(client: Client) -> None:
    session = make_session(capacity=5, starts_at=morning(9))
    address = reverse("admin:booking_session_change", args=[session.pk])
    client.get(address)
    book_now(session)
    typed = {
        "joining_instructions": "Ask for Sam.",
        "state": "cancelled",
        "capacity": "1",
        "places_taken": "0",
        "starts_at_0": "2020-01-01",
        "starts_at_1": "09:00",
        "sittings-TOTAL_FORMS": "0",
        "sittings-INITIAL_FORMS": "0",
    }
    assert client.post(address, typed).status_code == 302
    changed = Session.objects.get(pk=session.pk)
    assert changed.joining_instructions == ""
    assert (changed.state, changed.capacity, changed.places_taken) == ("published", 5, 1)
    assert changed.starts_at == session.starts_at
    assert client.get(reverse("admin:booking_session_add")).status_code == 403
    delete = reverse("admin:booking_session_delete", args=[session.pk])
    assert client.post(delete, {"post": "yes"}).status_code == 403


@pytest.mark.parametrize("model", ["booking", "bookingevent", "message", "calendarfeed"])
def test_records_can_only_be_looked_at_and_hold_no_secret(client: Client, model: str) -> None:
    person = make_person()
    session = make_session(starts_at=morning(9))
    booking = book_now(session, person)
    Message.objects.update(mime=b"Your code is BCD-FGH", payload={"code": "BCDFGH"})
    CalendarFeed.objects.create(person=person, token_hash="5ec7e7" * 10)
    row = apps.get_model("booking", model)._default_manager.first()
    assert row is not None
    page = client.get(reverse(f"admin:booking_{model}_change", args=[row.pk]))
    text = page.content.decode()
    for secret in ("5ec7e7", "BCD", booking.calendar_key):
        assert secret not in text
    assert 'name="_save"' not in text
    change = reverse(f"admin:booking_{model}_change", args=[row.pk])
    assert client.post(change, {"state": "cancelled"}).status_code == 403
    assert client.post(reverse(f"admin:booking_{model}_delete", args=[row.pk])).status_code == 403
    assert client.get(reverse(f"admin:booking_{model}_add")).status_code == 403
    assert Booking.objects.get().state == Booking.State.CONFIRMED


def test_a_course_is_added(client: Client) -> None:
    typed = {
        "code": "NEG",
        "title": "Neglect",
        "kind": "training",
        "level": "2",
        "hours": "3",
        "usual_capacity": "20",
        "sectors": ["police", "health"],
    }
    for wrong in ({"level": "9"}, {"level": "0"}, {"least_level": "4"}):
        assert client.post(reverse("admin:booking_course_add"), typed | wrong).status_code == 200
    assert client.post(reverse("admin:booking_course_add"), typed).status_code == 302
    course = Course.objects.get()
    assert (course.level, course.least_level) == (2, None)
    assert (course.title, course.sectors) == ("Neglect", ["police", "health"])
    # The title of a course that exists is told to people, so it changes elsewhere.
    changed = {**typed, "title": "Neglect and its signs", "sectors": []}
    address = reverse("admin:booking_course_change", args=[course.pk])
    assert client.post(address, changed).status_code == 302
    course.refresh_from_db()
    assert (course.title, course.sectors) == ("Neglect", [])


def test_the_name_and_address_of_a_venue_that_exists_stay(client: Client) -> None:
    venue = make_venue("Town Hall", address="The Headrow, Leeds")
    typed = {"name": "Carriageworks", "address": "Elsewhere", "getting_there": "Bus 12."}
    address = reverse("admin:booking_venue_change", args=[venue.pk])
    assert client.post(address, typed).status_code == 302
    venue.refresh_from_db()
    assert (venue.name, venue.address) == ("Town Hall", "The Headrow, Leeds")
    assert venue.getting_there == "Bus 12."
