"""Booking over HTTP: who may open what, what is answered, and what happens with Redis away."""

from datetime import timedelta

import pytest
import time_machine
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from booking.catalogue.models import Session
from booking.local.servers import Valkey
from booking.outbox.models import Message
from booking.places.models import Booking
from tests.factories import make_coordinator, make_person, session_ahead
from tests.people import book_now, signed_in

pytestmark = pytest.mark.django_db


def booked(session: Session | None = None) -> Booking:
    """Somebody's confirmed booking."""
    return book_now(session or session_ahead())


@pytest.mark.parametrize(
    ("view", "method"),
    [
        ("booking", "get"),
        ("cancel_booking", "get"),
        ("cancel_booking", "post"),
        ("answer_offer", "post"),
        ("booking_ics", "get"),
    ],
)
def test_somebody_elses_booking_is_not_found(view: str, method: str) -> None:
    booking = booked()
    address = reverse(view, args=[booking.pk])
    for other in (make_person(), make_person(is_agency_lead=True)):
        assert getattr(signed_in(other), method)(address).status_code == 404
    anonymous = getattr(Client(), method)(address)
    assert anonymous.status_code == 302
    assert anonymous.headers["Location"].startswith("/accounts/login/")
    booking.refresh_from_db()
    assert booking.state == Booking.State.CONFIRMED


def test_a_coordinator_opens_any_booking() -> None:
    booking = booked()
    page = signed_in(make_coordinator()).get(booking.get_absolute_url()).content.decode()
    assert booking.person.full_name in page
    assert reverse("booking_ics", args=[booking.pk]) not in page, "only its owner may download it"


@pytest.mark.parametrize("method", ["get", "post"])
def test_drafts_and_unknown_sessions_are_not_found(method: str) -> None:
    draft = session_ahead(state=Session.State.DRAFT)
    client = signed_in(make_person())
    for key in (draft.pk, 999_999):
        assert getattr(client, method)(reverse("book", args=[key])).status_code == 404
    assert not Booking.objects.exists()


def test_looking_never_books() -> None:
    session = session_ahead()
    assert signed_in(make_person()).get(reverse("book", args=[session.pk])).status_code == 200
    assert not Booking.objects.exists()


def test_a_refusal_says_why_and_loses_nothing() -> None:
    session = session_ahead(booking_opens_at=timezone.now() + timedelta(days=1))
    response = signed_in(make_person()).post(
        reverse("book", args=[session.pk]), {"needs": "A hearing loop"}
    )
    page = response.content.decode()
    assert response.status_code == 409
    assert "Booking opens at" in page
    assert "A hearing loop" in page


def test_too_long_needs_are_refused_with_a_sentence() -> None:
    response = signed_in(make_person()).post(
        reverse("book", args=[session_ahead().pk]), {"needs": "x" * 501}
    )
    assert response.status_code == 422
    assert "Use 500 characters or fewer" in response.content.decode()


@pytest.mark.parametrize("method", ["get", "post"])
def test_booking_twice_leads_to_the_booking(method: str) -> None:
    booking = booked()
    browser = signed_in(booking.person)
    response = getattr(browser, method)(reverse("book", args=[booking.session_id]))
    assert response.headers["Location"] == booking.get_absolute_url()
    assert Booking.objects.count() == 1


def test_personal_pages_are_not_stored() -> None:
    booking = booked()
    client = signed_in(booking.person)
    for address in (booking.get_absolute_url(), reverse("my_bookings")):
        assert "no-store" in client.get(address).headers["Cache-Control"]


def test_booking_works_while_redis_is_away(embedded_valkey: Valkey) -> None:
    session = session_ahead()
    person = make_person()
    client = signed_in(person)
    embedded_valkey.stop()
    response = client.post(reverse("book", args=[session.pk]))
    booking = Booking.objects.get(person=person)
    assert response.headers["Location"] == booking.get_absolute_url()
    assert client.get(booking.get_absolute_url()).status_code == 200
    assert Message.objects.filter(booking=booking, state=Message.State.WAITING).count() == 1


@pytest.mark.parametrize("text", ["a\r\nBcc: x@y.example", "\x00", "😀‮=cmd|' /C calc'!A0", "<b>"])
def test_odd_needs_never_break_a_page(text: str) -> None:
    session = session_ahead()
    client = signed_in(make_person())
    response = client.post(reverse("book", args=[session.pk]), {"needs": text})
    assert response.status_code in (302, 422)
    if response.status_code == 302:
        page = client.get(response.headers["Location"])
        assert page.status_code == 200
        assert "<b>" not in page.content.decode().split("needs you told us")[-1][:80]


def test_my_bookings_shows_the_place_in_the_queue() -> None:
    session = session_ahead(capacity=1)
    booked(session)
    first, second = booked(session), booked(session)
    for booking, number in ((first, 1), (second, 2)):
        page = signed_in(booking.person).get(reverse("my_bookings")).content.decode()
        assert f"You are number {number} on the waiting list" in page


def test_somebody_new_need_not_name_a_manager_where_none_is_asked(client: Client) -> None:
    person = make_person(first_name="", last_name="", job_title="")
    client.force_login(person)
    about = {"first_name": "Zoë", "last_name": "Nguyễn", "job_title": "Constable"}
    typed = {**about, "agency": person.agency_id, "manager_email": "", "phone": "", "needs": ""}
    response = client.post(reverse("book", args=[session_ahead().pk]), typed)
    assert response.status_code == 302


def test_whoever_waited_in_vain_reads_so_once_the_session_has_begun() -> None:
    session = session_ahead(capacity=1)
    booked(session)
    waiting = booked(session)
    with time_machine.travel(session.starts_at + timedelta(hours=1), tick=False):
        client = signed_in(waiting.person)
        for address in (reverse("my_bookings"), reverse("booking", args=[waiting.pk])):
            page = client.get(address).content.decode()
            assert "No place came free for you" in page
            assert "You are number" not in page
            assert "the next person gets it" not in page
