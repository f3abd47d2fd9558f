"""Addresses of the attendance room."""

from django.urls import path

from accounts.models import AccessRecord
from booking.attendance import cover, views

Form = AccessRecord.Form
_LIST = "sessions/<key:session_id>/attendees"

urlpatterns = [
    path("trainer/", views.trainer_sessions, name="trainer_sessions"),
    path("trainer/cover/<key:cover_id>/", cover.cover, name="trainer_cover"),
    path(f"{_LIST}/", views.attendees, {"form": Form.PAGE}, name="attendees"),
    path(f"{_LIST}/print/", views.attendees, {"form": Form.PRINT}, name="attendees_print"),
    path(f"{_LIST}.csv", views.attendees_csv, name="attendees_csv"),
]
