"""The back office, entered only through the site's own sign-in."""

from allauth.account.decorators import secure_admin_login
from django.contrib import admin
from django.urls import path
from django.views.generic import RedirectView

# Before `admin.site.urls` is read, or Django's own password page would still be there.
admin.site.login = secure_admin_login(admin.site.login)  # type: ignore[method-assign,no-untyped-call]
admin.site.site_header = "Briefed back office"
admin.site.site_title = "Briefed back office"
admin.site.index_title = "What coordinators change now and then"
admin.site.site_url = "/manage/"

urlpatterns = [
    # Passwords change under /accounts/, behind a fresh sign-in.
    path(
        "admin/password_change/",
        RedirectView.as_view(pattern_name="account_change_password"),
    ),
    path("admin/", admin.site.urls),
]
