"""Reserved places, groups, and names in any case, as files have them; what does not fit."""

from typing import Any

import pytest

from accounts.models import Agency, PractitionerGroup, User
from booking.catalogue.bounds import MOST_PLACES
from booking.catalogue.importing.programme import ImportRefused
from booking.catalogue.models import Course, Session, Venue
from booking.partnership import kept as partnership
from tests.catalogue.small_programme import (
    COURSE_HEADER,
    FILES,
    SESSION_HEADER,
    Load,
    session_line,
    sessions_file,
)
from tests.factories import make_agency
from tests.people import book

pytestmark = pytest.mark.django_db


def with_reserved(cell: str, **cells: str) -> str:
    return f'{SESSION_HEADER},reserved\n{session_line(**cells)},"{cell}"\n'


def reserved(session: Session) -> list[str]:
    return [f"{each}, {each.release_days}" for each in session.allocations.order_by("pk")]


def test_places_are_reserved_as_the_cell_says(load: Load) -> None:
    make_agency("Drugs; Alcohol")
    cell = "3 for leeds police;2 for sector health, released 10 days before"
    cell += ';""1 for Drugs; Alcohol, released 1 day before""'
    load({"sessions.csv": with_reserved(cell)})
    session = Session.objects.get(reference="S9")
    assert session.has_allocations
    assert [(each.places, each.release_days) for each in session.allocations.order_by("pk")] == [
        (3, 5),
        (2, 10),
        (1, 1),
    ]
    assert reserved(session)[0] == "3 for Leeds Police, 5"
    assert reserved(session)[2] == "1 for Drugs; Alcohol, 1"
    load({"sessions.csv": with_reserved("")})
    session.refresh_from_db()
    assert (reserved(session), session.has_allocations) == ([], False)


@pytest.mark.parametrize(
    ("cell", "reason"),
    [
        ("9 for Leeds Police;2 for sector health", "reserved: comes to 11 places, of 10 in all"),
        ("2 for sector navy", 'has "sector navy", which is neither an agency'),
        ("2 for Nobody", 'has "Nobody", which is neither an agency'),
        ("two for Leeds Police", "write a number and for whom"),
        ("0 for Leeds Police", "is 0; it must be from 1"),
        ("1 for Leeds Police;2 for leeds police", "names an agency or a sector twice"),
    ],
)
def test_what_cannot_be_reserved_is_named(load: Load, cell: str, reason: str) -> None:
    with pytest.raises(ImportRefused) as refused:
        load({"sessions.csv": with_reserved(cell)})
    assert reason in refused.value.sentence
    assert not Session.objects.exists()


def test_a_new_session_reserves_what_is_usual_for_its_course(load: Load) -> None:
    line = "INTRO,Introduction,training,1,,3,1,24,6,36,no,,,"
    courses = f"{COURSE_HEADER},reserved\n{line}3 for City Council\n"
    files = {"courses.csv": courses, "sessions.csv": sessions_file(session_line())}
    load(files)
    session = Session.objects.get()
    assert reserved(session) == ["3 for City Council, 5"]
    assert Course.objects.get().usual_allocations.get().whom == "City Council"
    with pytest.raises(ImportRefused, match="reserved: comes to 3 places, of 2 in all"):
        load({**files, "sessions.csv": sessions_file(session_line(reference="S8", capacity="2"))})
    book(session)
    with pytest.raises(ImportRefused, match="change who gets its places on its page"):
        load({**files, "sessions.csv": with_reserved("1 for City Council")})


def test_groups_are_joined_and_left(load: Load) -> None:
    groups = [PractitionerGroup.objects.create(name=name) for name in ("Leads", "GPs; nurses")]
    header, zoe, ann = FILES["practitioners.csv"].splitlines()
    named = f'{header},groups\n{zoe},"leads;""GPs; nurses"""\n{ann},\n'
    load({"practitioners.csv": named})
    person: Any = User.objects.get(first_name="Zoë")
    assert set(person.practitioner_groups.all()) == set(groups)
    load({"practitioners.csv": f"{header},groups\n{zoe},Leads\n{ann},\n"})
    assert list(person.practitioner_groups.all()) == groups[:1]
    load({"practitioners.csv": FILES["practitioners.csv"]})
    assert list(person.practitioner_groups.all()) == groups[:1]
    with pytest.raises(ImportRefused, match='has "Nobody", which is not a group'):
        load({"practitioners.csv": f"{header},groups\n{zoe},Nobody\n{ann},\n"})


def test_the_case_of_a_name_decides_nothing(load: Load) -> None:
    load()
    tables = (Agency, Course, Session, Venue, User)
    before = [rows._default_manager.count() for rows in tables]
    other = {
        "Leeds Police": "LEEDS POLICE",
        "City Council": "city council",
        "INTRO": "intro",
        "Civic Hall": "CIVIC hall",
        "S1,": "s1,",
    }
    shouted = dict(FILES)
    for name in shouted:
        for written, in_another_case in other.items():
            shouted[name] = shouted[name].replace(written, in_another_case)
    load(shouted)
    assert before == [rows._default_manager.count() for rows in tables]
    assert Agency.objects.filter(name="Leeds Police").exists()
    twice = sessions_file(session_line(reference="S7"), session_line(reference="s7"))
    with pytest.raises(ImportRefused, match="reference: is that of another row, S7"):
        load({"sessions.csv": twice})


def test_a_level_is_its_number_or_its_name(load: Load) -> None:
    partnership.change(values={"levels": "Bronze = a\nSilver = b\nGold = c"}, by=None)
    load({"courses.csv": FILES["courses.csv"].replace("training,3,", "training,gold,")})
    assert Course.objects.get(code="WT").level == 3
    with pytest.raises(ImportRefused, match="is not a level; write 1 for Bronze, 2 for Silver, 3"):
        load({"courses.csv": FILES["courses.csv"].replace("training,3,", "training,Level 9,")})


@pytest.mark.parametrize(
    ("column", "cell", "reason"),
    [
        ("capacity", f"{MOST_PLACES + 1}", f"it must be from 1 to {MOST_PLACES}"),
        ("minimum", "25", "minimum: is 25, more than the 24 places"),
        ("offer_hours", "201", "it must be from 1 to 200"),
        ("renew_months", "121", "it must be from 0 to 120"),
        ("summary", "x" * 4001, "is 4,001 characters long; the most is 4,000"),
    ],
)
def test_files_may_say_no_more_than_forms(load: Load, column: str, cell: str, reason: str) -> None:
    names = [*COURSE_HEADER.split(","), "minimum", "offer_hours"]
    usual = "INTRO,Introduction,training,1,,3,1,24,6,36,no,,,,24".split(",")  # noqa: SIM905
    row = dict(zip(names, usual, strict=True)) | {column: cell}
    content = f"{','.join(names)}\n{','.join(row.values())}\n"
    with pytest.raises(ImportRefused) as refused:
        load({"courses.csv": content, "sessions.csv": sessions_file()})
    assert reason in refused.value.sentence
