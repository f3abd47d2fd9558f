"""Loading bookings and sessions for a person, or answering 404: who may see what, in one place."""

from datetime import datetime

from django.shortcuts import get_object_or_404
from django.urls import reverse

from accounts.models import Agency, User
from booking.catalogue.models import Session
from booking.places import links
from booking.places.managers.models import Approval
from booking.places.models import Booking, BookingQuerySet


def booking_for(person: User, booking_id: int) -> Booking:
    """A booking whose page this person may open. Raises `Http404` for anybody else's."""
    return _found(Booking.objects.visible_to(person), booking_id)


def arranged_booking(person: User, booking_id: int, *, now: datetime) -> Booking:
    """A booking that this person may cancel, hand over or move. Raises `Http404` for others."""
    return _found(Booking.objects.arranged_by(person, now=now), booking_id)


def colleagues_booking(agency: Agency, booking_id: int, *, now: datetime) -> Booking:
    """A booking of somebody of this agency, for its lead. Raises `Http404` for anybody else's."""
    return _found(Booking.objects.of_agency(agency.pk, now=now), booking_id)


def page_address(booking: Booking, person: User) -> str:
    """Where this person sees the booking: leads have a page of their own for their colleagues'."""
    if booking.person_id == person.pk or person.is_coordinator:
        return booking.get_absolute_url()
    return reverse("agency_booking", args=[booking.pk])


def booking_to_ask_about(person: User, booking_id: int) -> Booking:
    """A booking about which a manager is or was asked. Raises `Http404` as `booking_for` does."""
    return _found(Booking.objects.visible_to(person).exclude(approval=None), booking_id)


def _found(bookings: BookingQuerySet, booking_id: int) -> Booking:
    with_all = bookings.select_related(
        "person__agency",
        "agency",
        "booked_by",
        "session__course",
        "session__venue",
        "policy",
        "approval",
    )
    return get_object_or_404(with_all, pk=booking_id)


def approval_by_link(token: str, *, now: datetime) -> Approval | None:
    """What the holder of a manager's link is asked; nothing if somebody else is asked since.

    Nobody is asked whose address a coordinator has yet to confirm. Raises `LinkRefused`.
    """
    key = links.approval_key(token, now=now)
    approvals = Approval.objects.select_related(
        "booking__person__agency",
        "booking__session__course",
        "booking__session__venue",
        "booking__policy",
        "booking__agency",
    ).exclude(state=Approval.State.UNCONFIRMED)
    return approvals.filter(key=key).first()


def booking_by_offer_link(token: str, *, now: datetime) -> tuple[Booking, bool]:
    """The booking whose offer a link answers, and whether that offer is the one that stands now.

    Raises `LinkRefused`, or `Http404` if there is no such booking.
    """
    key, mark = links.offer_of(token, now=now)
    bookings = Booking.objects.select_related(
        "person__agency", "agency", "policy", "approval", "session__course", "session__venue"
    )
    booking = get_object_or_404(bookings, pk=key)
    return booking, links.is_marked(mark, booking.offered_until)


def public_session(session_id: int) -> Session:
    """A session that is not a draft. Raises `Http404`."""
    sessions = Session.objects.public().select_related("course", "venue", "policy")
    return get_object_or_404(sessions, pk=session_id)


def unread_session(session_id: int) -> Session:
    """The session that an address names, for an action that reads it under its own lock."""
    return Session(pk=session_id)
