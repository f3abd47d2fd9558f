"""The month of the programme as a table."""

import re
from datetime import date, datetime, timedelta

import pytest
from django.test import Client

from booking.catalogue.models import DiaryDate
from booking.catalogue.months import Month, weeks
from booking.site.wording import LONDON
from tests.factories import make_course, make_person, make_session
from tests.pages import titles

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("at_now")]


# ---------------------------------------------------------------- the month
def test_the_month_is_a_table_with_sessions_and_diary_dates(client: Client) -> None:
    session = make_session(starts_at=datetime(2027, 2, 9, 9, 30, tzinfo=LONDON))
    DiaryDate.objects.create(
        title="Safer Internet Week", starts=date(2027, 1, 30), ends=date(2027, 2, 2)
    )
    page = client.get("/programme/?view=month&month=2027-02").text
    assert re.search(r"<caption>February 2027</caption>", page)
    assert f'href="/sessions/{session.pk}/"' in page
    assert page.count("Safer Internet Week") == 2
    assert 'href="?view=month&amp;month=2027-01"' in page
    assert 'href="?view=month&amp;month=2027-03"' in page
    assert "1 session in February 2027" in page


def test_the_month_keeps_the_filters(client: Client) -> None:
    start = datetime(2027, 2, 9, 9, 30, tzinfo=LONDON)
    training = make_session(starts_at=start).course.title
    webinar = make_session(course=make_course(kind="webinar"), starts_at=start).course.title
    page = client.get("/programme/?view=month&month=2027-02&kind=webinar").text
    assert webinar in page
    assert training not in page
    assert "?view=month&amp;month=2027-03&amp;kind=webinar" in page


def test_each_sitting_stands_on_its_own_day(client: Client) -> None:
    first, second = (datetime(2027, month, 1, 9, tzinfo=LONDON) for month in (2, 3))
    session = make_session(sittings=[(t, t + timedelta(hours=1)) for t in (first, second)])
    for month in ("2027-02", "2027-03"):
        page = client.get(f"/programme/?view=month&month={month}").text
        assert f"/sessions/{session.pk}/" in page


def test_a_further_date_of_a_session_is_marked_as_one(client: Client) -> None:
    first = datetime(2027, 2, 1, 9, tzinfo=LONDON)
    make_session(sittings=[(t, t + timedelta(hours=1)) for t in (first, first + timedelta(7))])
    times = re.findall(
        r'app-month__time">([^<]*)<', client.get("/programme/?view=month&month=2027-02").text
    )
    assert times == ["9am", "9am, further date"]


def test_when_booking_opens_is_said_in_a_few_words(client: Client) -> None:
    make_session(
        starts_at=datetime(2027, 2, 9, 9, tzinfo=LONDON),
        booking_opens_at=datetime(2027, 1, 19, 0, 30, tzinfo=LONDON),
    )
    page = client.get("/programme/?view=month&month=2027-02").text
    assert ">Opens 19 Jan</span>" in page
    assert "Booking opens" not in page


def test_without_a_month_the_one_of_the_next_session_is_shown(client: Client) -> None:
    make_session(starts_at=datetime(2027, 5, 4, 9, tzinfo=LONDON))
    assert "1 session in May 2027" in client.get("/programme/?view=month").text
    assert "0 sessions in January 2027" in client.get("/programme/?view=month&q=zebra").text


@pytest.mark.parametrize("month", ["2027-13", "soon", "9999-12", "0001-01", "2027-02-01", "2027"])
def test_an_unknown_month_is_said(client: Client, month: str) -> None:
    answer = client.get("/programme/", {"view": "month", "month": month})
    assert answer.status_code == 200
    assert f"“{month}” is not a month we know." in answer.text


def test_weeks_run_from_monday_to_sunday_and_know_today() -> None:
    grid = weeks(Month(date(2027, 3, 1)), sittings=[], diary_dates=[], today=date(2027, 3, 28))
    assert [day.on.weekday() for day in grid[0]] == list(range(7))
    assert [day.on.day for week in grid for day in week if not day.is_outside] == [*range(1, 32)]
    assert [day.on.day for week in grid for day in week if day.is_today] == [28]


def test_somebody_signed_in_sees_the_programme_too(client: Client) -> None:
    session = make_session()
    client.force_login(make_person())
    assert titles(client) == [session.course.title]
