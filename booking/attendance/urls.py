"""Addresses of the attendance room."""

from django.urls import URLPattern

urlpatterns: list[URLPattern] = []
