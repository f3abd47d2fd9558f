"""How early to book, exchanges, and which rule speaks first."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.models import PractitionerGroup, Sector, User
from booking.catalogue.models import ChargeBand, Session
from booking.learning.models import PriorLearning
from booking.outbox.models import Message
from booking.places import actions, terms
from booking.places.changing import answering, exchanges
from booking.places.lock import read_practitioners, read_session, sittings_of
from booking.places.models import Booking
from booking.places.refusals import Clash, MustWait, NotAColleague, SessionStarted
from booking.places.rules.decision import against_course
from booking.places.sweep import sweep
from booking.scheduling.capacity import Reservation
from tests.factories import (
    NOW,
    make_agency,
    make_coordinator,
    make_course,
    make_person,
    make_policy,
    make_session,
)
from tests.people import book, give_up
from tests.places.booked import State, What, from_agency, last, set_limits, state_of

pytestmark = pytest.mark.django_db


class TestNotice:
    """Inside the notice period a place is only offered; what was promised stays so."""

    def test_a_place_that_comes_free_inside_the_notice_is_only_offered(self) -> None:
        session = make_session(capacity=1, policy=make_policy(notice_days=5))
        holder, waiting = book(session), book(session)
        inside = datetime(2027, 1, 27, 10, tzinfo=UTC)
        give_up(holder, now=inside)
        assert state_of(waiting) == State.OFFERED

    def test_before_that_it_is_given(self) -> None:
        session = make_session(capacity=1, policy=make_policy(notice_days=5))
        holder, waiting = book(session), book(session)
        give_up(holder)
        assert state_of(waiting) == State.CONFIRMED

    def test_what_was_promised_is_not_changed_by_another_policy(self) -> None:
        session = make_session(policy=make_policy(notice_days=1))
        booking = book(session)
        Session.objects.update(policy=make_policy(notice_days=10))
        booking.refresh_from_db()
        assert booking.free_until == datetime(2027, 2, 1, 17, tzinfo=UTC)
        assert booking.notice_days == 1

    @pytest.mark.parametrize(
        ("hours", "agency", "late"),
        [
            (3, {}, 3500),
            (6, {}, 5000),
            (6, {"trainers_in_kind": True}, 0),
            (3, {"sector": Sector.VOLUNTARY, "annual_turnover_pence": 24_999_999}, 0),
            (3, {"sector": Sector.VOLUNTARY, "annual_turnover_pence": 25_000_000}, 3500),
            (3, {"sector": Sector.HEALTH, "annual_turnover_pence": 1}, 3500),
        ],
    )
    def test_late_cancelling_costs_what_the_policy_says(
        self, hours: int, agency: dict[str, Any], late: int
    ) -> None:
        policy = make_policy(notice_days=5, free_for_charities_under_pence=25_000_000)
        for over, pence in ((0, 3500), (4, 5000)):
            ChargeBand.objects.create(policy=policy, occasion="late", over_hours=over, pence=pence)
        starts = NOW + timedelta(days=21)
        session = make_session(sittings=[(starts, starts + timedelta(hours=hours))], policy=policy)
        in_time, too_late, by_us = (
            book(session, make_person(agency=make_agency(**agency))) for _ in range(3)
        )
        inside = starts - timedelta(days=1)
        give_up(in_time)
        give_up(too_late, now=inside)
        actions.cancel(booking=by_us, by=make_coordinator(), now=inside, waived="Our fault")
        charged = [Booking.objects.get(pk=each.pk) for each in (in_time, too_late, by_us)]
        assert [each.charge_pence for each in charged] == [0, late, 0]
        assert ("is charged" in last(too_late).why) == bool(late)
        assert terms.late_pence(charged[1], sittings_of(session)) == late


class TestExchanges:
    """Places that change hands or dates."""

    def test_a_colleague_takes_over_and_nobody_else_gets_the_place(self) -> None:
        session = make_session(capacity=1)
        one, other = from_agency(make_agency(), 2)
        given, waiting = book(session, one), book(session)
        taken = exchanges.substitute(booking=given, to=other, by=one, now=NOW)
        assert (state_of(given), state_of(taken)) == (State.CANCELLED, State.CONFIRMED)
        assert state_of(waiting) == State.WAITING
        cancel = Message.objects.get(booking=given, topic="booking.cancelled")
        request = Message.objects.get(booking=taken, topic="booking.confirmed")
        assert cancel.payload["event"]["method"] == "CANCEL"
        assert request.payload["event"]["method"] == "REQUEST"
        assert cancel.payload["event"]["uid"] != request.payload["event"]["uid"]

    def test_until_the_start_and_only_a_colleague(self) -> None:
        session = make_session()
        one, other = from_agency(make_agency(), 2)
        given = book(session, one)
        with pytest.raises(NotAColleague):
            exchanges.substitute(booking=given, to=make_person(), by=one, now=NOW)
        User.objects.filter(pk=other.pk).update(agency=make_agency())
        with pytest.raises(NotAColleague):
            exchanges.substitute(booking=given, to=other, by=one, now=NOW)
        User.objects.filter(pk=other.pk).update(agency=one.agency)
        with pytest.raises(SessionStarted):
            exchanges.substitute(booking=given, to=other, by=one, now=session.starts_at)
        assert state_of(given) == State.CONFIRMED

    def test_a_colleague_who_waits_leaves_the_list(self) -> None:
        session = make_session(capacity=1)
        one, other = from_agency(make_agency(), 2)
        given, waiting = book(session, one), book(session, other)
        exchanges.substitute(booking=given, to=other, by=one, now=NOW)
        session.refresh_from_db()
        assert state_of(waiting) == State.WITHDRAWN
        assert (session.places_taken, session.waiting_count) == (1, 0)

    def test_a_clash_stops_it(self) -> None:
        one, other = from_agency(make_agency(), 2)
        given = book(make_session(), one)
        book(make_session(), other)
        with pytest.raises(Clash):
            exchanges.substitute(booking=given, to=other, by=one, now=NOW)
        assert state_of(given) == State.CONFIRMED

    def test_another_date_is_had_or_nothing_changes(self) -> None:
        course = make_course()
        session = make_session(course=course, capacity=1)
        later = make_session(course=course, capacity=1, starts_at=NOW + timedelta(days=30))
        booking, waiting, blocker = book(session), book(session), book(later)
        with pytest.raises(MustWait):
            exchanges.transfer(booking=booking, to=later, by=booking.person, now=NOW)
        assert state_of(booking) == State.CONFIRMED
        give_up(blocker)
        moved = exchanges.transfer(booking=booking, to=later, by=booking.person, now=NOW)
        assert (state_of(booking), state_of(moved)) == (State.CANCELLED, State.CONFIRMED)
        assert state_of(waiting) == State.CONFIRMED

    def test_an_overlapping_date_of_the_same_course_is_no_clash_with_itself(self) -> None:
        course = make_course()
        booking = book(make_session(course=course))
        other = make_session(course=course, starts_at=NOW + timedelta(days=21, hours=1))
        moved = exchanges.transfer(booking=booking, to=other, by=booking.person, now=NOW)
        assert state_of(moved) == State.CONFIRMED


class TestOrder:
    """Who comes before whom."""

    def test_somebody_is_moved_up_and_everybody_passed_sees_the_reason(self) -> None:
        session = make_session(capacity=1)
        holder, first, second, third = (book(session) for _ in range(4))
        by = make_coordinator()
        exchanges.move_up(booking=third, position=1, why="A court date", by=by, now=NOW)
        assert (last(third).what, last(third).by) == (What.MOVED_UP, by)
        assert [(last(each).what, last(each).why) for each in (first, second)] == [
            (What.MOVED_BACK, "A court date")
        ] * 2
        give_up(holder)
        states = [state_of(each) for each in (third, first, second)]
        assert states == [State.CONFIRMED, State.WAITING, State.WAITING]

    def test_those_put_in_line_come_before_newcomers_and_must_accept(self) -> None:
        session = make_session(capacity=1)
        first, second = make_person(), make_person()
        until = NOW + timedelta(days=3)
        number = exchanges.invite(
            session=session,
            people=[first, second],
            until=until,
            why="You asked for new dates.",
            by=make_coordinator(),
            now=NOW,
        )
        assert number == 2
        newcomer = book(session)
        offered, waiting = (Booking.objects.get(person=person) for person in (first, second))
        states = [offered.state, waiting.state, newcomer.state]
        assert states == [State.OFFERED, State.WAITING, State.WAITING]
        assert offered.offered_until is not None
        assert offered.offered_until <= until
        assert Message.objects.get(booking=offered).payload["why"] == "You asked for new dates."
        answering.decline_offer(booking=offered, by=first, now=NOW)
        assert state_of(waiting) == State.OFFERED

    def test_a_first_turn_ends_with_its_time(self) -> None:
        session = make_session(capacity=1)
        until = NOW + timedelta(days=1)
        people = [make_person(), make_person()]
        exchanges.invite(
            session=session, people=people, until=until, why="Asked", by=people[0], now=NOW
        )
        newcomer = book(session)
        sweep(now=until)
        states = [Booking.objects.get(person=person).state for person in people]
        assert states == [State.LAPSED, State.LAPSED]
        assert state_of(newcomer) == State.CONFIRMED

    def test_nobody_is_offered_a_place_once_their_first_turn_is_over(self) -> None:
        session = make_session(capacity=1)
        holder, invited = book(session), make_person()
        until = NOW + timedelta(days=1)
        exchanges.invite(
            session=session, people=[invited], until=until, why="Asked", by=invited, now=NOW
        )
        newcomer = book(session)
        give_up(holder, now=until)
        turn = Booking.objects.get(person=invited)
        assert (turn.state, state_of(newcomer)) == (State.WAITING, State.CONFIRMED)
        sweep(now=until)
        assert state_of(turn) == State.LAPSED
        assert not Message.objects.filter(topic="booking.offered").exists()


def test_telling_many_people_why_they_are_turned_away_costs_no_statements() -> None:
    course, group = make_course(), PractitionerGroup.objects.create(name="Leads")
    first, second = make_course(title="Zoning"), make_course(title="Attachment")
    course.prerequisites.add(first, second)
    session = make_session(course=course)
    people = [make_person().pk for _ in range(3)]
    read = read_session(session.pk)
    course.groups.add(group)
    kept = read_session(session.pk)
    who = read_practitioners(people, kept.rules).values()
    with CaptureQueriesContext(connection) as asked:
        untaught = [against_course(person, read, now=NOW) for person in who]
        outside = [against_course(person, kept, now=NOW) for person in who]
    assert len(asked.captured_queries) == 0
    assert all(reason and "Attachment and Zoning" in reason.sentence for reason in untaught)
    assert all(reason and "members of Leads" in reason.sentence for reason in outside)


def test_a_booking_under_every_rule_costs_at_most_fifteen_statements() -> None:
    course = make_course(sectors=[Sector.POLICE], least_level=1, needs_manager_approval=True)
    before, group = make_course(), PractitionerGroup.objects.create(name="Leads")
    course.prerequisites.add(before)
    course.groups.add(group)
    agency = make_agency(sector=Sector.POLICE, domains=["police.example"])
    person = make_person(agency=agency, level=2, manager_email="boss@police.example")
    group.members.add(person)
    PriorLearning.objects.create(
        person=person, course=before, completed_on=NOW.date(), provider="College"
    )
    session = make_session(course=course, capacity=5, policy=make_policy(notice_days=5))
    set_limits(session, Reservation(places=2, sector=Sector.POLICE), limit=2)
    with CaptureQueriesContext(
        connection,
    ) as asked:
        booking = book(session, person)
    assert booking.state == State.REQUESTED
    statements = [each["sql"] for each in asked.captured_queries if "SAVEPOINT" not in each["sql"]]
    assert len(statements) <= 15, "\n".join(statements)
