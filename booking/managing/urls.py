"""Addresses of the coordinators' pages, under /manage/."""

from django.urls import path

from booking.desk.people import learning
from booking.managing import (
    cancel,
    changes,
    courses,
    desk,
    limits,
    mail,
    managers,
    policies,
    settings,
    venues,
    views,
    waiting,
)
from booking.places import demand_views

urlpatterns = [
    path("", views.sessions, name="manage_sessions"),
    path("sessions/new/", views.new, name="manage_session_new"),
    path("sessions/<int:session_id>/", views.overview, name="manage_session"),
    path("sessions/<int:session_id>/edit/", views.edit, name="manage_session_edit"),
    path("sessions/<int:session_id>/publish/", views.publish, name="manage_session_publish"),
    path(
        "sessions/<int:session_id>/goes-ahead/",
        views.go_ahead,
        name="manage_session_goes_ahead",
    ),
    path("sessions/<int:session_id>/discard/", views.discard, name="manage_session_discard"),
    path("sessions/<int:session_id>/bookings/", views.bookings, name="manage_session_bookings"),
    path("sessions/<int:session_id>/change/", changes.change, name="manage_session_change"),
    path(
        "sessions/<int:session_id>/waiting/",
        waiting.waiting,
        name="manage_session_waiting",
    ),
    path(
        "bookings/<int:booking_id>/move-up/",
        waiting.move_up,
        name="manage_booking_move_up",
    ),
    path(
        "sessions/<int:session_id>/places/",
        limits.who_gets_places,
        name="manage_session_limits",
    ),
    path(
        "sessions/<int:session_id>/capacity/",
        changes.capacity,
        name="manage_session_capacity",
    ),
    path("sessions/<int:session_id>/cancel/", cancel.cancel, name="manage_session_cancel"),
    path(
        "bookings/<int:booking_id>/cancel/",
        changes.cancel_booking,
        name="manage_booking_cancel",
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
    path("venues/new/", venues.new_venue, name="manage_venue_new"),
    path("venues/<int:venue_id>/", venues.venue, name="manage_venue"),
    path("demand/", demand_views.courses, name="manage_demand"),
    path("demand/<int:course_id>/", demand_views.agencies, name="manage_demand_course"),
    path("learning/", learning.to_check, name="manage_learning"),
    path("learning/<int:declaration_id>/", learning.check, name="manage_learning_check"),
    path("managers/", managers.to_confirm, name="manage_managers"),
    path(
        "managers/<int:approval_id>/confirm/",
        managers.confirm,
        name="manage_manager_confirm",
    ),
    path(
        "managers/<int:approval_id>/decline/",
        managers.decline,
        name="manage_manager_decline",
    ),
    path("policies/", policies.policies, name="manage_policies"),
    path("policies/new/", policies.new_policy, name="manage_policy_new"),
    path("policies/<int:policy_id>/", policies.policy_version, name="manage_policy"),
    path("settings/", settings.settings, name="manage_settings"),
    path("unlisted/", desk.unlisted, name="manage_unlisted"),
    path("unlisted/<int:person_id>/", desk.settle, name="manage_unlisted_person"),
    path("messages/", mail.messages_page, name="manage_messages"),
    path("messages/<int:message_id>/", mail.message_page, name="manage_message"),
    path("messages/<int:message_id>/mail.eml", mail.mail_file, name="manage_message_file"),
    path("messages/<int:message_id>/retry/", mail.retry, name="manage_message_retry"),
    path(
        "messages/<int:message_id>/retry-alike/",
        mail.retry_alike,
        name="manage_message_retry_alike",
    ),
    path(
        "messages/<int:message_id>/address/",
        mail.correct_address,
        name="manage_message_address",
    ),
    path("messages/<int:message_id>/drop/", mail.drop, name="manage_message_drop"),
]
