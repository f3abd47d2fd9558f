"""The demo's mailbox; `booking/urls.py` includes it only where `MAILBOX_DIR` is set."""

from django.urls import path, re_path

from booking.local import mailbox

# The name of one stored mail, without its ending: digits and a hyphen, and nothing else.
_MAIL = f"^(?P<name>{mailbox.NAME.pattern})"

urlpatterns = [
    path("", mailbox.mailbox, name="mailbox"),
    re_path(f"{_MAIL}/$", mailbox.mail, name="mailbox_mail"),
    re_path(f"{_MAIL}/html$", mailbox.html, name="mailbox_html"),
    re_path(f"{_MAIL}/mail.eml$", mailbox.raw, name="mailbox_raw"),
    re_path(f"{_MAIL}/event.ics$", mailbox.calendar, name="mailbox_calendar"),
]
