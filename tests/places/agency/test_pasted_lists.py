"""Lists of colleagues as people paste them: who is meant, and what nobody can be sure of."""

from dataclasses import replace

import pytest
from django.urls import reverse

from accounts.agencies import Entry
from accounts.models import User
from booking.places.agency.rows import is_unsure, rows_of
from booking.places.models import Booking
from tests.factories import session_ahead
from tests.people import signed_in
from tests.places.agency.conftest import Police

ZOE = Entry(email="zoe@police.example", first_name="Zoë", last_name="Robinson")
AMY = Entry(email="amy@police.example", first_name="Amy", last_name="Brown")
JAN = Entry(email="jan@police.example", first_name="Jan", last_name="van der Berg")
BARE = [Entry(email="zoe@police.example"), Entry(email="amy@police.example")]
BOTH = [ZOE, AMY]
NAMED = "Zoë Robinson <zoe@police.example>", "Amy Brown <amy@police.example>"

SURE = {
    "1. zoe@police.example\n2. amy@police.example": BARE,
    "1.zoe@police.example\n2.amy@police.example": BARE,
    "1) zoe@police.example\n2) amy@police.example": BARE,
    "(1) zoe@police.example\n(2) amy@police.example": BARE,
    "1 zoe@police.example\n2 amy@police.example": BARE,
    "1.\tZoë Robinson\tzoe@police.example\n2.\tAmy Brown\tamy@police.example": BOTH,
    "a) Zoë Robinson zoe@police.example\nb) Amy Brown amy@police.example": BOTH,
    "- zoe@police.example\n- amy@police.example": BARE,
    "-zoe@police.example\n-amy@police.example": BARE,
    "• Zoë Robinson – zoe@police.example\n• Amy Brown – amy@police.example": BOTH,
    "* Zoë Robinson, zoe@police.example\n* Amy Brown, amy@police.example": BOTH,
    "o\tzoe@police.example\no\tamy@police.example": BARE,
    "> 1. Zoë Robinson <zoe@police.example>\n> 2. Amy Brown <amy@police.example>": BOTH,
    "To book on Tuesday:\n\nzoe@police.example\namy@police.example": BARE,
    "Attendees: zoe@police.example, amy@police.example": BARE,
    f"To: {NAMED[0]}; {NAMED[1]}": BOTH,
    f"{NAMED[0]}, {NAMED[1]}": BOTH,
    "Zoë Robinson zoe@police.example, Amy Brown amy@police.example": BOTH,
    "Zoë Robinson zoe@police.example Amy Brown amy@police.example": BOTH,
    "Zoë Robinson: Zoë Robinson (zoe@police.example)": [ZOE],
    "zoe@police.example (Zoë Robinson), amy@police.example (Amy Brown)": BOTH,
    "Robinson, Zoë <zoe@police.example>, Brown, Amy <amy@police.example>": BOTH,
    "'Zoë Robinson' <zoe@police.example>": [ZOE],
    "“Zoë Robinson” zoe@police.example": [ZOE],
    '"zoe@police.example"; "amy@police.example"': BARE,
    "‘zoe@police.example’": BARE[:1],
    "Zoë Robinson <zoe@police.example<mailto:zoe@police.example>>": [ZOE],
    "zoe@police.example <mailto:zoe@police.example>\nMAILTO:amy@police.example": BARE,
    "[zoe@police.example](mailto:zoe@police.example?subject=Training)": BARE[:1],
    "Name: Zoë Robinson, Email: zoe@police.example": [ZOE],
    "| Name | Email |\n|---|---|\n| Zoë Robinson | zoe@police.example |": [ZOE],
    "Name\tWork email\nZoë Robinson\tzoe@police.example": [ZOE],
    "First name,Last name,Email\nZoë,Robinson,zoe@police.example": [ZOE],
    "zoe@police.example, Zoë Robinson": [ZOE],
    "zoe@police.example - Zoë Robinson": [ZOE],
    'zoe@police.example, Zoë, Robinson, "Sergeant, traffic"': [
        replace(ZOE, job_title="Sergeant, traffic")
    ],
    'zoe@police.example, "Robinson, Zoë"': [ZOE],
    "Zoë Robinson\nzoe@police.example\nAmy Brown\namy@police.example": BOTH,
    "van der Berg, Jan <jan@police.example>": [JAN],
    "Zoë\xa0Robinson\u200b <zoe@police.example>\u200b": [ZOE],
    "zoe@police.example.\namy@police.example,": BARE,
}
UNSURE = [
    "zoe@police.example, Zoë, Robinson, Sergeant, traffic",
    "zoe@police.example;Zoë;Robinson;Sergeant;traffic",
    "Zoë,Robinson,zoe@police.example",
    "Zoë\tRobinson\tzoe@police.example",
    "Zoë Robinson, Nurse <zoe@police.example>",
    "Zoë Robinson <zoe@police.example>, Nurse",
    "Zoë Robinson (Nurse) <zoe@police.example>",
    "zoe@police.example - Zoë Robinson, amy@police.example - Amy Brown",
    "zoe@police.example (Nurse)",
    "Safeguarding team: zoe@police.example",
    "Monday 9 February zoe@police.example",
    "Attending\nzoe@police.example",
]


@pytest.mark.parametrize("text", SURE)
def test_who_is_meant_is_read_as_it_is_pasted(text: str) -> None:
    assert rows_of(text) == SURE[text]


@pytest.mark.parametrize("text", UNSURE)
def test_what_is_not_clear_is_shown_as_it_stands(text: str) -> None:
    [entry] = rows_of(text)
    assert is_unsure(entry)
    assert (entry.first_name, entry.last_name) == ("", "")
    assert "zoe@police.example" in entry.email


@pytest.mark.parametrize("text", ["Amy Brown", "not an address"])
def test_a_line_without_an_address_is_nobodys_name(text: str) -> None:
    first, second, third = rows_of(f"{text}\nzoe@police.example\namy@police.example")
    assert "@" not in first.email
    assert [second, third] == BARE


def test_a_long_line_takes_no_time() -> None:
    for text in ("a" * 100_000, "1. " * 30_000, "@" * 100_000, "(" * 100_000, "a, " * 30_000):
        assert rows_of(f"{text}\nzoe@police.example\namy@police.example")[-2:] == BARE


@pytest.mark.django_db
def test_nobody_is_booked_before_unsure_lines_are_corrected(police: Police) -> None:
    session, client = session_ahead(), signed_in(police.lead)
    address = reverse("agency_book_many", args=[session.pk])
    text = "amy@police.example\nRobinson, Zoë, zoe@police.example"
    for step in ("check", "book"):
        page = client.post(address, {"step": step, "people": text})
        html = page.content.decode()
        assert page.context["tally"]["unsure"] == 1
        assert "It is not clear who is meant here." in html
        assert f"{text}</textarea>" in html
        assert 'value="book"' not in html
        assert not Booking.objects.exists()
    corrected = "1. amy@police.example\n2. New Colleague <new@police.example>"
    page = client.post(address, {"step": "check", "people": corrected})
    assert 'value="book"' in page.content.decode()
    client.post(address, {"step": "book", "people": corrected})
    assert Booking.objects.for_session(session).count() == 2
    assert User.objects.get(email="new@police.example").full_name == "New Colleague"
    assert not User.objects.filter(first_name__startswith="1").exists()


@pytest.mark.django_db
@pytest.mark.parametrize("column", [1, 2, 3])
def test_a_name_that_is_too_long_is_refused_and_not_cut(police: Police, column: int) -> None:
    address = reverse("agency_book_many", args=[session_ahead().pk])
    cells = ["new@police.example", "New", "Colleague", "Sergeant"]
    cells[column] = "x" * 151
    most, words = [("", ""), (100, "First name"), (100, "Last name"), (150, "Job title")][column]
    for step in ("check", "book"):
        told = {"step": step, "people": ", ".join(cells)}
        page = signed_in(police.lead).post(address, told)
        assert f"{words}: use {most} characters or fewer." in page.text
        assert page.context["tally"]["refused"] == 1
    assert not Booking.objects.exists()
