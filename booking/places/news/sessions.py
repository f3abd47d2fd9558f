"""What people with a booking are told when their session changes or is called off, as drafts."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from booking.catalogue.models import Session
from booking.catalogue.sittings import SittingTimes
from booking.outbox.posting import Draft
from booking.outbox.topics import MailTopic, register
from booking.places.announcements import held_to
from booking.places.models import Booking
from booking.places.news.drafts import (
    EntryChanges,
    about,
    bringing_entries,
    entries_of,
    event,
    further,
)
from booking.site.wording import deadline

register(
    MailTopic("session.changed", "Change of the session", copied_as="manager.changed"),
    MailTopic("session.cancelled", "Session cancelled", copied_as="manager.cancelled"),
)


@dataclass(frozen=True)
class NextDate:
    """Another date of a course: in words, and the person's turn there if they have one."""

    when: str
    session_id: int
    booking_id: int | None = None

    @classmethod
    def of(cls, session: Session, booking: Booking | None = None) -> "NextDate":
        """A session, told by when it begins and where it is."""
        when = f"{deadline(session.starts_at)}, {session.where}"
        return cls(when, session.pk, booking.pk if booking else None)

    def as_payload(self) -> dict[str, Any]:
        """For a message's payload."""
        return {"when": self.when, "session": self.session_id, "booking": self.booking_id}


def session_cancelled(
    booking: Booking,
    sittings: Iterable[SittingTimes],
    *,
    had_a_place: bool,
    why: str,
    next_dates: Sequence[NextDate] = (),
) -> Iterator[Draft]:
    """The session will not take place: CANCEL for those who had it in their calendar."""
    payload = {"why": why, "next_dates": [each.as_payload() for each in next_dates]}
    if had_a_place:
        return bringing_entries(
            booking,
            "session.cancelled",
            "booking.further_date_cancelled",
            entries_of(sittings),
            "CANCEL",
            payload,
        )
    return iter([about(booking, "session.cancelled", "not booked", payload)])


def session_changed(
    booking: Booking,
    *,
    entries: EntryChanges,
    changes: Sequence[dict[str, str]],
    session_revision: int,
    note: str = "",
) -> Iterator[Draft]:
    """Something that people notice has changed: one message says all of it.

    It brings the first calendar entry that shows something else now, as a REQUEST with a raised
    SEQUENCE, to people whose place is certain; each further entry comes in a short message.
    `changes` is a list of what `Change.as_payload` gives, and `note` what a coordinator adds.
    """
    payload: dict[str, Any] = {"changes": list(changes), "note": note}
    if booking.state != Booking.State.CONFIRMED:
        # Until when a place is held that is not certain yet.
        held_until = booking.offered_until if booking.state == Booking.State.OFFERED else None
        if booking.state == Booking.State.REQUESTED:
            held_until = held_to(booking)
        payload["until"] = held_until.isoformat() if held_until else ""
        yield about(booking, "session.changed", f"not booked {session_revision}", payload)
        return
    payload["entries"] = entries.number
    if not entries.corrected:
        yield about(booking, "session.changed", booking.calendar_sequence, payload)
    drafts = bringing_entries(
        booking, "session.changed", "booking.further_date", entries.corrected, "REQUEST", payload
    )
    yield from _counted(drafts, 1, entries.number)
    dropped = (
        further(
            booking,
            "booking.further_date_cancelled",
            times,
            {"event": event(booking, times, "CANCEL")},
        )
        for times in entries.dropped
    )
    yield from _counted(dropped, len(entries.corrected) + 1, entries.number)


def _counted(drafts: Iterable[Draft], first: int, of: int) -> Iterator[Draft]:
    """Each says which of the entries that change it brings, and how many these are."""
    for entry, draft in enumerate(drafts, start=first):
        yield replace(draft, payload={**draft.payload, "entry": entry, "entries": of})
