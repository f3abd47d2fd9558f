"""What a preview says of those who are told, beside the mail that is then posted."""

from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from accounts.models import User
from booking.catalogue.models import Course, Session, Venue
from booking.outbox.models import Message
from booking.places.changing import answering
from booking.places.managers.models import Approval
from booking.places.models import Booking
from tests.desk.coordinators import ahead, typed_change, typed_times
from tests.factories import (
    make_agency,
    make_course,
    make_person,
    make_session,
    make_trainer,
    make_venue,
)
from tests.pages import said, sent_on
from tests.people import book_now

pytestmark = pytest.mark.django_db


def session_at(venue: Venue, *, day: int = 30, **fields: Any) -> Session:
    return make_session(venue=venue, starts_at=ahead(day), **fields)


def moved(venue: Venue) -> tuple[str, dict[str, str]]:
    """The page of a venue, and its form with another address."""
    typed = {"name": venue.name, "address": "1 New Street", "getting_there": ""}
    return reverse("manage_venue", args=[venue.pk]), typed


def posted(topic: str, *, since: int = 0) -> list[str]:
    """Whom mail on this topic goes to, of all that was posted after the first so many."""
    later = list(Message.objects.order_by("pk").values_list("topic", "to_email"))[since:]
    return [address for posted_topic, address in later if posted_topic == topic]


def test_somebody_with_three_bookings_is_one_person(coordinator: Client) -> None:
    venue = make_venue()
    often, once = make_person(), make_person()
    sessions = [session_at(venue, day=30 + number) for number in range(4)]
    for session in sessions[:3]:
        book_now(session, often)
    book_now(sessions[0], once)
    full = session_at(venue, day=40, capacity=1)
    for person in (make_person(), often):
        book_now(full, person)
    page, typed = moved(venue)
    preview = coordinator.post(page, typed).text
    assert "3 people on 4 sessions ahead will be told." in preview
    assert "Whoever has booked several of them hears of each." in preview
    assert "<li>3 people with a place:" in preview
    assert "<li>1 person on the waiting list:" in preview
    assert "Change it and tell 3 people" in preview
    assert "trainer" not in preview
    done = coordinator.post(page, {**sent_on(preview), "step": "do"})
    words = "saved. 3 people on 4 sessions will be told by email. 6 emails in all."
    assert said(done).endswith(words)
    told = posted("session.changed")
    assert (len(told), len(set(told))) == (6, 3)


def test_trainers_are_shown_and_told_where_nobody_has_booked(coordinator: Client) -> None:
    venue, one, two = make_venue(), make_trainer(), make_trainer()
    session_at(venue, trainers=[one, two])
    session_at(venue, day=31, trainers=[one])
    page, typed = moved(venue)
    preview = coordinator.post(page, typed).text
    assert "Check before anybody is told" in preview
    assert "Nobody has a booking that this concerns." in preview
    assert "2 trainers get an email for each of these sessions that they lead." in preview
    assert "Change it and tell 2 trainers" in preview
    assert "will be told" not in preview
    assert posted("trainer.changed") == []
    assert Venue.objects.get().address == venue.address
    done = coordinator.post(page, {**sent_on(preview), "step": "do"})
    assert said(done).endswith("saved. 2 trainers will be told by email. 3 emails in all.")
    assert sorted(posted("trainer.changed")) == sorted([one.email, one.email, two.email])


def test_people_and_one_trainer_are_both_counted(coordinator: Client) -> None:
    venue = make_venue()
    book_now(session_at(venue, trainers=[make_trainer()]), make_person())
    page, typed = moved(venue)
    preview = coordinator.post(page, typed).text
    assert "1 trainer gets an email." in preview
    done = coordinator.post(page, {**sent_on(preview), "step": "do"})
    assert "1 person and 1 trainer will be told by email." in said(done)


def test_where_there_is_neither_a_booking_nor_a_trainer_it_is_done_at_once(
    coordinator: Client,
) -> None:
    venue = make_venue("Carriageworks")
    session_at(venue)
    page, typed = moved(venue)
    assert said(coordinator.post(page, typed)) == "Carriageworks is saved."


def colleagues(*managers: str) -> list[User]:
    """People of one agency, each with a line manager."""
    agency = make_agency(domains=["trust.example"])
    return [make_person(agency=agency, manager_email=manager) for manager in managers]


def asking(**fields: Any) -> Course:
    return make_course(title="Neglect", needs_manager_approval=True, **fields)


def test_managers_who_have_not_answered_are_counted_as_they_are_asked_again(
    coordinator: Client,
) -> None:
    venue, course = make_venue(), asking()
    session = session_at(venue, course=course, capacity=6)
    people = colleagues(
        "boss@trust.example",
        "BOSS@trust.example",
        "other@trust.example",
        "stranger@elsewhere.example",
        "agreed@trust.example",
        "late@trust.example",
        "waits@trust.example",
    )
    bookings = [book_now(session, person) for person in people]
    assert [booking.state for booking in bookings[-2:]] == ["requested", "waiting"]
    answering.approve(approval=bookings[4].approval, now=timezone.now())
    Approval.objects.filter(booking=bookings[5]).update(expires_at=timezone.now())
    page, typed = moved(venue)
    preview = coordinator.post(page, typed).text
    assert "<li>1 person with a place:" in preview
    assert "<li>5 people with an offer or a request: an email</li>" in preview
    line = "3 line managers who have not answered yet: asked again, about 4 bookings in all"
    assert f"<li>{line}</li>" in preview
    since = Message.objects.count()
    coordinator.post(page, {**sent_on(preview), "step": "do"})
    asked = posted("approval.asked", since=since)
    assert len(asked) == 4
    assert {address.casefold() for address in asked} == {
        "boss@trust.example",
        "other@trust.example",
        "waits@trust.example",
    }


def test_managers_who_get_a_copy_are_counted_as_they_are_sent_one(coordinator: Client) -> None:
    venue, course = make_venue(), make_course(copies_manager=True)
    session, next_one = session_at(venue, course=course), session_at(venue, day=31, course=course)
    quiet = session_at(venue, day=32)
    people = colleagues(
        "boss@trust.example", "BOSS@trust.example", "x@trust.example", "far@elsewhere.example", ""
    )
    for person in people:
        book_now(session, person)
    book_now(next_one, people[0], wants_both=True)
    book_now(quiet, colleagues("nobody@trust.example")[0])
    page, typed = moved(venue)
    preview = coordinator.post(page, typed).text
    assert "<li>2 line managers of people with a place: a copy</li>" in preview
    assert "not answered yet" not in preview
    coordinator.post(page, {**sent_on(preview), "step": "do"})
    copied = {address.casefold() for address in posted("manager.changed")}
    assert copied == {"boss@trust.example", "x@trust.example"}


def test_managers_hear_nothing_of_joining_instructions(coordinator: Client) -> None:
    session = make_session(course=asking(copies_manager=True), starts_at=ahead())
    agreed, asked = (
        book_now(session, person) for person in colleagues("a@trust.example", "b@trust.example")
    )
    answering.approve(approval=agreed.approval, now=timezone.now())
    typed = {
        "promotion": "offer",
        "offer_hours": "12",
        "joining_instructions": "Ask for Sam.",
        "booking_closes_at": f"{ahead(20):%Y-%m-%dT%H:%M}",
    }
    page = reverse("manage_session_edit", args=[session.pk])
    preview = coordinator.post(page, typed).text
    assert "1 person on 1 session ahead will be told." in preview
    assert "line manager" not in preview
    since = Message.objects.count()
    coordinator.post(page, {**sent_on(preview), "step": "do"})
    assert [
        len(posted(topic, since=since))
        for topic in ("session.changed", "approval.asked", "manager.changed")
    ] == [1, 0, 0]
    assert asked.state == Booking.State.REQUESTED


def test_the_preview_of_other_dates_counts_managers_too(coordinator: Client) -> None:
    session = make_session(course=asking(copies_manager=True), starts_at=ahead())
    agreed, _ = (
        book_now(session, person) for person in colleagues("a@trust.example", "b@trust.example")
    )
    answering.approve(approval=agreed.approval, now=timezone.now())
    session.refresh_from_db()
    typed = typed_change(session, **typed_times(1, ahead(35), ahead(35, 12)))
    page = reverse("manage_session_change", args=[session.pk])
    preview = coordinator.post(page, {**typed, "step": "preview"}).text
    assert "<li>1 line manager who has not answered yet: asked again</li>" in preview
    assert "<li>1 line manager of people with a place: a copy</li>" in preview
    since = Message.objects.count()
    coordinator.post(page, {**typed, "step": "do"})
    assert posted("approval.asked", since=since) == ["b@trust.example"]
    assert posted("manager.changed", since=since) == ["a@trust.example"]


def test_a_preview_costs_the_same_however_many_are_told(coordinator: Client) -> None:
    venue, course = make_venue(), asking(copies_manager=True)
    page, typed = moved(venue)

    def statements() -> int:
        with CaptureQueriesContext(
            connection,
        ) as captured:
            assert "copy" in coordinator.post(page, typed).text
        return len(captured)

    def fill(day: int) -> None:
        session = session_at(venue, day=day, course=course, trainers=[make_trainer()])
        for person in colleagues("a@trust.example", "b@trust.example"):
            booking = book_now(session, person)
        answering.approve(approval=booking.approval, now=timezone.now())

    fill(30)
    few = statements()
    for day in range(31, 35):
        fill(day)
    assert statements() == few


def test_the_button_the_page_and_what_is_said_after_name_the_same_people(
    coordinator: Client,
) -> None:
    session = make_session(
        course=asking(copies_manager=True), starts_at=ahead(), trainers=[make_trainer()]
    )
    agreed, _ = (
        book_now(session, person) for person in colleagues("b@trust.example", "B@trust.example")
    )
    answering.approve(approval=agreed.approval, now=timezone.now())
    session.refresh_from_db()
    typed = typed_change(session, **typed_times(1, ahead(35), ahead(35, 12)))
    page = reverse("manage_session_change", args=[session.pk])
    preview = coordinator.post(page, {**typed, "step": "preview"}).text
    who = "2 people, 1 line manager and 1 trainer"
    assert f"That is 5 emails in all, to {who}." in preview
    assert f">Change it and tell {who}</button>" in preview
    done = coordinator.post(page, {**typed, "step": "do"})
    assert said(done).endswith(f"{who} will be told by email. 5 emails in all.")
    cancel = coordinator.post(
        reverse("manage_session_cancel", args=[session.pk]), {"why": "Ill.", "answer_days": "3"}
    ).text
    assert "That is 3 emails in all, to 2 people and 1 line manager." in cancel
    assert ">Cancel it and tell 2 people and 1 line manager</button>" in cancel


def test_a_guest_of_two_sessions_is_one_guest(coordinator: Client) -> None:
    venue = make_venue()
    for day in (30, 31):
        guests = reverse("manage_session_guests", args=[session_at(venue, day=day).pk])
        isla = {"name": "Isla", "email": "isla@bsl.example", "purpose": "BSL interpreter"}
        assert coordinator.post(guests, isla).status_code == 302
    page, typed = moved(venue)
    preview = coordinator.post(page, typed).text
    assert "1 guest gets an email for each of these sessions that they come to." in preview
    assert "That is 2 emails in all, to 1 guest." in preview
    assert ">Change it and tell 1 guest</button>" in preview
    done = coordinator.post(page, {**sent_on(preview), "step": "do"})
    assert said(done).endswith("1 guest will be told by email. 2 emails in all.")
    assert posted("guest.changed") == ["isla@bsl.example"] * 2
