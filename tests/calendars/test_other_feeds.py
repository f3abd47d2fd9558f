"""Feeds of trainers, of the programme and of the diary."""

from datetime import date
from urllib.parse import parse_qs, urlsplit

import pytest
import time_machine
from django.conf import settings
from django.core.cache import caches
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts.models import User
from booking.calendars.actions import new_feed, revoke_feed
from booking.calendars.models import CalendarFeed
from booking.catalogue.models import Course, DiaryDate, Session, Topic
from tests.calendars.events import events, trainers_feed
from tests.factories import (
    NOW,
    make_agency,
    make_course,
    make_person,
    make_session,
    make_trainer,
    session_ahead,
)
from tests.people import book_now, signed_in, trainer_join_url

pytestmark = pytest.mark.django_db


def test_a_trainer_sees_how_many_come_and_never_who() -> None:
    trainer, practitioner = make_trainer(), make_person(first_name="Priya", last_name="Shah")
    mine = session_ahead(
        trainers=[trainer], delivery="online", meeting="https://meet.example/abc", capacity=5
    )
    session_ahead()
    address = trainers_feed(trainer)
    empty = Client().get(address)
    book_now(mine, practitioner)
    booked = Client().get(address, headers={"If-None-Match": empty.headers["ETag"]})
    assert booked.status_code == 200, "a head count that changed is a feed that changed"
    (event,) = events(booked.content)
    assert "1 of 5 places taken." in str(event["DESCRIPTION"])
    assert str(event["LOCATION"]) == trainer_join_url(mine, trainer)
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
    client = signed_in(make_person())
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
    session_ahead(course=about_neglect)
    for_police = make_course(title="For police", kind=Course.Kind.BRIEFING, sectors=["police"])
    session_ahead(course=for_police, delivery="online")
    for_schools = make_course(title="For schools", kind=Course.Kind.WEBINAR, sectors=["education"])
    session_ahead(course=for_schools, delivery="online", capacity=1)
    teacher = make_person(agency=make_agency(sector="education"))
    book_now(Session.objects.get(course=for_schools), teacher)


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
    caches["pages"].clear()
    assert Client().get(reverse("diary_ics"), headers=etag).status_code == 200


def test_a_public_feed_is_built_once_a_minute_however_many_ask() -> None:
    with time_machine.travel(NOW, tick=False) as clock:
        make_session()
        address = reverse("programme_ics")
        first = Client().get(address).content
        make_session()
        assert Client().get(address).content == first
        assert Client().get(f"{address}?made-up=1").content == first
        assert len(events(Client().get(f"{address}?where=online").content)) == 0
        clock.shift(61)
        assert len(events(Client().get(address).content)) == 2


@pytest.mark.parametrize("name", ["programme_ics", "diary_ics"])
def test_a_feed_says_its_name_and_how_often_to_look(name: str) -> None:
    answer = Client().get(reverse(name))
    for line in ("X-WR-CALNAME:", "REFRESH-INTERVAL;VALUE=DURATION:PT4H", "X-PUBLISHED-TTL:PT4H"):
        assert f"\r\n{line}" in answer.content.decode()
    assert answer.headers["Cache-Control"] == "public, max-age=300"
