"""Who the manager is: named while booking, and another one asked instead."""

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts.models import User
from booking.local.smtp_sink import SmtpSink
from booking.mail.composing import compose
from booking.outbox.delivery import deliver
from booking.outbox.models import Message
from booking.outbox.smtp import SmtpConnection
from booking.places import links
from booking.places.changing import answering
from booking.places.managers import asking
from booking.places.managers.models import Approval
from booking.places.models import Booking
from booking.places.refusals import AlreadyAnswered
from tests.factories import make_person, make_session, morning
from tests.people import signed_in
from tests.places.booked import state_of
from tests.places.managers.requests import (
    MANAGER,
    answer,
    approval_of,
    asking_session,
    mails,
    requested,
)

pytestmark = pytest.mark.django_db


# --- another manager ---


def test_a_manager_who_has_an_account_needs_no_second_step_to_answer(
    settings: Any, practitioner: User
) -> None:
    settings.TWO_STEP_REQUIRED = True
    booking = requested(practitioner)
    manager = signed_in(make_person(is_agency_lead=True))
    path = links.approval_path(approval_of(booking).key)
    assert manager.get("/bookings/").status_code == 302
    assert manager.get(path).status_code == 200
    assert manager.post(path, {"answer": "agree"}).headers["Location"] == path
    assert state_of(booking) == Booking.State.CONFIRMED


def test_the_link_is_kept_nowhere_once_the_mail_has_left(
    practitioner: User, smtp_sink: SmtpSink
) -> None:
    booking = requested(practitioner)
    path = links.approval_path(approval_of(booking).key)
    office = SmtpConnection()
    while deliver(compose=compose, post=office):
        pass
    office.close()
    [mail] = [each for each in smtp_sink.messages() if MANAGER in each.recipients]
    assert path in mail.message.get_body(("plain",)).get_content()  # type: ignore[union-attr]
    message = Message.objects.get(topic="approval.asked")
    assert (message.state, message.mime) == (Message.State.SENT, None)
    assert Message.objects.get(topic="booking.requested").mime is not None


def test_another_manager_is_asked_and_the_old_link_is_dead(practitioner: User) -> None:
    booking = requested(practitioner)
    before = approval_of(booking)
    browser = signed_in(practitioner)
    address = reverse("change_manager", args=[booking.pk])
    assert browser.get(address).status_code == 200
    response = browser.post(address, {"manager_email": "New.Boss@trust.example"})
    assert response.headers["Location"] == booking.get_absolute_url()
    after = approval_of(booking)
    assert after.manager_email == "new.boss@trust.example"
    assert after.expires_at == before.expires_at, "naming another keeps no place for longer"
    assert mails("approval.asked") == [MANAGER, "new.boss@trust.example"]
    old = Client().post(links.approval_path(before.key), {"answer": "agree"})
    assert old.status_code == 410
    assert "Priya" not in old.content.decode()
    with pytest.raises(AlreadyAnswered):
        answering.approve(approval=before, now=timezone.now())
    assert state_of(booking) == Booking.State.REQUESTED
    assert answer(booking, answer="agree")[0] == 302
    assert state_of(booking) == Booking.State.CONFIRMED


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        ("", "Give your line manager’s work email address"),
        ("no address", "in the right form"),
        ("priya@trust.example", "somebody else"),
    ],
)
def test_an_address_that_cannot_be_is_refused_in_place(
    practitioner: User, typed: str, words: str
) -> None:
    booking = requested(practitioner)
    browser = signed_in(practitioner)
    response = browser.post(reverse("change_manager", args=[booking.pk]), {"manager_email": typed})
    assert response.status_code == 422
    assert words in response.content.decode()
    assert approval_of(booking).manager_email == MANAGER


def test_another_manager_is_asked_although_nothing_reaches_the_one_before(
    practitioner: User,
) -> None:
    booking = requested(practitioner)
    [parked] = Message.objects.filter(topic="approval.asked")
    Message.objects.update(state=Message.State.PARKED, last_error="550 5.1.1 No such person")
    asking.change_manager(
        booking=booking, manager_email="boss2@trust.example", by=practitioner, now=timezone.now()
    )
    [asked] = Message.objects.claimable(now=timezone.now())
    assert (asked.topic, asked.to_email) == ("approval.asked", "boss2@trust.example")
    assert parked.stream != asked.stream


def test_once_answered_the_manager_cannot_be_changed(practitioner: User) -> None:
    booking = requested(practitioner)
    answer(booking, answer="agree")
    browser = signed_in(practitioner)
    response = browser.post(
        reverse("change_manager", args=[booking.pk]), {"manager_email": "x@trust.example"}
    )
    assert response.status_code == 409
    assert approval_of(booking).manager_email == MANAGER


def test_nobody_else_changes_the_manager(practitioner: User) -> None:
    booking = requested(practitioner)
    stranger = signed_in(make_person())
    address = reverse("change_manager", args=[booking.pk])
    assert stranger.get(address).status_code == 404
    assert stranger.post(address, {"manager_email": "x@y.org"}).status_code == 404
    assert Client().get(address).status_code == 302


# --- booking ---


def test_the_book_page_asks_for_the_manager_where_it_must_be_known(practitioner: User) -> None:
    browser = signed_in(practitioner)
    session = asking_session()
    address = reverse("book", args=[session.pk])
    assert "manager_email" in browser.get(address).content.decode()
    plain = make_session(starts_at=morning(30))
    other = browser.get(reverse("book", args=[plain.pk])).content.decode()
    assert "manager_email" not in other
    for typed, words in (
        ("", "Give your line manager’s work email address"),
        ("x", "in the right form"),
        (practitioner.email, "somebody else"),
    ):
        response = browser.post(address, {"manager_email": typed, "needs": "A hearing loop"})
        assert response.status_code == 422
        assert words in response.content.decode()
        assert "A hearing loop" in response.content.decode()
    response = browser.post(address, {"manager_email": MANAGER, "needs": ""})
    booking = Booking.objects.get()
    assert response.headers["Location"] == booking.get_absolute_url()
    page = browser.get(booking.get_absolute_url()).content.decode()
    assert "A place is held for you" in page
    assert MANAGER in page


def test_the_usual_manager_is_filled_in(practitioner: User) -> None:
    practitioner.manager_email = MANAGER
    practitioner.save()
    browser = signed_in(practitioner)
    page = browser.get(reverse("book", args=[asking_session().pk])).content.decode()
    assert f'value="{MANAGER}"' in page


def test_somebody_new_must_name_the_manager_too() -> None:
    newcomer = make_person(first_name="", last_name="", job_title="")
    browser = signed_in(newcomer)
    address = reverse("book", args=[asking_session().pk])
    told = {"first_name": "Zoe", "last_name": "Li", "job_title": "Nurse"}
    agency = {"agency": str(newcomer.agency_id)}
    response = browser.post(address, {**told, **agency})
    assert response.status_code == 422
    assert "Give your line manager’s work email address" in response.content.decode()
    response = browser.post(address, {**told, **agency, "manager_email": "boss@x.example"})
    assert response.status_code == 302
    assert Booking.objects.get().state == Booking.State.REQUESTED


# --- a coordinator confirms the address ---


def test_an_unknown_address_is_asked_once_a_coordinator_has_confirmed_it(
    practitioner: User, coordinator: Client
) -> None:
    booking = requested(practitioner, manager_email="boss@elsewhere.example")
    assert mails("approval.asked") == []
    path = links.approval_path(approval_of(booking).key)
    assert Client().post(path, {"answer": "agree"}).status_code == 410
    needs = coordinator.get("/manage/").context["desk_navigation"].needs
    assert [(kind.name, number) for kind, number in needs] == [("managers", 1)]
    page = coordinator.get(reverse("manage_managers")).content.decode()
    assert "boss@elsewhere.example" in page
    address = reverse("manage_manager_confirm", args=[approval_of(booking).pk])
    assert coordinator.get(address).status_code == 405
    assert coordinator.post(address).status_code == 302
    assert mails("approval.asked") == ["boss@elsewhere.example"]
    assert coordinator.post(address).status_code == 302, "a second press does no harm"
    assert mails("approval.asked") == ["boss@elsewhere.example"]
    assert "addresses to confirm" not in coordinator.get("/manage/").content.decode()
    assert answer(booking, answer="agree")[0] == 302


def test_an_address_that_is_not_confirmed_ends_the_request_with_the_reason(
    practitioner: User, coordinator: Client
) -> None:
    booking = requested(practitioner, manager_email="boss@elsewhere.example")
    address = reverse("manage_manager_decline", args=[approval_of(booking).pk])
    assert coordinator.get(address).status_code == 200
    assert coordinator.post(address, {"reason": ""}).status_code == 422
    assert state_of(booking) == Booking.State.REQUESTED
    assert coordinator.post(address, {"reason": "A private address"}).status_code == 302
    assert state_of(booking) == Booking.State.DECLINED
    [message] = Message.objects.filter(topic="booking.not_agreed")
    assert message.payload["by_coordinator"] is True
    assert message.payload["why"] == "A private address"
    assert coordinator.get(address).status_code == 302
    late = coordinator.post(address, {"reason": "Nobody knows it"})
    assert late.status_code == 409
    assert "This address has been settled" in late.text
    assert "Nobody knows it" in late.text


def test_only_coordinators_confirm_addresses(practitioner: User) -> None:
    booking = requested(practitioner, manager_email="boss@elsewhere.example")
    client = signed_in(practitioner)
    key = approval_of(booking).pk
    assert client.get(reverse("manage_managers")).status_code == 404
    for view in ("manage_manager_confirm", "manage_manager_decline"):
        assert client.post(reverse(view, args=[key]), {"reason": "x"}).status_code == 404
    assert approval_of(booking).state == Approval.State.UNCONFIRMED
