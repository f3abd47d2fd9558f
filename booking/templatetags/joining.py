"""Ways into a session online: {% load joining %}."""

from datetime import datetime

from django import template
from django.conf import settings

from accounts.models import User
from booking.catalogue.models import Session
from booking.places import links
from booking.places.holding import may_join_meeting
from booking.places.models import Booking

register = template.Library()


@register.filter
def join_path(booking: Booking) -> str:
    """Where whoever has the place joins: {{ booking|join_path }}."""
    return links.join_path(booking.join_key)


@register.filter
def join_address(booking: Booking) -> str:
    """The same as an address to type: {{ booking|join_address }}."""
    return f"{settings.SITE_URL}{join_path(booking)}"


@register.filter
def opens_meeting(booking: Booking, now: datetime) -> bool:
    """Whether its place opens the meeting: {% if booking|opens_meeting:now %}."""
    return may_join_meeting(booking, now=now)


@register.filter
def join_path_of(session: Session, trainer: User) -> str:
    """Where whoever leads it joins: {{ session|join_path_of:user }}."""
    return links.trainer_join_path(session.pk, trainer.pk)
