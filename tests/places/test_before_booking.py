"""What a page says before somebody books: for whom it is, what stands in the way, what else is."""

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts.models import PractitionerGroup, Sector, User
from booking.catalogue.models import Session
from booking.places.models import Booking
from booking.places.refusals import OnAnotherDate
from booking.site.wording import short_day
from tests.factories import make_agency, make_course, make_person, make_session, morning
from tests.pages import statements
from tests.people import book_now, signed_in

pytestmark = pytest.mark.django_db


def ahead(days: int = 30, **fields: Any) -> Session:
    return make_session(starts_at=timezone.now() + timedelta(days=days), **fields)


def text_of(client: Client, address: str) -> str:
    return " ".join(client.get(address).content.decode().split())


def book_page(session: Session) -> str:
    return reverse("book", args=[session.pk])


def newcomer(email: str = "") -> User:
    """Somebody who has signed in and not said who they are."""
    return make_person(email, first_name="", last_name="", job_title="", agency=None)


class TestForWhomItIs:
    """The rules stand beside the button before anybody fills in a form."""

    def test_a_visitor_reads_the_rules_beside_the_button(self) -> None:
        course = make_course(least_level=3, needs_manager_approval=True)
        shown = text_of(Client(), ahead(course=course).get_absolute_url())
        assert "This course is only for people who can say at least this of their work" in shown
        assert "This course needs your line manager" in shown

    def test_nothing_is_said_twice_to_somebody_new(self) -> None:
        limited = text_of(signed_in(newcomer("n@mail.example")), book_page(ahead(agency_limit=3)))
        assert limited.count("five working days") == 1
        course = make_course()
        course.prerequisites.add(make_course(title="Working Together"))
        refused = text_of(signed_in(newcomer()), book_page(ahead(course=course)))
        assert refused.count("Before this course you need to have done") == 1

    def test_whoever_is_turned_away_finds_a_way_on(self) -> None:
        course = make_course(sectors=[Sector.HEALTH])
        person = make_person(agency=make_agency(sector=Sector.POLICE))
        shown = text_of(signed_in(person), book_page(ahead(course=course)))
        assert "Find another session with places" in shown

    def test_somebody_new_outside_the_group_fills_in_nothing(self) -> None:
        course = make_course()
        course.groups.add(PractitionerGroup.objects.create(name="Designated leads"))
        shown = text_of(signed_in(newcomer()), book_page(ahead(course=course)))
        assert "only for members of Designated leads" in shown
        assert "Book this place" not in shown

    def test_somebody_new_may_still_say_the_level_that_lets_them_in(self) -> None:
        session = ahead(course=make_course(least_level=3))
        shown = text_of(signed_in(newcomer()), book_page(session))
        assert "only for people who can say at least this of their work" in shown
        assert "Book this place" in shown

    def test_a_known_address_of_the_wrong_sector_is_told_at_once(self) -> None:
        make_agency(sector=Sector.HEALTH, domains=["nhs.example"])
        session = ahead(course=make_course(sectors=[Sector.POLICE]))
        shown = text_of(signed_in(newcomer("new@nhs.example")), book_page(session))
        assert "only for people who work in: Police" in shown
        assert "Book this place" not in shown

    def test_a_refused_page_has_no_button(self) -> None:
        session = ahead()
        client = signed_in(make_person())
        Session.objects.filter(pk=session.pk).update(booking_closes_at=timezone.now())
        response = client.post(book_page(session), {"needs": ""})
        assert response.status_code == 409
        assert "Book this place" not in response.content.decode()


class TestAnotherDate:
    """Nobody books a second date of a course by accident."""

    def test_the_other_date_is_said_and_one_press_moves_there(self) -> None:
        course, person = make_course(), make_person()
        first, second = ahead(20, course=course), ahead(40, course=course)
        had = book_now(first, person)
        client = signed_in(person)
        for address in (second.get_absolute_url(), book_page(second)):
            shown = text_of(client, address)
            assert "You have a place on this course already" in shown
            assert f"Move to {short_day(second.starts_at)}<" in shown
            assert "Book this date as well" in shown
        client.post(reverse("move_booking", args=[had.pk]), {"to": second.pk})
        now_had = Booking.objects.live().get(person=person)
        assert (now_had.session_id, now_had.replaces_id) == (second.pk, had.pk)

    def test_a_second_date_is_booked_only_by_who_says_so(self) -> None:
        course, person = make_course(), make_person()
        first, second = ahead(20, course=course), ahead(40, course=course)
        book_now(first, person)
        client = signed_in(person)
        assert client.post(book_page(second), {"needs": "A ramp"}).status_code == 409
        with pytest.raises(OnAnotherDate):
            book_now(second, person)
        client.post(book_page(second), {"needs": "A ramp", "wants_both": "1"})
        assert Booking.objects.live().filter(person=person).count() == 2

    def test_a_full_date_is_not_offered_for_moving_at_once(self) -> None:
        course, person = make_course(), make_person()
        first, second = ahead(20, course=course), ahead(40, course=course, capacity=1)
        book_now(first, person)
        book_now(second)
        shown = text_of(signed_in(person), second.get_absolute_url())
        assert f"See whether you can move to {short_day(second.starts_at)}<" in shown
        assert "Move to" not in shown.replace("See whether you can move to", "")

    def test_before_a_date_is_chosen_no_button_speaks_of_this_one(self) -> None:
        course, person = make_course(), make_person()
        had = book_now(ahead(20, course=course), person)
        ahead(40, course=course)
        shown = text_of(signed_in(person), reverse("move_booking", args=[had.pk]))
        assert ">Move to the chosen date<" in shown
        assert "this date" not in shown

    def test_another_way_on_the_same_day_is_told_apart(self) -> None:
        course, person = make_course(), make_person()
        first, online = (
            make_session(course=course, starts_at=morning(20), delivery=each)
            for each in ("in person", "online")
        )
        book_now(first, person)
        shown = text_of(signed_in(person), online.get_absolute_url())
        assert f"Move to {short_day(online.starts_at)}, 9:30am, Online<" in shown

    def test_what_moving_costs_the_database_does_not_grow_with_the_dates(self) -> None:
        course, person = make_course(), make_person()
        had = book_now(ahead(20, course=course, agency_limit=5), person)
        address, client = reverse("move_booking", args=[had.pk]), signed_in(person)
        for days in (30, 31):
            ahead(days, course=course, agency_limit=5)
        few = statements(client, address)
        for days in range(32, 42):
            ahead(days, course=course, agency_limit=5)
        assert statements(client, address) == few
        assert "Dates that are not possible" not in text_of(client, address)
        book_now(ahead(33), person)
        assert text_of(client, address).count("overlaps") == 1

    def test_a_course_may_be_taken_again_if_coordinators_say_so(self) -> None:
        course, person = make_course(may_be_repeated=True), make_person()
        first, second = ahead(20, course=course), ahead(40, course=course)
        book_now(first, person)
        assert book_now(second, person).state == Booking.State.CONFIRMED


class TestTheLastPlace:
    """Whoever loses the race is told so; whoever waits sees other dates."""

    def test_losing_the_race_is_said(self) -> None:
        session = ahead(capacity=1)
        client = signed_in(make_person())
        assert 'name="saw_place"' in client.get(book_page(session)).content.decode()
        book_now(session)
        response = client.post(book_page(session), {"needs": "", "saw_place": "1"}, follow=True)
        shown = " ".join(response.content.decode().split())
        assert "The last place went a moment ago. You are number 1 on the waiting list." in shown
        assert "Leave the waiting list" in shown

    def test_nobody_looks_for_other_dates_while_there_is_a_place(self) -> None:
        course, client = make_course(), signed_in(make_person())
        free = ahead(20, course=course)
        alone = statements(client, book_page(free))
        ahead(40, course=course)
        assert statements(client, book_page(free)) == alone

    def test_the_waiting_form_shows_dates_with_places(self) -> None:
        course = make_course()
        full, free = ahead(20, course=course, capacity=1), ahead(40, course=course)
        book_now(full)
        shown = text_of(signed_in(make_person()), book_page(full))
        assert "Other dates with places" in shown
        assert free.get_absolute_url() in shown


class TestQuestions:
    """What is asked fits the session."""

    @pytest.mark.parametrize(
        ("delivery", "label"),
        [
            ("online", "Access needs (optional)"),
            ("in person", "Access or dietary needs (optional)"),
        ],
    )
    def test_nobody_eats_online(self, delivery: str, label: str) -> None:
        shown = text_of(signed_in(make_person()), book_page(ahead(delivery=delivery)))
        assert label in shown

    def test_somebody_new_fills_in_at_most_four_fields(self) -> None:
        shown = text_of(signed_in(newcomer()), book_page(ahead()))
        before, folded = shown.split("More about you (optional)")
        assert "Your line manager&#x27;s email address (optional)" in folded
        for name in ("first_name", "last_name", "job_title", "agency_name"):
            assert f'name="{name}"' in before
        assert 'name="phone"' not in before


@pytest.mark.parametrize("name", ["approval", "offer", "stop_interest", "reminders_link"])
def test_a_broken_link_has_a_page_that_says_what_to_do(name: str) -> None:
    response = Client().get(reverse(name, args=["made-up.and-cut-sho"]))
    assert response.status_code == 404
    assert "This link does not work" in response.content.decode()
    assert "You need no account" in response.content.decode()
