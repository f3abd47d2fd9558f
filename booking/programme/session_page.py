"""What a session's page shows besides the session itself."""

from datetime import datetime
from typing import Any

from booking.catalogue.availability import availability, why_not
from booking.catalogue.models import Session
from booking.catalogue.search import for_rows
from booking.catalogue.sharing import CalendarEntry, as_script_text, calendar_links, event_data

_OTHER_DATES = 5


def session_context(
    session: Session, *, site: str, organiser: str, now: datetime
) -> dict[str, Any]:
    """Everything of `programme/session.html` but what depends on the reader.

    `site` is the address of this installation, without a path.
    """
    sittings = list(session.sittings.all())
    page = f"{site.rstrip('/')}{session.get_absolute_url()}"
    where = session.where
    if session.venue and not session.is_online:
        where = f"{session.venue.name}, {session.venue.address}"
    event = event_data(session, sittings=sittings, page=page, organiser=organiser, now=now)
    others = Session.objects.upcoming(now=now).filter(course=session.course_id)
    return {
        "session": session,
        "course": session.course,
        "sittings": sittings,
        "availability": availability(session, now),
        "why_not": why_not(session, now),
        "is_ahead": session.state == Session.State.PUBLISHED and now < session.starts_at,
        "prerequisites": session.course.prerequisites.defer("search"),
        "trainers": session.trainers.order_by("last_name", "first_name"),
        "calendars": [
            (
                sitting,
                calendar_links(
                    CalendarEntry(
                        title=session.course.title,
                        starts_at=sitting.starts_at,
                        ends_at=sitting.ends_at,
                        where=where,
                        page=page,
                    )
                ),
            )
            for sitting in sittings
        ],
        "event_data": as_script_text(event),
        "other_dates": for_rows(others.exclude(pk=session.pk))[:_OTHER_DATES],
        "now": now,
    }
