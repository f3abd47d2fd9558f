"""Changes that people are told of: each is shown first, then done."""

import re
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts.models import Sector
from booking.catalogue.models import Session
from booking.outbox.models import Message
from booking.partnership import kept
from booking.places.events import BookingEvent
from booking.scheduling import changing
from booking.scheduling.capacity import Reservation
from booking.site.wording import day, deadline
from booking.site.working_days import end_of_working_day_before, working_days_before
from tests.desk.coordinators import ahead, typed_change, typed_times, with_people
from tests.factories import make_coordinator, make_session, make_venue
from tests.pages import said
from tests.places.booked import set_limits
from tests.scheduling.changes import as_it_is

pytestmark = pytest.mark.django_db


def test_a_change_is_shown_first_and_then_done(coordinator: Client) -> None:
    session = with_people(booked=2, waiting=1)
    address = reverse("manage_session_change", args=[session.pk])
    before = Message.objects.count()
    typed = typed_change(session, **typed_times(1, ahead(35), ahead(35, hour=12)))
    preview = coordinator.post(address, {**typed, "step": "preview"})
    assert preview.status_code == 200
    page = preview.content.decode()
    assert "2 people with a place: a new calendar invitation" in page
    assert "1 person on the waiting list: an email" in page
    assert "Change it and tell 3 people" in page
    session.refresh_from_db()
    assert session.starts_at == ahead()
    assert Message.objects.count() == before
    hidden = dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', page))
    done = coordinator.post(address, {**hidden, "step": "do"})
    assert done.status_code == 302
    assert "3 people will be told" in said(done)
    session.refresh_from_db()
    assert (session.starts_at, session.revision) == (ahead(35), 1)
    topics = Message.objects.order_by("-id").values_list("topic", flat=True)[:3]
    assert set(topics) == {"session.changed"}
    assert session.sittings.count() == 1
    assert BookingEvent.objects.filter(what=BookingEvent.What.SESSION_CHANGED).count() == 3


def test_what_moves_with_the_date_is_shown_too(coordinator: Client) -> None:
    kept.change(values={"closes_days": 2}, by=None)
    closes = end_of_working_day_before(ahead(), 2)
    decide = working_days_before(ahead().date(), 5)
    session = with_people(booked=1, minimum=2, decide_on=decide, booking_closes_at=closes)
    places = Reservation(places=2, sector=Sector.PROBATION, release_days=3)
    set_limits(session, places, now=timezone.now())
    address = reverse("manage_session_change", args=[session.pk])
    typed = typed_change(session, **typed_times(1, ahead(50), ahead(50, hour=12)))
    page = coordinator.post(address, {**typed, "step": "preview"})
    shown = {each.what: (each.before, each.after) for each in page.context["following"]}
    coordinator.post(address, {**typed, "step": "do"})
    session.refresh_from_db()
    assert session.booking_closes_at is not None
    assert session.decide_on is not None
    [reserved] = session.allocations.all()
    released = end_of_working_day_before(ahead(), 3)
    assert shown == {
        "Booking closes": (deadline(closes), deadline(session.booking_closes_at)),
        "Day to decide": (day(decide), day(session.decide_on)),
        "2 places reserved for Probation until": (
            deadline(released),
            deadline(reserved.release_at),
        ),
    }
    assert all(before != after for before, after in shown.values())
    assert "This moves with it. Nobody is told of it:" in page.text
    elsewhere = typed_change(session, venue=make_venue("Town Hall").pk)
    assert not coordinator.post(address, elsewhere).context["following"]


def test_going_back_from_the_preview_keeps_what_was_typed(coordinator: Client) -> None:
    session = with_people(booked=1)
    typed = typed_change(session, start_1="08:15")
    address = reverse("manage_session_change", args=[session.pk])
    page = coordinator.post(address, {**typed, "step": "edit"}).content.decode()
    assert 'value="08:15"' in page
    assert "Show what would change" in page


def test_the_second_step_checks_again_and_trusts_nothing(coordinator: Client) -> None:
    session = with_people(booked=1)
    address = reverse("manage_session_change", args=[session.pk])
    bad = {**typed_change(session, end_1="07:00"), "step": "do"}
    assert coordinator.post(address, bad).status_code == 422
    link = {"delivery": "online", "meeting": "http://meet.example/x"}
    assert (
        coordinator.post(address, {**typed_change(session, **link), "step": "do"}).status_code
        == 422
    )
    session.refresh_from_db()
    assert (session.starts_at, session.delivery) == (ahead(), "in person")


def test_a_change_prepared_on_an_older_version_is_refused(coordinator: Client) -> None:
    session = with_people(booked=1)
    address = reverse("manage_session_change", args=[session.pk])
    mine = typed_change(session, **typed_times(1, ahead(35), ahead(35, hour=12)))
    theirs = typed_change(session, **typed_times(1, ahead(36), ahead(36, hour=12)))
    assert coordinator.post(address, {**theirs, "step": "do"}).status_code == 302
    late = coordinator.post(address, {**mine, "step": "do"})
    assert late.status_code == 422
    assert "Somebody else has changed this session" in late.content.decode()
    session.refresh_from_db()
    assert session.starts_at == ahead(36)
    again = {**mine, "revision": late.context["form"]["revision"].value(), "step": "do"}
    assert coordinator.post(address, again).status_code == 302


def test_a_draft_is_edited_and_removed_rather_than_changed_and_cancelled(
    coordinator: Client,
) -> None:
    draft = make_session(state=Session.State.DRAFT, starts_at=ahead())
    for name, instead in (
        ("manage_session_change", "manage_session_edit"),
        ("manage_session_cancel", "manage_session_discard"),
    ):
        response = coordinator.post(reverse(name, args=[draft.pk]), {"step": "do", "why": "No"})
        assert response.headers["Location"] == reverse(instead, args=[draft.pk])
    draft.refresh_from_db()
    assert draft.state == Session.State.DRAFT


def test_changing_nothing_tells_nobody(coordinator: Client) -> None:
    session = with_people(booked=1)
    before = Message.objects.count()
    address = reverse("manage_session_change", args=[session.pk])
    response = coordinator.post(address, typed_change(session))
    assert response.status_code == 422
    assert "This is how the session is held already." in response.content.decode()
    assert Message.objects.count() == before


def test_another_meeting_is_kept_at_once_and_tells_nobody(coordinator: Client) -> None:
    session = with_people(booked=1, delivery="online", meeting="https://meet.example/x")
    address, before = reverse("manage_session_change", args=[session.pk]), Message.objects.count()
    revision = session.revision
    for meeting in ("https://meet.example/y", ""):
        answer = coordinator.post(address, typed_change(session, meeting=meeting))
        assert said(answer).endswith("Everybody’s join link leads to the new meeting.")
        session.refresh_from_db()
        assert (session.meeting.opened(), session.revision) == (meeting, revision)
    assert Message.objects.count() == before
    assert session.events.filter(what="Meeting address changed").count() == 2


@pytest.mark.parametrize("changed", [{}, {**typed_times(1, ahead(35), ahead(35, hour=12))}])
@pytest.mark.parametrize("step", ["preview", "do"])
def test_an_older_form_does_not_bring_an_older_meeting_back(
    coordinator: Client, changed: dict[str, str], step: str
) -> None:
    session = with_people(booked=1, delivery="online", meeting="https://meet.example/x")
    address = reverse("manage_session_change", args=[session.pk])
    older = typed_change(session, **changed, step=step)
    coordinator.post(address, typed_change(session, meeting="https://meet.example/y"))
    late = coordinator.post(address, older)
    assert late.status_code == 422
    assert "Somebody else has changed this session" in late.text
    now = Session.objects.get(pk=session.pk)
    assert (now.meeting.opened(), now.starts_at) == ("https://meet.example/y", ahead())
    with pytest.raises(changing.ChangedMeanwhile):
        changing.rearrange(
            session=session,
            arrangements=as_it_is(session),
            by=make_coordinator(),
            now=timezone.now(),
            expected=session,
        )


def test_the_preview_warns_of_a_venue_used_twice(coordinator: Client) -> None:
    venue = make_venue("Reginald Centre")
    make_session(starts_at=ahead(), venue=venue)
    session = with_people(booked=1)
    address = reverse("manage_session_change", args=[session.pk])
    page = coordinator.post(address, typed_change(session, venue=venue.pk)).content.decode()
    assert "Reginald Centre is also used by" in page


@pytest.mark.parametrize("fields", [{"starts_at": ahead(-1)}, {"state": Session.State.CANCELLED}])
def test_a_session_that_began_or_was_cancelled_is_not_changed(
    coordinator: Client, fields: dict[str, Any]
) -> None:
    session = make_session(**{"starts_at": ahead(), **fields})
    for name in ("manage_session_change", "manage_session_cancel"):
        address = reverse(name, args=[session.pk])
        assert "This cannot be done" in coordinator.get(address).content.decode()
        typed = {**typed_change(session, start_1="08:00"), "why": "Snow", "step": "do"}
        assert coordinator.post(address, typed).status_code == 409
    session.refresh_from_db()
    assert session.revision == 0
