"""Addresses of the catalogue room."""

from django.urls import path

from booking.catalogue import interest

urlpatterns = [
    path("courses/<str:code>/new-dates/", interest.interest, name="course_interest"),
    path("new-dates/<str:token>/stop/", interest.stop, name="stop_interest"),
]
