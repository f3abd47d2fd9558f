"""Template tags about the booking somebody is making."""

from django import template
from django.urls import Resolver404, resolve

from booking.catalogue.models import Session
from booking.places.history import told_of
from booking.places.models import BookingEvent

register = template.Library()


@register.filter
def told(event: BookingEvent) -> str:
    """{{ event|told }}: what happened, in a sentence or two."""
    return told_of(event)


@register.simple_tag
def session_being_booked(next_path: str | None) -> Session | None:
    """The session whose booking page this path is, so that signing in can say what it is for."""
    if not next_path:
        return None
    try:
        match = resolve(next_path)
    except Resolver404:
        return None
    if match.view_name != "book":
        return None
    sessions = Session.objects.public().select_related("course", "venue", "policy")
    return sessions.filter(pk=match.kwargs["session_id"]).first()
