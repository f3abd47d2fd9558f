"""Addresses of the attendance room."""

from django.urls import path

from booking.attendance import cover, join, room, views

_LIST = "sessions/<key:session_id>/attendees"

urlpatterns = [
    path("join/<str:token>/", join.join, name="join"),
    path("here/", room.room, name="room"),
    path("here/<str:token>/", room.here, name="room_here"),
    path(f"{_LIST}/room/", room.screen, name="room_screen"),
    path("trainer/", views.trainer_sessions, name="trainer_sessions"),
    path("trainer/cover/<key:cover_id>/", cover.cover, name="trainer_cover"),
    path(f"{_LIST}/", views.attendees, name="attendees"),
    path(f"{_LIST}/print/", views.sign_in_sheet, name="attendees_print"),
    path(f"{_LIST}/needs/", views.needs_sheet, name="attendees_needs"),
    path(f"{_LIST}.csv", views.attendees_csv, name="attendees_csv"),
]
