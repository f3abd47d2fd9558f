"""What became of a mail about one of our messages, for tests to compare."""

from accounts.failing import people_whose_mail_fails, people_whose_mail_may_fail
from booking.outbox.models import Message, MessageEvent
from booking.replies.models import ReceivedMail
from tests.replies import letters
from tests.replies.receiving import State, receive

What = MessageEvent.What


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


FAILED = (State.DONE, [What.CAME_BACK], True)
LATE = (State.DONE, [What.DELAYED], False)
DOUBTED = (State.LISTED, [What.MAY_HAVE_COME_BACK], False)
UNTOUCHED: tuple[str, list[str], bool] = (State.LISTED, [], False)
DAEMON = "From: Mail Delivery System <mailer-daemon@mx.example>\nSubject: {}\n\n"
COPY = (
    "\n--- This is a copy of the message.\n\nReturn-Path: <x@briefed.example>\nMessage-ID: {MID}\n"
)
BOUNCE = DAEMON.format("failure notice") + "Hi. This is the mail system at mx.example.\n\n{}" + COPY


def is_doubted(message: Message) -> bool:
    return people_whose_mail_may_fail().filter(email=message.to_email).exists()


def is_marked(message: Message) -> bool:
    return people_whose_mail_fails().filter(email=message.to_email).exists()
