"""Who is answered what at each address of the site: a row an address."""

from collections.abc import Mapping

ROLES = (
    "anonymous",
    "owner",
    "other",
    # Was made a lead of the owner's agency, which nobody has confirmed that they work for.
    "unconfirmed",
    "lead",
    "other lead",
    "trainer",
    "other trainer",
    "coordinator",
    "superuser",
)
LOGIN = "login"

type Answer = int | str
type Answers = Mapping[str, Answer]


def everybody(answer: Answer) -> Answers:
    """The same answer whoever asks."""
    return dict.fromkeys(ROLES, answer)


def signed_in(answer: Answer) -> Answers:
    """The anonymous are led to sign in; everybody else gets this answer."""
    return {**everybody(answer), "anonymous": LOGIN}


def only(*roles: str, answer: Answer = 200) -> Answers:
    """The anonymous are led to sign in; to all but these roles it does not exist.

    A superuser is a coordinator too.
    """
    if "coordinator" in roles:
        roles = (*roles, "superuser")
    return {**signed_in(404), **dict.fromkeys(roles, answer)}


def coordinators(answer: Answer) -> Answers:
    """Coordinators get this answer."""
    return only("coordinator", answer=answer)


ARRANGING = ("owner", "lead", "coordinator")
LEADS = ("lead", "other lead")
OPEN = (everybody(200), everybody(200))
LOOK_ONLY = (coordinators(200), coordinators(405))

# Name of the address -> what a GET and what an empty POST is answered.
TABLE: Mapping[str, tuple[Answers, Answers]] = {
    "start": OPEN,
    "accessibility": OPEN,
    "privacy": OPEN,
    "partnership_colour": (everybody(200), everybody(405)),
    "partnership_logo": (everybody(200), everybody(405)),
    "security_txt": (everybody(200), everybody(405)),
    "healthz": OPEN,
    "readyz": OPEN,
    "programme": OPEN,
    "programme_ics": OPEN,
    "diary_ics": OPEN,
    "subscribe": OPEN,
    "embed": (everybody(200), everybody(405)),
    "embed_json": (everybody(200), everybody(405)),
    "embed_atom": (everybody(200), everybody(405)),
    "course": OPEN,
    "session": OPEN,
    "session_poster": OPEN,
    "session_ics": OPEN,
    # By a secret or signed address, which is all that is asked for.
    "private_feed": OPEN,
    "approval": (everybody(200), everybody(422)),
    "offer": (everybody(200), everybody(422)),
    "join": (everybody(200), everybody(409)),
    "room": (everybody(200), everybody(422)),
    "room_here": OPEN,
    "absence_by_link": (everybody(200), everybody(422)),
    "stop_interest": OPEN,
    "groups": OPEN,
    "group": OPEN,
    "group_join_or_leave": (signed_in(405), signed_in(302)),
    "bulletins": (everybody(200), everybody(405)),
    "bulletin": (everybody(200), everybody(405)),
    "bulletin_picture": (everybody(200), everybody(405)),
    "ask_for_bulletins": (
        {**everybody(302), "anonymous": 200},
        {**everybody(302), "anonymous": 422},
    ),
    "bulletin_choices": (signed_in(200), signed_in(302)),
    "confirm_subscription": OPEN,
    "unsubscribe": OPEN,
    "reminders_link": (everybody(200), everybody(422)),
    # One's own account.
    "account_profile": (signed_in(200), signed_in(422)),
    "account_emails": (signed_in(200), signed_in(422)),
    "two_step_needed": (signed_in(200), signed_in(200)),
    "learning": (signed_in(200), signed_in(405)),
    "declare_learning": (signed_in(200), signed_in(422)),
    "take_back_learning": (signed_in(405), only("owner", answer=302)),
    "calendar_feed": (signed_in(200), signed_in(405)),
    "make_feed": (signed_in(405), signed_in(200)),
    "make_feed led": (signed_in(405), only("trainer", "other trainer")),
    "remove_feed": (signed_in(405), signed_in(302)),
    "course_interest": (signed_in(405), signed_in(302)),
    # Bookings.
    "book": (signed_in(200), signed_in(302)),
    "my_bookings": (signed_in(200), signed_in(405)),
    "training_record": (signed_in(200), signed_in(405)),
    "booking": (only("owner", "coordinator"), signed_in(405)),
    "booking_ics": (only("owner"), signed_in(405)),
    # Coordinators are led to the page of the desk that does it.
    "cancel_booking": (
        {**only(*ARRANGING), "coordinator": 302, "superuser": 302},
        only(*ARRANGING, answer=302),
    ),
    "substitute_booking": (only(*ARRANGING), only(*ARRANGING, answer=422)),
    "move_booking": (only(*ARRANGING), only(*ARRANGING, answer=422)),
    "answer_offer": (signed_in(405), only("owner", "coordinator", answer=302)),
    "change_manager": (only("owner", "coordinator"), only("owner", "coordinator", answer=422)),
    "ask_new_manager": (signed_in(405), signed_in(302)),
    # An agency.
    "agency": (only(*LEADS), only(*LEADS, answer=405)),
    "agency_csv": (only(*LEADS), only(*LEADS, answer=405)),
    "agency_confirm": (only(*LEADS, answer=405), only("lead", answer=302)),
    "agency_not_ours": (only("lead"), only("lead", answer=302)),
    "agency_booking": (only("lead"), only(*LEADS, answer=405)),
    "agency_book": (only(*LEADS), only(*LEADS, answer=422)),
    "agency_book_many": (only(*LEADS), only(*LEADS, answer=409)),
    # Materials: a file for people with a place.
    "material": (only("owner", "trainer", "coordinator"), everybody(405)),
    # Who is coming.
    "trainer_sessions": (only("trainer", "other trainer"), signed_in(405)),
    "attendees": (only("trainer", "coordinator"), signed_in(405)),
    "attendees_print": (only("trainer", "coordinator"), signed_in(405)),
    "attendees_needs": (only("trainer", "coordinator"), signed_in(405)),
    "attendees_csv": (only("trainer", "coordinator"), signed_in(405)),
    "meeting_report": (only("trainer", "coordinator"), only("trainer", "coordinator", answer=422)),
    "room_screen": (only("trainer", "coordinator"), only("trainer", "coordinator", answer=302)),
    "register": (only("trainer", "coordinator"), signed_in(404)),
    "register_person": (
        only("trainer", "coordinator"),
        only("trainer", "coordinator", answer=422),
    ),
    "register_close": (
        only("trainer", "coordinator"),
        only("trainer", "coordinator", answer=409),
    ),
    "register_walk_in": (
        only("trainer", "coordinator"),
        only("trainer", "coordinator", answer=422),
    ),
    "absence": (only("owner"), only("owner", answer=422)),
    # Who was asked is the one who answers.
    "trainer_cover": (only("other trainer"), only("other trainer")),
    "manage_session_write": (
        only("trainer", "coordinator"),
        only("trainer", "coordinator", answer=422),
    ),
    # Coordinators.
    "manage": LOOK_ONLY,
    "manage_sessions": LOOK_ONLY,
    "manage_session": LOOK_ONLY,
    "manage_session_people": LOOK_ONLY,
    "manage_session_people_csv": LOOK_ONLY,
    "manage_needs": LOOK_ONLY,
    "manage_needs_arranged": (coordinators(405), coordinators(302)),
    "manage_session_waiting": LOOK_ONLY,
    "manage_figures": LOOK_ONLY,
    "manage_figures_agencies_csv": LOOK_ONLY,
    "manage_figures_courses_csv": LOOK_ONLY,
    "manage_demand": LOOK_ONLY,
    "manage_demand_course": LOOK_ONLY,
    "manage_learning": LOOK_ONLY,
    "manage_mailboxes": LOOK_ONLY,
    "manage_managers": LOOK_ONLY,
    "manage_earlier": LOOK_ONLY,
    "manage_absences": LOOK_ONLY,
    "manage_absence": (coordinators(200), coordinators(200)),
    "manage_looks": LOOK_ONLY,
    "manage_agencies": LOOK_ONLY,
    "manage_messages": LOOK_ONLY,
    "manage_message": LOOK_ONLY,
    "manage_message_file": LOOK_ONLY,
    "manage_received": LOOK_ONLY,
    "manage_addresses": LOOK_ONLY,
    "manage_courses": LOOK_ONLY,
    "manage_session_new": (coordinators(200), coordinators(422)),
    "manage_session_plan": (coordinators(200), coordinators(422)),
    "manage_session_copy": (coordinators(200), coordinators(422)),
    "manage_session_drafts": (coordinators(200), coordinators(422)),
    "manage_course_limits": (coordinators(200), coordinators(302)),
    "manage_topics": (coordinators(200), coordinators(422)),
    "manage_topic": (coordinators(200), coordinators(422)),
    "manage_session_materials": (coordinators(200), coordinators(422)),
    "manage_course_materials": (coordinators(200), coordinators(422)),
    "manage_session_material_remove": (coordinators(405), coordinators(302)),
    "manage_session_edit": (coordinators(200), coordinators(422)),
    "manage_session_publish": (coordinators(405), coordinators(302)),
    "manage_session_discard": (coordinators(200), coordinators(302)),
    "manage_session_cover": (coordinators(200), coordinators(422)),
    "manage_session_guests": (coordinators(200), coordinators(422)),
    "manage_guest_not_coming": (coordinators(405), coordinators(302)),
    "manage_session_change": (coordinators(200), coordinators(422)),
    "manage_session_capacity": (coordinators(200), coordinators(422)),
    "manage_session_limits": (coordinators(200), coordinators(302)),
    "manage_session_cancel": (coordinators(200), coordinators(422)),
    "manage_session_goes_ahead": (coordinators(405), coordinators(302)),
    "manage_booking_cancel": (coordinators(200), coordinators(302)),
    "manage_booking_undo": (coordinators(405), coordinators(302)),
    "manage_session_add": (coordinators(200), coordinators(200)),
    "manage_person_book": LOOK_ONLY,
    "manage_post": LOOK_ONLY,
    "manage_post_letter": (coordinators(200), coordinators(302)),
    "manage_booking_move_up": (coordinators(200), coordinators(422)),
    "manage_learning_check": (coordinators(200), coordinators(302)),
    "manage_earlier_let_stand": (coordinators(405), coordinators(302)),
    "manage_manager_confirm": (coordinators(405), coordinators(302)),
    "manage_manager_decline": (coordinators(200), coordinators(422)),
    "manage_agency_confirm": (coordinators(405), coordinators(302)),
    "manage_agency_not": (coordinators(200), coordinators(302)),
    "manage_agency_settle": (coordinators(200), coordinators(422)),
    "manage_message_retry": (coordinators(405), coordinators(302)),
    "manage_message_again": (coordinators(405), coordinators(302)),
    "manage_message_retry_alike": (coordinators(200), coordinators(302)),
    "manage_message_address": (coordinators(200), coordinators(422)),
    "manage_message_drop": (coordinators(200), coordinators(422)),
    "manage_received_bring_back": (coordinators(200), coordinators(302)),
    "manage_received_put_away": (coordinators(405), coordinators(302)),
    "manage_received_settle": (coordinators(405), coordinators(302)),
    "manage_address_works": (coordinators(200), coordinators(422)),
    "manage_people": LOOK_ONLY,
    "manage_people_csv": LOOK_ONLY,
    "manage_person_new": (coordinators(200), coordinators(422)),
    "manage_person": (coordinators(200), coordinators(422)),
    "manage_person_correct": (coordinators(200), coordinators(422)),
    "manage_person_roles": (coordinators(200), coordinators(302)),
    "manage_person_merge": (coordinators(200), coordinators(200)),
    "manage_person_end": (coordinators(200), coordinators(422)),
    "manage_person_reopen": (coordinators(200), coordinators(422)),
    "manage_files": (coordinators(200), coordinators(422)),
    "manage_files_import": (coordinators(405), coordinators(302)),
    "manage_files_discard": (coordinators(405), coordinators(302)),
    "manage_files_export": LOOK_ONLY,
    "manage_venues": LOOK_ONLY,
    "manage_venue_new": (coordinators(200), coordinators(422)),
    "manage_venue": (coordinators(200), coordinators(422)),
    "manage_course_new": (coordinators(200), coordinators(422)),
    "manage_course": (coordinators(200), coordinators(422)),
    "manage_groups": (coordinators(200), coordinators(422)),
    "manage_group_page": (coordinators(200), coordinators(302)),
    "manage_group_answer": (coordinators(405), coordinators(302)),
    "manage_group": (coordinators(200), coordinators(422)),
    "manage_blocks": LOOK_ONLY,
    "manage_bulletins": LOOK_ONLY,
    "manage_bulletin_new": (coordinators(200), coordinators(422)),
    "manage_bulletin": (coordinators(200), coordinators(422)),
    "manage_bulletin_article": (coordinators(200), coordinators(422)),
    "manage_bulletin_block": (coordinators(200), coordinators(302)),
    "manage_bulletin_part": (coordinators(200), coordinators(422)),
    "manage_bulletin_part_up": (coordinators(405), coordinators(302)),
    "manage_bulletin_preview": LOOK_ONLY,
    "manage_bulletin_mail": LOOK_ONLY,
    "manage_bulletin_test": (coordinators(405), coordinators(302)),
    "manage_bulletin_send": (coordinators(200), coordinators(409)),
    "manage_block_mail": LOOK_ONLY,
    "manage_diary": LOOK_ONLY,
    "manage_diary_new": (coordinators(200), coordinators(422)),
    "manage_diary_date": (coordinators(200), coordinators(422)),
    "manage_settings": (coordinators(200), coordinators(422)),
    "manage_listed": LOOK_ONLY,
    "manage_listed_new": (coordinators(200), coordinators(422)),
    "manage_listed_agency": (coordinators(200), coordinators(422)),
    "manage_listed_merge": (coordinators(200), coordinators(200)),
    "manage_policies": LOOK_ONLY,
    "manage_policy_new": (coordinators(200), coordinators(422)),
    "manage_policy": (coordinators(200), coordinators(422)),
    "manage_group_remove": (coordinators(405), coordinators(302)),
    # Superusers.
    "manage_person_held": (only("superuser"), only("superuser", answer=422)),
    "manage_person_copy": (only("superuser", answer=405), only("superuser")),
}

# django-allauth's own pages, and whether the anonymous may open them.
SIGN_IN = {
    "account_login": True,
    "account_request_login_code": True,
    "account_login_password": True,
    "account_logout": True,
    "account_inactive": True,
    "account_signup": True,
    "account_reauthenticate": False,
    "reauthenticate_by_code": False,
    "account_email": False,
    "account_email_verification_sent": True,
    "account_change_password": False,
    "account_set_password": False,
    "account_reset_password": True,
    "account_reset_password_done": True,
    "account_reset_password_from_key": True,
    "account_reset_password_from_key_done": True,
    "account_confirm_login_code": True,
    "mfa_index": False,
    "mfa_authenticate": True,
    "mfa_reauthenticate": False,
    "mfa_activate_totp": False,
    "mfa_deactivate_totp": False,
    "mfa_view_recovery_codes": False,
    "mfa_generate_recovery_codes": False,
    "mfa_download_recovery_codes": False,
    "mfa_list_webauthn": False,
    "mfa_add_webauthn": False,
    "mfa_reauthenticate_webauthn": False,
    "mfa_remove_webauthn": False,
    "mfa_edit_webauthn": False,
    "mfa_login_webauthn": True,
    "usersessions_list": False,
}
# Only where the demo's mailbox is, see `tests/local/test_mailbox.py`.
DEMO = ("mailbox", "mailbox_mail", "mailbox_html", "mailbox_raw", "mailbox_calendar")
# Open to a session that has yet to pass its person's second step.
BEFORE_SECOND_STEP = {
    *("accessibility", "privacy", "partnership_colour", "partnership_logo", "healthz", "readyz"),
    "security_txt",
    *("approval", "offer", "join", "absence_by_link", "room", "room_here"),
    *("stop_interest", "reminders_link"),
    *("confirm_subscription", "unsubscribe"),
    "two_step_needed",
}
# Lead to a proof of who asks, if nobody has given one for a while: before a list is taken away, and
# before a private address is made, or a way in, a role or a whole account changes.
PROVED_TO_LOOK = {
    *("agency_csv", "attendees_csv", "manage_people_csv", "manage_session_people_csv"),
    "manage_files_export",
}
PROVED = PROVED_TO_LOOK | {
    *("make_feed", "make_feed led", "remove_feed", "manage_message_address", "manage_person_new"),
    *("manage_person_correct", "manage_person_roles", "manage_person_merge", "manage_person_end"),
    "manage_person_reopen",
    *("manage_listed_new", "manage_listed_agency", "manage_listed_merge", "manage_agency_settle"),
    *("manage_person_held", "manage_person_copy", "manage_files_import"),
}
LOGO = "0123456789abcdef"
# When it was last read is written.
RECORDED = ("private_feed",)
# The same whoever is signed in, so that browsers may keep them.
SAME_FOR_ALL = (
    "partnership_colour",
    "partnership_logo",
    "healthz",
    "readyz",
    "programme_ics",
    "diary_ics",
    "embed",
    "embed_json",
    "embed_atom",
    "bulletin_picture",
    "session_ics",
    "private_feed",
)
