"""Addresses of the catalogue room."""

from django.urls import path

from booking.programme import pages

urlpatterns = [
    path("programme/", pages.programme, name="programme"),
]
