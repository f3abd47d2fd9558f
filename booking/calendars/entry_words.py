"""The words of a calendar entry, the same in an invitation, a download and a feed."""

from datetime import datetime

from booking.site.wording import deadline


def entry_title(title: str, *, number: int, of: int) -> str:
    """The session's title, with which date it is when there are several."""
    return title if of == 1 else f"{title} (date {number} of {of})"


def cancelled_title(title: str) -> str:
    """The title of an entry in a feed that is off: not every calendar shows the entry's STATUS."""
    return f"Cancelled: {title}"


def cancelled_description(page: str) -> str:
    """What an entry says that is off, whoever had it."""
    return f"This has been cancelled. Details: {page}"


def offered_title(title: str) -> str:
    """The title of an entry for a place that is only offered."""
    return f"Offered: {title}"


def offered_description(*, until: datetime, booking_url: str) -> str:
    """What the entry of an offer says: until when the place is held, and where to answer."""
    return (
        f"This place is not yours yet. It is held for you until {deadline(until)}."
        f" Accept or decline it here: {booking_url}"
    )


def entry_description(
    *, join_url: str, booking_url: str, cancelling: str, instructions: str = ""
) -> str:
    """What a person reads in their own entry, in plain text.

    `cancelling` says until when giving up the place is free and what it costs after that.
    """
    lines = [f"Join: {join_url}"] if join_url else []
    lines += [
        f"Your booking: {booking_url}",
        "Deleting or declining this entry does not cancel your place. "
        f"To cancel, use {booking_url}",
        cancelling,
    ]
    if instructions.strip():
        lines += ["", instructions.strip()]
    return "\n".join(lines)
