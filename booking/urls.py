"""The index of addresses: each room's own list is in its `urls.py`."""

from django.conf import settings
from django.urls import include, path

from booking import pages

urlpatterns = [
    path("", pages.start, name="start"),
    path("accessibility/", pages.accessibility, name="accessibility"),
    path("privacy/", pages.privacy, name="privacy"),
    path("healthz", pages.healthz, name="healthz"),
    path("readyz", pages.readyz, name="readyz"),
    path("", include("booking.partnership.urls")),
    path("accounts/", include("accounts.urls")),
    path("", include("booking.catalogue.urls")),
    path("", include("booking.places.urls")),
    path("", include("booking.attendance.urls")),
    path("", include("booking.calendars.urls")),
    path("manage/", include("booking.managing.urls")),
    path("manage/", include("booking.managing.received_urls")),
    path("", include("booking.admin_urls")),
]

handler500 = "booking.errors.broken"

if settings.MAILBOX_DIR:
    urlpatterns.append(path("mailbox/", include("booking.local.urls")))
