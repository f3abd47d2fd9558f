"""The secret address of a feed: kept to itself, stopped and replaced."""

from logging import getLogger
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from booking.calendars.actions import new_feed
from booking.site.logs import JsonFormatter
from tests.factories import make_person
from tests.people import signed_in

pytestmark = pytest.mark.django_db


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
    client = signed_in(make_person())
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
    client = signed_in(person)
    token = new_feed(person=person, now=timezone.now())
    assert "No calendar has read it" in client.get(reverse("calendar_feed")).content.decode()
    Client().get(reverse("private_feed", args=[token]))
    assert "last read it on" in client.get(reverse("calendar_feed")).content.decode()


def test_its_owner_stops_it() -> None:
    person = make_person()
    client = signed_in(person)
    address = reverse("private_feed", args=[new_feed(person=person, now=timezone.now())])
    stopped: Any = client.post(reverse("remove_feed", args=["bookings"]), follow=True)
    assert "Make a private address" in stopped.content.decode()
    assert Client().get(address).status_code == 404


def test_making_a_feed_shows_its_address_once() -> None:
    client = signed_in(make_person())
    made = client.post(reverse("make_feed", args=["bookings"])).content.decode()
    assert "/calendar/" in made
    assert ".ics" in made
    shown_again = client.get(reverse("calendar_feed")).content.decode()
    assert "cannot show the address again" in shown_again
    assert client.get(reverse("make_feed", args=["bookings"])).status_code == 405
