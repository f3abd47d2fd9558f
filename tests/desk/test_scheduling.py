"""Scheduling, editing and removing sessions."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts.models import AccessRecord
from booking.catalogue.models import CourseInterest, Session
from booking.outbox.models import Message
from booking.partnership import kept as partnership
from booking.scheduling.capacity import Reservation, set_usual_limits
from booking.site.form_kit import london_moment
from booking.site.working_days import end_of_working_day_before, working_days_before
from tests.desk.coordinators import ahead, typed_change, typed_session, typed_times, with_people
from tests.factories import make_course, make_person, make_session, make_trainer, make_venue
from tests.pages import said

pytestmark = pytest.mark.django_db


def test_a_session_is_scheduled_as_a_draft_and_then_published(coordinator: Client) -> None:
    course = make_course("NEG", title="Neglect", usual_capacity=16, usual_agency_limit=4)
    address = f"{reverse('manage_session_new')}?course={course.pk}"
    form = coordinator.get(address).context["form"]
    assert form["capacity"].value() == 16
    assert form["agency_limit"].value() == 4
    assert form["reference"].value() == "NEG-01"
    trainer, venue = make_trainer(), make_venue()
    typed = typed_session(
        venue=venue.pk,
        trainers=[trainer.pk],
        promotion="offer",
        offer_hours="48",
        booking_opens_at=f"{ahead(1):%Y-%m-%dT%H:%M}",
        booking_closes_at=f"{ahead(29):%Y-%m-%dT%H:%M}",
        joining_instructions="Bring a pen.",
        **typed_times(2, ahead(37), ahead(37, hour=12)),
    )
    response = coordinator.post(address, {**typed, "draft": "1"})
    session = Session.objects.get(reference="AUT-1")
    assert response.headers["Location"] == reverse("manage_session", args=[session.pk])
    assert session.state == Session.State.DRAFT
    assert (session.capacity, session.venue, session.offer_hours) == (18, venue, 48)
    assert (session.starts_at, session.ends_at) == (ahead(), ahead(37, hour=12))
    assert session.sittings.count() == 2
    assert list(session.trainers.all()) == [trainer]
    assert (session.booking_opens_at, session.booking_closes_at) == (ahead(1), ahead(29))
    assert Client().get(session.get_absolute_url()).status_code == 404
    coordinator.post(reverse("manage_session_publish", args=[session.pk]))
    session.refresh_from_db()
    assert session.state == Session.State.PUBLISHED
    [told] = Message.objects.all()
    assert (told.topic, told.recipient) == ("trainer.assigned", trainer)
    assert list(session.events.values_list("what", flat=True)) == ["Scheduled.", "Published."]


def test_a_session_can_be_published_at_once(coordinator: Client) -> None:
    address = f"{reverse('manage_session_new')}?course={make_course().pk}"
    typed = typed_session(delivery="online", meeting="https://meet.example/x", publish="1")
    assert coordinator.post(address, typed).status_code == 302
    session = Session.objects.get(reference="AUT-1")
    assert (session.state, session.meeting.opened()) == (
        Session.State.PUBLISHED,
        "https://meet.example/x",
    )


def test_a_new_session_has_what_is_usual_for_its_course(coordinator: Client) -> None:
    course = make_course(usual_minimum=6, usual_decide_days=3)
    rows = [Reservation(places=5, sector="health")]
    set_usual_limits(course=course, agency_limit=None, reservations=rows)
    address = f"{reverse('manage_session_new')}?course={course.pk}"
    answer = coordinator.post(address, typed_session(minimum="4", capacity="4", draft="1"))
    assert "5 reserved" in answer.text
    assert coordinator.post(address, typed_session(minimum="6", draft="1")).status_code == 302
    session = Session.objects.get(reference="AUT-1")
    assert session.decide_on == working_days_before(ahead().date(), 3)
    assert [each.places for each in session.allocations.all()] == [5]


def test_booking_closes_as_is_usual_and_moves_with_the_date(coordinator: Client) -> None:
    partnership.change(values={"closes_days": 2}, by=None)
    address = f"{reverse('manage_session_new')}?course={make_course().pk}"
    coordinator.post(address, typed_session(draft="1"))
    session = Session.objects.get(reference="AUT-1")
    assert session.booking_closes_at == end_of_working_day_before(ahead(), 2)
    edit = reverse("manage_session_edit", args=[session.pk])
    assert coordinator.get(edit).context["form"]["booking_closes_at"].value() is None
    later = typed_times(1, ahead(50), ahead(50, hour=13))
    coordinator.post(edit, typed_session(**later, revision="0", publish="1"))
    session.refresh_from_db()
    assert session.booking_closes_at == end_of_working_day_before(ahead(50), 2)
    moved = typed_change(session, **typed_times(1, ahead(60), ahead(60, hour=13)), step="do")
    coordinator.post(reverse("manage_session_change", args=[session.pk]), moved)
    session.refresh_from_db()
    assert session.starts_at == ahead(60)
    assert session.booking_closes_at == end_of_working_day_before(ahead(60), 2)


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"date_1": "", "start_1": "", "end_1": ""}, "A session needs at least one date."),
        ({"end_1": "09:00"}, "Date 1: it must end after it starts."),
        ({"start_1": ""}, "Date 1: enter the start, or clear the whole row."),
        ({"date_1": "31/02/2027"}, "Date 1: enter a real date."),
        ({"start_1": "soon"}, "Date 1: enter a time such as 09:30."),
        ({"date_1": "2020-01-07"}, "The first date must lie ahead."),
        (typed_times(2, ahead(hour=12), ahead(hour=15)), "Two dates overlap."),
        ({"delivery": ""}, "Say whether it is in person or online."),
        (
            {"delivery": "online", "meeting": "http://meet.example/x"},
            "The address of the meeting must begin with https://.",
        ),
        ({"meeting": "javascript:alert(1)"}, "Enter the whole address of the meeting"),
        ({"capacity": "0"}, "Places: enter a whole number from 1 to 5,000."),
        ({"capacity": "many"}, "Places: enter a whole number from 1 to 5,000."),
        ({"agency_limit": "30"}, "There are only 18 places in all."),
        ({"reference": ""}, "Enter the reference."),
        ({"reference": "a b"}, "Use letters, figures, dots"),
        ({"reference": "taken"}, "Another session has this reference."),
        ({"venue": "987654"}, "Venue, if in person: choose from the list."),
        ({"trainers": ["987654"]}, "Trainers: choose from the list."),
        ({"venue": "9" * 30}, "Venue, if in person: choose from the list."),
        ({"trainers": ["9" * 30]}, "Trainers: choose from the list."),
        ({"offer_hours": "0"}, "Working hours an offered place is held: enter a whole number"),
        ({"booking_opens_at": "tomorrow"}, "Booking opens: enter a date and time."),
        (
            {"booking_opens_at": f"{ahead(40):%Y-%m-%dT%H:%M}"},
            "Booking must open before the session starts.",
        ),
        (
            {"booking_closes_at": f"{ahead(40):%Y-%m-%dT%H:%M}"},
            "Booking cannot close after the session starts.",
        ),
        (
            {
                "booking_opens_at": f"{ahead(9):%Y-%m-%dT%H:%M}",
                "booking_closes_at": f"{ahead(8):%Y-%m-%dT%H:%M}",
            },
            "Booking must close after it opens.",
        ),
        ({"minimum": "9"}, "Enter the day to decide, or leave the fewest people empty."),
        ({"decide_on": "2027-01-05"}, "Enter the fewest people, or leave the day to decide empty."),
        ({"minimum": "40", "decide_on": "2026-11-30"}, "there are only 18 places in all."),
        (
            {"minimum": "4", "decide_on": f"{ahead():%Y-%m-%d}"},
            "The day to decide must come before the session starts.",
        ),
        (
            {"joining_instructions": "x" * 4001},
            "Use 4,000 characters or fewer for the joining instructions.",
        ),
        ({"joining_instructions": "a\0b"}, "There is a character in it that cannot be kept."),
    ],
)
def test_what_is_wrong_is_said_and_nothing_typed_is_lost(
    coordinator: Client, changes: dict[str, Any], sentence: str
) -> None:
    make_session(reference="TAKEN", starts_at=ahead())
    typed = typed_session(**{"joining_instructions": "Bring a pen.", **changes})
    address = f"{reverse('manage_session_new')}?course={make_course().pk}"
    response = coordinator.post(address, {**typed, "publish": "1"})
    assert response.status_code == 422
    page = response.content.decode()
    assert sentence in page
    if "joining_instructions" not in changes:
        assert "Bring a pen." in page
    if "reference" not in changes:
        assert 'value="AUT-1"' in page
    assert not Session.objects.filter(reference="AUT-1").exists()


def test_an_hour_that_the_clocks_skip_is_refused(coordinator: Client) -> None:
    spring = next(
        date(year, 3, day)
        for year in (timezone.now().year + 1,)
        for day in range(25, 32)
        if date(year, 3, day).weekday() == 6
    )
    typed = typed_session(date_1=spring.isoformat(), start_1="01:30", end_1="03:00")
    address = f"{reverse('manage_session_new')}?course={make_course().pk}"
    page = coordinator.post(address, typed).content.decode()
    assert f"On Sunday {spring.day} March {spring.year} the clocks go forward" in page
    assert "there is no 1:30am" in page
    assert f'value="{spring.isoformat()}"' in page


def test_times_are_those_of_london_in_winter_and_summer() -> None:
    assert london_moment(datetime(2027, 1, 12, 9, 30)) == datetime(2027, 1, 12, 9, 30, tzinfo=UTC)  # noqa: DTZ001
    assert london_moment(datetime(2027, 7, 6, 9, 30)) == datetime(2027, 7, 6, 8, 30, tzinfo=UTC)  # noqa: DTZ001


def test_a_draft_can_be_changed_in_everything_and_removed(coordinator: Client) -> None:
    draft = make_session(state=Session.State.DRAFT, starts_at=ahead(10), reference="OLD")
    address = reverse("manage_session_edit", args=[draft.pk])
    assert coordinator.get(address).context["form"]["reference"].value() == "OLD"
    assert coordinator.post(address, typed_session(revision=0, draft="1")).status_code == 302
    draft.refresh_from_db()
    assert (draft.reference, draft.starts_at, draft.capacity) == ("AUT-1", ahead(), 18)
    assert draft.sittings.get().starts_at == ahead()
    coordinator.post(reverse("manage_session_discard", args=[draft.pk]))
    assert not Session.objects.filter(pk=draft.pk).exists()


def test_a_draft_that_is_referred_to_is_kept(coordinator: Client) -> None:
    draft = with_people(booked=1)
    Session.objects.filter(pk=draft.pk).update(state=Session.State.DRAFT)
    response = coordinator.post(reverse("manage_session_discard", args=[draft.pk]))
    assert response.status_code == 409
    assert Session.objects.filter(pk=draft.pk).exists()


def test_who_saw_the_list_of_a_draft_is_known_when_it_is_gone(coordinator: Client) -> None:
    draft = make_session(state=Session.State.DRAFT, starts_at=ahead())
    coordinator.get(reverse("attendees", args=[draft.pk]))
    coordinator.post(reverse("manage_session_discard", args=[draft.pk]))
    assert not Session.objects.filter(pk=draft.pk).exists()
    assert AccessRecord.objects.get(about_id=draft.pk).about == str(draft)


def test_a_published_session_is_not_removed_nor_published_again(coordinator: Client) -> None:
    session = with_people(booked=1)
    response = coordinator.post(reverse("manage_session_discard", args=[session.pk]))
    assert response.status_code == 409
    response = coordinator.post(reverse("manage_session_publish", args=[session.pk]))
    assert "not a draft any more" in said(response)


def test_a_draft_of_the_past_is_not_published(coordinator: Client) -> None:
    draft = make_session(state=Session.State.DRAFT, starts_at=ahead(-2))
    response = coordinator.post(reverse("manage_session_publish", args=[draft.pk]))
    assert "has passed" in said(response)
    draft.refresh_from_db()
    assert draft.state == Session.State.DRAFT


def test_details_of_a_published_session_change_and_nobody_is_told(coordinator: Client) -> None:
    trainer, leading = make_trainer(), make_trainer()
    session = with_people(booked=2, trainers=[leading])
    messages = Message.objects.count()
    typed = {
        "promotion": "offer",
        "offer_hours": "12",
        "minimum": "2",
        "decide_on": f"{ahead(20):%Y-%m-%d}",
        # What people are told of cannot be slipped in.
        "trainers": [trainer.pk],
        "capacity": "1",
        "delivery": "online",
        **typed_times(1, ahead(50), ahead(50, hour=13)),
    }
    address = reverse("manage_session_edit", args=[session.pk])
    assert coordinator.post(address, typed).status_code == 302
    changed = Session.objects.get(pk=session.pk)
    assert list(changed.trainers.all()) == [leading]
    assert changed.minimum == 2
    what = changed.events.get().what
    assert "fewest people" in what
    assert "booking opens" not in what
    assert changed.offer_hours == 12
    assert (changed.starts_at, changed.capacity, changed.delivery) == (
        session.starts_at,
        session.capacity,
        session.delivery,
    )
    assert (changed.places_taken, changed.revision) == (2, session.revision)
    assert Message.objects.count() == messages


def test_details_of_a_cancelled_session_stay(coordinator: Client) -> None:
    session = make_session(state=Session.State.CANCELLED, starts_at=ahead())
    address = reverse("manage_session_edit", args=[session.pk])
    assert "cannot be edited" in coordinator.get(address).content.decode()
    typed = {
        "promotion": "offer",
        "offer_hours": "12",
    }
    assert coordinator.post(address, typed).status_code == 409
    session.refresh_from_db()
    assert session.promotion == Session.Promotion.AUTOMATIC


def test_a_trainer_or_venue_used_twice_is_warned_of_but_allowed(coordinator: Client) -> None:
    trainer = make_trainer(first_name="Sam", last_name="Green")
    venue = make_venue("Reginald Centre")
    make_session(reference="FIRST", starts_at=ahead(), venue=venue, trainers=[trainer])
    typed = typed_session(venue=venue.pk, trainers=[trainer.pk], publish="1")
    address = f"{reverse('manage_session_new')}?course={make_course().pk}"
    page = coordinator.post(address, typed, follow=True)
    warnings = page.context["warnings"]
    assert len(warnings) == 2
    assert "Reginald Centre is also used by" in warnings[0]
    assert "Sam Green also leads" in warnings[1]
    assert "FIRST" in warnings[1]
    apart = make_session(starts_at=ahead() + timedelta(hours=3), venue=venue, trainers=[trainer])
    page = coordinator.get(reverse("manage_session", args=[apart.pk]))
    assert page.context["warnings"] == []


def test_errors_of_both_parts_of_the_form_stand_in_its_summary(coordinator: Client) -> None:
    course = make_course()
    CourseInterest.objects.create(course=course, person=make_person())
    address = f"{reverse('manage_session_new')}?course={course.pk}"
    for capacity in ("", "18"):
        wrong = {**typed_session(capacity=capacity), "first_days": "99", "publish": "1"}
        page = coordinator.post(address, wrong).text
        errors = page.partition("govuk-error-summary__list")[2].partition("</ul>")[0]
        assert "Working days in which they come first" in errors
        assert ("id_capacity" in errors) is (not capacity)
        assert page.partition("</title>")[0].count("Error:") == 1
