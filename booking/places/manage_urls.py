"""Addresses of the coordinators' pages, under /manage/."""

from django.urls import path

from booking.places import (
    demand_views,
    learning_views,
    manage_cancel,
    manage_changes,
    manage_courses,
    manage_desk,
    manage_limits,
    manage_mail,
    manage_managers,
    manage_policies,
    manage_views,
    manage_waiting,
)

urlpatterns = [
    path("", manage_views.sessions, name="manage_sessions"),
    path("sessions/new/", manage_views.new, name="manage_session_new"),
    path("sessions/<int:session_id>/", manage_views.overview, name="manage_session"),
    path("sessions/<int:session_id>/edit/", manage_views.edit, name="manage_session_edit"),
    path("sessions/<int:session_id>/publish/", manage_views.publish, name="manage_session_publish"),
    path(
        "sessions/<int:session_id>/goes-ahead/",
        manage_views.go_ahead,
        name="manage_session_goes_ahead",
    ),
    path("sessions/<int:session_id>/discard/", manage_views.discard, name="manage_session_discard"),
    path(
        "sessions/<int:session_id>/bookings/", manage_views.bookings, name="manage_session_bookings"
    ),
    path("sessions/<int:session_id>/change/", manage_changes.change, name="manage_session_change"),
    path(
        "sessions/<int:session_id>/waiting/",
        manage_waiting.waiting,
        name="manage_session_waiting",
    ),
    path(
        "bookings/<int:booking_id>/move-up/",
        manage_waiting.move_up,
        name="manage_booking_move_up",
    ),
    path(
        "sessions/<int:session_id>/places/",
        manage_limits.who_gets_places,
        name="manage_session_limits",
    ),
    path(
        "sessions/<int:session_id>/capacity/",
        manage_changes.capacity,
        name="manage_session_capacity",
    ),
    path("sessions/<int:session_id>/cancel/", manage_cancel.cancel, name="manage_session_cancel"),
    path(
        "bookings/<int:booking_id>/cancel/",
        manage_changes.cancel_booking,
        name="manage_booking_cancel",
    ),
    path("courses/", manage_courses.courses, name="manage_courses"),
    path("courses/new/", manage_courses.course, name="manage_course_new"),
    path("courses/<int:course_id>/", manage_courses.course, name="manage_course"),
    path("groups/", manage_courses.group_list, name="manage_groups"),
    path("groups/<int:group_id>/", manage_courses.group, name="manage_group"),
    path(
        "groups/<int:group_id>/remove/<int:person_id>/",
        manage_courses.remove_member,
        name="manage_group_remove",
    ),
    path("demand/", demand_views.courses, name="manage_demand"),
    path("demand/<int:course_id>/", demand_views.agencies, name="manage_demand_course"),
    path("learning/", learning_views.to_check, name="manage_learning"),
    path("learning/<int:declaration_id>/", learning_views.check, name="manage_learning_check"),
    path("managers/", manage_managers.to_confirm, name="manage_managers"),
    path(
        "managers/<int:approval_id>/confirm/",
        manage_managers.confirm,
        name="manage_manager_confirm",
    ),
    path(
        "managers/<int:approval_id>/decline/",
        manage_managers.decline,
        name="manage_manager_decline",
    ),
    path("policies/", manage_policies.policies, name="manage_policies"),
    path("policies/new/", manage_policies.new_policy, name="manage_policy_new"),
    path("policies/<int:policy_id>/", manage_policies.policy_version, name="manage_policy"),
    path("unlisted/", manage_desk.unlisted, name="manage_unlisted"),
    path("unlisted/<int:person_id>/", manage_desk.settle, name="manage_unlisted_person"),
    path("messages/", manage_mail.messages_page, name="manage_messages"),
    path("messages/<int:message_id>/", manage_mail.message_page, name="manage_message"),
    path("messages/<int:message_id>/mail.eml", manage_mail.mail_file, name="manage_message_file"),
    path("messages/<int:message_id>/retry/", manage_mail.retry, name="manage_message_retry"),
    path(
        "messages/<int:message_id>/address/",
        manage_mail.correct_address,
        name="manage_message_address",
    ),
    path("messages/<int:message_id>/drop/", manage_mail.drop, name="manage_message_drop"),
]
