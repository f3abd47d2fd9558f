"""Who would come to another date, who hears of it, and who gets the first turn."""

import re
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts.models import User
from booking.catalogue import interest
from booking.catalogue.models import Course, CourseInterest, Session
from booking.mail.composing import compose
from booking.outbox.delivery import Pointless
from booking.outbox.models import Message
from booking.places import actions
from booking.places.models import Booking
from booking.scheduling import demand, drafting
from tests.factories import (
    NOW,
    make_agency,
    make_coordinator,
    make_course,
    make_person,
    make_session,
)
from tests.mail.letters import part, read
from tests.people import book, signed_in

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("at_now")]

State = Booking.State


def ask(course: Course, person: User | None = None, *, days: int = 0) -> User:
    who = person or make_person()
    interest.tell_me(course=course, person=who, now=NOW + timedelta(days=days))
    return who


def draft(course: Course, **fields: Any) -> Session:
    return make_session(course=course, state=Session.State.DRAFT, **fields)


def test_one_asks_and_stops_on_the_page_of_the_course() -> None:
    course, person = make_course("SG"), make_person()
    client = signed_in(person)
    assert "Tell me about new dates" in client.get("/courses/SG/").text
    for _ in range(2):
        client.post("/courses/SG/new-dates/")
    assert CourseInterest.objects.filter(course=course, person=person).count() == 1
    assert "Stop telling me about new dates" in client.get("/courses/SG/").text
    client.post("/courses/SG/new-dates/", {"stop": "1"})
    assert "Tell me about new dates" in client.get("/courses/SG/").text
    assert "Sign in to be told about new dates" in Client().get("/courses/SG/").text
    assert client.get("/courses/SG/new-dates/").status_code == 405


def test_each_person_counts_once_by_course_and_agency() -> None:
    course, other = make_course(title="Neglect"), make_course()
    police, health = make_agency("Police"), make_agency("Health", sector="health")
    full = make_session(course=course, capacity=1)
    book(full)
    both = make_person(agency=police)
    ask(course, both)
    book(full, both)
    book(full, make_person(agency=health))
    ask(course, make_person(agency=police))
    ask(other)
    first, _ = demand.by_course(now=NOW)
    assert (first.title, first.people, first.waiting) == ("Neglect", 3, 2)
    told = [(each.agency, each.people, each.waiting) for each in demand.by_agency(course, now=NOW)]
    assert told == [("Police", 2, 1), ("Health", 1, 1)]
    coordinator = signed_in(make_coordinator())
    assert "<strong>3</strong>" in coordinator.get("/manage/demand/").text
    page = coordinator.get(f"/manage/demand/{course.pk}/").text
    assert "3 people, of whom 2 wait" in page
    assert f"/manage/sessions/new/?course={course.pk}" in page
    assert signed_in(make_person()).get("/manage/demand/").status_code == 404


def test_those_who_asked_first_are_offered_the_places_in_order_and_newcomers_come_behind() -> None:
    course = make_course()
    full = make_session(course=course, capacity=1)
    book(full)
    second = book(full, now=NOW + timedelta(days=2)).person
    third, first = ask(course, days=3), ask(course, days=1)
    session = draft(course, capacity=2, starts_at=NOW + timedelta(days=60))
    coordinator = make_coordinator()
    page = signed_in(coordinator).get(f"/manage/sessions/{session.pk}/").text
    assert "3 people have asked for a date of this course" in page
    drafts = signed_in(coordinator).get("/manage/sessions/drafts/").text
    assert "3 people have asked for a date of a course on this list" in drafts
    now = NOW + timedelta(days=6)
    with time_machine.travel(now, tick=False):
        answer = signed_in(coordinator).post(
            f"/manage/sessions/{session.pk}/publish/", {"first_days": "3"}
        )
        newcomer = actions.book(session=session, person=make_person(), by=coordinator, now=now)
    assert answer.status_code == 302
    line = Booking.objects.filter(session=session).order_by("ticket")
    assert [(each.person, each.state) for each in line] == [
        (first, State.OFFERED),
        (second, State.OFFERED),
        (third, State.WAITING),
        (newcomer.person, State.WAITING),
    ]
    assert not Message.objects.filter(topic="course.new_date").exists()
    later = now + timedelta(days=10)
    actions.fill_places(session=session, now=later)
    newcomer.refresh_from_db()
    assert newcomer.state == State.CONFIRMED


def test_without_a_first_turn_everybody_interested_is_told_once_by_mail() -> None:
    course = make_course(title="Neglect", sectors=["police"])
    wants = ask(course, make_person(first_name="Ada", last_name="Obi"))
    ask(course, make_person(agency=make_agency(sector="health")))
    gone = ask(course)
    interest.stop_telling(course=course, person=gone, now=NOW)
    session = draft(course)
    drafting.publish_draft(session=session, first_days=None, by=make_coordinator(), now=NOW)
    [message] = Message.objects.filter(topic="course.new_date")
    assert message.to_email == wants.email
    written = compose([message], clock=lambda: NOW)[message.pk]
    assert isinstance(written, bytes)
    mail = read(written)
    assert str(mail["Subject"]) == "A new date: Neglect, Tue 2 Feb 2027"
    for kind in ("text/plain", "text/html"):
        assert "Tuesday 2 February 2027, 9am to 12pm" in part(mail, kind)
        assert session.get_absolute_url() in part(mail, kind)
    link = re.search(r"/new-dates/\S+/stop/", part(mail, "text/plain"))
    assert link is not None
    anonymous = Client()
    asked = anonymous.get(link.group())
    assert "Stop hearing of new dates?" in asked.text
    # Under "no-referrer" browsers send the form without its origin, and it is refused.
    assert asked["Referrer-Policy"] == "strict-origin"
    assert "no-store" in asked["Cache-Control"]
    assert interest.is_told(course, wants)
    assert "You do not hear of new dates any more" in anonymous.post(link.group()).text
    assert not interest.is_told(course, wants)
    assert isinstance(compose([message], clock=lambda: NOW)[message.pk], Pointless)
    assert anonymous.get("/new-dates/1:forged/stop/").status_code == 404


def test_scheduling_and_publishing_at_once_tells_them_too() -> None:
    course = make_course()
    wants = ask(course)
    page = signed_in(make_coordinator()).get(f"/manage/sessions/new/?course={course.pk}").text
    assert "1 person has asked for a date of this course" in page
    session = draft(course)
    drafting.publish_draft(session=session, first_days=None, by=make_coordinator(), now=NOW)
    assert Message.objects.get(topic="course.new_date").recipient_id == wants.pk


def test_interest_ends_with_a_certain_place_and_not_with_an_offer() -> None:
    course = make_course()
    held, offered, before = make_person(), make_person(), make_person()
    session = make_session(course=course, starts_at=NOW + timedelta(days=50))
    book(session, before)
    for person in (held, offered, before):
        ask(course, person, days=1)
    book(session, held, now=NOW + timedelta(days=2))
    Booking.objects.create(
        session=session,
        person=offered,
        booked_by=offered,
        state=State.OFFERED,
        offered_until=NOW + timedelta(days=3),
    )
    assert demand.end_fulfilled(now=NOW + timedelta(days=2)) == 1
    assert not interest.is_told(course, held)
    assert interest.is_told(course, offered)
    assert interest.is_told(course, before)


@pytest.mark.parametrize("typed", ["0", "21", "x", "-1"])
def test_odd_numbers_of_days_publish_nothing(typed: str) -> None:
    session = draft(make_course())
    client = signed_in(make_coordinator())
    client.post(f"/manage/sessions/{session.pk}/publish/", {"first_days": typed})
    session.refresh_from_db()
    assert session.state == Session.State.DRAFT


def test_publishing_locks_all_whom_it_may_offer_a_place_at_once_and_in_order() -> None:
    course = make_course()
    people = [ask(course, days=1), ask(course)]
    session = draft(course, capacity=1)
    now = NOW + timedelta(days=2)
    with CaptureQueriesContext(connection) as asked:
        drafting.publish_draft(session=session, first_days=3, by=make_coordinator(), now=now)
    locks = [each["sql"] for each in asked.captured_queries if "UPDATE OF person" in each["sql"]]
    assert len(locks) > 1, "a place is offered in a round of its own"
    assert {str(person.pk) for person in people} <= set(re.findall(r"\d+", locks[0]))


def test_somebody_who_asked_for_two_courses_on_the_list_of_drafts_is_one_person() -> None:
    courses, person = [make_course(), make_course()], make_person()
    for course in courses:
        ask(course, person)
        draft(course, starts_at=NOW + timedelta(days=60))
    page = signed_in(make_coordinator()).get("/manage/sessions/drafts/").text
    assert "1 person has asked for a date of a course on this list" in page
