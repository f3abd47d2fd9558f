"""Addresses of the calendars room."""

from django.urls import path

from booking.calendars import pages, views

urlpatterns = [
    path("programme.ics", views.programme_ics, name="programme_ics"),
    path("diary.ics", views.diary_ics, name="diary_ics"),
    path("sessions/<int:session_id>.ics", views.session_ics, name="session_ics"),
    path("bookings/<int:booking_id>.ics", views.booking_ics, name="booking_ics"),
    path("programme/subscribe/", pages.subscribe, name="subscribe"),
    path("calendar/", pages.calendar_feed, name="calendar_feed"),
    path("calendar/<str:kind>/new/", pages.make_feed, name="make_feed"),
    path("calendar/<str:kind>/remove/", pages.remove_feed, name="remove_feed"),
    path("calendar/<str:token>.ics", views.private_feed, name="private_feed"),
]
