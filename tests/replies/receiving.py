"""Mail that comes in, and what was written down of it."""

from collections.abc import Iterator

from django.db.models import QuerySet

from accounts.failing import people_whose_mail_may_fail
from accounts.models import User
from booking.outbox.models import Message, MessageEvent
from booking.outbox.posting import Draft
from booking.places import announcements
from booking.places.models import Booking
from booking.replies.incoming import Fetched
from booking.replies.intake import take_in
from booking.replies.models import ReceivedMail
from tests.factories import NOW
from tests.mail.letters import make_booking, post, times
from tests.replies import letters

State = ReceivedMail.State
What = MessageEvent.What
FAILED = (State.DONE, [What.CAME_BACK], True)
LATE = (State.DONE, [What.DELAYED], False)
DOUBTED = (State.LISTED, [What.MAY_HAVE_COME_BACK], False)
UNTOUCHED: tuple[str, list[str], bool] = (State.LISTED, [], False)
DAEMON = "From: Mail Delivery System <mailer-daemon@mx.example>\nSubject: {}\n\n"
COPY = (
    "\n--- This is a copy of the message.\n\nReturn-Path: <x@briefed.example>\nMessage-ID: {MID}\n"
)
BOUNCE = DAEMON.format("failure notice") + "Hi. This is the mail system at mx.example.\n\n{}" + COPY


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


def became(mail: bytes | str, message: Message) -> tuple[str, list[str], bool]:
    """What became of a mail about a message: its state, what was noted, whether it came back."""
    if isinstance(mail, str):
        mail = letters.crlf(
            mail.replace("{EMAIL}", message.to_email).replace("{MID}", message.message_id)
        )
    receive(mail)
    message.refresh_from_db()
    events = [each.what for each in message.events.all()]
    return ReceivedMail.objects.latest("pk").state, events, message.came_back


def people_whose_mail_fails() -> QuerySet[User]:
    return User.objects.filter(mail_failing_since__isnull=False)


def is_doubted(message: Message) -> bool:
    return people_whose_mail_may_fail().filter(email=message.to_email).exists()


def is_marked(message: Message) -> bool:
    return people_whose_mail_fails().filter(email=message.to_email).exists()
