"""Mail that comes in, and what was written down of it."""

from collections.abc import Iterator

from booking.outbox.models import Message
from booking.outbox.posting import Draft
from booking.places import announcements
from booking.places.models import Booking
from booking.replies.incoming import Fetched
from booking.replies.intake import take_in
from booking.replies.models import ReceivedMail
from tests.factories import NOW
from tests.mail.letters import make_booking, post, times

State = ReceivedMail.State


def receive(mail: bytes) -> bool:
    return take_in(Fetched(raw=mail, is_whole=True), now=NOW)


def why_listed() -> str:
    return ReceivedMail.objects.get(state=State.LISTED).why


def confirmation_of(booking: Booking) -> Iterator[Draft]:
    return announcements.given_a_place(booking, times(booking))


def sent_confirmation() -> Message:
    """A confirmation that the mail server has accepted."""
    [message] = post(confirmation_of(make_booking()))
    Message.objects.filter(pk=message.pk).update(
        state=Message.State.SENT, handed_over=True, sent_at=NOW
    )
    message.refresh_from_db()
    return message
