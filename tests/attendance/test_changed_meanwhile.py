"""What has changed since a trainer looked is said, and each thing is said once."""

import re
from datetime import timedelta

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from booking.attendance import closing
from booking.attendance.models import Mark
from booking.attendance.roster import roster_of
from booking.catalogue.models import Session
from booking.places.changing.walking_in import walk_in
from booking.places.models import Booking
from booking.site.wording import clock, short_day
from tests.attendance.rooms import bookings_of, end_now, held_session, press, trainer_of
from tests.factories import make_person
from tests.people import book, signed_in

pytestmark = pytest.mark.django_db
What = Mark.What


def closing_page(session: Session) -> str:
    end_now(session)
    page = signed_in(trainer_of(session)).get(reverse("register_close", args=[session.pk]))
    return " ".join(page.text.split())


def let_in(browser: Client, session: Session, **told: object) -> tuple[int, str]:
    """Let in somebody whose whole address the trainer named."""
    person = make_person()
    form = {"person": person.pk, "email": person.email, **told}
    answer = browser.post(reverse("register_walk_in", args=[session.pk]), form)
    return answer.status_code, " ".join(answer.text.split())


# ---------------------------------------------------------------- said once, with the dates
@pytest.mark.parametrize(
    ("sittings", "words"),
    [
        (1, ">not marked<"),
        (2, ">not marked on either date<"),
        (3, ">not marked on any of 3 dates<"),
    ],
)
def test_somebody_who_is_marked_on_no_date_is_said_to_be_once(sittings: int, words: str) -> None:
    page = closing_page(held_session(people=1, sittings=sittings))
    assert words in page
    assert page.count("not marked") == 2, "once for the person, once for the rule"


def test_what_differs_from_date_to_date_is_said_with_the_date() -> None:
    session = held_session(people=2, sittings=2)
    both, one = bookings_of(session)
    for at in (0, 1):
        press(session, both, What.ATTENDED, sitting=at)
    press(session, one, What.ATTENDED, sitting=1)
    first, last = (short_day(each.starts_at) for each in session.sittings.all())
    page = closing_page(session)
    assert ">attended on both dates<" in page
    assert f">{first}: not marked; {last}: attended<" in page


def test_two_sittings_on_one_day_are_told_apart_by_their_times() -> None:
    session = held_session(people=1, sittings=2)
    first, last = session.sittings.all()
    first.starts_at = last.starts_at.replace(minute=(last.starts_at.minute + 1) % 60)
    first.ends_at = last.ends_at
    first.save()
    (booking,) = bookings_of(session)
    press(session, booking, What.ATTENDED, sitting=0)
    page = closing_page(session)
    for each in session.sittings.all():
        assert f"{short_day(each.starts_at)}, {clock(each.starts_at)}: " in page


# ---------------------------------------------------------------- closing
def test_a_trainer_who_closes_too_late_is_told_what_changed() -> None:
    session = held_session(people=3, capacity=9)
    marked, left, _ = bookings_of(session)
    seen = closing.fingerprint(roster_of(session))
    press(session, marked, What.ATTENDED)
    Booking.objects.filter(pk=left.pk).update(state=Booking.State.CANCELLED)
    now = timezone.now()
    came = walk_in(session=session, person=make_person(), by=trainer_of(session), now=now)
    address = reverse("register_close", args=[session.pk])
    end_now(session)
    answer = signed_in(trainer_of(session)).post(address, {"seen": seen})
    assert answer.status_code == 409
    for words in (
        f"{marked.person} counts as attended now",
        f"{left.person} has no certain place any more",
        f"{came.person} is on it now, as absent",
    ):
        assert words in answer.text


def test_of_many_changes_some_are_said_and_the_rest_counted() -> None:
    session = held_session(people=12)
    address = reverse("register_close", args=[session.pk])
    end_now(session)
    answer = signed_in(trainer_of(session)).post(address, {"seen": "x,:,9"})
    assert answer.status_code == 409
    assert answer.text.count("is on it now") == 10
    assert "2 other changes." in answer.text


# ---------------------------------------------------------------- walking in
def test_a_place_that_is_not_free_any_more_says_why_and_keeps_what_was_ticked() -> None:
    session = held_session(people=3, capacity=3)
    there, left, given = bookings_of(session)
    browser, by = signed_in(trainer_of(session)), trainer_of(session)
    press(session, there, What.ATTENDED)
    Booking.objects.filter(pk=left.pk).update(state=Booking.State.CANCELLED)
    walk_in(session=session, person=make_person(), by=by, now=timezone.now(), instead_of=given)
    for booking, why in (
        (there, f"{there.person} is marked as there by now."),
        (left, f"{left.person} has no certain place any more."),
        (given, f"Somebody else has come in the place of {given.person} by now."),
    ):
        status, page = let_in(browser, session, instead_of=booking.pk, is_over="on")
        assert status == 422
        assert why in page
        assert re.search('<input[^>]*name="is_over"[^>]* checked', page)
    (elsewhere,) = bookings_of(held_session(people=1))
    status, page = let_in(browser, session, instead_of=elsewhere.pk)
    assert status == 422
    assert str(elsewhere.person) not in page


def test_a_trainer_whose_last_free_place_went_is_told_so() -> None:
    session = held_session(people=1, capacity=2)
    browser, person = signed_in(trainer_of(session)), make_person("came@agency.example")
    walking_in = reverse("register_walk_in", args=[session.pk])
    assert 'name="saw_place"' in browser.post(walking_in, {"email": person.email}).text
    walk_in(session=session, person=make_person(), by=trainer_of(session), now=timezone.now())
    status, page = let_in(browser, session, saw_place="1")
    assert status == 409
    assert "The last place has gone since you opened this page." in page
    status, page = let_in(browser, session)
    assert page.count("laces of this session are taken") == 1
    assert "All 2 places are taken." not in page


def test_a_trainer_is_told_that_somebody_has_left_the_waiting_list() -> None:
    session = held_session(people=1, capacity=1)
    waiting = book(session, make_person(), now=session.starts_at - timedelta(days=9))
    address = reverse("register_walk_in", args=[session.pk])
    browser = signed_in(trainer_of(session))
    form = {"person": waiting.person_id}
    assert browser.get(address, form).status_code == 200
    Booking.objects.filter(pk=waiting.pk).update(state=Booking.State.WITHDRAWN)
    for answer in (browser.get(address, form), browser.post(address, form)):
        assert "has left the list of this session since you looked" in answer.text
        assert waiting.person.last_name not in answer.text
        assert "Work email address" in answer.text
    named = {**form, "email": waiting.person.email, "is_over": "on"}
    assert browser.post(address, named).status_code == 302


def test_somebody_who_is_on_the_register_is_shown_their_row_at_once() -> None:
    session = held_session(people=1, capacity=5)
    (booking,) = bookings_of(session)
    browser = signed_in(trainer_of(session))
    address = reverse("register_walk_in", args=[session.pk])
    email = booking.person.email
    for told in ({"email": email}, {"email": email, "person": booking.person_id}):
        answer = browser.post(address, told)
        assert answer.status_code == 409
        assert f"{booking.person} is on the register already" in answer.text
        assert f'href="{reverse("register", args=[session.pk])}#b{booking.pk}"' in answer.text
        assert "There is a free place" not in answer.text
        assert "came without a booking" not in answer.text


@pytest.mark.parametrize(("typed", "why"), [("", "Enter the work email address."), ("x", "@")])
def test_no_address_is_refused_in_a_sentence(typed: str, why: str) -> None:
    session = held_session(people=1)
    address = reverse("register_walk_in", args=[session.pk])
    answer = signed_in(trainer_of(session)).post(address, {"email": typed})
    assert answer.status_code == 422
    assert why in answer.text.split("govuk-error-message")[1]
    assert "First name" not in answer.text
