"""Addresses of the catalogue room."""

from django.urls import URLPattern

urlpatterns: list[URLPattern] = []
