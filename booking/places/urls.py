"""Addresses of the places room."""

from django.urls import path

from booking.places.pages import agency, booking, exchange, managers, my_agency, offer

urlpatterns = [
    path("sessions/<key:session_id>/book/", booking.book, name="book"),
    path("bookings/<key:booking_id>/cancel/", booking.cancel, name="cancel_booking"),
    path(
        "bookings/<key:booking_id>/substitute/",
        exchange.substitute,
        name="substitute_booking",
    ),
    path("bookings/<key:booking_id>/move/", exchange.move, name="move_booking"),
    path("agency/", my_agency.agency, name="agency"),
    path("agency/bookings.csv", my_agency.agency_csv, name="agency_csv"),
    path("agency/people/<key:person_id>/confirm/", agency.confirm_colleague, name="agency_confirm"),
    path("agency/people/<key:person_id>/not-ours/", agency.not_ours, name="agency_not_ours"),
    path("agency/bookings/<key:booking_id>/", agency.agency_booking, name="agency_booking"),
    path("agency/sessions/<key:session_id>/book/", agency.agency_book, name="agency_book"),
    path(
        "agency/sessions/<key:session_id>/book-many/",
        agency.agency_book_many,
        name="agency_book_many",
    ),
    path("bookings/<key:booking_id>/offer/", booking.answer_offer, name="answer_offer"),
    path("bookings/<key:booking_id>/manager/", managers.change, name="change_manager"),
    path("bookings/ask-new-manager/", managers.ask_new_manager, name="ask_new_manager"),
    path("approvals/<str:token>/", managers.approval, name="approval"),
    path("offers/<str:token>/", offer.offer, name="offer"),
]
