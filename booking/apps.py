"""The app of the training programme: one app, its rooms are plain packages."""

from django.apps import AppConfig


class BookingConfig(AppConfig):
    """Courses, sessions, places, notices and calendars."""

    name = "booking"
    verbose_name = "Training and briefings"
