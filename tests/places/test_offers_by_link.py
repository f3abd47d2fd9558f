"""An offer's link: it shows the offer, takes one answer without signing in, and dies with it."""

from datetime import datetime, timedelta

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts.models import User
from booking.catalogue.models import Session
from booking.outbox.models import Message
from booking.places import actions, links
from booking.places.changing import answering
from booking.places.models import Booking
from booking.places.sweep import sweep
from tests.factories import (
    make_agency,
    make_claimant,
    make_course,
    make_person,
    make_policy,
    make_session,
    morning,
)
from tests.people import at_once, book, book_now, give_up, signed_in
from tests.places.booked import state_of

pytestmark = pytest.mark.django_db


def offered(person: User | None = None, **fields: object) -> Booking:
    """A place on offer, because somebody gave theirs up."""
    fields.setdefault("starts_at", morning(30))
    session = make_session(capacity=1, promotion=Session.Promotion.OFFER, **fields)  # type: ignore[arg-type]
    holder, person, now = make_person(), person or make_person(), timezone.now()
    held = book(session, holder, now=now)
    booking = book(session, person, now=now)
    actions.cancel(booking=held, by=holder, now=now)
    booking.refresh_from_db()
    assert booking.state == Booking.State.OFFERED
    return booking


def path_of(booking: Booking) -> str:
    assert booking.offered_until is not None
    return links.offer_path(booking.pk, booking.offered_until)


def test_looking_shows_the_offer_and_answers_nothing() -> None:
    booking = offered()
    for ask in (Client().get, Client().head):
        response = ask(path_of(booking))
        assert response.status_code == 200
        assert "no-store" in response["Cache-Control"]
        assert response["Referrer-Policy"] == "strict-origin"
        assert "noindex" in response["X-Robots-Tag"]
    page = Client().get(path_of(booking)).content.decode()
    assert booking.session.course.title in page
    assert booking.person.email not in page
    assert booking.person.last_name not in page.split("<main")[1]
    assert state_of(booking) == Booking.State.OFFERED


def test_accepting_gives_the_place_without_signing_in() -> None:
    booking = offered()
    response = Client().post(path_of(booking), {"answer": "accept"})
    assert (response.status_code, response.headers["Location"]) == (302, path_of(booking))
    assert state_of(booking) == Booking.State.CONFIRMED
    assert Message.objects.filter(topic="booking.promoted", to_email=booking.person.email).exists()
    assert "The place is yours" in Client().get(path_of(booking)).content.decode()
    again = Client().post(path_of(booking), {"answer": "decline"})
    assert again.status_code == 409
    assert state_of(booking) == Booking.State.CONFIRMED
    event = booking.events.get(what="accepted")
    assert event.by_id == booking.person_id


def test_declining_passes_the_place_on() -> None:
    booking = offered()
    waiting = book_now(booking.session)
    assert Client().post(path_of(booking), {"answer": "decline"}).status_code == 302
    assert state_of(booking) == Booking.State.DECLINED
    assert state_of(waiting) == Booking.State.OFFERED
    assert "not taking this place" in Client().get(path_of(booking)).content.decode()


@pytest.mark.parametrize("is_swept", [False, True], ids=["just run out", "taken back"])
def test_an_offer_that_ran_out_says_so(is_swept: bool) -> None:
    booking = offered()
    over = timezone.now() - timedelta(seconds=1)
    Booking.objects.filter(pk=booking.pk).update(offered_until=over)
    booking.refresh_from_db()
    if is_swept:
        sweep(now=timezone.now())
    for response in (
        Client().get(path_of(booking)),
        Client().post(path_of(booking), {"answer": "accept"}),
    ):
        assert response.status_code == 410
        assert "This offer has run out" in response.content.decode()
    assert state_of(booking) == (Booking.State.LAPSED if is_swept else Booking.State.OFFERED)


def test_a_link_answers_no_other_offer_of_the_same_booking() -> None:
    booking = offered()
    old = path_of(booking)
    later = (booking.offered_until or timezone.now()) + timedelta(hours=1)
    Booking.objects.filter(pk=booking.pk).update(offered_until=later)
    response = Client().post(old, {"answer": "accept"})
    assert response.status_code == 410
    assert state_of(booking) == Booking.State.OFFERED


def test_a_link_is_dead_once_the_booking_has_ended_and_after_the_start() -> None:
    booking = offered()
    answering.accept_offer(booking=booking, by=booking.person, now=timezone.now())
    give_up(booking, now=timezone.now())
    assert Client().get(path_of(booking)).status_code == 410
    other = offered()
    Session.objects.filter(pk=other.session_id).update(starts_at=timezone.now())
    assert Client().post(path_of(other), {"answer": "accept"}).status_code == 410
    assert state_of(other) == Booking.State.OFFERED


def test_links_that_we_did_not_make_are_not_found() -> None:
    booking, other = offered(), offered()
    token = path_of(booking).split("/")[-2]
    _, _, signature = token.rpartition(".")
    foreign = path_of(other).split("/")[-2].rpartition(".")[0]
    approval_token = links.approval_path(token.rpartition(".")[0]).split("/")[-2]
    for bad in (
        token[:-1] + ("A" if token[-1] != "A" else "B"),
        f"{foreign}.{signature}",
        approval_token,
        token.rpartition(".")[0],
        "x",
        "1-2.x",
        "%00",
    ):
        for method in ("get", "post"):
            response = getattr(Client(), method)(f"/offers/{bad}/", {"answer": "accept"})
            assert response.status_code == 404, bad
    gone = links.offer_path(999_999, timezone.now())
    assert Client().get(gone).status_code == 404
    assert state_of(booking) == state_of(other) == Booking.State.OFFERED


def test_an_answer_that_is_none_is_refused_in_words() -> None:
    booking = offered()
    for fields in ({}, {"answer": "perhaps"}):
        response = Client().post(path_of(booking), fields)
        assert response.status_code == 422
        assert "Press “Accept the place” or “Decline it”." in response.content.decode()


def test_an_answer_from_another_site_is_refused() -> None:
    booking = offered()
    strict = Client(enforce_csrf_checks=True)
    assert strict.post(path_of(booking), {"answer": "accept"}).status_code == 403


def test_a_clash_is_shown_and_refused() -> None:
    starts = morning(30)
    person = make_person()
    booking = offered(person, starts_at=starts)
    other = make_session(course=make_course(title="Neglect"), starts_at=starts)
    # The offer holds a place at that time, so only somebody else's hand can bring it about.
    Booking.objects.filter(pk=booking.pk).update(state=Booking.State.LAPSED)
    book_now(other, person)
    Booking.objects.filter(pk=booking.pk).update(state=Booking.State.OFFERED)
    page = Client().get(path_of(booking)).content.decode()
    assert "overlaps: Neglect" in page
    assert 'value="accept"' not in page
    response = Client().post(path_of(booking), {"answer": "accept"})
    assert response.status_code == 409
    assert "overlaps with one you have booked: Neglect" in response.content.decode()
    assert state_of(booking) == Booking.State.OFFERED


def test_the_page_says_what_cancelling_will_cost() -> None:
    policy = make_policy(late=3500)
    soon = offered(policy=policy, starts_at=timezone.now() + timedelta(days=2))
    assert "no longer be free: it costs £35" in Client().get(path_of(soon)).content.decode()
    later = offered(policy=policy)
    assert "After that it costs £35" in Client().get(path_of(later)).content.decode()


@pytest.mark.django_db(transaction=True)
def test_accepting_and_declining_at_once_gives_one_answer() -> None:
    for _ in range(6):
        booking, now = offered(), timezone.now()

        def accept(booking: Booking = booking, now: datetime = now) -> Booking:
            return answering.accept_offer(booking=booking, by=booking.person, now=now)

        def decline(booking: Booking = booking, now: datetime = now) -> Booking:
            return answering.decline_offer(booking=booking, by=booking.person, now=now)

        outcomes = at_once(accept, decline, accept)
        assert outcomes.count("done") == 1
        assert set(outcomes) <= {"done", "NothingOffered"}
        assert booking.events.filter(what__in=["accepted", "declined"]).count() == 1


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({}, "Press “Accept the place” or “Decline it”."),
        ({"answer": ""}, "Press “Accept the place” or “Decline it”."),
        ({"answer": "perhaps"}, "Press “Accept the place” or “Decline it”."),
        ({"answer": "accept", "manager_email": "nonsense"}, "Enter an email address"),
    ],
)
def test_no_answer_on_the_booking_page_neither_accepts_nor_declines(
    fields: dict[str, str], sentence: str
) -> None:
    booking = offered()
    browser = signed_in(booking.person)
    page = browser.post(reverse("answer_offer", args=[booking.pk]), fields, follow=True)
    assert sentence in page.content.decode()
    assert state_of(booking) == Booking.State.OFFERED


def test_somebody_whose_manager_is_not_known_names_them_on_the_page() -> None:
    booking = offered()
    booking.session.course.needs_manager_approval = True
    booking.session.course.save()
    browser = signed_in(booking.person)
    sent_on = browser.post(reverse("answer_offer", args=[booking.pk]), {"answer": "accept"})
    assert sent_on.headers["Location"] == path_of(booking)
    response = Client().post(path_of(booking), {"answer": "accept", "manager_email": ""})
    assert response.status_code == 422
    assert "needs your line manager" in response.content.decode()
    assert 'name="manager_email"' in response.content.decode()
    assert state_of(booking) == Booking.State.OFFERED
    answer = {"answer": "accept", "manager_email": "boss@x.example"}
    assert Client().post(path_of(booking), answer).status_code == 302
    assert state_of(booking) == Booking.State.REQUESTED
    page = Client().get(path_of(booking)).text
    assert "for your line manager to agree" in page
    assert "whom you work for" not in page


def test_a_place_held_for_the_agency_alone_speaks_of_no_manager() -> None:
    booking = offered(make_claimant(agency=make_agency()), agency_limit=1)
    Client().post(path_of(booking), {"answer": "accept"})
    assert state_of(booking) == Booking.State.REQUESTED
    page = Client().get(path_of(booking)).text
    assert "for it to be confirmed whom you work for" in page
    assert "manager" not in page.split("<main")[1]
