"""In the room: the code on the trainer's screen, and the ways to say that one is there."""

import re
from datetime import datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts.models import AccessRecord, User
from booking.attendance import in_room
from booking.attendance.in_room import Claim, code_of
from booking.attendance.joining import MOST_BROWSERS
from booking.attendance.models import Arrival
from booking.catalogue.models import Session
from booking.places import links
from booking.places.models import Booking
from booking.site.wording import deadline
from tests.factories import make_coordinator, make_person, make_session, make_trainer, morning
from tests.people import book_now, give_up, signed_in

pytestmark = pytest.mark.django_db
START = morning(20)


def in_hall(**fields: Any) -> tuple[Session, User, Booking]:
    """A session in a hall, its trainer, and somebody with a place."""
    trainer = make_trainer()
    session = make_session(starts_at=START, trainers=[trainer], **fields)
    return session, trainer, book_now(session)


def at(minutes: float = 0) -> Any:
    return time_machine.travel(START + timedelta(minutes=minutes), tick=False)


def screen(session: Session, trainer: User) -> Any:
    return signed_in(trainer).get(reverse("room_screen", args=[session.pk]))


def code_on(shown: Any) -> str:
    [code] = re.findall(r'app-room__code">([A-Z]{3} [A-Z]{3})<', shown.text)
    return str(code)


def seen_by(client: Client, code: str) -> str:
    """The page that a phone is led to which typed the code."""
    answer = client.post(reverse("room"), {"code": code})
    assert answer.status_code == 302, answer.text
    return str(answer.headers["Location"])


def test_the_screen_says_when_it_will_show_a_code() -> None:
    session, trainer, _ = in_hall()
    with at(-60):
        shown = screen(session, trainer).text
    opens = START - timedelta(minutes=15)
    assert f"The code is shown from {deadline(opens)}." in shown
    with at(24 * 60):
        assert "the session is over" in screen(session, trainer).text


def test_the_code_changes_every_minute_and_holds_for_the_next() -> None:
    session, trainer, _ = in_hall()
    with at(0.5):
        shown = screen(session, trainer)
        first = code_on(shown)
        assert shown.headers["Refresh"] == "30"
        assert "testserver/here/" in shown.text
        assert "data:image/svg+xml;base64," in shown.text
        assert code_on(screen(session, trainer)) == first
    with at(1.5):
        second = code_on(screen(session, trainer))
        assert second != first
        for code in (first, second, first.lower().replace(" ", "-")):
            assert seen_by(Client(), code).startswith("/here/")
    with at(2.5):
        answer = Client().post(reverse("room"), {"code": first})
        assert answer.status_code == 422
        assert "No session shows this code now" in answer.text
        assert f'value="{first}"' in answer.text
    other = make_session(starts_at=START)
    assert code_of(other, now=START) != code_of(session, now=START)


def test_no_code_is_good_before_or_after_the_session_or_of_one_that_is_cancelled() -> None:
    session, trainer, _ = in_hall()
    for minutes in (-16, 180 + 31):
        with at(minutes):
            assert "app-room__code" not in screen(session, trainer).text
            code = code_of(session, now=timezone.now())
            assert Client().post(reverse("room"), {"code": code}).status_code == 422
    with at(1):
        path = seen_by(Client(), code_of(session, now=timezone.now()))
        Session.objects.update(state=Session.State.CANCELLED)
        code = code_of(session, now=timezone.now())
        assert Client().post(reverse("room"), {"code": code}).status_code == 422
        assert Client().get(path).status_code == 404


def test_whoever_is_signed_in_presses_once_and_looking_marks_nobody() -> None:
    session, _, booking = in_hall()
    with at(4):
        browser = signed_in(booking.person)
        code = code_of(session, now=timezone.now())
        led = browser.get(reverse("room"), {"code": code})
        path = led.headers["Location"]
        assert "I am here" in browser.get(path).text
        assert not Arrival.objects.exists()
        assert "It is noted that you are here" in browser.post(path, {"who": "me"}).text
        browser.post(path, {"who": "me"})
        arrival = Arrival.objects.get()
        assert (arrival.booking, arrival.at) == (booking, timezone.now())
        assert arrival.sitting.session == session
    with at(30):
        assert browser.get(path).status_code == 410
        assert Arrival.objects.counting().count() == 1


def test_somebody_without_a_place_is_sent_to_the_trainer() -> None:
    session, _, booking = in_hall()
    give_up(booking, now=timezone.now())
    for person in (booking.person, make_person()):
        with at(2):
            browser = signed_in(person)
            path = seen_by(browser, code_of(session, now=timezone.now()))
            assert "Speak to the trainer" in browser.get(path).text
            refused = browser.post(path, {"who": "me"})
            assert refused.status_code == 409
            assert "You have no certain place" in refused.text
            assert refused.text.count("Speak to the trainer") == 1
    assert not Arrival.objects.exists()


def test_signing_in_leads_back_to_the_room() -> None:
    session, *_ = in_hall()
    with at(2):
        browser = Client()
        path = seen_by(browser, code_of(session, now=timezone.now()))
        assert f"{reverse('account_login')}?next={path}" in browser.get(path).text


def test_a_link_of_ones_own_says_who_one_is_only_where_the_code_was_seen() -> None:
    session, _, booking = in_hall()
    link = links.join_path(booking.join_key)
    other = book_now(make_session(starts_at=START), make_person())
    with at(2):
        browser = Client()
        assert "I am here" not in browser.get(link).text
        assert browser.post(link).status_code == 409
        seen_by_page = seen_by(browser, code_of(session, now=timezone.now()))
        browser.get(seen_by_page)
        assert "I am here" in browser.get(link).text
        assert not Arrival.objects.exists()
        assert "is here" in browser.post(link).text
        assert Arrival.objects.get().booking == booking
        assert browser.post(links.join_path(other.join_key)).status_code == 409


def test_pressing_on_in_ever_new_browsers_fills_no_table() -> None:
    session, trainer, booking = in_hall()
    about: dict[str, Any] = {"booking": booking, "sitting": session.sittings.get()}
    early = [Arrival(**about, at=START, device=str(number)) for number in range(MOST_BROWSERS - 1)]
    Arrival.objects.bulk_create(early)
    with at(2):
        for _ in range(3):
            browser = signed_in(booking.person)
            path = seen_by(browser, code_of(session, now=timezone.now()))
            assert "It is noted that you are here" in browser.post(path, {"who": "me"}).text
        assert Arrival.objects.count() == MOST_BROWSERS
        # What the trainer confirms is held to the same number.
        claim = Claim.objects.create(**about, at=timezone.now(), device="another")
        now = timezone.now()
        in_room.settle_claim(session=session, claim_id=claim.pk, agrees=True, by=trainer, now=now)
    assert Arrival.objects.count() == MOST_BROWSERS


def test_an_address_is_confirmed_by_the_trainer_and_the_answer_tells_nothing() -> None:
    session, trainer, booking = in_hall()
    answers = []
    with at(3):
        for address in (booking.person.email.upper(), "nobody@agency.example"):
            phone = Client()
            path = seen_by(phone, code_of(session, now=timezone.now()))
            answer = phone.post(path, {"who": "address", "email": address})
            assert answer.status_code == 200
            answers.append(re.sub(r'csrf\w+" value="\w+"', "", answer.text))
        assert answers[0] == answers[1]
        assert not Arrival.objects.exists()
        wall = screen(session, trainer).text
        assert "1 person waits" in wall
        assert str(booking.person) not in wall
        assert not AccessRecord.objects.filter(what="people in the room").exists()
        people = f"{reverse('room_screen', args=[session.pk])}?people"
        assert str(booking.person) in signed_in(trainer).get(people).text
        assert AccessRecord.objects.filter(what="people in the room", rows=1).exists()
        claim = Claim.objects.get()
    with at(9):
        browser = signed_in(trainer)
        address = reverse("room_screen", args=[session.pk])
        for _ in range(2):
            browser.post(address, {"claim": claim.pk, "answer": "yes"})
        arrival = Arrival.objects.get()
        assert (arrival.booking, arrival.at) == (booking, START + timedelta(minutes=3))
        claim.refresh_from_db()
        assert (claim.settled_by, claim.agreed) == (trainer, True)
        assert "Waiting for your word" not in browser.get(address).text


def test_who_the_trainer_does_not_know_is_not_noted() -> None:
    session, trainer, booking = in_hall()
    with at(3):
        in_room.claim_to_be(
            session=session, address=booking.person.email, device="x", now=timezone.now()
        )
        claim = Claim.objects.get()
        other = make_session(starts_at=START, trainers=[trainer])
        signed_in(trainer).post(
            reverse("room_screen", args=[other.pk]), {"claim": claim.pk, "answer": "yes"}
        )
        assert Claim.objects.filter(settled_at=None).exists(), "it is of another session"
        signed_in(trainer).post(
            reverse("room_screen", args=[session.pk]), {"claim": claim.pk, "answer": "no"}
        )
    assert not Arrival.objects.exists()
    assert Claim.objects.get().agreed is False


def test_a_claim_of_a_place_that_is_given_up_is_gone() -> None:
    session, trainer, booking = in_hall()
    now: datetime = START + timedelta(minutes=3)
    in_room.claim_to_be(session=session, address=booking.person.email, device="x", now=now)
    claim = Claim.objects.get()
    Booking.objects.filter(pk=booking.pk).update(state=Booking.State.CANCELLED)
    settled = in_room.settle_claim(
        session=session, claim_id=claim.pk, agrees=True, by=trainer, now=now
    )
    assert settled is None
    assert not Arrival.objects.exists()


def test_others_do_not_see_the_screen() -> None:
    session, _, booking = in_hall()
    address = reverse("room_screen", args=[session.pk])
    assert signed_in(make_coordinator()).get(address).status_code == 200
    for person in (booking.person, make_trainer(), make_person()):
        assert signed_in(person).get(address).status_code == 404
        assert signed_in(person).post(address).status_code == 404


def test_guessing_is_slowed_down(settings: Any) -> None:
    settings.RATE_LIMIT_FACTOR = 1
    with at(1):
        answers = {
            Client().post(reverse("room"), {"code": "BBBBBB"}).status_code for _ in range(601)
        }
    assert answers == {422, 429}
