"""Copies to the line manager of what the practitioner is told, where the course asks for them.

A copy is a message of its own, so that trouble with the manager's address holds up nothing else.
It brings no calendar entry, which has one attendee only, and nothing by which to act. It leaves
out what the practitioner wrote: their reasons for cancelling may be nobody else's business.

It goes to the manager who was asked about this booking, else to the person's usual one. An address
that nobody has confirmed may be anybody's: without a coordinator's word, or the manager's own
answer, a copy goes to one at a domain of the person's agency only, as the question itself would.
"""

import hashlib
from collections.abc import Iterable
from typing import Any

from django.db.models import prefetch_related_objects

from accounts.addresses import same_mailbox
from accounts.models import User
from booking.catalogue.models import Course
from booking.outbox.posting import Draft
from booking.outbox.topics import MailTopic, register, topic_of
from booking.places.changes import for_others_too
from booking.places.lock import CourseRules
from booking.places.managers.models import Approval
from booking.places.models import Booking, BookingQuerySet
from booking.places.rules.rules import is_address_of_agency

register(
    MailTopic("manager.confirmed", "Copy of the confirmation to the manager", is_to_manager=True),
    MailTopic("manager.changed", "Copy of the change to the manager", is_to_manager=True),
    MailTopic("manager.cancelled", "Copy of the cancellation to the manager", is_to_manager=True),
)

# Only a person with a place is told of calendar entries, be it that none of them changes.
_OF_PLACE = {"event", "entries"}


def copied_to(booking: Booking, course: Course) -> str:
    """The address that gets copies of the mail about this booking; empty if none does.

    Costs no statement if the booking comes with its approval and its person's agency.
    """
    if not course.copies_manager:
        return ""
    return _manager_of(booking, was_asked=course.needs_manager_approval)


def would_be_copied_to(person: User, course: Course) -> str:
    """The address that would get copies if this person booked and named no other manager."""
    return _if_trusted(person.manager_email, person) if course.copies_manager else ""


def copied_of_change(bookings: BookingQuerySet) -> list[str]:
    """The address that would get a copy for each of these bookings, if people were told of it.

    Costs one statement, however many sessions and courses the bookings are of.
    """
    held = bookings.confirmed().filter(session__course__copies_manager=True)
    read = held.select_related("person__agency", "approval", "session__course").only(
        "person__email",
        "person__manager_email",
        "person__agency__email_domains",
        "person__agency_confirmed_at",
        "approval__state",
        "approval__manager_email",
        "approval__confirmed_by",
        "session__course__copies_manager",
        "session__course__needs_manager_approval",
    )
    return list(filter(None, (copied_to(each, each.session.course) for each in read)))


def manager_to_ask(booking: Booking) -> str:
    """The manager who is asked why somebody did not come: who agreed, else the usual one, or none.

    As a copy goes to nobody else, a question does not either.
    """
    return _manager_of(booking, was_asked=True)


def _manager_of(booking: Booking, *, was_asked: bool) -> str:
    approval: Approval | None = getattr(booking, "approval", None) if was_asked else None
    if approval is None:
        return _if_trusted(booking.person.manager_email, booking.person)
    is_trusted = approval.confirmed_by_id is not None or approval.state == Approval.State.APPROVED
    return _if_trusted(approval.manager_email, booking.person, is_trusted=is_trusted)


def _if_trusted(address: str, person: User, *, is_trusted: bool = False) -> str:
    """The address, or nothing: nobody gets a copy of what they are sent themselves either."""
    if same_mailbox(address, person.email):
        return ""
    agency = person.proved_agency
    domains = agency.email_domains if agency else ()
    return address if is_trusted or is_address_of_agency(address, domains) else ""


def with_copies(
    drafts: Iterable[Draft], rules: CourseRules, bookings: Iterable[Booking]
) -> list[Draft]:
    """The drafts, followed by the copies that go to managers, to be posted together.

    Copied is what tells of a place, not of a turn on the waiting list. `bookings` are those the
    drafts are about, with their people and approvals.
    """
    told = list(drafts)
    if not rules.copies_manager:
        return told
    bookings = list(bookings)
    prefetch_related_objects([booking.person for booking in bookings], "agency")
    managers = {
        booking.pk: _manager_of(booking, was_asked=rules.needs_manager_approval)
        for booking in bookings
    }
    for draft in list(told):
        address, payload = managers.get(draft.booking_id or 0), _payload(draft)
        if address and payload is not None:
            told.append(_copy(draft, address, payload))
    return told


def _payload(draft: Draft) -> dict[str, Any] | None:
    """What the copy says besides when and where; none if a manager need not know."""
    if not topic_of(draft.topic).copied_as or not _OF_PLACE & draft.payload.keys():
        return None
    if draft.topic == "session.changed":
        # The way in is for those who attend.
        changes = for_others_too(draft.payload["changes"])
        return {"changes": changes} if changes else None
    if draft.topic == "session.cancelled":
        return {"of_session": True, "why": draft.payload["why"]}
    if draft.topic == "booking.cancelled":
        return {name: draft.payload[name] for name in ("handed_to", "moved_to")}
    return {}


def _copy(draft: Draft, address: str, payload: dict[str, Any]) -> Draft:
    # An address may be longer than a stream's name.
    key = hashlib.sha256(address.encode()).hexdigest()[:16]
    return Draft(
        topic=topic_of(draft.topic).copied_as,
        subject_key=draft.subject_key,
        revision=draft.revision,
        stream=f"{draft.subject_key}:manager:{key}",
        to_email=address,
        booking_id=draft.booking_id,
        payload=payload,
    )
