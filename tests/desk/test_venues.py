"""Venues, courses and instructions as coordinators correct them: shown first, then told."""

import pytest
from django.test import Client
from django.urls import reverse

from booking.catalogue.models import Course, Venue
from booking.outbox.models import Message
from tests.desk.coordinators import ahead, typed_course, typed_details, with_people
from tests.factories import make_course, make_venue
from tests.pages import said, sent_on

pytestmark = pytest.mark.django_db


def told() -> int:
    """How many were told of a change."""
    return Message.objects.filter(topic="session.changed").count()


def test_a_venue_is_made_found_and_kept_apart(coordinator: Client) -> None:
    typed = {"name": "Carriageworks", "address": "The Electric Press, Leeds", "getting_there": ""}
    answer = coordinator.post(reverse("manage_venue_new"), typed)
    assert "can now be chosen" in said(answer)
    assert "Carriageworks" in coordinator.get(reverse("manage_venues"), {"q": "electric"}).text
    assert "Carriageworks" not in coordinator.get(reverse("manage_venues"), {"q": "york"}).text
    again = coordinator.post(reverse("manage_venue_new"), typed)
    assert again.status_code == 422
    assert "Another venue has this name." in again.text
    assert "The Electric Press, Leeds" in again.text


def test_a_page_of_a_venue_left_open_undoes_nothing_unseen(coordinator: Client) -> None:
    venue = make_venue("Carriageworks")
    address = reverse("manage_venue", args=[venue.pk])
    was = coordinator.get(address).context["form"]["was"].value()
    typed = {"name": venue.name, "address": venue.address, "was": was}
    assert coordinator.post(address, {**typed, "getting_there": "Bus 12."}).status_code == 302
    assert coordinator.post(address, {**typed, "getting_there": "Tram."}).status_code == 422
    venue.refresh_from_db()
    assert venue.getting_there == "Bus 12."


def test_another_address_is_shown_first_and_then_told(coordinator: Client) -> None:
    venue = make_venue("Carriageworks")
    with_people(booked=1, waiting=1, venue=venue)
    with_people(booked=1, venue=venue, starts_at=ahead(40))
    address = reverse("manage_venue", args=[venue.pk])
    typed = {"name": "Carriageworks", "address": "1 New Street", "getting_there": "Bus 12."}
    preview = coordinator.post(address, typed)
    assert preview.status_code == 200
    assert "3 people on 2 sessions ahead will be told" in preview.text
    assert "Then: 1 New Street" in preview.text
    assert told() == 0
    assert 'value="1 New Street"' in coordinator.post(address, {**typed, "step": "edit"}).text
    done = coordinator.post(address, {**sent_on(preview.text), "step": "do"})
    assert "3 people on 2 sessions will be told by email." in said(done)
    assert told() == 3
    changed = Venue.objects.get(pk=venue.pk)
    assert (changed.address, changed.getting_there) == ("1 New Street", "Bus 12.")


def test_how_to_get_there_is_saved_at_once_and_told_to_nobody(coordinator: Client) -> None:
    venue = make_venue("Carriageworks")
    with_people(booked=1, venue=venue)
    typed = {"name": venue.name, "address": venue.address, "getting_there": "Bus 12."}
    done = coordinator.post(reverse("manage_venue", args=[venue.pk]), typed)
    assert said(done) == "Carriageworks is saved."
    assert told() == 0


def test_a_name_that_another_venue_has_is_refused(coordinator: Client) -> None:
    make_venue("Town Hall")
    venue = make_venue("Carriageworks")
    typed = {"name": "Town Hall", "address": venue.address, "getting_there": ""}
    answer = coordinator.post(reverse("manage_venue", args=[venue.pk]), typed)
    assert answer.status_code == 422
    assert "Another venue has this name." in answer.text


def test_another_title_of_a_course_is_shown_first_and_then_told(coordinator: Client) -> None:
    course, earlier = make_course("NEG1", title="Neglect"), make_course()
    with_people(booked=2, course=course)
    address = reverse("manage_course", args=[course.pk])
    typed = typed_course(
        title="Neglect and its signs",
        prerequisites=[earlier.pk],
        sectors=["police", "health"],
        copies_manager="on",
    )
    preview = coordinator.post(address, typed)
    assert "2 people on 1 session ahead will be told" in preview.text
    assert Course.objects.get(pk=course.pk).title == "Neglect"
    done = coordinator.post(address, {**sent_on(preview.text), "step": "do"})
    assert "2 people will be told" in said(done)
    changed = Course.objects.get(pk=course.pk)
    assert (changed.title, changed.sectors) == ("Neglect and its signs", ["police", "health"])
    assert (changed.reminder_days, changed.copies_manager) == ([5, 1], True)
    assert changed.remind_hour_before is False
    assert list(changed.prerequisites.all()) == [earlier]
    assert told() == 2


def test_other_instructions_are_shown_first_and_told_to_people_with_a_place(
    coordinator: Client,
) -> None:
    session = with_people(booked=1, waiting=1)
    address = reverse("manage_session_edit", args=[session.pk])
    typed = typed_details()
    preview = coordinator.post(address, typed)
    assert "1 person on 1 session ahead will be told" in preview.text
    session.refresh_from_db()
    assert session.offer_hours != 12
    done = coordinator.post(address, {**sent_on(preview.text), "step": "do"})
    assert "1 person will be told" in said(done)
    session.refresh_from_db()
    assert session.joining_instructions == "Ask for Sam.\r\nBring a pen."
    assert (session.offer_hours, session.booking_closes_at) == (12, ahead(20))
    assert told() == 1
