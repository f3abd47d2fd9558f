"""One decision: every rule that stands in the way, in order, and what it comes to."""

from dataclasses import replace
from datetime import timedelta

import pytest

from accounts.models import PractitionerGroup, Sector
from booking.places.lock import read_practitioners, read_session
from booking.places.refusals import AlreadyBooked, Clash, Effect, ManagerNeeded, SessionStarted
from booking.places.rules.decision import Verdict, decide
from booking.places.rules.rules import RULES, Asks, Case
from booking.places.rules.seating import read_seating
from tests.factories import NOW, make_agency, make_course, make_person, make_session
from tests.people import book
from tests.places.booked import set_limits

pytestmark = pytest.mark.django_db


def rules_against(case: Case) -> list[str]:
    """The names of the rules that a decision lists."""
    return [refused.rule for refused in decide(case).against]


def demanding_session() -> Case:
    """A full session, closed, of a course that asks for everything."""
    course = make_course(sectors=[Sector.POLICE], least_level=3, needs_manager_approval=True)
    course.prerequisites.add(make_course(title="Introduction"))
    course.groups.add(PractitionerGroup.objects.create(name="Leads"))
    closed = NOW - timedelta(hours=1)
    session = make_session(course=course, capacity=1, booking_closes_at=closed)
    set_limits(session, limit=2)
    read = read_session(session.pk)
    read.session.places_taken = 1
    return Case(session=read.session, course=read.rules, now=NOW)


def test_every_rule_in_the_way_is_listed_in_order_with_who_may_override_it() -> None:
    case, person = demanding_session(), make_person(agency=make_agency(sector=Sector.HEALTH))
    who = read_practitioners([person.pk], case.course)[person.pk]
    seating = read_seating(case.session, now=NOW)
    found = decide(replace(case, who=who, by=person, seating=seating))
    assert [(refused.rule, refused.may_be_overridden) for refused in found.against] == [
        ("booking closed", True),
        ("sector", True),
        ("level of work", True),
        ("group", True),
        ("prerequisites", True),
        ("manager's approval", True),
        ("capacity", True),
    ]
    assert found.outcome == Verdict.REFUSED
    assert found.reason is not None
    assert found.reason.sentence.startswith("Booking closed at")


def test_no_coordinator_overrides_a_clash_a_second_booking_or_a_session_that_has_begun() -> None:
    session, person = make_session(), make_person()
    mine, elsewhere = book(session, person), book(make_session(), make_person())
    case = Case(session=session, now=session.starts_at, mine=mine, elsewhere=elsewhere)
    found = decide(case).against
    assert [(type(each), each.may_be_overridden) for each in found] == [
        (SessionStarted, False),
        (AlreadyBooked, False),
        (Clash, False),
    ]
    assert found[-1].effect == Effect.NO_PLACE


def test_of_nobody_in_particular_the_rules_are_told_as_sentences() -> None:
    told = [refused.sentence for refused in decide(demanding_session()).against]
    assert told[1:] == [
        "This course is only for people who work in: Police.",
        "This course is only for people who can say at least this of their work:"
        " “I lead on safeguarding or take part in multi-agency work”.",
        "This course is only for members of Leads.",
        "Before this course you need to have done: Introduction.",
        "This course needs your line manager's agreement.",
        "One agency may have at most 2 places.",
    ]


def test_a_session_that_asks_nothing_has_no_rule_in_the_way() -> None:
    read, person = read_session(make_session().pk), make_person()
    who = read_practitioners([person.pk], read.rules)[person.pk]
    case = Case(session=read.session, course=read.rules, now=NOW, who=who, by=person)
    assert rules_against(case) == []
    assert len({rule.__name__ for rule in RULES}) == len(RULES)


def test_a_clash_is_told_before_a_manager_is_asked_for() -> None:
    course = make_course(needs_manager_approval=True)
    session, person = make_session(course=course), make_person(manager_email="")
    elsewhere = book(make_session(), make_person())
    read = read_session(session.pk)
    who = read_practitioners([person.pk], read.rules)[person.pk]
    case = Case(
        session=session,
        course=read.rules,
        now=NOW,
        asks=Asks.TAKING_OVER,
        who=who,
        by=person,
        elsewhere=elsewhere,
    )
    assert [type(each) for each in decide(case).against] == [Clash, ManagerNeeded]
