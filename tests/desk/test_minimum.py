"""Sessions that too few people have booked: found, held anyway or cancelled."""

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from booking.catalogue.models import Session
from booking.desk.queries import TableRow
from tests.desk.coordinators import ahead, with_people
from tests.pages import said
from tests.people import book_now

pytestmark = pytest.mark.django_db

TODAY = timezone.localdate()


def needs(minimum: int = 5, *, booked: int = 2, decide_in: int = 0, **fields: Any) -> Session:
    """A session ahead that needs so many people, to be decided in so many days."""
    return with_people(
        booked=booked, minimum=minimum, decide_on=TODAY + timedelta(days=decide_in), **fields
    )


def test_what_is_at_risk_is_found_and_counted(coordinator: Client) -> None:
    risky = needs(reference="RISKY", decide_in=-1)
    needs(booked=5)
    needs(decide_in=3)
    needs(state=Session.State.DRAFT, booked=0)
    needs(starts_at=ahead(-1), booked=0)
    needs(goes_ahead_at=timezone.now())
    with_people(booked=1)
    page = coordinator.get(reverse("manage_sessions"))
    assert "At risk (1)" in page.content.decode()
    page = coordinator.get(reverse("manage_sessions"), {"show": "no-meeting"})
    assert "No sessions without a meeting." in page.content.decode()
    page = coordinator.get(reverse("manage_sessions"), {"show": "at-risk"})
    assert [TableRow(*each).key for each in page.context["page_obj"]] == [risky.pk]


def test_waiting_offered_and_requested_people_do_not_make_a_session_safe(
    coordinator: Client,
) -> None:
    session = needs(minimum=2, booked=2)
    held = session.bookings.order_by("pk")[0]
    session.bookings.filter(pk=held.pk).update(state="offered", offered_until=ahead(2))
    page = coordinator.get(reverse("manage_session", args=[session.pk]))
    assert page.context["too_few"] == 1
    assert "1 person has a confirmed place, and it needs 2." in page.content.decode()


def test_a_session_is_held_with_one_click_and_asked_about_no_more(coordinator: Client) -> None:
    session = needs()
    overview = reverse("manage_session", args=[session.pk])
    assert "Does it go ahead?" in coordinator.get(overview).content.decode()
    address = reverse("manage_session_goes_ahead", args=[session.pk])
    assert "The session goes ahead." in said(coordinator.post(address))
    coordinator.post(address)
    session.refresh_from_db()
    assert session.goes_ahead_at is not None
    assert session.events.get().what == "It goes ahead, with 2 people so far."
    page = coordinator.get(overview).content.decode()
    assert "Does it go ahead?" not in page
    assert "it goes ahead, decided at" in page


def test_the_way_to_cancelling_brings_the_reason_along(coordinator: Client) -> None:
    session = needs()
    cancel = f"{reverse('manage_session_cancel', args=[session.pk])}?reason=few"
    assert cancel in coordinator.get(reverse("manage_session", args=[session.pk])).content.decode()
    assert "Too few people have booked." in coordinator.get(cancel).content.decode()


def test_a_session_that_began_or_was_cancelled_is_not_decided(coordinator: Client) -> None:
    for session in (
        needs(state=Session.State.CANCELLED, booked=0),
        needs(starts_at=ahead(-1), booked=0),
    ):
        coordinator.post(reverse("manage_session_goes_ahead", args=[session.pk]))
        session.refresh_from_db()
        assert session.goes_ahead_at is None


def test_enough_people_make_it_safe_without_a_word(coordinator: Client) -> None:
    session = needs(minimum=3, booked=2)
    book_now(session)
    page = coordinator.get(reverse("manage_session", args=[session.pk])).content.decode()
    assert "Does it go ahead?" not in page
