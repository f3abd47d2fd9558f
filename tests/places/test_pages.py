"""Booking over HTTP: who may open what, what is answered, and what happens with Redis away."""

from datetime import timedelta

import pytest
import time_machine
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts.models import User
from booking.catalogue.models import Session
from booking.local.servers import Valkey
from booking.outbox.models import Message
from booking.places import actions
from booking.places.models import Booking
from tests.factories import make_coordinator, make_person, make_session, morning

pytestmark = pytest.mark.django_db


def signed_in(person: User) -> Client:
    """A browser in which this person is signed in."""
    client = Client()
    client.force_login(person)
    return client


def ahead(**fields: object) -> Session:
    """A session three weeks from today."""
    return make_session(starts_at=morning(21), **fields)  # type: ignore[arg-type]


def booked(session: Session | None = None) -> Booking:
    """Somebody's confirmed booking."""
    person = make_person()
    return actions.book(session=session or ahead(), person=person, by=person, now=timezone.now())


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
        other_client = signed_in(other)
        # Leads are asked for a second step first; either way they see nothing.
        assert getattr(other_client, method)(address).status_code in (302, 404)
    assert getattr(signed_in(make_person()), method)(address).status_code == 404
    anonymous = getattr(Client(), method)(address)
    assert anonymous.status_code == 302
    assert anonymous.headers["Location"].startswith("/accounts/login/")
    booking.refresh_from_db()
    assert booking.state == Booking.State.CONFIRMED


def test_a_coordinator_opens_any_booking(settings) -> None:  # type: ignore[no-untyped-def]
    settings.TWO_STEP_REQUIRED = False
    booking = booked()
    page = signed_in(make_coordinator()).get(booking.get_absolute_url()).content.decode()
    assert booking.person.full_name in page
    assert reverse("booking_ics", args=[booking.pk]) not in page, "only its owner may download it"


@pytest.mark.parametrize("method", ["get", "post"])
def test_drafts_and_unknown_sessions_are_not_found(method: str) -> None:
    draft = ahead(state=Session.State.DRAFT)
    client = signed_in(make_person())
    for key in (draft.pk, 999_999):
        assert getattr(client, method)(reverse("book", args=[key])).status_code == 404
    assert not Booking.objects.exists()


def test_looking_never_books() -> None:
    session = ahead()
    assert signed_in(make_person()).get(reverse("book", args=[session.pk])).status_code == 200
    assert not Booking.objects.exists()


def test_a_refusal_says_why_and_loses_nothing() -> None:
    session = ahead(booking_opens_at=timezone.now() + timedelta(days=1))
    response = signed_in(make_person()).post(
        reverse("book", args=[session.pk]), {"needs": "A hearing loop"}
    )
    page = response.content.decode()
    assert response.status_code == 409
    assert "Booking opens at" in page
    assert "A hearing loop" in page


def test_too_long_needs_are_refused_with_a_sentence() -> None:
    response = signed_in(make_person()).post(
        reverse("book", args=[ahead().pk]), {"needs": "x" * 501}
    )
    assert response.status_code == 422
    assert "Use 500 characters or fewer" in response.content.decode()


def test_booking_twice_leads_to_the_booking() -> None:
    booking = booked()
    response = signed_in(booking.person).post(reverse("book", args=[booking.session_id]))
    assert response.headers["Location"] == booking.get_absolute_url()
    assert Booking.objects.count() == 1


def test_personal_pages_are_not_stored() -> None:
    booking = booked()
    client = signed_in(booking.person)
    for address in (booking.get_absolute_url(), reverse("my_bookings")):
        assert "no-store" in client.get(address).headers["Cache-Control"]


def test_booking_works_while_redis_is_away(embedded_valkey: Valkey) -> None:
    session = ahead()
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
    session = ahead()
    client = signed_in(make_person())
    response = client.post(reverse("book", args=[session.pk]), {"needs": text})
    assert response.status_code in (302, 422)
    if response.status_code == 302:
        page = client.get(response.headers["Location"])
        assert page.status_code == 200
        assert "<b>" not in page.content.decode().split("needs you told us")[-1][:80]


def test_my_bookings_shows_the_place_in_the_queue() -> None:
    session = ahead(capacity=1)
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
    response = client.post(reverse("book", args=[ahead().pk]), typed)
    assert response.status_code == 302


def test_whoever_waited_in_vain_reads_so_once_the_session_has_begun() -> None:
    session = ahead(capacity=1)
    booked(session)
    waiting = booked(session)
    with time_machine.travel(session.starts_at + timedelta(hours=1), tick=False):
        client = signed_in(waiting.person)
        for address in (reverse("my_bookings"), reverse("booking", args=[waiting.pk])):
            page = client.get(address).content.decode()
            assert "No place came free for you" in page
            assert "You are number" not in page
            assert "the next person gets it" not in page
