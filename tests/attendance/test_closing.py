"""Closing a register, walk-ins, corrections, and cases of absence."""

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts.models import User
from booking.attendance import absences, closing
from booking.attendance.closing import CannotBeClosedYet, MarkedMeanwhile, NotClosed, SameOutcome
from booking.attendance.models import AbsenceCase, Mark, Register
from booking.attendance.roster import roster_of
from booking.catalogue.models import Session
from booking.mail.again import NotSoAnyMore, send_again
from booking.outbox.models import Message
from booking.partnership import kept
from booking.places.changing.walking_in import walk_in
from booking.places.events import BookingEvent
from booking.places.history import repeated_absences
from booking.places.links import absence_path
from booking.places.models import Booking
from booking.places.refusals import AlreadyBooked, NoRoomForWalkIn
from booking.privacy.forgetting import TEXTS_KEPT, forget_absences
from booking.site.wording import deadline
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
from tests.factories import (
    make_agency,
    make_coordinator,
    make_person,
    make_policy,
    make_session,
)
from tests.mail.letters import part, read, written
from tests.people import book, signed_in

pytestmark = pytest.mark.django_db
What, Outcome, State = Mark.What, Booking.Outcome, AbsenceCase.State


def charged_session(**fields: Any) -> Session:
    """A session of one person, whose absence costs £35."""
    policy = make_policy(absent=3500, **fields)
    session = held_session(people=0, policy=policy)
    agency = make_agency(domains=["ours.example"])
    person = make_person("p@ours.example", agency=agency, manager_email="boss@ours.example")
    book(session, person, now=session.starts_at - timedelta(days=60))
    Message.objects.all().delete()
    return session


def topics() -> set[str]:
    return set(Message.objects.values_list("topic", flat=True))


def test_closing_decides_by_the_rule_of_the_course() -> None:
    session = held_session(people=4)
    first, second, third, _unmarked = bookings_of(session)
    Message.objects.all().delete()
    press(session, first, What.ATTENDED)
    press(session, second, What.ATTENDED, late=20)
    press(session, third, What.APOLOGIES)
    assert not topics()
    client = signed_in(trainer_of(session))
    address = reverse("register_close", args=[session.pk])
    end_now(session)
    page = client.get(address).content.decode()
    assert "1 person still to be marked" in page
    assert "attended, 20 minutes late. Counts as: <strong>attended in part</strong>" in page
    seen = closing.fingerprint(roster_of(session))
    # Two presses: Close the register there, and here.
    assert client.post(address, {"seen": seen}).status_code == 302
    assert outcomes(session) == ["attended", "part", "apologies", "absent"]
    assert topics() == {"absence.asked"}
    register = Register.objects.get()
    assert register.closed_by == trainer_of(session)
    assert client.post(address, {"seen": seen}).status_code == 409


def test_nobody_closes_what_they_have_not_seen() -> None:
    session = held_session(people=1)
    (booking,) = bookings_of(session)
    seen = closing.fingerprint(roster_of(session))
    press(session, booking, What.ATTENDED)
    end_now(session)
    with pytest.raises(MarkedMeanwhile):
        closing.close_register(
            session=session, seen=seen, by=trainer_of(session), now=timezone.now()
        )
    address = reverse("register_close", args=[session.pk])
    answer = signed_in(trainer_of(session)).post(address, {"seen": seen})
    assert answer.status_code == 409
    assert 'name="seen"' in answer.content.decode()
    assert outcomes(session) == [""]


@pytest.mark.parametrize("hours", [-1, 7 * 24])
def test_a_register_is_not_closed_before_the_last_date_is_over(hours: int) -> None:
    now = timezone.now()
    first, last = now - timedelta(days=1), now + timedelta(hours=hours)
    times = [(each, each + timedelta(hours=2)) for each in (first, last)]
    session, by = make_session(sittings=times), make_coordinator()
    with pytest.raises(CannotBeClosedYet):
        closing.close_register(session=session, seen="", by=by, now=now)
    browser = signed_in(by)
    address = reverse("register_close", args=[session.pk])
    begins = session.ends_at - timedelta(minutes=15)
    page = browser.get(address).text
    assert f"The register cannot be closed before {deadline(begins)}" in page
    assert 'name="seen"' not in page
    assert browser.post(address, {"seen": ""}).status_code == 409
    page = browser.get(reverse("register", args=[session.pk])).text
    assert address not in page
    assert f"The register can be closed from {deadline(begins)}" in page
    early = begins - timedelta(seconds=1)
    with pytest.raises(CannotBeClosedYet):
        closing.close_register(session=session, seen="", by=by, now=early)
    closing.close_register(session=session, seen="", by=by, now=begins)


def test_a_correction_keeps_history_and_undoes_what_hung_on_it() -> None:
    session = charged_session()
    (booking,) = bookings_of(session)
    with pytest.raises(NotClosed):
        _correct(booking, Outcome.ABSENT)
    close_now(session)
    case = AbsenceCase.objects.get()
    assert (case.state, case.pence, case.manager_email) == (State.OPEN, 3500, "boss@ours.example")
    absences.charge(case=case, why="", by=make_coordinator(), now=timezone.now())
    booking.refresh_from_db()
    assert booking.charge_pence == 3500
    with pytest.raises(SameOutcome):
        _correct(booking, Outcome.ABSENT)
    client = signed_in(trainer_of(session))
    page = reverse("register_person", args=[session.pk, booking.pk])
    assert client.post(page, {"outcome": "attended", "why": ""}).status_code == 422
    told = {"outcome": "attended", "why": "She signed the sheet."}
    assert client.post(page, told).status_code == 302
    booking.refresh_from_db()
    case.refresh_from_db()
    assert (booking.outcome, booking.charge_pence, case.state) == ("attended", 0, State.CLOSED)
    says = "did not come. Now it says: attended. Nothing is charged"
    letter = read(written(Message.objects.filter(topic="absence.decided").latest("pk")))
    assert f"It had said that you {says}" in " ".join(part(letter, "text/plain").split())
    assert letter["Subject"].startswith("The register has been corrected: ")
    seen_by_manager = Client().get(absence_path(case.key)).text
    assert f"It had said that {booking.person} {says}" in seen_by_manager
    assert "for the absence" not in seen_by_manager
    mine = signed_in(booking.person).get(reverse("absence", args=[booking.pk])).text
    assert f"It had said that you {says}" in mine
    assert [each.what for each in booking.events.all()] == [
        "booked", "outcome", "absence settled", "outcome corrected", "absence settled",
    ]  # fmt: skip
    _correct(booking, Outcome.ABSENT)
    assert AbsenceCase.objects.get().state == State.OPEN


def _correct(booking: Booking, outcome: Booking.Outcome) -> None:
    by, now = make_coordinator(), timezone.now()
    closing.correct_outcome(booking=booking, outcome=outcome, why="So.", by=by, now=now)


def test_the_person_and_the_manager_say_why_and_a_coordinator_accepts() -> None:
    session = charged_session()
    (booking,) = bookings_of(session)
    close_now(session)
    assert topics() == {"absence.asked", "absence.manager_asked"}
    case = AbsenceCase.objects.get()
    mine = reverse("absence", args=[booking.pk])
    owner = signed_in(booking.person)
    assert "£35" in owner.get(mine).content.decode()
    assert owner.post(mine, {"reason": ""}).status_code == 422
    assert owner.post(mine, {"reason": "My child was ill."}).status_code == 302
    assert signed_in(make_person()).get(mine).status_code == 404
    link, manager = absence_path(case.key), Client()
    manager.get(link)
    case.refresh_from_db()
    assert case.manager_reason == ""
    assert manager.post(link, {"reason": "She was on call."}).status_code == 302
    page = manager.get(link).text
    assert "You said: She was on call." in page
    assert "She was on call.</textarea>" in page
    assert "Change what you said" in page
    assert "say nothing about their health" in page
    assert "say nothing about your health" in owner.get(mine).text
    case.refresh_from_db()
    assert (case.reason, case.manager_reason) == ("My child was ill.", "She was on call.")
    absences.accept(case=case, why="Thank you.", by=make_coordinator(), now=timezone.now())
    assert "absence.decided" in topics()
    assert manager.get(link).status_code == 410
    assert owner.post(mine, {"reason": "And so on."}).status_code == 409


def test_a_question_is_sent_again_while_it_is_open() -> None:
    close_now(charged_session())
    Message.objects.update(state=Message.State.SENT, sent_at=timezone.now())
    by, case = make_coordinator(), AbsenceCase.objects.get()
    for message in list(Message.objects.order_by("pk")):
        (again,) = send_again(message=message, by=by, now=timezone.now())
        assert (again.topic, again.to_email) == (message.topic, message.to_email)
        Message.objects.update(state=Message.State.SENT, sent_at=timezone.now())
    absences.accept(case=case, why="", by=by, now=timezone.now())
    asked = Message.objects.filter(topic="absence.asked")[0]
    Message.objects.update(state=Message.State.SENT, sent_at=timezone.now())
    with pytest.raises(NotSoAnyMore):
        send_again(message=asked, by=by, now=timezone.now())


def test_reasons_are_forgotten_long_after_it_was_settled() -> None:
    close_now(held_session(people=1))
    case = AbsenceCase.objects.get()
    now = timezone.now()
    absences.say_why(case=case, reason="I was ill.", now=now)
    assert forget_absences(now=now + 2 * TEXTS_KEPT) == 0
    absences.accept(case=case, why="", by=make_coordinator(), now=now)
    assert forget_absences(now=now + TEXTS_KEPT) == 0
    for number in (1, 0):
        assert forget_absences(now=now + TEXTS_KEPT + timedelta(hours=1)) == number
    assert AbsenceCase.objects.get().reason == ""


def test_no_charge_beyond_what_was_promised() -> None:
    session = held_session(people=1)
    close_now(session)
    case = AbsenceCase.objects.get()
    with pytest.raises(absences.NothingToCharge):
        absences.charge(case=case, why="", by=make_coordinator(), now=timezone.now())
    by, now = make_coordinator(), timezone.now()
    absences.accept(case=case, why="", by=by, now=now)
    with pytest.raises(absences.CaseSettled):
        absences.accept(case=case, why="", by=by, now=now)


@pytest.mark.parametrize("free_if_taken", [True, False])
def test_a_case_closes_by_itself_if_somebody_else_came_and_the_policy_says_so(
    free_if_taken: bool,
) -> None:
    session = charged_session(absence_free_if_taken=free_if_taken)
    (booking,) = bookings_of(session)
    came = _walks_in(session, make_person(), instead_of=booking)
    press(session, came, What.ATTENDED)
    close_as_it_is(session)
    case = AbsenceCase.objects.get()
    assert case.booking == booking
    assert case.state == (State.CLOSED if free_if_taken else State.OPEN)
    told = {"attendance.walked_in"}
    assert topics() == (
        told if free_if_taken else told | {"absence.asked", "absence.manager_asked"}
    )


def test_a_case_follows_when_who_came_in_the_place_is_corrected() -> None:
    session = charged_session()
    (booking,) = bookings_of(session)
    came = _walks_in(session, make_person(), instead_of=booking)
    press(session, came, What.ATTENDED)
    close_as_it_is(session)
    by, moments = make_coordinator(), iter(range(9))

    def corrected(of: Booking, outcome: Booking.Outcome) -> AbsenceCase:
        now = timezone.now() + timedelta(minutes=next(moments))
        closing.correct_outcome(booking=of, outcome=outcome, why="Another room.", by=by, now=now)
        return AbsenceCase.objects.get()

    assert AbsenceCase.objects.get().state == State.CLOSED
    case = corrected(came, Outcome.APOLOGIES)
    assert (case.booking, case.state) == (booking, State.OPEN)
    assert {"absence.asked", "absence.manager_asked"} <= topics()
    absences.charge(case=case, why="", by=by, now=timezone.now())
    assert corrected(came, Outcome.PART).state == State.CLOSED
    booking.refresh_from_db()
    assert booking.charge_pence == 0
    # Who was there after all has no case, whoever came in their place.
    assert corrected(booking, Outcome.ATTENDED).state == State.CLOSED
    with pytest.raises(AbsenceCase.MultipleObjectsReturned):
        corrected(came, Outcome.ABSENT)
    assert AbsenceCase.objects.get(booking=booking).state == State.CLOSED


def _walks_in(session: Session, person: User, **how: Any) -> Booking:
    by, now = trainer_of(session), timezone.now()
    return walk_in(session=session, person=person, by=by, now=now, **how)


def test_a_walk_in_has_a_place_if_there_is_room_or_somebody_says_so() -> None:
    session = held_session(people=1, capacity=2)
    known = _walks_in(session, make_person())
    assert (known.state, known.is_walk_in) == (Booking.State.CONFIRMED, True)
    with pytest.raises(AlreadyBooked):
        _walks_in(session, known.person)
    with pytest.raises(NoRoomForWalkIn):
        _walks_in(session, make_person())
    over = _walks_in(session, make_person(), is_over=True)
    session.refresh_from_db()
    assert (session.capacity, session.places_taken) == (3, 3)
    event = over.events.get(what="walked in")
    assert event.by == trainer_of(session)


def test_whoever_waited_keeps_their_booking_when_they_are_let_in() -> None:
    session = held_session(people=1, capacity=1)
    waiting = book(session, make_person(), now=session.starts_at - timedelta(days=9))
    assert waiting.state == Booking.State.WAITING
    let_in = _walks_in(session, waiting.person, is_over=True)
    session.refresh_from_db()
    assert (let_in.pk, session.waiting_count, session.places_taken) == (waiting.pk, 0, 2)


def test_a_trainer_lets_in_whom_they_name_by_the_whole_address() -> None:
    session = held_session(people=1)
    known = make_person("known@agency.example", first_name="Known")
    trainer = signed_in(trainer_of(session))
    address = reverse("register_walk_in", args=[session.pk])
    assert trainer.get(f"{address}?person={known.pk}").status_code == 404
    assert "Known" not in trainer.get(f"{address}?q=known").content.decode()
    assert trainer.post(address, {"email": "a\0b@agency.example"}).status_code == 422
    wrong = {"person": known.pk, "email": "\0"}
    assert trainer.post(address, wrong).status_code == 404
    found = trainer.post(address, {"email": " Known@agency.example"})
    assert "Known" in found.content.decode()
    told = {"person": known.pk, "email": "known@agency.example"}
    assert trainer.post(address, told).status_code == 302
    came = Booking.objects.get(person=known)
    assert came.is_walk_in
    assert came.marks.get().what == "attended"


def test_somebody_new_is_written_down_and_invited_when_the_register_is_closed() -> None:
    session = held_session(people=0)
    trainer = signed_in(trainer_of(session))
    address = reverse("register_walk_in", args=[session.pk])
    asked = trainer.post(address, {"email": "new@charity.example"})
    assert "Nobody has an account" in asked.content.decode()
    told = {"email": "new@charity.example", "first_name": "Nia", "last_name": "New"}
    assert trainer.post(address, {**told, "last_name": ""}).status_code == 422
    assert trainer.post(address, told).status_code == 200
    person = User.objects.get(email="new@charity.example")
    assert trainer.post(address, {"person": person.pk, "email": person.email}).status_code == 302
    assert not topics()
    close_as_it_is(session)
    assert topics() == {"attendance.walked_in"}


def test_a_coordinator_finds_by_a_few_letters() -> None:
    session = held_session(people=0)
    make_person(first_name="Zoë", last_name="Nguyễn")
    address = reverse("register_walk_in", args=[session.pk])
    page = signed_in(make_coordinator()).get(f"{address}?q=nguyen").content.decode()
    assert "Zoë Nguyễn" in page


def test_a_reason_is_not_accepted_though_nothing_is_charged(coordinator: Client) -> None:
    session = held_session(people=1)
    close_now(session)
    case = AbsenceCase.objects.get()
    address = reverse("manage_absence", args=[case.pk])
    assert ">Do not accept it, charge nothing</button>" in coordinator.get(address).text
    answer = coordinator.post(address, {"answer": "decline", "why": "Nobody rang."})
    assert answer.headers["Location"] == reverse("manage_absences")
    case.refresh_from_db()
    assert (case.state, case.decided_by is None) == (State.DECLINED, False)
    assert case.booking.charge_pence == 0
    kept.change(values={"repeated_absences": 1}, by=None)
    assert case.booking.person_id in repeated_absences([case.booking.person_id], now=timezone.now())
    told = "The reason for the absence was not accepted: nothing is charged."
    assert told in coordinator.get(address).text
    assert f"{told} Nobody rang." in BookingEvent.objects.get(what="absence settled").why
    letter = read(written(Message.objects.get(topic="absence.decided")))
    assert "Your reason for not coming" in part(letter, "text/plain")
    assert "is not accepted" in part(letter, "text/plain")
    settled = coordinator.get(reverse("manage_absences"), {"show": "settled"}).text
    assert "The reason was not accepted" in settled
