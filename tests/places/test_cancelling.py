"""Until when cancelling is free and what it costs: on pages, in mails and in calendars."""

from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.test import Client
from django.urls import reverse

from accounts.models import Sector, User
from booking.catalogue.models import Session
from booking.mail.composing import compose
from booking.outbox.models import Message
from booking.places.models import Booking
from tests.factories import (
    NOW,
    make_agency,
    make_claimant,
    make_coordinator,
    make_person,
    make_policy,
    make_session,
)
from tests.mail.letters import part, read
from tests.people import book, give_up, signed_in

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("at_now")]

PROMISE = (
    "Free until 5pm on Tuesday 26 January 2027. After that £35 for late cancellation, £50 if you"
    " do not come."
)
INSIDE = NOW + timedelta(days=15)


def page(person: User, path: str) -> str:
    client = signed_in(person)
    return client.get(path).text


def booked(session: Session | None = None, **fields: Any) -> Booking:
    person = make_person(**fields)
    session = session or make_session(policy=make_policy(late=3500, absent=5000))
    return book(session, person)


def mail_about(booking: Booking, topic: str) -> str:
    message = Message.objects.get(booking=booking, topic=topic)
    written = compose([message])[message.pk]
    assert isinstance(written, bytes)
    mail = read(written)
    return " ".join(part(mail, kind) for kind in ("text/plain", "text/html", "text/calendar"))


def flat(text: str) -> str:
    """Calendar text without its folds and escapes."""
    return text.replace("\r\n ", "").replace("\n ", "").replace("\\,", ",")


def test_the_promise_is_told_before_booking_after_it_in_the_mail_and_in_the_calendar() -> None:
    session = make_session(policy=make_policy(late=3500, absent=5000))
    booking = booked(session)
    newcomer = make_person()
    for shown in (
        page(newcomer, session.get_absolute_url()),
        page(newcomer, f"/sessions/{session.pk}/book/"),
        page(booking.person, booking.get_absolute_url()),
    ):
        assert PROMISE in shown
    mail = mail_about(booking, "booking.confirmed")
    assert flat(mail).count(PROMISE) == 3
    entry = signed_in(booking.person)
    assert PROMISE in flat(entry.get(reverse("booking_ics", args=[booking.pk])).text)


def test_the_anonymous_page_says_that_some_agencies_are_not_charged() -> None:
    session = make_session(policy=make_policy(late=3500, absent=5000))
    assert (
        f"{PROMISE} Some agencies pay nothing: sign in to see what yours pays."
        in Client().get(session.get_absolute_url()).text
    )


def test_somebody_signed_in_is_not_told_to_sign_in_to_see_a_price() -> None:
    session = make_session(policy=make_policy(late=3500, absent=5000))
    new = make_person(first_name="", last_name="", job_title="", agency=None)
    shown = page(new, f"/sessions/{session.pk}/book/")
    assert f"{PROMISE} Some agencies pay nothing." in shown
    assert "sign in" not in shown
    claims = make_claimant(agency=make_agency())
    assert "Some agencies" not in page(claims, session.get_absolute_url())


def test_an_agency_that_gives_trainers_reads_that_it_is_not_charged() -> None:
    booking = booked(agency=make_agency(trainers_in_kind=True))
    shown = page(booking.person, booking.get_absolute_url())
    assert "No charge for your agency." in shown
    assert "£35" not in shown


def test_a_small_charity_reads_that_it_is_not_charged() -> None:
    policy = make_policy(late=3500, absent=5000, free_for_charities_under_pence=100_000_00)
    small = make_agency(sector=Sector.VOLUNTARY, annual_turnover_pence=50_000_00)
    large = make_agency(sector=Sector.VOLUNTARY, annual_turnover_pence=500_000_00)
    session = make_session(policy=policy)
    assert "No charge for your agency." in page(
        make_person(agency=small), session.get_absolute_url()
    )
    assert PROMISE in page(make_person(agency=large), session.get_absolute_url())


def test_what_was_promised_stays_when_the_session_gets_another_policy() -> None:
    session = make_session(policy=make_policy(late=3500, absent=5000))
    booking = booked(session)
    Session.objects.update(policy=make_policy(notice_days=1))
    assert PROMISE in page(booking.person, booking.get_absolute_url())


def test_the_cancel_page_tells_the_cost_before_the_button_and_the_booking_and_mail_after() -> None:
    booking = booked()
    address = f"/bookings/{booking.pk}/cancel/"
    assert "Cancelling now costs nothing. It is free until 5pm" in page(booking.person, address)
    with time_machine.travel(INSIDE, tick=False):
        assert "Cancelling now costs £35 for late cancellation" in page(booking.person, address)
        by = signed_in(make_coordinator()).get(address)
        assert by.headers["Location"] == reverse("manage_booking_cancel", args=[booking.pk])
        give_up(booking, now=INSIDE)
        shown = page(booking.person, booking.get_absolute_url())
    assert "Late cancellation: £35 is charged." in shown
    assert "£35 is charged" in mail_about(booking, "booking.cancelled")


def test_inside_the_notice_the_page_says_what_applies_now() -> None:
    session = make_session(policy=make_policy(late=3500, absent=5000))
    with time_machine.travel(INSIDE, tick=False):
        shown = page(make_person(), session.get_absolute_url())
    assert "Cancelling was free until 5pm on Tuesday 26 January 2027. Now £35" in shown
