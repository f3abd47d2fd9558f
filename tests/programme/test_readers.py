"""The programme as its reader sees it: the places they could have, and what they have booked."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.core.cache import caches
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from pytest_django import DjangoAssertNumQueries

from accounts.models import Sector, User
from booking.catalogue.models import Allocation, Session
from booking.places.models import Booking
from booking.site.wording import LONDON
from tests.factories import NOW, make_agency, make_person, make_session
from tests.pages import titles

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("at_now")]


def reserved(places: int, sector: str = Sector.POLICE, **fields: Any) -> Session:
    """A session of six places of which some are reserved for a sector."""
    session = make_session(**{"capacity": 6, "has_allocations": True, **fields})
    Allocation.objects.create(
        session=session, sector=sector, places=places, release_at=NOW + timedelta(days=9)
    )
    return session


def of_sector(sector: str) -> User:
    return make_person(agency=make_agency(sector=sector))


def seat(session: Session, person: User, state: str = Booking.State.CONFIRMED) -> Booking:
    """A booking, stored without its rules."""
    booking = Booking.objects.create(
        session=session,
        person=person,
        booked_by=person,
        agency=person.agency,
        state=state,
        ticket=1 if state == Booking.State.WAITING else None,
        offered_until=NOW + timedelta(days=1) if state == Booking.State.OFFERED else None,
    )
    holds = state in Booking.HOLDING
    session.places_taken += holds
    session.waiting_count += state == Booking.State.WAITING
    session.save(update_fields=["places_taken", "waiting_count"])
    return booking


def read(client: Client, session: Session) -> list[str]:
    """What each page that names the session says of it."""
    caches["pages"].clear()
    month = f"/programme/?view=month&month={session.starts_at:%Y-%m}"
    pages = ("/", "/programme/", month, session.get_absolute_url())
    return [client.get(page).text for page in (*pages, session.course.get_absolute_url())]


def test_places_reserved_for_others_are_not_said_to_be_free(client: Client) -> None:
    session = reserved(4)
    start, programme, month, page, course = read(client, session)
    for text in (start, programme, page, course):
        assert "2 places left, 4 more for police" in text
    assert "2 left" in month
    assert '"remainingAttendeeCapacity": 2' in page


def test_whom_places_are_reserved_for_reads_all_of_them(client: Client) -> None:
    session = reserved(4)
    client.force_login(of_sector(Sector.POLICE))
    for text in read(client, session):
        assert "4 more" not in text
    assert "6 places left" in client.get("/programme/").text


def test_all_places_reserved_are_none_for_everybody_else(client: Client) -> None:
    session = reserved(6)
    _, programme, month, page, _ = read(client, session)
    assert "6 places left, only for police" in programme
    assert "Waiting list" in month
    assert "Join the waiting list" in page
    assert '"remainingAttendeeCapacity": 0' in page
    assert "https://schema.org/SoldOut" in page
    assert titles(client, places="on") == []
    client.force_login(of_sector(Sector.POLICE))
    assert titles(client, places="on") == [session.course.title]


def test_reserved_places_that_were_taken_are_reserved_no_longer(client: Client) -> None:
    session = reserved(4)
    seat(session, of_sector(Sector.POLICE))
    client.force_login(of_sector(Sector.HEALTH))
    assert "2 places left, 3 more for police" in client.get("/programme/").text


def test_people_who_wait_for_unreserved_places_do_not_hide_the_reserved(client: Client) -> None:
    session = reserved(6)
    seat(session, of_sector(Sector.HEALTH), Booking.State.WAITING)
    assert titles(client, places="on") == []
    client.force_login(of_sector(Sector.POLICE))
    assert "6 places left" in client.get("/programme/").text
    assert titles(client, places="on") == [session.course.title]


def test_an_agency_that_has_its_most_reads_of_no_place(client: Client) -> None:
    session = make_session(capacity=6, agency_limit=1)
    person = of_sector(Sector.HEALTH)
    seat(session, person)
    colleague = make_person(agency=person.agency)
    client.force_login(colleague)
    assert "No place for your agency now" in client.get("/programme/").text
    assert titles(client, places="on") == []
    client.logout()
    assert "5 places left" in client.get("/programme/").text


def test_who_waits_because_of_their_own_agency_hides_no_place_from_others(client: Client) -> None:
    session = make_session(capacity=6, agency_limit=1)
    person = of_sector(Sector.HEALTH)
    seat(session, person)
    seat(session, make_person(agency=person.agency), Booking.State.WAITING)
    assert "5 places left" in client.get("/programme/").text
    assert titles(client, places="on") == [session.course.title]
    client.force_login(of_sector(Sector.POLICE))
    assert "1 place left" in client.get("/programme/").text
    assert titles(client, places="on") == [session.course.title]


def test_fewer_places_for_ones_agency_than_there_are_say_whose_they_are(client: Client) -> None:
    session = make_session(capacity=18, agency_limit=5)
    start, programme, month, page, course = read(client, session)
    for text in (start, programme, page, course):
        assert "18 places left<" in text
    assert "18 left<" in month
    client.force_login(of_sector(Sector.HEALTH))
    start, programme, month, page, course = read(client, session)
    form = client.get(reverse("book", args=[session.pk])).text
    for text in (start, programme, page, course, form):
        assert "5 places left for your agency" in text
    assert "5 left for your agency" in month
    Session.objects.filter(pk=session.pk).update(places_taken=14)
    start, *_ = read(client, session)
    assert "4 places left<" in start


def test_the_places_of_ones_agency_stand_beside_those_reserved_for_others(client: Client) -> None:
    session = reserved(2, agency_limit=1)
    client.force_login(of_sector(Sector.HEALTH))
    _, programme, _, page, _ = read(client, session)
    for text in (programme, page, client.get(reverse("book", args=[session.pk])).text):
        assert "1 place left for your agency, 2 more for police" in text


@pytest.mark.parametrize(
    ("state", "mark"),
    [
        (Booking.State.CONFIRMED, "Booked"),
        (Booking.State.REQUESTED, "Asked for"),
        (Booking.State.WAITING, "Waiting"),
        (Booking.State.OFFERED, "Offered to you"),
        (Booking.State.CANCELLED, ""),
    ],
)
def test_ones_own_sessions_are_marked(client: Client, state: str, mark: str) -> None:
    person = make_person()
    session = make_session()
    seat(session, person, state)
    client.force_login(person)
    start, programme, month, _, course = read(client, session)
    tag = f">{mark}</strong>" if mark else "govuk-tag"
    for text in (start, programme, month, course):
        assert (tag in text) == bool(mark)
    client.force_login(make_person())
    for text in read(client, session):
        assert "govuk-tag" not in text


@pytest.mark.parametrize("view", ["", "?view=month&month=2027-02", "?places=on"])
def test_reading_costs_the_same_however_many_sessions(
    client: Client, view: str, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    person = make_person()
    client.force_login(person)
    address = f"/programme/{view}"

    def fill(number: int) -> None:
        for _ in range(number):
            session = reserved(2, agency_limit=3)
            seat(session, person)
            seat(session, of_sector(Sector.HEALTH), Booking.State.WAITING)

    fill(2)
    with CaptureQueriesContext(connection) as few:
        client.get(address)
    fill(8)
    with django_assert_num_queries(len(few)):
        client.get(address)


# ---------------------------------------------------------------- every day that a sitting touches
def day_of(page: str, day: str) -> str:
    """What stands in the cell of a day of the month."""
    return page.split(f">{day}")[1].split("</td>")[0]


def test_a_sitting_stands_on_every_day_it_touches(client: Client) -> None:
    first = datetime(2027, 2, 27, 22, tzinfo=LONDON)
    session = make_session(sittings=[(first, first + timedelta(days=3))])
    february = client.get("/programme/?view=month&month=2027-02").text
    assert "10pm" in day_of(february, "Saturday 27 February 2027")
    assert "Continuing" in day_of(february, "Sunday 28 February 2027")
    march = client.get("/programme/?view=month&month=2027-03").text
    for day in ("Monday 1 March 2027", "Tuesday 2 March 2027"):
        assert "Continuing" in day_of(march, day)
    assert session.course.title not in day_of(march, "Wednesday 3 March 2027")


def test_a_sitting_that_ends_at_midnight_is_not_on_the_next_day(client: Client) -> None:
    first = datetime(2027, 2, 9, 22, tzinfo=LONDON)
    make_session(sittings=[(first, first + timedelta(hours=2))])
    page = client.get("/programme/?view=month&month=2027-02").text
    assert "Continuing" not in page
