"""Addresses of what came back to us, under /manage/."""

from django.urls import path

from booking.desk.mail import received

urlpatterns = [
    path("received/", received.manage_received, name="manage_received"),
    path("received/<int:received_id>/settle/", received.settle, name="manage_received_settle"),
    path("addresses/", received.manage_addresses, name="manage_addresses"),
    path(
        "addresses/<int:person_id>/works/",
        received.manage_address_works,
        name="manage_address_works",
    ),
]
