"""The app of the training programme: one app, its rooms are plain packages."""

from django.apps import AppConfig


class BookingConfig(AppConfig):
    """Courses, sessions, places, notices and calendars."""

    name = "booking"
    verbose_name = "Training and briefings"

    def ready(self) -> None:
        """Import what registers the topics of mail: it stands above every room that posts some."""
        import booking.attendance.closing
        import booking.mail.composing
        import booking.places.prerequisites  # noqa: F401 - for what they register
