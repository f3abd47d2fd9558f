"""Addresses of the places room."""

from django.urls import path

from booking.catalogue import interest
from booking.learning.views import declare, mine
from booking.places import (
    agency_views,
    approval_views,
    exchange_views,
    manager_views,
    offer_views,
    public_views,
    views,
)

urlpatterns = [
    path("courses/<str:code>/", public_views.course, name="course"),
    path("courses/<str:code>/new-dates/", interest.interest, name="course_interest"),
    path("new-dates/<str:token>/stop/", interest.stop, name="stop_interest"),
    path("sessions/<int:session_id>/", public_views.session, name="session"),
    path("sessions/<int:session_id>/book/", views.book, name="book"),
    path("accounts/learning/", mine, name="learning"),
    path("accounts/learning/declare/", declare, name="declare_learning"),
    path("bookings/", views.my_bookings, name="my_bookings"),
    path("bookings/<int:booking_id>/", views.booking_page, name="booking"),
    path("bookings/<int:booking_id>/cancel/", views.cancel, name="cancel_booking"),
    path(
        "bookings/<int:booking_id>/substitute/",
        exchange_views.substitute,
        name="substitute_booking",
    ),
    path("bookings/<int:booking_id>/move/", exchange_views.move, name="move_booking"),
    path("agency/", agency_views.agency, name="agency"),
    path("agency/bookings/<int:booking_id>/", agency_views.agency_booking, name="agency_booking"),
    path("agency/sessions/<int:session_id>/book/", agency_views.agency_book, name="agency_book"),
    path(
        "agency/sessions/<int:session_id>/book-many/",
        agency_views.agency_book_many,
        name="agency_book_many",
    ),
    path("bookings/<int:booking_id>/offer/", views.answer_offer, name="answer_offer"),
    path("bookings/<int:booking_id>/manager/", manager_views.change, name="change_manager"),
    path("approvals/<str:token>/", approval_views.approval, name="approval"),
    path("offers/<str:token>/", offer_views.offer, name="offer"),
]
