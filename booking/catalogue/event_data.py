"""A session as schema.org tells it to search engines (https://schema.org/EducationEvent)."""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from django.utils.safestring import SafeString, mark_safe

from booking.catalogue.availability import availability
from booking.catalogue.models import Session, Sitting
from booking.site.wording import LONDON

# As Django's json_script: what could end the element or begin a comment is written as an escape.
_ESCAPES = {ord(">"): "\\u003E", ord("<"): "\\u003C", ord("&"): "\\u0026"}


def event_data(
    session: Session, *, sittings: Sequence[Sitting], page: str, organiser: str, now: datetime
) -> dict[str, Any]:
    """The session as an EducationEvent. `page` is its public address; no join link is told."""
    course = session.course
    cancelled = session.state == Session.State.CANCELLED
    event: dict[str, Any] = {
        "@context": "https://schema.org",
        "@type": "EducationEvent",
        "name": course.title,
        "description": course.summary,
        "url": page,
        **_times(session.starts_at, session.ends_at),
        "eventStatus": f"https://schema.org/Event{'Cancelled' if cancelled else 'Scheduled'}",
        "eventAttendanceMode": "https://schema.org/"
        + ("OnlineEventAttendanceMode" if session.is_online else "OfflineEventAttendanceMode"),
        "location": _location(session, page),
        "organizer": {"@type": "Organization", "name": organiser},
        "maximumAttendeeCapacity": session.capacity,
        "remainingAttendeeCapacity": session.places_left,
        "isAccessibleForFree": True,
        "offers": {
            "@type": "Offer",
            "url": page,
            "price": 0,
            "priceCurrency": "GBP",
            "availability": "https://schema.org/"
            + ("InStock" if availability(session, now).can_book else "SoldOut"),
        },
    }
    if course.audience:
        event["audience"] = {"@type": "Audience", "audienceType": course.audience}
    if len(sittings) > 1:
        event["subEvent"] = [
            {
                "@type": "Event",
                "name": course.title,
                **_times(sitting.starts_at, sitting.ends_at),
                "location": event["location"],
            }
            for sitting in sittings
        ]
    return event


def as_script_text(data: Mapping[str, Any]) -> SafeString:
    """JSON that may stand inside a <script> element."""
    return mark_safe(json.dumps(data, ensure_ascii=False).translate(_ESCAPES))  # noqa: S308


def _times(starts: datetime, ends: datetime) -> dict[str, str]:
    return {
        "startDate": starts.astimezone(LONDON).isoformat(),
        "endDate": ends.astimezone(LONDON).isoformat(),
    }


def _location(session: Session, page: str) -> dict[str, str]:
    if session.is_online:
        return {"@type": "VirtualLocation", "url": page}
    place = {"@type": "Place", "name": session.where}
    if session.venue:
        place["address"] = session.venue.address
    return place
