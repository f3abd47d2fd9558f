"""Addresses of the places room."""

from django.urls import path

from booking.places import approval_views, offer_views, public_views, views

urlpatterns = [
    path("courses/<str:code>/", public_views.course, name="course"),
    path("sessions/<int:session_id>/", public_views.session, name="session"),
    path("sessions/<int:session_id>/book/", views.book, name="book"),
    path("bookings/", views.my_bookings, name="my_bookings"),
    path("bookings/<int:booking_id>/", views.booking_page, name="booking"),
    path("bookings/<int:booking_id>/cancel/", views.cancel, name="cancel_booking"),
    path("bookings/<int:booking_id>/offer/", views.answer_offer, name="answer_offer"),
    path("approvals/<str:token>/", approval_views.approval, name="approval"),
    path("offers/<str:token>/", offer_views.offer, name="offer"),
]
