"""Drafts of mail about one booking, and the calendar entries that travel in them.

All messages of one booking are one stream, so that none overtakes another. Each calendar entry
travels in a message of its own: one UID, one ATTENDEE, one METHOD (RFC 5546, 3.2).
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from booking.catalogue.sittings import SittingTimes
from booking.outbox.models import Message
from booking.outbox.posting import Draft
from booking.places.changes import Change, changes_every_entry
from booking.places.models import Booking


@dataclass(frozen=True)
class SittingEntry:
    """What a calendar shows of a sitting: its times, and which of how many it is."""

    times: SittingTimes
    number: int
    of: int


@dataclass(frozen=True)
class EntryChanges:
    """The calendar entries of a session that are to be corrected, and those to be taken out."""

    corrected: tuple[SittingEntry, ...] = ()
    dropped: tuple[SittingTimes, ...] = ()

    @property
    def number(self) -> int:
        """How many entries change."""
        return len(self.corrected) + len(self.dropped)

    @property
    def mails(self) -> int:
        """How many messages somebody with a place gets: one an entry, and one in any case."""
        return max(self.number, 1)


def entries_of(sittings: Iterable[SittingTimes]) -> list[SittingEntry]:
    """The entries of a session that has these sittings, in order of time."""
    ordered = sorted(sittings, key=lambda times: times.starts_at)
    return [
        SittingEntry(times, number, len(ordered)) for number, times in enumerate(ordered, start=1)
    ]


def entry_changes(
    before: Iterable[SittingTimes],
    after: Iterable[SittingTimes],
    changes: Iterable[Change],
    *,
    now: datetime,
) -> EntryChanges:
    """Which entries show something else once a session is held `after`; what has begun stays."""
    shown = entries_of(after)
    unchanged = set() if changes_every_entry(changes) else set(entries_of(before))
    kept = {entry.times.key for entry in shown}
    return EntryChanges(
        tuple(each for each in shown if each.times.starts_at > now and each not in unchanged),
        tuple(times for times in before if times.key not in kept),
    )


def calendar_uid(booking: Booking, sitting_key: int) -> str:
    """The UID of the calendar entry of one booking and sitting (RFC 5545, 3.8.4.7)."""
    return f"{booking.calendar_key}-{sitting_key}@{booking.calendar_domain}"


def sequence_of_entry(booking: Booking, sitting_key: int | None) -> int:
    """The SEQUENCE with which the entry of a sitting was last sent: an older answer is stale.

    A change that leaves an entry as it was does not send it again, so its SEQUENCE may be lower
    than the booking's; that of an entry whose mail has been forgotten is taken for the booking's.
    """
    sequences = sequences_of_entries(booking)
    return sequences.get(calendar_uid(booking, sitting_key or 0), booking.calendar_sequence)


def sequences_of_entries(booking: Booking) -> dict[str, int]:
    """The SEQUENCE with which each entry was last sent, by its UID. Costs one statement."""
    sent = Message.objects.filter(booking=booking, payload__has_key="event").order_by("pk")
    sent = sent.exclude(state__in=Message.GIVEN_UP, handed_over=False)
    told = sent.values_list("payload__event__uid", "payload__event__sequence")
    return {uid: int(sequence) for uid, sequence in told}


def about(booking: Booking, topic: str, revision: object, payload: dict[str, Any]) -> Draft:
    """To the person, in the stream of their booking."""
    return Draft(
        topic=topic,
        subject_key=f"booking:{booking.pk}",
        revision=str(revision),
        stream=f"booking:{booking.pk}",
        to_email=booking.person.email,
        recipient_id=booking.person_id,
        booking_id=booking.pk,
        payload=payload,
    )


def event(booking: Booking, times: SittingTimes, method: str) -> dict[str, Any]:
    """For a message's payload: the calendar entry that it brings or takes out."""
    return {
        "method": method,
        "uid": calendar_uid(booking, times.key),
        "sequence": booking.calendar_sequence,
        "starts": times.starts_at.isoformat(),
        "ends": times.ends_at.isoformat(),
    }


def bringing_entries(
    booking: Booking,
    topic: str,
    further_topic: str,
    entries: Sequence[SittingEntry],
    method: str,
    payload: dict[str, Any],
) -> Iterator[Draft]:
    """The main message with the first entry, then a short one for each further entry."""
    for place, entry in enumerate(entries):
        brought = {
            "event": event(booking, entry.times, method),
            "number": entry.number,
            "of": entry.of,
        }
        if place == 0:
            yield about(booking, topic, booking.calendar_sequence, {**payload, **brought})
        else:
            yield further(booking, further_topic, entry.times, brought)


def further(booking: Booking, topic: str, times: SittingTimes, payload: dict[str, Any]) -> Draft:
    """A short message with the calendar entry of one more sitting."""
    return about(booking, topic, f"{booking.calendar_sequence}.{times.key}", payload)
