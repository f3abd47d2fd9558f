"""Addresses under /accounts/. Ours come before allauth's of the same path."""

from allauth.account.views import LoginView
from django.urls import include, path
from django.views.generic import RedirectView

from accounts import views

urlpatterns = [
    path("login/", views.sign_in, name="account_login"),
    path("login/code/", views.sign_in, name="account_request_login_code"),
    path("login/code/confirm/", views.enter_code, name="account_confirm_login_code"),
    path("login/password/", LoginView.as_view(), name="account_login_password"),
    path("logout/", views.sign_out, name="account_logout"),
    path("signup/", RedirectView.as_view(pattern_name="account_login", query_string=True)),
    path("profile/", views.profile, name="account_profile"),
    path("emails/", views.emails, name="account_emails"),
    path("reminders/<str:token>/", views.reminders_link, name="reminders_link"),
    path("reauthenticate/code/", views.prove_by_code, name="reauthenticate_by_code"),
    path("two-step-needed/", views.two_step_needed, name="two_step_needed"),
    path("", include("allauth.urls")),
]
