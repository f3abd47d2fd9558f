"""What people and trainers were told, which an import does not change behind their backs."""

from datetime import UTC, datetime
from typing import Any

import pytest

from accounts.models import User
from booking.catalogue.importing.batches import Table
from booking.catalogue.importing.programme import ImportRefused
from booking.catalogue.models import Course, Session
from tests.catalogue.small_programme import FILES, Load

pytestmark = pytest.mark.django_db


def trainers_of(reference: str) -> list[str]:
    """The addresses of those who lead a session."""
    trainers = Session.objects.get(reference=reference).trainers
    return list(trainers.order_by("email").values_list("email", flat=True))


def test_what_people_with_a_booking_were_told_is_not_changed(load: Load) -> None:
    load()
    Session.objects.filter(reference="S2").update(places_taken=10, waiting_count=2)
    moved = FILES["sessions.csv"].replace("2027-07-06T", "2027-07-07T").replace("/wt", "/new")
    with pytest.raises(ImportRefused) as refused:
        load({"sessions.csv": moved})
    instead = "change it on its page so that people are told"
    assert [str(problem) for problem in refused.value.problems] == [
        f"sessions.csv, line 3, sittings: differs, but S2 has 12 bookings; {instead}",
    ]
    session = Session.objects.get(reference="S2")
    assert session.starts_at == datetime(2027, 7, 6, 8, 30, tzinfo=UTC)
    assert session.meeting.opened() == "https://meet.example/wt"
    load({"sessions.csv": FILES["sessions.csv"].replace("/wt", "/new")})
    session.refresh_from_db()
    assert session.meeting.opened() == "https://meet.example/new", "no mail and no entry holds it"
    Session.objects.filter(reference="S2").update(sent_openly=True)
    with pytest.raises(ImportRefused) as refused:
        load()
    assert [str(problem) for problem in refused.value.problems] == [
        f"sessions.csv, line 3, join_url: differs, but S2 has 12 bookings; {instead}",
    ]


def test_the_address_of_a_venue_with_bookings_is_not_changed(load: Load) -> None:
    load()
    Session.objects.filter(reference="S1").update(places_taken=1)
    with pytest.raises(ImportRefused, match="Civic Hall, Room 2, where 1 session has bookings"):
        load({"sessions.csv": FILES["sessions.csv"].replace("1 Calverley", "2 Calverley")})


@pytest.mark.parametrize("has", ["places_taken", "waiting_count"])
def test_the_title_of_a_course_that_people_have_booked_is_not_changed(load: Load, has: str) -> None:
    load()
    Session.objects.filter(reference="S1").update(**{has: 1})
    renamed = {"courses.csv": FILES["courses.csv"].replace("Introduction", "First steps")}
    with pytest.raises(ImportRefused) as refused:
        load(renamed)
    assert [str(problem) for problem in refused.value.problems] == [
        "courses.csv, line 2, title: differs from the title of INTRO, of which 1 session ahead has"
        " bookings; change it under Manage, Courses, so that people are told"
    ]
    assert Course.objects.get(code="INTRO").title == "Introduction"
    load({"courses.csv": FILES["courses.csv"].replace("Everybody", "All staff")})
    assert Course.objects.get(code="INTRO").audience == "All staff"


@pytest.mark.parametrize(
    "fields",
    [
        {"places_taken": 0},
        {"places_taken": 1, "state": Session.State.CANCELLED},
        {"places_taken": 1, "state": Session.State.COMPLETED},
    ],
)
def test_the_title_of_a_course_with_nobody_to_tell_is_changed(
    load: Load, fields: dict[str, Any]
) -> None:
    load()
    Session.objects.filter(reference="S1").update(**fields)
    load({"courses.csv": FILES["courses.csv"].replace("Introduction", "First steps")})
    assert Course.objects.get(code="INTRO").title == "First steps"


@pytest.mark.parametrize(
    "others", ["zoe@police.example", "", "jo.smith@police.example;a@b.example"]
)
def test_the_trainers_of_a_session_ahead_are_not_changed(load: Load, others: str) -> None:
    load()
    with pytest.raises(ImportRefused) as refused:
        load({"sessions.csv": FILES["sessions.csv"].replace("jo.smith@police.example", others)})
    assert [str(problem) for problem in refused.value.problems] == [
        "sessions.csv, line 2, trainer_email: differs, but S1 is published and not over; change it"
        " on its page under Manage so that trainers and people with a place are told"
    ]
    assert trainers_of("S1") == ["jo.smith@police.example"]
    assert not User.objects.filter(email="a@b.example").exists()


def test_the_same_trainers_in_another_order_and_in_capitals_are_no_change(load: Load) -> None:
    two = "jo.smith@police.example;zoe@police.example"
    load({"sessions.csv": FILES["sessions.csv"].replace("jo.smith@police.example", two)})
    again = "ZOE@Police.example; Jo.Smith@police.example;zoe@police.example"
    report = load({"sessions.csv": FILES["sessions.csv"].replace("jo.smith@police.example", again)})
    assert str(report.tallies["sessions"]) == "0 created, 0 changed, 2 the same"
    assert trainers_of("S1") == two.split(";")


@pytest.mark.parametrize(
    "fields", [{"state": Session.State.DRAFT}, {"state": Session.State.COMPLETED}]
)
def test_the_trainers_of_a_session_that_nobody_expects_are_changed(
    load: Load, fields: dict[str, Any]
) -> None:
    load()
    Session.objects.filter(reference="S1").update(**fields)
    load({"sessions.csv": FILES["sessions.csv"].replace("jo.smith@", "zoe@")})
    assert trainers_of("S1") == ["zoe@police.example"]


@pytest.mark.parametrize(("before", "after"), [("2026", "2027"), ("2027", "2026")])
def test_trainers_are_not_changed_along_with_dates_on_either_side_of_today(
    load: Load, before: str, after: str
) -> None:
    usual = FILES["sessions.csv"]
    load({"sessions.csv": usual.replace("2027-02-09T", f"{before}-02-09T")})
    moved = usual.replace("2027-02-09T", f"{after}-02-09T").replace("jo.smith@", "zoe@")
    with pytest.raises(ImportRefused, match="line 2, trainer_email: differs, but S1 is published"):
        load({"sessions.csv": moved})


def test_the_trainers_of_a_session_that_has_ended_are_changed(load: Load) -> None:
    past = FILES["sessions.csv"].replace("2027-02-09T", "2026-02-09T")
    load({"sessions.csv": past})
    report = load({"sessions.csv": past.replace("jo.smith@", "zoe@")})
    assert trainers_of("S1") == ["zoe@police.example"]
    assert (report.tallies["sessions"].changed, report.tallies["trainers"].changed) == (1, 0)


def test_what_is_edited_on_the_site_meanwhile_stays(load: Load) -> None:
    load()
    table = Table(Course, Course.objects.in_bulk(field_name="code"))
    table.put("INTRO", {"title": "Introduction", "audience": "All staff"})
    Course.objects.filter(code="INTRO").update(title="First steps")
    table.write()
    course = Course.objects.get(code="INTRO")
    assert (course.title, course.audience) == ("First steps", "All staff")
