"""Who may see who is coming, and what they see."""

import csv
import io
from datetime import timedelta

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts.models import AccessRecord, Sector, User
from booking.attendance.lists import totals_of_needs
from booking.attendance.models import Mark
from booking.catalogue.models import Session
from booking.places.links import trainer_join_path
from tests.attendance.rooms import (
    bookings_of,
    close_as_it_is,
    end_now,
    held_session,
    press,
    trainer_of,
)
from tests.factories import (
    make_agency,
    make_claimant,
    make_coordinator,
    make_course,
    make_person,
    make_session,
    make_trainer,
    morning,
    session_ahead,
)
from tests.people import book, book_now, signed_in

pytestmark = pytest.mark.django_db

PAGES = ["attendees", "attendees_print", "attendees_csv", "attendees_needs"]


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


def csv_rows(client: Client, session: Session) -> list[dict[str, str]]:
    """The rows of the downloaded list."""
    content = client.get(reverse("attendees_csv", args=[session.pk])).content
    return list(csv.DictReader(io.StringIO(content.decode("utf-8-sig"), newline="")))


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


LISTS = ["attendees", "attendees_print", "attendees_needs", "register", "register_close"]


@pytest.mark.parametrize("view", LISTS)
def test_people_without_a_name_are_told_apart_by_their_addresses(view: str) -> None:
    session = held_session(people=0)
    addresses = ["a@agency.example", "b@agency.example"]
    for email in addresses:
        nameless = make_person(email, first_name="", last_name="")
        book(session, nameless, now=session.starts_at - timedelta(days=9), needs="A ramp")
    browser = signed_in(trainer_of(session))
    if view == "register_close":
        end_now(session)
    page = browser.get(reverse(view, args=[session.pk])).text
    assert "Name not given" not in page
    for email in addresses:
        assert f">{email}<" in page
        assert view != "register" or f": {email}</span></button>" in page


def test_csv_names_people_without_a_name_by_their_address() -> None:
    session = session_ahead(trainers=[make_trainer()])
    book_now(session, make_person("a@agency.example", first_name="", last_name=""))
    book_now(session, make_person("b@agency.example", first_name="Bo", last_name=""))
    names = [
        (row["Last name"], row["First name"])
        for row in csv_rows(signed_in(session.trainers.get()), session)
    ]
    assert sorted(names) == [("", "Bo"), ("a@agency.example", "")]


def test_csv_has_no_formulas_and_keeps_accents() -> None:
    trainer = make_trainer()
    session = led_session(trainer)
    response = signed_in(trainer).get(reverse("attendees_csv", args=[session.pk]))
    rows = list(csv.DictReader(io.StringIO(response.content.decode("utf-8-sig"))))
    assert [row["First name"] for row in rows] == ["Ngọc", "Zoë", "Ayşe"]
    assert rows[0]["Needs"] == "'=HYPERLINK(1)"
    assert rows[2]["Place"] == "Waiting, number 1"
    assert "attachment" in response.headers["Content-Disposition"]


def test_every_look_is_on_record() -> None:
    trainer = make_trainer()
    session = led_session(trainer)
    for page in PAGES[:3]:
        signed_in(trainer).get(reverse(page, args=[session.pk]))
    accesses = AccessRecord.objects.filter(
        what="attendees", about_id=session.pk, by=trainer
    ).order_by("id")
    assert [access.form for access in accesses] == ["page", "print", "csv"]
    assert {access.rows for access in accesses} == {3}
    signed_in(make_trainer()).get(reverse("attendees", args=[session.pk]))
    assert AccessRecord.objects.count() == 3


def test_places_that_are_not_certain_are_marked_and_counted_apart() -> None:
    trainer = make_trainer()
    course = make_course(needs_manager_approval=True, may_be_repeated=True)
    session = session_ahead(course=course, trainers=[trainer])
    asks = make_person(first_name="Ada", last_name="Asks")
    book_now(session, asks, manager_email="manager@agency.example")
    client = signed_in(trainer)
    page = client.get(reverse("attendees", args=[session.pk]))
    assert [each.person for each in page.context["people"].held] == [asks]
    assert page.context["people"].certain == []
    assert "The line manager" in page.content.decode()
    assert "<dt>booked</dt><dd>0</dd>" in page.content.decode()
    assert page.context["people"].agencies == []
    sheet = client.get(reverse("attendees_print", args=[session.pk])).content.decode()
    assert "0 booked, 1 not certain" in sheet
    assert "(not certain)" in sheet
    [row] = csv_rows(client, session)
    assert row["Place"] == "Held: waits for the line manager"
    card = client.get(reverse("trainer_sessions")).content.decode()
    assert "1 of 20 places taken (1 not certain)" in card
    overview = signed_in(make_coordinator()).get(reverse("manage_session", args=[session.pk]))
    assert "<dt>of them not certain</dt><dd>1</dd>" in overview.content.decode()


def test_a_place_for_the_agency_to_be_confirmed_is_not_certain_either() -> None:
    trainer = make_trainer()
    police = make_agency(sector=Sector.POLICE)
    session = session_ahead(course=make_course(sectors=[Sector.POLICE]), trainers=[trainer])
    booking = book_now(session, make_claimant(agency=police))
    assert booking.state == booking.State.REQUESTED
    [row] = csv_rows(signed_in(trainer), session)
    assert row["Place"] == "Held: waits for the agency to be confirmed"


def test_the_sheet_to_sign_tells_nobodys_needs_and_has_a_signature_a_date() -> None:
    trainer = make_trainer()
    session = led_session(trainer)
    begins = session.starts_at + timedelta(days=7)
    session.sittings.create(starts_at=begins, ends_at=begins + timedelta(hours=3))
    page = signed_in(trainer).get(reverse("attendees_print", args=[session.pk])).content.decode()
    assert "HYPERLINK" not in page
    assert "Needs" not in page
    assert page.count('<td class="govuk-table__cell app-sign-here">') == 2 * 2
    assert page.count("Signature, ") == 2


def test_needs_are_added_up_on_a_sheet_of_their_own() -> None:
    trainer = make_trainer()
    session = session_ahead(capacity=10, trainers=[trainer])
    for needs in ("Vegetarian", " vegetarian. ", "VEGETARIAN; a hearing loop", "Halal", "None", ""):
        book_now(session, make_person(first_name=f"Nobody{needs[:2]}"), needs=needs)
    page = signed_in(trainer).get(reverse("attendees_needs", args=[session.pk]))
    assert page.context["people"].needs == [("vegetarian", 3), ("a hearing loop", 1), ("halal", 1)]
    assert "<strong>3</strong> vegetarian" in page.content.decode()
    assert len(page.context["people"].with_needs) == 4
    record = AccessRecord.objects.get(by=trainer)
    assert (record.what, record.form, record.rows) == ("needs", "print", 4)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", []),
        ("None.", []),
        ("n/a", []),
        ("Vegan and gluten-free", [("vegan and gluten-free", 1)]),
        ("Large print handouts, please.", [("large print handouts, please", 1)]),
        ("Nut allergy. I carry a pen.", [("nut allergy. I carry a pen", 1)]),
        ("BSL interpreter\r\nVegan", [("BSL interpreter", 1), ("vegan", 1)]),
        ("vegan; Vegan", [("vegan", 1)]),
        ("I use a wheelchair and a ramp", [("I use a wheelchair and a ramp", 1)]),
    ],
)
def test_one_text_may_hold_several_needs(text: str, expected: list[tuple[str, int]]) -> None:
    assert totals_of_needs([text]) == expected


def test_trainers_see_the_meeting_and_join_by_a_link_of_their_own() -> None:
    trainer = make_trainer()
    link = "https://meet.example/abc"
    session = session_ahead(
        trainers=[trainer], delivery=Session.Delivery.ONLINE, meeting=link, venue=None
    )
    client = signed_in(trainer)
    own = trainer_join_path(session.pk, trainer.pk)
    assert f'href="{own}"' in client.get(reverse("trainer_sessions")).text
    assert f'href="{link}"' in client.get(reverse("attendees", args=[session.pk])).text


def test_my_sessions_are_only_mine() -> None:
    trainer = make_trainer()
    mine, other = led_session(trainer), make_session(starts_at=timezone.now() + timedelta(days=3))
    page = signed_in(trainer).get(reverse("trainer_sessions")).content.decode()
    assert mine.course.title in page
    assert other.course.title not in page
    assert signed_in(make_person()).get(reverse("trainer_sessions")).status_code == 404


def test_my_sessions_say_which_register_is_still_open() -> None:
    trainer = make_trainer()
    kept, closed, ahead = (held_session(people=1, trainers=[trainer]) for _ in range(3))
    none = held_session(people=0, trainers=[trainer])
    press(kept, bookings_of(kept)[0], Mark.What.ATTENDED)
    close_as_it_is(closed)
    end_now(kept)
    end_now(none)
    cards = signed_in(trainer).get(reverse("trainer_sessions")).text.split('class="app-card"')
    said = {
        session: next(each for each in cards if reverse("register", args=[session.pk]) in each)
        for session in (kept, closed, none, ahead)
    }
    assert "The register is not closed yet" in said[kept]
    assert "The register is closed" in said[closed]
    assert "No register kept" in said[none]
    assert "register is" not in said[ahead]


def test_statements_do_not_grow_with_people(django_assert_max_num_queries) -> None:  # type: ignore[no-untyped-def]
    trainer = make_trainer()
    session = led_session(trainer)
    Session.objects.filter(pk=session.pk).update(capacity=50)
    for _ in range(20):
        book_now(session)
    client = signed_in(trainer)
    with django_assert_max_num_queries(7):
        client.get(reverse("attendees", args=[session.pk]))
