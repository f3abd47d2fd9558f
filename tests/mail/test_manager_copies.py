"""Copies to the line manager: who gets one, of what, and what it leaves out."""

from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.db import connection, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts.models import User
from booking.catalogue.models import Course, Session
from booking.outbox.models import Message
from booking.places import actions
from booking.places.changes import Change
from booking.places.changing import answering, exchanges
from booking.places.managers import asking
from booking.places.managers.models import Approval
from booking.places.models import Booking
from booking.scheduling import cancelling
from tests.factories import (
    NOW,
    make_agency,
    make_coordinator,
    make_course,
    make_person,
    make_session,
)
from tests.mail.letters import THREE_DATES, part, read, written
from tests.people import give_up, signed_in
from tests.scheduling.changes import move, rearrange

pytestmark = pytest.mark.django_db

MANAGER = "manager@agency.example"


@pytest.fixture
def course() -> Course:
    """A course that tells managers."""
    return make_course(title="Neglect", copies_manager=True)


def make_practitioner(**fields: Any) -> User:
    fields.setdefault("manager_email", MANAGER)
    if "agency" not in fields:
        fields["agency"] = make_agency(domains=["agency.example"])
    return make_person(first_name="Priya", last_name="Shah", **fields)


def book(session: Session, person: User | None = None) -> Booking:
    person = person or make_practitioner()
    return actions.book(session=session, person=person, by=person, now=NOW, needs="I am diabetic.")


def copies() -> list[Message]:
    return list(Message.objects.filter(topic__startswith="manager.").order_by("pk"))


def topics() -> list[str]:
    return [message.topic for message in copies()]


def test_the_manager_gets_a_copy_of_booking_change_and_cancellation(course: Course) -> None:
    session = make_session(course=course, sittings=THREE_DATES)
    booking = book(session)
    move(session, timedelta(days=7))
    actions.cancel(booking=booking, by=booking.person, now=NOW, why="I am ill.")
    assert topics() == ["manager.confirmed", "manager.changed", "manager.cancelled"]
    for message in copies():
        assert message.to_email == MANAGER
        assert message.recipient is None
        assert message.booking == booking
    [stream] = {message.stream for message in copies()}
    assert stream not in set(
        Message.objects.exclude(topic__startswith="manager.").values_list("stream", flat=True)
    )


def test_a_copy_has_no_calendar_part_and_nothing_to_act_by(course: Course) -> None:
    session = make_session(course=course, sittings=THREE_DATES)
    booking = book(session)
    move(session, timedelta(days=7))
    actions.cancel(booking=booking, by=booking.person, now=NOW, why="I am ill.")
    for message in copies():
        mail = read(written(message))
        [to] = mail["To"].addresses
        assert (to.display_name, to.addr_spec) == ("", MANAGER)
        types = [each.get_content_type() for each in mail.iter_parts()]
        assert types == ["text/plain", "text/html"]
        for body in (part(mail, "text/plain"), part(mail, "text/html")):
            assert "Priya Shah has named you as their line manager" in body
            assert "/bookings/" not in body
            assert "Hello Priya" not in body
            assert "diabetic" not in body
            assert "ill." not in body
            assert "None" not in body
        text = part(mail, "text/plain")
        assert "\n\n\n" not in text
        assert text.startswith("Hello,\n\n")


def test_the_copies_say_what_happened(course: Course) -> None:
    session = make_session(course=course, sittings=THREE_DATES)
    booking = book(session)
    move(session, timedelta(days=1))
    give_up(booking)
    booked, changed, cancelled = (read(written(message)) for message in copies())
    assert booked["Subject"] == "A place for somebody you manage: Neglect, Wed 3 Feb 2027"
    assert changed["Subject"] == "Changed for somebody you manage: Neglect, now Wed 3 Feb 2027"
    assert cancelled["Subject"] == (
        "Cancelled: a place for somebody you manage on Neglect, Wed 3 Feb 2027"
    )
    assert session.venue is not None
    assert session.venue.name in part(booked, "text/plain")
    words = part(changed, "text/plain")
    assert "Before: Tuesday 2 February 2027, 9am to 12pm" in words
    assert "Now: Wednesday 3 February 2027, 9am to 12pm" in words


def test_a_cancelled_session_is_told_with_its_reason(course: Course) -> None:
    session = make_session(course=course)
    book(session)
    cancelling.cancel_session(
        session=session, by=make_coordinator(), now=NOW, why="The trainer is away."
    )
    text = part(read(written(copies()[-1])), "text/plain")
    assert "Neglect has been cancelled\n\nPriya Shah had a place on it" in text
    assert "The trainer is away." in text


def test_somebody_given_a_place_from_the_list_is_told_of_only_then(course: Course) -> None:
    session = make_session(course=course, capacity=1)
    first = book(session, make_person())
    waits = book(session)
    assert topics() == []
    give_up(first)
    assert topics() == ["manager.confirmed"]
    assert copies()[0].booking == waits


def test_an_accepted_offer_is_told_of_and_an_open_one_is_not(course: Course) -> None:
    session = make_session(course=course, capacity=1, promotion=Session.Promotion.OFFER)
    first = book(session, make_person())
    waits = book(session)
    give_up(first)
    assert topics() == []
    answering.accept_offer(booking=waits, by=waits.person, now=NOW)
    assert topics() == ["manager.confirmed"]


def test_who_waits_or_leaves_the_list_is_nobody_elses_business(course: Course) -> None:
    session = make_session(course=course, capacity=1)
    book(session, make_person())
    waits = book(session)
    move(session, timedelta(days=1))
    give_up(waits)
    assert topics() == []


@pytest.mark.parametrize("label", ["Join link", "Reworded"])
def test_a_new_join_link_is_for_those_who_attend(
    course: Course, label: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    as_payload = Change.as_payload
    monkeypatch.setattr(Change, "as_payload", lambda each: {**as_payload(each), "what": label})
    session = make_session(course=course, delivery=Session.Delivery.ONLINE)
    book(session)
    Session.objects.filter(pk=session.pk).update(sent_openly=True)
    rearrange(session, meeting="https://meet.example/secret")
    assert topics() == ["manager.confirmed"]
    move(session, timedelta(days=1), meeting="https://meet.example/other")
    mail = read(written(copies()[-1]))
    assert "Wednesday 3 February 2027" in part(mail, "text/plain")
    assert ", now " in mail["Subject"]
    for message in copies():
        assert b"meet.example" not in written(message)


def test_a_place_given_to_a_colleague_is_told_to_the_managers_of_both(course: Course) -> None:
    agency = make_agency(domains=["agency.example"])
    session = make_session(course=course)
    given = book(session, make_practitioner(agency=agency))
    colleague = make_person(agency=agency, first_name="Ola", manager_email="other@agency.example")
    exchanges.substitute(booking=given, to=colleague, by=given.person, now=NOW)
    _, gone, came = copies()
    assert (gone.topic, gone.to_email) == ("manager.cancelled", MANAGER)
    assert (came.topic, came.to_email) == ("manager.confirmed", "other@agency.example")
    assert f"It was given to {colleague.email}, a colleague." in part(
        read(written(gone)), "text/plain"
    )


def test_an_exchanged_date_is_told_as_one_given_up_and_one_had(course: Course) -> None:
    session = make_session(course=course)
    later = make_session(course=course, starts_at=NOW + timedelta(days=35))
    exchanges.transfer(booking=(given := book(session)), to=later, by=given.person, now=NOW)
    assert topics() == ["manager.confirmed", "manager.cancelled", "manager.confirmed"]
    assert copies()[2].booking != given
    words = "It was moved to Tue 16 Feb 2027."
    assert words in part(read(written(copies()[1])), "text/plain")


def test_a_place_held_until_the_manager_agrees_is_told_of_once_they_do() -> None:
    course = make_course(copies_manager=True, needs_manager_approval=True)
    agency = make_agency(domains=["agency.example"])
    booking = book(make_session(course=course), make_practitioner(agency=agency))
    assert topics() == []
    answering.approve(approval=booking.approval, now=NOW)
    assert topics() == ["manager.confirmed"]


def make_asking() -> Session:
    """A session whose course asks managers and tells them."""
    return make_session(course=make_course(copies_manager=True, needs_manager_approval=True))


def test_the_copy_goes_to_the_manager_who_was_asked_and_not_to_the_usual_one() -> None:
    session, person = make_asking(), make_practitioner()
    asked = "other@agency.example"
    booking = actions.book(session=session, person=person, by=person, now=NOW, manager_email=asked)
    answering.approve(approval=booking.approval, now=NOW)
    move(session, timedelta(days=1))
    actions.cancel(booking=booking, by=person, now=NOW)
    assert [(message.topic, message.to_email) for message in copies()] == [
        ("manager.confirmed", asked),
        ("manager.changed", asked),
        ("manager.cancelled", asked),
    ]
    confirmation = read(written(Message.objects.get(topic="booking.promoted")))
    assert f"Your line manager, {asked}, gets a copy" in part(confirmation, "text/plain")


def test_no_copy_goes_to_an_address_elsewhere_that_nobody_confirmed(course: Course) -> None:
    session = make_session(course=course)
    booking = book(session, make_practitioner(manager_email="somebody@elsewhere.example"))
    move(session, timedelta(days=1))
    assert topics() == []
    [message] = Message.objects.filter(booking=booking, topic="booking.confirmed")
    assert "line manager" not in part(read(written(message)), "text/plain")


def test_who_only_says_where_they_work_has_nobody_written_to(course: Course) -> None:
    book(make_session(course=course), make_practitioner(agency_confirmed_at=None))
    assert not copies()


def test_an_address_elsewhere_gets_copies_once_a_coordinator_confirmed_it() -> None:
    session = make_asking()
    booking = book(session, make_practitioner(manager_email="head@elsewhere.example"))
    assert booking.approval.state == Approval.State.UNCONFIRMED
    asking.confirm_address(approval=booking.approval, by=make_coordinator(), now=NOW)
    answering.approve(approval=Approval.objects.get(booking=booking), now=NOW)
    assert [message.to_email for message in copies()] == ["head@elsewhere.example"]


def test_copies_cost_a_booking_no_statement(course: Course) -> None:
    counts = []
    for each in (make_course(), course):
        session, person = make_session(course=each), make_practitioner()
        with CaptureQueriesContext(connection) as statements:
            book(session, person)
        counts.append(len(statements))
    assert counts[0] == counts[1]


@pytest.mark.parametrize(
    "address", ["", "practitioner@agency.example", "Practitioner@Agency.Example"]
)
def test_no_copy_without_a_manager_or_to_oneself(course: Course, address: str) -> None:
    session = make_session(course=course)
    booking = book(
        session, make_practitioner(email="practitioner@agency.example", manager_email=address)
    )
    give_up(booking)
    assert topics() == []


def test_a_course_that_does_not_ask_for_copies_sends_none() -> None:
    session = make_session(course=make_course())
    booking = book(session)
    give_up(booking)
    assert topics() == []


def test_copies_stand_or_fall_with_the_decision(course: Course) -> None:
    session = make_session(course=course)
    with transaction.atomic():
        book(session)
        assert topics() == ["manager.confirmed"]
        transaction.set_rollback(True)
    assert topics() == []


@time_machine.travel(NOW, tick=False)
def test_the_practitioner_is_told_that_a_copy_goes_to_the_manager(course: Course) -> None:
    session = make_session(course=course)
    person = make_practitioner()
    client = signed_in(person)
    assert (
        f"Your line manager, {MANAGER}, gets a copy"
        in client.get(f"/sessions/{session.pk}/book/").text
    )
    booking = book(session, person)
    assert (
        f"Your line manager, {MANAGER}, gets a copy" in client.get(booking.get_absolute_url()).text
    )
    confirmation = read(written(Message.objects.get(topic="booking.confirmed")))
    for kind in ("text/plain", "text/html"):
        assert f"Your line manager, {MANAGER}, gets a copy of this" in part(confirmation, kind)
    assert "your line manager, if you have named one" in Client().get("/privacy/").text


def test_nobody_is_told_of_copies_that_do_not_go_out() -> None:
    session = make_session()
    person = make_practitioner()
    client = signed_in(person)
    assert "line manager" not in client.get(f"/sessions/{session.pk}/book/").text
    booking = book(session, person)
    assert "line manager" not in client.get(booking.get_absolute_url()).text
