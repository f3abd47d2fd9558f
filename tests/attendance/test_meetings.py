"""Meetings that have no address yet, and addresses of meetings where they do not belong."""

import json
from datetime import timedelta
from typing import Any

import pytest
from django.core import serializers
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from booking.catalogue.importing.programme import ImportRefused
from booking.catalogue.models import Session
from booking.outbox.models import Message
from booking.places.links import join_path
from booking.scheduling.guests import add_guest
from booking.site.meeting_addresses import holds_a_meeting
from booking.site.sealing import Sealed
from tests.catalogue.conftest import load as load  # the small programme
from tests.catalogue.small_programme import FILES, NOW, SESSION_HEADER, Load, session_line
from tests.desk.coordinators import typed_change, typed_details, with_people
from tests.factories import make_coordinator, make_session, make_venue, morning
from tests.pages import said
from tests.people import book_now

pytestmark = pytest.mark.django_db
ZOOM = "Join at https://us02web.zoom.us/j/123"
WARNING = "holds the address of a meeting"


def test_online_sessions_without_a_meeting_wait_for_a_coordinator(coordinator: Client) -> None:
    lacking = make_session(starts_at=morning(5), delivery="online", meeting="")
    make_session(starts_at=morning(5), delivery="online", meeting="https://meet.example/1")
    make_session(starts_at=morning(5), venue=None)
    over = timezone.now() - timedelta(days=5)
    make_session(starts_at=over, delivery="online", meeting="")
    today = coordinator.get(reverse("manage")).text
    assert "Sessions online without a meeting" in today
    listed = coordinator.get(reverse("manage_sessions"), {"show": "no-meeting"}).text
    for session in Session.objects.all():
        assert (session.reference in listed) == (session == lacking)
    page = coordinator.get(reverse("manage_session", args=[lacking.pk])).text
    assert "the meeting has no address yet" in page
    Session.objects.filter(pk=lacking.pk).update(meeting=Sealed.of("https://meet.example/2"))
    assert "without a meeting" not in coordinator.get(reverse("manage")).text


def test_the_page_of_drafts_says_which_lack_a_meeting(coordinator: Client) -> None:
    for meeting in ("", "https://meet.example/1"):
        make_session(starts_at=morning(5), delivery="online", meeting=meeting, state="draft")
    drafts = coordinator.get(reverse("manage_session_drafts")).text
    assert drafts.count("It is online, and the meeting has no address yet.") == 1


@pytest.mark.parametrize(
    "text",
    [
        ZOOM,
        "https://teams.microsoft.com/l/meetup-join/x",
        "TEAMS.CLOUD.MICROSOFT/meet/1",
        "meet.google.com/abc",
        f"http://testserver{join_path('abc')}",
    ],
)
def test_an_address_of_a_meeting_is_known(text: str) -> None:
    assert holds_a_meeting(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "zoom in",
        "https://us02web.zoom.us/rec/share/1",
        "https://testserver/sessions/1/",
        "Join us!",
    ],
)
def test_other_texts_are_left_alone(text: str) -> None:
    assert not holds_a_meeting(text)


def test_it_is_pointed_out_wherever_it_is_typed(coordinator: Client) -> None:
    session = with_people(booked=1, delivery="online", meeting="https://meet.example/x")
    booking = session.bookings.get()

    def shows(name: str, key: int, typed: dict[str, Any]) -> bool:
        answer = coordinator.post(reverse(name, args=[key]), typed, follow=True)
        assert answer.status_code == 200, answer.text
        return WARNING in answer.text

    message = {"states": "confirmed", "subject": "Tomorrow", "text": ZOOM}
    assert shows("manage_session_write", session.pk, message)
    assert not shows("manage_session_write", session.pk, {**message, "text": "Bring a pen."})
    moved = typed_change(session, delivery="in person", venue=make_venue().pk)
    assert shows("manage_session_change", session.pk, {**moved, "note": ZOOM})
    assert shows("manage_session_cancel", session.pk, {"why": ZOOM})
    assert shows("manage_session_edit", session.pk, typed_details(joining_instructions=ZOOM))
    venue = {"name": "Hall", "address": "1 New Street", "getting_there": ZOOM}
    assert shows("manage_venue", make_venue().pk, venue)
    assert shows("manage_person", booking.person_id, {"text": ZOOM})
    link = {"title": "Film", "audience": "booked", "link": "https://us02web.zoom.us/j/1"}
    assert shows("manage_session_materials", session.pk, link)
    Session.objects.update(joining_instructions=ZOOM)
    copied = {"chosen": session.pk, "weeks": 4, "step": "do"}
    address = f"{reverse('manage_session_copy')}?session={session.pk}"
    assert WARNING in coordinator.post(address, copied, follow=True).text


def test_a_note_beside_another_meeting_alone_is_not_lost(coordinator: Client) -> None:
    session = with_people(booked=1, delivery="online", meeting="https://meet.example/x")
    address, before = reverse("manage_session_change", args=[session.pk]), Message.objects.count()
    typed = typed_change(session, meeting="https://meet.example/y", note="A new link!")
    answer = coordinator.post(address, typed)
    assert answer.status_code == 422
    assert "nobody would get your note" in answer.text
    assert "A new link!" in answer.text
    session.refresh_from_db()
    assert session.meeting.opened() == "https://meet.example/x"
    assert "leads to the new meeting" in said(coordinator.post(address, {**typed, "note": ""}))
    assert Message.objects.count() == before


def test_an_import_counts_guests_and_notes_another_meeting(load: Load) -> None:
    load()
    session = Session.objects.get(reference="S2")
    guest = add_guest(
        session=session, name="Isla", email="isla@signs.example", purpose="BSL interpreter",
        by=make_coordinator(), now=NOW,
    )  # fmt: skip
    other = {"sessions.csv": FILES["sessions.csv"].replace("/wt", "/new")}
    Session.objects.update(sent_openly=True)
    with pytest.raises(ImportRefused) as refused:
        load(other)
    [problem] = refused.value.problems
    assert "join_url: differs, but S2 has 1 guest; change it on its page" in str(problem)
    session.refresh_from_db()
    assert session.sent_openly
    guest.delete()
    load(other)
    session = Session.objects.get(pk=session.pk)
    assert not session.sent_openly
    assert session.meeting.opened() == "https://meet.example/new"
    assert session.events.filter(what="Meeting address changed by an import").count() == 1
    load(other)
    assert session.events.filter(what="Meeting address changed by an import").count() == 1


def test_an_import_points_out_a_meeting_in_the_instructions(load: Load) -> None:
    line = session_line(reference="S1", joining_instructions=ZOOM)
    report = load({"sessions.csv": f"{SESSION_HEADER},joining_instructions\n{line}\n"})
    assert any("hold the address of a meeting" in note for note in report.notes)


def test_a_dump_holds_a_meeting_sealed_and_is_read_again() -> None:
    session = make_session(delivery="online", meeting="https://meet.example/x")
    book_now(make_session(starts_at=morning(5)))
    dumped = serializers.serialize("json", Session.objects.filter(pk=session.pk))
    assert "meet.example" not in dumped
    assert json.loads(dumped)[0]["fields"]["meeting"] == session.meeting.token
    Session.objects.filter(pk=session.pk).update(meeting=Sealed())
    for row in serializers.deserialize("json", dumped):
        row.save()
    session.refresh_from_db()
    assert session.meeting.opened() == "https://meet.example/x"
