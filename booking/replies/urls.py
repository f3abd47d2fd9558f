"""Addresses of the replies room, under /manage/."""

from django.urls import path

from booking.replies import views

urlpatterns = [
    path("received/", views.manage_received, name="manage_received"),
    path("received/<int:received_id>/settle/", views.settle, name="manage_received_settle"),
    path("addresses/", views.manage_addresses, name="manage_addresses"),
    path(
        "addresses/<int:person_id>/works/",
        views.manage_address_works,
        name="manage_address_works",
    ),
]
