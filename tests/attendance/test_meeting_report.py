"""Ten reports each of Teams and Zoom, as they save them, matched as a person would."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from accounts.models import AccessRecord
from booking.attendance.meeting_report import MOST_BYTES, ReportRefused, read_report
from booking.attendance.models import Mark
from booking.attendance.recognising import Expected, recognise
from booking.catalogue.models import Session
from booking.places.models import Booking
from booking.site.wording import LONDON
from tests.factories import make_person, make_session, make_trainer, morning
from tests.pages import said, sent_on
from tests.people import book, book_now, signed_in

REPORTS = Path(__file__).parent / "reports"


@dataclass(frozen=True)
class Held:
    """When a sitting was."""

    starts_at: datetime
    ends_at: datetime


START = datetime(2027, 2, 9, 9, 30, tzinfo=LONDON)
MORNING = Held(START, START + timedelta(hours=3))
SUMMER = Held(
    datetime(2027, 7, 6, 9, 30, tzinfo=LONDON), datetime(2027, 7, 6, 12, 30, tzinfo=LONDON)
)
WITH_A_PLACE = {
    "Ann Smith": "ann.smith@police.example",
    "Bola Adéyemi": "b.adeyemi@nhs.example",
    "Chloë O'Brien": "chloe.obrien@council.example",
    "Dev Patel": "dev.patel@school.example",
    "Fatima Khan-Ali": "fatima@charity.example",
    "Grace Lee": "grace.lee@school.example",
    "Sam Jones": "sam.jones@police.example",
    "Sam Jones ": "sam.jones@nhs.example",
}
PHONES = {"Fatima Khan-Ali": "07700 900123"}
OTHERS = {"Farzana Akhtar": "farzana.akhtar@lscp.example", "Isla Reid": "isla@signs.example"}
EXPECTED = [
    Expected(name, frozenset({address}), PHONES.get(name, ""), Booking(pk=number))
    for number, (name, address) in enumerate(WITH_A_PLACE.items(), start=1)
] + [Expected(name, frozenset({address})) for name, address in OTHERS.items()]

# By file: minutes of those found by their address, of those to be confirmed, and who is not known.
FOUND: dict[str, tuple[dict[str, int], dict[str, int], list[str]]] = {
    "teams_01_three_sections": (
        {"Ann Smith": 180, "Bola Adéyemi": 159, "Chloë O'Brien": 89}, {}, []
    ),
    "teams_02_several_joins": ({"Ann Smith": 150, "Dev Patel": 75}, {}, []),
    "teams_03_actions": ({}, {"Ann Smith": 150, "Dev Patel": 120}, ["Mystery Caller"]),
    "teams_04_meeting_summary": (
        {"Ann Smith": 180, "Grace Lee": 120}, {"Fatima Khan-Ali": 4}, []
    ),
    "teams_05_saved_again": ({"Ann Smith": 180}, {"Bola Adéyemi": 120, "Chloë O'Brien": 60}, []),
    "teams_06_guests_and_phones": (
        {"Ann Smith": 178},
        {"Grace Lee": 180, "Dev Patel": 60, "Fatima Khan-Ali": 120},
        ["+44 7700 9*****"],
    ),
    "teams_07_narrow_spaces": ({"Ann Smith": 180, "Chloë O'Brien": 30}, {}, []),
    "teams_08_no_activities": ({"Ann Smith": 65, "Bola Adéyemi": 180}, {}, ["Sam Jones"]),
    "teams_09_two_devices": ({"Ann Smith": 120, "Dev Patel": 30}, {"Ann Smith": 150}, []),
    "teams_10_summer_in_utc": ({"Ann Smith": 180, "Bola Adéyemi": 160}, {}, []),
    "zoom_01_with_the_meeting": ({"Ann Smith": 180, "Bola Adéyemi": 160}, {}, []),
    "zoom_02_unique_users": ({"Ann Smith": 180, "Dev Patel": 42}, {"Grace Lee": 95}, []),
    "zoom_03_several_joins": ({"Ann Smith": 165, "Dev Patel": 10}, {}, []),
    "zoom_04_other_names": (
        {}, {"Ann Smith": 180, "Chloë O'Brien": 120, "Fatima Khan-Ali": 150}, ["iPhone"]
    ),
    "zoom_05_webinar": ({"Ann Smith": 170}, {}, []),
    "zoom_06_waiting_room": ({"Ann Smith": 160}, {}, []),
    "zoom_07_phones": ({"Ann Smith": 180}, {"Fatima Khan-Ali": 90}, ["44770090****"]),
    "zoom_08_day_first": ({"Ann Smith": 180}, {"Bola Adéyemi": 120}, []),
    "zoom_09_month_in_words": ({"Ann Smith": 180}, {"Grace Lee": 30}, []),
    "zoom_10_two_devices": ({"Bola Adéyemi": 150}, {"Dev Patel": 180}, ["Sam Jones"]),
}  # fmt: skip


def content(name: str) -> bytes:
    return (REPORTS / f"{name}.csv").read_bytes()


def test_there_are_ten_of_each() -> None:
    for service in ("teams", "zoom"):
        assert len(list(REPORTS.glob(f"{service}_*.csv"))) == 10
    assert {path.stem for path in REPORTS.iterdir()} == set(FOUND)


@pytest.mark.parametrize("name", FOUND)
def test_a_report_is_matched_as_a_person_would(name: str) -> None:
    held = SUMMER if "summer" in name else MORNING
    found = recognise(read_report(content(name), of=held), EXPECTED, of=held)
    sure, confirm, unknown = FOUND[name]
    assert {each.whom.name: each.minutes for each in found.sure} == sure
    assert {each.whom.name: each.minutes for each in found.to_confirm} == confirm
    assert [each.name for each in found.unknown] == unknown
    assert len(found.missing) == len(WITH_A_PLACE) - len({*sure, *confirm})


def test_minutes_of_another_device_by_name_are_confirmed_before_they_are_added() -> None:
    rows = [
        "Ann Smith,ann.smith@police.example,09/02/2027 09:30,09/02/2027 10:30,60,No",
        "Ann Smith,,09/02/2027 11:00,09/02/2027 12:30,90,Yes",
    ]
    header = "Name (Original Name),User Email,Join Time,Leave Time,Duration (Minutes),Guest"
    report = read_report("\n".join([header, *rows]).encode(), of=MORNING)
    found = recognise(report, EXPECTED, of=MORNING)
    assert [(each.called, each.minutes) for each in found.sure] == [("Ann Smith", 60)]
    assert [(each.called, each.minutes) for each in found.to_confirm] == [("Ann Smith", 150)]
    assert {each.whom.name for each in found.others} <= set(OTHERS)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("reference,course_code\nS1,INTRO\n", "columns found are “reference”, “course_code”"),
        ("Name,Department\nAnn,Police\n", "columns found are “Name”, “Department”"),
        ("", "columns found are none"),
        ("Just words\n", "columns found are “Just words”"),
        ("Name,Join Time,Leave Time\n", "columns found are “Name”, “Join Time”"),
        ("Full Name,Duration\nAnn Smith,unknown\n", "names nobody"),
        ("Name\tJoin Time\tLeave Time\nAnn\t3/2/2027, 9:30:00 AM\t3/2/2027, 9:40:00 AM\n",
         "The report is of"),
    ],
)  # fmt: skip
def test_another_file_is_refused_with_what_was_found(text: str, sentence: str) -> None:
    with pytest.raises(ReportRefused) as refused:
        read_report(text.encode(), of=MORNING)
    assert sentence in refused.value.sentence


@pytest.mark.parametrize(
    "file",
    [b"PK\x03\x04rest", b"%PDF-1.7", b"\xff\xfe\x00", b"x" * (MOST_BYTES + 1), b"\x00" * 50],
)
def test_what_is_no_csv_is_refused_in_a_sentence(file: bytes) -> None:
    with pytest.raises(ReportRefused):
        read_report(file, of=MORNING)


def told_in(session: Session) -> SimpleUploadedFile:
    """A report of Zoom for a session that was held yesterday."""
    on = session.starts_at.astimezone(LONDON)
    begins, ends = (f"{each:%d/%m/%Y %H:%M}" for each in (on, on + timedelta(minutes=50)))
    rows = [("Ann Smith", "ann.smith@police.example"), ("Bola Adeyemi", ""), ("Mystery", "")]
    lines = [f"{name},{email},{begins},{ends},50,Yes" for name, email in rows]
    header = "Name (Original Name),User Email,Join Time,Leave Time,Duration (Minutes),Guest"
    return SimpleUploadedFile("report.csv", "\n".join([header, *lines]).encode())


@pytest.fixture
def held(db: None) -> Session:
    """An online session that was held yesterday, of three people with places."""
    starts = morning(-1)
    session = make_session(
        starts_at=starts, delivery="online", meeting="https://meet.example/1",
        trainers=[make_trainer()],
    )  # fmt: skip
    for first, last, email in (
        ("Ann", "Smith", "ann.smith@police.example"),
        ("Bola", "Adéyemi", "b.adeyemi@nhs.example"),
        ("Grace", "Lee", "grace.lee@school.example"),
    ):
        person = make_person(email, first_name=first, last_name=last)
        book(session, person, now=starts - timedelta(days=30))
    return session


def test_the_trainer_sees_the_minutes_and_saves_them(held: Session) -> None:
    browser = signed_in(held.trainers.get())
    page, sitting = reverse("meeting_report", args=[held.pk]), held.sittings.get()
    shown = browser.post(page, {"sitting": sitting.pk, "report": told_in(held)})
    assert shown.status_code == 200, shown.text
    assert "By address: 1 person" in shown.text
    assert "“Bola Adeyemi” is Bola Adéyemi" in shown.text
    assert "<li>Mystery</li>" in shown.text
    assert "<li>Grace Lee</li>" in shown.text
    assert not Mark.objects.exists()
    assert AccessRecord.objects.filter(what="report of the meeting", rows=3).exists()
    bola = held.bookings.get(person__last_name="Adéyemi")
    hidden = sent_on(shown.text)
    alone = browser.post(page, {**hidden, "step": "save"})
    assert "1 person is marked from the report." in said(alone)
    both = browser.post(page, {**hidden, "step": "save", "confirmed": f"{bola.pk}:50"})
    assert "2 people are marked" in said(both)
    last = Mark.objects.current()
    assert {(each.booking.person.first_name, each.minutes_there) for each in last} == {
        *(("Ann", 50), ("Bola", 50)),
    }
    assert {each.source for each in last} == {"report"}
    register = browser.get(reverse("register", args=[held.pk])).text
    assert "50 minutes there" in register
    assert page in register


def test_what_is_made_up_marks_nobody(held: Session) -> None:
    browser = signed_in(held.trainers.get())
    page, sitting = reverse("meeting_report", args=[held.pk]), held.sittings.get()
    stranger = book_now(make_session(starts_at=morning(5)))
    for made_up in (f"{stranger.pk}:50", "x", "9" * 40 + ":5", ""):
        answer = browser.post(page, {"sitting": sitting.pk, "sure": made_up, "step": "save"})
        assert answer.status_code in (200, 409)
    assert not Mark.objects.exists()
    ann = held.bookings.get(person__last_name="Smith")
    browser.post(page, {"sitting": sitting.pk, "sure": f"{ann.pk}:9999", "step": "save"})
    assert Mark.objects.get().minutes_there == 180


def test_a_shape_that_is_not_known_is_said_with_its_columns(held: Session) -> None:
    browser = signed_in(held.trainers.get())
    file = SimpleUploadedFile("report.csv", b"Person,Team\nAnn,Police\n")
    page = reverse("meeting_report", args=[held.pk])
    answer = browser.post(page, {"sitting": held.sittings.get().pk, "report": file})
    assert answer.status_code == 422
    assert "The columns found are “Person”, “Team”" in answer.text


def test_the_page_costs_the_same_however_many_were_there(held: Session) -> None:
    browser = signed_in(held.trainers.get())
    page, sitting = reverse("meeting_report", args=[held.pk]), held.sittings.get()

    def cost() -> int:
        with CaptureQueriesContext(connection) as captured:
            browser.post(page, {"sitting": sitting.pk, "report": told_in(held)})
        return len(captured)

    cost()
    before = cost()
    for _ in range(5):
        book(held, now=held.starts_at - timedelta(days=30))
    assert cost() == before
