"""Addresses of the calendars room."""

from django.urls import path

from booking.calendars import views

urlpatterns = [
    path("programme.ics", views.programme_ics, name="programme_ics"),
    path("diary.ics", views.diary_ics, name="diary_ics"),
    path("sessions/<key:session_id>.ics", views.session_ics, name="session_ics"),
    path("bookings/<key:booking_id>.ics", views.booking_ics, name="booking_ics"),
    path("programme/subscribe/", views.subscribe, name="subscribe"),
    path("calendar/", views.calendar_feed, name="calendar_feed"),
    path("calendar/<str:kind>/new/", views.make_feed, name="make_feed"),
    path("calendar/<str:kind>/remove/", views.remove_feed, name="remove_feed"),
    path("calendar/<str:token>.ics", views.private_feed, name="private_feed"),
]
