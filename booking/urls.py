"""The index of addresses: each room's own list is in its `urls.py`."""

from django.conf import settings
from django.contrib import admin
from django.urls import include, path
from django.views.generic import RedirectView

from accounts.signing_in import sign_out
from booking.privacy import views as privacy
from booking.site import readable as readable  # the lists below name keys by its converter
from booking.site import web

urlpatterns = [
    path("accessibility/", web.accessibility, name="accessibility"),
    path("privacy/", privacy.privacy, name="privacy"),
    path(".well-known/security.txt", web.security_txt, name="security_txt"),
    path("healthz", web.healthz, name="healthz"),
    path("readyz", web.readyz, name="readyz"),
    path("", include("booking.partnership.urls")),
    path("accounts/", include("accounts.urls")),
    path("", include("booking.programme.urls")),
    path("", include("booking.catalogue.urls")),
    path("", include("booking.bulletins.urls")),
    path("", include("booking.learning.urls")),
    path("", include("booking.places.urls")),
    path("", include("booking.attendance.urls")),
    path("", include("booking.materials.urls")),
    path("", include("booking.calendars.urls")),
    path("manage/", include("booking.desk.urls")),
    # Passwords change under /accounts/, behind a fresh sign-in.
    path("admin/password_change/", RedirectView.as_view(pattern_name="account_change_password")),
    path("admin/logout/", sign_out),
    path("admin/", admin.site.urls),
]

handler500 = "booking.site.web.broken"

if settings.MAILBOX_DIR:
    urlpatterns.append(path("mailbox/", include("booking.local.urls")))
