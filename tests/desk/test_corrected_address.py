"""Correcting the address of somebody's own message corrects their account too, or it is refused."""

from datetime import timedelta
from typing import Any

import pytest
from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from django.contrib.auth import SESSION_KEY
from django.core.mail import send_mail
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts import failing
from accounts.actions import person_for_sign_in
from accounts.models import User
from booking.calendars.actions import new_feed
from booking.calendars.models import CalendarFeed
from booking.outbox.models import ACCOUNT_MAIL, Message
from booking.places import actions
from tests.accounts.signing_in import ask_for_code, code_for, sign_in
from tests.factories import (
    NOW,
    make_coordinator,
    make_lead,
    make_person,
    make_session,
    make_trainer,
    morning,
)
from tests.pages import said
from tests.people import book_now, signed_in

pytestmark = pytest.mark.django_db

State = Message.State
OLD, NEW = "typo@agency.example", "right@agency.example"


def refused_confirmation(
    person: User, *, days: int = 30, last_error: str = "550 5.1.1 No such person"
) -> Message:
    """A confirmation that the mail server refused for good."""
    session = make_session(starts_at=morning(days))
    book_now(session, person)
    message = Message.objects.get(topic="booking.confirmed", booking__session=session)
    Message.objects.filter(pk=message.pk).update(
        state=State.PARKED, attempts=1, mime=b"x", last_error=last_error
    )
    return message


def correct(message: Message, to_email: str = NEW, by: User | None = None) -> Any:
    browser = signed_in(by or make_coordinator(first_name="Cora", last_name="Lane"))
    return browser.post(
        reverse("manage_message_address", args=[message.pk]),
        {"to_email": to_email, "why": "Typing error"},
    )


def test_all_later_mail_goes_to_the_corrected_address_where_the_person_signs_in() -> None:
    person, own = make_person(OLD), Client()
    sign_in(own, OLD)
    Message.objects.update(state=State.SENT)
    failing.mark_failing(email=OLD, why="No such person", now=timezone.now())
    assert own.get(reverse("my_bookings")).status_code == 200
    message = refused_confirmation(person)
    assert "Their account has this address now" in said(correct(message, "Right@Agency.example"))
    person.refresh_from_db()
    assert (person.email, person.mail_failing_since) == (NEW, None)
    [address] = EmailAddress.objects.filter(user=person)
    assert (address.email, address.primary, address.verified) == (NEW, True, False)
    # Whoever was signed in is out, and comes in again with a code sent to the new address.
    assert own.get(reverse("my_bookings")).status_code == 302
    assert message.booking is not None
    actions.cancel(booking=message.booking, by=person, now=timezone.now())
    cancelled = Message.objects.get(topic="booking.cancelled")
    assert cancelled.to_email == NEW
    sign_in(own, NEW)
    assert own.get(reverse("my_bookings")).wsgi_request.user == person
    address.refresh_from_db()
    assert address.verified
    event = message.events.get()
    assert str(event.by) == "Cora Lane"
    assert event.why == f"The account too. From {OLD} to {NEW}. Typing error"


def test_what_else_waits_for_them_goes_along_but_no_code_and_no_link() -> None:
    person = make_person(OLD)
    message, other = refused_confirmation(person), refused_confirmation(person, days=31)
    handed_over = refused_confirmation(person, days=32, last_error="TimeoutError: ")
    Message.objects.filter(pk=handed_over.pk).update(handed_over=True)
    stranger = refused_confirmation(make_person())
    offer = refused_confirmation(person, days=33)
    Message.objects.filter(pk=offer.pk).update(topic="booking.offered")
    send_mail("Your code", "The code is BCD-FGH.", None, [OLD])
    words = said(correct(message))
    assert f"2 messages will be sent to {NEW}" in words
    assert "Not sent, because it holds a link only they may use: Offer of a place" in words
    for each, email, state in (
        (message, NEW, State.WAITING),
        (other, NEW, State.WAITING),
        (handed_over, OLD, State.PARKED),
        (stranger, stranger.to_email, State.PARKED),
        (offer, OLD, State.DROPPED),
        (Message.objects.get(topic=ACCOUNT_MAIL), OLD, State.DROPPED),
    ):
        each.refresh_from_db()
        assert (each.to_email, each.state) == (email, state)
        assert each.mime is None or state == State.PARKED


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({}, 0),
        ({"last_error": "", "attempts": 0}, 1),
        ({"last_error": "554 5.7.1 It looks like spam"}, 1),
        # It is our own address that the server does not like.
        ({"last_error": "550 5.1.8 Sender address has bad system address"}, 1),
        # A report that came by mail, which anybody may have written.
        ({"last_error": "5.1.1 No such person", "state": State.SENT, "bounced_at": NOW}, 1),
    ],
)
def test_the_old_address_is_told_unless_there_is_none(changes: dict[str, Any], told: int) -> None:
    message = refused_confirmation(make_person(OLD))
    Message.objects.filter(pk=message.pk).update(**changes)
    if "bounced_at" in changes:
        failing.mark_failing(email=OLD, why="5.1.1 No such person", now=NOW)
    correct(message)
    notices = Message.objects.filter(topic=ACCOUNT_MAIL, to_email=OLD, state=State.WAITING)
    assert notices.count() == told
    for notice in notices:
        text = bytes(notice.mime or b"").decode()
        assert "was changed" in text
        assert NEW not in text


def test_the_address_of_another_account_is_refused() -> None:
    other = make_person(NEW)
    person = make_person(OLD)
    message = refused_confirmation(person)
    answer = correct(message)
    assert answer.status_code == 422
    assert "This address belongs to another account." in answer.content.decode()
    assert f"/people/{other.pk}/merge/?other={person.pk}" in answer.content.decode()
    assert "Typing error" in answer.content.decode()
    for each in (person, other, message):
        each.refresh_from_db()
    assert (person.email, other.email, message.state) == (OLD, NEW, State.PARKED)


def test_an_account_begun_there_and_never_confirmed_makes_way() -> None:
    person = make_person(OLD)
    person_for_sign_in(email=NEW)
    message = refused_confirmation(person)
    assert correct(message).status_code == 302
    assert User.objects.get(email=NEW) == person


def test_an_account_made_by_hand_for_a_trainer_does_not_make_way() -> None:
    message = refused_confirmation(make_person(OLD))
    trainer = person_for_sign_in(email=NEW)
    User.objects.filter(pk=trainer.pk).update(is_trainer=True)
    assert correct(message).status_code == 422
    assert User.objects.get(email=NEW) == trainer


def test_no_way_in_is_left_to_a_stranger_at_the_wrong_address() -> None:
    person = make_person(OLD)
    for kind in Authenticator.Type:
        Authenticator.objects.create(user=person, type=kind, data={})
    person.set_password("a stranger's own words")
    person.save()
    tokens = [new_feed(person=person, now=NOW, kind=kind) for kind in CalendarFeed.Kind]
    assert correct(refused_confirmation(person)).status_code == 302
    person.refresh_from_db()
    assert not person.has_usable_password()
    assert not Authenticator.objects.exists()
    assert len(tokens) > 1
    assert not CalendarFeed.objects.live().exists()


def test_a_code_sent_to_the_old_address_opens_nothing_any_more() -> None:
    person, stranger = make_person(OLD), Client()
    ask_for_code(stranger, OLD)
    code = code_for(OLD)
    correct(refused_confirmation(person))
    answer = stranger.post(reverse("account_confirm_login_code"), {"code": code})
    assert answer.headers["Location"] == reverse("account_login")
    page = stranger.get(reverse("account_login")).content.decode()
    assert "The email address of this account has been changed." in page
    assert stranger.get(reverse("my_bookings")).status_code == 302
    person.refresh_from_db()
    assert person.email == NEW
    [address] = EmailAddress.objects.filter(user=person)
    assert (address.email, address.verified) == (NEW, False)
    sign_in(Client(), NEW)


def test_another_code_to_the_old_address_is_for_an_account_of_its_own() -> None:
    person, stranger = make_person(OLD), Client()
    ask_for_code(stranger, OLD)
    correct(refused_confirmation(person))
    stranger.post(reverse("account_confirm_login_code"), {"action": "resend"})
    stranger.post(reverse("account_confirm_login_code"), {"code": code_for(OLD)})
    theirs = User.objects.get(email=OLD)
    assert stranger.session[SESSION_KEY] == str(theirs.pk)
    assert theirs != person


@pytest.mark.parametrize("has_app", [True, False])
def test_who_sees_others_keeps_an_authenticator_app_and_no_passkey(*, has_app: bool) -> None:
    person = make_coordinator(email=OLD)
    kinds = Authenticator.Type
    for kind in (kinds.WEBAUTHN, kinds.RECOVERY_CODES, *([kinds.TOTP] if has_app else [])):
        Authenticator.objects.create(user=person, type=kind, data={})
    person.set_password("a stranger's own words")
    person.save()
    message = refused_confirmation(person)
    assert correct(message, by=make_coordinator(is_superuser=True)).status_code == 302
    left = set(Authenticator.objects.filter(user=person).values_list("type", flat=True))
    assert left == ({kinds.TOTP, kinds.RECOVERY_CODES} if has_app else set())
    person.refresh_from_db()
    assert not person.has_usable_password()


def test_what_a_worker_has_claimed_and_not_begun_goes_to_the_new_address_too() -> None:
    person = make_person(OLD)
    message, claimed, begun = (refused_confirmation(person, days=30 + n) for n in range(3))
    offer = refused_confirmation(person, days=35)
    lease = {"state": State.SENDING, "lease_until": timezone.now() + timedelta(seconds=30)}
    Message.objects.filter(pk__in=[claimed.pk, offer.pk]).update(**lease)
    Message.objects.filter(pk=begun.pk).update(**lease, handed_over=True)
    Message.objects.filter(pk=offer.pk).update(topic="booking.offered")
    correct(message)
    for each, email, state in (
        (claimed, NEW, State.WAITING),
        (begun, OLD, State.SENDING),
        (offer, OLD, State.DROPPED),
    ):
        each.refresh_from_db()
        assert (each.to_email, each.state) == (email, state)


def make_superuser(email: str) -> User:
    return make_person(email, is_superuser=True)


@pytest.mark.parametrize("make", [make_lead, make_trainer, make_coordinator, make_superuser])
def test_the_account_of_somebody_who_sees_others_is_for_superusers(make: Any) -> None:
    person = make(email=OLD)
    message = refused_confirmation(person)
    answer = correct(message)
    assert answer.status_code == 422
    assert "only a superuser can correct the address" in answer.content.decode()
    person.refresh_from_db()
    message.refresh_from_db()
    assert (person.email, message.state) == (OLD, State.PARKED)
    assert correct(message, by=make_coordinator(is_superuser=True)).status_code == 302
    person.refresh_from_db()
    assert person.email == NEW


def test_a_mailbox_that_several_read_is_refused() -> None:
    message = refused_confirmation(make_person(OLD))
    answer = correct(message, "office@agency.example")
    assert answer.status_code == 422
    assert "several people read" in answer.content.decode()


def test_the_address_of_a_copy_to_the_manager_changes_no_account() -> None:
    person = make_person(OLD)
    message = refused_confirmation(person)
    Message.objects.filter(pk=message.pk).update(recipient=None, to_email="boss@agency.example")
    assert "1 message will be sent" in said(correct(message))
    person.refresh_from_db()
    assert person.email == OLD


def test_the_form_says_what_else_changes() -> None:
    message = refused_confirmation(make_person(OLD, first_name="Zoe", last_name="Hart"))
    address = reverse("manage_message_address", args=[message.pk])
    coordinator = signed_in(make_coordinator())
    assert "address of the account of Zoe Hart" in coordinator.get(address).content.decode()
    Message.objects.filter(pk=message.pk).update(to_email="other@agency.example")
    page = coordinator.get(address).content.decode()
    assert "has another address already" in page
    assert "address of the account of Zoe Hart" not in page
