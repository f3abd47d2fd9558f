"""Readers without an account whose address there is no more get no bulletins."""

from datetime import timedelta

import pytest
from django.core.cache import caches
from django.test import Client
from django.urls import reverse

from booking.bulletins import subscribing
from booking.bulletins.models import Subscriber
from booking.bulletins.sending import ISSUE, post_bulletins, send
from booking.outbox.models import Message
from booking.replies.actions import bring_back, put_away_again
from booking.replies.models import ReceivedMail
from tests.bulletins.bulletins import make_bulletin, make_stranger
from tests.factories import NOW, make_coordinator
from tests.replies import letters
from tests.replies.receiving import receive

pytestmark = pytest.mark.django_db

BO, CY = "bo@elsewhere.example", "cy@elsewhere.example"


@pytest.fixture(autouse=True)
def _nobody_has_asked() -> None:
    caches["limits"].clear()


def gets_next() -> list[str]:
    """To whom the next bulletin goes, which the mail server accepts."""
    before = list(Message.objects.filter(topic=ISSUE).values_list("pk", flat=True))
    bulletin = make_bulletin()
    send(bulletin=bulletin, expected_revision=bulletin.revision, now=NOW)
    post_bulletins(now=NOW)
    copies = Message.objects.filter(topic=ISSUE).exclude(pk__in=before)
    copies.update(state=Message.State.SENT, sent_at=NOW)
    return list(copies.order_by("to_email").values_list("to_email", flat=True))


def comes_back(email: str, *, diagnostic: str, status: str = "5.1.1") -> None:
    message = Message.objects.filter(topic=ISSUE, to_email=email).latest("pk")
    report = letters.notification(
        message.message_id, recipient=email, status=status, diagnostic=f"smtp; {diagnostic}"
    )
    assert receive(report)


def test_an_address_that_is_no_more_gets_no_bulletins_until_it_is_confirmed_anew(
    coordinator: Client,
) -> None:
    bo = make_stranger(BO)
    make_stranger(CY)
    assert gets_next() == [BO, CY]
    comes_back(BO, diagnostic="550 5.1.1 No such person")
    assert gets_next() == [CY]
    page = coordinator.get(reverse("manage_addresses")).content.decode()
    assert "Readers of bulletins without an account" in page
    assert f">{BO}</a>" in page
    assert CY not in page
    subscribing.ask_by_address(email=BO, now=NOW + timedelta(days=1))
    assert gets_next() == [CY]
    bo.refresh_from_db()
    subscribing.confirm_wish(subscriber=bo, now=NOW + timedelta(days=1))
    assert gets_next() == [BO, CY]
    assert BO not in coordinator.get(reverse("manage_addresses")).content.decode()


@pytest.mark.parametrize(
    ("status", "diagnostic"),
    [("5.2.2", "552 5.2.2 Mailbox full"), ("5.7.1", "550 5.7.1 Blocked by our policy")],
)
def test_a_full_mailbox_and_a_refusal_end_nothing(status: str, diagnostic: str) -> None:
    make_stranger(BO)
    gets_next()
    comes_back(BO, status=status, diagnostic=diagnostic)
    assert gets_next() == [BO]


def test_the_report_that_ended_it_is_brought_back_and_put_away_again() -> None:
    make_stranger(BO)
    gets_next()
    comes_back(BO, diagnostic="550 5.1.1 No such person")
    received, by = ReceivedMail.objects.get(), make_coordinator()
    bring_back(received=received, by=by, now=NOW)
    assert gets_next() == [BO]
    put_away_again(received=received, by=by, now=NOW)
    assert gets_next() == []


def test_who_has_stopped_meanwhile_gets_none_if_the_report_is_brought_back() -> None:
    bo = make_stranger(BO)
    gets_next()
    comes_back(BO, diagnostic="550 5.1.1 No such person")
    subscribing.stop(subscriber=bo, now=NOW)
    bring_back(received=ReceivedMail.objects.get(), by=make_coordinator(), now=NOW)
    assert gets_next() == []


def test_what_another_report_says_of_a_reader_stays_when_one_is_brought_back() -> None:
    make_stranger(BO)
    gets_next()
    gets_next()
    for message in Message.objects.filter(topic=ISSUE):
        said = "smtp; 550 5.1.1 No such person"
        assert receive(
            letters.notification(
                message.message_id,
                recipient=BO,
                own_id=f"<dsn{message.pk}@mx.example>",
                status="5.1.1",
                diagnostic=said,
            )
        )
    first, second = ReceivedMail.objects.order_by("pk")
    by = make_coordinator()
    bring_back(received=first, by=by, now=NOW)
    assert gets_next() == []
    bring_back(received=second, by=by, now=NOW)
    assert gets_next() == [BO]


def test_a_report_put_away_again_does_not_end_who_has_confirmed_since() -> None:
    bo = make_stranger(BO)
    gets_next()
    comes_back(BO, diagnostic="550 5.1.1 No such person")
    later = NOW + timedelta(days=1)
    subscribing.ask_by_address(email=BO, now=later)
    bo.refresh_from_db()
    subscribing.confirm_wish(subscriber=bo, now=later)
    received, by = ReceivedMail.objects.get(), make_coordinator()
    bring_back(received=received, by=by, now=later)
    put_away_again(received=received, by=by, now=later)
    assert gets_next() == [BO]


def test_it_is_forgotten_like_every_address_that_has_ended() -> None:
    make_stranger(BO)
    gets_next()
    comes_back(BO, diagnostic="550 5.1.1 No such person")
    subscribing.forget_addresses(now=NOW + subscribing.ENDED_KEPT + timedelta(days=1))
    assert not Subscriber.objects.exists()


def test_the_list_says_how_many_there_are_besides_the_newest(coordinator: Client) -> None:
    Subscriber.objects.bulk_create(
        Subscriber(
            email=f"reader{number}@elsewhere.example",
            asked_at=NOW,
            ended_at=NOW - timedelta(minutes=number),
            failure="No such person",
        )
        for number in range(201)
    )
    page = coordinator.get(reverse("manage_addresses")).text
    assert "The newest 200 of 201 addresses" in page
    assert "reader199@" in page
    assert "reader200@" not in page
    Subscriber.objects.get(email="reader0@elsewhere.example").delete()
    assert "200 addresses, newest first" in coordinator.get(reverse("manage_addresses")).text
