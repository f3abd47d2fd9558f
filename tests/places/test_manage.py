"""Coordinators' pages: who sees them, and what they do."""

import re
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from django.contrib.messages import get_messages
from django.core.cache import cache
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone
from pytest_django import Settings

from accounts.models import Agency, User
from booking.catalogue.models import Session
from booking.outbox.models import Message
from booking.places import actions
from booking.places.manage_fields import london_moment
from booking.places.models import Booking, BookingEvent
from booking.wording import LONDON
from tests.factories import (
    make_agency,
    make_coordinator,
    make_course,
    make_person,
    make_session,
    make_trainer,
    make_venue,
)

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def without_two_step(settings: Settings) -> None:
    """These tests are about roles and actions; one test turns two steps on again."""
    settings.TWO_STEP_REQUIRED = False
    cache.clear()


@pytest.fixture
def coordinator() -> Client:
    """A browser in which a coordinator is signed in."""
    return signed_in(make_coordinator())


def signed_in(person: User) -> Client:
    """A browser in which this person is signed in."""
    client = Client()
    client.force_login(person)
    return client


def ahead(days: int = 30, hour: int = 10) -> datetime:
    """A moment some days from now, at a full hour in London."""
    return (
        (timezone.now() + timedelta(days=days))
        .astimezone(LONDON)
        .replace(hour=hour, minute=0, second=0, microsecond=0)
    )


def with_people(*, booked: int, waiting: int = 0, **fields: Any) -> Session:
    """A session ahead, full when somebody waits."""
    capacity = booked if waiting else fields.pop("capacity", booked + 5)
    fields.setdefault("starts_at", ahead())
    session = make_session(capacity=capacity, **fields)
    for _ in range(booked + waiting):
        person = make_person()
        actions.book(session=session, person=person, by=person, now=timezone.now())
    session.refresh_from_db()
    return session


def said(response: Any) -> str:
    """What the page after the redirect will say."""
    return " ".join(str(message) for message in get_messages(response.wsgi_request))


def typed_times(number: int, starts: datetime, ends: datetime) -> dict[str, str]:
    """One row of dates as a browser sends it."""
    starts, ends = starts.astimezone(LONDON), ends.astimezone(LONDON)
    return {
        f"date_{number}": f"{starts:%Y-%m-%d}",
        f"start_{number}": f"{starts:%H:%M}",
        f"end_{number}": f"{ends:%H:%M}",
    }


def typed_session(**changes: Any) -> dict[str, Any]:
    """The form of a new session, filled in."""
    return {
        "reference": "AUT-1",
        "delivery": "in person",
        "venue": "",
        "join_url": "",
        **typed_times(1, ahead(), ahead(hour=13)),
        "capacity": "18",
        "agency_limit": "",
        "promotion": "automatic",
        "offer_hours": "24",
        "joining_instructions": "",
        **changes,
    }


def typed_change(session: Session, **changes: Any) -> dict[str, Any]:
    """The form of a change, as it stands before anything is changed in it."""
    typed: dict[str, Any] = {
        "revision": session.revision,
        "delivery": session.delivery,
        "venue": session.venue_id or "",
        "join_url": session.join_url,
    }
    for number, sitting in enumerate(session.sittings.all(), start=1):
        typed |= typed_times(number, sitting.starts_at, sitting.ends_at)
    return typed | changes


# ---------------------------------------------------------------- who sees what
def every_address() -> list[tuple[str, set[str]]]:
    """Each address of a coordinator's page, and the methods it answers."""
    session = with_people(booked=1)
    booking = session.bookings.get()
    draft = make_session(state=Session.State.DRAFT, starts_at=ahead())
    person = make_person(agency=None, unlisted_agency="Leeds Rowing Club")
    message = Message.objects.filter(booking=booking)[0]
    Message.objects.filter(pk=message.pk).update(mime=b"Subject: Booked\r\n\r\nHello\r\n")
    both, get, post = {"GET", "POST"}, {"GET"}, {"POST"}
    return [
        (reverse("manage_sessions"), get),
        (reverse("manage_session_new"), both),
        (f"{reverse('manage_session_new')}?course={session.course_id}", both),
        (reverse("manage_session", args=[session.pk]), get),
        (reverse("manage_session_edit", args=[session.pk]), both),
        (reverse("manage_session_edit", args=[draft.pk]), both),
        (reverse("manage_session_bookings", args=[session.pk]), get),
        (reverse("manage_session_change", args=[session.pk]), both),
        (reverse("manage_session_capacity", args=[session.pk]), both),
        (reverse("manage_session_cancel", args=[session.pk]), both),
        (reverse("manage_booking_cancel", args=[booking.pk]), both),
        (reverse("manage_unlisted"), get),
        (reverse("manage_unlisted_person", args=[person.pk]), both),
        (reverse("manage_messages"), get),
        (reverse("manage_message", args=[message.pk]), get),
        (reverse("manage_message_file", args=[message.pk]), get),
        (reverse("manage_message_address", args=[message.pk]), both),
        (reverse("manage_message_drop", args=[message.pk]), both),
        (reverse("manage_message_retry", args=[message.pk]), post),
        (reverse("manage_session_publish", args=[draft.pk]), post),
        (reverse("manage_session_discard", args=[draft.pk]), both),
    ]


@pytest.mark.parametrize("role", ["practitioner", "trainer", "agency lead", "staff"])
def test_to_everybody_but_coordinators_these_pages_do_not_exist(role: str) -> None:
    roles: dict[str, dict[str, Any]] = {
        "practitioner": {},
        "trainer": {"is_trainer": True},
        "agency lead": {"is_agency_lead": True},
        "staff": {"is_staff": True},
    }
    client = signed_in(make_person(**roles[role]))
    for address, _ in every_address():
        for method in ("GET", "POST"):
            assert client.generic(method, address).status_code == 404, (method, address)


def test_the_anonymous_are_led_to_sign_in() -> None:
    for address, _ in every_address():
        for method in ("GET", "POST"):
            response = Client().generic(method, address)
            assert response.status_code == 302, (method, address)
            assert response.headers["Location"].startswith("/accounts/login/?next=/manage/")


def test_coordinators_open_every_page_and_nothing_is_written_by_looking(
    coordinator: Client,
) -> None:
    addresses = every_address()
    messages, events = Message.objects.count(), BookingEvent.objects.count()
    for address, methods in addresses:
        expected = 200 if "GET" in methods else 405
        response = coordinator.get(address)
        assert response.status_code == expected, address
        assert "no-store" in response.headers["Cache-Control"]
        if "POST" not in methods:
            assert coordinator.post(address).status_code == 405, address
    assert (Message.objects.count(), BookingEvent.objects.count()) == (messages, events)
    assert Session.objects.filter(state=Session.State.DRAFT).count() == 1


def test_an_empty_form_is_never_a_server_error(coordinator: Client) -> None:
    for address, methods in every_address():
        if "POST" in methods:
            assert coordinator.post(address).status_code in (200, 302, 409, 422), address


def test_coordinators_without_a_second_step_are_led_to_set_it_up(
    coordinator: Client, settings: Settings
) -> None:
    settings.TWO_STEP_REQUIRED = True
    response = coordinator.get(reverse("manage_sessions"))
    assert response.status_code == 302
    assert response.headers["Location"].startswith(reverse("two_step_needed"))


def test_what_is_not_there_is_not_found(coordinator: Client) -> None:
    for name in ("manage_session", "manage_session_edit", "manage_session_change"):
        assert coordinator.get(reverse(name, args=[987654])).status_code == 404
    assert coordinator.get(f"/manage/sessions/{'9' * 40}/").status_code == 404
    assert coordinator.get(f"/manage/messages/{'9' * 40}/drop/").status_code == 404
    settled = make_person()
    assert coordinator.get(reverse("manage_unlisted_person", args=[settled.pk])).status_code == 404
    assert coordinator.get(f"{reverse('manage_session_new')}?course=987654").status_code == 404


# ---------------------------------------------------------------- the table
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
        assert [each.reference for each in page.context["page_obj"]] == references


def test_search_finds_by_words_of_the_title_code_or_reference(coordinator: Client) -> None:
    course = make_course("DA2", title="Domestic abuse and children")
    make_session(course=course, reference="AUT-7", starts_at=ahead())
    make_session(reference="OTHER", starts_at=ahead())
    for search in ("abuse domestic", "aut-7", "da2"):
        page = coordinator.get(reverse("manage_sessions"), {"q": search})
        assert [each.reference for each in page.context["page_obj"]] == ["AUT-7"], search
    assert coordinator.get(reverse("manage_sessions"), {"q": "100%\0_"}).status_code == 200


def test_pages_cost_the_same_however_many_rows_there_are(coordinator: Client) -> None:
    def statements(address: str) -> int:
        coordinator.get(address)
        with CaptureQueriesContext(connection) as captured:
            assert coordinator.get(address).status_code == 200
        return len(captured)

    session = with_people(booked=1, capacity=9, trainers=[make_trainer()])
    make_person(agency=None, unlisted_agency="Leeds Rowing Club")
    addresses = [
        reverse("manage_sessions"),
        reverse("manage_session", args=[session.pk]),
        f"{reverse('manage_session_bookings', args=[session.pk])}?q=ahmed",
        reverse("manage_unlisted"),
        reverse("manage_messages"),
        reverse("manage_session_edit", args=[session.pk]),
    ]
    few = [statements(address) for address in addresses]
    by = make_coordinator()
    for _ in range(6):
        actions.book(session=session, person=make_person(), by=by, now=timezone.now())
        with_people(booked=2, trainers=[make_trainer()])
        make_person(agency=None, unlisted_agency="Leeds Rowing Club")
    session.trainers.add(make_trainer(), make_trainer())
    assert [statements(address) for address in addresses] == few
    assert max(few) <= 15, few


def test_the_table_links_to_what_needs_a_coordinator(coordinator: Client) -> None:
    page = coordinator.get(reverse("manage_sessions")).content.decode()
    assert "Messages that need you" not in page
    with_people(booked=1)
    Message.objects.update(state=Message.State.PARKED)
    make_person(agency=None, unlisted_agency="Leeds Rowing Club")
    page = coordinator.get(reverse("manage_sessions")).content.decode()
    assert "Messages that need you (1)" in page
    assert "People whose agency is not listed (1)" in page


# ---------------------------------------------------------------- scheduling
def test_a_session_is_scheduled_as_a_draft_and_then_published(coordinator: Client) -> None:
    course = make_course("NEG", title="Neglect", usual_capacity=16, usual_agency_limit=4)
    address = f"{reverse('manage_session_new')}?course={course.pk}"
    form = coordinator.get(address).context["form"]
    assert form["capacity"].value() == 16
    assert form["agency_limit"].value() == 4
    assert form["reference"].value() == "NEG-01"
    trainer, venue = make_trainer(), make_venue()
    typed = typed_session(
        venue=venue.pk,
        trainers=[trainer.pk],
        promotion="offer",
        offer_hours="48",
        booking_opens_at=f"{ahead(1):%Y-%m-%dT%H:%M}",
        booking_closes_at=f"{ahead(29):%Y-%m-%dT%H:%M}",
        joining_instructions="Bring a pen.",
        **typed_times(2, ahead(37), ahead(37, hour=12)),
    )
    response = coordinator.post(address, {**typed, "draft": "1"})
    session = Session.objects.get(reference="AUT-1")
    assert response.headers["Location"] == reverse("manage_session", args=[session.pk])
    assert session.state == Session.State.DRAFT
    assert (session.capacity, session.venue, session.offer_hours) == (18, venue, 48)
    assert (session.starts_at, session.ends_at) == (ahead(), ahead(37, hour=12))
    assert session.sittings.count() == 2
    assert list(session.trainers.all()) == [trainer]
    assert (session.booking_opens_at, session.booking_closes_at) == (ahead(1), ahead(29))
    assert Client().get(session.get_absolute_url()).status_code == 404
    coordinator.post(reverse("manage_session_publish", args=[session.pk]))
    session.refresh_from_db()
    assert session.state == Session.State.PUBLISHED
    assert not Message.objects.exists()


def test_a_session_can_be_published_at_once(coordinator: Client) -> None:
    address = f"{reverse('manage_session_new')}?course={make_course().pk}"
    typed = typed_session(delivery="online", join_url="https://meet.example/x", publish="1")
    assert coordinator.post(address, typed).status_code == 302
    session = Session.objects.get(reference="AUT-1")
    assert (session.state, session.join_url) == (Session.State.PUBLISHED, "https://meet.example/x")


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"date_1": "", "start_1": "", "end_1": ""}, "A session needs at least one date."),
        ({"end_1": "09:00"}, "Date 1: it must end after it starts."),
        ({"start_1": ""}, "Date 1: enter the start, or clear the whole row."),
        ({"date_1": "31/02/2027"}, "Date 1: enter a real date."),
        ({"start_1": "soon"}, "Date 1: enter a time such as 09:30."),
        ({"date_1": "2020-01-07"}, "The first date must lie ahead."),
        (typed_times(2, ahead(hour=12), ahead(hour=15)), "Two dates overlap."),
        ({"delivery": ""}, "Say whether it is in person or online."),
        (
            {"delivery": "online", "join_url": "http://meet.example/x"},
            "The join link must begin with https://.",
        ),
        ({"join_url": "javascript:alert(1)"}, "Enter the whole join link"),
        ({"capacity": "0"}, "Places: enter a whole number from 1 to 5,000."),
        ({"capacity": "many"}, "Places: enter a whole number from 1 to 5,000."),
        ({"agency_limit": "30"}, "There are only 18 places in all."),
        ({"reference": ""}, "Enter a reference."),
        ({"reference": "a b"}, "Use letters, figures, dots"),
        ({"reference": "taken"}, "Another session has this reference."),
        ({"venue": "987654"}, "Choose a venue from the list."),
        ({"trainers": ["987654"]}, "Choose trainers from the list."),
        ({"venue": "9" * 30}, "Choose a venue from the list."),
        ({"trainers": ["9" * 30]}, "Choose trainers from the list."),
        ({"offer_hours": "0"}, "Working hours an offered place is held: enter a whole number"),
        ({"booking_opens_at": "tomorrow"}, "Booking opens: enter a date and time."),
        (
            {"booking_opens_at": f"{ahead(40):%Y-%m-%dT%H:%M}"},
            "Booking must open before the session starts.",
        ),
        (
            {"booking_closes_at": f"{ahead(40):%Y-%m-%dT%H:%M}"},
            "Booking cannot close after the session starts.",
        ),
        (
            {
                "booking_opens_at": f"{ahead(9):%Y-%m-%dT%H:%M}",
                "booking_closes_at": f"{ahead(8):%Y-%m-%dT%H:%M}",
            },
            "Booking must close after it opens.",
        ),
        ({"joining_instructions": "x" * 4001}, "Use 4,000 characters or fewer."),
        ({"joining_instructions": "a\0b"}, "Null characters are not allowed."),
    ],
)
def test_what_is_wrong_is_said_and_nothing_typed_is_lost(
    coordinator: Client, changes: dict[str, Any], sentence: str
) -> None:
    make_session(reference="TAKEN", starts_at=ahead())
    typed = typed_session(**{"joining_instructions": "Bring a pen.", **changes})
    address = f"{reverse('manage_session_new')}?course={make_course().pk}"
    response = coordinator.post(address, {**typed, "publish": "1"})
    assert response.status_code == 422
    page = response.content.decode()
    assert sentence in page
    if "joining_instructions" not in changes:
        assert "Bring a pen." in page
    if "reference" not in changes:
        assert 'value="AUT-1"' in page
    assert not Session.objects.filter(reference="AUT-1").exists()


def test_an_hour_that_the_clocks_skip_is_refused(coordinator: Client) -> None:
    spring = next(
        date(year, 3, day)
        for year in (timezone.now().year + 1,)
        for day in range(25, 32)
        if date(year, 3, day).weekday() == 6
    )
    typed = typed_session(date_1=spring.isoformat(), start_1="01:30", end_1="03:00")
    address = f"{reverse('manage_session_new')}?course={make_course().pk}"
    page = coordinator.post(address, typed).content.decode()
    assert f"On Sunday {spring.day} March {spring.year} the clocks go forward" in page
    assert "there is no 1:30am" in page
    assert f'value="{spring.isoformat()}"' in page


def test_times_are_those_of_london_in_winter_and_summer() -> None:
    assert london_moment(datetime(2027, 1, 12, 9, 30)) == datetime(2027, 1, 12, 9, 30, tzinfo=UTC)  # noqa: DTZ001
    assert london_moment(datetime(2027, 7, 6, 9, 30)) == datetime(2027, 7, 6, 8, 30, tzinfo=UTC)  # noqa: DTZ001


def test_a_draft_can_be_changed_in_everything_and_removed(coordinator: Client) -> None:
    draft = make_session(state=Session.State.DRAFT, starts_at=ahead(10), reference="OLD")
    address = reverse("manage_session_edit", args=[draft.pk])
    assert coordinator.get(address).context["form"]["reference"].value() == "OLD"
    assert coordinator.post(address, typed_session(revision=0, draft="1")).status_code == 302
    draft.refresh_from_db()
    assert (draft.reference, draft.starts_at, draft.capacity) == ("AUT-1", ahead(), 18)
    assert draft.sittings.get().starts_at == ahead()
    coordinator.post(reverse("manage_session_discard", args=[draft.pk]))
    assert not Session.objects.filter(pk=draft.pk).exists()


def test_a_draft_that_is_referred_to_is_kept(coordinator: Client) -> None:
    draft = make_session(state=Session.State.DRAFT, starts_at=ahead())
    coordinator.get(reverse("attendees", args=[draft.pk]))
    response = coordinator.post(reverse("manage_session_discard", args=[draft.pk]))
    assert response.status_code == 409
    assert Session.objects.filter(pk=draft.pk).exists()


def test_a_published_session_is_not_removed_nor_published_again(coordinator: Client) -> None:
    session = with_people(booked=1)
    response = coordinator.post(reverse("manage_session_discard", args=[session.pk]))
    assert response.status_code == 409
    response = coordinator.post(reverse("manage_session_publish", args=[session.pk]))
    assert "not a draft any more" in said(response)


def test_a_draft_of_the_past_is_not_published(coordinator: Client) -> None:
    draft = make_session(state=Session.State.DRAFT, starts_at=ahead(-2))
    response = coordinator.post(reverse("manage_session_publish", args=[draft.pk]))
    assert "has passed" in said(response)
    draft.refresh_from_db()
    assert draft.state == Session.State.DRAFT


def test_details_of_a_published_session_change_and_nobody_is_told(coordinator: Client) -> None:
    trainer = make_trainer()
    session = with_people(booked=2, trainers=[make_trainer()])
    messages = Message.objects.count()
    typed = {
        "trainers": [trainer.pk],
        "promotion": "offer",
        "offer_hours": "12",
        "joining_instructions": "Ask for Sam.",
        # What people are told of cannot be slipped in.
        "capacity": "1",
        "delivery": "online",
        **typed_times(1, ahead(50), ahead(50, hour=13)),
    }
    address = reverse("manage_session_edit", args=[session.pk])
    assert coordinator.post(address, typed).status_code == 302
    changed = Session.objects.get(pk=session.pk)
    assert list(changed.trainers.all()) == [trainer]
    assert (changed.offer_hours, changed.joining_instructions) == (12, "Ask for Sam.")
    assert (changed.starts_at, changed.capacity, changed.delivery) == (
        session.starts_at,
        session.capacity,
        session.delivery,
    )
    assert (changed.places_taken, changed.revision) == (2, session.revision)
    assert Message.objects.count() == messages


def test_details_of_a_cancelled_session_stay(coordinator: Client) -> None:
    session = make_session(state=Session.State.CANCELLED, starts_at=ahead())
    address = reverse("manage_session_edit", args=[session.pk])
    assert "cannot be edited" in coordinator.get(address).content.decode()
    typed = {
        "promotion": "offer",
        "offer_hours": "12",
    }
    assert coordinator.post(address, typed).status_code == 409
    session.refresh_from_db()
    assert session.promotion == Session.Promotion.AUTOMATIC


def test_a_trainer_or_venue_used_twice_is_warned_of_but_allowed(coordinator: Client) -> None:
    trainer = make_trainer(first_name="Sam", last_name="Green")
    venue = make_venue("Reginald Centre")
    make_session(reference="FIRST", starts_at=ahead(), venue=venue, trainers=[trainer])
    typed = typed_session(venue=venue.pk, trainers=[trainer.pk], publish="1")
    address = f"{reverse('manage_session_new')}?course={make_course().pk}"
    page = coordinator.post(address, typed, follow=True)
    warnings = page.context["warnings"]
    assert len(warnings) == 2
    assert "Reginald Centre is also used by" in warnings[0]
    assert "Sam Green also leads" in warnings[1]
    assert "FIRST" in warnings[1]
    apart = make_session(starts_at=ahead() + timedelta(hours=3), venue=venue, trainers=[trainer])
    page = coordinator.get(reverse("manage_session", args=[apart.pk]))
    assert page.context["warnings"] == []


# ---------------------------------------------------------------- changes people are told of
def test_a_change_is_shown_first_and_then_done(coordinator: Client) -> None:
    session = with_people(booked=2, waiting=1)
    address = reverse("manage_session_change", args=[session.pk])
    before = Message.objects.count()
    typed = typed_change(session, **typed_times(1, ahead(35), ahead(35, hour=12)))
    preview = coordinator.post(address, {**typed, "step": "preview"})
    assert preview.status_code == 200
    page = preview.content.decode()
    assert "2 people with a place: a new calendar invitation" in page
    assert "1 person on the waiting list: an email" in page
    assert "Change it and tell 3 people" in page
    session.refresh_from_db()
    assert session.starts_at == ahead()
    assert Message.objects.count() == before
    hidden = dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', page))
    done = coordinator.post(address, {**hidden, "step": "do"})
    assert done.status_code == 302
    assert "3 people will be told" in said(done)
    session.refresh_from_db()
    assert (session.starts_at, session.revision) == (ahead(35), 1)
    topics = Message.objects.order_by("-id").values_list("topic", flat=True)[:3]
    assert set(topics) == {"session.changed"}
    assert session.sittings.count() == 1
    assert BookingEvent.objects.filter(what=BookingEvent.What.SESSION_CHANGED).count() == 3


def test_going_back_from_the_preview_keeps_what_was_typed(coordinator: Client) -> None:
    session = with_people(booked=1)
    typed = typed_change(session, start_1="08:15")
    address = reverse("manage_session_change", args=[session.pk])
    page = coordinator.post(address, {**typed, "step": "edit"}).content.decode()
    assert 'value="08:15"' in page
    assert "Show what would change" in page


def test_the_second_step_checks_again_and_trusts_nothing(coordinator: Client) -> None:
    session = with_people(booked=1)
    address = reverse("manage_session_change", args=[session.pk])
    bad = {**typed_change(session, end_1="07:00"), "step": "do"}
    assert coordinator.post(address, bad).status_code == 422
    link = {"delivery": "online", "join_url": "http://meet.example/x"}
    assert (
        coordinator.post(address, {**typed_change(session, **link), "step": "do"}).status_code
        == 422
    )
    session.refresh_from_db()
    assert (session.starts_at, session.delivery) == (ahead(), "in person")


def test_a_change_prepared_on_an_older_version_is_refused(coordinator: Client) -> None:
    session = with_people(booked=1)
    address = reverse("manage_session_change", args=[session.pk])
    mine = typed_change(session, **typed_times(1, ahead(35), ahead(35, hour=12)))
    theirs = typed_change(session, **typed_times(1, ahead(36), ahead(36, hour=12)))
    assert coordinator.post(address, {**theirs, "step": "do"}).status_code == 302
    late = coordinator.post(address, {**mine, "step": "do"})
    assert late.status_code == 422
    assert "Somebody else has changed this session" in late.content.decode()
    session.refresh_from_db()
    assert session.starts_at == ahead(36)
    again = {**mine, "revision": late.context["form"]["revision"].value(), "step": "do"}
    assert coordinator.post(address, again).status_code == 302


def test_a_draft_is_edited_and_removed_rather_than_changed_and_cancelled(
    coordinator: Client,
) -> None:
    draft = make_session(state=Session.State.DRAFT, starts_at=ahead())
    for name, instead in (
        ("manage_session_change", "manage_session_edit"),
        ("manage_session_cancel", "manage_session_discard"),
    ):
        response = coordinator.post(reverse(name, args=[draft.pk]), {"step": "do", "why": "No"})
        assert response.headers["Location"] == reverse(instead, args=[draft.pk])
    draft.refresh_from_db()
    assert draft.state == Session.State.DRAFT


def test_changing_nothing_tells_nobody(coordinator: Client) -> None:
    session = with_people(booked=1)
    before = Message.objects.count()
    address = reverse("manage_session_change", args=[session.pk])
    response = coordinator.post(address, typed_change(session))
    assert response.status_code == 422
    assert "This is how the session is held already." in response.content.decode()
    assert Message.objects.count() == before


def test_a_join_link_can_be_taken_back(coordinator: Client) -> None:
    session = with_people(booked=1, delivery="online", join_url="https://meet.example/x")
    address = reverse("manage_session_change", args=[session.pk])
    page = coordinator.post(address, typed_change(session, join_url="")).content.decode()
    assert "to follow" in page
    coordinator.post(address, {**typed_change(session, join_url=""), "step": "do"})
    session.refresh_from_db()
    assert session.join_url == ""


def test_the_preview_warns_of_a_venue_used_twice(coordinator: Client) -> None:
    venue = make_venue("Reginald Centre")
    make_session(starts_at=ahead(), venue=venue)
    session = with_people(booked=1)
    address = reverse("manage_session_change", args=[session.pk])
    page = coordinator.post(address, typed_change(session, venue=venue.pk)).content.decode()
    assert "Reginald Centre is also used by" in page


@pytest.mark.parametrize("fields", [{"starts_at": ahead(-1)}, {"state": Session.State.CANCELLED}])
def test_a_session_that_began_or_was_cancelled_is_not_changed(
    coordinator: Client, fields: dict[str, Any]
) -> None:
    session = make_session(**{"starts_at": ahead(), **fields})
    for name in ("manage_session_change", "manage_session_cancel"):
        address = reverse(name, args=[session.pk])
        assert "This cannot be done" in coordinator.get(address).content.decode()
        typed = {**typed_change(session, start_1="08:00"), "why": "Snow", "step": "do"}
        assert coordinator.post(address, typed).status_code == 409
    session.refresh_from_db()
    assert session.revision == 0


def test_capacity_below_the_places_taken_is_refused_with_the_numbers(coordinator: Client) -> None:
    session = with_people(booked=3)
    address = reverse("manage_session_capacity", args=[session.pk])
    response = coordinator.post(address, {"capacity": "2"})
    assert response.status_code == 422
    assert "3 places are taken, so the capacity cannot be 2." in response.content.decode()
    assert coordinator.post(address, {"capacity": "3"}).status_code == 302
    session.refresh_from_db()
    assert session.capacity == 3


def test_more_capacity_goes_to_those_who_wait(coordinator: Client) -> None:
    session = with_people(booked=1, waiting=3)
    address = reverse("manage_session_capacity", args=[session.pk])
    response = coordinator.post(address, {"capacity": "3"})
    assert "There are now 3 places. 2 people were given a place." in said(response)
    session.refresh_from_db()
    assert (session.places_taken, session.waiting_count) == (3, 1)


def test_the_capacity_of_a_cancelled_session_stays(coordinator: Client) -> None:
    session = make_session(state=Session.State.CANCELLED, starts_at=ahead())
    address = reverse("manage_session_capacity", args=[session.pk])
    response = coordinator.post(address, {"capacity": "30"})
    assert "This session has been cancelled." in response.content.decode()


def test_cancelling_needs_a_reason_is_shown_first_and_tells_everybody(coordinator: Client) -> None:
    session = with_people(booked=2, waiting=1)
    address = reverse("manage_session_cancel", args=[session.pk])
    assert coordinator.post(address, {"why": " ", "step": "do"}).status_code == 422
    preview = coordinator.post(address, {"why": "The trainer is ill.", "step": "preview"})
    page = preview.content.decode()
    assert "Cancel it and tell 3 people" in page
    assert "The trainer is ill." in page
    session.refresh_from_db()
    assert session.state == Session.State.PUBLISHED
    done = coordinator.post(address, {"why": "The trainer is ill.", "step": "do"})
    assert "3 people will be told" in said(done)
    session.refresh_from_db()
    assert (session.state, session.places_taken) == (Session.State.CANCELLED, 0)
    told = Message.objects.filter(topic="session.cancelled")
    assert {each.payload["why"] for each in told} == {"The trainer is ill."}
    assert told.count() == 3
    again = coordinator.post(address, {"why": "Once more", "step": "do"})
    assert again.status_code == 409


# ---------------------------------------------------------------- one person's booking
def test_one_booking_is_found_and_cancelled_with_a_reason(coordinator: Client) -> None:
    session = with_people(booked=2, waiting=1)
    booking = session.bookings.order_by("pk")[0]
    find = reverse("manage_session_bookings", args=[session.pk])
    assert coordinator.get(find).context["found"] == []
    assert coordinator.get(find, {"q": "a"}).context["found"] == []
    assert len(coordinator.get(find, {"q": "ahmed"}).context["found"]) == 3
    found = coordinator.get(find, {"q": booking.person.email}).context["found"]
    assert found == [booking]
    address = reverse("manage_booking_cancel", args=[booking.pk])
    assert coordinator.post(address, {"why": ""}).status_code == 422
    assert coordinator.post(address, {"why": "Asked by telephone"}).status_code == 302
    booking.refresh_from_db()
    assert booking.state == Booking.State.CANCELLED
    event = booking.events.last()
    assert event is not None
    assert (event.why, event.by and event.by.is_coordinator) == ("Asked by telephone", True)
    session.refresh_from_db()
    assert (session.places_taken, session.waiting_count) == (2, 0)
    assert coordinator.post(address, {"why": "Again"}).status_code == 409


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


# ---------------------------------------------------------------- agencies
def test_somebody_is_settled_in_an_agency_of_the_list(coordinator: Client) -> None:
    agency = make_agency("Leeds City Council")
    person = make_person(agency=None, unlisted_agency="the council")
    page = coordinator.get(reverse("manage_unlisted")).content.decode()
    assert person.email in page
    assert "the council" in page
    address = reverse("manage_unlisted_person", args=[person.pk])
    assert coordinator.post(address, {"agency": agency.pk, "name": "x" * 300}).status_code == 302
    person.refresh_from_db()
    assert (person.agency, person.unlisted_agency) == (agency, "")
    assert coordinator.get(address).status_code == 404


def test_a_new_agency_is_made_for_everybody_who_wrote_it(coordinator: Client) -> None:
    person = make_person("a@rowing.example", agency=None, unlisted_agency="Leeds Rowing Club")
    other = make_person(agency=None, unlisted_agency="leeds rowing club")
    third = make_person(agency=None, unlisted_agency="Another club")
    address = reverse("manage_unlisted_person", args=[person.pk])
    form = coordinator.get(address).context["form"]
    assert (form["name"].value(), form["domain"].value()) == ("Leeds Rowing Club", "rowing.example")
    typed = {
        "agency": "",
        "name": "Leeds Rowing Club",
        "sector": "voluntary and community",
        "domain": "@Rowing.example",
        "with_others": "on",
    }
    assert coordinator.post(address, typed).status_code == 302
    agency = Agency.objects.get(name="Leeds Rowing Club")
    assert agency.email_domains == ["rowing.example"]
    for settled in (person, other):
        settled.refresh_from_db()
        assert settled.agency == agency
    third.refresh_from_db()
    assert third.agency is None


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"name": ""}, "Choose an agency from the list, or enter the name of a new one."),
        ({"sector": ""}, "Choose the sector of the new agency."),
        ({"domain": "not a domain"}, "Enter a domain such as agency.org.uk."),
        ({"domain": "gmail.com"}, "Anybody can have an address at gmail.com."),
        ({"name": "west yorkshire police"}, "There is already an agency of this name."),
        ({"agency": "987654"}, "Choose an agency from the list."),
    ],
)
def test_a_new_agency_needs_a_name_a_sector_and_its_own_domain(
    coordinator: Client, changes: dict[str, str], sentence: str
) -> None:
    make_agency("West Yorkshire Police")
    person = make_person(agency=None, unlisted_agency="A club")
    typed = {"agency": "", "name": "A club", "sector": "police", "domain": "", **changes}
    response = coordinator.post(reverse("manage_unlisted_person", args=[person.pk]), typed)
    assert response.status_code == 422
    assert sentence in response.content.decode()
    assert not Agency.objects.filter(name="A club").exists()


def test_every_form_is_limited(coordinator: Client, settings: Settings) -> None:
    addresses = every_address()
    settings.RATE_LIMIT_FACTOR = 0
    for address, methods in addresses:
        if "POST" in methods:
            assert coordinator.post(address).status_code == 429, address
