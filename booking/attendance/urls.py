"""Addresses of the attendance room."""

from django.urls import path

from booking.attendance import absence_pages, join, register, report_page, room, views, walk_ins

_LIST = "sessions/<key:session_id>/attendees"
_REGISTER = "sessions/<key:session_id>/register"

urlpatterns = [
    path("join/<str:token>/", join.join, name="join"),
    path("here/", room.room, name="room"),
    path("here/<str:token>/", room.here, name="room_here"),
    path(f"{_LIST}/room/", room.screen, name="room_screen"),
    path(f"{_REGISTER}/report/", report_page.meeting_report, name="meeting_report"),
    path("absences/<str:token>/", absence_pages.by_link, name="absence_by_link"),
    path("bookings/<key:booking_id>/absence/", absence_pages.absence, name="absence"),
    path("trainer/", views.trainer_sessions, name="trainer_sessions"),
    path("trainer/cover/<key:cover_id>/", views.cover, name="trainer_cover"),
    path(f"{_LIST}/", views.attendees, name="attendees"),
    path(f"{_LIST}/print/", views.sign_in_sheet, name="attendees_print"),
    path(f"{_LIST}/needs/", views.needs_sheet, name="attendees_needs"),
    path(f"{_LIST}.csv", views.attendees_csv, name="attendees_csv"),
    path(f"{_REGISTER}/", register.register, name="register"),
    path(f"{_REGISTER}/close/", register.close, name="register_close"),
    path(f"{_REGISTER}/walk-in/", walk_ins.walk_in_page, name="register_walk_in"),
    path(f"{_REGISTER}/<key:booking_id>/", register.person, name="register_person"),
]
