"""The links by which people answer from an email, without signing in.

Whoever holds a link may give that one answer, so each is signed: nobody can make one from what
the database holds, neither from a backup nor from a log of statements, and the text of the mail
that brings it is forgotten once it is sent. A link says nothing of whom it is about.

It does not carry its own end. Whether the question still stands, and until when, is what the
database says at the moment of the answer; so a link dies with its question. A manager's link also
dies when somebody else is asked, because the key that it signs is renewed.
"""

from datetime import datetime

from django.core.signing import BadSignature, Signer
from django.urls import reverse

# A point and not the usual colon, at which mail programs end an address in plain text.
_SEPARATOR = "."
_APPROVAL_SALT = "booking.places.approval"
_OFFER_SALT = "booking.places.offer"


def approval_path(key: str) -> str:
    """Where a manager answers; `key` is the approval's."""
    return reverse("approval", args=[Signer(sep=_SEPARATOR, salt=_APPROVAL_SALT).sign(key)])


def approval_key(token: str) -> str | None:
    """The key of the approval that a link is for; nothing if we did not make the link."""
    try:
        return Signer(sep=_SEPARATOR, salt=_APPROVAL_SALT).unsign(token)
    except BadSignature:
        return None


def offer_path(booking_id: int, until: datetime) -> str:
    """Where an offer that ends then is accepted or declined, and no other of the same booking."""
    signer = Signer(sep=_SEPARATOR, salt=_OFFER_SALT)
    return reverse("offer", args=[signer.sign(f"{booking_id}-{_microseconds(until)}")])


def offer_of(token: str) -> tuple[int, int] | None:
    """The booking's key and the offer's mark; nothing if we did not make the link."""
    try:
        booking_id, _, mark = Signer(sep=_SEPARATOR, salt=_OFFER_SALT).unsign(token).partition("-")
    except BadSignature:
        return None
    return int(booking_id), int(mark)


def is_marked(mark: int, until: datetime | None) -> bool:
    """Whether this is the mark of the offer that ends then."""
    return until is not None and mark == _microseconds(until)


def _microseconds(moment: datetime) -> int:
    return round(moment.timestamp() * 1_000_000)
