"""The links by which a manager answers, an offer is accepted or declined, and a session is joined.

A link says nothing of whom it is about, and the text of the mail that brings it is forgotten once
it is sent. It does not carry its own end. Whether the question still stands, and until when, is
what the database says at the moment of the answer; so a link dies with its question. A manager's
link also dies when somebody else is asked, because the key that it signs is renewed.

A join link is one person's way into one session, for as long as they have a place there, lead it or
come as its guest. Its mail is kept: it gives no answer, and opens nothing that is not theirs.
"""

from dataclasses import dataclass
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


def absence_path(key: str) -> str:
    """Where a manager says why somebody did not come; `key` is the case's."""
    return reverse("absence_by_link", args=[SignedLink.ABSENCE.token(key)])


def absence_key(token: str, *, now: datetime) -> str:
    """The key of the case that a link is for. Raises `LinkRefused`."""
    return SignedLink.ABSENCE.content(token, now=now)


@dataclass(frozen=True)
class JoinLink:
    """Whose a join link is: that of a booking's key, a session's trainer, or a guest."""

    booking_key: str = ""
    led_session: int = 0
    trainer: int = 0
    guest: int = 0


def join_path(booking_key: str) -> str:
    """Where whoever has this booking's place joins its session online."""
    return reverse("join", args=[SignedLink.JOIN.token(booking_key)])


def trainer_join_path(session_id: int, person_id: int) -> str:
    """Where whoever leads a session joins it online."""
    return reverse("join", args=[SignedLink.JOIN.token(f"trainer-{session_id}-{person_id}")])


def guest_join_path(guest_id: int) -> str:
    """Where a guest of a session joins it online."""
    return reverse("join", args=[SignedLink.JOIN.token(f"guest-{guest_id}")])


def join_link(token: str, *, now: datetime) -> JoinLink:
    """Whose link it is. Raises `LinkRefused`."""
    kind, *keys = SignedLink.JOIN.content(token, now=now).split("-")
    if kind == "trainer":
        return JoinLink(led_session=int(keys[0]), trainer=int(keys[1]))
    return JoinLink(guest=int(keys[0])) if kind == "guest" else JoinLink(booking_key=kind)


def _microseconds(moment: datetime) -> int:
    return round(moment.timestamp() * 1_000_000)
