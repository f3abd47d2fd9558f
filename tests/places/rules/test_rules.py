"""The rules of a place: whom they hold, what they say, and when they let go."""

from datetime import UTC, datetime, timedelta

import pytest

from accounts.models import PractitionerGroup, Sector
from booking.catalogue.models import SessionEvent
from booking.learning.models import PriorLearning
from booking.outbox.models import Message
from booking.places.refusals import (
    CapacityTooLow,
    LimitTooLow,
    NotForYou,
    PrerequisiteMissing,
    ReservedPlaces,
)
from booking.places.sweep import sweep
from booking.scheduling import capacity
from booking.scheduling.capacity import Reservation
from tests.factories import (
    NOW,
    make_agency,
    make_coordinator,
    make_course,
    make_person,
    make_session,
)
from tests.people import book, give_up
from tests.places.booked import State, What, from_agency, last, set_limits, state_of

pytestmark = pytest.mark.django_db


class TestAgencyLimit:
    """A most places for one agency."""

    def test_one_too_many_waits_and_is_told_why(self) -> None:
        session = make_session(capacity=10, agency_limit=2)
        first, second, third = (
            book(session, person) for person in from_agency(make_agency("Police"), 3)
        )
        assert [each.state for each in (first, second, third)] == [
            State.CONFIRMED,
            State.CONFIRMED,
            State.WAITING,
        ]
        assert last(third).rule == "agency limit"
        assert "Your agency has its 2 places" in last(third).why
        told = Message.objects.get(booking=third, topic="booking.waiting")
        assert "Your agency has its 2 places" in told.payload["why"]

    def test_a_place_that_a_colleague_gives_up_goes_to_the_one_who_was_held(self) -> None:
        session = make_session(capacity=10, agency_limit=1)
        first, second = (book(session, person) for person in from_agency(make_agency(), 2))
        give_up(first)
        assert state_of(second) == State.CONFIRMED

    def test_somebody_further_back_passes_and_the_one_who_is_held_sees_why(self) -> None:
        session = make_session(capacity=2, agency_limit=1)
        agency = make_agency()
        book(session, make_person(agency=agency))
        other = book(session)
        held = book(session, make_person(agency=agency))
        free = book(session)
        give_up(other)
        assert (state_of(held), state_of(free)) == (State.WAITING, State.CONFIRMED)
        assert (last(held).what, last(held).rule) == (What.PASSED_OVER, "agency limit")

    def test_lowering_it_below_what_an_agency_has_is_refused_with_the_numbers(self) -> None:
        session = make_session(capacity=10)
        for person in from_agency(make_agency("Leeds Rhinos"), 3):
            book(session, person)
        with pytest.raises(LimitTooLow) as refused:
            set_limits(session, limit=2)
        assert "Leeds Rhinos has 3 places already" in refused.value.sentence
        session.refresh_from_db()
        assert session.agency_limit is None

    def test_raising_it_lets_those_who_were_held_in(self) -> None:
        session = make_session(capacity=10, agency_limit=1)
        _, held = (book(session, person) for person in from_agency(make_agency(), 2))
        assert set_limits(session, limit=2) == 1
        assert state_of(held) == State.CONFIRMED
        assert SessionEvent.objects.get(session=session).what.startswith("At most 2 places")


class TestReservedPlaces:
    """Places kept for a sector or an agency, until a day."""

    def test_others_wait_for_them_and_are_told_for_whom_and_until_when(self) -> None:
        session = make_session(capacity=2)
        set_limits(session, Reservation(places=1, sector=Sector.POLICE))
        nurse, midwife = from_agency(make_agency(sector=Sector.HEALTH), 2)
        assert book(session, nurse).state == State.CONFIRMED
        waiting = book(session, midwife)
        assert waiting.state == State.WAITING
        assert last(waiting).rule == "reserved places"
        assert "reserved for Police until 5pm on Tuesday 26 January 2027" in last(waiting).why
        officer = make_person(agency=make_agency(sector=Sector.POLICE))
        assert book(session, officer).state == State.CONFIRMED

    def test_they_are_released_to_all(self) -> None:
        session = make_session(capacity=1)
        set_limits(session, Reservation(places=1, sector=Sector.POLICE))
        waiting = book(session, make_person(agency=make_agency(sector=Sector.HEALTH)))
        release = datetime(2027, 1, 26, 17, tzinfo=UTC)
        assert sweep(now=release - timedelta(seconds=1)) == 0
        assert sweep(now=release) == 1
        assert state_of(waiting) == State.CONFIRMED

    def test_an_agency_within_a_reserved_sector_uses_its_own_places_first(self) -> None:
        session = make_session(capacity=3)
        agency, other = (make_agency(sector=Sector.HEALTH) for _ in range(2))
        set_limits(
            session,
            Reservation(places=1, agency=agency),
            Reservation(places=1, sector=Sector.HEALTH),
        )
        assert book(session, make_person(agency=agency)).state == State.CONFIRMED
        assert book(session).state == State.CONFIRMED
        assert book(session).state == State.WAITING
        assert book(session, make_person(agency=other)).state == State.CONFIRMED

    def test_more_than_is_free_cannot_be_reserved(self) -> None:
        session = make_session(capacity=2)
        book(session)
        with pytest.raises(ReservedPlaces) as refused:
            set_limits(session, Reservation(places=2, sector=Sector.PROBATION))
        assert "1 place of 2 would be taken and 2 reserved" in refused.value.sentence
        assert not session.allocations.exists()

    def test_capacity_cannot_go_below_what_is_taken_and_reserved(self) -> None:
        session = make_session(capacity=3)
        set_limits(session, Reservation(places=2, sector=Sector.PROBATION))
        with pytest.raises(CapacityTooLow):
            capacity.change_capacity(session=session, capacity=1, by=make_coordinator(), now=NOW)


class TestAudience:
    """Whom a course is for, and what it builds on."""

    def test_other_sectors_are_refused_by_name(self) -> None:
        session = make_session(course=make_course(sectors=[Sector.POLICE, Sector.HEALTH]))
        with pytest.raises(NotForYou, match="who work in: Police and Health"):
            book(session, make_person(agency=make_agency(sector=Sector.EDUCATION)))

    def test_a_level_that_is_lower_or_not_known_is_refused(self) -> None:
        session = make_session(course=make_course(least_level=2))
        for level in (None, 1):
            with pytest.raises(NotForYou, match="“I work with children or families regularly”"):
                book(session, make_person(level=level))
        assert book(session, make_person(level=3)).state == State.CONFIRMED

    def test_members_of_the_group_may_book(self) -> None:
        course = make_course()
        group = PractitionerGroup.objects.create(name="Designated leads")
        course.groups.add(group)
        member = make_person()
        group.members.add(member)
        with pytest.raises(NotForYou, match="members of Designated leads"):
            book(make_session(course=course))
        assert book(make_session(course=course), member).state == State.CONFIRMED

    def test_what_must_be_done_first_is_named(self) -> None:
        course, first = make_course(), make_course(title="Introduction")
        course.prerequisites.add(first)
        with pytest.raises(PrerequisiteMissing, match="Introduction") as refused:
            book(make_session(course=course))
        assert refused.value.missing == {first.pk}

    def test_a_course_done_here_counts_and_one_declared_until_it_is_rejected(self) -> None:
        course, first = make_course(), make_course()
        course.prerequisites.add(first)
        here, elsewhere = make_person(), make_person()
        book(make_session(course=first, starts_at=NOW + timedelta(days=1)), here)
        later = NOW + timedelta(days=2)
        declared = PriorLearning.objects.create(
            person=elsewhere, course=first, completed_on=NOW.date(), provider="College"
        )
        session = make_session(course=course)
        assert book(session, here, now=later).state == State.CONFIRMED
        assert book(session, elsewhere, now=later).state == State.CONFIRMED
        declared.state = PriorLearning.State.REJECTED
        declared.save()
        with pytest.raises(PrerequisiteMissing):
            book(make_session(course=course), elsewhere, now=later)

    def test_somebody_who_waits_is_looked_at_again(self) -> None:
        session = make_session(course=make_course(sectors=[Sector.POLICE]), capacity=1)
        police = make_agency(sector=Sector.POLICE)
        holder, leaver, other = (book(session, person) for person in from_agency(police, 3))
        leaver.person.agency = make_agency(sector=Sector.HEALTH)
        leaver.person.save()
        give_up(holder)
        assert (state_of(leaver), state_of(other)) == (State.WAITING, State.CONFIRMED)
        assert last(leaver).rule == "sector"
