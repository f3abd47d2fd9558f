"""Where a partnership's name, looks and help are seen."""

import re
from email import message_from_bytes, policy

import icalendar
import pytest
from django.core.cache import caches
from django.test import Client
from django.urls import reverse
from pytest_django import DjangoAssertNumQueries, Settings

from booking.mail.composing import compose
from booking.outbox.models import Message
from booking.partnership import kept
from booking.partnership.kept import change
from booking.partnership.pictures import picture_of
from tests.factories import make_coordinator, make_person, make_session, morning
from tests.partnership.samples import PNG
from tests.people import book_now, signed_in

pytestmark = pytest.mark.django_db

NAME = "Leeds & District Partnership"
ESCAPED = "Leeds &amp; District Partnership"


def give_logo() -> str:
    """A logo for the partnership; where it is served."""
    picture = picture_of(PNG)
    change(values={"logo": PNG, "logo_type": "image/png", "logo_digest": picture.digest}, by=None)
    return kept.the_partnership().logo_url


def test_the_name_is_on_pages_and_they_follow_a_change() -> None:
    assert "Safeguarding Children Partnership" in Client().get("/").text
    change(values={"name": NAME}, by=None)
    caches["pages"].clear()
    page = Client().get("/").text
    assert page.count(ESCAPED) >= 3
    assert "Safeguarding Children Partnership" not in page


def test_the_name_is_in_mail_and_the_invitation_with_it() -> None:
    change(values={"name": NAME}, by=None)
    person = make_person()
    book_now(make_session(starts_at=morning(21)), person)
    [message] = Message.objects.filter(topic="booking.confirmed")
    mime = compose([message])[message.pk]
    assert isinstance(mime, bytes)
    mail = message_from_bytes(mime, policy=policy.default)
    assert mail["From"].addresses[0].display_name == NAME
    parts = {part.get_content_type(): part for part in mail.walk()}
    assert f"Briefed, for {NAME}" in parts["text/plain"].get_content()
    assert f"Briefed, for {ESCAPED}" in parts["text/html"].get_content()
    [event] = icalendar.Calendar.from_ical(parts["text/calendar"].get_content()).walk("VEVENT")
    assert event["ORGANIZER"].params["CN"] == NAME


@pytest.mark.parametrize("name", [NAME, 'The "East" (Vale) Partnership', "Partneriaeth Môn"])
def test_mail_for_signing_in_is_from_the_partnership_too(name: str) -> None:
    change(values={"name": name}, by=None)
    Client().post(reverse("account_request_login_code"), {"email": make_person().email})
    mime = Message.objects.get().mime
    assert mime is not None
    mail = message_from_bytes(bytes(mime), policy=policy.default)
    [address] = mail["From"].addresses
    assert address.display_name == name
    assert address.addr_spec == "training@briefed.example"


def test_the_name_is_in_the_calendar_feed_and_changes_its_etag() -> None:
    make_session(starts_at=morning(21))
    before = Client().get(reverse("programme_ics"))
    change(values={"name": NAME}, by=None)
    caches["pages"].clear()
    after = Client().get(reverse("programme_ics"))
    assert before.headers["ETag"] != after.headers["ETag"]
    calendar = icalendar.Calendar.from_ical(after.content)
    assert calendar["X-WR-CALNAME"] == f"{NAME}: training"


def test_help_stands_at_the_foot_of_every_page() -> None:
    """Until a partnership says how to ask for it, it is where our mail is answered to."""
    [foot] = re.findall(r"<footer.*</footer>", Client().get("/programme/").text, re.DOTALL)
    assert 'href="mailto:training@leedsscp.example"' in foot
    change(
        values={
            "help_email": "training@leeds.example",
            "help_phone": "+44 (0)113 496 0000",
            "help_page": "https://leeds.example/help/",
        },
        by=None,
    )
    caches["pages"].clear()
    for address in ("/programme/", "/privacy/", "/accounts/login/", "/nowhere/"):
        [foot] = re.findall(r"<footer.*</footer>", Client().get(address).text, re.DOTALL)
        assert 'href="mailto:training@leeds.example"' in foot
        assert 'href="tel:+441134960000"' in foot
        assert 'href="https://leeds.example/help/">leeds.example/help</a>' in foot


def test_the_welcome_takes_the_place_of_the_usual_sentence() -> None:
    assert "Find a session, book your place" in Client().get("/").text
    change(values={"welcome": "Training for <Leeds>."}, by=None)
    caches["pages"].clear()
    page = Client().get("/").text
    assert "Training for &lt;Leeds&gt;." in page
    assert "Find a session, book your place" not in page


def test_a_colour_comes_in_a_style_sheet_of_its_own() -> None:
    assert "/partnership/" not in Client().get("/privacy/").text
    change(values={"colour": "#7a1f4b"}, by=None)
    page = Client().get("/privacy/").text
    [address] = re.findall(r'<link rel="stylesheet" href="(/partnership/[^"]+)">', page)
    assert 'name="theme-color" content="#7a1f4b"' in page
    sheet = Client().get(address)
    assert "--app-deep:#7a1f4b" in sheet.text
    assert sheet.headers["Content-Type"].startswith("text/css")
    assert "immutable" in sheet.headers["Cache-Control"]


@pytest.mark.parametrize("digits", ["7A1F4B", "7a1f4", "7a1f4b;}", "red"])
def test_there_is_no_style_sheet_of_what_is_no_colour(digits: str) -> None:
    assert Client().get(f"/partnership/{digits}.css").status_code == 404


def test_a_logo_is_served_as_what_it_is_and_kept_by_browsers(
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    address = give_logo()
    assert f'src="{address}" alt=""' in Client().get("/privacy/").text
    with django_assert_num_queries(1):
        answer = Client().get(address)
    assert answer.content == PNG
    assert answer.headers["Content-Type"] == "image/png"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert "immutable" in answer.headers["Cache-Control"]
    with django_assert_num_queries(0):
        again = Client().get(address, headers={"If-None-Match": answer.headers["ETag"]})
    assert again.status_code == 304
    change(values={"logo": b"", "logo_type": "", "logo_digest": ""}, by=None)
    assert Client().get(address).status_code == 404
    assert Client().get("/partnership/logo/").status_code == 404


def test_looks_are_served_to_people_who_have_a_second_step_to_set_up(settings: Settings) -> None:
    settings.TWO_STEP_REQUIRED = True
    client = signed_in(make_coordinator())
    assert client.get("/").status_code == 302
    assert client.get(give_logo()).status_code == 200
    assert client.get("/partnership/7a1f4b.css").status_code == 200


def test_pages_ask_nothing_more_of_the_database(
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    change(values={"name": NAME, "colour": "#7a1f4b", "help_phone": "0113 496 0000"}, by=None)
    give_logo()
    kept.keep(kept.read_again(), seconds=60)
    with django_assert_num_queries(0):
        page = Client().get("/privacy/")
    assert ESCAPED in page.text
