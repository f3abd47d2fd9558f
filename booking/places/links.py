"""The links by which a manager answers, and by which an offer is accepted or declined.

A link says nothing of whom it is about, and the text of the mail that brings it is forgotten once
it is sent. It does not carry its own end. Whether the question still stands, and until when, is
what the database says at the moment of the answer; so a link dies with its question. A manager's
link also dies when somebody else is asked, because the key that it signs is renewed.
"""

from datetime import datetime

from django.urls import reverse

from booking.site.signed_links import SignedLink


def approval_path(key: str) -> str:
    """Where a manager answers; `key` is the approval's."""
    return reverse("approval", args=[SignedLink.APPROVAL.token(key)])


def approval_key(token: str, *, now: datetime) -> str:
    """The key of the approval that a link is for. Raises `LinkRefused`."""
    return SignedLink.APPROVAL.content(token, now=now)


def offer_path(booking_id: int, until: datetime) -> str:
    """Where an offer that ends then is accepted or declined, and no other of the same booking."""
    token = SignedLink.OFFER.token(f"{booking_id}-{_microseconds(until)}")
    return reverse("offer", args=[token])


def offer_of(token: str, *, now: datetime) -> tuple[int, int]:
    """The booking's key and the offer's mark. Raises `LinkRefused`."""
    booking_id, _, mark = SignedLink.OFFER.content(token, now=now).partition("-")
    return int(booking_id), int(mark)


def is_marked(mark: int, until: datetime | None) -> bool:
    """Whether this is the mark of the offer that ends then."""
    return until is not None and mark == _microseconds(until)


def _microseconds(moment: datetime) -> int:
    return round(moment.timestamp() * 1_000_000)
