"""What came of a place counts: for courses that build on it, and where absences are shown."""

from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from booking.attendance import closing
from booking.catalogue.models import Course, Session
from booking.partnership import kept
from booking.places import actions
from booking.places.history import repeated_absences
from booking.places.links import approval_path
from booking.places.managers.models import Approval
from booking.places.models import Booking
from booking.places.prerequisites import tell_of_missing, to_look_at
from booking.places.refusals import PrerequisiteMissing
from tests.attendance.rooms import bookings_of, close_now, held_session
from tests.factories import (
    make_coordinator,
    make_course,
    make_lead,
    make_person,
    make_policy,
    make_session,
    make_trainer,
    session_ahead,
)
from tests.people import book_now, signed_in

pytestmark = pytest.mark.django_db


@pytest.fixture
def earlier() -> Session:
    """A session that is held, of two people, of a course that another builds on."""
    return held_session(people=2)


def later(earlier: Session) -> Session:
    """A date ahead of the course that comes after."""
    course: Course = make_course()
    course.prerequisites.add(earlier.course)
    return session_ahead(20, course=course)


def test_only_who_attended_has_done_it_and_without_a_register_everybody_has(
    earlier: Session,
) -> None:
    came, missed = bookings_of(earlier)
    after = later(earlier)
    # No register yet: a place held to the end counts as before.
    Session.objects.filter(pk=earlier.pk).update(ends_at=timezone.now())
    assert book_now(after, missed.person).state == Booking.State.CONFIRMED
    close_now(earlier, came)
    another = later(earlier)
    assert book_now(another, came.person).state == Booking.State.CONFIRMED
    with pytest.raises(PrerequisiteMissing):
        book_now(later(earlier), missed.person, wants_both=True)


def test_whoever_missed_it_is_told_and_stands_on_the_list_until_it_is_corrected(
    earlier: Session,
) -> None:
    _came, missed = bookings_of(earlier)
    after = later(earlier)
    booked = book_now(after, missed.person)
    now = timezone.now()
    assert tell_of_missing(now=now) == 0
    close_now(earlier, bookings_of(earlier)[0])
    assert tell_of_missing(now=now) == 1
    assert list(to_look_at(now=now)) == [booked]
    page = signed_in(make_coordinator()).get(reverse("manage_earlier")).content.decode()
    assert str(missed.person) in page
    closing.correct_outcome(
        booking=missed, outcome=Booking.Outcome.ATTENDED, why="He signed the sheet.",
        by=make_coordinator(), now=timezone.now(),
    )  # fmt: skip
    assert tell_of_missing(now=now + timedelta(minutes=1)) == 0
    assert not to_look_at(now=now).exists()


def test_it_is_shown_whether_a_register_was_kept(earlier: Session) -> None:
    came, missed = bookings_of(earlier)
    Session.objects.filter(pk=earlier.pk).update(ends_at=timezone.now() - timedelta(minutes=1))
    owner = signed_in(came.person)
    pages = (came.get_absolute_url(), reverse("my_bookings"))
    for page in pages:
        assert "No register kept" in owner.get(page).content.decode()
    close_now(earlier, came)
    for page in pages:
        assert "No register kept" not in owner.get(page).content.decode()
    assert "Attended" in owner.get(pages[0]).content.decode()
    theirs = signed_in(missed.person).get(missed.get_absolute_url()).content.decode()
    assert "<strong>Absent</strong>" in theirs
    assert reverse("absence", args=[missed.pk]) in theirs


def test_repeated_absence_is_shown_where_somebody_is_booked(earlier: Session) -> None:
    person = bookings_of(earlier)[0].person
    now, key = timezone.now(), person.pk
    close_now(earlier)
    assert repeated_absences([key], now=now) == {}
    again = make_session(starts_at=now - timedelta(days=2), trainers=[make_trainer()])
    actions.book(session=again, person=person, by=person, now=now - timedelta(days=9))
    close_now(again)
    words = "Did not come to 2 sessions in the last 12 months."
    assert repeated_absences([key, make_person().pk], now=now) == {key: words}
    coordinator = signed_in(make_coordinator())
    session = session_ahead(20, course=make_course(needs_manager_approval=True))
    page = f"{reverse('manage_session_add', args=[session.pk])}?person={key}"
    assert words in coordinator.get(page).content.decode()
    assert words in coordinator.get(reverse("manage_person", args=[key])).content.decode()
    asked = book_now(session, person, manager_email="boss@agency.example")
    Approval.objects.update(state=Approval.State.ASKED)
    assert words in coordinator.get(approval_path(asked.approval.key)).content.decode()
    lead = signed_in(make_lead(agency=person.agency))
    theirs = reverse("agency_booking", args=[asked.pk])
    assert words in lead.get(theirs).content.decode()
    kept.change(values={"repeated_absences": 0}, by=None)
    assert repeated_absences([key], now=now) == {}


def test_a_coordinator_decides_an_absence_on_the_desk(earlier: Session) -> None:
    close_now(earlier, bookings_of(earlier)[0])
    coordinator = signed_in(make_coordinator())
    missed = bookings_of(earlier)[1]
    assert "Absences to decide" in coordinator.get(reverse("manage")).content.decode()
    assert str(missed.person) in coordinator.get(reverse("manage_absences")).content.decode()
    page = reverse("manage_absence", args=[missed.absence.pk])
    assert coordinator.post(page, {"answer": "charge"}).status_code == 409
    assert coordinator.post(page, {"answer": "accept", "why": "Ill."}).status_code == 302
    late = coordinator.post(page, {"answer": "charge", "why": "Nobody rang."})
    assert late.status_code == 409
    assert "This has been settled already." in late.text
    assert "Nobody rang." in late.text
    settled = coordinator.get(reverse("manage_absences") + "?show=settled").content.decode()
    assert "The reason was accepted" in settled
    assert "Absences to decide" not in coordinator.get(reverse("manage")).content.decode()


def test_a_charge_is_taken_back_on_the_desk_once() -> None:
    session = held_session(people=1, policy=make_policy(absent=3500))
    (booking,) = bookings_of(session)
    close_now(session)
    coordinator = signed_in(make_coordinator())
    page = reverse("manage_absence", args=[booking.absence.pk])
    assert coordinator.post(page, {"answer": "waive"}).status_code == 409
    assert coordinator.post(page, {"answer": "charge"}).status_code == 302
    booking.refresh_from_db()
    charged = booking.charge_pence
    assert charged > 0
    assert "Take back the charge" in coordinator.get(page).text
    assert coordinator.post(page, {"answer": "waive", "why": "A slip."}).status_code == 302
    booking.refresh_from_db()
    assert booking.charge_pence == 0
    assert coordinator.post(page, {"answer": "waive"}).status_code == 409
    told = booking.messages.filter(topic="absence.decided").order_by("pk").values_list("payload")
    assert [payload["state"] for (payload,) in told] == ["charged", "closed"]
