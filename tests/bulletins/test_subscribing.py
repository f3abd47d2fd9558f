"""Asking for bulletins and stopping: by account, by a confirmed address, by link, by header."""

from datetime import timedelta

import pytest
from django.core.cache import caches
from django.test import Client
from django.utils import timezone

from booking.bulletins import subscribing
from booking.bulletins.models import Subscriber
from booking.bulletins.subscribing import CONFIRM, confirm_path, unsubscribe_path
from booking.catalogue.courses import store_topic
from booking.catalogue.models import Topic
from booking.outbox.models import Message
from tests.bulletins.bulletins import make_stranger, make_subscriber
from tests.factories import make_person
from tests.mail.letters import part, read, written
from tests.people import signed_in

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _nobody_has_asked() -> None:
    caches["limits"].clear()


def asked(email: str) -> str:
    """What the page says to somebody who asks with this address."""
    answer = Client().post("/bulletins/ask/", {"email": email})
    assert answer.status_code == 200
    return answer.text.replace(email, "")


def is_live(subscriber: Subscriber) -> bool:
    subscriber.refresh_from_db()
    return subscriber.is_live


def test_nothing_comes_until_the_address_says_yes() -> None:
    asked("bo@elsewhere.example")
    subscriber = Subscriber.objects.get(email="bo@elsewhere.example")
    [message] = Message.objects.filter(topic=CONFIRM)
    text = part(read(written(message)), "text/plain")
    path = confirm_path(subscriber.pk, since=message.created_at)
    assert path in text
    scanner = Client()
    for _ in range(2):
        assert "Do you want bulletins" in scanner.get(path).text
    assert not is_live(subscriber)
    assert "Bulletins come to you" in Client().post(path).text
    assert is_live(subscriber)


def test_asking_often_brings_one_mail_a_day_and_tells_nobody_who_is_known() -> None:
    make_person("ada@agency.example")
    make_subscriber(person=make_person("cy@agency.example"))
    said = {asked(each) for each in ("bo@elsewhere.example", "ada@agency.example")}
    said |= {asked("bo@elsewhere.example"), asked("cy@agency.example")}
    assert len(said) == 1
    told = Message.objects.filter(topic=CONFIRM).values_list("to_email", flat=True)
    assert sorted(told) == ["ada@agency.example", "bo@elsewhere.example"]
    wrong = Client().post("/bulletins/ask/", {"email": "nonsense"})
    assert wrong.status_code == 422
    assert 'value="nonsense"' in wrong.text


def test_a_mail_program_stops_with_one_click_and_no_cookie() -> None:
    subscriber = make_stranger("bo@elsewhere.example")
    path = unsubscribe_path(subscriber.pk)
    program = Client(enforce_csrf_checks=True)
    answer = program.post(path, {"List-Unsubscribe": "One-Click"})
    assert (answer.status_code, answer.text) == (200, "Stopped.\n")
    assert not is_live(subscriber)
    as_form = "List-Unsubscribe=One-Click"
    again = program.post(path, as_form, content_type="application/x-www-form-urlencoded")
    assert again.status_code == 200


def test_a_look_stops_nothing_and_the_page_asks_first() -> None:
    subscriber = make_stranger("bo@elsewhere.example")
    path = unsubscribe_path(subscriber.pk)
    for _ in range(2):
        assert "Stop bulletins?" in Client().get(path).text
        assert Client().head(path).status_code == 200
    assert is_live(subscriber)
    assert Client(enforce_csrf_checks=True).post(path).status_code == 403
    assert is_live(subscriber)
    assert "No bulletins come to you" in Client().post(path).text
    assert not is_live(subscriber)


def test_a_forged_link_stops_nobody() -> None:
    subscriber = make_stranger("bo@elsewhere.example")
    forged = unsubscribe_path(subscriber.pk)[:-3] + "xx/"
    answer = Client().post(forged, {"List-Unsubscribe": "One-Click"})
    assert answer.status_code == 404
    other = confirm_path(subscriber.pk, since=timezone.now()).replace("confirm", "stop")
    assert Client().post(other, {"List-Unsubscribe": "One-Click"}).status_code == 404
    assert is_live(subscriber)


def test_somebody_with_an_account_chooses_topics_and_stops_there() -> None:
    person = make_person("ada@agency.example")
    neglect = store_topic(topic=Topic(), name="Neglect")
    browser = signed_in(person)
    page = "/bulletins/choices/"
    answer = browser.post(page, {"wants_bulletins": "on", "topics": [neglect.slug]})
    assert answer.status_code == 302
    subscriber = Subscriber.objects.get(person=person)
    assert subscriber.is_live
    assert [*subscriber.topics.all()] == [neglect]
    assert "checked" in browser.get(page).text
    browser.post(page, {})
    assert not is_live(subscriber)
    assert browser.get("/bulletins/ask/").status_code == 302


def test_whoever_chooses_topics_alone_reads_that_nothing_comes() -> None:
    browser, page = signed_in(make_person()), "/bulletins/choices/"
    assert "Neither bulletins nor the digest" in browser.post(page, {}, follow=True).text
    assert "Neither" not in browser.post(page, {"wants_digest": "on"}, follow=True).text


def test_an_address_that_got_an_account_is_no_second_subscriber() -> None:
    make_stranger("ada@agency.example")
    make_subscriber(person=make_person("ada@agency.example"))
    assert Subscriber.objects.count() == 1


def test_addresses_are_forgotten_that_never_confirmed_or_have_stopped() -> None:
    now = timezone.now()
    subscribing.ask_by_address(email="never@elsewhere.example", now=now - timedelta(days=8))
    subscribing.ask_by_address(email="lately@elsewhere.example", now=now - timedelta(days=6))
    stopped, stays = make_stranger("a@elsewhere.example"), make_stranger("b@elsewhere.example")
    Subscriber.objects.filter(pk=stopped.pk).update(asked_at=now - timedelta(days=40))
    subscribing.stop(subscriber=stopped, now=now - timedelta(days=31))
    assert subscribing.forget_addresses(now=now) == 2
    left = set(Subscriber.objects.values_list("email", flat=True))
    assert left == {"lately@elsewhere.example", stays.email}
