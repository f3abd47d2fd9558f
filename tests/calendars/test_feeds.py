"""Calendar files and feeds over HTTP."""

from collections.abc import Callable
from datetime import date, timedelta
from logging import getLogger
from typing import Any
from urllib.parse import parse_qs, urlsplit

import icalendar
import pytest
from django.conf import settings
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone
from pytest_django import Settings

from accounts.models import User
from booking.calendars.actions import new_feed, revoke_feed
from booking.calendars.models import CalendarFeed
from booking.catalogue.models import Course, DiaryDate, Session, Topic
from booking.outbox.models import Message
from booking.places import actions
from booking.places.models import Booking
from booking.site.logs import JsonFormatter
from booking.site.wording import deadline
from tests.factories import (
    make_agency,
    make_course,
    make_person,
    make_session,
    make_trainer,
    morning,
)

pytestmark = pytest.mark.django_db


def book(person: User, session: Session) -> Booking:
    """This person books now."""
    return actions.book(session=session, person=person, by=person, now=timezone.now())


def ahead(**fields: object) -> Session:
    """A session three weeks from today."""
    starts = fields.pop("starts_at", morning(21))
    return make_session(starts_at=starts, **fields)  # type: ignore[arg-type]


def events(content: bytes) -> list[icalendar.Event]:
    """The events of a calendar."""
    found = icalendar.Calendar.from_ical(content).walk("VEVENT")
    return [event for event in found if isinstance(event, icalendar.Event)]


def test_private_feed_holds_the_same_entries_as_the_invitations() -> None:
    person = make_person()
    booking = book(person, ahead())
    book(make_person(), ahead())
    token = new_feed(person=person, now=timezone.now())
    response = Client().get(reverse("private_feed", args=[token]))
    assert response.status_code == 200
    assert response.headers["Content-Type"] == "text/calendar; charset=utf-8"
    assert "private" in response.headers["Cache-Control"]
    (event,) = events(response.content)
    invited = Message.objects.get(booking=booking).payload["event"]
    assert str(event["UID"]) == invited["uid"]
    assert event["SEQUENCE"] == invited["sequence"]
    assert "ATTENDEE" not in event


def test_a_booking_keeps_its_uids_when_mail_comes_to_be_sent_from_elsewhere(
    settings: Settings,
) -> None:
    person = make_person()
    booking = book(person, ahead())
    address = reverse("private_feed", args=[new_feed(person=person, now=timezone.now())])
    settings.MAIL_FROM = "Briefed <training@elsewhere.example>"
    later = book(person, ahead(starts_at=morning(30)))
    actions.cancel(booking=booking, by=person, now=timezone.now())
    invited, cancelled = (
        each.payload["event"]["uid"]
        for each in Message.objects.filter(booking=booking, payload__has_key="event").order_by("pk")
    )
    assert invited == cancelled
    assert invited.endswith("@briefed.example")
    other = Message.objects.get(booking=later).payload["event"]["uid"]
    assert other.endswith("@elsewhere.example")
    assert {str(event["UID"]) for event in events(Client().get(address).content)} == {
        cancelled,
        other,
    }


def test_same_feed_answers_304_until_something_changes() -> None:
    person = make_person()
    booking = book(person, ahead())
    address = reverse("private_feed", args=[new_feed(person=person, now=timezone.now())])
    etag = Client().get(address).headers["ETag"]
    again = Client().get(address, headers={"If-None-Match": etag})
    assert (again.status_code, again.content) == (304, b"")
    actions.cancel(booking=booking, by=person, now=timezone.now())
    changed = Client().get(address, headers={"If-None-Match": etag})
    assert changed.status_code == 200
    (event,) = events(changed.content)
    assert str(event["STATUS"]) == "CANCELLED"


def test_a_place_that_is_only_offered_is_tentative_and_waiting_is_not_shown() -> None:
    person = make_person()
    session = ahead(capacity=1, promotion=Session.Promotion.OFFER)
    holder = make_person()
    held = book(holder, session)
    book(person, session)
    address = reverse("private_feed", args=[new_feed(person=person, now=timezone.now())])
    assert not events(Client().get(address).content)
    actions.cancel(booking=held, by=holder, now=timezone.now())
    (event,) = events(Client().get(address).content)
    assert str(event["STATUS"]) == "TENTATIVE"


def test_only_a_certain_place_brings_the_way_in() -> None:
    way_in = {"join_url": "https://meet.example/abc", "joining_instructions": "Say pumpkin."}
    session = ahead(capacity=1, promotion="offer", delivery="online", **way_in)
    holder, person = make_person(), make_person()
    held, waiting = book(holder, session), book(person, session)
    addresses = {
        each: reverse("private_feed", args=[new_feed(person=each, now=timezone.now())])
        for each in (holder, person)
    }
    (certain,) = events(Client().get(addresses[holder]).content)
    assert certain["SUMMARY"] == session.course.title
    assert certain["LOCATION"] == "https://meet.example/abc"
    assert "pumpkin" in str(certain["DESCRIPTION"])
    actions.cancel(booking=held, by=holder, now=timezone.now())
    waiting.refresh_from_db()
    assert waiting.offered_until is not None
    (lost,) = events(Client().get(addresses[holder]).content)
    page = f"{settings.SITE_URL}{held.get_absolute_url()}"
    assert lost["SUMMARY"] == f"Cancelled: {session.course.title}"
    assert lost["DESCRIPTION"] == f"This has been cancelled. Details: {page}"
    (offered,) = events(Client().get(addresses[person]).content)
    page = f"{settings.SITE_URL}{waiting.get_absolute_url()}"
    assert offered["SUMMARY"] == f"Offered: {session.course.title}"
    until = deadline(waiting.offered_until)
    assert f"held for you until {until}. Accept or decline it here: {page}" in str(
        offered["DESCRIPTION"]
    )
    for event in (lost, offered):
        assert event["LOCATION"] == "Online"
        assert "pumpkin" not in str(event["DESCRIPTION"])
        assert "does not cancel your place" not in str(event["DESCRIPTION"])


def test_a_session_called_off_says_so_to_everybody_and_to_its_trainer() -> None:
    trainer = make_trainer()
    session = ahead(
        trainers=[trainer],
        delivery="online",
        join_url="https://meet.example/abc",
        state=Session.State.CANCELLED,
        changed_at=timezone.now(),
    )
    for address in (reverse("programme_ics"), trainers_feed(trainer)):
        (event,) = events(Client().get(address).content)
        assert event["SUMMARY"] == f"Cancelled: {session.course.title}"
        assert str(event["DESCRIPTION"]).startswith("This has been cancelled. Details: http")
        assert event["LOCATION"] == "Online"


def test_replaced_and_revoked_addresses_stop_working() -> None:
    person = make_person()
    first = new_feed(person=person, now=timezone.now())
    second = new_feed(person=person, now=timezone.now())
    assert Client().get(reverse("private_feed", args=[first])).status_code == 404
    assert Client().get(reverse("private_feed", args=[second])).status_code == 200
    revoke_feed(person=person, now=timezone.now())
    assert Client().get(reverse("private_feed", args=[second])).status_code == 404
    assert Client().get(reverse("private_feed", args=["guess"])).status_code == 404


def test_the_token_is_not_stored() -> None:
    token = new_feed(person=make_person(), now=timezone.now())
    assert len(token) >= 32
    assert not CalendarFeed.objects.filter(token_hash=token).exists()


def test_programme_feed_is_public_and_holds_no_join_link() -> None:
    shown = ahead(delivery="online", join_url="https://meet.example/secret")
    ahead(state=Session.State.DRAFT)
    called_off = ahead(state=Session.State.CANCELLED, changed_at=timezone.now())
    response = Client().get(reverse("programme_ics"))
    assert b"meet.example" not in response.content
    found = {str(event["SUMMARY"]): str(event["STATUS"]) for event in events(response.content)}
    off = f"Cancelled: {called_off.course.title}"
    assert found == {shown.course.title: "CONFIRMED", off: "CANCELLED"}
    etag = response.headers["ETag"]
    again = Client().get(reverse("programme_ics"), headers={"If-None-Match": etag})
    assert again.status_code == 304


def test_a_cancelled_booking_is_shown_for_thirty_days_and_no_longer() -> None:
    person = make_person()
    booking = book(person, ahead(starts_at=morning(90)))
    address = reverse("private_feed", args=[new_feed(person=person, now=timezone.now())])
    actions.cancel(booking=booking, by=person, now=timezone.now())
    for days, shown in [(29, 1), (31, 0)]:
        before = Client().get(address).headers["ETag"]
        Booking.objects.update(ended_at=timezone.now() - timedelta(days=days))
        answer = Client().get(address, headers={"If-None-Match": before})
        assert answer.status_code == 200
        assert len(events(answer.content)) == shown


@pytest.mark.parametrize("count", [1, 12])
def test_a_feed_costs_two_statements_and_to_build_one_more(count: int) -> None:
    person = make_person()
    for day in range(count):
        book(person, ahead(starts_at=timezone.now() + timedelta(days=20 + day)))
    address = reverse("private_feed", args=[new_feed(person=person, now=timezone.now())])
    etag = Client().get(address).headers["ETag"]
    with CaptureQueriesContext(connection) as unchanged:
        assert Client().get(address, headers={"If-None-Match": etag}).status_code == 304
    with CaptureQueriesContext(connection) as built:
        assert len(events(Client().get(address).content)) == count
    assert (len(unchanged), len(built)) == (2, 3)


# --- a trainer's own sessions ---


def trainers_feed(trainer: User) -> str:
    token = new_feed(person=trainer, kind=CalendarFeed.Kind.LED, now=timezone.now())
    return reverse("private_feed", args=[token])


def test_a_trainer_sees_how_many_come_and_never_who() -> None:
    trainer, practitioner = make_trainer(), make_person(first_name="Priya", last_name="Shah")
    mine = ahead(
        trainers=[trainer], delivery="online", join_url="https://meet.example/abc", capacity=5
    )
    ahead()
    address = trainers_feed(trainer)
    empty = Client().get(address)
    book(practitioner, mine)
    booked = Client().get(address, headers={"If-None-Match": empty.headers["ETag"]})
    assert booked.status_code == 200, "a head count that changed is a feed that changed"
    (event,) = events(booked.content)
    assert "1 of 5 places taken." in str(event["DESCRIPTION"])
    assert str(event["LOCATION"]) == "https://meet.example/abc"
    assert reverse("attendees", args=[mine.pk]) in str(event["DESCRIPTION"])
    for secret in (b"Priya", b"Shah", practitioner.email.encode()):
        assert secret not in booked.content
    assert "private" in booked.headers["Cache-Control"]


def test_a_trainers_feed_ends_with_the_role_and_is_not_for_others() -> None:
    trainer = make_trainer()
    address = trainers_feed(trainer)
    assert Client().get(address).status_code == 200
    User.objects.filter(pk=trainer.pk).update(is_trainer=False)
    assert Client().get(address).status_code == 404
    client = Client()
    client.force_login(make_person())
    assert client.post(reverse("make_feed", args=["led"])).status_code == 404
    assert client.post(reverse("make_feed", args=["anything"])).status_code == 404


def test_the_two_feeds_of_a_trainer_do_not_replace_one_another() -> None:
    trainer = make_trainer()
    own = reverse("private_feed", args=[new_feed(person=trainer, now=timezone.now())])
    led = trainers_feed(trainer)
    assert {Client().get(address).status_code for address in (own, led)} == {200}
    revoke_feed(person=trainer, kind=CalendarFeed.Kind.LED, now=timezone.now())
    assert [Client().get(address).status_code for address in (own, led)] == [200, 404]


# --- the programme and the diary ---


def titles(address: str) -> set[str]:
    answer = Client().get(address)
    assert answer.status_code == 200, answer.content
    return {str(event["SUMMARY"]) for event in events(answer.content)}


def a_small_programme() -> None:
    neglect = Topic.objects.create(name="Neglect", slug="neglect")
    about_neglect = make_course(title="Neglect", kind=Course.Kind.TRAINING)
    about_neglect.topics.add(neglect)
    ahead(course=about_neglect)
    for_police = make_course(title="For police", kind=Course.Kind.BRIEFING, sectors=["police"])
    ahead(course=for_police, delivery="online")
    for_schools = make_course(title="For schools", kind=Course.Kind.WEBINAR, sectors=["education"])
    ahead(course=for_schools, delivery="online", capacity=1)
    teacher = make_person(agency=make_agency(sector="education"))
    book(teacher, Session.objects.get(course=for_schools))


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("", {"Neglect", "For police", "For schools"}),
        ("topic=neglect", {"Neglect"}),
        ("kind=briefing", {"For police"}),
        ("sector=police", {"Neglect", "For police"}),
        ("where=online", {"For police", "For schools"}),
        ("where=online&places=on", {"For police"}),
        ("q=neglect", {"Neglect"}),
        ("view=month&page=3&month=2027-01", {"Neglect", "For police", "For schools"}),
        ("kind=conference", set()),
    ],
)
def test_the_programme_feed_has_the_filters_of_the_programme_page(
    query: str, expected: set[str]
) -> None:
    a_small_programme()
    assert titles(f"{reverse('programme_ics')}?{query}") == expected


def test_a_filter_that_means_nothing_is_refused_and_not_left_out() -> None:
    a_small_programme()
    answer = Client().get(reverse("programme_ics"), {"topic": "gone"})
    assert answer.status_code == 400
    assert "gone" in answer.content.decode()
    assert answer.headers["Content-Type"].startswith("text/plain")


def test_the_programme_page_offers_its_filters_as_a_calendar() -> None:
    a_small_programme()
    programme = Client().get(reverse("programme"), {"topic": "neglect", "page": "1", "kind": "no"})
    link = f'{reverse("subscribe")}?topic=neglect"'
    assert link in programme.content.decode()
    page = Client().get(reverse("subscribe"), {"topic": "neglect"})
    (links, address) = page.context["links"], page.context["address"]
    assert address == f"{settings.SITE_URL}{reverse('programme_ics')}?topic=neglect"
    assert titles(address.removeprefix(settings.SITE_URL)) == {"Neglect"}
    webcal = address.replace("http://", "webcal://")
    apple, google, outlook, office = (link.url for link in links)
    assert apple == webcal
    assert parse_qs(urlsplit(google).query)["cid"] == [webcal]
    for each, host in ((outlook, "outlook.live.com"), (office, "outlook.office.com")):
        assert urlsplit(each).hostname == host
        assert urlsplit(each).path == "/calendar/0/addfromweb"
        asked = parse_qs(urlsplit(each).query)
        assert asked["url"] == [address]
        assert "Neglect" in asked["name"][0]


def test_diary_dates_are_whole_days_that_block_no_time() -> None:
    DiaryDate.objects.create(
        title="Anti-Bullying Week", starts=date(2026, 11, 16), ends=date(2026, 11, 20)
    )
    one_day = DiaryDate.objects.create(
        title="Safer Internet Day", starts=date(2027, 2, 9), ends=date(2027, 2, 9)
    )
    answer = Client().get(reverse("diary_ics"))
    week, day = events(answer.content)
    assert (week.decoded("DTSTART"), week.decoded("DTEND")) == (
        date(2026, 11, 16),
        date(2026, 11, 21),
    )
    assert (day.decoded("DTSTART"), day.decoded("DTEND")) == (date(2027, 2, 9), date(2027, 2, 10))
    assert {str(each["TRANSP"]) for each in (week, day)} == {"TRANSPARENT"}
    etag = {"If-None-Match": answer.headers["ETag"]}
    assert Client().get(reverse("diary_ics"), headers=etag).status_code == 304
    one_day.ends = date(2027, 2, 10)
    one_day.save()
    assert Client().get(reverse("diary_ics"), headers=etag).status_code == 200


@pytest.mark.parametrize("name", ["programme_ics", "diary_ics"])
def test_a_feed_says_its_name_and_how_often_to_look(name: str) -> None:
    answer = Client().get(reverse(name))
    for line in ("X-WR-CALNAME:", "REFRESH-INTERVAL;VALUE=DURATION:PT4H", "X-PUBLISHED-TTL:PT4H"):
        assert f"\r\n{line}" in answer.content.decode()
    assert answer.headers["Cache-Control"] == "public, max-age=300"


# --- the secret address ---


def test_a_private_feed_is_not_indexed_stored_for_others_or_told_to_others() -> None:
    address = reverse("private_feed", args=[new_feed(person=make_person(), now=timezone.now())])
    etag = Client().get(address).headers["ETag"]
    for answer in (
        Client().get(address),
        Client().get(address, headers={"If-None-Match": etag}),
    ):
        assert answer.headers["X-Robots-Tag"] == "noindex"
        assert answer.headers["Referrer-Policy"] == "no-referrer"
        assert "private" in answer.headers["Cache-Control"]
        assert "Cookie" not in answer.headers.get("Vary", "")
        assert not answer.cookies


def test_the_page_that_shows_the_address_keeps_it_to_itself() -> None:
    client = Client()
    client.force_login(make_person())
    made = client.post(reverse("make_feed", args=["bookings"]))
    # Not "no-referrer", under which browsers sign nobody out from there.
    assert made.headers["Referrer-Policy"] == "strict-origin"
    assert "no-store" in made.headers["Cache-Control"]
    address = made.context["address"]
    assert len(urlsplit(address).path.split("/")[-1].removesuffix(".ics")) * 6 >= 128
    assert 'rel="noopener noreferrer"' in made.content.decode()
    assert Client().get(urlsplit(address).path).status_code == 200


def test_no_log_line_holds_the_token() -> None:
    token = new_feed(person=make_person(), now=timezone.now())
    path = reverse("private_feed", args=[token])
    record = getLogger("django.request").makeRecord(
        "django.request", 30, __file__, 1, "Not Found: %s", (path,), None
    )
    line = JsonFormatter().format(record)
    assert token not in line
    assert "/calendar/[secret].ics" in line


def test_its_owner_sees_whether_it_is_read() -> None:
    person = make_person()
    client = Client()
    client.force_login(person)
    token = new_feed(person=person, now=timezone.now())
    assert (
        "No calendar program has read it" in client.get(reverse("calendar_feed")).content.decode()
    )
    Client().get(reverse("private_feed", args=[token]))
    assert "last read it on" in client.get(reverse("calendar_feed")).content.decode()


def test_its_owner_stops_it() -> None:
    person = make_person()
    client = Client()
    client.force_login(person)
    address = reverse("private_feed", args=[new_feed(person=person, now=timezone.now())])
    stopped: Any = client.post(reverse("remove_feed", args=["bookings"]), follow=True)
    assert "Make this feed" in stopped.content.decode()
    assert Client().get(address).status_code == 404


# --- files ---


def test_session_file_has_every_date() -> None:
    first = timezone.now() + timedelta(days=20)
    second = first + timedelta(days=7)
    session = make_session(
        sittings=[(first, first + timedelta(hours=3)), (second, second + timedelta(hours=3))]
    )
    response = Client().get(reverse("session_ics", args=[session.pk]))
    assert len(events(response.content)) == 2
    assert "attachment" in response.headers["Content-Disposition"]
    draft = ahead(state=Session.State.DRAFT)
    assert Client().get(reverse("session_ics", args=[draft.pk])).status_code == 404


def test_nobody_downloads_somebody_elses_booking() -> None:
    owner, other = make_person(), make_person()
    booking = book(owner, ahead())
    address = reverse("booking_ics", args=[booking.pk])
    for person, status in [(owner, 200), (other, 404)]:
        client = Client()
        client.force_login(person)
        assert client.get(address).status_code == status


def test_making_a_feed_shows_its_address_once() -> None:
    client = Client()
    client.force_login(make_person())
    made = client.post(reverse("make_feed", args=["bookings"])).content.decode()
    assert "/calendar/" in made
    assert ".ics" in made
    shown_again = client.get(reverse("calendar_feed")).content.decode()
    assert "cannot show the address again" in shown_again
    assert client.get(reverse("make_feed", args=["bookings"])).status_code == 405


@pytest.mark.parametrize(
    "change",
    [
        lambda session: session.course.__class__.objects.update(title="Another title"),
        lambda session: session.venue.__class__.objects.update(address="Elsewhere"),
        lambda session: session.sittings.update(ends_at=session.ends_at + timedelta(hours=1)),
        lambda session: Session.objects.update(joining_instructions="Bring a pen"),
    ],
    ids=["title", "address", "time", "instructions"],
)
def test_whatever_the_calendar_shows_changes_its_etag(change: Callable[[Session], object]) -> None:
    person = make_person()
    session = ahead()
    book(person, session)
    address = reverse("private_feed", args=[new_feed(person=person, now=timezone.now())])
    before = Client().get(address)
    assert Client().get(address).content == before.content
    change(session)
    after = Client().get(address, headers={"If-None-Match": before.headers["ETag"]})
    assert after.status_code == 200
    assert after.content != before.content
