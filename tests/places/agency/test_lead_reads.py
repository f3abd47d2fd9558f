"""What a lead reads of a colleague's place: what it costs to give up, and what came of it."""

from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from booking.catalogue.models import Session
from booking.places.models import Booking
from tests.attendance.rooms import bookings_of, close_now, held_session
from tests.factories import make_policy, make_session, session_ahead
from tests.people import book, book_now, signed_in
from tests.places.agency.conftest import Police

pytestmark = pytest.mark.django_db


def test_no_day_that_is_past_is_named_as_the_end_of_what_is_free(police: Police) -> None:
    now = timezone.now()
    soon = make_session(starts_at=now + timedelta(minutes=12), policy=make_policy(notice_days=5))
    late = book(soon, police.zoe, now=now - timedelta(days=60))
    early = book_now(session_ahead(60, policy=make_policy(notice_days=5)), police.amy)
    Booking.objects.filter(pk__in=[late.pk, early.pk]).update(notice_days=5)
    client, until = signed_in(police.lead), "can be given up free of charge until"
    page = client.get(reverse("agency_booking", args=[late.pk])).text
    assert until not in page
    assert "Giving up the place costs nothing. Please do so as soon as you can." in page
    assert until in client.get(reverse("agency_booking", args=[early.pk])).text


def test_who_waits_may_only_be_offered_the_place_that_is_given_up(police: Police) -> None:
    session = session_ahead(capacity=1)
    booking = book_now(session, police.zoe)
    waiting = book_now(session, police.amy)
    client = signed_in(police.lead)
    page = client.get(reverse("cancel_booking", args=[booking.pk])).text
    assert "is given or offered to the next person on the waiting list" in page
    page = client.get(reverse("cancel_booking", args=[waiting.pk])).text
    assert "They lose their turn. If they join again later, they start" in page


def test_what_came_of_a_place_stands_on_the_list_of_what_is_past(police: Police) -> None:
    session = held_session(people=0)
    for person in (police.zoe, police.amy):
        book(session, person, now=session.starts_at - timedelta(days=60))
    came, _ = bookings_of(session)
    client = signed_in(police.lead)
    Session.objects.filter(pk=session.pk).update(ends_at=timezone.now())
    page = client.get(reverse("agency"), {"show": "past"}).text
    assert page.count("No register, or not closed yet") == 2
    close_now(session, came)
    page = client.get(reverse("agency"), {"show": "past"}).text
    cells = [cell.split("<")[0].strip() for cell in page.split('data-label="Place">')[1:]]
    assert sorted(cells) == ["Absent", "Attended"]


@pytest.mark.parametrize("view", ["agency_book", "agency_book_many"])
@pytest.mark.parametrize(
    ("hours", "words"), [(-9, "This session has taken place"), (-1, "This session has started")]
)
def test_nobody_is_asked_about_for_a_session_that_has_begun(
    police: Police, view: str, hours: int, words: str
) -> None:
    session = make_session(starts_at=timezone.now() + timedelta(hours=hours))
    page = signed_in(police.lead).get(reverse(view, args=[session.pk])).text
    assert f"{words}, so nobody can be booked here now." in page
    assert '<form method="post"' not in page.split("<main")[1]
    ahead = signed_in(police.lead).get(reverse(view, args=[session_ahead().pk])).text
    assert '<form method="post"' in ahead.split("<main")[1]


def test_the_address_of_a_button_says_that_it_is_one(police: Police) -> None:
    answer = signed_in(police.lead).get(reverse("agency_confirm", args=[police.zoe.pk]))
    assert (answer.status_code, answer.headers["Allow"]) == (405, "POST")
    assert "This is the address of a button" in answer.text
    assert signed_in(police.zoe).get(reverse("agency_confirm", args=[1])).status_code == 404
