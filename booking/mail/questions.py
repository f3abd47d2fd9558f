"""What notices say that ask something: a manager to agree, a person to accept an offer."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from booking.catalogue.sittings import SittingTimes
from booking.outbox.models import Message
from booking.places import links, terms
from booking.places.managers.models import Approval
from booking.places.models import Booking
from booking.site import wording

ASKED, REMINDED, OFFERED = "approval.asked", "approval.reminder", "booking.offered"


@dataclass(frozen=True, kw_only=True, slots=True)
class Question:
    """What is asked, in words. `answer_path` is where it is answered without signing in."""

    answer_path: str
    who: str
    job_title: str
    agency: str
    length: str
    # What it costs to give the place up or not to use it; nothing where that is free.
    cost: str
    has_a_place: bool


def question_of(message: Message, booking: Booking) -> Question | None:
    """What a message asks, or nothing if it only tells.

    The booking comes with its approval, agency, policy and sittings. Raises `KeyError` or
    `ValueError` if an offer does not say until when.
    """
    sittings = [SittingTimes.of(each) for each in booking.session.sittings.all()]
    if message.topic in (ASKED, REMINDED):
        path = links.approval_path(booking.approval.key)
        cost = terms.charges_if_not_used(booking, sittings)
    elif message.topic == OFFERED:
        path = links.offer_path(booking.pk, datetime.fromisoformat(message.payload["until"]))
        cost = terms.charges_if_accepted(booking, sittings, now=message.created_at)
    else:
        return None
    length = sum((wording.elapsed(each.starts_at, each.ends_at) for each in sittings), timedelta())
    return Question(
        answer_path=path,
        who=booking.person.full_name,
        job_title=booking.person.job_title,
        agency=booking.person.agency_name,
        length=wording.duration(length),
        cost=cost,
        has_a_place=booking.state in Booking.HOLDING,
    )


def is_offered_anew(message: Message, booking: Booking) -> bool:
    """Whether a message offers a place until a time that was changed before it was written."""
    until = datetime.fromisoformat(message.payload["until"])
    return booking.state == Booking.State.OFFERED and booking.offered_until != until


def still_asks(message: Message, booking: Booking) -> bool:
    """Whether what a message asks a manager is still to be answered, and by them.

    Composed late, it may have been answered, have run out, or have been asked of somebody else.
    """
    approval: Approval | None = getattr(booking, "approval", None)
    return (
        approval is not None
        and booking.is_live
        and approval.state == Approval.State.ASKED
        and approval.asked_at == datetime.fromisoformat(message.revision)
    )
