"""Topics of messages: what is posted is registered, and what is registered is posted."""

import ast
import re

import pytest
from django.core.mail import send_mail

from booking.bulletins import sending, subscribing
from booking.catalogue import interest
from booking.catalogue.models import Session
from booking.local.servers import REPOSITORY
from booking.mail.composing import compose
from booking.materials.actions import add_material, news_of, tell_of_news
from booking.outbox.models import ACCOUNT_MAIL, Message
from booking.outbox.topics import MailTopic, register, registered_topics, topic_of
from booking.partnership.models import Partnership
from booking.places.changes import Change
from booking.places.holding import agency_confirmed, agency_not_ours
from booking.places.lock import read_session
from booking.places.managers.copies import with_copies
from booking.scheduling import drafting, guests, trainers
from booking.scheduling.covering import ask_to_cover
from booking.scheduling.guests import add_guest, remove_guest
from booking.scheduling.writing import write_to_people
from tests.bulletins.bulletins import make_bulletin, make_subscriber
from tests.factories import (
    NOW,
    make_agency,
    make_coordinator,
    make_course,
    make_person,
    make_session,
    make_trainer,
)
from tests.mail.letters import THREE_DATES, every_notice, make_booking, part, post, read

# As `booking.confirmed`.
TOPIC = re.compile(r"[a-z]+\.[a-z_]+")


def names() -> set[str]:
    return {topic.name for topic in registered_topics()}


def test_every_topic_has_words_of_its_own_and_templates() -> None:
    words = [topic.words for topic in registered_topics()]
    assert all(" " in each or each.istitle() for each in words)
    assert len(words) == len(set(words))
    templates = REPOSITORY / "templates/mail"
    folders = {path.name for path in templates.iterdir() if path.is_dir()}
    assert folders == names() - {ACCOUNT_MAIL}
    for folder in folders:
        for template in ("subject.txt", "body.html"):
            assert (templates / folder / template).exists()


def test_no_subject_has_the_name_of_a_person() -> None:
    lines = (REPOSITORY / "templates/mail").glob("*/*.txt")
    named = re.compile(r"\{\{[^}]*(person|owner|named|first_|last_|\.by\b)")
    assert [line.parent.name for line in lines if named.search(line.read_text())] == []


def test_every_topic_that_a_room_names_where_it_posts_is_registered() -> None:
    named = set()
    for file in (REPOSITORY / "booking").rglob("*.py"):
        source = file.read_text()
        if re.search(r"^from booking.outbox.posting import .*\bDraft\b", source, re.MULTILINE):
            strings = [
                each.value
                for each in ast.walk(ast.parse(source))
                if isinstance(each, ast.Constant) and isinstance(each.value, str)
            ]
            named |= {each for each in strings if TOPIC.fullmatch(each)}
    assert "booking.offered" in named
    assert named <= names()


def post_every_topic(name: str) -> None:
    """A message of each topic, in which the partnership, a course and so on are called so."""
    Partnership.objects.create(name=name)
    agency = make_agency(name, domains=["agency.example"])
    priya = make_person(
        agency=agency, first_name=name, last_name=name, manager_email="manager@agency.example"
    )
    ada, ben = make_trainer(first_name=name, last_name=name), make_trainer()
    course = make_course(copies_manager=True, title=name)
    online = make_session(course=course, delivery=Session.Delivery.ONLINE, trainers=[ada])
    booking = make_booking(online, person=priya)
    # The copies of two confirmations of one booking would be one.
    told_of = [each for each in every_notice(booking) if each.topic != "booking.confirmed"]
    post(with_copies(told_of, read_session(online.pk).rules, [booking]))
    post(
        every_notice(
            make_booking(
                make_session(course=make_course(title=name), sittings=THREE_DATES), person=priya
            )
        )
    )
    trainers.tell_of_publishing(online, now=NOW)
    told = [Change("Place", name, "There")]
    trainers.tell_of_change(online, told, led_before=[ada, ben], now=NOW)
    trainers.tell_of_end(online, why=name, now=NOW)
    coordinator = make_coordinator()
    guest = add_guest(
        session=online, name=name, email="isla@signs.example", purpose=name,
        by=coordinator, now=NOW,
    )  # fmt: skip
    guests.tell_of_change(online, told, now=NOW)
    guests.tell_of_end(online, why=name, now=NOW)
    remove_guest(guest=guest, by=coordinator, now=NOW)
    ask_to_cover(
        session=online, ill=ada, cover=ben, tells_people=True, note="", by=coordinator, now=NOW
    )
    write_to_people(
        session=online, states=["confirmed"], chosen=(), shown=None, subject=name,
        text=name, by=coordinator, now=NOW,
    )  # fmt: skip
    subscribing.ask_by_address(email="bo@elsewhere.example", now=NOW)
    make_subscriber()
    bulletin = make_bulletin(title=name, text=name)
    sending.send(bulletin=bulletin, expected_revision=bulletin.revision, now=NOW)
    sending.post_bulletins(now=NOW)
    interest.tell_me(course=course, person=make_person(), now=NOW)
    draft = make_session(course=course, state=Session.State.DRAFT)
    drafting.publish_draft(session=draft, first_days=None, by=make_coordinator(), now=NOW)
    add_material(
        owner=online, title=name, audience="booked", file=None, link="https://film.example",
        last_day=None, by=coordinator, now=NOW,
    )  # fmt: skip
    news = news_of(online, now=NOW)
    tell_of_news(owner=online, shown=news.shown, by=coordinator, now=NOW)
    agency_told = [told(priya, agency, now=NOW) for told in (agency_confirmed, agency_not_ours)]
    post(agency_told)
    send_mail("A code", "BCD-FGH", None, [priya.email])


@pytest.mark.django_db
def test_every_registered_topic_is_posted() -> None:
    post_every_topic("Neglect")
    assert set(Message.objects.values_list("topic", flat=True)) == names()


@pytest.mark.django_db
def test_names_stand_in_every_subject_and_text_as_they_were_typed() -> None:
    post_every_topic("Children's <b>news</b> & more")
    escaped, seen = re.compile("&(#?[a-z0-9]+;|amp|#x27)"), set()
    messages = Message.objects.exclude(topic=ACCOUNT_MAIL)
    for key, mime in compose(list(messages), clock=lambda: NOW).items():
        if isinstance(mime, bytes):
            mail, topic = read(mime), Message.objects.get(pk=key).topic
            words = f"{mail['Subject']}\n{part(mail, 'text/plain')}"
            assert not escaped.search(words), (topic, words)
            assert not re.search("&amp;(amp|lt|gt|quot|#x27)", part(mail, "text/html")), topic
            seen.add(topic)
    assert {sending.ISSUE, subscribing.CONFIRM, "booking.confirmed"} < seen
    assert names() - seen - {ACCOUNT_MAIL} == set()


def test_a_topic_that_nobody_registered_counts_as_secret() -> None:
    unknown = Message(topic="no.such_topic")
    assert unknown.is_secret
    assert not unknown.holds_a_code
    assert topic_of("no.such_topic").words == "no.such_topic"


def test_a_topic_is_registered_once() -> None:
    with pytest.raises(ValueError, match="twice"):
        register(MailTopic("booking.offered", "Offer of a place"))
    assert topic_of("booking.offered").holds == "link"
