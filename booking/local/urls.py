"""The demo's mailbox; `booking/urls.py` includes it only where `MAILBOX_DIR` is set."""

from django.urls import path, register_converter

from booking.local import mailbox


class MailNameConverter:
    """The name of one stored mail, without its ending: digits and a hyphen, and nothing else."""

    regex = "[0-9]{20}-[0-9]{6}"

    def to_python(self, value: str) -> str:
        """The name as it stands."""
        return value

    def to_url(self, value: str) -> str:
        """The name as it stands."""
        return value


register_converter(MailNameConverter, "mail_name")

urlpatterns = [
    path("", mailbox.mailbox, name="mailbox"),
    path("<mail_name:name>/", mailbox.mail, name="mailbox_mail"),
    path("<mail_name:name>/html", mailbox.html, name="mailbox_html"),
    path("<mail_name:name>/mail.eml", mailbox.raw, name="mailbox_raw"),
    path("<mail_name:name>/event.ics", mailbox.calendar, name="mailbox_calendar"),
]
