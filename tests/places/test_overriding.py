"""A coordinator lets somebody past rules, one by one, each for a reason that is kept."""

from collections.abc import Callable
from functools import partial

import pytest

from accounts.models import Sector, User
from booking.catalogue.models import Session
from booking.places import actions
from booking.places.events import BookingEvent
from booking.places.models import Booking
from booking.places.refusals import (
    Clash,
    ManagerNeeded,
    NotForYou,
    NotYoursToOverride,
    SessionStarted,
)
from booking.scheduling.capacity import Reservation, change_capacity
from tests.factories import (
    NOW,
    make_agency,
    make_coordinator,
    make_course,
    make_person,
    make_session,
)
from tests.people import at_once, book, give_up
from tests.places import oracle
from tests.places.booked import refreshed, set_limits, state_of

State, What = Booking.State, BookingEvent.What


def booked_by_phone(
    session: Session, person: User | None = None, by: User | None = None, /, **reasons: str
) -> Booking:
    """A coordinator books for somebody past rules, named with a low line for a space."""
    return actions.book(
        session=session,
        person=person or make_person(),
        by=by or make_coordinator(),
        now=NOW,
        overriding={name.replace("_", " "): why for name, why in reasons.items()},
    )


def overridden(booking: Booking) -> list[tuple[str, str]]:
    """The rules it was let past, each with what the history says."""
    events = booking.events.filter(what=What.OVERRIDDEN)
    return [(event.rule, event.why) for event in events]


@pytest.mark.django_db
class TestOneByOne:
    """What can be passed, and what stays."""

    def test_over_capacity_there_is_one_place_more_and_who_waits_still_waits(self) -> None:
        session = make_session(capacity=1)
        _, waiting = book(session), book(session)
        caller = booked_by_phone(session, capacity="A court case")
        session.refresh_from_db()
        assert (session.capacity, session.places_taken, session.waiting_count) == (2, 2, 1)
        assert (caller.state, state_of(waiting)) == (State.CONFIRMED, State.WAITING)
        changed = session.events.get()
        assert (changed.what, changed.why) == ("Capacity changed from 1 to 2.", "A court case")
        said = [("capacity", "All places are taken. The reason given: A court case")]
        assert overridden(caller) == said
        assert refreshed(caller).overridden == []

    def test_a_free_place_of_who_waits_stays_theirs(self) -> None:
        session = make_session(capacity=1)
        _, waiting = book(session), book(session)
        Session.objects.filter(pk=session.pk).update(capacity=2)
        caller = booked_by_phone(session, capacity="Told to", waiting_list="A court case")
        session.refresh_from_db()
        assert (caller.state, state_of(waiting)) == (State.CONFIRMED, State.CONFIRMED)
        assert (session.capacity, session.places_taken) == (3, 3)
        assert [rule for rule, _ in overridden(caller)] == ["waiting list"]

    def test_a_reserved_place_stays_reserved(self) -> None:
        session = make_session(capacity=1)
        set_limits(session, Reservation(places=1, agency=make_agency()))
        caller = booked_by_phone(session, reserved_places="The agency agrees")
        session.refresh_from_db()
        assert (caller.state, session.capacity) == (State.CONFIRMED, 2)
        oracle.check_limits(session, now=NOW)

    def test_nothing_is_raised_for_somebody_who_must_wait_for_another_rule(self) -> None:
        session, agency = make_session(capacity=1), make_agency()
        set_limits(session, limit=1)
        book(session, make_person(agency=agency))
        caller = booked_by_phone(session, make_person(agency=agency), capacity="A court case")
        session.refresh_from_db()
        assert (caller.state, session.capacity) == (State.WAITING, 1)
        assert overridden(caller) == []

    def test_each_rule_of_the_course_needs_a_word_of_its_own(self) -> None:
        course = make_course(sectors=[Sector.POLICE], least_level=3, needs_manager_approval=True)
        session = make_session(course=course, booking_closes_at=NOW)
        person = make_person(agency=make_agency(sector=Sector.HEALTH), manager_email="")
        past = {"booking_closed": "A", "sector": "B", "level_of_work": "C"}
        with pytest.raises(NotForYou):
            booked_by_phone(session, person, booking_closed="A", level_of_work="C")
        caller = booked_by_phone(session, person, **past, **{"manager's_approval": "D"})
        assert caller.state == State.CONFIRMED
        assert [(rule, why[-1]) for rule, why in overridden(caller)] == [
            ("booking closed", "A"),
            ("sector", "B"),
            ("level of work", "C"),
            ("manager's approval", "D"),
        ]
        assert not hasattr(refreshed(caller), "approval")

    def test_who_is_let_past_a_rule_and_waits_is_let_past_it_when_a_place_comes_free(self) -> None:
        session = make_session(course=make_course(sectors=[Sector.POLICE]), capacity=1)
        holder = book(session, make_person(agency=make_agency(sector=Sector.POLICE)))
        other = make_person(agency=make_agency(sector=Sector.HEALTH))
        caller = booked_by_phone(session, other, sector="They work together")
        assert (caller.state, refreshed(caller).overridden) == (State.WAITING, ["sector"])
        give_up(holder)
        assert state_of(caller) == State.CONFIRMED

    def test_what_the_database_promises_a_clash_and_the_start_cannot_be_passed(self) -> None:
        session, person = make_session(), make_person()
        book(make_session(), person)
        with pytest.raises(Clash):
            booked_by_phone(session, person, clash="They want to")
        begun = make_session(starts_at=NOW)
        with pytest.raises(SessionStarted):
            booked_by_phone(begun, booking_closed="They are late")

    def test_nobody_but_a_coordinator_passes_anything(self) -> None:
        with pytest.raises(NotYoursToOverride):
            booked_by_phone(make_session(), None, make_person(), capacity="I want to")
        coordinator = make_coordinator()
        with pytest.raises(NotYoursToOverride):
            booked_by_phone(make_session(), coordinator, coordinator, capacity="I want to")

    def test_a_coordinator_does_not_stand_in_for_a_manager_without_saying_so(self) -> None:
        session = make_session(course=make_course(needs_manager_approval=True))
        person = make_person(manager_email="")
        with pytest.raises(ManagerNeeded):
            booked_by_phone(session, person)


@pytest.mark.django_db(transaction=True)
def test_over_capacity_among_others_nobody_is_lost_and_nobody_comes_in_between() -> None:
    session, coordinator = make_session(capacity=4), make_coordinator()
    holders = [book(session) for _ in range(4)]
    waiting = [book(session) for _ in range(4)]
    callers = [make_person() for _ in range(4)]
    acts: list[Callable[[], object]] = [
        *(
            partial(booked_by_phone, session, who, coordinator, capacity="A", waiting_list="B")
            for who in callers
        ),
        *(partial(give_up, booking) for booking in holders[:2]),
        partial(give_up, waiting[0]),
        *(partial(book, session, make_person()) for _ in range(2)),
        partial(change_capacity, session=session, capacity=9, by=coordinator, now=NOW),
    ]
    found = at_once(*acts)
    assert set(found) <= {"done", "CapacityTooLow"}
    session = next(each for each in oracle.read_all() if each.pk == session.pk)
    oracle.check_counts(session)
    oracle.check_nobody_waits_in_vain(session, [session], now=NOW)
    mine = Booking.objects.filter(person__in=callers)
    assert [booking.state for booking in mine] == [State.CONFIRMED] * 4
    # In turn: nobody who waits further back has a place before those who came first.
    later = [state_of(booking) for booking in waiting[1:]]
    assert later == sorted(later, key=lambda state: state == State.WAITING)
