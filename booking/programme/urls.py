"""Addresses of the pages that know their reader: what is on, and one's own bookings."""

from django.urls import path

from booking.programme import bookings, groups, pages, record

urlpatterns = [
    path("", pages.start, name="start"),
    path("programme/", pages.programme, name="programme"),
    path("courses/<str:code>/", pages.course, name="course"),
    path("sessions/<key:session_id>/", pages.session, name="session"),
    path("sessions/<key:session_id>/poster/", pages.poster, name="session_poster"),
    path("groups/", groups.groups, name="groups"),
    path("groups/<key:group_id>/", groups.group, name="group"),
    path("groups/<key:group_id>/join/", groups.join_or_leave, name="group_join_or_leave"),
    path("bookings/", bookings.my_bookings, name="my_bookings"),
    path("bookings/record/", record.training_record, name="training_record"),
    path("bookings/<key:booking_id>/", bookings.booking_page, name="booking"),
]
