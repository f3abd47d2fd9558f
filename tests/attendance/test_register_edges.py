"""Odd cases of registers: other days than planned, chairs of others, numbers nobody means."""

import json
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.urls import reverse
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from booking.attendance import absences, closing, marking
from booking.attendance.closing import CannotBeClosedYet
from booking.attendance.marking import NotYetMarked
from booking.attendance.meeting_report import ReportRefused, read_report
from booking.attendance.models import AbsenceCase, Arrival, Mark
from booking.attendance.roster import roster_of
from booking.catalogue.models import Session, Sitting
from booking.outbox.models import Message
from booking.places.changing.walking_in import walk_in
from booking.places.models import Booking
from booking.places.refusals import ChairTaken
from booking.site.wording import sitting_times
from tests.attendance.rooms import (
    bookings_of,
    close_as_it_is,
    close_now,
    end_now,
    held_session,
    outcomes,
    press,
    trainer_of,
)
from tests.factories import make_coordinator, make_person, make_trainer, session_ahead
from tests.people import book_now, signed_in

pytestmark = pytest.mark.django_db
What, Outcome = Mark.What, Booking.Outcome


def let_in(session: Session, **how: Any) -> Booking:
    by, now = trainer_of(session), timezone.now()
    return walk_in(session=session, person=make_person(), by=by, now=now, **how)


def moved_on(session: Session, *, days: int) -> None:
    """All of it is held so many days later."""
    later = timedelta(days=days)
    for sitting in session.sittings.all():
        sitting.starts_at, sitting.ends_at = sitting.starts_at + later, sitting.ends_at + later
        sitting.save()
    starts, ends = session.starts_at + later, session.ends_at + later
    Session.objects.filter(pk=session.pk).update(starts_at=starts, ends_at=ends)


@pytest.mark.parametrize("is_closed", [True, False])
def test_nobody_walks_in_before_the_register_opens_or_once_it_is_closed(is_closed: bool) -> None:
    if is_closed:
        session = held_session(people=1)
        close_now(session)
    else:
        session = session_ahead(trainers=[make_trainer()], capacity=1)
        book_now(session)
    capacity, person = session.capacity, make_person("late@agency.example")
    trainer = signed_in(trainer_of(session))
    told = {"person": person.pk, "email": person.email, "is_over": "on"}
    answer = trainer.post(reverse("register_walk_in", args=[session.pk]), told)
    assert answer.status_code == 409
    assert not Booking.objects.filter(person=person).exists()
    session.refresh_from_db()
    assert session.capacity == capacity


def test_a_chair_is_given_once_and_only_of_who_did_not_come() -> None:
    session = held_session(people=2, capacity=2)
    missing, there = bookings_of(session)
    press(session, there, What.ATTENDED)
    # The chair of somebody who did not come is room.
    let_in(session, instead_of=missing)
    with pytest.raises(ChairTaken):
        let_in(session, instead_of=missing, is_over=True)
    page = signed_in(trainer_of(session)).get(
        reverse("register_walk_in", args=[session.pk]), {"person": there.person_id}
    )
    assert f'<option value="{there.pk}"' not in page.content.decode()


def test_a_case_stays_open_if_who_came_in_the_place_was_not_there_after_all() -> None:
    session = held_session(people=1)
    (missing,) = bookings_of(session)
    came = let_in(session, instead_of=missing)
    press(session, came, What.ABSENT)
    close_as_it_is(session)
    assert AbsenceCase.objects.get(booking=missing).state == AbsenceCase.State.OPEN


def test_who_came_in_the_place_of_somebody_does_not_read_their_name() -> None:
    session = held_session(people=1)
    (missing,) = bookings_of(session)
    came = let_in(session, instead_of=missing)
    press(session, came, What.ATTENDED)
    close_as_it_is(session)
    page = signed_in(came.person).get(came.get_absolute_url()).content.decode()
    assert "let in" in page
    assert missing.person.last_name not in page


def test_an_address_is_in_no_address_of_a_page() -> None:
    session = held_session(people=0)
    known = make_person("known@agency.example", first_name="Known")
    trainer, address = (
        signed_in(trainer_of(session)),
        reverse("register_walk_in", args=[session.pk]),
    )
    found = trainer.post(address, {"email": known.email})
    assert "@" not in found.headers.get("Location", "")
    assert "Known" in found.content.decode()


def test_joining_after_the_end_is_not_attending() -> None:
    session = held_session(people=1)
    session.course.part_after_minutes = session.course.absent_after_minutes = None
    session.course.save()
    (booking,) = bookings_of(session)
    sitting = session.sittings.get()
    at = sitting.ends_at + timedelta(minutes=5)
    Arrival.objects.create(booking=booking, sitting=sitting, at=at, device="a")
    (attendee,) = roster_of(session).attendees
    assert (attendee.outcome, attendee.seen[0].joined_at) == (Outcome.ABSENT, at)


def test_nobody_has_attended_a_date_that_lies_ahead() -> None:
    session = held_session(people=2, sittings=2)
    moved_on(session, days=1)
    first, second = bookings_of(session)
    ahead: Sitting = session.sittings.all()[1]
    held: dict[str, Any] = {"session": session, "by": trainer_of(session), "now": timezone.now()}
    with pytest.raises(NotYetMarked):
        press(session, first, What.ATTENDED, sitting=1)
    with pytest.raises(NotYetMarked):
        marking.mark_everybody_else(sitting=ahead, standing=[], **held)
    press(session, second, What.APOLOGIES, sitting=1)
    assert Mark.objects.get().what == What.APOLOGIES


def test_what_was_marked_before_a_session_was_moved_does_not_count() -> None:
    session = held_session(people=2)
    first, second = bookings_of(session)
    press(session, first, What.ATTENDED)
    press(session, second, What.APOLOGIES)
    moved_on(session, days=7)
    seen = [each.seen[0].what for each in roster_of(session).attendees]
    assert seen == [What.NOTHING, What.APOLOGIES]


@pytest.mark.parametrize("what", ["cancelled", "moved"])
def test_a_register_is_not_closed_of_what_is_cancelled_or_moved_meanwhile(what: str) -> None:
    session = held_session(people=1)
    seen = closing.fingerprint(roster_of(session))
    if what == "moved":
        moved_on(Session.objects.get(pk=session.pk), days=7)
    else:
        Session.objects.filter(pk=session.pk).update(state=Session.State.CANCELLED)
    with pytest.raises(CannotBeClosedYet):
        closing.close_register(
            session=session, seen=seen, by=trainer_of(session), now=timezone.now()
        )
    assert outcomes(session) == [""]


def test_another_manager_does_not_read_what_the_first_one_said() -> None:
    session = held_session(people=1)
    (booking,) = bookings_of(session)
    close_now(session)
    case = AbsenceCase.objects.get()
    AbsenceCase.objects.update(manager_email="first@boss.example")
    absences.say_why(case=case, reason="On leave", now=timezone.now(), is_manager=True)
    told = {"booking": booking, "why": "x", "by": trainer_of(session), "now": timezone.now()}
    for outcome in (Outcome.ATTENDED, Outcome.ABSENT):
        closing.correct_outcome(outcome=outcome, **told)  # type: ignore[arg-type]
    case.refresh_from_db()
    assert (case.state, case.manager_reason, case.manager_reason_at) == ("open", "", None)


@pytest.mark.parametrize("people", [2, 9])
def test_closing_costs_the_same_however_many_were_absent(
    people: int, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    session = held_session(people=people)
    end_now(session)
    seen = closing.fingerprint(roster_of(session))
    Message.objects.all().delete()
    with django_assert_max_num_queries(40):
        closing.close_register(
            session=session, seen=seen, by=trainer_of(session), now=timezone.now()
        )
    assert AbsenceCase.objects.count() == people


@pytest.mark.parametrize("ago", [10**400, -(10**400), True])
def test_a_press_from_no_time_breaks_nothing(ago: int) -> None:
    session = held_session(people=1)
    (booking,) = bookings_of(session)
    sitting = session.sittings.get().pk
    kept = {"booking": booking.pk, "sitting": sitting, "what": "absent", "key": "k", "ago": ago}
    answer = signed_in(trainer_of(session)).post(
        reverse("register", args=[session.pk]), {"marks": json.dumps([kept])}
    )
    assert answer.status_code == 200


@pytest.mark.parametrize(
    "row",
    [
        f"Ann,{'9' * 20},,",
        f"Ann,{'9' * 5000},,",
        f"Ann,,{'9' * 18} h,",
        f"Ann,,{'9' * 18}:00:00,",
        "Ann,,,31/12/9999 23:59",
        "Ann,5,,01/01/0001 00:10",
        f"Ann,{'9' * 9},,02/03/2026 10:00",
    ],
)
def test_numbers_that_nobody_means_break_no_report(row: str) -> None:
    begins = datetime.fromisoformat("2026-03-02T10:00:00+00:00")
    held = Sitting(starts_at=begins, ends_at=begins + timedelta(hours=1))
    text = f"Name,Duration (Minutes),Duration,Join Time,Leave Time\n{row},31/12/9999 23:59\n"
    try:
        report = read_report(text.encode(), of=held)
    except ReportRefused:
        return
    assert report.minutes(report.joiners, of=held) <= 60


def test_whoever_was_there_for_no_minute_did_not_attend() -> None:
    session = held_session(people=1)
    (booking,) = bookings_of(session)
    told = {"step": "save", "sitting": session.sittings.get().pk, "sure": f"{booking.pk}:0"}
    browser = signed_in(make_coordinator())
    assert browser.post(reverse("meeting_report", args=[session.pk]), told).status_code == 302
    assert Mark.objects.get().what == What.ABSENT


@pytest.mark.parametrize(
    ("told", "why"),
    [
        ({"what": "absent", "late": "10"}, "Leave the minutes empty for “Absent”"),
        ({"what": "apologies", "early": "10"}, "Leave the minutes empty for “Apologies”"),
        (
            {"what": "attended", "late": "100", "early": "81"},
            "This date lasts 180 minutes, so nobody misses 181 minutes of it.",
        ),
        ({"what": "part", "late": "-1"}, "Minutes late: enter a whole number from 0 to 1,000."),
        ({"what": "part", "early": "x"}, "Minutes left early: enter a whole number from 0"),
    ],
)
def test_minutes_that_cannot_be_are_refused_in_a_sentence(told: dict[str, str], why: str) -> None:
    session = held_session(people=1)
    (booking,) = bookings_of(session)
    sitting = session.sittings.get()
    address = reverse("register_person", args=[session.pk, booking.pk])
    browser = signed_in(trainer_of(session))
    answer = browser.post(address, {"sitting": sitting.pk, **told})
    assert answer.status_code == 422
    assert why in answer.text
    assert not Mark.objects.exists()
    option = f">{sitting_times(sitting.starts_at, sitting.ends_at)}</option>"
    assert option in browser.get(address).text
    most = {"sitting": sitting.pk, "what": "part", "late": "100", "early": "80"}
    assert browser.post(address, most).status_code == 302
