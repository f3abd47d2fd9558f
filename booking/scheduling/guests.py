"""Guests of a session, such as an interpreter or a speaker: they come without taking a place.

They get its details, and online a join link of their own, in plain mail, and hear of every change.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from django.db import IntegrityError, transaction

from accounts.models import User
from booking.catalogue.models import Session, SessionEvent
from booking.outbox import posting as outbox
from booking.outbox.posting import Draft
from booking.outbox.topics import MailTopic, register
from booking.places.changes import Change, Matter
from booking.places.lock import locked_session
from booking.places.refusals import PlaceRefused
from booking.places.rules.decision import check_ahead
from booking.scheduling.models import SessionGuest

INVITED = "guest.invited"
CHANGED = "guest.changed"
REMOVED = "guest.removed"
CANCELLED = "guest.cancelled"
TOPICS = (INVITED, CHANGED, REMOVED, CANCELLED)
register(
    MailTopic(INVITED, "To a guest: the details of a session"),
    MailTopic(CHANGED, "To a guest: a session changed"),
    MailTopic(REMOVED, "To a guest: not needed any more"),
    MailTopic(CANCELLED, "To a guest: a session is cancelled"),
)


class GuestAlready(PlaceRefused):
    """The address is that of a guest of the session."""

    sentence = "Somebody with this address is a guest of the session already."
    field = "email"


def add_guest(
    *, session: Session, name: str, email: str, purpose: str, by: User, now: datetime
) -> SessionGuest:
    """Have somebody come without a place, and send them the details.

    Raises `GuestAlready`, `SessionNotOpen` or `SessionStarted`.
    """
    with locked_session(session) as ruled:
        locked = ruled.session
        check_ahead(locked, now=now)
        guest = SessionGuest(
            session=locked, name=name, email=email, purpose=purpose, added_by=by, added_at=now
        )
        try:
            with transaction.atomic():
                guest.save()
        except IntegrityError as twice:
            raise GuestAlready from twice
        _record(locked, f"Guest: {guest.name} ({guest.purpose})", by=by, now=now)
        _post([guest], INVITED, "", {}, now=now)
    return guest


def remove_guest(*, guest: SessionGuest, by: User, now: datetime) -> None:
    """Somebody need not come any more, and is told so; a second time nothing happens.

    Raises `SessionNotOpen` or `SessionStarted`.
    """
    with locked_session(guest.session) as ruled:
        check_ahead(ruled.session, now=now)
        if SessionGuest.objects.coming().filter(pk=guest.pk).update(ended_at=now):
            _record(ruled.session, f"Guest not needed: {guest.name}", by=by, now=now)
            _post([guest], REMOVED, "", {}, now=now)


def are_told(changes: Iterable[Change]) -> bool:
    """Whether guests hear of these changes: of all but who leads the session."""
    return any(change.matter is not Matter.TRAINERS for change in changes)


def tell_of_change(
    session: Session, changes: Sequence[Change], *, note: str = "", now: datetime
) -> None:
    """A published session changed. In the caller's transaction."""
    if are_told(changes):
        told = {"changes": [each.as_payload() for each in changes], "note": note}
        _post(session.guests.coming(), CHANGED, session.revision, told, now=now)


def tell_of_end(session: Session, *, why: str, now: datetime) -> None:
    """A published session was cancelled, for this reason. In the caller's transaction."""
    _post(session.guests.coming(), CANCELLED, "", {"why": why}, now=now)


def _record(session: Session, what: str, *, by: User, now: datetime) -> None:
    SessionEvent.objects.create(session=session, at=now, by=by, what=what[:200])


def _post(
    guests: Iterable[SessionGuest],
    topic: str,
    revision: object,
    payload: dict[str, Any],
    *,
    now: datetime,
) -> None:
    outbox.post(
        [
            Draft(
                topic=topic,
                subject_key=f"guest:{guest.pk}",
                revision=str(revision),
                stream=f"guest:{guest.pk}",
                to_email=guest.email,
                payload={"guest": guest.pk, "session": guest.session_id} | payload,
            )
            for guest in guests
        ],
        now=now,
    )
