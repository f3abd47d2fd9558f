"""The pages of one course and of one session."""

import json
import re
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from django.core.cache import caches
from django.test import Client
from django.urls import reverse
from pytest_django import DjangoAssertNumQueries

from accounts.models import PractitionerGroup
from booking.catalogue.models import Session
from booking.catalogue.sharing import CalendarEntry, calendar_links, subscribe_links
from booking.places.models import Booking
from booking.site.wording import LONDON
from tests.factories import (
    NOW,
    make_course,
    make_person,
    make_policy,
    make_session,
    make_trainer,
    make_venue,
)

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("at_now")]

START = datetime(2027, 2, 9, 9, 30, tzinfo=LONDON)


def page_of(client: Client, session: Session) -> str:
    answer = client.get(f"/sessions/{session.pk}/")
    assert answer.status_code == 200
    return answer.text


def event_of(page: str) -> dict[str, Any]:
    found = re.search(r'<script type="application/ld\+json">(.*?)</script>', page, re.DOTALL)
    assert found
    event: dict[str, Any] = json.loads(found[1])
    return event


# ---------------------------------------------------------------- a course
def test_a_course_page_shows_what_it_is_and_its_dates(client: Client) -> None:
    before = make_course(title="Introduction")
    course = make_course(
        "WT", title="Working Together", summary="Roles.", audience="Leads", hours=6
    )
    course.prerequisites.add(before)
    session = make_session(course=course, starts_at=START)
    make_session(course=course, state=Session.State.DRAFT, starts_at=START + timedelta(days=1))
    page = client.get("/courses/WT/").text
    for words in ("Working Together", "Roles.", "Leads", "6 hours", "Introduction"):
        assert words in page
    assert f"/courses/{before.code}/" in page
    assert f"/sessions/{session.pk}/" in page
    assert page.count('<li class="app-session">') == 1


def test_the_dates_of_a_course_are_told_apart_by_their_times(client: Client) -> None:
    course = make_course("WT", title="Working Together")
    first = make_session(course=course, starts_at=START)
    make_session(course=course, starts_at=START + timedelta(hours=4))
    for address, times in (
        ("/courses/WT/", ["9:30am to 12:30pm", "1:30pm to 4:30pm"]),
        (first.get_absolute_url(), ["1:30pm to 4:30pm"]),
    ):
        titles = re.findall(r'app-session__title"><a[^>]*>([^<]*)<', client.get(address).text)
        assert titles == times


def test_a_course_without_dates_says_whom_it_is_for(client: Client) -> None:
    course = make_course(sectors=["police"], least_level=2)
    course.groups.add(PractitionerGroup.objects.create(name="Designated leads"))
    page = client.get(course.get_absolute_url()).text
    assert "This course is only for people who work in: Police." in page
    assert "This course is only for people who can say at least this of their work" in page
    assert "This course is only for members of Designated leads." in page
    open_to_all = client.get(make_course().get_absolute_url()).text
    assert "This course is only for" not in open_to_all


def test_a_course_without_dates_says_so(client: Client) -> None:
    make_course("WT")
    page = client.get("/courses/WT/").text
    assert "There are no dates for this course at the moment." in page


def test_an_unknown_course_is_not_found(client: Client) -> None:
    assert client.get("/courses/NOTHING/").status_code == 404


# ---------------------------------------------------------------- a session
def test_a_session_page_holds_what_a_person_needs_to_decide(client: Client) -> None:
    course = make_course(title="Working Together", summary="Roles & duties.", audience="Leads")
    before = make_course(title="Introduction")
    course.prerequisites.add(before)
    session = make_session(
        course=course,
        sittings=[
            (START, START + timedelta(hours=3)),
            (START + timedelta(days=7), START + timedelta(days=7, hours=3)),
        ],
        venue=make_venue("Reginald Centre", getting_there="Park behind."),
        trainers=[make_trainer(first_name="Grace", last_name="Hussain")],
        capacity=20,
        places_taken=14,
        policy=make_policy(notice_days=5),
    )
    page = page_of(client, session)
    for words in (
        "Roles &amp; duties.",
        "Leads",
        "Tuesday 9 February 2027, 9:30am\xa0to\xa012:30pm",
        "Tuesday 16 February 2027, 9:30am\xa0to\xa012:30pm",
        "Both dates must be attended.",
        "Reginald Centre",
        "263 Chapeltown Road",
        "Park behind.",
        "Grace Hussain",
        "6 places left",
        "20 places",
        "Booking closes at 9:30am on Tuesday 9 February 2027.",
        "cancel by 5pm on Tuesday 2 February 2027, so that",
        f"/courses/{before.code}/",
        f'href="{reverse("book", args=[session.pk])}"',
        "Book a place",
    ):
        assert words in page


def test_the_join_link_and_instructions_are_not_public(client: Client) -> None:
    session = make_session(
        delivery=Session.Delivery.ONLINE,
        meeting="https://meet.example/secret",
        joining_instructions="Passcode 1234",
    )
    page = page_of(client, session)
    assert "meet.example" not in page
    assert "1234" not in page
    assert "The link to join comes with the confirmation" in page


def test_a_full_session_offers_its_waiting_list(client: Client) -> None:
    session = make_session(capacity=4, places_taken=4, waiting_count=2)
    page = page_of(client, session)
    assert "All 4 places are taken" in page
    assert "2 people waiting" in page
    assert "Join the waiting list" in page
    assert "Book a place" not in page


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        (
            {"state": Session.State.CANCELLED, "cancellation_reason": "The trainer is unwell."},
            "This session has been cancelled. The trainer is unwell.",
        ),
        ({"state": Session.State.COMPLETED}, "This session has taken place."),
        ({"starts_at": NOW - timedelta(hours=1)}, "This session has started."),
        (
            {"booking_closes_at": NOW - timedelta(hours=1)},
            "Booking closed at 8am on Tuesday 12 January 2027.",
        ),
        (
            {"booking_opens_at": datetime(2027, 1, 19, 9, tzinfo=UTC)},
            "Booking opens at 9am on Tuesday 19 January 2027.",
        ),
    ],
)
def test_a_session_that_takes_no_bookings_says_why(
    client: Client, fields: dict[str, Any], sentence: str
) -> None:
    session = make_session(**fields)
    other = make_session(course=session.course, starts_at=START)
    page = page_of(client, session)
    assert sentence in page
    assert reverse("book", args=[session.pk]) not in page
    assert f'href="/sessions/{other.pk}/"' in page


def test_a_draft_is_not_found(client: Client) -> None:
    session = make_session(state=Session.State.DRAFT)
    assert client.get(f"/sessions/{session.pk}/").status_code == 404
    assert client.get("/sessions/999999/").status_code == 404


@pytest.mark.parametrize(
    ("state", "words"),
    [
        (Booking.State.CONFIRMED, "You have a place"),
        (Booking.State.WAITING, "You are number 2 on the waiting list"),
        (Booking.State.OFFERED, "A place is offered to you"),
    ],
)
def test_somebody_with_a_booking_is_told_and_led_to_it(
    client: Client, state: str, words: str
) -> None:
    person, first = make_person(), make_person()
    session = make_session(capacity=5, places_taken=1)
    Booking.objects.create(
        session=session, person=first, booked_by=first, state=Booking.State.WAITING, ticket=1
    )
    booking = Booking.objects.create(
        session=session,
        person=person,
        booked_by=person,
        state=state,
        ticket=2,
        offered_until=NOW + timedelta(hours=24),
    )
    client.force_login(person)
    page = page_of(client, session)
    assert words in page
    assert booking.get_absolute_url() in page
    for of_others in ("Book a place", "places left", "Booking closes", "If you book"):
        assert of_others not in page


def test_a_cancelled_booking_does_not_hide_the_button(client: Client) -> None:
    person = make_person()
    session = make_session()
    Booking.objects.create(
        session=session, person=person, booked_by=person, state=Booking.State.CANCELLED
    )
    client.force_login(person)
    assert "Book a place" in page_of(client, session)


def test_the_page_costs_the_same_whatever_the_session_holds(
    client: Client, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    session = make_session()
    for size in (1, 10):
        for _ in range(size):
            make_session(course=session.course)
            session.trainers.add(make_trainer())
            session.course.prerequisites.add(make_course())
        for path, statements in (
            (f"/sessions/{session.pk}/", 8),
            (f"/courses/{session.course.code}/", 9),
        ):
            caches["pages"].clear()
            with django_assert_num_queries(statements):
                client.get(path)


# ---------------------------------------------------------------- for machines
def test_search_engines_get_the_event(client: Client) -> None:
    summer = datetime(2027, 7, 6, 9, 30, tzinfo=LONDON)
    session = make_session(
        course=make_course(title="Abuse </script><b>&", summary="<i>"),
        sittings=[(summer, summer + timedelta(hours=3))],
        venue=make_venue("Reginald Centre"),
        capacity=10,
        places_taken=4,
    )
    page = page_of(client, session)
    event = event_of(page)
    assert event["@type"] == "EducationEvent"
    assert event["name"] == "Abuse </script><b>&"
    assert event["startDate"] == "2027-07-06T09:30:00+01:00"
    assert event["endDate"] == "2027-07-06T12:30:00+01:00"
    assert event["eventStatus"] == "https://schema.org/EventScheduled"
    assert event["eventAttendanceMode"] == "https://schema.org/OfflineEventAttendanceMode"
    assert event["location"]["name"] == "Reginald Centre"
    assert event["remainingAttendeeCapacity"] == 6
    assert event["isAccessibleForFree"] is True
    assert event["url"] == f"http://testserver/sessions/{session.pk}/"
    assert event["organizer"]["name"] == "Safeguarding Children Partnership"
    assert "subEvent" not in event


def test_a_cancelled_online_event_of_two_sittings_is_told_as_that(client: Client) -> None:
    session = make_session(
        sittings=[(START + timedelta(days=d), START + timedelta(days=d, hours=3)) for d in (0, 7)],
        delivery=Session.Delivery.ONLINE,
        meeting="https://meet.example/secret",
        state=Session.State.CANCELLED,
    )
    event = event_of(page_of(client, session))
    assert event["eventStatus"] == "https://schema.org/EventCancelled"
    assert event["eventAttendanceMode"] == "https://schema.org/OnlineEventAttendanceMode"
    assert event["location"]["@type"] == "VirtualLocation"
    assert [part["startDate"] for part in event["subEvent"]] == [
        "2027-02-09T09:30:00+00:00",
        "2027-02-16T09:30:00+00:00",
    ]


def test_calendar_links_carry_the_times_in_utc() -> None:
    summer = datetime(2027, 7, 6, 9, 30, tzinfo=LONDON)
    entry = CalendarEntry(
        title="Neglect & abuse",
        starts_at=summer,
        ends_at=summer + timedelta(hours=3),
        where="Reginald Centre",
        page="https://briefed.example/sessions/1/",
    )
    google, outlook, office = (parse_qs(urlsplit(link.url).query) for link in calendar_links(entry))
    assert google["dates"] == ["20270706T083000Z/20270706T113000Z"]
    assert google["text"] == ["Neglect & abuse"]
    assert outlook["startdt"] == office["startdt"] == ["2027-07-06T08:30:00Z"]
    assert outlook["enddt"] == ["2027-07-06T11:30:00Z"]
    feeds = subscribe_links(
        feed_address="https://briefed.example/feed.ics?topic=a b", feed_name="My training"
    )
    urls = [link.url for link in calendar_links(entry)] + [link.url for link in feeds]
    assert "&location=Reginald%20Centre&" in urls[1]
    assert "subject=Neglect%20%26%20abuse" in urls[2]
    assert urls[-1].endswith("&name=My%20training")
    # Outlook shows a plus sign as it stands.
    assert not any("+" in url for url in urls)


def test_a_session_ahead_can_be_put_into_a_calendar(client: Client) -> None:
    session = make_session()
    page = page_of(client, session)
    assert reverse("session_ics", args=[session.pk]) in page
    assert "https://calendar.google.com/calendar/render?" in page
    session.state = Session.State.CANCELLED
    session.save()
    caches["pages"].clear()
    assert "calendar.google.com" not in page_of(client, session)
