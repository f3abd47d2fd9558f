"""Bookings by the actions, and what they leave behind."""

from booking.places.models import Booking

State = Booking.State


def state_of(booking: Booking) -> str:
    """As it is stored now."""
    return Booking.objects.get(pk=booking.pk).state


def refreshed(booking: Booking) -> Booking:
    """The booking as the database has it."""
    return Booking.objects.select_related("session").get(pk=booking.pk)
