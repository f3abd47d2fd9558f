"""Addresses of the catalogue room."""

from django.urls import path

from booking.catalogue import views

urlpatterns = [
    path("programme/", views.programme, name="programme"),
    path("courses/<str:code>/", views.course, name="course"),
    path("sessions/<int:session_id>/", views.session, name="session"),
]
