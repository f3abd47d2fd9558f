"""The emails that a preview counts, beside the ones that are then in the outbox."""

import re
from collections import Counter
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts.addresses import no_address
from booking.catalogue.models import Course, Session
from booking.outbox.models import Message
from booking.places.changing import answering
from booking.places.models import Booking
from booking.places.news.drafts import sequence_of_entry
from booking.scheduling import changing
from booking.scheduling.models import SessionGuest
from tests.desk.coordinators import ahead, typed_change, typed_course, typed_details, typed_times
from tests.factories import (
    make_agency,
    make_coordinator,
    make_course,
    make_person,
    make_session,
    make_trainer,
    make_venue,
)
from tests.pages import said, sent_on
from tests.people import book_now
from tests.scheduling.changes import as_it_is

pytestmark = pytest.mark.django_db

IN_ALL = re.compile(r"That is (\d+) emails?(?: and (\d+) letters?)? in all")


def three_dates(days: tuple[int, ...] = (30, 37, 44), **fields: Any) -> Session:
    """A session of several dates, with somebody in every state, managers and a trainer."""
    course = fields.pop("course", None) or make_course(
        title="Neglect", copies_manager=True, needs_manager_approval=True, code="NEG1"
    )
    sittings = [(ahead(day), ahead(day, 13)) for day in days]
    session = make_session(
        course=course, sittings=sittings, capacity=5, trainers=[make_trainer()], **fields
    )
    SessionGuest.objects.create(
        session=session,
        name="Isla",
        email="isla@signs.example",
        purpose="BSL interpreter",
        added_by=make_coordinator(),
        added_at=timezone.now(),
    )
    agency = make_agency(domains=["trust.example"])
    managers = ("a@trust.example", "a@trust.example", "b@trust.example", "c@trust.example")
    people = [make_person(agency=agency, manager_email=each) for each in (*managers, "")]
    people.insert(0, make_person(no_address(), agency=agency, manager_email="e@trust.example"))
    people[-1].manager_email = "d@trust.example"
    people[-1].save()
    bookings = [book_now(session, person) for person in people]
    for booking in bookings[:3]:
        answering.approve(approval=booking.approval, now=timezone.now())
    until = timezone.now() + timedelta(days=2)
    Booking.objects.filter(pk=bookings[3].pk).update(state="offered", offered_until=until)
    session.refresh_from_db()
    return session


def places_online(session: Session) -> dict[str, Any]:
    return typed_change(session, delivery="online", venue="", meeting="https://meet.example/x")


def one_date_moves(session: Session) -> dict[str, Any]:
    return typed_change(session, **typed_times(2, ahead(38), ahead(38, 13)))


def one_date_goes(session: Session) -> dict[str, Any]:
    return typed_change(session, date_2="", start_2="", end_2="")


def one_date_comes(session: Session) -> dict[str, Any]:
    return typed_change(session, **typed_times(4, ahead(51), ahead(51, 13)))


def dates_change_order(session: Session) -> dict[str, Any]:
    return typed_change(session, **typed_times(1, ahead(40), ahead(40, 13)))


def comes_much_sooner(session: Session) -> dict[str, Any]:
    return typed_change(session, **typed_times(1, ahead(1), ahead(1, 13)))


def another_room(session: Session) -> dict[str, Any]:
    return typed_change(session, venue=make_venue("Carriageworks").pk)


def another_trainer(session: Session) -> dict[str, Any]:
    return typed_change(session, trainers=[make_trainer().pk])


def no_trainer(session: Session) -> dict[str, Any]:
    return typed_change(session, trainers=[])


@pytest.fixture
def led(coordinator: Client) -> Session:
    return three_dates()


def keeping_trainers(session: Session, typed: dict[str, Any]) -> dict[str, Any]:
    return {"trainers": [each.pk for each in session.trainers.all()], **typed}


@pytest.mark.parametrize(
    "change",
    [
        places_online,
        one_date_moves,
        one_date_goes,
        one_date_comes,
        dates_change_order,
        comes_much_sooner,
        another_room,
        another_trainer,
        no_trainer,
    ],
)
def test_as_many_emails_leave_as_the_preview_of_a_change_counts(
    coordinator: Client, led: Session, change: Any
) -> None:
    typed = keeping_trainers(led, change(led))
    page = reverse("manage_session_change", args=[led.pk])
    compare(coordinator, page, typed)


def test_as_many_emails_leave_as_the_preview_of_another_title_counts(
    coordinator: Client, led: Session
) -> None:
    course = led.course
    three_dates((60, 61), course=course)
    held = {"needs_manager_approval": "on", "copies_manager": "on", "title": "Neglect again"}
    compare(coordinator, reverse("manage_course", args=[course.pk]), typed_course(**held))


def test_as_many_emails_leave_as_the_preview_of_another_address_counts(
    coordinator: Client,
) -> None:
    venue = make_venue()
    three_dates(venue=venue)
    three_dates((60, 61), venue=venue, course=Course.objects.get())
    typed = {"name": venue.name, "address": "1 New Street", "getting_there": ""}
    compare(coordinator, reverse("manage_venue", args=[venue.pk]), typed)


def test_as_many_emails_leave_as_the_preview_of_instructions_counts(
    coordinator: Client, led: Session
) -> None:
    compare(coordinator, reverse("manage_session_edit", args=[led.pk]), typed_details())


def test_as_many_emails_leave_as_the_preview_of_a_cancellation_counts(
    coordinator: Client, led: Session
) -> None:
    page = reverse("manage_session_cancel", args=[led.pk])
    compare(coordinator, page, {"why": "The trainer is ill.", "answer_days": "3"})


def test_as_many_mails_leave_as_the_preview_counts_where_another_date_is_offered(
    coordinator: Client, led: Session
) -> None:
    """Whoever is put in line there is told so: with an offer, or where they stand."""
    other = make_session(course=led.course, starts_at=ahead(80), capacity=2)
    page = reverse("manage_session_cancel", args=[led.pk])
    typed = {"why": "The trainer is ill.", "answer_days": "3", "next_dates": [other.pk]}
    compare(coordinator, page, typed)
    told = Message.objects.filter(booking__session=other)
    assert {each.topic for each in told} == {"booking.offered", "booking.invited"}


def compare(coordinator: Client, page: str, typed: dict[str, Any]) -> None:
    preview = coordinator.post(page, {**typed, "step": "preview"}).text
    found = IN_ALL.search(preview)
    assert found, preview
    since = Message.objects.count()
    trainers_told = "trainer" in preview
    done = coordinator.post(page, {**typed, **sent_on(preview), "step": "do"})
    left = list(Message.objects.order_by("pk")[since:])
    letters = sum(each.state == Message.State.LETTER for each in left)
    assert (len(left) - letters, letters) == (int(found[1]), int(found[2] or 0))
    assert letters
    assert f"{found[1]} emails and {found[2]} letter" in said(done)
    assert trainers_told == any(each.topic.startswith("trainer.") for each in left)
    # Nobody gets more mails than entries changed, and one that tells it all.
    entries = Counter(each.booking_id for each in left if "event" in each.payload)
    to_people = Counter(each.booking_id for each in left if each.recipient_id and each.booking_id)
    assert all(number <= max(entries[key], 1) for key, number in to_people.items())
    uids = Counter(each.payload["event"]["uid"] for each in left if "event" in each.payload)
    assert set(uids.values()) <= {1}


def test_one_moved_date_of_three_is_one_email(coordinator: Client) -> None:
    session = make_session(sittings=[(ahead(day), ahead(day, 13)) for day in (30, 37, 44)])
    booking = book_now(session, make_person())
    rest = len(Message.objects.all())
    page = reverse("manage_session_change", args=[session.pk])
    coordinator.post(page, {**one_date_moves(session), "step": "do"})
    [message] = Message.objects.order_by("pk")[rest:]
    assert (message.topic, message.booking_id) == ("session.changed", booking.pk)
    assert (message.payload["number"], message.payload["of"]) == (2, 3)


def test_another_trainer_alone_changes_no_calendar(coordinator: Client) -> None:
    session, person = make_session(starts_at=ahead(), trainers=[make_trainer()]), make_person()
    book_now(session, person)
    page = reverse("manage_session_change", args=[session.pk])
    done = coordinator.post(page, {**another_trainer(session), "step": "do"})
    assert said(done) == ("The session is changed. 1 person and 2 trainers will be told by email.")
    told = Message.objects.get(topic="session.changed")
    assert "event" not in told.payload


def test_nobody_is_told_when_nothing_changes_that_is_told(coordinator: Client) -> None:
    """Neither a session's fewest people nor a course's summary is anybody's news."""
    session = make_session(starts_at=ahead(), trainers=[make_trainer()])
    book_now(session, make_person())
    since = Message.objects.count()
    typed = typed_details(joining_instructions="", minimum="3", decide_on=f"{ahead(10):%Y-%m-%d}")
    done = coordinator.post(reverse("manage_session_edit", args=[session.pk]), typed)
    assert said(done) == "The changes are saved."
    course = session.course
    typed = typed_course(title=course.title, code=course.code, summary="Another one.")
    done = coordinator.post(reverse("manage_course", args=[course.pk]), typed)
    assert said(done).endswith(f"saved. {course.title} is saved.")
    assert Message.objects.count() == since


def test_a_trainer_is_told_of_a_cancellation_where_nobody_has_booked(coordinator: Client) -> None:
    session = make_session(starts_at=ahead(), trainers=[make_trainer()])
    page = reverse("manage_session_cancel", args=[session.pk])
    typed = {"why": "Too few people.", "answer_days": "3"}
    assert "Cancel it and tell 1 trainer" in coordinator.post(page, typed).text
    done = coordinator.post(page, {**typed, "step": "do"})
    assert said(done) == "The session is cancelled. 1 trainer will be told by email."


def test_an_answer_to_an_entry_that_stayed_still_counts() -> None:
    session = make_session(sittings=[(ahead(day), ahead(day, 13)) for day in (30, 37)])
    booking = book_now(session, make_person())
    first, second = session.sittings.all()
    kept, moved = as_it_is(session).sittings
    later = changing.PlannedSitting(
        moved.starts_at + timedelta(hours=1), moved.ends_at + timedelta(hours=1), moved.key
    )
    held = changing.Arrangements((kept, later), session.delivery, session.venue, "")
    changing.rearrange(
        session=session, arrangements=held, by=make_coordinator(), now=timezone.now()
    )
    booking.refresh_from_db()
    assert booking.calendar_sequence == 1
    assert sequence_of_entry(booking, first.pk) == 0
    assert sequence_of_entry(booking, second.pk) == 1
    # What was dropped before it left has told their calendar nothing.
    last = booking.messages.filter(topic="session.changed")
    assert last.update(state=Message.State.DROPPED) == 1
    assert sequence_of_entry(booking, second.pk) == 0
