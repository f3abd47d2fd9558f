"""What spreadsheets do to the files of a programme when they save them."""

import csv
from io import StringIO

import pytest

from accounts.models import Agency, User
from booking.catalogue.models import Session
from tests.catalogue.small_programme import FILES, Load, sessions_file

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("separator", [";", "\t"])
def test_semicolons_or_tabs_may_separate_cells(load: Load, separator: str) -> None:
    written = {name: StringIO(newline="") for name in FILES}
    for name, content in FILES.items():
        csv.writer(written[name], delimiter=separator).writerows(csv.reader(StringIO(content)))
    load({name: content.getvalue() for name, content in written.items()})
    assert Agency.objects.get(name="City Council").email_domains == [
        "council.example",
        "youth.example",
    ]
    assert str(load().tallies["sessions"]) == "0 created, 0 changed, 2 the same"


def test_a_row_may_leave_out_empty_cells_at_its_end(load: Load) -> None:
    line = "X1,INTRO,2027-07-07T09:30/2027-07-07T12:30,online,,,https://meet.example/a,20,5"
    load({"sessions.csv": sessions_file(line)})
    session = Session.objects.get(reference="X1")
    assert (session.agency_limit, session.trainers.count()) == (5, 0)


def test_invisible_characters_are_left_out_and_joiners_between_letters_are_not(load: Load) -> None:
    people = (
        "\ufeffemail,first_name,last_name,job_title,agency,manager_email\n"
        "zoe@agency.example\u200b,\u2066Zoe\u2069,\u0645\u06cc\u200c\u062e,Nur\u00adse,"
        "Leeds\u200b Police \ufeff,\u200eboss@agency.example\u200d\n"
    )
    load({"practitioners.csv": people})
    zoe = User.objects.get(email="zoe@agency.example")
    assert (zoe.full_name, zoe.job_title, zoe.agency_name, zoe.manager_email) == (
        "Zoe \u0645\u06cc\u200c\u062e",
        "Nurse",
        "Leeds Police",
        "boss@agency.example",
    )
