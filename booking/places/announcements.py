"""What people must be told about a booking, as drafts for the outbox."""

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import Any

from accounts.models import User
from booking.catalogue.models import Sitting
from booking.catalogue.sittings import SittingTimes
from booking.outbox.posting import Draft
from booking.outbox.topics import MailTopic, register
from booking.places.events import BookingEvent
from booking.places.lock import CourseRules
from booking.places.managers.copies import with_copies
from booking.places.managers.models import Approval
from booking.places.models import Booking
from booking.places.news.drafts import about, bringing_entries, entries_of

register(
    MailTopic("account.invited", "Account made by a colleague"),
    MailTopic("booking.confirmed", "Confirmation", copied_as="manager.confirmed"),
    MailTopic("booking.promoted", "Confirmation after waiting", copied_as="manager.confirmed"),
    MailTopic("booking.further_date", "Calendar entry of a further date"),
    MailTopic("booking.requested", "Place held until it is confirmed"),
    MailTopic("booking.not_agreed", "The manager did not agree"),
    MailTopic("booking.not_answered", "The manager did not answer"),
    MailTopic("approval.asked", "Question to the manager", holds="link", is_to_manager=True),
    MailTopic("approval.reminder", "Reminder to the manager", holds="link", is_to_manager=True),
    MailTopic("booking.waiting", "Notice of the waiting list"),
    MailTopic("booking.invited", "Notice of a turn ahead of newcomers"),
    MailTopic("booking.offered", "Offer of a place", holds="link"),
    MailTopic("booking.offer_ended", "End of an offer"),
    MailTopic("booking.withdrawn", "End of waiting or of a held place"),
    MailTopic("booking.cancelled", "Cancellation", copied_as="manager.cancelled"),
    MailTopic("booking.further_date_cancelled", "Calendar entry taken out"),
    MailTopic("booking.declined_in_calendar", "Declined in the calendar"),
    MailTopic("reminder.days", "Reminder"),
    MailTopic("reminder.hour", "Reminder an hour before"),
)


def given_a_place(
    booking: Booking,
    sittings: Iterable[SittingTimes],
    *,
    promoted: bool = False,
    because: str = "",
    skipped: int = 0,
) -> Iterator[Draft]:
    """Booked, or given a place from the waiting list: REQUEST. `because` says how it came about.

    Told later, the first sittings may have begun, and be skipped.
    """
    topic = "booking.promoted" if promoted else "booking.confirmed"
    payload = {"because": because} if because else {}
    entries = entries_of(sittings)[skipped:]
    return bringing_entries(booking, topic, "booking.further_date", entries, "REQUEST", payload)


def begun(
    booking: Booking,
    sittings: Iterable[SittingTimes],
    rules: CourseRules,
    *,
    promoted: bool = False,
    because: str = "",
) -> list[Draft]:
    """What somebody is told whose place has become certain, or is held for their manager.

    Where the course asks for it, the manager gets a copy.
    """
    if booking.state == Booking.State.REQUESTED:
        return [requested(booking, because=because)]
    drafts = given_a_place(booking, sittings, promoted=promoted, because=because)
    return with_copies(drafts, rules, [booking])


def account_made(booking: Booking, *, by: User) -> Draft:
    """Somebody who booked for the person has made them an account: how to sign in."""
    return about(booking, "account.invited", 0, {"by": by.named_with_address})


def requested(booking: Booking, *, because: str = "") -> Draft:
    """A place is held until the manager answers, or the agency is confirmed, or both.

    The manager may not have been asked yet; whoever has agreed is not named.
    """
    approval: Approval | None = getattr(booking, "approval", None)
    payload: dict[str, Any] = {"manager": "", "to_confirm": False, "because": because}
    revision = f"agency {booking.ticket or 0}"
    if approval is not None and approval.is_open:
        payload["manager"] = approval.manager_email
        payload["to_confirm"] = approval.state == Approval.State.UNCONFIRMED
        revision = approval.asked_at.isoformat()
    payload["agency"] = booking.agency_until is not None
    until = held_to(booking)
    payload["until"] = until.isoformat() if until else ""
    return about(booking, "booking.requested", revision, payload)


def waiting(booking: Booking, *, position: int, why: str = "", manager: str = "") -> Draft:
    """On the waiting list, at this position (1 is next).

    `why` is the rule that holds them, if any; `manager` is who is asked for agreement meanwhile.
    """
    payload = {"position": position, "why": why, "manager": manager}
    revision = f"{booking.ticket}.{booking.calendar_sequence}"
    return about(booking, "booking.waiting", revision, payload)


def invited(booking: Booking, *, position: int, why: str) -> Draft:
    """Put in line for a date ahead of newcomers, for a reason, and until when."""
    until = booking.must_accept_by.isoformat() if booking.must_accept_by else ""
    return about(booking, "booking.invited", 0, {"position": position, "why": why, "until": until})


def offered(
    booking: Booking, *, why: str = "", changes: Sequence[dict[str, str]] = (), note: str = ""
) -> Draft:
    """A place is held until a stated time, whose link answers this offer and no other.

    People whom we put in line are told why, unless something else is: one statement for each.
    `changes` are those of the session that bring the offer forward, `note` what is added to them.
    """
    if not why and booking.must_accept_by is not None:
        invited = booking.events.filter(what=BookingEvent.What.INVITED)
        why = invited.values_list("why", flat=True).first() or ""
    until = booking.offered_until.isoformat() if booking.offered_until else ""
    revision = f"{booking.ticket} {until}"
    payload = {"until": until, "why": why, "changes": list(changes), "note": note}
    return about(booking, "booking.offered", revision, payload)


def _to_manager(approval: Approval, topic: str, *, changes: Sequence[dict[str, str]] = ()) -> Draft:
    booking = approval.booking
    key = hashlib.sha256(approval.key.encode()).hexdigest()[:16]
    return Draft(
        topic=topic,
        subject_key=f"booking:{booking.pk}",
        revision=approval.asked_at.isoformat(),
        # Whoever is asked instead must not wait for what cannot reach the one before.
        stream=f"approval:{booking.pk}:{key}",
        to_email=approval.manager_email,
        booking_id=booking.pk,
        payload={"until": approval.expires_at.isoformat()}
        | ({"changes": list(changes)} if changes else {}),
    )


def manager_asked(approval: Approval, *, changes: Sequence[dict[str, str]] = ()) -> Draft:
    """To the manager: agree or not, by a link of their own.

    `changes` is what has just changed about the session, if they are asked again for that.
    """
    return _to_manager(approval, "approval.asked", changes=changes)


def manager_reminded(approval: Approval) -> Draft:
    """To the manager: the question is still open."""
    return _to_manager(approval, "approval.reminder")


def not_agreed(approval: Approval, *, by_coordinator: bool) -> Draft:
    """The manager did not agree, or is not one, so the place or the turn is given up."""
    payload = {
        "manager": approval.manager_email,
        "why": approval.reason,
        "by_coordinator": by_coordinator,
    }
    return about(approval.booking, "booking.not_agreed", 0, payload)


def not_answered(approval: Approval) -> Draft:
    """There was no answer in time, so the place went to the list.

    The approval is told of as it was: whether the manager had been asked at all.
    """
    was_asked = approval.state == Approval.State.ASKED
    payload = {"manager": approval.manager_email, "was_asked": was_asked}
    return about(approval.booking, "booking.not_answered", 0, payload)


def somebody_else(booking: Booking, by: User | None) -> str:
    """Who did something for the person, in words; nothing if they did it themselves."""
    if by is None or by.pk == booking.person_id:
        return ""
    return "The partnership" if by.is_coordinator else f"{by} of your agency"


def who_has(booking: Booking, by: User) -> str:
    """The beginning of a sentence to the person: "You have", "The partnership has" and so on."""
    other = somebody_else(booking, by)
    return f"{other} has" if other else "You have"


def offer_ended(booking: Booking, *, by: User | None = None, why: str = "") -> Draft:
    """The offer was declined, by the person or for them, or ran out. `why` is told to them."""
    payload = {"state": booking.state, "by": somebody_else(booking, by), "why": why}
    return about(booking, "booking.offer_ended", booking.ticket, payload)


def left(
    booking: Booking, *, was: str = Booking.State.WAITING, by: User | None = None, why: str = ""
) -> Draft:
    """Left the waiting list, or took back the request for a place; `was` is the state before.

    `why` is told to the person.
    """
    payload = {"was": was, "by": somebody_else(booking, by), "why": why}
    return about(booking, "booking.withdrawn", booking.calendar_sequence, payload)


def cancelled(
    booking: Booking,
    sittings: Iterable[SittingTimes],
    *,
    by: User,
    why: str = "",
    handed_to: str = "",
    moved_to: str = "",
) -> Iterator[Draft]:
    """The person's place was given up: CANCEL. `why` is told to the person.

    `handed_to` is the colleague who has it now, `moved_to` the date it was exchanged for.
    """
    return bringing_entries(
        booking,
        "booking.cancelled",
        "booking.further_date_cancelled",
        entries_of(sittings),
        "CANCEL",
        {
            "by": somebody_else(booking, by),
            "why": why,
            "handed_to": handed_to,
            "moved_to": moved_to,
            "charge_pence": booking.charge_pence,
        },
    )


def held_to(booking: Booking) -> datetime | None:
    """Until when a place that is not certain is held, whoever is to confirm it first."""
    approval: Approval | None = getattr(booking, "approval", None)
    ends = [booking.agency_until]
    if approval is not None and approval.is_open:
        ends.append(approval.expires_at)
    return min(filter(None, ends), default=None)


def still_booked(booking: Booking, sitting: Sitting | None, *, reply_key: int) -> Draft:
    """They declined an entry in their calendar, and the place is kept; once for each reply."""
    payload = _times(sitting) if sitting else {}
    return about(booking, "booking.declined_in_calendar", reply_key, payload)


def reminder(booking: Booking, sitting: Sitting, *, topic: str, revision: str, days: int) -> Draft:
    """What comes up, some working days ahead or an hour: 0 days."""
    return about(booking, topic, revision, {**_times(sitting), "days": days})


def _times(sitting: Sitting) -> dict[str, str]:
    return {"starts": sitting.starts_at.isoformat(), "ends": sitting.ends_at.isoformat()}
