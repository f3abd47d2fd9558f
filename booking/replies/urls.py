"""Addresses of the replies room, under /manage/received/."""

from django.urls import path

from booking.replies import views

urlpatterns = [
    path("", views.manage_received, name="manage_received"),
    path("<int:received_id>/settle/", views.settle, name="manage_received_settle"),
]
