"""What was typed on a page whose session has ended is there again after signing in."""

from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts.models import User
from booking.learning.models import PriorLearning
from booking.site.form_kit import NOT_DONE, NOT_SENT
from booking.site.sealing import Sealed
from tests.accounts.signing_in import sign_in
from tests.factories import (
    make_coordinator,
    make_course,
    make_lead,
    make_person,
    make_session,
    morning,
)
from tests.people import signed_in

pytestmark = pytest.mark.django_db
LATER = timedelta(hours=3)
VENUE = reverse("manage_venue_new")
TYPED = {"name": "Hall <by the river>", "address": "1 Water Lane\nLeeds", "password": "secret"}


def sent_too_late(client: Client, address: str, typed: dict[str, Any]) -> str:
    """Send this after the session has ended; where that leads."""
    response = client.post(address, typed)
    assert response.status_code == 302
    return str(response.headers["Location"])


def test_a_form_is_as_it_was_typed_and_nothing_was_done() -> None:
    person = make_coordinator()
    client = signed_in(person)
    with time_machine.travel(timezone.now() + LATER):
        led = sent_too_late(client, VENUE, TYPED)
        before = dict(client.session.items())
        assert led == f"{reverse('account_login')}?next={VENUE}"
        assert "You were signed out" in client.get(led).text
        assert sign_in(client, person.email, VENUE) == VENUE
        page = client.get(VENUE)
        assert NOT_SENT in page.text
        assert "Hall &lt;by the river&gt;" in page.text
        assert "1 Water Lane\nLeeds" in page.text
        assert not any("secret" in str(value) for value in client.session.values())
        assert not any("Water" in str(value) for value in before.values()), "sealed"
        assert NOT_SENT not in client.get(VENUE).text, "once"
        assert client.post(VENUE, TYPED).status_code == 302


def test_the_code_of_a_course_is_there_again_and_a_code_of_signing_in_is_not() -> None:
    client = signed_in(make_coordinator())
    with time_machine.travel(timezone.now() + LATER):
        for address, is_kept in (("manage_course_new", True), ("reauthenticate_by_code", False)):
            client.force_login(make_coordinator())
            used = client.session
            used["seen_at"] = 0
            used.save()
            sent_too_late(client, reverse(address), {"code": "NEGLECT"})
            kept = Sealed(client.session["typed_before"]["sealed"]).opened()
            assert ("NEGLECT" in kept) is is_kept


def test_rows_that_were_added_are_there_again() -> None:
    person, session = make_coordinator(), make_session(starts_at=morning(9))
    client = signed_in(person)
    limits = reverse("manage_session_limits", args=[session.pk])
    typed = {"rows": "2", "agency_limit": "4", "places_1": "3", "places_2": "7"}
    with time_machine.travel(timezone.now() + LATER):
        sent_too_late(client, limits, typed)
        sign_in(client, person.email, limits)
        page = client.get(limits).text
        assert 'name="places_2"' in page
        assert 'value="7"' in page
        assert session.allocations.count() == 0


def test_a_list_of_colleagues_is_there_again_and_nobody_is_booked() -> None:
    lead = make_lead()
    session, client = make_session(starts_at=morning(9)), signed_in(lead)
    page = reverse("agency_book_many", args=[session.pk])
    typed = {"people": "a@agency.example\nb@agency.example", "step": "book"}
    with time_machine.travel(timezone.now() + LATER):
        sent_too_late(client, page, typed)
        sign_in(client, lead.email, page)
        assert "a@agency.example" in client.get(page).text
        session.refresh_from_db()
        assert session.places_taken == 0


def test_nobody_else_sees_what_was_typed() -> None:
    person, other = make_coordinator(), make_coordinator()
    client = signed_in(person)
    with time_machine.travel(timezone.now() + LATER):
        sent_too_late(client, VENUE, TYPED)
        sign_in(client, other.email, VENUE)
        assert "by the river" not in client.get(VENUE).text
        assert not any("river" in str(value) for value in client.session.values())


def test_what_another_site_sends_is_not_kept() -> None:
    person = make_coordinator()
    client = Client(enforce_csrf_checks=True)
    client.cookies = signed_in(person).cookies
    with time_machine.travel(timezone.now() + LATER):
        assert client.post(VENUE, TYPED).status_code == 403
        assert not any("river" in str(value) for value in client.session.values())


def test_what_is_very_long_is_not_kept() -> None:
    client = signed_in(make_coordinator())
    with time_machine.travel(timezone.now() + LATER):
        sent_too_late(client, VENUE, TYPED | {"address": "x" * 60_000})
        assert "typed_before" not in client.session


def test_a_button_leads_back_to_its_page() -> None:
    person, session = make_coordinator(), make_session(starts_at=morning(9))
    client = signed_in(person)
    page = reverse("manage_session", args=[session.pk])
    press = reverse("manage_session_goes_ahead", args=[session.pk])
    with time_machine.travel(timezone.now() + LATER):
        for before, leads in (
            (f"http://testserver{page}", page),
            ("https://evil.example/", reverse("my_bookings")),
        ):
            response = client.post(press, HTTP_REFERER=before)
            assert response.headers["Location"].endswith(f"next={leads.replace('/', '%2F')}")
            client.force_login(person)
            session_of = client.session
            session_of["seen_at"] = 0
            session_of.save()


def test_a_role_given_meanwhile_loses_nothing_typed() -> None:
    person, course = make_person(), make_course()
    client = signed_in(person)
    page = reverse("declare_learning")
    User.objects.filter(pk=person.pk).update(is_trainer=True)
    typed = {"course": course.code, "provider": "Elsewhere & Co"}
    sent_too_late(client, page, typed)
    sign_in(client, person.email, page)
    assert "Elsewhere &amp; Co" in client.get(page).text
    assert not PriorLearning.objects.exists()


def test_back_shows_what_was_typed_into_a_form_with_errors() -> None:
    session, client = make_session(starts_at=morning(9)), signed_in(make_person(first_name=""))
    book = reverse("book", args=[session.pk])
    assert client.post(book, {"first_name": "Zoë", "needs": "A hearing loop"}).status_code == 422
    page = client.get(book).text
    for kept in (NOT_DONE, "Enter your last name.", 'value="Zoë"', "A hearing loop"):
        assert kept in page
    assert "Zoë" not in client.get(book).text, "once"
    assert not any("hearing" in str(value) for value in client.session.values())


def test_what_was_sent_without_errors_is_not_shown_again() -> None:
    client = signed_in(make_coordinator())
    assert client.post(VENUE, {"name": "Hall by the river"}).status_code == 422
    assert client.post(VENUE, TYPED).status_code == 302
    assert "Hall by the river" not in client.get(VENUE).text
