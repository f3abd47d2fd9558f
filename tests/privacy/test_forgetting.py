"""What goes every night, and what stays: with the periods that the privacy page names."""

from datetime import datetime, timedelta

import pytest
from allauth.usersessions.models import UserSession
from django.conf import settings
from django.contrib.sessions.models import Session as SignInSession
from django.test import Client
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from accounts.actions import UNFINISHED_ACCOUNT_LIFE
from booking.outbox import remedies
from booking.outbox.models import Message
from booking.outbox.refusals import Forgotten
from booking.places.models import Booking
from booking.privacy import forgetting
from booking.privacy.forgetting import (
    NEEDS_KEPT,
    TEXTS_KEPT,
    forget_ended_sign_ins,
    forget_needs,
    forget_texts,
)
from tests.factories import NOW, make_coordinator, make_person, make_session
from tests.people import book, signed_in
from tests.privacy.lived import signed_in_here

pytestmark = pytest.mark.django_db

_State = Message.State


def test_needs_go_fourteen_days_after_the_session() -> None:
    session = make_session()
    booked = book(session, needs="No nuts")
    assert forget_needs(now=session.ends_at + NEEDS_KEPT) == 0
    assert forget_needs(now=session.ends_at + NEEDS_KEPT + timedelta(seconds=1)) == 1
    booked.refresh_from_db()
    assert booked.needs == ""
    assert booked.state == Booking.State.CONFIRMED


def test_needs_go_from_cancelled_bookings_too_and_a_second_run_finds_none() -> None:
    session = make_session(capacity=1)
    book(session, needs="Step-free")
    Booking.objects.update(state=Booking.State.CANCELLED)
    later = session.ends_at + NEEDS_KEPT + timedelta(days=1)
    assert [forget_needs(now=later), forget_needs(now=later)] == [1, 0]


def test_a_batch_costs_two_statements(
    monkeypatch: pytest.MonkeyPatch, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    monkeypatch.setattr(forgetting, "BATCH", 3)
    session = make_session()
    for _ in range(7):
        book(session, needs="A ramp")
    with django_assert_num_queries(3 * 2 + 1):
        assert forget_needs(now=session.ends_at + timedelta(days=15)) == 7


def _mail(state: _State, *, sent_at: datetime | None, number: int) -> Message:
    person = make_person()
    return Message.objects.create(
        topic="booking.confirmed",
        subject_key=f"booking:{number}",
        stream=f"booking:{number}",
        recipient=person,
        to_email=person.email,
        payload={"why": "because"},
        created_at=NOW,
        due_at=NOW,
        sent_at=sent_at,
        state=state,
        message_id=f"<{number}@ours.example>",
        mime=b"Subject: Booked\r\n\r\nDear Ann\r\n",
    )


def test_texts_of_mail_go_ninety_days_after_it_was_sent() -> None:
    sent = _mail(_State.SENT, sent_at=NOW + timedelta(days=1), number=1)
    dropped = _mail(_State.DROPPED, sent_at=None, number=2)
    waiting = _mail(_State.WAITING, sent_at=None, number=3)
    assert forget_texts(now=NOW + TEXTS_KEPT) == 0
    assert forget_texts(now=NOW + TEXTS_KEPT + timedelta(hours=1)) == 1
    assert forget_texts(now=NOW + TEXTS_KEPT + timedelta(days=2)) == 1
    assert forget_texts(now=NOW + TEXTS_KEPT + timedelta(days=2)) == 0
    for message in (sent, dropped):
        fresh = Message.objects.get(pk=message.pk)
        assert (fresh.mime, fresh.payload) == (None, {})
        assert (fresh.topic, fresh.to_email, fresh.sent_at, fresh.created_at) == (
            message.topic,
            message.to_email,
            message.sent_at,
            message.created_at,
        )
    assert Message.objects.get(pk=waiting.pk).mime is not None


def test_mail_that_was_forgotten_is_not_sent_again() -> None:
    message = _mail(_State.SENT, sent_at=NOW, number=1)
    Message.objects.update(bounced_at=NOW)
    now, by = NOW + TEXTS_KEPT + timedelta(days=1), make_coordinator()
    forget_texts(now=now)
    with pytest.raises(Forgotten):
        remedies.retry(message=message, by=by, now=now)
    page = signed_in(by).get(f"/manage/messages/{message.pk}/").text
    assert "Its text is not kept any more" in page
    assert "Send again" not in page


def test_sign_ins_that_ended_go_with_their_network_address() -> None:
    signed_out, ran_out, here = (signed_in_here(make_person()) for _ in range(3))
    keys = [browser.session.session_key for browser in (signed_out, ran_out, here)]
    signed_out.post("/accounts/logout/")
    now = timezone.now()
    SignInSession.objects.filter(pk=keys[1]).update(expire_date=now - timedelta(seconds=1))
    forget_ended_sign_ins(now=now)
    assert set(SignInSession.objects.values_list("pk", flat=True)) & set(keys) == {keys[2]}
    assert list(UserSession.objects.values_list("session_key", flat=True)) == [keys[2]]
    assert here.get("/bookings/").status_code == 200


def test_the_privacy_page_names_the_periods_that_the_code_keeps() -> None:
    page = Client().get("/privacy/").text
    assert timedelta(days=14) == NEEDS_KEPT
    assert timedelta(days=90) == TEXTS_KEPT
    assert "take part is deleted 14 days after the session has ended" in page
    assert "said is deleted 90 days after it was sent" in page
    assert f"never confirmed is deleted after {UNFINISHED_ACCOUNT_LIFE.days} days" in page
    assert f"codes work for {settings.ACCOUNT_LOGIN_BY_CODE_TIMEOUT // 60} minutes" in page
    assert f"{settings.SESSION_COOKIE_AGE // 86400} days after you last signed in" in page
    assert "stops seeing the list of people 14 days after the session" in page
    assert "Someone who left" in page


def test_the_privacy_page_names_what_is_held_and_who_sees_it() -> None:
    page = " ".join(Client().get("/privacy/").text.split())
    for words in (
        "wait for or cancelled lately, and on which past ones you had a place as one of its people",
        "training that you did elsewhere",
        "the groups you belong to",
        "what coordinators note about you",
        "a trainer who types your whole work address to let you in",
    ):
        assert words in page


def test_the_privacy_page_takes_its_periods_from_the_code(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("booking.privacy.views.NEEDS_KEPT", timedelta(days=41))
    monkeypatch.setattr("booking.privacy.views.TEXTS_KEPT", timedelta(days=43))
    page = Client().get("/privacy/").text
    assert "deleted 41 days after the session" in page
    assert "deleted 43 days after it was sent" in page
