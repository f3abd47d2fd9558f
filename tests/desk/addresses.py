"""Every address of a coordinator's page."""

from django.urls import reverse

from booking.catalogue.models import Session
from booking.outbox.models import Message
from tests.desk.coordinators import ahead, with_people
from tests.factories import make_person, make_policy, make_session


def every_address() -> list[tuple[str, set[str]]]:
    """Each address of a coordinator's page, and the methods it answers."""
    session = with_people(booked=1)
    booking = session.bookings.get()
    draft = make_session(state=Session.State.DRAFT, starts_at=ahead())
    person = make_person(agency=None, unlisted_agency="Leeds Rowing Club")
    message = Message.objects.filter(booking=booking)[0]
    Message.objects.filter(pk=message.pk).update(mime=b"Subject: Booked\r\n\r\nHello\r\n")
    both, get, post = {"GET", "POST"}, {"GET"}, {"POST"}
    return [
        (reverse("manage"), get),
        (reverse("manage_sessions"), get),
        (reverse("manage_session_new"), both),
        (f"{reverse('manage_session_new')}?course={session.course_id}", both),
        (reverse("manage_session", args=[session.pk]), get),
        (reverse("manage_session_edit", args=[session.pk]), both),
        (reverse("manage_session_edit", args=[draft.pk]), both),
        (reverse("manage_session_people", args=[session.pk]), get),
        (reverse("manage_session_change", args=[session.pk]), both),
        (reverse("manage_session_limits", args=[session.pk]), both),
        (reverse("manage_session_limits", args=[draft.pk]), both),
        (reverse("manage_session_waiting", args=[session.pk]), get),
        (reverse("manage_session_goes_ahead", args=[session.pk]), post),
        (reverse("manage_booking_move_up", args=[booking.pk]), both),
        (reverse("manage_session_capacity", args=[session.pk]), both),
        (reverse("manage_session_cancel", args=[session.pk]), both),
        (reverse("manage_booking_cancel", args=[booking.pk]), both),
        (reverse("manage_booking_undo", args=[booking.pk]), post),
        (reverse("manage_session_add", args=[session.pk]), both),
        (reverse("manage_person_book", args=[person.pk]), get),
        (reverse("manage_post"), get),
        (reverse("manage_policies"), get),
        (reverse("manage_venues"), get),
        (reverse("manage_venue_new"), both),
        (reverse("manage_venue", args=[session.venue_id]), both),
        (reverse("manage_policy_new"), both),
        (reverse("manage_policy", args=[make_policy().pk]), both),
        (reverse("manage_agencies"), get),
        (reverse("manage_agency_settle", args=[person.pk]), both),
        (reverse("manage_messages"), get),
        (reverse("manage_message", args=[message.pk]), get),
        (reverse("manage_message_file", args=[message.pk]), get),
        (reverse("manage_message_retry_alike", args=[message.pk]), both),
        (reverse("manage_message_address", args=[message.pk]), both),
        (reverse("manage_message_drop", args=[message.pk]), both),
        (reverse("manage_message_retry", args=[message.pk]), post),
        (reverse("manage_session_publish", args=[draft.pk]), post),
        (reverse("manage_session_discard", args=[draft.pk]), both),
    ]
