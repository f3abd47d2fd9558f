"""Addresses of the pages that know their reader: what is on, and one's own bookings."""

from django.urls import path

from booking.programme import bookings, pages

urlpatterns = [
    path("", pages.start, name="start"),
    path("programme/", pages.programme, name="programme"),
    path("courses/<str:code>/", pages.course, name="course"),
    path("sessions/<key:session_id>/", pages.session, name="session"),
    path("sessions/<key:session_id>/poster/", pages.poster, name="session_poster"),
    path("bookings/", bookings.my_bookings, name="my_bookings"),
    path("bookings/<key:booking_id>/", bookings.booking_page, name="booking"),
]
