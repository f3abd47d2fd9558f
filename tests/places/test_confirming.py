"""Who only says that they work for an agency gets nothing of it until it is confirmed."""

from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from accounts.agencies import ClaimSettled
from accounts.models import Agency, Sector, User
from booking.outbox.models import Message
from booking.places.changing import answering, confirming, exchanges
from booking.places.events import BookingEvent
from booking.places.holding import confirmed_by
from booking.places.models import Booking
from booking.places.refusals import AgencyToConfirm, NotConfirmed, NotForYou, TooManyHandedOver
from booking.places.sweep import sweep
from booking.places.terms import terms_of, terms_offered
from booking.scheduling.capacity import Reservation
from tests.factories import (
    NOW,
    make_claimant,
    make_coordinator,
    make_course,
    make_lead,
    make_person,
    make_policy,
    make_session,
)
from tests.factories import make_agency as agency_of
from tests.people import book, give_up, signed_in
from tests.places.booked import last, set_limits, state_of

pytestmark = pytest.mark.django_db

State, What = Booking.State, BookingEvent.What


@pytest.fixture
def police() -> Agency:
    return agency_of("West Yorkshire Police", domains=["police.example"], trainers_in_kind=True)


def confirm(person: User) -> None:
    """A lead of their agency says that they work there."""
    assert person.agency is not None
    lead = make_lead(agency=person.agency)
    confirming.confirm_agency(person=person, agency=person.agency, by=lead, now=NOW)


def topics(booking: Booking) -> list[str]:
    """The topics of the mails about a booking, in order."""
    return list(
        Message.objects.filter(booking=booking).order_by("id").values_list("topic", flat=True)
    )


def test_a_session_that_asks_for_no_agency_is_open_at_the_standard_price(police: Agency) -> None:
    policy = make_policy(notice_days=30, late=3500, free_for_trainers_in_kind=True)
    session = make_session(policy=policy)
    person = make_claimant("private@mail.example", agency=police)
    offered = terms_offered(session, person)
    assert (offered.spared, offered.late_pence) == (False, 3500)
    assert offered.sentence(now=NOW).endswith("As soon as your agency is confirmed: no charge.")
    booking = book(session, person)
    assert (booking.state, booking.agency_id) == (State.CONFIRMED, None)
    confirm(person)
    booking.refresh_from_db()
    assert booking.agency == police
    assert terms_of(booking).spared
    assert last(booking).what == What.AGENCY_CONFIRMED


def test_on_the_pages_whoever_says_so_pays_and_waits_until_it_is_confirmed(police: Agency) -> None:
    ahead = timezone.now() + timedelta(days=20)
    policy = make_policy(notice_days=30, late=3500, free_for_trainers_in_kind=True)
    priced = make_session(policy=policy, starts_at=ahead)
    course = make_course(sectors=[police.sector])
    of_sector = make_session(course=course, starts_at=ahead + timedelta(days=1))
    person = make_person("private@mail.example", agency=None)
    browser = signed_in(person)
    typed = {"first_name": "Ann", "last_name": "Test", "job_title": "Nurse"}
    browser.post(reverse("account_profile"), typed | {"agency_name": "West Yorkshire Police"})
    person.refresh_from_db()
    assert (person.agency, person.proved_agency) == (police, None)
    page = browser.get(reverse("book", args=[priced.pk])).text
    assert "£35 for late cancellation" in page
    for session in (priced, of_sector):
        assert browser.post(reverse("book", args=[session.pk])).status_code == 302
    paid, held = Booking.objects.for_person(person).order_by("session__starts_at")
    assert [(each.state, each.agency) for each in (paid, held)] == [
        (State.CONFIRMED, None),
        (State.REQUESTED, None),
    ]
    signed_in(make_coordinator()).post(reverse("manage_agency_confirm", args=[person.pk]))
    assert [state_of(each) for each in (paid, held)] == [State.CONFIRMED, State.CONFIRMED]
    assert "No charge for your agency" in browser.get(paid.get_absolute_url()).text


def test_a_cancellation_before_that_costs_what_it_costs_everybody(police: Agency) -> None:
    policy = make_policy(notice_days=30, late=3500, free_for_trainers_in_kind=True)
    booking = book(make_session(policy=policy), make_claimant(agency=police))
    give_up(booking)
    booking.refresh_from_db()
    assert booking.charge_pence == 3500


def test_a_reserved_place_goes_to_nobody_unconfirmed_until_they_are_confirmed(
    police: Agency,
) -> None:
    session = make_session(capacity=1)
    set_limits(session, Reservation(places=1, agency=police))
    person = make_claimant(agency=police)
    booking = book(session, person)
    assert (booking.state, last(booking).rule) == (State.WAITING, "reserved places")
    confirm(person)
    assert state_of(booking) == State.CONFIRMED


@pytest.mark.parametrize("limits", ["agency", "sector"])
def test_where_a_session_limits_agencies_the_place_is_held_until_one_is_confirmed(
    police: Agency, limits: str
) -> None:
    course = make_course(sectors=[Sector.POLICE] if limits == "sector" else [])
    session = make_session(
        course=course, capacity=1, agency_limit=1 if limits == "agency" else None
    )
    person = make_claimant(agency=police)
    booking = book(session, person)
    assert (booking.state, booking.agency_id) == (State.REQUESTED, None)
    assert booking.agency_until == confirmed_by(session, now=NOW) > NOW
    assert book(session, make_person(agency=police)).state == State.WAITING, "it holds a place"
    confirm(person)
    booking.refresh_from_db()
    settled = Booking.objects.get(pk=booking.pk)
    assert (settled.state, settled.agency, settled.agency_until) == (State.CONFIRMED, police, None)
    assert topics(booking) == ["booking.requested", "booking.promoted"]
    told = Message.objects.get(topic="agency.confirmed")
    assert told.to_email == person.email


def test_without_a_word_in_time_the_place_goes_to_the_next_and_the_person_is_told(
    police: Agency,
) -> None:
    session = make_session(capacity=1, agency_limit=5)
    booking = book(session, make_claimant(agency=police))
    waiting = book(session, make_person(agency=police))
    assert booking.agency_until is not None
    assert sweep(now=booking.agency_until - timedelta(seconds=1)) == 0
    assert sweep(now=booking.agency_until) == 1
    assert (state_of(booking), state_of(waiting)) == (State.LAPSED, State.CONFIRMED)
    assert topics(booking) == ["booking.requested", "booking.agency_not_confirmed"]


def test_a_confirmed_agency_that_has_its_places_waits_as_everybody_of_it(police: Agency) -> None:
    session = make_session(capacity=5, agency_limit=1)
    person = make_claimant(agency=police)
    held = book(session, person)
    book(session, make_person(agency=police))
    confirm(person)
    assert state_of(held) == State.WAITING
    assert last(held).rule == "agency limit"
    session.refresh_from_db()
    assert (session.places_taken, session.waiting_count) == (1, 1)


def test_an_agency_of_another_sector_is_refused_and_an_unknown_one_waits() -> None:
    session = make_session(course=make_course(sectors=[Sector.POLICE]))
    with pytest.raises(NotForYou):
        book(session, make_claimant(agency=agency_of(sector=Sector.HEALTH)))
    person = make_person(agency=None, unlisted_agency="Northern constabulary")
    booking = book(session, person)
    assert booking.state == State.REQUESTED
    health = agency_of(sector=Sector.HEALTH)
    confirming.settle_agency(people=[person], agency=health, by=make_coordinator(), now=NOW)
    assert state_of(booking) == State.DECLINED
    assert topics(booking)[-1] == "booking.agency_not_confirmed"


def test_who_says_something_else_meanwhile_is_not_settled(police: Agency) -> None:
    by = make_coordinator()
    left, chose, wrote = (make_person(agency=None, unlisted_agency="A club") for _ in range(3))
    club, other = agency_of("A club"), agency_of("Another club")
    User.objects.filter(pk=chose.pk).update(agency=police, unlisted_agency="")
    User.objects.filter(pk=wrote.pk).update(unlisted_agency="Another")
    settle = {"people": [left, chose, wrote], "by": by, "now": NOW}
    assert confirming.settle_agency(agency=club, **settle) == 1  # type: ignore[arg-type]
    with pytest.raises(ClaimSettled):
        confirming.settle_agency(agency=other, **settle)  # type: ignore[arg-type]
    proved = [User.objects.get(pk=person.pk).proved_agency for person in (left, chose, wrote)]
    assert proved == [club, None, None]
    told = Message.objects.filter(topic="agency.confirmed")
    assert [message.to_email for message in told] == [left.email]


def test_a_place_from_the_list_is_held_too(police: Agency) -> None:
    session = make_session(capacity=1, agency_limit=1)
    first = book(session)
    booking = book(session, make_claimant(agency=police))
    assert booking.state == State.WAITING
    give_up(first)
    booking.refresh_from_db()
    assert booking.state == State.REQUESTED
    assert booking.agency_until is not None


def test_manager_and_agency_must_both_say_so(police: Agency) -> None:
    session = make_session(course=make_course(needs_manager_approval=True), agency_limit=5)
    person = make_claimant(agency=police, manager_email="boss@police.example")
    booking = book(session, person)
    answering.approve(approval=booking.approval, now=NOW)
    assert state_of(booking) == State.REQUESTED
    confirm(person)
    assert state_of(booking) == State.CONFIRMED


def test_who_is_not_of_an_agency_has_none_and_keeps_what_was_held(police: Agency) -> None:
    person = make_claimant(agency=police)
    booking = book(make_session(agency_limit=1), person)
    confirming.not_ours(person=person, agency=police, by=person, now=NOW)
    person.refresh_from_db()
    assert (person.agency, person.is_complete) == (None, False)
    assert state_of(booking) == State.REQUESTED
    assert Message.objects.get(topic="agency.not_ours").to_email == person.email
    with pytest.raises(ClaimSettled):
        confirming.not_ours(person=person, agency=police, by=person, now=NOW)


def test_who_is_confirmed_while_the_worker_is_away_is_settled_in_its_next_round(
    police: Agency,
) -> None:
    person = make_claimant(agency=police)
    booking = book(make_session(agency_limit=1), person)
    User.objects.filter(pk=person.pk).update(agency_confirmed_at=NOW)
    sweep(now=NOW)
    assert state_of(booking) == State.CONFIRMED


def test_nobody_moves_a_certain_place_to_a_date_where_it_would_only_be_held(
    police: Agency,
) -> None:
    course = make_course()
    given = book(make_session(course=course), make_claimant(agency=police))
    limited = make_session(course=course, agency_limit=1, starts_at=NOW + timedelta(days=40))
    with pytest.raises(AgencyToConfirm):
        exchanges.transfer(booking=given, to=limited, by=given.person, now=NOW)
    assert state_of(given) == State.CONFIRMED


class TestHandingOver:
    """A place passes between people whose agency is confirmed."""

    def test_it_needs_a_confirmed_agency_of_its_owner(self, police: Agency) -> None:
        given = book(make_session(), make_person(agency=police))
        User.objects.filter(pk=given.person_id).update(agency_confirmed_at=None)
        with pytest.raises(NotConfirmed):
            exchanges.substitute(
                booking=given, to=make_person(agency=police), by=given.person, now=NOW
            )
        assert state_of(given) == State.CONFIRMED

    def test_a_colleague_who_is_not_confirmed_has_it_held(self, police: Agency) -> None:
        given = book(make_session(), make_person(agency=police))
        to = make_claimant(agency=police)
        taken = exchanges.substitute(booking=given, to=to, by=given.person, now=NOW)
        assert (taken.state, taken.agency_id) == (State.REQUESTED, None)
        confirm(to)
        assert state_of(taken) == State.CONFIRMED

    def test_one_person_hands_over_five_places_a_day(self, police: Agency) -> None:
        giver = make_person(agency=police)
        for number in range(6):
            session = make_session(starts_at=NOW + timedelta(days=30 + number))
            given, to = book(session, giver), make_person(agency=police)
            if number < 5:
                exchanges.substitute(booking=given, to=to, by=giver, now=NOW)
        with pytest.raises(TooManyHandedOver):
            exchanges.substitute(booking=given, to=to, by=giver, now=NOW)
        later = NOW + timedelta(days=1)
        assert exchanges.substitute(booking=given, to=to, by=giver, now=later)
