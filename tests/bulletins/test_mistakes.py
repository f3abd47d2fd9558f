"""What coordinators do by mistake with bulletins: asked first, undone, and done only once."""

import pytest
from django.test import Client

from booking.bulletins import sending, writing
from booking.bulletins.models import Bulletin
from booking.bulletins.sending import ISSUE, post_bulletins, progress
from booking.mail.again import HasItsCopy, send_again
from booking.outbox.models import Message, MessageEvent
from tests.bulletins.bulletins import make_bulletin, make_subscriber
from tests.factories import NOW, make_coordinator, make_person
from tests.mail.letters import part, read, written

pytestmark = pytest.mark.django_db

State = Bulletin.State


def send(bulletin: Bulletin) -> None:
    """Begin to send it, and post its copies."""
    bulletin.refresh_from_db()
    sending.send(bulletin=bulletin, expected_revision=bulletin.revision, now=NOW)
    post_bulletins(now=NOW)
    bulletin.refresh_from_db()


def copies_are(state: Message.State, **fields: object) -> None:
    Message.objects.filter(topic=ISSUE).update(state=state, **fields)


def test_a_draft_is_thrown_away_only_once_somebody_is_sure(coordinator: Client) -> None:
    bulletin = make_bulletin()
    address = f"/manage/bulletins/{bulletin.pk}/"
    asked = coordinator.post(address, {"discard": "ask"})
    assert "Throw July newsletter away?" in asked.text
    assert "2 articles and blocks will be lost with it." in asked.text
    assert Bulletin.objects.exists()
    assert coordinator.post(address, {"discard": "sure"}).status_code == 302
    assert not Bulletin.objects.exists()


def test_an_article_is_taken_out_only_once_somebody_is_sure(coordinator: Client) -> None:
    article, block = make_bulletin().parts.all()
    address = f"/manage/bulletins/parts/{article.pk}/"
    assert "Take “Safer summers” out?" in coordinator.post(address, {"remove": "ask"}).text
    assert article.bulletin.parts.count() == 2
    coordinator.post(address, {"remove": "sure"})
    assert list(article.bulletin.parts.all()) == [block]


def test_what_cannot_be_sent_is_not_asked_about(coordinator: Client) -> None:
    empty = writing.begin_bulletin(title="Empty", opening="", topics=(), now=NOW)
    answer = coordinator.post(f"/manage/bulletins/{empty.pk}/send/", {"revision": empty.revision})
    assert answer.status_code == 409
    assert "There is nothing in this bulletin yet." in answer.text


def test_one_that_nobody_was_sent_is_a_draft_again(coordinator: Client) -> None:
    make_subscriber()
    bulletin = make_bulletin()
    send(bulletin)
    sending.stop_sending(bulletin=bulletin)
    address = f"/manage/bulletins/{bulletin.pk}/send/"
    assert "Make it a draft again" in coordinator.get(address).text
    assert coordinator.post(address, {"do": "draft"}).status_code == 302
    before = bulletin.revision
    bulletin.refresh_from_db()
    assert (bulletin.state, bulletin.published_at) == (State.DRAFT, None)
    assert bulletin.revision > before
    writing.change_bulletin(bulletin=bulletin, title="Corrected", opening="", topics=())
    send(bulletin)
    [message] = Message.objects.filter(topic=ISSUE)
    assert read(written(message))["Subject"] == "Corrected"


def test_one_that_was_written_before_it_was_stopped_is_written_anew() -> None:
    make_subscriber()
    bulletin = make_bulletin()
    send(bulletin)
    [message] = Message.objects.filter(topic=ISSUE)
    written(message)
    copies_are(Message.State.SUPERSEDED, last_error=sending.HELD)
    sending.stop_sending(bulletin=bulletin)
    sending.draft_again(bulletin=bulletin)
    writing.change_bulletin(bulletin=bulletin, title="Corrected", opening="", topics=())
    send(bulletin)
    [message] = Message.objects.filter(topic=ISSUE)
    assert read(written(message))["Subject"] == "Corrected"


@pytest.mark.parametrize(
    ("state", "handed_over"),
    [("sent", True), ("sending", False), ("parked", False), ("superseded", True)],
)
def test_one_that_somebody_may_have_stays_as_it_is(
    coordinator: Client, state: Message.State, handed_over: bool
) -> None:
    make_subscriber()
    bulletin = make_bulletin()
    send(bulletin)
    copies_are(state, handed_over=handed_over)
    sending.stop_sending(bulletin=bulletin)
    address = f"/manage/bulletins/{bulletin.pk}/send/"
    assert "Make it a draft again" not in coordinator.get(address).text
    assert coordinator.post(address, {"do": "draft"}).status_code == 409
    bulletin.refresh_from_db()
    assert bulletin.state == State.STOPPED


def test_its_mail_is_found_by_its_title_and_names_it(coordinator: Client) -> None:
    person = make_person()
    make_subscriber(person=person)
    other, bulletin = make_bulletin(title="Old news"), make_bulletin(title="Children's news")
    send(other)
    send(bulletin)
    sending.send_test(bulletin=bulletin, to_email=person.email, recipient_id=person.pk, now=NOW)
    found = coordinator.get("/manage/messages/?q=children's news").text
    assert Message.objects.filter(topic=ISSUE).count() == 3
    for message in Message.objects.filter(topic=ISSUE):
        address, is_of_it = (
            f"/manage/messages/{message.pk}/",
            message.payload["bulletin"] != other.pk,
        )
        assert (f'href="{address}"' in found) is is_of_it
        named = f'href="/manage/bulletins/{bulletin.pk}/">Children&#x27;s news</a>'
        assert (named in coordinator.get(address).text) is is_of_it


def test_who_has_a_copy_is_not_sent_another(coordinator: Client) -> None:
    make_subscriber(person=make_person("ada@agency.example"))
    send(make_bulletin())
    copies_are(Message.State.SENT, sent_at=NOW)
    [message] = Message.objects.filter(topic=ISSUE)
    assert "Send again" not in coordinator.get(f"/manage/messages/{message.pk}/").text
    with pytest.raises(HasItsCopy):
        send_again(message=message, by=make_coordinator(), now=NOW)
    assert not MessageEvent.objects.exists()


def test_a_copy_that_is_sent_again_counts_once(coordinator: Client) -> None:
    make_subscriber(person=make_person("ada@agency.example"))
    bulletin = make_bulletin()
    send(bulletin)
    copies_are(Message.State.SENT, sent_at=NOW, bounced_at=NOW)
    [message] = Message.objects.filter(topic=ISSUE)
    assert "Send again" in coordinator.get(f"/manage/messages/{message.pk}/").text
    send_again(message=message, by=make_coordinator(), now=NOW)
    assert progress(bulletin) == sending.Progress(all=1, accepted=0, waiting=1, failed=0)


def test_without_a_block_the_mail_says_of_no_moment_and_lists_keep_their_numbers() -> None:
    make_subscriber()
    bulletin = make_bulletin(text="1. First\n2. Second")
    bulletin.parts.exclude(kind="article").delete()
    send(bulletin)
    [message] = Message.objects.filter(topic=ISSUE)
    text = part(read(written(message)), "text/plain")
    assert "1. First\n2. Second" in text
    assert "as at" not in text
