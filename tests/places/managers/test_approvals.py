"""The line manager's agreement: who is asked and when, what their link does and does not do."""

from datetime import timedelta
from functools import partial

import pytest
from django.test import Client
from django.utils import timezone

from accounts.models import User
from booking.catalogue.models import Session
from booking.outbox.models import Message
from booking.places import actions, links
from booking.places.changing import answering
from booking.places.events import BookingEvent
from booking.places.managers.models import Approval
from booking.places.models import Booking
from booking.places.sweep import sweep
from tests.factories import make_agency, make_person
from tests.mail.letters import part, read, written
from tests.people import at_once, book_now
from tests.places.booked import state_of
from tests.places.managers.requests import MANAGER, answer, approval_of, requested

pytestmark = pytest.mark.django_db


# --- the manager's page ---


def test_the_page_says_who_asks_what_and_looking_answers_nothing(practitioner: User) -> None:
    booking = requested(practitioner)
    path = links.approval_path(approval_of(booking).key)
    for ask in (Client().get, Client().head):
        response = ask(path)
        assert response.status_code == 200
    page = Client().get(path).content.decode()
    for words in ("Priya Ahmed", "Health visitor", "Leeds Health Trust", "Working Together"):
        assert words in page
    assert booking.get_absolute_url() not in page
    assert practitioner.email not in page
    assert approval_of(booking).state == Approval.State.ASKED
    assert state_of(booking) == Booking.State.REQUESTED


def test_somebody_without_a_name_is_asked_about_by_their_address() -> None:
    agency = make_agency(domains=["trust.example"])
    nameless = make_person("new@trust.example", first_name="", last_name="", agency=agency)
    booking = requested(nameless)
    page = Client().get(links.approval_path(approval_of(booking).key)).text
    assert "Do you agree that new@trust.example attends" in page
    assert "new@trust.example gave your address" in page
    letter = part(read(written(Message.objects.get(topic="approval.asked"))), "text/plain")
    assert "that new@trust.example attends" in letter
    assert "Their address is new@trust.example" in letter


def test_agreeing_confirms_the_place_and_sends_the_invitation(practitioner: User) -> None:
    booking = requested(practitioner)
    status, _ = answer(booking, answer="agree", reason="")
    assert status == 302
    assert state_of(booking) == Booking.State.CONFIRMED
    [message] = Message.objects.filter(topic="booking.promoted")
    assert message.payload["because"] == f"{MANAGER} agreed."
    assert "event" in message.payload
    page = Client().get(links.approval_path(approval_of(booking).key)).content.decode()
    assert "You have agreed" in page
    assert "<form" not in page.split("<main")[1]


def test_not_agreeing_needs_a_reason_and_tells_it(practitioner: User) -> None:
    booking = requested(practitioner, capacity=1)
    waiting = book_now(booking.session, manager_email="m@x.org")
    status, page = answer(booking, answer="decline", reason="  ")
    assert status == 422
    assert "Say why you do not agree" in page
    assert state_of(booking) == Booking.State.REQUESTED
    status, _ = answer(booking, answer="decline", reason="Short of staff")
    assert status == 302
    assert state_of(booking) == Booking.State.DECLINED
    assert state_of(waiting) == Booking.State.REQUESTED
    [message] = Message.objects.filter(topic="booking.not_agreed")
    assert (message.to_email, message.payload["why"]) == (practitioner.email, "Short of staff")


def test_what_was_typed_is_kept_when_no_button_was_pressed(practitioner: User) -> None:
    status, page = answer(requested(practitioner), reason="Because <b>")
    assert status == 422
    assert "Because &lt;b&gt;" in page
    assert "I do not agree" in page


def test_a_reason_that_is_too_long_is_refused_with_a_sentence(practitioner: User) -> None:
    status, page = answer(requested(practitioner), answer="agree", reason="x" * 401)
    assert status == 422
    assert "Use 400 characters or fewer" in page


@pytest.mark.parametrize("second", ["agree", "decline"])
def test_a_second_answer_changes_nothing(practitioner: User, second: str) -> None:
    booking = requested(practitioner)
    answer(booking, answer="agree")
    status, page = answer(booking, answer=second, reason="No")
    assert status == 409
    assert "You have agreed" in page
    assert "You had answered already when you pressed." in page
    assert state_of(booking) == Booking.State.CONFIRMED


def test_who_agrees_after_a_refusal_reads_that_it_did_not_count(practitioner: User) -> None:
    booking = requested(practitioner)
    answer(booking, answer="decline", reason="Short of staff")
    status, page = answer(booking, answer="agree")
    assert status == 409
    assert "You have not agreed" in page
    assert "The first answer counts, and this one has changed nothing." in page
    looked = Client().get(links.approval_path(approval_of(booking).key)).text
    assert "changed nothing" not in looked


def test_an_answer_that_comes_too_late_is_told_so(practitioner: User) -> None:
    booking = requested(practitioner)
    Approval.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    path = links.approval_path(approval_of(booking).key)
    looked = Client().get(path)
    assert looked.status_code == 410
    assert "The time to answer is over" in looked.content.decode()
    status, page = answer(booking, answer="agree")
    assert status == 410
    assert "The time to answer is over" in page
    assert state_of(booking) == Booking.State.REQUESTED
    sweep(now=timezone.now())
    assert state_of(booking) == Booking.State.LAPSED
    assert Client().get(path).status_code == 410


def test_a_request_that_was_taken_back_shows_nothing_any_more(practitioner: User) -> None:
    booking = requested(practitioner)
    actions.cancel(booking=booking, by=practitioner, now=timezone.now())
    status, page = answer(booking, answer="agree")
    assert status == 410
    assert "not needed any more" in page
    assert "Priya" not in page
    assert "Working Together" not in page


def test_once_the_session_has_begun_even_an_answer_shows_nothing(practitioner: User) -> None:
    booking = requested(practitioner)
    answer(booking, answer="agree")
    Session.objects.update(starts_at=timezone.now() - timedelta(minutes=1))
    response = Client().get(links.approval_path(approval_of(booking).key))
    assert response.status_code == 410
    assert "Priya" not in response.content.decode()


def test_links_that_we_did_not_make_are_not_found(practitioner: User) -> None:
    booking = requested(practitioner)
    good = links.approval_path(approval_of(booking).key)
    token = good.split("/")[-2]
    offer_token = links.offer_path(booking.pk, timezone.now()).split("/")[-2]
    for bad in (
        token[:-1] + ("A" if token[-1] != "A" else "B"),
        approval_of(booking).key,
        f"{approval_of(booking).key}.",
        token.replace(".", ":"),
        offer_token,
        "x",
        "%00",
        "é.é",
    ):
        for method in ("get", "post"):
            response = getattr(Client(), method)(f"/approvals/{bad}/", {"answer": "agree"})
            assert response.status_code == 404, bad
    assert state_of(booking) == Booking.State.REQUESTED


def test_the_page_is_kept_from_caches_referrers_and_search_engines(practitioner: User) -> None:
    response = Client().get(links.approval_path(approval_of(requested(practitioner)).key))
    assert "no-store" in response["Cache-Control"]
    assert response["Referrer-Policy"] == "strict-origin"
    assert "noindex" in response["X-Robots-Tag"]


def test_an_answer_from_another_site_is_refused(practitioner: User) -> None:
    booking = requested(practitioner)
    path = links.approval_path(approval_of(booking).key)
    strict = Client(enforce_csrf_checks=True)
    assert strict.post(path, {"answer": "agree"}).status_code == 403
    assert state_of(booking) == Booking.State.REQUESTED


def test_one_address_cannot_try_links_without_end(settings, practitioner: User) -> None:  # type: ignore[no-untyped-def]
    path = links.approval_path(approval_of(requested(practitioner)).key)
    settings.RATE_LIMIT_FACTOR = 0.1
    client = Client(REMOTE_ADDR="192.0.2.7")
    # More than twice as many as a minute allows, should one end meanwhile.
    statuses = [client.get(path).status_code for _ in range(25)]
    assert statuses[0] == 200
    assert 429 in statuses
    assert Client(REMOTE_ADDR="192.0.2.8").get(path).status_code == 200


@pytest.mark.django_db(transaction=True)
def test_two_answers_at_once_give_one() -> None:
    agency = make_agency(domains=["trust.example"])
    for number in range(8):
        person = make_person(f"p{number}@trust.example", agency=agency)
        booking = requested(person)
        asked, now = approval_of(booking), timezone.now()
        agree = partial(answering.approve, approval=asked, now=now)
        decline = partial(answering.refuse_approval, approval=asked, now=now, reason="No")
        outcomes = at_once(agree, decline, agree)
        assert sorted(outcomes) == ["AlreadyAnswered", "AlreadyAnswered", "done"]
        decided = (BookingEvent.What.APPROVED, BookingEvent.What.REFUSED)
        assert booking.events.filter(what__in=decided).count() == 1
        answered = Message.objects.filter(
            booking=booking, topic__in=["booking.promoted", "booking.not_agreed"]
        )
        assert answered.count() == 1
