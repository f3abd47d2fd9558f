"""Addresses of materials."""

from django.urls import path

from booking.materials import views

urlpatterns = [path("materials/<key:material_id>/", views.material, name="material")]
