"""Sending a bulletin: to whom, in batches, behind all else, held, stopped, and nobody twice."""

import random
from datetime import datetime, timedelta

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from booking.bulletins import sending, writing
from booking.bulletins.models import Bulletin, Subscriber
from booking.bulletins.rendering import MOST_BYTES
from booking.bulletins.sending import ISSUE, post_bulletins, progress
from booking.bulletins.subscribing import stop
from booking.catalogue.courses import store_topic
from booking.catalogue.models import Topic
from booking.mail.composing import compose
from booking.outbox.delivery import BULK_BATCH, Pointless, claim
from booking.outbox.models import Message
from booking.partnership.kept import sender
from booking.site.wording import LONDON
from tests.bulletins.bulletins import make_bulletin, make_stranger, make_subscriber
from tests.factories import NOW, make_person, make_session
from tests.mail.letters import part, read, written
from tests.people import book

pytestmark = pytest.mark.django_db


def send(bulletin: Bulletin) -> Bulletin:
    """Begin to send it."""
    sending.send(bulletin=bulletin, expected_revision=bulletin.revision, now=NOW)
    bulletin.refresh_from_db()
    return bulletin


def posted_to() -> list[str]:
    """The addresses of all copies, in order."""
    copies = Message.objects.filter(topic=ISSUE).order_by("pk")
    return list(copies.values_list("to_email", flat=True))


def settle(state: str = Message.State.SENT) -> None:
    Message.objects.filter(topic=ISSUE, state=Message.State.WAITING).update(state=state)


def test_it_goes_to_all_who_want_it_and_to_nobody_else() -> None:
    ada = make_subscriber(person=make_person("ada@agency.example"))
    make_stranger("bo@elsewhere.example")
    make_subscriber(wants_bulletins=False, wants_digest=True)
    make_subscriber(person=make_person(mail_failing_since=NOW))
    make_subscriber(person=make_person(is_active=False))
    gone = make_subscriber()
    stop(subscriber=gone, now=NOW)
    send(make_bulletin())
    post_bulletins(now=NOW)
    assert posted_to() == ["ada@agency.example", "bo@elsewhere.example"]
    assert Message.objects.filter(topic=ISSUE, recipient=ada.person).exists()


def test_with_topics_it_goes_to_people_who_chose_one_or_none() -> None:
    neglect, online = (store_topic(topic=Topic(), name=each) for each in ("Neglect", "Online"))
    make_subscriber(person=make_person("one@agency.example"), topics=[neglect])
    make_subscriber(person=make_person("two@agency.example"), topics=[online])
    make_subscriber(person=make_person("three@agency.example"))
    send(make_bulletin(topics=[neglect]))
    post_bulletins(now=NOW)
    assert posted_to() == ["one@agency.example", "three@agency.example"]


def test_one_address_gets_one_copy_whoever_asked_for_it() -> None:
    stranger = make_stranger("ada@agency.example")
    person = make_person("ada@agency.example")
    # As if both had come at the same moment.
    other = Subscriber.objects.create(person=person, asked_at=NOW, confirmed_at=NOW)
    assert stranger.pk < other.pk
    send(make_bulletin())
    post_bulletins(now=NOW)
    assert posted_to() == ["ada@agency.example"]


def test_everything_about_bookings_and_codes_goes_first() -> None:
    make_subscriber()
    send(make_bulletin())
    post_bulletins(now=NOW - timedelta(hours=1))
    booking = book(make_session())
    [first], [second] = claim(now=NOW), claim(now=NOW)
    assert (first.booking_id, second.topic) == (booking.pk, ISSUE)


def test_few_are_claimed_at_once_so_that_what_is_composed_leaves_in_one_turn() -> None:
    for _ in range(BULK_BATCH + 1):
        make_subscriber()
    send(make_bulletin())
    post_bulletins(now=NOW)
    assert [len(claim(now=NOW)) for _ in range(3)] == [BULK_BATCH, 1, 0]


def test_only_so_many_wait_and_the_rest_follow(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sending, "MOST_WAITING", 4)
    monkeypatch.setattr(sending, "BATCH", 3)
    for _ in range(6):
        make_subscriber()
    bulletin = send(make_bulletin())
    assert post_bulletins(now=NOW) == 4
    assert post_bulletins(now=NOW) == 0
    bulletin.refresh_from_db()
    now = progress(bulletin)
    assert (now.all, now.accepted, now.left) == (6, 0, 6)
    settle()
    assert post_bulletins(now=NOW) == 2
    settle()
    assert post_bulletins(now=NOW) == 0
    bulletin.refresh_from_db()
    assert bulletin.state == Bulletin.State.SENT
    assert progress(bulletin) == sending.Progress(all=6, accepted=6, waiting=0, failed=0)


def test_whoever_is_killed_and_whatever_is_held_everybody_has_one_copy(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """At random: workers post, deliver, die before they commit, and coordinators hold and go on."""
    monkeypatch.setattr(sending, "MOST_WAITING", 6)
    monkeypatch.setattr(sending, "BATCH", 4)
    people = [make_subscriber().person for _ in range(25)]
    bulletin, dice = send(make_bulletin()), random.Random(17)
    for _ in range(200):
        bulletin.refresh_from_db()
        match dice.randrange(5):
            case 0 if bulletin.state == Bulletin.State.SENDING:
                sending.pause(bulletin=bulletin)
                assert not Message.objects.filter(topic=ISSUE, state="waiting").exists()
            case 1 if bulletin.state == Bulletin.State.PAUSED:
                sending.resume(bulletin=bulletin)
            case 2:
                some = Message.objects.filter(topic=ISSUE, state="waiting")[:3]
                Message.objects.filter(pk__in=[each.pk for each in some]).update(
                    state="sent", attempts=1
                )
            case _:
                post_bulletins(now=NOW)
        addresses = posted_to()
        assert len({*addresses}) == len(addresses)
    if bulletin.state == Bulletin.State.PAUSED:
        sending.resume(bulletin=bulletin)
    for _ in range(20):
        post_bulletins(now=NOW)
        settle()
    assert sorted(posted_to()) == sorted(each.email for each in people if each)


def test_what_a_worker_has_begun_with_is_not_taken_back() -> None:
    make_subscriber()
    make_subscriber()
    bulletin = send(make_bulletin())
    post_bulletins(now=NOW)
    claim(now=NOW, limit=1)
    sending.stop_sending(bulletin=bulletin)
    assert [each.state for each in Message.objects.filter(topic=ISSUE)] == ["sending"]
    post_bulletins(now=NOW)
    assert len(posted_to()) == 1
    with pytest.raises(sending.DoneMeanwhile):
        sending.resume(bulletin=bulletin)


def test_who_has_stopped_meanwhile_gets_none() -> None:
    subscriber = make_subscriber()
    send(make_bulletin())
    post_bulletins(now=NOW)
    stop(subscriber=subscriber, now=NOW)
    [message] = Message.objects.filter(topic=ISSUE)
    assert isinstance(compose([message])[message.pk], Pointless)


def test_the_mail_says_how_to_stop_reads_well_as_text_and_is_small() -> None:
    make_session(capacity=3, starts_at=datetime(2100, 2, 9, 9, 30, tzinfo=LONDON))
    make_subscriber()
    send(make_bulletin("spaces", "briefings", "diary"))
    post_bulletins(now=NOW)
    [message] = Message.objects.filter(topic=ISSUE)
    mime = written(message)
    assert len(mime) < MOST_BYTES
    mail = read(mime)
    stop_url = str(mail["List-Unsubscribe"]).strip(" <>")
    assert mail["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    text, html = part(mail, "text/plain"), part(mail, "text/html")
    assert f"Stop bulletins: {stop_url}" in text
    assert stop_url in html
    assert "stop.invalid" not in text + html
    assert "Read this <b>now</b>." in text
    assert "- One\n- Two" in text
    assert "Read the full update: https://www.example.org/more" in text
    assert "3 places left" in text
    assert "<b>now" not in html
    assert message.is_secret
    assert max(map(len, mime.splitlines())) < 990


def test_statements_of_composing_do_not_grow_with_copies() -> None:
    def cost(number: int) -> int:
        for _ in range(number):
            make_subscriber()
        send(make_bulletin())
        post_bulletins(now=NOW)
        messages = list(Message.objects.filter(topic=ISSUE, state="waiting"))
        with CaptureQueriesContext(connection) as captured:
            compose(messages)
        settle()
        return len(captured)

    assert cost(2) == cost(9)


def test_what_says_nothing_is_too_long_or_has_changed_is_not_sent() -> None:
    empty = writing.begin_bulletin(title="Empty", opening="", topics=(), now=NOW)
    with pytest.raises(sending.NothingToSend):
        send(empty)
    with pytest.raises(sending.TooLarge):
        send(make_bulletin(text="Much to say. " * 8000))
    changed = make_bulletin()
    with pytest.raises(sending.DoneMeanwhile):
        sending.send(bulletin=changed, expected_revision=changed.revision - 1, now=NOW)
    assert not Bulletin.objects.published().exists()


def test_the_digest_is_made_once_a_month_for_people_who_want_one() -> None:
    first = datetime(2027, 2, 1, 9, 5, tzinfo=LONDON)
    assert writing.make_digest(now=first) is None
    neglect = store_topic(topic=Topic(), name="Neglect")
    make_subscriber(wants_bulletins=False, wants_digest=True)
    make_subscriber(wants_bulletins=False, wants_digest=True, topics=[neglect])
    assert writing.make_digest(now=first - timedelta(hours=1)) is None
    assert writing.make_digest(now=first + timedelta(days=5)) is None
    made = writing.make_digest(now=first)
    assert made is not None
    assert made.title == "New training and briefings, February 2027"
    assert writing.make_digest(now=first + timedelta(hours=1)) is None
    make_session(starts_at=first + timedelta(days=20), published_at=first - timedelta(days=3))
    post_bulletins(now=first)
    everything, of_neglect = Message.objects.filter(topic=ISSUE).order_by("pk")
    composed = compose([everything, of_neglect], clock=lambda: first)
    assert isinstance(composed[everything.pk], bytes)
    assert isinstance(composed[of_neglect.pk], Pointless)


def test_a_coordinator_tries_sends_holds_and_stops(coordinator: Client) -> None:
    make_subscriber()
    bulletin = make_bulletin()
    address = f"/manage/bulletins/{bulletin.pk}/send/"
    page = coordinator.get(address)
    assert "It goes to <strong>1 person</strong>" in page.text
    assert "Read **this**" not in page.text
    coordinator.post(f"/manage/bulletins/{bulletin.pk}/test/")
    [trial] = Message.objects.filter(topic=ISSUE)
    mail = read(written(trial))
    assert mail["Subject"] == "Test: July newsletter"
    assert mail["List-Unsubscribe"] is None
    assert coordinator.post(address, {"revision": "x"}).status_code == 409
    asked = coordinator.post(address, {"revision": bulletin.revision})
    assert "Publish and send it to 1 person?" in asked.text
    assert "July newsletter</dd>" in asked.text
    assert sender().split("<")[1].rstrip(">") in asked.text
    assert not Bulletin.objects.published().exists()
    do = {"revision": bulletin.revision, "step": "do"}
    assert coordinator.post(address, do).status_code == 302
    assert coordinator.post(address, do).status_code == 409
    assert "Pause" in coordinator.get(address).text
    part_of_it = coordinator.get(address, headers={"hx-request": "true"}).text
    assert "Still to leave" in part_of_it
    assert "Pause" not in part_of_it
    for act in ("pause", "resume", "stop"):
        assert coordinator.post(address, {"do": act}).status_code == 302
    assert coordinator.post(address, {"do": "resume"}).status_code == 409
    frame = coordinator.get(f"/manage/bulletins/{bulletin.pk}/mail/")
    assert "sandbox" in frame.headers["Content-Security-Policy"]
