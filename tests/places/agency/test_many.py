"""Many colleagues at once: reading lists, the preview, and doing what it says."""

from collections.abc import Iterable
from datetime import timedelta
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from accounts.agencies import Entry
from accounts.models import User
from booking.catalogue.models import Session
from booking.places.agency import many
from booking.places.agency.rows import MOST_ROWS, UnreadableList, rows_of, text_of
from booking.places.models import Booking
from tests.factories import make_course, make_person, session_ahead
from tests.people import book_now, signed_in
from tests.places.agency.conftest import Police

pytestmark = pytest.mark.django_db

ZOE = Entry(email="zoe@police.example", first_name="Zoë", last_name="Robinson")
AMY = Entry(email="amy@police.example", first_name="Amy", last_name="Brown")
BARE = [Entry(email="zoe@police.example"), Entry(email="amy@police.example")]
NURSE = Entry(email="zoe@police.example", first_name="Zoë", last_name="Robinson", job_title="Nurse")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("zoe@police.example\namy@police.example", BARE),
        ("  Zoe@Police.example \r\n\r\namy@police.example\r\n", BARE),
        ("zoe@police.example, amy@police.example", BARE),
        ("zoe@police.example; amy@police.example;", BARE),
        ("zoe@police.example amy@police.example", BARE),
        ("Zoë Robinson <zoe@police.example>\nAmy Brown <amy@police.example>", [ZOE, AMY]),
        ("Robinson, Zoë <zoe@police.example>; Brown, Amy <amy@police.example>", [ZOE, AMY]),
        ('"Robinson, Zoë" <zoe@police.example>', [ZOE]),
        ("Zoë Robinson <zoe@police.example>, Amy Brown <amy@police.example>", [ZOE, AMY]),
        ("amy@police.example; Zoë Robinson <zoe@police.example>", [BARE[1], ZOE]),
        ("Zoë Robinson zoe@police.example", [ZOE]),
        ("<zoe@police.example>", BARE[:1]),
        ("mailto:zoe@police.example", BARE[:1]),
        ("zoe@police.example,Zoë,Robinson,Nurse", [NURSE]),
        ("zoe@police.example\tZoë\tRobinson\tNurse", [NURSE]),
        ("email,first name,last name,job title\nzoe@police.example,Zoë,Robinson,Nurse", [NURSE]),
        ("Last name;First name;E-mail\nRobinson;Zoë;zoe@police.example", [ZOE]),
        ("not an address", [Entry(email="not an address")]),
    ],
)
def test_lists_are_read_as_people_have_them(text: str, expected: list[Entry]) -> None:
    assert rows_of(text) == expected


@pytest.mark.parametrize(
    "content",
    [
        "email,first name,last name,job title\nzoe@police.example,Zoë,Robinson,Nurse\n".encode(),
        "zoe@police.example,Zoë,Robinson,Nurse".encode(),
        "\ufeffE-mail;First name;Last name;Job title\r\n"
        "zoe@police.example;Zoë;Robinson;Nurse\r\n".encode(),
        "email;first name;last name;job title\nzoe@police.example;Zoë;Robinson;Nurse".encode(
            "cp1252"
        ),
        "email\tfirst name\tlast name\tjob title\r\n"
        "zoe@police.example\tZoë\tRobinson\tNurse".encode("utf-16"),
        'email,first name,last name,job title\nzoe@police.example,"Zoë\n",Robinson,Nurse'.encode(),
    ],
)
def test_csv_files_are_read_as_spreadsheets_write_them(content: bytes) -> None:
    assert rows_of(text_of(SimpleUploadedFile("list.csv", content))) == [NURSE]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"PK\x03\x04" + b"x" * 100, "not a CSV file"),
        (b"a@b.example\n" * 20_000, "larger than 200 KB"),
        (b"\xff\xfea", "not text"),
    ],
)
def test_what_is_no_list_is_refused_in_words(content: bytes, words: str) -> None:
    with pytest.raises(UnreadableList) as refused:
        text_of(SimpleUploadedFile("list.csv", content))
    assert words in refused.value.sentence


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "at least one colleague"),
        ("email,first name", "at least one colleague"),
        ("a@b.example\n" * (MOST_ROWS + 1), f"Up to {MOST_ROWS}"),
    ],
)
def test_lists_without_people_or_with_too_many_are_refused(text: str, words: str) -> None:
    with pytest.raises(UnreadableList) as refused:
        rows_of(text)
    assert words in refused.value.sentence


def send(client: Client, session: Session, step: str, people: str = "", **more: object):  # type: ignore[no-untyped-def]
    """Send the list in the page."""
    address = reverse("agency_book_many", args=[session.pk])
    return client.post(address, {"step": step, "people": people, **more})


def outcomes(police: Police, session: Session, text: str) -> list[many.RowResult]:
    """What the preview says of each row."""
    return many.foresee(
        rows_of(text),
        session=session,
        agency=police.agency,
        by=police.lead,
        now=timezone.now(),
    )


MIXED = """zoe@police.example
amy@police.example
new@police.example
zoe@police.example
nurse@hospital.example
nonsense
late@police.example
"""


def mixed_session(police: Police) -> Session:
    """Two places for the agency, one of which Amy has; she also needs no second one."""
    session = session_ahead(capacity=10, agency_limit=2)
    book_now(session, police.amy)
    return session


def test_the_preview_says_what_happens_to_each_row_and_writes_nothing(police: Police) -> None:
    session = mixed_session(police)
    before = User.objects.count(), Booking.objects.count()
    rows = outcomes(police, session, MIXED)
    assert [(row.state, row.number, row.is_new, row.was_booked) for row in rows] == [
        ("confirmed", 0, False, False),
        ("confirmed", 0, False, True),
        ("waiting", 1, True, False),
        ("", 0, False, False),
        ("", 0, False, False),
        ("", 0, False, False),
        ("waiting", 2, True, False),
    ]
    assert "Your agency has its 2 places" in rows[2].sentence
    assert "further up in the list" in rows[3].sentence
    assert "not known as one of West Yorkshire Police" in rows[4].sentence
    assert "in the right form" in rows[5].sentence
    assert before == (User.objects.count(), Booking.objects.count())


def test_what_is_done_is_what_the_preview_said(police: Police) -> None:
    session = mixed_session(police)
    foreseen = outcomes(police, session, MIXED)
    client = signed_in(police.lead)
    page = send(client, session, "check", MIXED).content.decode()
    assert "Book these 3 people" in page
    assert "Will get a place" in page
    done = send(client, session, "book", MIXED)
    assert done.status_code == 200
    assert [row.state for row in done.context["outcomes"]] == [row.state for row in foreseen]
    assert [row.number for row in done.context["outcomes"]] == [row.number for row in foreseen]
    bookings = Booking.objects.for_session(session)
    assert bookings.confirmed().count() == 2
    assert [each.person.email for each in bookings.waiting()] == [
        "new@police.example",
        "late@police.example",
    ]


def test_sending_it_again_books_nobody_twice(police: Police) -> None:
    session = mixed_session(police)
    client = signed_in(police.lead)
    for _ in range(2):
        answer = send(client, session, "book", MIXED)
    assert [row.is_to_do for row in answer.context["outcomes"]] == [False] * 7
    assert Booking.objects.for_session(session).count() == 4
    assert User.objects.filter(email="new@police.example").count() == 1


def test_places_that_run_out_are_counted_as_rows_are_taken(police: Police) -> None:
    session = session_ahead(capacity=2)
    text = "\n".join(f"p{number}@police.example" for number in range(4))
    rows = outcomes(police, session, text)
    assert [row.state for row in rows] == ["confirmed", "confirmed", "waiting", "waiting"]
    assert rows[2].sentence == "All places are taken."
    assert session.places_taken == Session.objects.get(pk=session.pk).places_taken == 0


def test_reserved_places_prerequisites_and_clashes_are_foreseen(police: Police) -> None:
    course = make_course()
    course.prerequisites.add(make_course(title="Introduction"))
    [row] = outcomes(police, session_ahead(course=course), "zoe@police.example")
    assert row.is_refused
    assert row.sentence == "They need to have done this before: Introduction."
    first = session_ahead()
    book_now(first, police.zoe)
    [row] = outcomes(police, session_ahead(), "zoe@police.example")
    assert row.sentence == "They have a place on another session at that time."


def test_a_session_that_takes_no_bookings_refuses_the_list_and_keeps_it(police: Police) -> None:
    session = session_ahead(booking_opens_at=timezone.now() + timedelta(days=1))
    answer = send(signed_in(police.lead), session, "check", MIXED)
    assert answer.status_code == 409
    assert "Booking opens at" in answer.content.decode()
    assert "late@police.example" in answer.content.decode()


def test_a_list_can_be_changed_after_the_preview(police: Police) -> None:
    answer = send(signed_in(police.lead), session_ahead(), "change", "<b>@x\nzoe@police.example")
    page = answer.content.decode()
    assert "&lt;b&gt;@x\nzoe@police.example" in page


def test_a_file_is_previewed_and_then_booked_from_the_page(police: Police) -> None:
    session = session_ahead()
    client = signed_in(police.lead)
    content = "email;first name;last name;job title\nn@police.example;Ngọc;Ahmed;Nurse\n".encode()
    file = SimpleUploadedFile("list.csv", content)
    answer = send(client, session, "check", file=file)
    assert "Ngọc Ahmed" in answer.content.decode()
    send(client, session, "book", answer.context["people"])
    person = User.objects.get(email="n@police.example")
    assert (person.full_name, person.job_title) == ("Ngọc Ahmed", "Nurse")
    both = SimpleUploadedFile("list.csv", content)
    assert send(client, session, "check", "zoe@police.example", file=both).status_code == 422


def test_a_long_list_is_foreseen_with_a_few_statements(
    police: Police,
    django_assert_max_num_queries: Any,
) -> None:
    session = session_ahead(agency_limit=5, course=make_course(needs_manager_approval=True))
    people: Iterable[User] = [make_person(agency=police.agency) for _ in range(40)]
    text = "\n".join(person.email for person in people)
    text += "\n" + "\n".join(f"new{number}@police.example" for number in range(300))
    with django_assert_max_num_queries(12):
        rows = outcomes(police, session, text)
    assert many.tally(rows)["places"] == 5
    assert many.tally(rows)["waiting"] == 335


@pytest.mark.slow
@settings(
    max_examples=40,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(content=st.binary(max_size=300) | st.text(max_size=300).map(str.encode))
def test_no_file_and_no_text_breaks_the_page(police: Police, content: bytes) -> None:
    session = Session.objects.first() or session_ahead()
    client = signed_in(police.lead)
    file = SimpleUploadedFile("list.csv", b"email;first name\n" + content)
    assert send(client, session, "check", file=file).status_code in (200, 409, 422)
    text = content.decode("latin-1")
    assert send(client, session, "check", text).status_code in (200, 409, 422)
    assert send(client, session, "book", f"{text}\n=cmd|x@police.example").status_code in (
        200,
        409,
        422,
    )


def test_the_page_shows_how_an_address_with_a_name_is_written(police: Police) -> None:
    session = session_ahead()
    page = signed_in(police.lead).get(reverse("agency_book_many", args=[session.pk])).text
    assert "Name &lt;address&gt;, or address" in page
