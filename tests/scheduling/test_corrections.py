"""Another address, title or joining instructions: who is told, and what calendars show."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from functools import partial
from typing import Any

import icalendar
import pytest

from accounts.models import User
from booking.calendars.entries import booking_events
from booking.calendars.feeds import with_entries
from booking.catalogue.courses import PLAIN_FIELDS, CoursePlan, VenuePlan
from booking.catalogue.models import Course, Session, Venue
from booking.outbox.models import Message
from booking.places.lock import locked_session
from booking.places.models import Booking
from booking.scheduling import corrections, drafting
from booking.scheduling.corrections import CorrectedMeanwhile
from booking.scheduling.trainers import CHANGED
from tests.factories import (
    NOW,
    make_coordinator,
    make_course,
    make_policy,
    make_session,
    make_trainer,
    make_venue,
)
from tests.mail.letters import part, read, written
from tests.people import alone, book, wait_for_somebody_to_be_held_up

pytestmark = pytest.mark.django_db


def last(booking: Booking) -> Message:
    """The last message about a booking."""
    return Message.objects.filter(booking=booking).latest("pk")


def topics(booking: Booking) -> list[str]:
    """What was posted about a booking, in order."""
    return list(Message.objects.filter(booking=booking).values_list("topic", flat=True))


def entry(message: Message) -> Any:
    """The calendar entry that a message brings."""
    calendar = icalendar.Calendar.from_ical(part(read(written(message)), "text/calendar"))
    [event] = calendar.walk("VEVENT")
    return event


def check_feed_agrees(booking: Booking) -> None:
    """The feed shows the same as the last invitation, under the same SEQUENCE."""
    [shown] = booking_events(with_entries(Booking.objects.filter(pk=booking.pk)))
    sent = entry(last(booking))
    assert (shown.summary, shown.location) == (sent["SUMMARY"], sent["LOCATION"])
    assert (shown.sequence, shown.uid) == (sent["SEQUENCE"], sent["UID"])
    assert shown.description == sent["DESCRIPTION"]


def move(venue: Venue, address: str, *, by: User | None = None) -> None:
    """The venue has another address."""
    plan = VenuePlan(name=venue.name, address=address, getting_there="")
    by = by or make_coordinator()
    corrections.change_venue(venue=venue, plan=plan, by=by, now=NOW)


def change_details(session: Session, instructions: str) -> None:
    """Nothing but the joining instructions changes."""
    kept = {name: getattr(session, name) for name in drafting.DETAIL_FIELDS}
    details = drafting.Details(**{**kept, "joining_instructions": instructions})
    drafting.change_details(session=session, details=details, by=make_coordinator(), now=NOW)


def test_another_address_is_told_to_all_who_are_to_come_there() -> None:
    venue, trainer = make_venue("Carriageworks"), make_trainer()
    session = make_session(venue=venue, capacity=1, trainers=[trainer])
    held, waiting = book(session), book(session)
    week = timedelta(days=7)
    times = [(NOW + week * number, NOW + week * number + timedelta(hours=3)) for number in (1, 2)]
    running = make_session(venue=venue, sittings=times)
    second = book(running)
    running.sittings.filter(starts_at=times[0][0]).update(starts_at=NOW - week)
    Session.objects.filter(pk=running.pk).update(starts_at=NOW - week)
    elsewhere = book(make_session())
    over = make_session(venue=venue, starts_at=NOW + timedelta(hours=1))
    past = book(over)
    over.sittings.update(starts_at=NOW - timedelta(hours=1))
    move(venue, "1 New Street, Leeds")
    assert last(held).topic == last(waiting).topic == "session.changed"
    [change] = last(held).payload["changes"]
    assert (change["what"], change["after"]) == ("Address", "1 New Street, Leeds")
    assert entry(last(held))["LOCATION"] == "Carriageworks, 1 New Street, Leeds"
    assert entry(last(held))["SEQUENCE"] == 1
    assert ", now " not in read(written(last(held)))["Subject"]
    assert last(second).topic == "session.changed"
    assert (last(second).payload["number"], last(second).payload["of"]) == (2, 2)
    assert topics(elsewhere) == topics(past) == ["booking.confirmed"]
    check_feed_agrees(held)
    session.refresh_from_db()
    assert (session.revision, session.changed_at) == (1, NOW)
    assert Message.objects.filter(topic=CHANGED, recipient=trainer).count() == 1
    venue.refresh_from_db()
    move(venue, "1 New Street, Leeds")
    assert topics(held).count("session.changed") == 1


def rename(course: Course, title: str, *, by: User | None = None) -> None:
    """The course has another title and is otherwise the same."""
    kept = {name: getattr(course, name) for name in PLAIN_FIELDS}
    plan = CoursePlan(**{**kept, "title": title}, groups=[], topics=[], prerequisites=[])
    by = by or make_coordinator()
    corrections.change_course(course=course, plan=plan, by=by, now=NOW)


def test_another_title_reaches_every_calendar_and_those_who_wait() -> None:
    course = make_course(title="Neglect")
    # Too late to cancel free of charge, which another title does not change.
    soon = NOW + timedelta(days=2)
    session = make_session(course=course, capacity=1, starts_at=soon, policy=make_policy())
    held, waiting = book(session), book(session)
    free_until = held.free_until
    rename(course, "Neglect and its signs")
    [change] = last(waiting).payload["changes"]
    assert (change["before"], change["after"]) == ("Neglect", "Neglect and its signs")
    assert entry(last(held))["SUMMARY"] == "Neglect and its signs"
    check_feed_agrees(held)
    held.refresh_from_db()
    assert held.free_until == free_until
    rename(Course.objects.get(pk=course.pk), "Neglect and its signs")
    assert topics(held) == ["booking.confirmed", "session.changed"]


def test_what_others_have_corrected_meanwhile_is_not_put_back() -> None:
    venue = make_venue("Carriageworks")
    session = make_session(course=make_course(title="Neglect"), venue=venue)
    held = book(session)
    seen_course = Course.objects.get(pk=session.course_id)
    seen_venue = Venue.objects.get(pk=venue.pk)
    rename(session.course, "Neglect and its signs")
    move(venue, "1 New Street, Leeds")
    with pytest.raises(CorrectedMeanwhile):
        rename(seen_course, "Neglect")
    with pytest.raises(CorrectedMeanwhile):
        move(seen_venue, seen_venue.address)
    session = Session.objects.select_related("course", "venue").get()
    assert session.course.title == "Neglect and its signs"
    assert session.venue is not None
    assert session.venue.address == "1 New Street, Leeds"
    assert topics(held) == ["booking.confirmed", *["session.changed"] * 2]


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("what", ["venue", "course"])
def test_a_session_that_comes_in_while_people_are_told_is_not_left_out(what: str) -> None:
    course, venue, by = make_course(title="Neglect"), make_venue("Hall"), make_coordinator()
    session = make_session(course=course, venue=venue)
    its: dict[str, Any] = {what: {"venue": venue, "course": course}[what]}

    def correct() -> None:
        if what == "venue":
            move(venue, "1 New Street, Leeds", by=by)
        else:
            rename(course, "Neglect and its signs", by=by)

    with ThreadPoolExecutor(2) as pool:
        with locked_session(session):
            correcting = pool.submit(alone, correct)
            wait_for_somebody_to_be_held_up()
            pool.submit(alone, lambda: make_session(**its)).result()
        with pytest.raises(CorrectedMeanwhile):
            correcting.result()
    assert not Message.objects.exists()
    correct()


@pytest.mark.django_db(transaction=True)
def test_a_draft_that_is_discarded_while_people_are_told_is_said_to_have_changed() -> None:
    course, by = make_course(title="Neglect"), make_coordinator()
    make_session(course=course)
    draft = make_session(course=course, state=Session.State.DRAFT, venue=None)
    with ThreadPoolExecutor(1) as pool:
        with locked_session(draft):
            rename_it = partial(rename, course, "Neglect and its signs", by=by)
            correcting = pool.submit(alone, rename_it)
            wait_for_somebody_to_be_held_up()
            draft.sittings.all().delete()
            draft.delete()
        with pytest.raises(CorrectedMeanwhile):
            correcting.result()
    assert Course.objects.get(pk=course.pk).title == "Neglect"


def test_other_joining_instructions_are_for_people_with_a_place() -> None:
    session = make_session(capacity=1)
    held, waiting = book(session), book(session)
    change_details(session, "The code word is pumpkin.")
    assert topics(held) == ["booking.confirmed", "session.changed"]
    assert topics(waiting) == ["booking.waiting"]
    assert "pumpkin" in entry(last(held))["DESCRIPTION"]
    assert "pumpkin" in part(read(written(last(held))), "text/plain")
    check_feed_agrees(held)
    assert held.events.filter(why="Joining instructions changed").exists()
    assert not waiting.events.filter(what="session changed").exists()
    assert not session.events.filter(what__contains="pumpkin").exists()


def test_instructions_that_differ_in_line_ends_only_tell_nobody() -> None:
    session = make_session(joining_instructions="Bring a pen.\nAsk for Sam.")
    held = book(session)
    change_details(session, "Bring a pen.\r\nAsk for Sam.")
    assert topics(held) == ["booking.confirmed"]
