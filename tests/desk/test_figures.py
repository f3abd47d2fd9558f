"""What came of a year, by agency and by course, to tell the board."""

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from accounts.models import Agency
from booking.places.models import Booking
from tests.factories import make_agency, make_course, make_person, make_session, morning
from tests.mail.letters import make_booking

pytestmark = pytest.mark.django_db
O = Booking.Outcome  # noqa: E741


def came(session: Any, agency: Agency | None, outcome: str, **about: Any) -> Booking:
    booking = make_booking(session, person=about.pop("person", None) or make_person(), **about)
    booking.agency, booking.outcome = agency, outcome
    booking.save(update_fields=["agency", "outcome"])
    return booking


def days(first: int, last: int) -> dict[str, str]:
    today = timezone.now().date()
    return {
        "begins": f"{today + timedelta(days=first):%Y-%m-%d}",
        "ends": f"{today + timedelta(days=last):%Y-%m-%d}",
    }


@pytest.fixture
def _a_year(db: None) -> None:
    police, school = make_agency("Police, =West"), make_agency("School")
    neglect, other = make_course(title="Neglect", code="NEG"), make_course(title="Other")
    first = make_session(course=neglect, starts_at=morning(-30), capacity=10)
    second = make_session(course=neglect, starts_at=morning(-20), capacity=10)
    third = make_session(course=other, starts_at=morning(-10), capacity=10)
    twice = make_person()
    came(first, police, O.ATTENDED, person=twice)
    came(second, police, O.PART, person=twice)
    came(first, police, O.ABSENT)
    came(second, school, O.APOLOGIES)
    came(third, None, "")
    came(make_session(course=other, starts_at=morning(5)), school, "")
    came(make_session(course=other, starts_at=morning(-300)), school, O.ATTENDED)
    given_up = came(first, school, "")
    Booking.objects.filter(pk=given_up.pk).update(state=Booking.State.CANCELLED)


@pytest.mark.usefixtures("_a_year")
def test_each_agency_and_course_is_counted_and_the_period_kept_to(coordinator: Client) -> None:
    agencies = coordinator.get("/manage/figures/agencies.csv", days(-60, 0))
    heading, *rows = agencies.content.decode("utf-8-sig").splitlines()
    assert heading == ("Agency,Sector,Places,Came,Apologies,Absent,No register,People who came")
    assert [row.split(",")[-6:] for row in rows] == [
        ["3", "2", "0", "1", "0", "1"],
        ["1", "0", "0", "0", "1", "0"],
        ["1", "0", "1", "0", "0", "0"],
    ]
    assert rows[0].startswith('"Police, =West"')
    assert rows[1].startswith("Agency not listed or not confirmed,,")
    assert rows[2].startswith("School,")
    courses = coordinator.get("/manage/figures/courses.csv", days(-60, 0))
    assert courses.content.decode("utf-8-sig").splitlines()[1:] == [
        "Neglect,NEG,2,4,2,1,1,0,1",
        f"Other,{_code('Other')},1,1,0,0,0,1,0",
    ]
    longer = coordinator.get("/manage/figures/agencies.csv", days(-400, 0))
    assert [
        row.split(",")[-6:] for row in longer.content.decode().splitlines() if "School" in row
    ] == [["2", "1", "1", "0", "0", "1"]]


def _code(title: str) -> str:
    from booking.catalogue.models import Course

    return Course.objects.get(title=title).code


@pytest.mark.usefixtures("_a_year")
def test_the_page_shows_the_same_and_leads_to_the_tables(coordinator: Client) -> None:
    page = " ".join(coordinator.get("/manage/figures/", days(-60, 0)).text.split())
    for number, words in ((3, "sessions with 30 places"), (5, "places kept"), (2, "came")):
        assert f"<dt>{words}</dt><dd>{number}</dd>" in page
    assert "<dt>people who came</dt><dd>1</dd>" in page
    assert f"agencies.csv?begins={days(-60, 0)['begins']}" in page


def test_without_days_it_is_the_financial_year(coordinator: Client) -> None:
    page = coordinator.get("/manage/figures/").text
    assert "No session of these days is over" in page
    assert " 1 April " in page


def test_days_that_make_no_sense_are_said(coordinator: Client) -> None:
    wrong = coordinator.get("/manage/figures/", {"begins": "2027-02-02", "ends": "2027-02-01"})
    assert "choose the same day as From, or a later one" in wrong.text
    assert "enter a real date" in coordinator.get("/manage/figures/", {"begins": "x"}).text


@pytest.mark.usefixtures("_a_year")
def test_it_costs_as_much_with_a_thousand_agencies(
    coordinator: Client, django_assert_max_num_queries: Any
) -> None:
    coordinator.get("/manage/figures/", days(-60, 0))
    session = make_session(starts_at=morning(-15))
    for number in range(10):
        came(session, make_agency(f"Agency {number}"), O.ATTENDED)
    with django_assert_max_num_queries(9):
        coordinator.get("/manage/figures/", days(-60, 0))
