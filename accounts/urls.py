"""Addresses under /accounts/. Ours come before allauth's of the same path."""

from django.urls import include, path
from django.views.generic import RedirectView

from accounts import signing_in, views

urlpatterns = [
    path("login/", signing_in.sign_in, name="account_login"),
    path("login/code/", signing_in.sign_in, name="account_request_login_code"),
    path("login/code/confirm/", signing_in.enter_code, name="account_confirm_login_code"),
    path("login/password/", signing_in.sign_in_with_password, name="account_login_password"),
    path("logout/", signing_in.sign_out, name="account_logout"),
    path("confirm-email/", signing_in.confirm_address, name="account_email_verification_sent"),
    path("signup/", RedirectView.as_view(pattern_name="account_login", query_string=True)),
    path("profile/", views.profile, name="account_profile"),
    path("emails/", views.emails, name="account_emails"),
    path("reminders/<str:token>/", views.reminders_link, name="reminders_link"),
    path("reauthenticate/code/", views.prove_by_code, name="reauthenticate_by_code"),
    path("two-step-needed/", views.two_step_needed, name="two_step_needed"),
    path("", include("allauth.urls")),
]
