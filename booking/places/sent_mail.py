"""How the mail about one booking is getting on, for its page."""

from dataclasses import dataclass
from datetime import datetime

from booking.outbox.models import Message
from booking.places.mail_words import topic_words
from booking.places.models import Booking

_SHOWN = 5
_STATES = [state for state in Message.State if state != Message.State.SUPERSEDED]


@dataclass(frozen=True)
class SentMail:
    """One message about a booking: what it is, to whom, and where it is."""

    key: int
    name: str
    to_email: str
    state: str
    at: datetime
    came_back: bool


def mail_about(booking: Booking) -> list[SentMail]:
    """The last few messages about a booking, newest first. Costs one statement."""
    messages = Message.objects.filter(booking_id=booking.pk, state__in=_STATES)
    return [
        SentMail(
            key=message.pk,
            name=topic_words(message.topic),
            to_email=message.to_email,
            state=message.state,
            at=message.sent_at or message.created_at,
            came_back=message.came_back,
        )
        for message in messages.defer("mime", "payload").order_by("-id")[:_SHOWN]
    ]
