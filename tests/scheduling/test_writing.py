"""Messages to people of a session: who gets them, in what words, how often, on what record."""

from datetime import timedelta

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from booking.mail.composing import compose
from booking.outbox.delivery import Pointless
from booking.outbox.models import Message
from booking.places.models import Booking
from booking.scheduling.models import SessionNote
from booking.scheduling.writing import MOST_A_DAY, EnoughForToday, write_to_people
from tests.desk.coordinators import with_people
from tests.factories import NOW, make_coordinator, make_person, make_session, make_trainer
from tests.mail.letters import part, read, written
from tests.pages import said, sent_on
from tests.people import book_now, give_up, signed_in

pytestmark = pytest.mark.django_db

TYPED = {"subject": "Parking", "text": "There is <b>none</b>.\nTake the bus."}


def notes() -> list[Message]:
    return list(Message.objects.filter(topic="session.note").order_by("pk"))


def test_a_message_is_shown_with_its_count_then_sent_to_these_alone(coordinator: Client) -> None:
    session = with_people(booked=2, waiting=1)
    page = reverse("manage_session_write", args=[session.pk])
    typed = {**TYPED, "states": ["waiting"]}
    preview = coordinator.post(page, typed).text
    assert "1 person gets it, in 1 email" in preview
    assert notes() == []
    done = coordinator.post(page, {**sent_on(preview), "step": "do"})
    assert said(done) == "1 email on the way, one for each person."
    [message] = notes()
    waiting = Booking.objects.get(session=session, state="waiting")
    assert (message.to_email, message.booking_id) == (waiting.person.email, waiting.pk)
    note = SessionNote.objects.get()
    assert (note.whom, note.people) == ("1 person on the waiting list", 1)
    record = coordinator.get(page).text
    assert "There is &lt;b&gt;none&lt;/b&gt;." in record
    assert "Wrote to 1 person: Parking" in coordinator.get(f"/manage/sessions/{session.pk}/").text


def test_it_is_read_as_text_and_as_a_page_with_nothing_typed_acting(coordinator: Client) -> None:
    session = make_session(starts_at=timezone.now() + timedelta(days=20))
    book_now(session, make_person(first_name="<i>Ada</i>"))
    page = reverse("manage_session_write", args=[session.pk])
    hostile = {**TYPED, "subject": "Parking\r\nBcc: all@ours.example", "states": ["confirmed"]}
    preview = coordinator.post(page, hostile).text
    coordinator.post(page, {**sent_on(preview), "step": "do"})
    mail = read(written(notes()[0]))
    assert mail["Bcc"] is None
    assert str(mail["Subject"]).startswith("Parking Bcc: all@ours.example: ")
    assert "There is <b>none</b>." in part(mail, "text/plain")
    assert "Take the bus." in part(mail, "text/plain")
    html = part(mail, "text/html")
    assert "There is &lt;b&gt;none&lt;/b&gt;.<br>Take the bus." in html
    assert "<i>" not in html


def test_people_are_chosen_one_by_one_and_none_twice(coordinator: Client) -> None:
    session = with_people(booked=3)
    keys = [str(key) for key in Booking.objects.order_by("pk").values_list("pk", flat=True)]
    page = reverse("manage_session_write", args=[session.pk])
    preview = coordinator.post(page, {**TYPED, "chosen": keys[:2]}).text
    assert "2 people get it, in 2 emails" in preview
    preview = coordinator.post(page, {**TYPED, "chosen": keys[:2], "states": ["confirmed"]}).text
    assert "3 people get it, in 3 emails" in preview
    assert coordinator.post(page, TYPED).status_code == 422
    made_up = {**sent_on(preview), "step": "do", "shown": "9" * 5000}
    assert "Check who gets your message now" in coordinator.post(page, made_up).text
    elsewhere = with_people(booked=1)
    other = Booking.objects.get(session=elsewhere).pk
    assert coordinator.post(page, {**TYPED, "chosen": [str(other)]}).status_code == 422


def test_who_has_come_since_it_was_shown_is_shown_first(coordinator: Client) -> None:
    session = with_people(booked=1)
    page = reverse("manage_session_write", args=[session.pk])
    preview = coordinator.post(page, {**TYPED, "states": ["confirmed"]}).text
    book_now(session)
    again = coordinator.post(page, {**sent_on(preview), "step": "do"})
    assert again.status_code == 422
    assert "Somebody has booked or cancelled meanwhile" in again.text
    assert "2 people get it" in again.text
    assert notes() == []


def test_a_trainer_writes_to_their_own_people_and_not_all_day() -> None:
    trainer = make_trainer()
    session, other = with_people(booked=1, trainers=[trainer]), with_people(booked=1)
    browser, now = signed_in(trainer), timezone.now()
    assert browser.get(reverse("manage_session_write", args=[other.pk])).status_code == 404

    def write() -> None:
        write_to_people(
            session=session,
            states=["confirmed"],
            chosen=(),
            shown=None,
            subject="Parking",
            text="There is none.",
            by=trainer,
            now=now,
        )

    for _ in range(MOST_A_DAY):
        write()
    with pytest.raises(EnoughForToday):
        write()
    page = reverse("manage_session_write", args=[session.pk])
    refused = browser.post(page, {**TYPED, "states": ["confirmed"]})
    assert refused.status_code == 409
    assert "There is &lt;b&gt;none" in refused.text
    now += timedelta(days=1, seconds=1)
    write()


def test_who_has_given_the_booking_up_is_not_written_to() -> None:
    session = make_session()
    booking = book_now(session)
    write_to_people(
        session=session,
        states=["confirmed"],
        chosen=(),
        shown=None,
        subject="Parking",
        text="There is none.",
        by=make_coordinator(),
        now=NOW,
    )
    give_up(booking, now=NOW)
    [message] = notes()
    assert isinstance(compose([message], clock=lambda: NOW)[message.pk], Pointless)
