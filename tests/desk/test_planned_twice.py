"""One plan is kept once, however often it is sent; what its pages cost does not grow."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from accounts.models import User
from booking.catalogue.models import Course, CourseInterest, Session
from booking.places.lock import locked_session
from booking.scheduling import planning
from booking.scheduling.capacity import Reservation, change_limits
from booking.scheduling.changing import Arrangements, PlannedSitting
from tests.desk.test_planning import at, row, tuesday, typed
from tests.factories import (
    make_coordinator,
    make_course,
    make_person,
    make_session,
    make_trainer,
    make_venue,
)
from tests.pages import said, statements
from tests.people import alone, wait_for_somebody_to_be_held_up

pytestmark = pytest.mark.django_db


def address_of(course: Course) -> str:
    return f"{reverse('manage_session_plan')}?course={course.pk}"


def test_a_plan_that_is_pressed_twice_makes_its_drafts_once(coordinator: Client) -> None:
    address = address_of(make_course())
    plan = typed([row(tuesday(week), trainers=[make_trainer().pk]) for week in range(3)])
    first = coordinator.post(address, plan)
    again = coordinator.post(address, plan)
    assert Session.objects.count() == 3
    assert again.headers["Location"] == first.headers["Location"]
    assert "These dates are saved already." in said(again)
    # Something else is another plan, also at the same time.
    another = typed([row(tuesday(), where=make_venue().pk)], warned="")
    page = coordinator.post(address, another)
    assert page.status_code in (200, 302)
    if page.status_code == 200:
        coordinator.post(address, another | {"warned": page.context["warned"]})
    assert Session.objects.count() == 4


def test_a_copy_that_is_pressed_twice_is_made_once(coordinator: Client) -> None:
    session = make_session(starts_at=at(tuesday()), trainers=[make_trainer()])
    address = f"{reverse('manage_session_copy')}?session={session.pk}"
    press = {"chosen": [session.pk], "weeks": "2", "step": "do"}
    assert (
        coordinator.post(address, press).headers["Location"]
        == (coordinator.post(address, press).headers["Location"])
    )
    assert Session.objects.filter(state="draft").count() == 1


@pytest.mark.django_db(transaction=True)
def test_two_presses_at_once_make_one_plan() -> None:
    course, by, now = make_course(), make_coordinator(), timezone.now()
    held = Arrangements(
        (PlannedSitting(at(tuesday()), at(tuesday(), 13)),), "in person", None, "", ()
    )

    def press() -> None:
        planning.schedule_dates(course=course, held=[held], capacity=9, by=by, now=now)

    other = make_session(course=course)
    with ThreadPoolExecutor(2) as pool:
        with locked_session(other):
            Course.objects.select_for_update().get(pk=course.pk)
            presses = [pool.submit(alone, press) for _ in range(2)]
            wait_for_somebody_to_be_held_up()
        refused = [type(each.exception()) for each in presses]
    assert set(refused) == {planning.PlannedAlready, type(None)}
    assert Session.objects.exclude(pk=other.pk).count() == 1


def test_a_copy_reserves_no_more_than_there_is(coordinator: Client) -> None:
    session = make_session(starts_at=at(tuesday()), capacity=5)
    change_limits(
        session=session,
        agency_limit=None,
        reservations=[Reservation(places=4, sector="police")],
        by=make_coordinator(),
        now=timezone.now(),
    )
    Session.objects.filter(pk=session.pk).update(capacity=3)
    address = f"{reverse('manage_session_copy')}?session={session.pk}"
    answer = coordinator.post(address, {"chosen": [session.pk], "weeks": "2", "step": "do"})
    assert answer.status_code == 422
    assert "4 reserved" in answer.text
    assert not Session.objects.filter(state="draft").exists()


def test_a_plan_has_room_for_those_whom_the_course_asks_for(coordinator: Client) -> None:
    course = make_course(usual_minimum=6)
    answer = coordinator.post(address_of(course), typed([row(tuesday())], capacity="5"))
    assert answer.status_code == 422
    assert "The course asks for 6 people at least." in answer.text
    assert not Session.objects.exists()


def test_the_page_of_a_plan_costs_the_same_however_many_rows_it_has(
    coordinator: Client,
) -> None:
    address = address_of(make_course(usual_sittings=2))
    trainers = [make_trainer().pk for _ in range(3)]

    def cost(rows: int, **pressed: str) -> int:
        plan = [row(tuesday(week), trainers=trainers) for week in range(rows)]
        with CaptureQueriesContext(connection) as captured:
            assert coordinator.post(address, typed(plan, **pressed)).status_code == 200
        return len(captured)

    make_session(starts_at=at(tuesday()), trainers=list(User.objects.filter(pk__in=trainers)))
    for pressed in ({"add": "1"}, {"warned": "nothing yet"}):
        cost(1, **pressed)
        assert cost(1, **pressed) == cost(8, **pressed)


def test_the_page_of_drafts_costs_the_same_however_many_there_are(coordinator: Client) -> None:
    def draft(week: int) -> None:
        course = make_course()
        CourseInterest.objects.create(course=course, person=make_person())
        make_session(
            course=course,
            state="draft",
            starts_at=at(tuesday(week)),
            venue=make_venue(),
            trainers=[make_trainer()],
        )

    address = reverse("manage_session_drafts")
    draft(0)
    few = statements(coordinator, address)
    for week in range(1, 6):
        draft(week)
    assert statements(coordinator, address) == few
    days = {"begins": f"{tuesday()}", "ends": f"{tuesday() + timedelta(weeks=9)}"}
    copied = f"{reverse('manage_session_copy')}?begins={days['begins']}&ends={days['ends']}"
    Session.objects.filter(starts_at__lt=at(tuesday(1))).update(state="published")
    few = statements(coordinator, copied)
    Session.objects.update(state="published")
    assert statements(coordinator, copied) == few
