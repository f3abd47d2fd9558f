"""The programme as coordinators see it, and the overview of one session."""

import re
from datetime import timedelta

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from booking.catalogue.models import Session
from booking.desk.queries import TableRow
from booking.outbox.models import Message
from booking.places import actions
from tests.desk.coordinators import ahead, with_people
from tests.factories import make_coordinator, make_course, make_person, make_session, make_trainer
from tests.pages import statements

pytestmark = pytest.mark.django_db


def test_the_table_shows_one_kind_of_session_at_a_time(coordinator: Client) -> None:
    State = Session.State
    make_session(reference="UP", starts_at=ahead())
    make_session(reference="DR", state=State.DRAFT, starts_at=ahead())
    make_session(reference="CA", state=State.CANCELLED, starts_at=ahead())
    make_session(reference="OV", state=State.COMPLETED, starts_at=ahead(-9))
    make_session(reference="PA", starts_at=ahead(-3))
    make_session(reference="NOW", starts_at=timezone.now() - timedelta(hours=1))
    expected = {
        "": ["NOW", "UP"],
        "upcoming": ["NOW", "UP"],
        "drafts": ["DR"],
        "past": ["PA", "OV"],
        "cancelled": ["CA"],
        "nonsense": ["NOW", "UP"],
    }
    for show, references in expected.items():
        page = coordinator.get(reverse("manage_sessions"), {"show": show})
        assert [TableRow(*each).reference for each in page.context["page_obj"]] == references


def test_a_row_says_how_its_session_stands_now(coordinator: Client) -> None:
    session = with_people(booked=1, capacity=2)
    where, course = {"show": "upcoming"}, type(session.course)

    def row() -> str:
        text = coordinator.get(reverse("manage_sessions"), where).text
        return re.sub(r"<[^>]*>|\s+", " ", text.partition("<tbody")[2])

    assert " 1 of 2 " in row()
    assert " dates " not in row()
    session.sittings.create(starts_at=ahead(20), ends_at=ahead(20) + timedelta(hours=1))
    assert ", 2 dates " in row()
    actions.book(session=session, person=make_person(), by=make_coordinator(), now=timezone.now())
    assert " 2 of 2 " in row()
    assert " Full " in row()
    course.objects.filter(pk=session.course_id).update(title="What it is now")
    assert "What it is now" in row()
    Session.objects.filter(pk=session.pk).update(state="completed")
    where["show"] = "past"
    assert " Over " in row()


def test_search_finds_by_words_of_the_title_code_or_reference(coordinator: Client) -> None:
    course = make_course("DA2", title="Domestic abuse and children")
    make_session(course=course, reference="AUT-7", starts_at=ahead())
    make_session(reference="OTHER", starts_at=ahead())
    for search in ("abuse domestic", "aut-7", "da2"):
        page = coordinator.get(reverse("manage_sessions"), {"q": search})
        assert [TableRow(*each).reference for each in page.context["page_obj"]] == ["AUT-7"], search
    assert coordinator.get(reverse("manage_sessions"), {"q": "100%\0_"}).status_code == 200


def test_pages_cost_the_same_however_many_rows_there_are(coordinator: Client) -> None:
    session = with_people(booked=1, capacity=9, trainers=[make_trainer()])
    make_person(agency=None, unlisted_agency="Leeds Rowing Club")
    addresses = [
        reverse("manage_sessions"),
        reverse("manage_session", args=[session.pk]),
        f"{reverse('manage_session_people', args=[session.pk])}?q=ahmed",
        reverse("manage_agencies"),
        reverse("manage_messages"),
        reverse("manage_session_edit", args=[session.pk]),
    ]
    few = [statements(coordinator, address) for address in addresses]
    by = make_coordinator()
    for _ in range(6):
        actions.book(session=session, person=make_person(), by=by, now=timezone.now())
        with_people(booked=2, trainers=[make_trainer()])
        make_person(agency=None, unlisted_agency="Leeds Rowing Club")
    session.trainers.add(make_trainer(), make_trainer())
    assert [statements(coordinator, address) for address in addresses] == few
    assert max(few) <= 15, few


def test_the_overview_tells_what_happened_and_how_the_mail_is(coordinator: Client) -> None:
    session = with_people(booked=2, waiting=1)
    first = Message.objects.filter(booking__session=session).order_by("pk")[0]
    Message.objects.filter(pk=first.pk).update(state=Message.State.PARKED)
    page = coordinator.get(reverse("manage_session", args=[session.pk])).content.decode()
    links = re.findall(r'href="/manage/messages/\?([^"]+)">([^<]+)</a>', page)
    assert links == [
        (f"show={show}&amp;session={session.reference}", words)
        for show, words in (
            ("sent", "0 sent"),
            ("returned", "0 came back"),
            ("all", "2 on the way"),
            ("parked", "1 parked"),
        )
    ]
    assert "Joined the waiting list" in page
    assert "All places are taken." in page
