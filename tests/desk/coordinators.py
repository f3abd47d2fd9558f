"""Steps and typed forms that the tests of coordinators' pages share."""

from datetime import datetime
from typing import Any

from booking.catalogue.models import Session
from booking.desk.questions import digest
from booking.site.wording import LONDON
from tests.factories import in_days, make_session
from tests.people import book_now


def ahead(days: int = 30, hour: int = 10) -> datetime:
    """A moment some days from now, at a full hour in London."""
    return in_days(days, hour)


def with_people(*, booked: int, waiting: int = 0, **fields: Any) -> Session:
    """A session ahead, full when somebody waits."""
    capacity = booked if waiting else fields.pop("capacity", booked + 5)
    fields.setdefault("starts_at", ahead())
    session = make_session(capacity=capacity, **fields)
    for _ in range(booked + waiting):
        book_now(session)
    session.refresh_from_db()
    return session


def typed_times(number: int, starts: datetime, ends: datetime) -> dict[str, str]:
    """One row of dates as a browser sends it."""
    starts, ends = starts.astimezone(LONDON), ends.astimezone(LONDON)
    return {
        f"date_{number}": f"{starts:%Y-%m-%d}",
        f"start_{number}": f"{starts:%H:%M}",
        f"end_{number}": f"{ends:%H:%M}",
    }


def typed_session(**changes: Any) -> dict[str, Any]:
    """The form of a new session, filled in."""
    return {
        "reference": "AUT-1",
        "delivery": "in person",
        "venue": "",
        "meeting": "",
        **typed_times(1, ahead(), ahead(hour=13)),
        "capacity": "18",
        "agency_limit": "",
        "promotion": "automatic",
        "offer_hours": "24",
        "joining_instructions": "",
        **changes,
    }


def typed_change(session: Session, **changes: Any) -> dict[str, Any]:
    """The form of a change, as it stands before anything is changed in it."""
    typed: dict[str, Any] = {
        "revision": session.revision,
        "meeting_was": digest([session.meeting.token]),
        "delivery": session.delivery,
        "venue": session.venue_id or "",
        "meeting": session.meeting.opened(),
    }
    for number, sitting in enumerate(session.sittings.all(), start=1):
        typed |= typed_times(number, sitting.starts_at, sitting.ends_at)
    return typed | changes


def typed_course(**changed: Any) -> dict[str, Any]:
    """The form of a course, filled in."""
    return {
        "title": "Neglect",
        "code": "NEG1",
        "kind": "training",
        "level": "2",
        "hours": "3",
        "usual_capacity": "20",
        "usual_sittings": "1",
        "usual_promotion": "automatic",
        "usual_offer_hours": "24",
        "usual_decide_days": "5",
        "reminder_days": "5, 1",
        **changed,
    }


def typed_details(**changes: Any) -> dict[str, Any]:
    """The form of a published session's details, with other instructions."""
    return {
        "promotion": "offer",
        "offer_hours": "12",
        "joining_instructions": "Ask for Sam.\r\nBring a pen.",
        "booking_closes_at": f"{ahead(20):%Y-%m-%dT%H:%M}",
        **changes,
    }
