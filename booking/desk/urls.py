"""Addresses of the coordinators' pages, under /manage/."""

from django.urls import path

from booking.desk import (
    absences,
    access_log,
    agencies,
    bookings,
    figures,
    materials,
    needs,
    people,
    post,
    settings,
    telephone,
    today,
)
from booking.desk.bulletins import blocks, diary, groups, sending
from booking.desk.bulletins import writing as bulletins
from booking.desk.catalogue import agencies as listed
from booking.desk.catalogue import courses, importing, policies, venues
from booking.desk.mail import message, messages, received
from booking.desk.person import changing as person_changing
from booking.desk.person import finding
from booking.desk.person import page as person
from booking.desk.sessions import changing, covering, guests, places, planning, sessions, writing
from booking.desk.sessions import people as of_session
from booking.privacy import views as privacy

urlpatterns = [
    path("", today.today, name="manage"),
    path("figures/", figures.figures, name="manage_figures"),
    path("figures/agencies.csv", figures.agencies_csv, name="manage_figures_agencies_csv"),
    path("figures/courses.csv", figures.courses_csv, name="manage_figures_courses_csv"),
    path("sessions/", sessions.sessions, name="manage_sessions"),
    path("sessions/new/", sessions.new, name="manage_session_new"),
    path("sessions/plan/", planning.plan, name="manage_session_plan"),
    path("sessions/copy/", planning.copy, name="manage_session_copy"),
    path("sessions/drafts/", planning.drafts, name="manage_session_drafts"),
    path("sessions/<key:session_id>/", sessions.overview, name="manage_session"),
    path("sessions/<key:session_id>/edit/", sessions.edit, name="manage_session_edit"),
    path("sessions/<key:session_id>/publish/", sessions.publish, name="manage_session_publish"),
    path(
        "sessions/<key:session_id>/goes-ahead/", sessions.go_ahead, name="manage_session_goes_ahead"
    ),
    path("sessions/<key:session_id>/discard/", sessions.discard, name="manage_session_discard"),
    path("sessions/<key:session_id>/people/", of_session.people, name="manage_session_people"),
    path(
        "sessions/<key:session_id>/people.csv",
        of_session.people_csv,
        name="manage_session_people_csv",
    ),
    path("sessions/<key:session_id>/add/", telephone.add_person, name="manage_session_add"),
    path("sessions/<key:session_id>/change/", changing.change, name="manage_session_change"),
    path("sessions/<key:session_id>/write/", writing.write, name="manage_session_write"),
    path("sessions/<key:session_id>/cover/", covering.cover, name="manage_session_cover"),
    path("sessions/<key:session_id>/guests/", guests.guests, name="manage_session_guests"),
    path("guests/<key:guest_id>/not-coming/", guests.not_coming, name="manage_guest_not_coming"),
    path(
        "sessions/<key:session_id>/materials/",
        materials.of_session,
        name="manage_session_materials",
    ),
    path(
        "materials/<key:material_id>/remove/",
        materials.remove,
        name="manage_session_material_remove",
    ),
    path("sessions/<key:session_id>/waiting/", places.waiting, name="manage_session_waiting"),
    path("bookings/<key:booking_id>/move-up/", places.move_up, name="manage_booking_move_up"),
    path("sessions/<key:session_id>/places/", places.who_gets_places, name="manage_session_limits"),
    path("sessions/<key:session_id>/capacity/", changing.capacity, name="manage_session_capacity"),
    path("sessions/<key:session_id>/cancel/", changing.cancel, name="manage_session_cancel"),
    path(
        "bookings/<key:booking_id>/cancel/", bookings.cancel_booking, name="manage_booking_cancel"
    ),
    path("bookings/<key:booking_id>/undo/", bookings.undo_cancelling, name="manage_booking_undo"),
    path("courses/", courses.courses, name="manage_courses"),
    path("courses/new/", courses.course, name="manage_course_new"),
    path("courses/<key:course_id>/", courses.course, name="manage_course"),
    path(
        "courses/<key:course_id>/places/", places.who_gets_new_places, name="manage_course_limits"
    ),
    path("courses/<key:course_id>/materials/", materials.of_course, name="manage_course_materials"),
    path("topics/", courses.topics, name="manage_topics"),
    path("topics/<key:topic_id>/", courses.topic, name="manage_topic"),
    path("groups/", courses.group_list, name="manage_groups"),
    path("groups/<key:group_id>/", courses.group, name="manage_group"),
    path("groups/<key:group_id>/page/", groups.group_page, name="manage_group_page"),
    path(
        "groups/<key:group_id>/answer/<key:person_id>/",
        groups.answer_member,
        name="manage_group_answer",
    ),
    path(
        "groups/<key:group_id>/remove/<key:person_id>/",
        courses.remove_member,
        name="manage_group_remove",
    ),
    path("venues/", venues.venues, name="manage_venues"),
    path("venues/new/", venues.venue, name="manage_venue_new"),
    path("venues/<key:venue_id>/", venues.venue, name="manage_venue"),
    path("bulletins/", bulletins.bulletins, name="manage_bulletins"),
    path("bulletins/new/", bulletins.new, name="manage_bulletin_new"),
    path("bulletins/<key:bulletin_id>/", bulletins.bulletin, name="manage_bulletin"),
    path("bulletins/<key:bulletin_id>/article/", bulletins.article, name="manage_bulletin_article"),
    path(
        "bulletins/<key:bulletin_id>/block/<str:block>/",
        bulletins.block,
        name="manage_bulletin_block",
    ),
    path("bulletins/parts/<key:part_id>/", bulletins.part, name="manage_bulletin_part"),
    path("bulletins/parts/<key:part_id>/up/", bulletins.part_up, name="manage_bulletin_part_up"),
    path("bulletins/<key:bulletin_id>/preview/", sending.preview, name="manage_bulletin_preview"),
    path("bulletins/<key:bulletin_id>/mail/", sending.mail, name="manage_bulletin_mail"),
    path("bulletins/<key:bulletin_id>/test/", sending.test, name="manage_bulletin_test"),
    path("bulletins/<key:bulletin_id>/send/", sending.send, name="manage_bulletin_send"),
    path("spaces/", blocks.blocks, name="manage_blocks"),
    path("spaces/mail/", blocks.block_mail, name="manage_block_mail"),
    path("diary/", diary.diary, name="manage_diary"),
    path("diary/new/", diary.diary_date, name="manage_diary_new"),
    path("diary/<key:diary_id>/", diary.diary_date, name="manage_diary_date"),
    path("files/", importing.files, name="manage_files"),
    path("files/import/", importing.import_shown, name="manage_files_import"),
    path("files/discard/", importing.discard, name="manage_files_discard"),
    path("files/<str:file>", importing.export, name="manage_files_export"),
    path("needs/", needs.needs, name="manage_needs"),
    path("bookings/<key:booking_id>/needs/", needs.arranged, name="manage_needs_arranged"),
    path("demand/", people.courses_wanted, name="manage_demand"),
    path("demand/<key:course_id>/", people.agencies_wanting, name="manage_demand_course"),
    path("learning/", people.learning_to_check, name="manage_learning"),
    path("mailboxes/", people.accounts_of_one_mailbox, name="manage_mailboxes"),
    path("learning/<key:declaration_id>/", people.check_learning, name="manage_learning_check"),
    path("absences/", absences.cases, name="manage_absences"),
    path("absences/<key:case_id>/", absences.case, name="manage_absence"),
    path("earlier/", people.earlier_missing, name="manage_earlier"),
    path("earlier/<key:booking_id>/let-stand/", people.let_stand, name="manage_earlier_let_stand"),
    path("managers/", people.managers_to_confirm, name="manage_managers"),
    path(
        "managers/<key:approval_id>/confirm/", people.confirm_manager, name="manage_manager_confirm"
    ),
    path(
        "managers/<key:approval_id>/decline/", people.decline_manager, name="manage_manager_decline"
    ),
    path("people/", finding.people, name="manage_people"),
    path("people/csv/", finding.people_csv, name="manage_people_csv"),
    path("people/new/", finding.new, name="manage_person_new"),
    path("people/<key:person_id>/", person.person, name="manage_person"),
    path("people/<key:person_id>/correct/", person_changing.correct, name="manage_person_correct"),
    path("people/<key:person_id>/roles/", person_changing.roles, name="manage_person_roles"),
    path("people/<key:person_id>/merge/", person_changing.merge, name="manage_person_merge"),
    path("people/<key:person_id>/end/", person_changing.end, name="manage_person_end"),
    path("people/<key:person_id>/reopen/", person_changing.reopen, name="manage_person_reopen"),
    path("people/<key:person_id>/held/", privacy.held, name="manage_person_held"),
    path("people/<key:person_id>/book/", telephone.book_for, name="manage_person_book"),
    path("people/<key:person_id>/copy/", privacy.person_copy, name="manage_person_copy"),
    path("policies/", policies.policies, name="manage_policies"),
    path("policies/new/", policies.policy, name="manage_policy_new"),
    path("policies/<key:policy_id>/", policies.policy, name="manage_policy"),
    path("settings/", settings.settings, name="manage_settings"),
    path("agency-list/", listed.agencies, name="manage_listed"),
    path("agency-list/new/", listed.agency, name="manage_listed_new"),
    path("agency-list/<key:agency_id>/", listed.agency, name="manage_listed_agency"),
    path("agency-list/<key:agency_id>/merge/", listed.merge, name="manage_listed_merge"),
    path("looks/", access_log.looks, name="manage_looks"),
    path("agencies/", agencies.unconfirmed, name="manage_agencies"),
    path("agencies/<key:person_id>/confirm/", agencies.confirm, name="manage_agency_confirm"),
    path("agencies/<key:person_id>/not-theirs/", agencies.not_theirs, name="manage_agency_not"),
    path("agencies/<key:person_id>/", agencies.settle_unlisted, name="manage_agency_settle"),
    path("messages/", messages.messages_page, name="manage_messages"),
    path("messages/<key:message_id>/", message.message_page, name="manage_message"),
    path("messages/<key:message_id>/mail.eml", message.mail_file, name="manage_message_file"),
    path("messages/<key:message_id>/retry/", message.retry, name="manage_message_retry"),
    path("messages/<key:message_id>/again/", message.again, name="manage_message_again"),
    path(
        "messages/<key:message_id>/retry-alike/",
        message.retry_alike,
        name="manage_message_retry_alike",
    ),
    path(
        "messages/<key:message_id>/address/", message.correct_address, name="manage_message_address"
    ),
    path("messages/<key:message_id>/drop/", message.drop, name="manage_message_drop"),
    path("post/", post.post, name="manage_post"),
    path("post/<key:message_id>/", post.letter, name="manage_post_letter"),
    path("received/", received.manage_received, name="manage_received"),
    path(
        "received/<key:received_id>/settle/",
        received.settle_received,
        name="manage_received_settle",
    ),
    path(
        "received/<key:received_id>/bring-back/",
        received.bring_back_received,
        name="manage_received_bring_back",
    ),
    path(
        "received/<key:received_id>/put-away/",
        received.put_away_received,
        name="manage_received_put_away",
    ),
    path("addresses/", received.manage_addresses, name="manage_addresses"),
    path(
        "addresses/<key:person_id>/works/",
        received.manage_address_works,
        name="manage_address_works",
    ),
]
