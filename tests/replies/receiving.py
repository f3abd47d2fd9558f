"""Mail that comes in, and what was written down of it."""

from collections.abc import Iterator

from booking.outbox.posting import Draft
from booking.places import announcements
from booking.places.models import Booking
from booking.replies.incoming import Fetched
from booking.replies.intake import take_in
from booking.replies.models import ReceivedMail
from tests.factories import NOW
from tests.mail.letters import times

State = ReceivedMail.State


def receive(mail: bytes) -> bool:
    return take_in(Fetched(raw=mail, is_whole=True), now=NOW)


def why_listed() -> str:
    return ReceivedMail.objects.get(state=State.LISTED).why


def confirmation_of(booking: Booking) -> Iterator[Draft]:
    return announcements.given_a_place(booking, times(booking))
