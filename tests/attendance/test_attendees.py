"""Who may see who is coming, and what they see."""

import csv
import io
from datetime import timedelta

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts.models import AccessRecord, User
from booking.catalogue.models import Session
from booking.site.spreadsheets import safe_cell
from tests.factories import make_coordinator, make_person, make_session, make_trainer, morning
from tests.people import book_now, signed_in

pytestmark = pytest.mark.django_db

PAGES = ["attendees", "attendees_print", "attendees_csv"]


def led_session(trainer: User, **fields: object) -> Session:
    """A session ahead, of two people with places and one who waits."""
    session = make_session(
        capacity=2,
        trainers=[trainer],
        starts_at=morning(10),
        **fields,  # type: ignore[arg-type]
    )
    for name, needs in [("Ngọc", "=HYPERLINK(1)"), ("Zoë", ""), ("Ayşe", "A hearing loop")]:
        person = make_person(first_name=name, last_name="Nguyễn")
        book_now(session, person, needs=needs)
    return session


@pytest.mark.parametrize("view", PAGES)
def test_only_its_trainers_and_coordinators_see_the_list(view: str) -> None:
    trainer = make_trainer()
    session = led_session(trainer)
    address = reverse(view, args=[session.pk])
    assert signed_in(trainer).get(address).status_code == 200
    assert signed_in(make_coordinator()).get(address).status_code == 200
    for other in (make_trainer(), make_person(), make_person(is_agency_lead=True)):
        assert signed_in(other).get(address).status_code == 404
    attendee = User.objects.get(first_name="Zoë")
    assert signed_in(attendee).get(address).status_code == 404
    anonymous = Client().get(address)
    assert anonymous.status_code == 302
    assert anonymous.headers["Location"].startswith("/accounts/login/")


def test_somebody_who_is_no_longer_a_trainer_sees_nothing() -> None:
    trainer = make_trainer()
    session = led_session(trainer)
    User.objects.filter(pk=trainer.pk).update(is_trainer=False)
    trainer.refresh_from_db()
    assert signed_in(trainer).get(reverse("attendees", args=[session.pk])).status_code == 404


def test_a_trainer_loses_sight_of_the_list_two_weeks_after_the_end() -> None:
    trainer = make_trainer()
    session = led_session(trainer)
    address = reverse("attendees", args=[session.pk])
    for days, status in [(13, 200), (15, 404)]:
        ended = timezone.now() - timedelta(days=days)
        Session.objects.filter(pk=session.pk).update(
            starts_at=ended - timedelta(hours=3), ends_at=ended
        )
        assert signed_in(trainer).get(address).status_code == status


def test_list_shows_what_a_trainer_needs_and_not_addresses() -> None:
    trainer = make_trainer()
    session = led_session(trainer)
    page = signed_in(trainer).get(reverse("attendees", args=[session.pk])).content.decode()
    assert "Ngọc Nguyễn" in page
    assert "A hearing loop" in page
    assert "Social worker" in page
    assert "@agency.example" not in page
    assert (
        "no-store"
        in signed_in(trainer).get(reverse("attendees", args=[session.pk])).headers["Cache-Control"]
    )


def test_csv_has_no_formulas_and_keeps_accents() -> None:
    trainer = make_trainer()
    session = led_session(trainer)
    response = signed_in(trainer).get(reverse("attendees_csv", args=[session.pk]))
    rows = list(csv.DictReader(io.StringIO(response.content.decode("utf-8-sig"))))
    assert [row["First name"] for row in rows] == ["Ngọc", "Zoë", "Ayşe"]
    assert rows[0]["Needs"] == "'=HYPERLINK(1)"
    assert rows[2]["Place"] == "Waiting, number 1"
    assert "attachment" in response.headers["Content-Disposition"]


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠"])
def test_a_cell_never_begins_like_a_formula(start: str) -> None:
    assert safe_cell(f"{start}1+1").startswith("'")
    assert safe_cell("Plain") == "Plain"


def test_every_look_is_on_record() -> None:
    trainer = make_trainer()
    session = led_session(trainer)
    for page in PAGES:
        signed_in(trainer).get(reverse(page, args=[session.pk]))
    accesses = AccessRecord.objects.filter(
        what="attendees", about_id=session.pk, by=trainer
    ).order_by("id")
    assert [access.form for access in accesses] == ["page", "print", "csv"]
    assert {access.rows for access in accesses} == {3}
    signed_in(make_trainer()).get(reverse("attendees", args=[session.pk]))
    assert AccessRecord.objects.count() == 3


def test_my_sessions_are_only_mine() -> None:
    trainer = make_trainer()
    mine, other = led_session(trainer), make_session(starts_at=timezone.now() + timedelta(days=3))
    page = signed_in(trainer).get(reverse("trainer_sessions")).content.decode()
    assert mine.course.title in page
    assert other.course.title not in page
    assert signed_in(make_person()).get(reverse("trainer_sessions")).status_code == 404


def test_statements_do_not_grow_with_people(django_assert_max_num_queries) -> None:  # type: ignore[no-untyped-def]
    trainer = make_trainer()
    session = led_session(trainer)
    Session.objects.filter(pk=session.pk).update(capacity=50)
    for _ in range(20):
        book_now(session)
    client = signed_in(trainer)
    with django_assert_max_num_queries(7):
        client.get(reverse("attendees", args=[session.pk]))
