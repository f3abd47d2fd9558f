"""Filters for sessions and what happened to bookings: {% load catalogue %}."""

from datetime import datetime
from typing import Any

from django import template
from django.urls import reverse

from booking.attendance.lists import waits_for
from booking.attendance.roster import outcome_in_words
from booking.catalogue.availability import availability, is_ahead
from booking.catalogue.models import Session
from booking.catalogue.sharing import directions
from booking.places.history import told_of
from booking.places.models import Booking
from booking.places.pages.readers import MARKS
from booking.site import wording
from booking.templatetags.briefed import times_of_day

register = template.Library()
# {{ event|told }}: what happened, in a sentence or two. {% if session|is_ahead:now %}.
register.filter("told", told_of)
register.filter("is_ahead", is_ahead)
# {{ booking|waits_for }}: what a held place waits for, or nothing.
register.filter("waits_for", waits_for)
# {{ session.venue|directions }}: the address of a map.
register.filter("directions", directions)
# {{ session|availability:now }}: whether its reader can book it.
register.filter("availability", availability)


@register.filter
def outcome(booking: Booking, now: datetime) -> str:
    """What came of a place, or nothing yet: {{ booking|outcome:now }}."""
    return outcome_in_words(booking, now=now)


@register.filter
def mark(session: Session) -> str:
    """The reader's own booking of it in a word, or nothing: {{ session|mark }}."""
    return MARKS[session.reading.mine] if session.reading and session.reading.mine else ""


@register.filter
def row(session: Session, now: datetime) -> dict[str, Any]:
    """What a row of a list of sessions says: {% with row=session|row:now %}.

    Lists are the busiest pages, so that a template looks up ready words in a plain dict.
    """
    course = session.course
    starts = session.starts_at.astimezone(wording.LONDON)
    return {
        "url": reverse("session", args=[session.pk]),
        "title": course.title,
        "kind": course.kind,
        "kind_name": f"{course.level_name} {course.get_kind_display().lower()}",
        "where": session.where,
        "weekday": wording.WEEKDAYS[starts.weekday()][:3],
        "number": str(starts.day),
        "month": f"{wording.MONTHS[starts.month - 1][:3]} {starts.year}",
        "day": wording.day(starts),
        "times": times_of_day(session.sittings.all()),
        "places": availability(session, now),
        "mark": mark(session),
        "state": session.reading.mine if session.reading else "",
    }
