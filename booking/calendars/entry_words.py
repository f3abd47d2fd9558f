"""The words of a calendar entry, the same in an invitation, a download and a feed."""


def entry_title(title: str, *, number: int, of: int) -> str:
    """The session's title, with which date it is when there are several."""
    return title if of == 1 else f"{title} (date {number} of {of})"


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
