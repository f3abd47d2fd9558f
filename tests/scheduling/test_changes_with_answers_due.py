"""What a change of dates does to offers and to managers who have yet to answer."""

from dataclasses import replace
from datetime import timedelta

import pytest
from django.db.models import QuerySet

from booking.catalogue.courses import VenuePlan
from booking.catalogue.models import Session
from booking.mail.composing import compose
from booking.outbox.delivery import Pointless
from booking.outbox.models import Message
from booking.places import links
from booking.places.changing import answering
from booking.places.managers import asking
from booking.places.managers.models import Approval
from booking.places.models import Booking
from booking.scheduling import corrections
from tests.factories import (
    NOW,
    make_agency,
    make_coordinator,
    make_course,
    make_person,
    make_session,
    make_venue,
)
from tests.mail.letters import part, read
from tests.people import book, give_up
from tests.scheduling.changes import as_it_is, move_to, posted, rearrange

pytestmark = pytest.mark.django_db


def test_who_has_yet_to_answer_has_no_longer_than_until_the_new_start() -> None:
    session = make_session(capacity=1, promotion=Session.Promotion.OFFER)
    held, offered, invited = book(session), book(session), book(session)
    give_up(held)
    Booking.objects.filter(pk=invited.pk).update(must_accept_by=session.starts_at)
    offered.refresh_from_db()
    first_end = offered.offered_until
    sooner = NOW + timedelta(hours=4)
    move_to(session, sooner)
    offered.refresh_from_db()
    invited.refresh_from_db()
    assert offered.offered_until is not None
    assert first_end is not None
    assert NOW < offered.offered_until < sooner < first_end
    assert invited.must_accept_by == sooner
    *_, first, second = posted(offered)
    assert [each.topic for each in (first, second)] == ["booking.offered"] * 2
    assert second.payload["until"] == offered.offered_until.isoformat()
    assert [each["what"] for each in second.payload["changes"]] == ["Date and time"]
    # The first has not left yet, and its link is dead.
    composed = compose([first, second], clock=lambda: NOW)
    assert isinstance(composed[first.pk], Pointless)
    assert isinstance(composed[second.pk], bytes)


def test_an_offer_lasts_as_promised_unless_the_session_moves_to_begin_earlier() -> None:
    venue = make_venue("Carriageworks")
    session = make_session(capacity=1, promotion=Session.Promotion.OFFER, venue=venue)
    held, offered = book(session), book(session)
    give_up(held)
    offered.refresh_from_db()
    promised = offered.offered_until
    Session.objects.update(offer_hours=1)
    plan = VenuePlan(name=venue.name, address="1 New Street, Leeds", getting_there="")
    corrections.change_venue(venue=venue, plan=plan, by=make_coordinator(), now=NOW)
    move_to(session, session.starts_at + timedelta(days=1))
    offered.refresh_from_db()
    assert offered.offered_until == promised
    told = [message.topic for message in posted(offered)]
    assert told == ["booking.waiting", "booking.offered", *["session.changed"] * 2]


def test_a_manager_is_not_asked_twice_who_was_asked_anew_in_the_same_moment() -> None:
    course = make_course(needs_manager_approval=True)
    session = make_session(course=course, capacity=1)
    agency = make_agency(domains=["agency.example"])
    first, waiting = (
        book(session, person)
        for person in (
            make_person(agency=agency, manager_email="boss@agency.example") for _ in range(2)
        )
    )
    move_to(session, NOW + timedelta(days=9))
    assert questions(waiting).count() == 2
    give_up(first)
    waiting.refresh_from_db()
    assert waiting.state == Booking.State.REQUESTED
    assert questions(waiting).count() == 2
    asking.change_manager(
        booking=waiting, manager_email="chief@agency.example", by=waiting.person, now=NOW
    )
    *_, second, third = questions(waiting)
    composed = compose([second, third], clock=lambda: NOW)
    assert isinstance(composed[second.pk], Pointless)
    assert isinstance(composed[third.pk], bytes)


def test_a_manager_who_has_not_answered_is_asked_about_the_session_as_it_is_now() -> None:
    session = make_session(course=make_course(needs_manager_approval=True), delivery="online")
    agency = make_agency(domains=["agency.example"])
    managers = ("boss@agency.example", "boss@agency.example", "boss@elsewhere.example")
    people = [make_person(agency=agency, manager_email=each) for each in managers]
    asked, agreed, unconfirmed = (book(session, person) for person in people)
    answering.approve(approval=agreed.approval, now=NOW)
    key = Approval.objects.get(booking=asked).key
    rearrange(session, meeting="https://meet.example/new")
    assert questions(asked).count() == 1, "the link is not their business"
    sooner = NOW + timedelta(days=2)
    [planned] = as_it_is(session).sittings
    moved = replace(planned, starts_at=sooner, ends_at=sooner + timedelta(hours=3))
    rearrange(session, sittings=(moved,), meeting="")
    first, second = questions(asked)
    assert second.to_email == "boss@agency.example"
    assert second.payload["until"] == sooner.isoformat()
    assert [each["what"] for each in second.payload["changes"]] == ["Date and time"]
    assert (questions(agreed).count(), questions(unconfirmed).count()) == (1, 0)
    # The first has not left yet; the link in both is the same.
    composed = compose([first, second], clock=lambda: NOW)
    assert isinstance(composed[first.pk], Pointless)
    mail = composed[second.pk]
    assert isinstance(mail, bytes)
    words = part(read(mail), "text/plain")
    assert "The session has changed since we asked you." in words
    assert "Thursday 14 January 2027, 9am to 12pm" in words
    assert links.approval_path(key) in words
    answering.approve(approval=Approval.objects.get(key=key), now=NOW + timedelta(hours=1))
    asked.refresh_from_db()
    assert asked.state == Booking.State.CONFIRMED


def questions(booking: Booking) -> QuerySet[Message]:
    """What the manager was asked about a booking, in order."""
    return Message.objects.filter(booking=booking, topic="approval.asked").order_by("pk")


def test_a_place_held_for_the_manager_is_held_until_the_new_start_at_most() -> None:
    session = make_session(course=make_course(needs_manager_approval=True))
    person = make_person(manager_email="manager@example.org")
    booking = book(session, person)
    sooner = NOW + timedelta(days=2)
    move_to(session, sooner)
    approval = Approval.objects.get(booking=booking)
    assert approval.expires_at == sooner
    assert posted(booking)[-1].payload["until"] == sooner.isoformat()
