"""What the programme import refuses: every fault by name, all at once, and nothing written."""

import csv
from collections.abc import Sequence
from io import StringIO

import pytest
from allauth.account.models import EmailAddress

from accounts.models import Agency, User
from booking.catalogue.importing.programme import ImportRefused
from booking.catalogue.models import Course, DiaryDate, Session, Sitting, Topic, Venue
from tests.catalogue.small_programme import COURSE_HEADER, FILES, Load, session_line, sessions_file

pytestmark = pytest.mark.django_db


def nothing_is_written() -> bool:
    models = (Agency, Course, User, Session, Sitting, Venue, DiaryDate, Topic, EmailAddress)
    return not any(model._default_manager.exists() for model in models)


def problems_of(load: Load, name: str, content: str | bytes) -> list[str]:
    """What is wrong with one file; nothing has been written."""
    with pytest.raises(ImportRefused) as refused:
        load({name: content})
    assert nothing_is_written()
    return [str(problem) for problem in refused.value.problems]


SESSION_FAULTS = [
    ({"reference": ""}, "reference: is empty"),
    ({"course_code": "NONE"}, 'course_code: is "NONE", which is not a course code'),
    ({"sittings": ""}, "sittings: is empty"),
    ({"sittings": ";"}, "sittings: names nothing"),
    (
        {"sittings": "2027-02-30T09:30/2027-02-30T10:30"},
        "sittings: has 2027-02-30T09:30, a date or time that does not exist",
    ),
    (
        {"sittings": "2027-02-09T24:30/2027-02-09T25:30"},
        "sittings: has 2027-02-09T24:30, a date or time that does not exist",
    ),
    ({"sittings": "9/2/27 9:30"}, 'sittings: has "9/2/27 9:30"; write start/end like'),
    ({"sittings": "9am/2027-02-09T12:30"}, 'has "9am/2027-02-09T12:30"; write start/end like'),
    (
        {"sittings": "0207-02-09T09:30/0207-02-09T12:30"},
        "sittings: has the year 207; it must be from 2000 to 2100",
    ),
    (
        {"sittings": "2027-03-28T01:30/2027-03-28T03:30"},
        "sittings: has 2027-03-28T01:30, which does not exist",
    ),
    (
        {"sittings": "2027-10-31T00:30/2027-10-31T01:30"},
        "sittings: has 2027-10-31T01:30, which comes twice",
    ),
    ({"sittings": "2027-02-09T09:30/2027-02-09T09:30"}, "which ends before it has started"),
    ({"sittings": "2027-02-09T09:30/2028-02-09T12:30"}, "which lasts more than 24 hours"),
    (
        {"sittings": "2027-02-09T09:30/2027-02-09T12:30;2027-02-09T12:00/2027-02-09T14:00"},
        "sittings: has 2027-02-09T12:00/2027-02-09T14:00, which overlaps with the sitting before",
    ),
    (
        {"sittings": "2027-02-09T09:30/2027-02-09T12:30;2027-02-09T09:30/2027-02-09T12:30"},
        "which overlaps with the sitting before",
    ),
    ({"delivery": "hybrid"}, 'delivery: is "hybrid"; it must be one of: in person, online'),
    ({"delivery": "in person", "join_url": ""}, "venue: is empty"),
    (
        {"delivery": "in person", "venue": "Hut", "address": "Here"},
        "join_url: must be empty for a session in person",
    ),
    (
        {"delivery": "in person", "venue": "Hut", "join_url": ""},
        'address: is empty, and the address of "Hut" is not known',
    ),
    ({"join_url": ""}, "join_url: is empty; a session online needs the address of its meeting"),
    ({"venue": "Hut"}, "venue: must be empty for a session online"),
    ({"join_url": "http://meet.example/1"}, "join_url: must be a link that starts with https://"),
    ({"join_url": "javascript:alert(1)"}, "join_url: must be a link that starts with https://"),
    ({"capacity": ""}, "capacity: is empty"),
    ({"capacity": "0"}, "capacity: is 0; it must be from 1 to 5000"),
    ({"capacity": "-3"}, "capacity: is -3; it must be from 1 to 5000"),
    ({"capacity": "2O"}, 'capacity: is "2O", which is not a whole number'),
    ({"capacity": "9" * 40}, "which is not a whole number"),
    ({"reference": "S 9"}, 'reference: is "S 9"; use letters, figures, dots, hyphens and slashes'),
    ({"reference": "-9"}, 'reference: is "-9"; use letters, figures,'),
    ({"per_agency_limit": "11"}, "per_agency_limit: is 11, more than the places there are"),
    ({"per_agency_limit": "-1"}, "per_agency_limit: is -1; it must be from 0"),
    ({"trainer_email": "trainer"}, 'trainer_email: is "trainer", which is not an email address'),
    ({"trainer_email": "office@school.example"}, "a mailbox that several people read"),
    ({"reference": "S\x011"}, "reference: holds a control character"),
]


@pytest.mark.parametrize(("cells", "reason"), SESSION_FAULTS)
def test_a_bad_session_is_named(load: Load, cells: dict[str, str], reason: str) -> None:
    problems = problems_of(load, "sessions.csv", sessions_file(session_line(**cells)))
    assert len(problems) == 1, problems
    assert problems[0].startswith("sessions.csv, line 2, ")
    assert reason in problems[0]


def course_file(line: str) -> str:
    wt = "WT,Working Together,training,3,,6,2,20,0,0,yes,INTRO,"
    return f"{COURSE_HEADER},topics,sectors\n{line}\n{wt},,\n"


OTHER_FAULTS = [
    (
        "agencies.csv",
        FILES["agencies.csv"] + ",police,,no\n",
        "agencies.csv, line 4, name: is empty",
    ),
    (
        "agencies.csv",
        FILES["agencies.csv"] + "A,navy,nodots;a@b.example,maybe\n",
        'agencies.csv, line 4, sector: is "navy"; it must be one of: local authority, police,',
        'agencies.csv, line 4, email_domains: has "nodots", which is not an email domain',
        'agencies.csv, line 4, email_domains: has "a@b.example", which is not an email domain',
        'agencies.csv, line 4, trainers_in_kind: is "maybe"; write yes or no',
    ),
    (
        "courses.csv",
        course_file(f"INTRO,{'x' * 201},party,4,,0,1,0,0,0,no,WAT,,??,navy"),
        "courses.csv, line 2, title: is 201 characters long; the most is 200",
        'courses.csv, line 2, kind: is "party"; it must be one of: training, briefing,',
        'courses.csv, line 2, level: is "4", which is not a level; write 1 for Level 1,',
        'courses.csv, line 2, hours: is "0"; give hours above 0',
        "courses.csv, line 2, capacity: is 0; it must be from 1",
        'courses.csv, line 2, prerequisite: has "WAT", which is not a course code',
        'courses.csv, line 2, topics: has "??", which is not a name',
        'courses.csv, line 2, sectors: is "navy"; it must be one of',
    ),
    (
        "courses.csv",
        course_file("INTRO,Intro,training,1,,1.25,1,20,0,0,no,WT,,,"),
        'courses.csv, line 2, hours: is "1.25"; give hours above 0 with at most one decimal',
        "courses.csv, line 2, prerequisite: goes in a circle: ",
    ),
    (
        "courses.csv",
        course_file("IN/TRO,Intro,training,1,,1,1,20,0,0,no,,,,"),
        'courses.csv, line 2, code: is "IN/TRO"; only letters, digits,',
        'courses.csv, line 3, prerequisite: has "INTRO", which is not a course code',
        'sessions.csv, line 2, course_code: is "INTRO", which is not a course code',
    ),
    (
        "courses.csv",
        course_file("INTRO,Intro,training,1,,1,1,20,21,0,no,,,,"),
        "courses.csv, line 2, per_agency_limit: is 21, more than the 20 places",
    ),
    (
        "practitioners.csv",
        "email,first_name,last_name,job_title,agency,manager_email\n"
        "zoe,,Li,Cook,Nowhere,boss\n"
        "office@school.example,A,B,C,City Council,\n",
        'practitioners.csv, line 2, email: is "zoe", which is not an email address',
        "practitioners.csv, line 2, first_name: is empty",
        'practitioners.csv, line 2, agency: is "Nowhere", which is not an agency',
        'practitioners.csv, line 2, manager_email: is "boss", which is not an email address',
        'practitioners.csv, line 3, email: is "office@school.example", a mailbox that several',
    ),
    (
        "diary_dates.csv",
        "title,starts,ends\nA,2027-02-30,2027-03-01\nB,2027-03-02,2027-03-01\nC,1/3/27,\n",
        "diary_dates.csv, line 2, starts: is 2027-02-30, a date that does not exist",
        "diary_dates.csv, line 3, ends: is 2027-03-01, which is before the start on 2027-03-02",
        'diary_dates.csv, line 4, starts: is "1/3/27"; write a date like 2027-02-09',
        "diary_dates.csv, line 4, ends: is empty",
    ),
]


@pytest.mark.parametrize("fault", OTHER_FAULTS, ids=lambda fault: fault[0])
def test_every_fault_is_named_with_its_line_and_column(load: Load, fault: Sequence[str]) -> None:
    name, content, *expected = fault
    problems = problems_of(load, name, content)
    assert len(problems) == len(expected), problems
    for problem, beginning in zip(problems, expected, strict=True):
        assert problem.startswith(beginning)


def test_faults_of_all_files_are_told_at_once(load: Load) -> None:
    with pytest.raises(ImportRefused) as refused:
        load(
            {
                "agencies.csv": FILES["agencies.csv"].replace(",police,", ",navy,"),
                "diary_dates.csv": "title,starts,ends\nA,2027-02-30,2027-02-30\n",
            }
        )
    assert [problem.file for problem in refused.value.problems] == [
        "agencies.csv",
        "diary_dates.csv",
        "diary_dates.csv",
    ]
    assert nothing_is_written()


@pytest.mark.parametrize("name", FILES)
def test_a_row_that_is_there_twice_is_named(load: Load, name: str) -> None:
    again = FILES[name] + FILES[name].splitlines()[1].replace("Zoe@", "ZOE@") + "\n"
    problems = problems_of(load, name, again)
    last = len(again.splitlines())
    assert any(f"{name}, line {last}, " in problem for problem in problems)
    assert "is the same as on line 2" in problems[0]


def test_unknown_missing_and_repeated_columns_are_named_and_nothing_follows_from_them(
    load: Load,
) -> None:
    problems = problems_of(load, "agencies.csv", "name,sektor,name,,trainers_in_kind\nA,b,c,d,e\n")
    assert problems == [
        "agencies.csv, line 1, sektor: is not a known column",
        "agencies.csv, line 1, name: is there twice",
        "agencies.csv, line 1: column 4 has no name",
        "agencies.csv, line 1, sector: this column is missing",
        "agencies.csv, line 1, email_domains: this column is missing",
    ]


def test_the_line_is_where_the_row_starts_also_after_quoted_newlines(load: Load) -> None:
    content = (
        f"{COURSE_HEADER}\n"
        'INTRO,"Intro\n\nduction",training,1,,3,1,24,0,0,no,,"a\nb"\n'
        "\n"
        'WT,"Working\nTogether",training,9,,6,2,20,0,0,yes,,\n'
    )
    [problem] = problems_of(load, "courses.csv", content)
    assert problem.startswith('courses.csv, line 7, level: is "9", which is not a level;')


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"title,starts,ends\nCaf\x8e,2027-01-01,2027-01-01\n", "line 2: is not UTF-8, and it is"),
        (b"title,starts,ends\nCaf\x8f,2027-01-01,2027-01-01\n", "line 2: is not UTF-8 at byte 22"),
        (b"\xef\xbb\xbftitle\n\xff", "line 2: is not UTF-8 at byte 10 of the file"),
        (b"", "diary_dates.csv: has no header line"),
        (b'title,starts,ends\nA,"2027-01-01,2027-01-01\n', "line 2: cannot be read as CSV from"),
        (b"title,starts,ends\nA,2027-01-01\n", "line 2, ends: is empty"),
        (b"title,starts,ends\nA,2027-01-01,2027-01-01,x\n", "has 4 cells where the header has 3"),
    ],
)
def test_a_file_that_cannot_be_read_is_named(load: Load, content: bytes, expected: str) -> None:
    problems = problems_of(load, "diary_dates.csv", content)
    assert len(problems) == 1
    assert expected in problems[0]


def test_two_addresses_for_one_venue_are_refused(load: Load) -> None:
    hut = {"delivery": "in person", "join_url": "", "venue": "Hut"}
    problems = problems_of(
        load,
        "sessions.csv",
        sessions_file(
            session_line(reference="A", address="1 Road", **hut),
            session_line(reference="B", address="", **hut),
            session_line(reference="C", address="2 Road", **hut),
        ),
    )
    assert problems == [
        'sessions.csv, line 4, address: is "2 Road", but line 2 has "1 Road" for this venue'
    ]


def test_an_address_of_somebody_elses_account_is_refused(load: Load) -> None:
    other = User.objects.create_user("other@council.example")
    EmailAddress.objects.create(user=other, email="ann@council.example", verified=True)
    with pytest.raises(ImportRefused, match=r"line 3, email: .* an address of somebody else's"):
        load()


@pytest.mark.parametrize(
    ("column", "cell", "words"),
    [
        ("email", "zo\u200be@agency.example", "an invisible character inside"),
        ("email", "zoe@ag\u00adency.example", "an invisible character inside"),
        ("email", '"zoe"@agency.example', "leave out quotation marks"),
        ("manager_email", "bo\u2060ss@agency.example", "an invisible character inside"),
        ("job_title", "Nurse at evil.com", "addresses of web pages"),
    ],
)
def test_an_address_or_name_that_is_none_is_named(
    load: Load, column: str, cell: str, words: str
) -> None:
    cells = {
        "email": "zoe@agency.example",
        "first_name": "Zoe",
        "last_name": "Li",
        "job_title": "Nurse",
        "agency": "Leeds Police",
        "manager_email": "boss@agency.example",
    }
    text = StringIO(newline="")
    csv.writer(text).writerows([cells, (cells | {column: cell}).values()])
    with pytest.raises(ImportRefused) as refused:
        load({"practitioners.csv": text.getvalue()})
    [problem] = refused.value.problems
    assert problem.column == column
    assert words in problem.reason
