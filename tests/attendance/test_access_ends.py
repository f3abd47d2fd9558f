"""Access to the people of a session ends some days after it, and every look is shown."""

from datetime import timedelta

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from booking.catalogue.models import Session
from booking.partnership import kept
from tests.factories import make_session, make_trainer, morning
from tests.people import book_now, signed_in

pytestmark = pytest.mark.django_db
PAGES = (
    *("attendees", "attendees_print", "attendees_needs", "attendees_csv"),
    "manage_session_write",
)


@pytest.mark.parametrize("days", [1, 14, 30])
def test_a_trainer_sees_nobody_once_the_days_are_over(days: int) -> None:
    kept.change(values={"list_days": days}, by=None)
    trainer = make_trainer()
    session = make_session(starts_at=morning(5), trainers=[trainer])
    browser = signed_in(trainer)
    assert "You see it until" in browser.get(reverse("attendees", args=[session.pk])).text
    for late, answer in ((-1, 200), (1, 404)):
        ended = timezone.now() - timedelta(days=days, minutes=late)
        Session.objects.update(starts_at=ended - timedelta(hours=3), ends_at=ended)
        for page in PAGES:
            found = browser.get(reverse(page, args=[session.pk])).status_code
            assert found == answer, page
        listed = session.reference in browser.get(reverse("trainer_sessions")).text
        linked = reverse("attendees", args=[session.pk])
        assert (linked in browser.get(reverse("trainer_sessions")).text) == (answer == 200)
        assert not listed
    assert f"see who is coming until {days} day" in browser.get(reverse("trainer_sessions")).text
    assert f"the list of people {days} day" in Client().get("/privacy/").text


def test_every_look_at_a_session_is_shown_with_it(coordinator: Client) -> None:
    trainer = make_trainer()
    session = make_session(starts_at=morning(5), trainers=[trainer])
    other = make_session(course=session.course, starts_at=morning(6), trainers=[trainer])
    book_now(session)
    browser = signed_in(trainer)
    for page in PAGES:
        browser.get(reverse(page, args=[session.pk]))
    browser.get(reverse("attendees", args=[other.pk]))
    shown = coordinator.get(reverse("manage_session_people", args=[session.pk])).text
    assert shown.count(f"<li>{trainer}: ") == len(PAGES)
    assert "attendees, 1 person" in shown
    log = coordinator.get(reverse("manage_looks"), {"q": session.reference}).text
    assert log.count(str(trainer)) >= len(PAGES)
