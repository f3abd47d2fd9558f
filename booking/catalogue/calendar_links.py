"""Links that put a sitting into a calendar on the web, for people without a calendar program.

They hold no more than the public page does, so never the join link. Each opens a form that the
person still has to save, and is not kept up to date: an invitation by email is.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import urlencode


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
    return f"https://calendar.google.com/calendar/render?{urlencode(fields)}"


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
    return f"https://{host}/calendar/0/deeplink/compose?{urlencode(fields)}"
