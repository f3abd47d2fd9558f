"""Loading bookings and sessions for a person, or answering 404: who may see what, in one place.

Who loads another person's booking is on record for it.
"""

from datetime import datetime

from django.db import connection
from django.db.models import BigIntegerField
from django.http import Http404
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils import timezone

from accounts.access import looked_at
from accounts.models import User
from booking.catalogue.models import Session, with_sittings
from booking.places import links
from booking.places.managers.models import Approval
from booking.places.models import Booking, BookingQuerySet
from booking.places.pages.readers import read_for
from booking.site.ready_queries import Later, Ready

_BOOKING = "booking"
_KEY, _PERSON = Later("key", BigIntegerField()), Later("person", BigIntegerField())
_PUBLIC: Ready[Session] = Ready(
    lambda: Session.objects.public().for_pages(sittings=False).filter(pk=_KEY)
)


def booking_for(person: User, booking_id: int) -> Booking:
    """A booking whose page this person may open. Raises `Http404` for anybody else's."""
    for own in _OWN(key=booking_id, person=person.pk):
        return own
    return _found(Booking.objects.visible_to(person), booking_id, by=person)


def arranged_booking(person: User, booking_id: int, *, now: datetime) -> Booking:
    """A booking that this person may cancel, hand over or move. Raises `Http404` for others."""
    return _found(Booking.objects.arranged_by(person, now=now), booking_id, by=person)


def colleagues_booking(lead: User, booking_id: int, *, now: datetime) -> Booking:
    """A booking of somebody of this lead's agency. Raises `Http404` for anybody else's."""
    assert lead.agency_id is not None  # noqa: S101
    theirs = Booking.objects.of_agency(lead.agency_id, now=now).with_who_has_it_instead()
    return _found(theirs, booking_id, by=lead)


def page_address(booking: Booking, person: User) -> str:
    """Where this person sees the booking: leads have a page of their own for their colleagues'."""
    if booking.person_id == person.pk or person.is_coordinator:
        return booking.get_absolute_url()
    return reverse("agency_booking", args=[booking.pk])


def booking_to_ask_about(person: User, booking_id: int) -> Booking:
    """A booking about which a manager is or was asked. Raises `Http404` as `booking_for` does."""
    bookings = Booking.objects.visible_to(person).exclude(approval=None)
    return _found(bookings, booking_id, by=person)


def _with_all(bookings: BookingQuerySet) -> BookingQuerySet:
    return bookings.select_related(
        "person__agency",
        "agency",
        "booked_by",
        "session__course",
        "session__venue",
        "session__register",
        "policy",
        "approval",
        "replaces__person",
        "replaces__session",
    ).defer("session__course__search")


_OWN: Ready[Booking] = Ready(lambda: _with_all(Booking.objects.filter(pk=_KEY, person=_PERSON)))


def _found(bookings: BookingQuerySet, booking_id: int, *, by: User) -> Booking:
    booking = get_object_or_404(_with_all(bookings), pk=booking_id)
    looked_at(booking.person, by=by, what=_BOOKING)
    return booking


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
    approval = approvals.filter(key=key).first()
    if approval is not None:
        looked_at(approval.booking.person, by=None, what=_BOOKING)
    return approval


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


def public_session(session_id: int, reader: User) -> Session:
    """A session that is not a draft, with the places that this person could have.

    Two statements. Raises `Http404`.
    """
    found = with_sittings(_PUBLIC(key=session_id))
    if not found:
        raise Http404
    read_for(found, reader, now=timezone.now())
    return found[0]


def unread_session(session_id: int) -> Session:
    """The session that an address names, for an action that reads it under its own lock."""
    return Session.from_db(connection.alias, ["id"], [session_id])
