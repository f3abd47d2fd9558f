"""What people are told before they book, on the session's page and on the page that books."""

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client

from accounts.models import PractitionerGroup, Sector, User
from booking.catalogue.models import Session
from booking.learning.models import PriorLearning
from booking.places.lock import read_session
from booking.places.models import Booking
from booking.places.pages import outlook
from booking.places.rules.decision import Decision, Verdict
from booking.scheduling import capacity
from booking.scheduling.capacity import Reservation
from tests.factories import (
    NOW,
    make_agency,
    make_coordinator,
    make_course,
    make_person,
    make_policy,
    make_session,
)
from tests.pages import statements
from tests.people import book, signed_in

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("at_now")]


def expected(*, session: Session, **asked: Any) -> Decision:
    """What the person would get."""
    decision = outlook.expected(read=read_session(session.pk), **asked)["expected"]
    assert isinstance(decision, Decision)
    return decision


Outcomes = dict[str, str]


def pages(person: User, session: Session) -> tuple[str, str]:
    """What the session's page and the page that books say to this person."""
    client = signed_in(person)
    return (
        client.get(session.get_absolute_url()).text,
        client.get(f"/sessions/{session.pk}/book/").text,
    )


def post(person: User, session: Session) -> tuple[int, str]:
    """What pressing the button answers."""
    client = signed_in(person)
    answer = client.post(f"/sessions/{session.pk}/book/", {"needs": "A hearing loop"})
    return answer.status_code, answer.text


def fill(session: Session, number: int, **fields: Any) -> list[Booking]:
    """So many people book."""
    return [book(session, person) for person in (make_person(**fields) for _ in range(number))]


def test_a_free_place_is_promised_plainly() -> None:
    session, person = make_session(capacity=3), make_person()
    assert expected(session=session, person=person, now=NOW).outcome == Verdict.PLACE
    for page in pages(person, session):
        assert "waiting list" not in page
    assert post(person, session)[0] == 302


def test_a_place_is_held_where_the_manager_must_agree() -> None:
    session = make_session(course=make_course(needs_manager_approval=True))
    person = make_person()
    assert expected(session=session, person=person, now=NOW).outcome == Verdict.HELD
    shown, booking = pages(person, session)
    assert "Ask for a place" in shown
    assert "while we ask your line manager to agree" in booking


def test_a_full_session_gives_the_number_on_the_list() -> None:
    session, person = make_session(capacity=1), make_person()
    fill(session, 3)
    told = expected(session=session, person=person, now=NOW)
    assert told.reason is not None
    assert (told.outcome, told.reason.rule, told.number) == (Verdict.WAIT, "capacity", 3)
    for page in pages(person, session):
        assert "You would be <strong>number 3</strong>" in page
        assert "Join the waiting list" in page


def test_an_agency_with_its_places_waits_and_is_told_so_though_others_could_book() -> None:
    agency = make_agency()
    session = make_session(capacity=5, agency_limit=1)
    fill(session, 1, agency=agency)
    colleague, other = make_person(agency=agency), make_person()
    told = expected(session=session, person=colleague, now=NOW)
    assert told.reason is not None
    assert (told.outcome, told.reason.rule, told.number) == (Verdict.WAIT, "agency limit", 1)
    for page in pages(colleague, session):
        assert "Your agency has its 1 place" in page
        assert "Join the waiting list" in page
        assert "This session is full" not in page
    assert expected(session=session, person=other, now=NOW).outcome == Verdict.PLACE


def test_free_places_are_not_called_full_while_a_rule_keeps_somebody_waiting() -> None:
    agency = make_agency()
    session = make_session(capacity=5, agency_limit=1)
    fill(session, 2, agency=agency)
    shown, booking = pages(make_person(), session)
    for page in (shown, booking, Client().get(session.get_absolute_url()).text):
        assert "places are taken" not in page
        assert "session is full" not in page
    assert "Book this place" in booking


def test_reserved_places_say_for_whom_and_until_when() -> None:
    session = make_session(capacity=2)
    capacity.change_limits(
        session=session,
        agency_limit=None,
        reservations=[Reservation(places=2, sector=Sector.POLICE)],
        by=make_coordinator(),
        now=NOW,
        why="Police first",
    )
    nurse = make_person(agency=make_agency(sector=Sector.HEALTH))
    for page in pages(nurse, session):
        assert "The places that are left are reserved for Police until 5pm on Tuesday 26" in page
    officer = make_person(agency=make_agency(sector=Sector.POLICE))
    assert expected(session=session, person=officer, now=NOW).outcome == Verdict.PLACE


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"sectors": [Sector.HEALTH]}, "only for people who work in: Health"),
        ({"least_level": 3}, "only for people who can say at least this of their work: “I lead"),
    ],
)
def test_a_course_for_others_offers_no_button(fields: Outcomes, words: str) -> None:
    session, person = make_session(course=make_course(**fields)), make_person()
    shown, booking = pages(person, session)
    for page in (shown, booking):
        assert words in page
        assert "You cannot book this session" in page
    assert f"/sessions/{session.pk}/book/" not in shown.replace("next=", "")
    assert "Book this place" not in booking
    status, page = post(person, session)
    assert status == 409
    assert words in page
    assert "A hearing loop" in page
    assert not Booking.objects.exists()


def test_a_course_for_a_group_names_it() -> None:
    course = make_course()
    group = PractitionerGroup.objects.create(name="Designated leads")
    course.groups.add(group)
    session, person = make_session(course=course), make_person()
    assert "only for members of Designated leads" in pages(person, session)[0]
    group.members.add(person)
    assert expected(session=session, person=person, now=NOW).outcome == Verdict.PLACE


def test_what_is_to_be_done_first_is_named_with_its_next_date_and_counts_once_done() -> None:
    first, course = make_course(title="Introduction"), make_course(title="Advanced")
    course.prerequisites.add(first)
    session, person = make_session(course=course), make_person()
    make_session(course=first, starts_at=NOW + timedelta(days=4), capacity=1, places_taken=1)
    soon = make_session(course=first, starts_at=NOW + timedelta(days=7))
    for page in (*pages(person, session), post(person, session)[1]):
        assert "Introduction" in page
        assert f'href="{first.get_absolute_url()}"' in page
        assert f'href="{soon.get_absolute_url()}">Tue 19 Jan 2027</a>' in page
    PriorLearning.objects.create(
        person=person, course=first, completed_on=NOW.date(), provider="Elsewhere"
    )
    assert expected(session=session, person=person, now=NOW).outcome == Verdict.PLACE


def test_a_clash_names_the_other_booking_and_offers_the_list_only_if_it_is_full() -> None:
    person = make_person()
    held = make_session(course=make_course(title="Domestic abuse"))
    mine = book(held, person)
    free, full = make_session(), make_session(capacity=1)
    fill(full, 1)
    for page in pages(person, free):
        assert "overlaps with one you have booked: Domestic abuse" in page
        assert mine.get_absolute_url() in page
        assert "You cannot book this session" in page
    told = expected(session=full, person=person, now=NOW)
    assert (told.outcome, told.other) == (Verdict.WAIT, mine)
    assert "While you hold that place, none is given to you here." in pages(person, full)[1]


def test_the_anonymous_page_is_the_same_for_everyone() -> None:
    session = make_session(capacity=5, agency_limit=1, course=make_course(sectors=["health"]))
    page = Client().get(session.get_absolute_url()).text
    assert "You cannot book" not in page
    assert "Book a place" in page


def test_somebody_new_is_asked_for_their_level_only_if_the_course_needs_it() -> None:
    person = User.objects.create_user("new@agency.example")
    needs = make_session(course=make_course(least_level=2))
    assert 'name="level"' in pages(person, needs)[1]
    assert 'name="level"' not in pages(person, make_session())[1]


def test_the_page_costs_the_same_however_many_have_booked_or_wait() -> None:
    agency = make_agency()
    session = make_session(capacity=30, agency_limit=2, policy=make_policy())
    first = make_course()
    session.course.prerequisites.add(first)
    person = make_person(agency=agency)

    def somebody_books(number: int) -> None:
        for _ in range(number):
            other = make_person(agency=agency)
            PriorLearning.objects.create(
                person=other, course=first, completed_on=NOW.date(), provider="Elsewhere"
            )
            book(session, other)

    client, address = signed_in(person), session.get_absolute_url()
    somebody_books(3)
    before = statements(client, address)
    somebody_books(6)
    session.refresh_from_db()
    assert (session.places_taken, session.waiting_count) == (2, 7)
    assert statements(client, address) == before


def test_my_bookings_cost_the_same_however_many_lists_one_waits_on() -> None:
    person = make_person()

    def wait(number: int) -> None:
        for _ in range(number):
            session = make_session(capacity=1, agency_limit=1, starts_at=NOW + timedelta(days=40))
            fill(session, 1)
            book(session, person)

    client = signed_in(person)
    wait(1)
    before = statements(client, "/bookings/")
    wait(5)
    assert statements(client, "/bookings/") == before
