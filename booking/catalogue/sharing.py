"""Sessions for other programs: links into calendars, and data for search engines.

A sitting's link holds no more than the public page does, so never the join link. It opens a form
that the person still has to save, and is not kept up to date: an invitation by email is, and a
feed is.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote, urlencode

from django.utils.safestring import SafeString, mark_safe

from booking.catalogue.availability import availability
from booking.catalogue.models import Session, Sitting, Venue
from booking.site.wording import LONDON

# As Django's json_script: what could end the element or begin a comment is written as an escape.
_ESCAPES = {ord(">"): "\\u003E", ord("<"): "\\u003C", ord("&"): "\\u0026"}


@dataclass(frozen=True)
class CalendarEntry:
    """What goes into a calendar; both times are aware."""

    title: str
    starts_at: datetime
    ends_at: datetime
    where: str
    page: str


@dataclass(frozen=True)
class CalendarLink:
    """One calendar's name, and the address of its form."""

    name: str
    url: str


def calendar_links(entry: CalendarEntry) -> list[CalendarLink]:
    """Links for Google Calendar, Outlook.com and Office 365."""
    return [
        CalendarLink("Google Calendar", _google(entry)),
        CalendarLink("Outlook.com", _outlook("outlook.live.com", entry)),
        CalendarLink("Office 365", _outlook("outlook.office.com", entry)),
    ]


def code_to_scan(address: str) -> tuple[int, str]:
    """A QR code as the side of its square and the path of its dots (SVG), with the quiet zone."""
    # Few pages show one.
    from qrcode.constants import ERROR_CORRECT_M
    from qrcode.main import QRCode

    code: Any = QRCode(error_correction=ERROR_CORRECT_M, border=4)
    code.add_data(address)
    rows = code.get_matrix()
    dots = [f"M{x} {y}h1v1h-1z" for y, row in enumerate(rows) for x, dark in enumerate(row) if dark]
    return len(rows), "".join(dots)


def directions(venue: Venue) -> str:
    """A map with the way to a venue (Google, "Maps URLs"); it names the venue and nobody."""
    where = _query({"api": "1", "destination": f"{venue.name}, {venue.address}"})
    return f"https://www.google.com/maps/dir/?{where}"


@dataclass(frozen=True)
class SubscribeLink:
    """One calendar's name, the address that subscribes it to a feed, and what happens then."""

    name: str
    url: str
    explained: str


def subscribe_links(*, feed_address: str, feed_name: str) -> list[SubscribeLink]:
    """Links that subscribe a calendar to the feed at this absolute address.

    None of the three web calendars documents its link; all have kept them for years. Google wants
    the `webcal:` form (with `https:` it imports once instead of subscribing), Outlook `https:`.
    """
    webcal = f"webcal:{feed_address.partition(':')[2]}"
    outlook = _query({"url": feed_address, "name": feed_name})
    return [
        SubscribeLink(
            "Apple Calendar",
            webcal,
            "On this iPhone, iPad or Mac: opens your calendar, which asks you.",
        ),
        SubscribeLink(
            "Google Calendar",
            f"https://calendar.google.com/calendar/render?{_query({'cid': webcal})}",
            "Asks you to add it. Google looks for changes about once a day.",
        ),
        SubscribeLink(
            "Outlook.com",
            f"https://outlook.live.com/calendar/0/addfromweb?{outlook}",
            "For a personal Microsoft account: choose Import there.",
        ),
        SubscribeLink(
            "Office 365",
            f"https://outlook.office.com/calendar/0/addfromweb?{outlook}",
            "For a work or school account: choose Import there.",
        ),
    ]


def _query(fields: Mapping[str, str]) -> str:
    """The fields with %20 for a space: Outlook shows "+" as it stands."""
    return urlencode(fields, quote_via=quote)


def _google(entry: CalendarEntry) -> str:
    times = [
        moment.astimezone(UTC).strftime("%Y%m%dT%H%M%SZ")
        for moment in (entry.starts_at, entry.ends_at)
    ]
    fields = {
        "action": "TEMPLATE",
        "text": entry.title,
        "dates": "/".join(times),
        "location": entry.where,
        "details": entry.page,
    }
    return f"https://calendar.google.com/calendar/render?{_query(fields)}"


def _outlook(host: str, entry: CalendarEntry) -> str:
    fields = {
        "path": "/calendar/action/compose",
        "rru": "addevent",
        "subject": entry.title,
        "startdt": entry.starts_at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "enddt": entry.ends_at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "location": entry.where,
        "body": entry.page,
    }
    return f"https://{host}/calendar/0/deeplink/compose?{_query(fields)}"


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
