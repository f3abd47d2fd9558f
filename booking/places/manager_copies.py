"""Copies to the line manager of what the practitioner is told, where the course asks for them.

A copy is a message of its own, so that trouble with the manager's address holds up nothing else.
It brings no calendar entry, which has one attendee only, and nothing by which to act. It leaves
out what the practitioner wrote: their reasons for cancelling may be nobody else's business.
"""

import hashlib
from collections.abc import Iterable
from typing import Any

from accounts.models import User
from booking.catalogue.models import Course, Session
from booking.outbox.actions import Draft
from booking.places.changed import FOR_ATTENDING
from booking.places.models import Booking

CONFIRMED, CHANGED, CANCELLED = "manager.confirmed", "manager.changed", "manager.cancelled"
TO_MANAGERS = (CONFIRMED, CHANGED, CANCELLED)

_COPIED = {
    "booking.confirmed": CONFIRMED,
    "booking.promoted": CONFIRMED,
    "session.changed": CHANGED,
    "booking.cancelled": CANCELLED,
    "session.cancelled": CANCELLED,
}


def copied_to(person: User, course: Course) -> str:
    """The address that gets copies of this person's mail about the course; empty if none does."""
    return _manager_of(person) if course.copies_manager else ""


def _manager_of(person: User) -> str:
    """Nobody gets a copy of what they are sent themselves."""
    address = person.manager_email
    return "" if address.casefold() == person.email.casefold() else address


def with_copies(
    drafts: Iterable[Draft], *, session: Session, bookings: Iterable[Booking]
) -> list[Draft]:
    """The drafts, followed by the copies that go to managers, to be posted together.

    Copied is what tells of a place, not of a turn on the waiting list. `bookings` are those the
    drafts are about, with their people; the session was read with its lock.
    """
    told = list(drafts)
    if not session.course_rules.copies_manager:
        return told
    managers = {booking.pk: _manager_of(booking.person) for booking in bookings}
    copies = []
    for draft in told:
        address = managers.get(draft.booking_id or 0)
        payload = _payload(draft)
        if address and payload is not None:
            copies.append(_copy(draft, address, payload))
    return [*told, *copies]


def _payload(draft: Draft) -> dict[str, Any] | None:
    """What the copy says besides when and where; none if a manager need not know."""
    if draft.topic not in _COPIED or "event" not in draft.payload:
        # Only with a place there is a calendar entry.
        return None
    if draft.topic == "session.changed":
        # The way in is for those who attend.
        told = draft.payload["changes"]
        changes = [each for each in told if each["what"] not in FOR_ATTENDING]
        return {"changes": changes} if changes else None
    if draft.topic == "session.cancelled":
        return {"of_session": True, "why": draft.payload["why"]}
    if draft.topic == "booking.cancelled":
        return {name: draft.payload[name] for name in ("handed_to", "moved_to")}
    return {}


def _copy(draft: Draft, address: str, payload: dict[str, Any]) -> Draft:
    # An address may be longer than a stream's name.
    key = hashlib.sha256(address.casefold().encode()).hexdigest()[:16]
    return Draft(
        topic=_COPIED[draft.topic],
        subject_key=draft.subject_key,
        revision=draft.revision,
        stream=f"{draft.subject_key}:manager:{key}",
        to_email=address,
        booking_id=draft.booking_id,
        payload=payload,
    )
