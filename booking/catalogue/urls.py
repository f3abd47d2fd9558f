"""Addresses of the catalogue room."""

from django.urls import path

from booking.catalogue import views

urlpatterns = [
    path("programme/", views.programme, name="programme"),
]
