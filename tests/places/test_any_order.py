"""Whatever people, managers and coordinators do, in whatever order, as time goes by: it holds.

Hypothesis makes up the sequences: a hundred in `make test`, two thousand in `make test-deep`.
`EXAMPLES` asks for another number, `SHRINK` for the shortest sequence that fails.
"""

import os
from contextlib import suppress
from datetime import datetime, timedelta

import pytest
from django.db import transaction
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import initialize, rule, run_state_machine_as_test

from accounts.models import Sector, User
from booking.catalogue.models import Session
from booking.learning.models import PriorLearning
from booking.places import actions
from booking.places.changing import answering, exchanges
from booking.places.managers import asking
from booking.places.managers.models import Approval
from booking.places.models import Booking
from booking.places.refusals import PlaceRefused
from booking.places.sweep import sweep
from booking.scheduling import cancelling, changing
from booking.scheduling.capacity import Reservation, change_capacity, change_limits
from booking.scheduling.changing import Arrangements, PlannedSitting
from tests.factories import (
    NOW,
    make_agency,
    make_coordinator,
    make_course,
    make_person,
    make_policy,
    make_session,
)
from tests.places import oracle
from tests.places.booked import employ, settle
from tests.places.by_phone import ByPhone, numbers, which_date, whose

EXAMPLES = int(os.environ.get("EXAMPLES", 2000 if "DEEP" in os.environ else 25))
STEPS = 25
SHRINKS = "SHRINK" in os.environ
FIRST_DAY = NOW + timedelta(days=14)

# The third is not at a domain of the agency.
_MANAGERS = ("police", "nhs", "else")


class Places(ByPhone):
    """Nine people of three agencies and four sessions, two of which are at the same time."""

    def __init__(self) -> None:
        super().__init__()
        self.undo = transaction.atomic()
        self.undo.__enter__()
        self.now: datetime = NOW

    @initialize(
        approval=st.booleans(),
        builds_on=st.booleans(),
        by_offer=st.booleans(),
        capacity=st.integers(1, 3),
        notice=st.sampled_from([0, 5]),
    )
    def begin(
        self, approval: bool, builds_on: bool, by_offer: bool, capacity: int, notice: int
    ) -> None:
        """A programme with or without each of the rules."""
        self.coordinator = make_coordinator()
        self.agencies = [
            make_agency(sector=Sector.POLICE, domains=["police.example"]),
            make_agency(sector=Sector.HEALTH, domains=["nhs.example"]),
            make_agency(sector=Sector.HEALTH, domains=["ambulance.example"]),
        ]
        self.people = [
            make_person(
                agency=self.agencies[number % 3],
                manager_email=f"boss@{_MANAGERS[number % 3]}.example" if number != 8 else "",
            )
            for number in range(9)
        ]
        first = make_course()
        course = make_course(needs_manager_approval=approval)
        if builds_on:
            course.prerequisites.add(first)
        promotion = Session.Promotion.OFFER if by_offer else Session.Promotion.AUTOMATIC
        policy = make_policy(notice_days=notice)
        lasting, week = timedelta(hours=3), timedelta(days=7)
        self.sessions = [
            make_session(
                course=course, capacity=capacity, starts_at=FIRST_DAY, promotion=promotion
            ),
            make_session(course=course, capacity=2, starts_at=FIRST_DAY + week, policy=policy),
            make_session(course=make_course(), capacity=1, starts_at=FIRST_DAY, policy=policy),
            make_session(
                course=make_course(sectors=[Sector.HEALTH]),
                capacity=2,
                policy=policy,
                sittings=[
                    (FIRST_DAY + week, FIRST_DAY + week + lasting),
                    (FIRST_DAY + 2 * week, FIRST_DAY + 2 * week + lasting),
                ],
            ),
        ]
        for person in self.people[:6]:
            self.learn(person)
        self.prepare()

    def learn(self, person: User) -> None:
        """They say that they did elsewhere whatever the first course builds on."""
        for session in self.sessions:
            for course in session.course.prerequisites.all():
                learnt = PriorLearning.objects.filter(person=person, course=course)
                if not learnt.exclude(state="rejected"):
                    PriorLearning.objects.create(
                        person=person, course=course, completed_on=NOW.date(), provider="College"
                    )

    def chosen(self, number: int, **which: object) -> Booking | None:
        """One of the bookings that are so, if there are any."""
        found = list(Booking.objects.filter(**which).order_by("pk"))
        return found[number % len(found)] if found else None

    # ------------------------------------------------------------ what people do

    @rule(
        first=whose,
        number=st.integers(1, 4),
        date=which_date,
        manager=st.sampled_from(["", "", "own", "far"]),
    )
    def book(self, first: int, number: int, date: int, manager: str) -> None:
        """Some people book, perhaps naming themselves or somebody far away as their manager."""
        for who in self.people[first : first + number]:
            named = {"own": who.email, "far": "boss@far.example"}.get(manager, "")
            with suppress(PlaceRefused):
                actions.book(
                    session=self.sessions[date],
                    person=who,
                    by=who,
                    now=self.now,
                    manager_email=named,
                )
        self.check(self.sessions[date])

    @rule(date=which_date)
    def everybody_books(self, date: int) -> None:
        """A popular session."""
        for who in self.people:
            with suppress(PlaceRefused):
                actions.book(session=self.sessions[date], person=who, by=who, now=self.now)
        self.check(self.sessions[date])

    @rule(number=numbers, by_coordinator=st.booleans())
    def cancel(self, number: int, by_coordinator: bool) -> None:
        """Somebody gives up whatever they have."""
        booking = self.chosen(number, state__in=oracle.LIVE)
        if booking:
            by = self.coordinator if by_coordinator else booking.person
            with suppress(PlaceRefused):
                actions.cancel(booking=booking, by=by, now=self.now)
            self.check(booking.session)

    @rule(number=numbers, accepts=st.booleans())
    def answer_offer(self, number: int, accepts: bool) -> None:
        """Somebody answers an offer, perhaps too late."""
        booking = self.chosen(number, state="offered")
        if booking:
            answer = answering.accept_offer if accepts else answering.decline_offer
            with suppress(PlaceRefused):
                answer(booking=booking, by=booking.person, now=self.now)
            self.check(booking.session)

    @rule(number=numbers, agrees=st.booleans())
    def answer_request(self, number: int, agrees: bool) -> None:
        """A manager answers, perhaps twice."""
        asked = list(Approval.objects.order_by("pk"))
        if asked:
            approval = asked[number % len(asked)]
            with suppress(PlaceRefused):
                if agrees:
                    answering.approve(approval=approval, now=self.now)
                else:
                    answering.refuse_approval(approval=approval, now=self.now, reason="Too busy")
            self.check(approval.booking.session)

    @rule(number=numbers, person=whose)
    def substitute(self, number: int, person: int) -> None:
        """A colleague, or a stranger, is to take over a place."""
        booking = self.chosen(number, state__in=["confirmed", "waiting"])
        if booking:
            to = self.people[person]
            with suppress(PlaceRefused):
                exchanges.substitute(booking=booking, to=to, by=booking.person, now=self.now)
            self.check(booking.session)

    @rule(number=numbers, date=which_date)
    def transfer(self, number: int, date: int) -> None:
        """Somebody moves to another date; if that fails they still have what they had."""
        booking = self.chosen(number, state="confirmed")
        if booking:
            try:
                exchanges.transfer(
                    booking=booking, to=self.sessions[date], by=booking.person, now=self.now
                )
            except PlaceRefused:
                booking.refresh_from_db()
                assert booking.state == "confirmed"
            self.check(booking.session, self.sessions[date])

    @rule(person=whose, agency=st.integers(0, 3), proved=st.booleans(), knows=st.booleans())
    def change_person(self, person: int, agency: int, proved: bool, knows: bool) -> None:
        """Somebody changes employer, or declares what they have done, or it is rejected."""
        who = self.people[person]
        employ(who, [*self.agencies, None][agency], since=self.now if proved else None)
        if knows:
            self.learn(who)
        else:
            PriorLearning.objects.filter(person=who).update(state="rejected")
        self.check()

    @rule(person=whose, theirs=st.booleans())
    def settle_claim(self, person: int, theirs: bool) -> None:
        """It is confirmed whom somebody works for, or they do not work there."""
        who = User.objects.get(pk=self.people[person].pk)
        if who.agency and not who.agency_is_confirmed:
            settle(who, who.agency, self.coordinator if theirs else None, now=self.now)
            self.people[person].refresh_from_db()
            self.check()

    # ------------------------------------------------------------ what coordinators do

    @rule(date=which_date, capacity=st.integers(1, 4))
    def change_capacity(self, date: int, capacity: int) -> None:
        """More places or fewer."""
        session = self.sessions[date]
        with suppress(PlaceRefused):
            change_capacity(session=session, capacity=capacity, by=self.coordinator, now=self.now)
        self.check(session)

    @rule(
        date=which_date,
        limit=st.sampled_from([None, 1, 2]),
        agency=st.integers(0, 2),
        for_agency=st.integers(0, 2),
        for_health=st.integers(0, 2),
        days=st.sampled_from([1, 5]),
    )
    def change_limits(
        self,
        date: int,
        limit: int | None,
        agency: int,
        for_agency: int,
        for_health: int,
        days: int,
    ) -> None:
        """A share for each agency; places for one agency and for a sector."""
        wanted = []
        if for_agency:
            wanted.append(
                Reservation(places=for_agency, agency=self.agencies[agency], release_days=days)
            )
        if for_health:
            wanted.append(Reservation(places=for_health, sector=Sector.HEALTH, release_days=5))
        with suppress(PlaceRefused):
            change_limits(
                session=self.sessions[date],
                agency_limit=limit,
                reservations=wanted,
                by=self.coordinator,
                now=self.now,
            )
        self.check(self.sessions[date])

    @rule(number=numbers, position=st.integers(1, 4))
    def move_up(self, number: int, position: int) -> None:
        """Somebody is moved up a waiting list."""
        booking = self.chosen(number, state="waiting")
        if booking:
            with suppress(PlaceRefused):
                exchanges.move_up(
                    booking=booking,
                    position=position,
                    why="A court case",
                    by=self.coordinator,
                    now=self.now,
                )
            self.check(booking.session)

    @rule(date=which_date, first=whose, length=st.integers(1, 4), hours=st.sampled_from([1, 80]))
    def invite(self, date: int, first: int, length: int, hours: int) -> None:
        """Some people are put in line before others."""
        with suppress(PlaceRefused):
            exchanges.invite(
                session=self.sessions[date],
                people=self.people[first : first + length],
                until=self.now + timedelta(hours=hours),
                why="You asked for new dates.",
                by=self.coordinator,
                now=self.now,
            )
        self.check(self.sessions[date])

    @rule(date=which_date, days=st.sampled_from([-12, -2, 1, 7]))
    def rearrange(self, date: int, days: int) -> None:
        """A session is moved, perhaps onto another one that people are booked on."""
        session = Session.objects.get(pk=self.sessions[date].pk)
        moved = tuple(
            PlannedSitting(
                each.starts_at + timedelta(days=days), each.ends_at + timedelta(days=days), each.pk
            )
            for each in session.sittings.all()
        )
        with suppress(PlaceRefused):
            changing.rearrange(
                session=session,
                arrangements=Arrangements(
                    sittings=moved,
                    delivery=session.delivery,
                    venue=session.venue,
                    meeting=session.meeting.opened(),
                ),
                by=self.coordinator,
                now=self.now,
            )
            self.was_moved = True
        self.check(session)

    @rule(date=which_date, surely=st.integers(0, 5))
    def cancel_session(self, date: int, surely: int) -> None:
        """A session is called off, now and then."""
        if not surely:
            with suppress(PlaceRefused):
                cancelling.cancel_session(
                    session=self.sessions[date],
                    by=self.coordinator,
                    now=self.now,
                    why="The trainer is unwell.",
                )
            self.check(self.sessions[date])

    @rule(number=numbers)
    def confirm_address(self, number: int) -> None:
        """A coordinator confirms where a manager is to be asked."""
        open_ones = list(Approval.objects.filter(state="unconfirmed").order_by("pk"))
        if open_ones:
            approval = open_ones[number % len(open_ones)]
            with suppress(PlaceRefused):
                asking.confirm_address(approval=approval, by=self.coordinator, now=self.now)
            self.check(approval.booking.session)

    @rule(hours=st.sampled_from([1, 5, 24, 24, 72, 200]))
    def time_passes(self, hours: int) -> None:
        """Offers, requests and reservations run out, sessions begin."""
        self.now += timedelta(hours=hours)
        asking.remind(now=self.now)
        self.check()

    # ------------------------------------------------------------ what must hold

    was_moved = False

    def check(self, *touched: Session) -> None:
        """At once on the sessions touched; everywhere once the worker has made its round."""
        keys = {session.pk for session in touched}
        for session in oracle.read_all() if keys else ():
            if session.pk in keys:
                oracle.check_counts(session)
                oracle.check_limits(session, now=self.now)
        sweep(now=self.now)
        everything = oracle.read_all()
        oracle.check_everything(everything, now=self.now)
        # A session that was moved may have come to lie at the time of another one.
        if not self.was_moved:
            oracle.check_nobody_is_twice_at_once(everything)

    def teardown(self) -> None:
        """Leave the database as it was."""
        transaction.set_rollback(True)
        self.undo.__exit__(None, None, None)


@pytest.mark.deep
@pytest.mark.django_db
def test_it_holds_in_any_order() -> None:
    run_state_machine_as_test(
        Places,
        settings=settings(
            max_examples=EXAMPLES,
            stateful_step_count=STEPS,
            suppress_health_check=list(HealthCheck),
            derandomize=EXAMPLES <= 100,
            phases=[phase for phase in Phase if SHRINKS or phase is not Phase.shrink],
        ),
    )
