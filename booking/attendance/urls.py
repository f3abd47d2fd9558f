"""Addresses of the attendance room."""

from django.urls import path

from booking.attendance import views

urlpatterns = [
    path("trainer/", views.trainer_sessions, name="trainer_sessions"),
    path("sessions/<int:session_id>/attendees/", views.attendees, name="attendees"),
    path(
        "sessions/<int:session_id>/attendees/print/", views.attendees_print, name="attendees_print"
    ),
    path("sessions/<int:session_id>/attendees.csv", views.attendees_csv, name="attendees_csv"),
]
