"""The form of a place that is to be had at once: kept for everybody, and true for each."""

import re

import pytest
from django.core.cache import caches
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from accounts.models import User
from booking.catalogue.models import Session
from booking.partnership import kept
from booking.places import actions
from booking.places.models import Booking
from tests.factories import (
    make_agency,
    make_claimant,
    make_course,
    make_person,
    make_policy,
    make_session,
    morning,
)
from tests.pages import kept_parts
from tests.people import book_now, signed_in

pytestmark = pytest.mark.django_db

_TOKEN = re.compile(r'(?<=name="csrfmiddlewaretoken" value=")[^"]+')


@pytest.fixture
def session(db: None) -> Session:
    """A session with places for the asking, and charges which some agencies are spared."""
    policy = make_policy(late=3500, free_for_trainers_in_kind=True)
    return make_session(capacity=9, starts_at=morning(21), policy=policy)


def readers() -> list[User]:
    """People of whom the form says different things."""
    return [
        make_person("ada@bracken.example", first_name="Adalyn", last_name="Wren"),
        make_person(first_name="Zoë", agency=make_agency("Quill", trainers_in_kind=True)),
        make_claimant("tr@quill.example", first_name="Tristram", agency=make_agency("Moss Trust")),
        make_person(first_name="Edgar", agency=None, unlisted_agency="Elm Trust"),
    ]


def form(client: Client, session: Session) -> str:
    """The page of the form."""
    answer = client.get(reverse("book", args=[session.pk]))
    assert answer.status_code == 200
    return answer.text


def test_the_kept_part_is_the_same_whoever_it_was_made_for(session: Session) -> None:
    made = []
    for person in readers():
        caches["pages"].clear()
        client = signed_in(person)
        text = form(client, session)
        parts = {key: part for key, part in kept_parts().items() if key[0] == "places/book.html"}
        assert len(parts) == 1
        made.append(parts)
        secrets = [*_TOKEN.findall(text), person.email, person.first_name]
        secrets.append(person.agency_name)
        whole = "".join(each for part in parts.values() for each in part if isinstance(each, str))
        assert not [each for each in secrets if each in whole]
    assert all(each == made[0] for each in made)


def test_each_reads_what_they_would_read_alone(session: Session) -> None:
    clients = [signed_in(each) for each in readers()]
    together = [_TOKEN.sub("", form(each, session)) for each in clients]
    for client, shared in zip(clients, together, strict=True):
        caches["pages"].clear()
        assert _TOKEN.sub("", form(client, session)) == shared
    paying, spared, claiming, alone = together
    assert "£35 for late cancellation" in paying
    assert "No charge for your agency" in spared
    assert "you told us that you work for Moss Trust" in claiming
    assert "Some agencies pay nothing" in alone


def test_places_are_counted_now_and_a_change_shows_at_once(session: Session) -> None:
    client = signed_in(make_person())
    assert "9 places left." in form(client, session)
    book_now(session)
    assert "8 places left." in form(client, session)
    kept_before = len(kept_parts())
    type(session.course).objects.filter(pk=session.course_id).update(title="What it is now")
    assert "What it is now" in form(client, session)
    kept.change(values={"name": "Another partnership"}, by=None)
    assert "Another partnership" in form(client, session)
    assert len(kept_parts()) > kept_before


def test_whoever_must_name_a_manager_waits_or_books_twice_has_a_page_of_their_own(
    session: Session,
) -> None:
    person = make_person(manager_email="boss@agency.example")
    client, course = signed_in(person), session.course
    form(client, session)
    assert "boss@agency.example" not in form(client, session)
    type(course).objects.filter(pk=course.pk).update(needs_manager_approval=True)
    assert "boss@agency.example" in form(client, session)
    type(course).objects.filter(pk=course.pk).update(needs_manager_approval=False)
    assert "boss@agency.example" not in form(client, session)
    other = make_session(course=course, starts_at=morning(30))
    book_now(other, person)
    assert "Book this date as well" in form(client, session)
    Session.objects.filter(pk=session.pk).update(capacity=1, places_taken=1)
    assert "Join the waiting list" in form(signed_in(make_person()), session)


def test_what_is_said_while_somebody_waits_is_said_to_nobody_afterwards(session: Session) -> None:
    other = make_session(starts_at=session.starts_at)
    Session.objects.filter(pk=session.pk).update(capacity=1)
    waits, client = make_person(), signed_in(make_person())
    for each, person in ((other, waits), (session, make_person()), (session, waits)):
        book_now(each, person)
    # They hold the other place, so that this one is for whoever asks.
    Session.objects.filter(pk=session.pk).update(capacity=2)
    assert "Book this place" in form(client, session)
    assert not [key for key in kept_parts() if key[0] == "places/book.html"]
    mine = Booking.objects.get(person=waits, session=session)
    assert mine.state == Booking.State.WAITING
    actions.cancel(booking=mine, by=waits, now=timezone.now())
    text = form(client, session)
    assert "1 place left." in text
    assert "Join the waiting list" not in text


def test_the_form_takes_the_token_of_its_reader_alone(session: Session) -> None:
    clients, tokens = [], []
    for _ in range(2):
        clients.append(client := Client(enforce_csrf_checks=True))
        client.force_login(make_person())
        tokens.append(_TOKEN.findall(form(client, session))[-1])
    address = reverse("book", args=[session.pk])
    taken = [
        client.post(address, {"csrfmiddlewaretoken": token}).status_code
        for client, token in zip(clients, reversed(tokens), strict=True)
    ]
    assert taken == [403, 403]
    assert clients[0].post(address, {"csrfmiddlewaretoken": tokens[0]}).status_code == 302


def test_a_draft_has_no_form_and_nothing_is_asked_of_one_online_that_is_for_a_room() -> None:
    client = signed_in(make_person())
    draft = make_session(state=Session.State.DRAFT, starts_at=morning(21))
    assert client.get(reverse("book", args=[draft.pk])).status_code == 404
    assert client.get(reverse("book", args=[10**9])).status_code == 404
    online = make_session(delivery=Session.Delivery.ONLINE, venue=None, starts_at=morning(22))
    hall = make_session(course=make_course(), starts_at=morning(23), published_at=timezone.now())
    for _ in range(2):
        assert "Access needs (optional)" in form(client, online)
        assert "Access or dietary needs (optional)" in form(client, hall)


def test_it_costs_two_statements_beside_who_is_signed_in(session: Session) -> None:
    client = signed_in(make_person())
    form(client, session)
    with CaptureQueriesContext(connection) as asked:
        form(client, session)
    assert len(asked) == 3
