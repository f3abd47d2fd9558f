"""Addresses of the places room."""

from django.urls import URLPattern

urlpatterns: list[URLPattern] = []
