"""Nobody gets a bulletin twice, or after they said no, whatever happens while it is being sent."""

from datetime import timedelta
from typing import Any

import pytest
from django.core.cache import caches
from django.test import Client
from django.utils import timezone
from pytest_django import Settings

from booking.bulletins import sending, subscribing, writing
from booking.bulletins.models import Bulletin, Subscriber
from booking.bulletins.sending import ISSUE, post_bulletins, progress
from booking.mail.composing import compose
from booking.outbox.delivery import Pointless, claim
from booking.outbox.models import Message
from tests.bulletins.bulletins import make_bulletin, make_stranger, make_subscriber
from tests.factories import NOW, make_person

pytestmark = pytest.mark.django_db


def sent_to(*people: str) -> Bulletin:
    """A bulletin whose copies to these people wait in the outbox."""
    for each in people:
        make_subscriber(person=make_person(each))
    bulletin = make_bulletin()
    sending.send(bulletin=bulletin, expected_revision=bulletin.revision, now=NOW)
    post_bulletins(now=NOW)
    bulletin.refresh_from_db()
    return bulletin


def settled_as_composed(messages: list[Message]) -> None:
    """What a worker does with what it holds."""
    for key, made in compose(messages).items():
        is_pointless = isinstance(made, Pointless)
        Message.objects.filter(pk=key).update(
            state=Message.State.SUPERSEDED if is_pointless else Message.State.SENT,
            last_error=made.reason if isinstance(made, Pointless) else "",
        )


def test_who_keeps_the_digest_alone_gets_no_bulletin_that_waits() -> None:
    sent_to("ada@agency.example")
    [message] = Message.objects.filter(topic=ISSUE)
    choice: dict[str, Any] = {
        "wants_bulletins": False,
        "wants_digest": True,
        "topics": (),
        "now": NOW,
    }
    assert message.recipient is not None
    subscribing.choose(person=message.recipient, **choice)
    assert isinstance(compose([message])[message.pk], Pointless)


def test_a_draft_that_was_thrown_away_leaves_no_mail_in_trouble() -> None:
    bulletin = make_bulletin()
    person = make_person()
    sending.send_test(bulletin=bulletin, to_email=person.email, recipient_id=person.pk, now=NOW)
    writing.discard_bulletin(bulletin=bulletin)
    [message] = Message.objects.filter(topic=ISSUE)
    assert isinstance(compose([message])[message.pk], Pointless)


def test_one_press_stops_all_that_the_address_asked_for() -> None:
    stranger = make_stranger("ada@agency.example")
    person = make_person("ada@agency.example")
    other = Subscriber.objects.create(person=person, asked_at=NOW, confirmed_at=NOW)
    for first, second in ((stranger, other), (other, stranger)):
        Subscriber.objects.update(ended_at=None, wants_bulletins=True)
        subscribing.stop(subscriber=first, now=NOW)
        second.refresh_from_db()
        assert not second.is_live
        assert not second.wants_bulletins


def test_where_bulletins_come_already_nobody_is_asked() -> None:
    make_stranger("ada@agency.example")
    make_person("ada@agency.example")
    asked = Message.objects.filter(topic=subscribing.CONFIRM).count()
    subscribing.ask_by_address(email="ada@agency.example", now=NOW + timedelta(days=2))
    assert Message.objects.filter(topic=subscribing.CONFIRM).count() == asked


@pytest.mark.parametrize("had_stopped", [True, False])
def test_who_asks_again_has_as_long_to_confirm(had_stopped: bool) -> None:
    now, email = timezone.now(), "bo@elsewhere.example"
    long_ago = now - timedelta(days=40)
    subscribing.ask_by_address(email=email, now=long_ago)
    found = Subscriber.objects.get()
    if had_stopped:
        subscribing.confirm_wish(subscriber=found, now=long_ago)
        subscribing.stop(subscriber=found, now=long_ago)
    subscribing.ask_by_address(email=email, now=now - timedelta(hours=5))
    assert subscribing.forget_addresses(now=now) == 0
    assert Client().get(subscribing.confirm_path(found.pk, since=now)).status_code == 200
    assert subscribing.forget_addresses(now=now + timedelta(days=8)) == 1


def test_nobody_fills_a_mailbox_by_asking_for_it(settings: Settings) -> None:
    settings.RATE_LIMIT_FACTOR = 1
    caches["limits"].clear()
    for number in range(9):
        typed = {"email": f"bo+{number}@elsewhere.example"}
        answer = Client().post("/bulletins/ask/", typed, REMOTE_ADDR=f"192.0.2.{number}")
        assert answer.status_code == 200
    assert Message.objects.filter(topic=subscribing.CONFIRM).count() == 3


def test_what_a_worker_holds_while_it_is_paused_leaves_once_and_later() -> None:
    bulletin = sent_to("a@agency.example", "b@agency.example", "c@agency.example")
    first = claim(now=NOW, limit=1)
    settled_as_composed(first)
    held = claim(now=NOW, limit=1)
    sending.pause(bulletin=bulletin)
    settled_as_composed(held)
    bulletin.refresh_from_db()
    assert progress(bulletin) == sending.Progress(all=3, accepted=1, waiting=0, failed=0)
    sending.resume(bulletin=bulletin)
    bulletin.refresh_from_db()
    for _ in range(2):
        post_bulletins(now=NOW)
        settled_as_composed(claim(now=NOW))
    post_bulletins(now=NOW)
    bulletin.refresh_from_db()
    assert bulletin.state == Bulletin.State.SENT
    copies = Message.objects.filter(topic=ISSUE, state=Message.State.SENT)
    assert sorted(copies.values_list("to_email", flat=True)) == [
        "a@agency.example",
        "b@agency.example",
        "c@agency.example",
    ]


def test_what_was_put_off_does_not_leave_once_it_is_stopped() -> None:
    bulletin = sent_to("ada@agency.example")
    Message.objects.filter(topic=ISSUE).update(attempts=1)
    sending.stop_sending(bulletin=bulletin)
    [message] = Message.objects.filter(topic=ISSUE)
    assert isinstance(compose([message])[message.pk], Pointless)


def test_who_has_another_address_meanwhile_gets_no_second_copy() -> None:
    bulletin = sent_to("ada@agency.example", "bo@agency.example")
    [one] = claim(now=NOW, limit=1)
    settled_as_composed([one])
    sending.pause(bulletin=bulletin)
    assert one.recipient is not None
    one.recipient.email = "new@agency.example"
    one.recipient.save()
    sending.resume(bulletin=bulletin)
    post_bulletins(now=NOW)
    assert Message.objects.filter(topic=ISSUE).count() == 2
    assert not Message.objects.filter(topic=ISSUE, to_email="new@agency.example").exists()


def test_what_is_put_off_holds_nobody_else_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sending, "MOST_WAITING", 2)
    bulletin = sent_to(*(f"reader{number}@agency.example" for number in range(4)))
    assert Message.objects.filter(topic=ISSUE).count() == 2
    Message.objects.filter(topic=ISSUE).update(attempts=1, due_at=NOW + timedelta(hours=1))
    assert post_bulletins(now=NOW) == 2
    Message.objects.filter(topic=ISSUE, attempts=0).update(state=Message.State.SENT)
    post_bulletins(now=NOW)
    bulletin.refresh_from_db()
    assert bulletin.state == Bulletin.State.SENDING
