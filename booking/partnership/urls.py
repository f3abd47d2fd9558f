"""Addresses of the partnership's colour and logo."""

from django.urls import re_path

from booking.partnership import views

urlpatterns = [
    re_path(r"^partnership/(?P<digits>[0-9a-f]{6})\.css$", views.colour, name="partnership_colour"),
    re_path(r"^partnership/logo/(?P<digest>[0-9a-f]{16})$", views.logo, name="partnership_logo"),
]
