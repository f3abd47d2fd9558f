"""The programme import: what it makes, what it changes, and where it moves the dates."""

import csv
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from allauth.account.models import EmailAddress
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.models import Agency, User
from booking.catalogue.importing.programme import ImportRefused, import_programme
from booking.catalogue.models import Course, DiaryDate, Session, Sitting, Topic
from booking.local.sample_programme import FOLDER as SAMPLE
from booking.partnership import kept as partnership
from booking.site.wording import LONDON
from booking.site.working_days import end_of_working_day_before
from tests.catalogue.small_programme import (
    COURSE_HEADER,
    FILES,
    NOW,
    Load,
    session_line,
    sessions_file,
)
from tests.factories import make_policy

pytestmark = pytest.mark.django_db


def walls(session: Session) -> list[str]:
    """The sittings as clocks in London show them."""
    return [
        f"{sitting.starts_at.astimezone(LONDON):%Y-%m-%dT%H:%M}/"
        f"{sitting.ends_at.astimezone(LONDON):%Y-%m-%dT%H:%M}"
        for sitting in session.sittings.all()
    ]


# ---------------------------------------------------------------- what is made


def test_no_file_gives_a_role_and_who_lacks_it_is_named(load: Load) -> None:
    first = load()
    assert not any(person.sees_other_people for person in User.objects.all())
    assert [each.partition(" leads")[0] for each in first.notes] == [
        "Jo Smith (jo.smith@police.example)",
        "Ann Lee (ann@council.example)",
    ]
    User.objects.update(is_trainer=True)
    assert load().notes == []


def test_everything_in_the_files_is_made(load: Load) -> None:
    load()
    police = Agency.objects.get(name="Leeds Police")
    assert (police.sector, police.email_domains, police.trainers_in_kind) == (
        "police",
        ["police.example"],
        True,
    )
    course = Course.objects.get(code="WT")
    assert (course.kind, course.level, course.hours) == ("training", 3, Decimal(6))
    assert (course.usual_capacity, course.usual_agency_limit, course.renew_months) == (
        20,
        None,
        None,
    )
    assert course.needs_manager_approval
    assert [needed.code for needed in course.prerequisites.all()] == ["INTRO"]
    assert Course.objects.get(code="INTRO").usual_agency_limit == 6
    zoe = User.objects.get(email="zoe@police.example")
    assert (zoe.full_name, zoe.agency, zoe.manager_email) == (
        "Zoë Nguyễn",
        police,
        "boss@police.example",
    )
    session = Session.objects.get(reference="S1")
    assert (session.state, session.capacity, session.agency_limit) == ("published", 24, 6)
    assert session.venue is not None
    assert (session.venue.name, session.venue.address) == (
        "Civic Hall, Room 2",
        "1 Calverley Street, Leeds",
    )
    assert session.starts_at == datetime(2027, 2, 9, 9, 30, tzinfo=UTC)
    assert DiaryDate.objects.get().starts == date(2027, 2, 9)


def test_sittings_are_stored_in_order_as_moments_in_london(load: Load) -> None:
    load()
    session = Session.objects.get(reference="S2")
    assert [sitting.starts_at for sitting in session.sittings.all()] == [
        datetime(2027, 7, 6, 8, 30, tzinfo=UTC),
        datetime(2027, 7, 13, 8, 30, tzinfo=UTC),
    ]
    assert session.starts_at == datetime(2027, 7, 6, 8, 30, tzinfo=UTC)
    assert session.ends_at == datetime(2027, 7, 13, 11, 30, tzinfo=UTC)


def test_everybody_imported_can_sign_in_by_code(load: Load) -> None:
    load()
    addresses = EmailAddress.objects.filter(verified=True, primary=True)
    assert {address.email for address in addresses} == {
        "zoe@police.example",
        "ann@council.example",
        "jo.smith@police.example",
    }
    assert not any(person.has_usable_password() for person in User.objects.all())


def test_an_address_that_was_not_confirmed_counts_as_verified_after_the_import(load: Load) -> None:
    person = User.objects.create_user("ann@council.example")
    EmailAddress.objects.create(user=person, email=person.email, verified=False, primary=True)
    load()
    person.refresh_from_db()
    assert person.full_name == "Ann Lee"
    assert EmailAddress.objects.get(user=person).verified


def test_a_trainer_known_by_address_only_gets_a_name_and_agency_from_it(load: Load) -> None:
    load()
    trainer = User.objects.get(email="jo.smith@police.example")
    assert (trainer.full_name, trainer.agency_name) == ("Jo Smith", "Leeds Police")
    assert [session.reference for session in trainer.sessions_led.all()] == ["S1"]


def test_the_agency_of_a_lead_is_neither_changed_nor_confirmed(load: Load) -> None:
    load()
    zoe = User.objects.filter(email="zoe@police.example")
    zoe.update(is_agency_lead=True, agency_confirmed_at=None)
    load()
    assert not zoe.get().agency_is_confirmed
    moved = FILES["practitioners.csv"].replace("Officer,Leeds Police", "Officer,City Council")
    with pytest.raises(ImportRefused, match="agency: differs, but zoe@police"):
        load({"practitioners.csv": moved})


@pytest.mark.parametrize("confirmed", ["no", "yes"])
def test_who_moves_to_another_agency_is_confirmed_there_only_if_the_file_says_so(
    load: Load, confirmed: str
) -> None:
    load()
    header, zoe, ann = FILES["practitioners.csv"].splitlines()
    moved = zoe.replace("Leeds Police", "City Council")
    load({"practitioners.csv": f"{header},confirmed\n{moved},{confirmed}\n{ann},yes\n"})
    person = User.objects.get(email="zoe@police.example")
    assert person.agency_name == "City Council"
    assert person.agency_is_confirmed is (confirmed == "yes")


def test_what_has_no_column_is_as_is_usual_for_new_courses_and_sessions(load: Load) -> None:
    policy = make_policy()
    partnership.change(values={"usual_policy": policy.name, "closes_days": 2}, by=None)
    load({"sessions.csv": None})
    courses = Course.objects.filter(code="INTRO")
    assert courses.get().usual_policy == policy
    courses.update(usual_promotion="offer", usual_offer_hours=12, usual_minimum=6)
    load()
    session = Session.objects.get(reference="S1")
    assert (session.policy, session.promotion, session.offer_hours) == (policy, "offer", 12)
    assert (session.minimum, session.decide_on) == (6, date(2027, 2, 2))
    assert session.booking_closes_at == end_of_working_day_before(session.starts_at, 2)


def test_topics_and_sectors_are_read_where_the_file_has_them(load: Load) -> None:
    Topic.objects.create(name="Early years", slug="early-years")
    header = f"{COURSE_HEADER},topics,sectors"
    line = "INTRO,Intro,training,1,,3,1,24,0,0,no,,,Early Years; Neglect,health;Police"
    wt = "WT,Working Together,training,3,,6,2,20,0,0,yes,INTRO,,,"
    load({"courses.csv": f"{header}\n{line}\n{wt}\n"})
    course = Course.objects.get(code="INTRO")
    assert [topic.name for topic in course.topics.all()] == ["Early years", "Neglect"]
    assert course.sectors == ["health", "police"]
    load()
    assert course.topics.count() == 2


def test_quoted_commas_quotes_and_newlines_are_part_of_a_cell(load: Load) -> None:
    line = 'INTRO,"Intro, part ""one""",training,1,,3,1,24,0,0,no,,"First.\r\nSecond, third."\n'
    wt = "WT,Working\u00a0Together,training,3,,6,2,20,0,0,yes,INTRO,=SUM(A1:A9)\n\n,,,\n"
    load({"courses.csv": f"{COURSE_HEADER}\n{line}{wt}"})
    course = Course.objects.get(code="INTRO")
    assert course.title == 'Intro, part "one"'
    assert course.summary == "First.\nSecond, third."
    formula = Course.objects.get(code="WT")
    assert (formula.title, formula.summary) == ("Working Together", "=SUM(A1:A9)")


def test_accents_written_in_two_ways_are_the_same_name(load: Load) -> None:
    agencies = "name,sector,email_domains,trainers_in_kind\nCafé,other,,no\n"
    people = (
        "email,first_name,last_name,job_title,agency,manager_email\n"
        "a@b.example,Zoe\u0308,Li,Cook,Cafe\u0301,\n"
    )
    load({"agencies.csv": agencies, "practitioners.csv": people})
    person = User.objects.get(email="a@b.example")
    assert (person.first_name, person.agency_name) == ("Zoë", "Café")


def test_each_file_may_be_left_out(load: Load) -> None:
    load()
    report = load({name: None for name in FILES if name != "courses.csv"})
    assert str(report.tallies["courses"]) == "0 created, 0 changed, 2 the same"
    assert str(report.tallies["sessions"]) == "0 created, 0 changed, 0 the same"


# ---------------------------------------------------------------- again, and with changes


def test_a_second_import_changes_nothing(load: Load) -> None:
    first = load()
    before = [list(model._default_manager.values_list()) for model in (Session, Sitting, User)]
    second = load()
    for table, tally in second.tallies.items():
        rows = first.tallies[table].created + first.tallies[table].same
        assert str(tally) == f"0 created, 0 changed, {rows} the same", table
    assert before == [
        list(model._default_manager.values_list()) for model in (Session, Sitting, User)
    ]


def test_the_number_of_statements_does_not_grow_and_nothing_is_written_twice(load: Load) -> None:
    def statements(rows: int) -> list[str]:
        lines = [
            session_line(
                reference=f"N{number}",
                delivery="in person",
                join_url="",
                venue=f"Room {number}",
                address=f"{number} Road",
                trainer_email=f"t{number}@police.example",
            )
            for number in range(rows)
        ]
        people = "".join(f"p{number}@b.example,P,Q,R,Leeds Police,\n" for number in range(rows))
        files = {
            "practitioners.csv": FILES["practitioners.csv"] + people,
            "sessions.csv": sessions_file(*lines),
        }
        with CaptureQueriesContext(connection) as queries:
            load(files)
        return [each["sql"] for each in queries]

    statements(1)
    few = len(statements(2))
    assert len(statements(40)) <= few
    writes = [each for each in statements(40) if each.startswith(("INSERT", "UPDATE", "DELETE"))]
    assert writes == []


def test_changed_rows_are_updated(load: Load) -> None:
    load()
    report = load(
        {
            "agencies.csv": FILES["agencies.csv"].replace("council.example;", ""),
            "courses.csv": FILES["courses.csv"].replace("yes,INTRO", "no,"),
            "practitioners.csv": FILES["practitioners.csv"].replace("Officer", "Sergeant"),
            "sessions.csv": FILES["sessions.csv"]
            .replace("2027-07-06T", "2027-07-07T")
            .replace("1 Calverley Street", "2 Calverley Street")
            .replace(",24,6,", ",25,6,"),
            "diary_dates.csv": FILES["diary_dates.csv"].replace("09\n", "10\n"),
        }
    )
    changed = {table: tally.changed for table, tally in report.tallies.items()}
    assert changed == {
        "agencies": 1,
        "courses": 1,
        "practitioners": 1,
        "trainers": 0,
        "venues": 1,
        "sessions": 2,
        "diary dates": 1,
    }
    assert not Course.objects.get(code="WT").prerequisites.exists()
    assert User.objects.get(email="zoe@police.example").job_title == "Sergeant"
    session = Session.objects.get(reference="S2")
    assert walls(session)[0] == "2027-07-07T09:30/2027-07-07T12:30"
    first = Session.objects.get(reference="S1")
    assert first.capacity == 25
    assert first.venue is not None
    assert first.venue.address == "2 Calverley Street, Leeds"
    assert DiaryDate.objects.get().ends == date(2027, 2, 10)


def test_capacity_may_change_but_not_below_the_places_taken(load: Load) -> None:
    load()
    Session.objects.filter(reference="S1").update(places_taken=12)
    load({"sessions.csv": FILES["sessions.csv"].replace(",24,6,", ",12,6,")})
    assert Session.objects.get(reference="S1").capacity == 12
    with pytest.raises(ImportRefused, match="line 2, capacity: is 11, but 12 places of it are"):
        load({"sessions.csv": FILES["sessions.csv"].replace(",24,6,", ",11,6,")})


def test_a_cancelled_session_is_neither_changed_nor_revived(load: Load) -> None:
    load()
    Session.objects.filter(reference="S1").update(state=Session.State.CANCELLED)
    load()
    assert Session.objects.get(reference="S1").state == "cancelled"
    with pytest.raises(ImportRefused, match="line 2, reference: is S1, which is cancelled"):
        load({"sessions.csv": FILES["sessions.csv"].replace(",24,6,", ",12,6,")})


# ---------------------------------------------------------------- moving the dates


def test_dates_move_by_whole_weeks_and_keep_the_time_on_the_clock(load: Load) -> None:
    report = load(starting_from=date(2027, 3, 26))
    assert report.weeks_moved == 7
    first = Session.objects.get(reference="S1")
    assert walls(first) == ["2027-03-30T09:30/2027-03-30T12:30"]
    assert first.starts_at == datetime(2027, 3, 30, 8, 30, tzinfo=UTC), "it is summer time by then"
    assert walls(Session.objects.get(reference="S2")) == [
        "2027-08-24T09:30/2027-08-24T12:30",
        "2027-08-31T09:30/2027-08-31T12:30",
    ]
    assert DiaryDate.objects.get().starts == date(2027, 2, 9), "set by others, so it stays"


@pytest.mark.parametrize("ahead", range(8))
def test_the_earliest_session_falls_on_the_day_or_in_the_week_after(load: Load, ahead: int) -> None:
    day = date(2026, 6, 8) + timedelta(days=ahead)
    load(starting_from=day)
    first = Session.objects.earliest("starts_at").starts_at.date()
    assert day <= first < day + timedelta(days=7)
    assert first.weekday() == date(2027, 2, 9).weekday()


def test_moving_to_the_same_day_again_changes_nothing(load: Load) -> None:
    load(starting_from=date(2027, 3, 26))
    for table, tally in load(starting_from=date(2027, 3, 26)).tallies.items():
        assert (tally.created, tally.changed) == (0, 0), table


def test_a_time_that_a_move_brings_into_a_clock_change_is_refused(load: Load) -> None:
    early = sessions_file(session_line(sittings="2027-03-21T01:30/2027-03-21T04:00"))
    load({"sessions.csv": early})
    with pytest.raises(ImportRefused, match="2027-03-28T01:30, which does not exist") as refused:
        load({"sessions.csv": early}, starting_from=date(2027, 3, 22))
    assert "moved by 1 week" in str(refused.value)


# ---------------------------------------------------------------- the partnership's files


def test_the_partnerships_own_files_load_also_without_topics_and_sectors(tmp_path: Path) -> None:
    for name in FILES:
        (tmp_path / name).write_bytes((SAMPLE / name).read_bytes())
    report = import_programme(folder=tmp_path, now=NOW)
    assert {table: tally.created for table, tally in report.tallies.items()} == {
        "agencies": 17,
        "courses": 22,
        "practitioners": 400,
        "trainers": 8,
        "venues": 4,
        "sessions": 75,
        "diary dates": 7,
    }
    assert len(report.notes) == 8, "the trainers, who have no role yet"
    with (tmp_path / "courses.csv").open(newline="") as file:
        rows = [row[:-2] for row in csv.reader(file)]
    with (tmp_path / "courses.csv").open("w", newline="") as file:
        csv.writer(file).writerows(rows)
    for table, tally in import_programme(folder=tmp_path, now=NOW).tallies.items():
        assert (tally.created, tally.changed) == (0, 0), table
    assert Course.objects.get(code="NEGLECT").topics.get().name == "Neglect"
