"""What happened to a booking, in words: {% load history %}."""

from django import template

from booking.places.history import told_of
from booking.places.models import BookingEvent

register = template.Library()


@register.filter
def told(event: BookingEvent) -> str:
    """{{ event|told }}: what happened, in a sentence or two."""
    return told_of(event)
