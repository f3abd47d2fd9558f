"""Addresses of the coordinators' pages, under /manage/."""

from django.urls import path

from booking.desk import mail, people, settings
from booking.desk.catalogue import courses, policies, venues
from booking.desk.sessions import changing, places, sessions

urlpatterns = [
    path("", sessions.sessions, name="manage_sessions"),
    path("sessions/new/", sessions.new, name="manage_session_new"),
    path("sessions/<int:session_id>/", sessions.overview, name="manage_session"),
    path("sessions/<int:session_id>/edit/", sessions.edit, name="manage_session_edit"),
    path("sessions/<int:session_id>/publish/", sessions.publish, name="manage_session_publish"),
    path(
        "sessions/<int:session_id>/goes-ahead/", sessions.go_ahead, name="manage_session_goes_ahead"
    ),
    path("sessions/<int:session_id>/discard/", sessions.discard, name="manage_session_discard"),
    path("sessions/<int:session_id>/bookings/", sessions.bookings, name="manage_session_bookings"),
    path("sessions/<int:session_id>/change/", changing.change, name="manage_session_change"),
    path("sessions/<int:session_id>/waiting/", places.waiting, name="manage_session_waiting"),
    path("bookings/<int:booking_id>/move-up/", places.move_up, name="manage_booking_move_up"),
    path("sessions/<int:session_id>/places/", places.who_gets_places, name="manage_session_limits"),
    path("sessions/<int:session_id>/capacity/", changing.capacity, name="manage_session_capacity"),
    path("sessions/<int:session_id>/cancel/", changing.cancel, name="manage_session_cancel"),
    path(
        "bookings/<int:booking_id>/cancel/", changing.cancel_booking, name="manage_booking_cancel"
    ),
    path("courses/", courses.courses, name="manage_courses"),
    path("courses/new/", courses.course, name="manage_course_new"),
    path("courses/<int:course_id>/", courses.course, name="manage_course"),
    path("groups/", courses.group_list, name="manage_groups"),
    path("groups/<int:group_id>/", courses.group, name="manage_group"),
    path(
        "groups/<int:group_id>/remove/<int:person_id>/",
        courses.remove_member,
        name="manage_group_remove",
    ),
    path("venues/", venues.venues, name="manage_venues"),
    path("venues/new/", venues.venue, name="manage_venue_new"),
    path("venues/<int:venue_id>/", venues.venue, name="manage_venue"),
    path("demand/", people.courses_wanted, name="manage_demand"),
    path("demand/<int:course_id>/", people.agencies_wanting, name="manage_demand_course"),
    path("learning/", people.learning_to_check, name="manage_learning"),
    path("learning/<int:declaration_id>/", people.check_learning, name="manage_learning_check"),
    path("managers/", people.managers_to_confirm, name="manage_managers"),
    path(
        "managers/<int:approval_id>/confirm/", people.confirm_manager, name="manage_manager_confirm"
    ),
    path(
        "managers/<int:approval_id>/decline/", people.decline_manager, name="manage_manager_decline"
    ),
    path("policies/", policies.policies, name="manage_policies"),
    path("policies/new/", policies.policy, name="manage_policy_new"),
    path("policies/<int:policy_id>/", policies.policy, name="manage_policy"),
    path("settings/", settings.settings, name="manage_settings"),
    path("unlisted/", people.unlisted, name="manage_unlisted"),
    path("unlisted/<int:person_id>/", people.settle_unlisted, name="manage_unlisted_person"),
    path("messages/", mail.messages_page, name="manage_messages"),
    path("messages/<int:message_id>/", mail.message_page, name="manage_message"),
    path("messages/<int:message_id>/mail.eml", mail.mail_file, name="manage_message_file"),
    path("messages/<int:message_id>/retry/", mail.retry, name="manage_message_retry"),
    path(
        "messages/<int:message_id>/retry-alike/",
        mail.retry_alike,
        name="manage_message_retry_alike",
    ),
    path("messages/<int:message_id>/address/", mail.correct_address, name="manage_message_address"),
    path("messages/<int:message_id>/drop/", mail.drop, name="manage_message_drop"),
    path("received/", mail.manage_received, name="manage_received"),
    path("received/<int:received_id>/settle/", mail.settle_received, name="manage_received_settle"),
    path(
        "received/<int:received_id>/bring-back/",
        mail.bring_back_received,
        name="manage_received_bring_back",
    ),
    path("addresses/", mail.manage_addresses, name="manage_addresses"),
    path(
        "addresses/<int:person_id>/works/", mail.manage_address_works, name="manage_address_works"
    ),
]
