"""Who gets the places: the most for one agency, and what is reserved."""

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from booking.catalogue.models import Allocation, Session
from booking.site.wording import deadline
from booking.site.working_days import end_of_working_day_before
from tests.desk.coordinators import ahead, typed_session, with_people
from tests.factories import make_agency, make_person, make_session
from tests.pages import said
from tests.people import book_now

pytestmark = pytest.mark.django_db


def typed_limits(*rows: tuple[str, str, str], limit: str = "", **buttons: str) -> dict[str, Any]:
    """The form as a browser sends it: for whom, how many, released how many days before."""
    typed = {"rows": str(len(rows)), "agency_limit": limit, **(buttons or {"save": "1"})}
    for number, row in enumerate(rows, start=1):
        typed |= {
            f"{name}_{number}": value
            for name, value in zip(("whom", "places", "days"), row, strict=True)
        }
    return typed


def address_of(session: Session) -> str:
    return reverse("manage_session_limits", args=[session.pk])


def test_a_limit_and_reserved_places_are_stored_and_held_to(coordinator: Client) -> None:
    session = make_session(capacity=10, starts_at=ahead())
    charity = make_agency("Barnardo's")
    typed = typed_limits(
        ("sector:health", "4", "3"), (f"agency:{charity.pk}", "2", ""), ("", "", ""), limit="3"
    )
    assert coordinator.post(address_of(session), typed).status_code == 302
    session.refresh_from_db()
    assert (session.agency_limit, session.has_allocations) == (3, True)
    health, theirs = session.allocations.all()
    assert (health.sector, health.places, health.release_days) == ("health", 4, 3)
    assert (theirs.agency, theirs.places, theirs.release_days) == (charity, 2, 5)
    assert "4 for Health" in session.events.get().what
    page = coordinator.get(address_of(session)).content.decode()
    assert f"Released at {deadline(end_of_working_day_before(session.starts_at, 3))}." in page
    police = make_agency()
    states = []
    for _ in range(4):
        person = make_person(agency=police)
        states.append(book_now(session, person).state)
    assert states == ["confirmed"] * 3 + ["waiting"]
    page = coordinator.get(address_of(session)).content.decode()
    assert police.name in page
    overview = coordinator.get(reverse("manage_session", args=[session.pk])).content.decode()
    assert "At most 3 places for one agency" in overview
    assert "4 places reserved for Health until" in overview


def test_rows_are_added_and_removed_without_losing_what_was_typed(coordinator: Client) -> None:
    session = make_session(starts_at=ahead())
    rows = (("sector:health", "4", "soon"), ("sector:police", "2", "5"))
    page = coordinator.post(address_of(session), typed_limits(*rows, limit="x", add="1"))
    assert page.status_code == 200
    form = page.context["form"]
    assert form.rows == 3
    assert form["agency_limit"].value() == "x"
    assert [form[f"days_{number}"].value() for number in (1, 2, 3)] == ["soon", "5", None]
    form = coordinator.post(address_of(session), typed_limits(*rows, remove="1")).context["form"]
    assert (form.rows, form["whom_1"].value()) == (1, "sector:police")
    assert not Allocation.objects.exists()


def test_the_release_is_shown_as_it_will_be_and_lies_before_the_day(coordinator: Client) -> None:
    session = make_session(starts_at=ahead())
    rows = (("sector:health", "1", ""),)
    form = coordinator.post(address_of(session), typed_limits(*rows, add="1")).context["form"]
    shown = next(moment for _, _, moment in form.reserved_rows() if moment)
    assert coordinator.post(address_of(session), typed_limits(*rows)).status_code == 302
    assert Allocation.objects.get().release_at == shown
    on_the_day = typed_limits(("sector:health", "1", "0"))
    assert coordinator.post(address_of(session), on_the_day).status_code == 422


def test_a_reservation_is_taken_away_and_those_who_waited_get_the_places(
    coordinator: Client,
) -> None:
    session = make_session(capacity=1, starts_at=ahead())
    coordinator.post(address_of(session), typed_limits(("sector:health", "1", "5")))
    person = make_person()
    booking = book_now(session, person)
    assert booking.state == "waiting"
    response = coordinator.post(address_of(session), typed_limits())
    assert "1 person was given a place." in said(response)
    booking.refresh_from_db()
    assert booking.state == "confirmed"


@pytest.mark.parametrize(
    ("rows", "limit", "sentence"),
    [
        ([], "1", "has 2 places already, so the most for one agency cannot be 1."),
        ([], "30", "There are only 7 places in all."),
        ([], "many", "Most places for one agency: enter a whole number from 1 to 5,000."),
        ([("sector:health", "6", "5")], "", "2 places of 7 would be taken and 6 reserved"),
        ([("sector:health", "", "5")], "", "Row 1: enter how many places."),
        ([("sector:health", "x", "5")], "", "Row 1, places: enter a whole number"),
        ([("sector:health", "1", "900")], "", "working days before: enter a whole number"),
        ([("", "2", "5")], "", "Row 1: choose for whom, or remove it."),
        ([("agency:987654", "2", "5")], "", "Row 1: choose from the list."),
        ([("sector:health", "1", "5")] * 2, "", "Row 2: this one has a row already."),
    ],
)
def test_what_does_not_fit_is_refused_with_the_numbers_and_nothing_typed_is_lost(
    coordinator: Client, rows: list[tuple[str, str, str]], limit: str, sentence: str
) -> None:
    session = make_session(capacity=7, starts_at=ahead())
    agency = make_agency("West Yorkshire Police")
    for _ in range(2):
        person = make_person(agency=agency)
        book_now(session, person)
    response = coordinator.post(address_of(session), typed_limits(*rows, limit=limit))
    assert response.status_code == 422
    assert sentence in response.content.decode()
    form = response.context["form"]
    assert form["agency_limit"].value() == limit
    for number, (_, places, days) in enumerate(rows, start=1):
        assert (form[f"places_{number}"].value(), form[f"days_{number}"].value()) == (places, days)
    session.refresh_from_db()
    assert (session.agency_limit, session.has_allocations) == (None, False)


def test_moving_a_draft_moves_the_moment_at_which_its_reserved_places_are_released(
    coordinator: Client,
) -> None:
    draft = make_session(state=Session.State.DRAFT, starts_at=ahead(60), capacity=18)
    coordinator.post(address_of(draft), typed_limits(("sector:health", "4", "3")))
    edit = reverse("manage_session_edit", args=[draft.pk])
    assert coordinator.post(edit, typed_session(revision=0, draft="1")).status_code == 302
    [kept] = draft.allocations.all()
    assert kept.release_at == end_of_working_day_before(ahead(), 3)
    refused = coordinator.post(edit, typed_session(revision=0, capacity="3", draft="1"))
    assert refused.status_code == 422
    assert "0 places of 3 would be taken and 4 reserved" in refused.content.decode()
    draft.refresh_from_db()
    assert draft.capacity == 18


def test_a_cancelled_session_keeps_its_limits(coordinator: Client) -> None:
    session = with_people(booked=0, state=Session.State.CANCELLED)
    response = coordinator.post(address_of(session), typed_limits(limit="2"))
    assert "This session has been cancelled." in response.content.decode()
