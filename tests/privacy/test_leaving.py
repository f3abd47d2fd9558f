"""Making a person anonymous: nothing tells who they were, and what was counted stays."""

import re
from datetime import timedelta
from email import message_from_bytes

import pytest
import time_machine
from django.contrib.sessions.models import Session as SignInSession
from django.db import connection
from django.urls import reverse
from django.utils import timezone
from psycopg.sql import SQL, Identifier

from accounts.leaving import KEPT_OF_A_PERSON
from accounts.models import User
from accounts.roles import LastSuperuser
from booking.catalogue.models import CourseInterest
from booking.outbox.models import Message
from booking.partnership import kept
from booking.places.events import BookingEvent
from booking.places.models import Booking
from booking.privacy.leaving import (
    BookingsAhead,
    NotYourself,
    SessionsAheadToLead,
    anonymise,
)
from tests.factories import make_coordinator, make_person, make_session, morning
from tests.people import book_now, signed_in
from tests.privacy.lived import EMAIL, NAME, SECOND_EMAIL, lived_person, signed_in_here

pytestmark = pytest.mark.django_db

_TELLING = re.compile(r"quibblewick|zoltana|zq@second|falconer\b|01632 960001", re.IGNORECASE)


def _superuser() -> User:
    return make_coordinator(is_superuser=True, is_staff=True)


def _columns() -> list[tuple[str, str, str]]:
    """Every column of every table, with its type."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT table_name, column_name, udt_name FROM information_schema.columns"
            " WHERE table_schema = 'public'"
        )
        return list(cursor.fetchall())


def _telling() -> set[str]:
    """The columns in which something still tells who somebody was."""
    found = set()
    with connection.cursor() as cursor:
        for table, column, kind in _columns():
            cursor.execute(
                SQL("SELECT {} FROM {} WHERE {} IS NOT NULL").format(
                    Identifier(column), Identifier(table), Identifier(column)
                )
            )
            for (value,) in cursor.fetchall():
                text = bytes(value).decode("latin-1") if kind == "bytea" else str(value)
                if kind == "bytea":
                    for part in message_from_bytes(bytes(value)).walk():
                        payload = part.get_payload(decode=True)
                        text += payload.decode("latin-1") if isinstance(payload, bytes) else ""
                if _TELLING.search(text):
                    found.add(f"{table}.{column}")
    return found


def test_nothing_in_the_database_tells_who_left() -> None:
    person = lived_person(is_trainer=True)
    before = _telling()
    assert {"accounts_user.email", "booking_message.mime", "booking_bookingevent.why"} <= before
    assert {"booking_approval.manager_email", "booking_sessionevent.what"} <= before
    assert "booking_partnership.excused_addresses" in before
    states = list(Booking.objects.order_by("pk").values_list("state", "booked_at"))
    events = BookingEvent.objects.count()

    anonymise(person=person, by=_superuser(), now=timezone.now())

    assert not _telling()
    assert kept.the_partnership().excused_addresses == ["office@other.example"]
    assert list(Booking.objects.order_by("pk").values_list("state", "booked_at")) == states
    assert BookingEvent.objects.count() == events
    person.refresh_from_db()
    assert str(person) == "Someone who left"
    assert not person.is_active
    assert not person.has_usable_password()
    assert not person.sees_other_people
    assert not CourseInterest.objects.filter(ended_at=None).exists()


def test_every_other_column_of_a_person_is_as_of_nobody() -> None:
    person = lived_person(level=2, is_agency_lead=True)
    anonymise(person=person, by=_superuser(), now=timezone.now())
    left = User.objects.get(pk=person.pk)
    known = {"email", "first_name", "last_name", "password", "is_active", "wants_reminders"}
    # What follows from the name and the address.
    known |= {"sort_name", "words"}
    for field in User._meta.concrete_fields:
        if field.name not in KEPT_OF_A_PERSON | known:
            assert getattr(left, field.attname) == field.get_default(), field.name


def test_who_left_is_signed_out_and_no_mail_leaves_to_them() -> None:
    person = lived_person()
    browser = signed_in_here(person)
    assert browser.get("/bookings/").status_code == 200
    anonymise(person=person, by=_superuser(), now=timezone.now())
    assert browser.get("/bookings/").status_code == 302
    assert not Message.objects.unsettled().filter(recipient=person).exists()
    assert Message.objects.get(subject_key="account:lived").state == Message.State.DROPPED
    for row in SignInSession.objects.all():
        assert str(person.pk) != row.get_decoded().get("_auth_user_id")


def test_others_of_a_like_name_and_address_stay() -> None:
    other = make_person(f"a.{EMAIL}", first_name="Zoltana", last_name="Quibblewickson")
    booked = book_now(make_session(starts_at=morning(9)), other)
    BookingEvent.objects.filter(booking=booked).update(why=f"{other} of {other.email} asked")
    anonymise(person=lived_person(), by=_superuser(), now=timezone.now())
    other.refresh_from_db()
    assert other.full_name == "Zoltana Quibblewickson"
    assert booked.events.get().why == f"{other} of {other.email} asked"


def test_the_last_date_ahead_is_ended_first() -> None:
    person, by, now = make_person(), _superuser(), timezone.now()
    booked = book_now(make_session(starts_at=morning(9)), person)
    with pytest.raises(BookingsAhead):
        anonymise(person=person, by=by, now=now)
    anonymise(person=person, by=by, now=booked.session.ends_at + timedelta(hours=1))
    trainer = make_person(is_trainer=True)
    make_session(starts_at=morning(9), trainers=[trainer])
    with pytest.raises(SessionsAheadToLead):
        anonymise(person=trainer, by=by, now=now)
    trainer.refresh_from_db()
    assert trainer.is_active


def test_somebody_is_left_who_may_do_it() -> None:
    by, now = _superuser(), timezone.now()
    with pytest.raises(NotYourself):
        anonymise(person=by, by=by, now=now)
    with pytest.raises(LastSuperuser):
        anonymise(person=by, by=make_coordinator(is_superuser=True), now=now)
    anonymise(person=_superuser(), by=by, now=now)


def test_a_superuser_types_the_address_and_it_is_done() -> None:
    person = lived_person()
    browser = signed_in(_superuser())
    found = browser.get("/manage/people/", {"q": "quibblewick"}).text
    assert f'href="/manage/people/{person.pk}/"' in found
    wrong = browser.post(f"/manage/people/{person.pk}/held/", {"email": SECOND_EMAIL})
    assert wrong.status_code == 422
    assert "not the address of this person" in wrong.text
    right = browser.post(f"/manage/people/{person.pk}/held/", {"email": f" {EMAIL.upper()} "})
    assert right.headers["Location"] == "/manage/people/"
    assert f"Nobody is found by “{NAME}”" in browser.get("/manage/people/", {"q": NAME}).text


def test_it_is_done_after_a_proof() -> None:
    person, browser = make_person(), signed_in(_superuser())
    page = f"/manage/people/{person.pk}/held/"
    with time_machine.travel(timezone.now() + timedelta(minutes=16)):
        assert browser.get(page).status_code == 200
        asked = browser.post(page, {"email": person.email})
    assert asked.headers["Location"].startswith(reverse("reauthenticate_by_code"))
    person.refresh_from_db()
    assert person.is_active


def test_the_page_says_why_somebody_stays() -> None:
    by, person = _superuser(), make_person()
    book_now(make_session(starts_at=morning(9)), person)
    browser = signed_in(by)
    assert "Cancel these first" in browser.get(f"/manage/people/{person.pk}/held/").text
    refused = browser.post(f"/manage/people/{person.pk}/held/", {"email": person.email})
    assert refused.status_code == 409
    assert "bookings of sessions that are not over" in refused.text
